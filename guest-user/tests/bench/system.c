/* Workloads of the operating system. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <syscall.h>
#include "bench.h"

/** getpid by a trap: the library's own asks the vDSO, which needs none. */
static long getpid_by_trap(void) {
  register long number __asm__("a7") = SYS_getpid;
  register long result __asm__("a0");
  register long error __asm__("a1");
  __asm__ volatile("ecall" : "=r"(result), "=r"(error) : "r"(number) : "memory");
  return result;
}

u64 work_syscall(u64 n) {
  u64 sum = 0;
  for (u64 i = 0; i < n; i++)
    sum += getpid_by_trap() > 0;
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
