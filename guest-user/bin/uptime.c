/* uptime: how long the machine has run, and what the kernel has counted since. */
#include <options.h>
#include <stdio.h>
#include <sys/types.h>
#include <sysinfo.h>
#include <unistd.h>

int main(void) {
  struct sysinfo s;
  if (sysinfo(&s) < 0)
    return complain_about("uptime", "sysinfo");
  uint64 seconds = s.uptime_ms / 1000;
  printf("up %lu:%02lu:%02lu, %lu hart%s, %lu processes, %lu system calls, %lu faults, %lu context switches\n",
         seconds / 3600, seconds / 60 % 60, seconds % 60, s.nharts, s.nharts == 1 ? "" : "s", s.nproc, s.nsyscalls,
         s.nfaults, s.ncontext_switches);
  return 0;
}
