/* Workloads of the benchmark program. Each does `n` rounds of its unit of work and returns a checksum,
 * so that the compiler cannot drop the work and two machines can be compared. */
#ifndef BENCH_H
#define BENCH_H

typedef unsigned long u64;

u64 work_integer(u64 n);  /* CRC-64 of n bytes, bit by bit: shifts, masks, branches */
u64 work_chase(u64 n);    /* n dependent loads through 16 MiB in random order */
u64 work_copy(u64 n);     /* n copies of 1 MiB, 8 bytes at a time */
u64 work_calls(u64 n);    /* Fibonacci numbers up to n by plain recursion */
u64 work_sort(u64 n);     /* heap sort of n words: compares, loads and stores without a pattern */
u64 work_syscall(u64 n);  /* n system calls that do nothing */
u64 work_forkexec(u64 n); /* n times fork, exec /true, wait */
u64 work_fault(u64 n);    /* n pages touched for the first time */

#endif
