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

/* Path lengths (paths.c): these count their instructions themselves, in path_instructions, without what leads up to them. */
extern u64 path_instructions;
u64 work_zerofill(u64 n);  /* n first writes to pages of the heap */
u64 work_cowcopy(u64 n);   /* n first writes after a fork, to pages that a child shares */
u64 work_cowreuse(u64 n);  /* the same when the child has gone */
u64 work_filefault(u64 n); /* n first reads of pages of a mapped file that is in memory */
u64 work_fork1000(u64 n);  /* n times fork with 1,000 resident pages, exit, wait */
u64 work_mapfile(u64 n);   /* n times map a file of 16 MiB and read all of it */
u64 work_readfile(u64 n);  /* n times the same by read() */

/* paging.c. These count for themselves, too: instructions, or pages read. */
u64 work_swapin(u64 n);    /* n first reads of single pages that are in swap */
u64 work_execlarge(u64 n); /* n times exec of a program of 4 MiB, none of it in memory, that ends at once */
u64 work_execpages(u64 n); /* the same; counts the pages that come from the disk */

#endif
