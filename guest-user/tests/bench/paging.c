/* What comes from the disk: pages out of swap, and a large program's. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmstat.h>
#include "bench.h"

#define PAGE 4096
#define COLD 512   /* pages that are looked at after they have gone to swap */
#define APART 8    /* from one to the next: none comes along with another */
#define PRESS 8192 /* pages beyond what is free, for the clock's hands to find */
#define ROUNDS 32  /* of pressing, until they have come round */

/* Use all memory once, so that what others have in it goes to swap or, from the page cache, away. 0 when there is not enough swap. */
static int press_out(void) {
  struct vmstat now;
  if (vmstat(&now) < 0)
    return 0;
  u64 pages = now.free_frames + PRESS;
  volatile char *base = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return 0;
  for (u64 i = 0; i < pages; i++)
    base[i * PAGE] = 1;
  munmap((void *)base, pages * PAGE);
  return 1;
}

/* One load. Returns the instructions retired by it, if it has brought a page out of swap, else 0. */
static u64 swap_cost(const volatile char *p) {
  struct vmstat then, now;
  u64 before, after, word;
  vmstat(&then);
  __asm__ volatile("rdinstret %0\n\tlb %2, 0(%3)\n\trdinstret %1" : "=&r"(before), "=&r"(after), "=&r"(word) : "r"(p) : "memory");
  vmstat(&now);
  return now.faults_swap == then.faults_swap + 1 && now.pages_in == then.pages_in + 1 ? after - before - 2 : 0;
}

/* How many of the cold pages are in memory. */
static u64 still_in(volatile char *cold) {
  static uchar there[COLD * APART];
  u64 count = 0;
  mincore((void *)cold, COLD * APART * PAGE, there);
  for (u64 i = 0; i < COLD; i++)
    count += there[i * APART] & 1;
  return count;
}

u64 work_swapin(u64 n) {
  u64 done = 0;
  while (done < n) {
    volatile char *cold = mmap(0, COLD * APART * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cold == MAP_FAILED)
      break;
    for (u64 i = 0; i < COLD; i++)
      cold[i * APART * PAGE] = 1;
    u64 good = 0;
    for (int round = 0; round < ROUNDS && still_in(cold) > COLD / 8 && press_out(); round++)
      ;
    for (u64 i = 0; i < COLD && done + good < n; i++) {
      u64 cost = swap_cost(cold + i * APART * PAGE);
      path_instructions += cost;
      good += cost != 0;
    }
    munmap((void *)cold, COLD * APART * PAGE);
    if (good == 0)
      break;
    done += good;
  }
  return done;
}

#define PROGRAM "/bench.tmp"
#define TEXT 0x10000
#define LARGE 1024 /* pages of it: 4 MiB */

/* Make a program of LARGE pages that ends at its first instructions. 0 or -1. */
static int make_program(void) {
  static struct { Elf64_Ehdr header; Elf64_Phdr segment; } start;
  static uint page[PAGE / 4];
  static const uint code[] = { 0x00000513, 0x00200893, 0x00000073 }; /* li a0, 0; li a7, SYS_exit; ecall */
  start.header = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }, .e_type = ET_EXEC, .e_machine = EM_RISCV, .e_version = 1,
    .e_entry = TEXT + sizeof start, .e_phoff = sizeof start.header, .e_ehsize = sizeof start.header, .e_phentsize = sizeof start.segment, .e_phnum = 1 };
  start.segment = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = TEXT, .p_filesz = LARGE * PAGE, .p_memsz = LARGE * PAGE, .p_align = PAGE };
  memcpy(page, &start, sizeof start);
  memcpy((char *)page + sizeof start, code, sizeof code);
  int fd = open(PROGRAM, O_RDWR | O_CREATE | O_TRUNC);
  for (u64 i = 0; fd >= 0 && i < LARGE; i++) {
    if (write(fd, page, PAGE) != PAGE) {
      close(fd);
      return -1;
    }
    page[0] = (uint)i; /* the others are no two alike */
  }
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  return fd < 0 ? -1 : 0;
}

/* fork and wait; in between the child runs PROGRAM, or ends at once. Whether it ended well. */
static int run_child(int large) {
  char *argv[] = { "bench.tmp", 0 };
  int status = 1, pid = fork();
  if (pid == 0) {
    if (large)
      exec(PROGRAM, argv);
    exit(large);
  }
  return pid > 0 && wait(&status) == pid && status == 0;
}

/* What PROGRAM's exec and end, in memory not yet, take beyond those of a child that only ends. The policy vm.exec decides. */
static u64 exec_cost(u64 n, int in_pages) {
  u64 done = 0;
  struct vmstat then, now;
  if (make_program() < 0)
    return 0;
  while (done < n && press_out() && run_child(0)) {
    u64 start = rdinstret();
    int good = run_child(0);
    u64 between = rdinstret();
    vmstat(&then);
    u64 again = rdinstret();
    good = good && run_child(1);
    u64 end = rdinstret();
    vmstat(&now);
    if (!good)
      break;
    path_instructions += in_pages ? now.file_reads - then.file_reads : (end - again) - (between - start);
    done++;
  }
  unlink(PROGRAM);
  return done;
}

u64 work_execlarge(u64 n) { return exec_cost(n, 0); }

u64 work_execpages(u64 n) { return exec_cost(n, 1); }
