/* Workloads of the operating system. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "bench.h"

u64 work_syscall(u64 n) {
  u64 sum = 0;
  for (u64 i = 0; i < n; i++)
    sum += getpid() > 0;
  return sum;
}

u64 work_forkexec(u64 n) {
  char *argv[] = { "true", 0 };
  u64 good = 0;
  for (u64 i = 0; i < n; i++) {
    int status, pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) {
      exec("/true", argv);
      exit(1);
    }
    if (wait(&status) == pid && status == 0)
      good++;
  }
  return good;
}

#define PAGE 4096
#define BATCH 256 /* pages at a time, so that a small machine can do it */

u64 work_fault(u64 n) {
  u64 done = 0;
  while (done < n) {
    volatile char *base = sbrk(BATCH * PAGE);
    if (base == (char *)-1)
      break;
    for (u64 i = 0; i < BATCH; i++)
      base[i * PAGE] = 1;
    sbrk(-(BATCH * PAGE));
    done += BATCH;
  }
  return done;
}
