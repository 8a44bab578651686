/* Path lengths: how many instructions a page fault costs, from the instruction that traps to the one after it; and work on files
 * that is done by page faults or by read(). */
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench.h"

#define PAGE 4096
#define BATCH 256 /* pages at a time, so that a small machine can do it */

/* Instructions retired while one byte is written. */
static u64 write_cost(volatile char *p) {
  u64 before, after;
  __asm__ volatile("rdinstret %0\n\tsb %2, 0(%3)\n\trdinstret %1" : "=&r"(before), "=&r"(after) : "r"(1), "r"(p) : "memory");
  return after - before - 2; /* the store that is repeated and one rdinstret are no part of the path */
}

/* A heap of BATCH pages, mapped but for what `touch` leaves out; null without memory. */
static volatile char *new_heap(int touch) {
  volatile char *base = sbrk(BATCH * PAGE);
  if (base == (char *)-1)
    return 0;
  for (u64 i = 0; touch && i < BATCH; i++)
    base[i * PAGE] = 1;
  return base;
}

/* Write to each page of the heap and count; then give it back. */
static void count_and_free(volatile char *base) {
  for (u64 i = 0; i < BATCH; i++)
    path_instructions += write_cost(base + i * PAGE);
  sbrk(-(BATCH * PAGE));
}

u64 work_zerofill(u64 n) {
  u64 done = 0;
  volatile char *base;
  for (; done < n && (base = new_heap(0)) != 0; done += BATCH)
    count_and_free(base);
  return done;
}

/* Copy-on-write faults of a parent: while the child lives, which makes it copy, or when it has gone. */
static u64 cow(u64 n, int child_lives) {
  u64 done = 0;
  volatile char *base;
  for (; done < n && (base = new_heap(1)) != 0; done += BATCH) {
    int fds[2], status;
    char c;
    if (pipe(fds) < 0)
      break;
    int pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) {
      close(fds[1]);
      if (child_lives)
        read(fds[0], &c, 1); /* ends when the parent closes its end */
      exit(0);
    }
    close(fds[0]);
    if (!child_lives)
      wait(&status);
    count_and_free(base);
    close(fds[1]);
    if (child_lives)
      wait(&status);
  }
  return done;
}

u64 work_cowcopy(u64 n) { return cow(n, 1); }

u64 work_cowreuse(u64 n) { return cow(n, 0); }

#define RESIDENT 1000

u64 work_fork1000(u64 n) {
  u64 good = 0;
  volatile char *base = sbrk(RESIDENT * PAGE);
  if (base == (char *)-1)
    return 0;
  for (u64 i = 0; i < RESIDENT; i++)
    base[i * PAGE] = 1;
  for (u64 i = 0; i < n; i++) {
    int status, pid = fork();
    if (pid == 0)
      exit(0);
    if (pid > 0 && wait(&status) == pid && status == 0)
      good++;
  }
  sbrk(-(RESIDENT * PAGE));
  return good;
}

#define FILE_NAME "/bench.tmp"

/* A file of so many pages, just written and so in the page cache; its descriptor, or -1. */
static int new_file(u64 pages) {
  static char block[PAGE];
  int fd = open(FILE_NAME, O_RDWR | O_CREATE | O_TRUNC);
  for (u64 i = 0; fd >= 0 && i < pages; i++)
    if (write(fd, block, PAGE) != PAGE) {
      close(fd);
      return -1;
    }
  return fd;
}

u64 work_filefault(u64 n) {
  u64 done = 0, before, after, word;
  int fd = new_file(BATCH);
  for (; fd >= 0 && done < n; done += BATCH) {
    volatile char *base = mmap(0, BATCH * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
      break;
    for (u64 i = 0; i < BATCH; i++) {
      __asm__ volatile("rdinstret %0\n\tlb %2, 0(%3)\n\trdinstret %1" : "=&r"(before), "=&r"(after), "=&r"(word) : "r"(base + i * PAGE) : "memory");
      path_instructions += after - before - 2;
    }
    munmap((void *)base, BATCH * PAGE);
  }
  close(fd);
  unlink(FILE_NAME);
  return done;
}

#define BIG 4096 /* pages: 16 MiB */

/* The sum of all words. */
static u64 sum_words(const u64 *word, u64 bytes) {
  u64 sum = 0;
  for (u64 i = 0; i < bytes / 8; i += 8)
    sum += word[i] + word[i + 1] + word[i + 2] + word[i + 3] + word[i + 4] + word[i + 5] + word[i + 6] + word[i + 7];
  return sum;
}

u64 work_mapfile(u64 n) {
  u64 sum = 0;
  int fd = new_file(BIG);
  for (u64 i = 0; fd >= 0 && i < n; i++) {
    u64 *base = mmap(0, BIG * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
      break;
    sum += 1 + sum_words(base, BIG * PAGE);
    munmap(base, BIG * PAGE);
  }
  close(fd);
  unlink(FILE_NAME);
  return sum;
}

u64 work_readfile(u64 n) {
  static u64 buffer[16 * PAGE / 8];
  u64 sum = 0;
  int fd = new_file(BIG), got;
  for (u64 i = 0; fd >= 0 && i < n; i++) {
    lseek(fd, 0, SEEK_SET);
    while ((got = read(fd, buffer, sizeof buffer)) > 0)
      sum += sum_words(buffer, got);
    sum++;
  }
  close(fd);
  unlink(FILE_NAME);
  return sum;
}
