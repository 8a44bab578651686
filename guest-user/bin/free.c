/* free: memory of the machine, in KiB. */
#include <options.h>
#include <stdio.h>
#include <sys/types.h>
#include <sysinfo.h>
#include <unistd.h>

int main(void) {
  struct sysinfo s;
  if (sysinfo(&s) < 0)
    return complain_about("free", "sysinfo");
  printf("           total       used       free\n");
  printf("Mem:  %10lu %10lu %10lu\n", s.total_frames * 4, (s.total_frames - s.free_frames) * 4, s.free_frames * 4);
  return 0;
}
