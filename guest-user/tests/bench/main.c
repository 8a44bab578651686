/* bench NAME [ROUNDS]: one workload between two lines, which scripts/bench.ts times from outside:
 *
 *     bench NAME begin
 *     bench NAME end ROUNDS INSTRUCTIONS CHECKSUM
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static const struct workload {
  const char *name;
  u64 (*run)(u64 n);
  u64 rounds;
} workloads[] = {
  { "integer", work_integer, 12000000 },
  { "chase", work_chase, 30000000 },
  { "copy", work_copy, 600 },
  { "calls", work_calls, 36 },
  { "sort", work_sort, 600000 },
  { "syscall", work_syscall, 1000000 },
  { "forkexec", work_forkexec, 1000 },
  { "fault", work_fault, 200 * 1024 },
  { "zerofill", work_zerofill, 20 * 1024 },
  { "cowcopy", work_cowcopy, 10 * 1024 },
  { "cowreuse", work_cowreuse, 10 * 1024 },
  { "filefault", work_filefault, 20 * 1024 },
  { "fork1000", work_fork1000, 200 },
  { "mapfile", work_mapfile, 8 },
  { "readfile", work_readfile, 8 },
  { "swapin", work_swapin, 2048 },
  { "execlarge", work_execlarge, 4 },
  { "execpages", work_execpages, 4 },
};
#define COUNT (sizeof(workloads) / sizeof(workloads[0]))

u64 path_instructions;

/** Instructions retired by this hart since it started. */
static u64 instructions(void) {
  u64 n;
  __asm__ volatile("rdinstret %0" : "=r"(n));
  return n;
}

int main(int argc, char **argv) {
  for (u64 i = 0; argc > 1 && i < COUNT; i++) {
    const struct workload *w = &workloads[i];
    if (strcmp(argv[1], w->name) != 0)
      continue;
    u64 rounds = argc > 2 ? strtoul(argv[2], 0, 10) : w->rounds;
    printf("bench %s begin\n", w->name);
    u64 before = instructions();
    u64 sum = w->run(rounds);
    u64 used = path_instructions ? path_instructions : instructions() - before;
    printf("bench %s end %lu %lu %lx\n", w->name, rounds, used, sum);
    return 0;
  }
  fprintf(stderr, "usage: bench NAME [ROUNDS], where NAME is one of:");
  for (u64 i = 0; i < COUNT; i++)
    fprintf(stderr, " %s", workloads[i].name);
  fprintf(stderr, "\n");
  return 2;
}
