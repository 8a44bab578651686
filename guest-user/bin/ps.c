/* ps: the processes of the system. Sizes in KiB, time in seconds. */
#include <options.h>
#include <stdio.h>
#include <sysinfo.h>
#include <sys/types.h>
#include <param.h>
#include <unistd.h>

static struct procinfo table[NPROC];

static const char *const states[] = { "unused", "new", "sleep", "ready", "run", "zombie" };

int main(void) {
  int n = procinfo(table, NPROC);
  if (n < 0)
    return complain_about("ps", "procinfo");
  printf("  PID  PPID STATE  HART    SIZE     RSS   TIME NAME\n");
  for (int i = 0; i < n; i++) {
    const struct procinfo *p = &table[i];
    const char *state = p->state >= 0 && p->state < 6 ? states[p->state] : "?";
    printf("%5d %5d %-6s ", p->pid, p->ppid, state);
    if (p->state == 4)
      printf("%4d", p->hart);
    else
      printf("   -");
    printf(" %7lu %7lu %4lu.%lu %.16s\n", p->size_bytes / 1024, p->resident_frames * 4,
           p->ticks / 10, p->ticks % 10, p->name);
  }
  return 0;
}
