/* protect_*, advise_*: mprotect, msync, mincore, madvise, mlock. */
#include "vt.h"

static void takes_effect(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 4, 1);
  CHECK(mprotect(p, 4 * PAGE, PROT_READ) == 0);
  CHECK(can_read(p) && !can_write(p) && !can_write(p + 3 * PAGE));
  CHECK(mprotect(p, 4 * PAGE, PROT_NONE) == 0);
  CHECK(!can_read(p) && !can_read(p + 3 * PAGE));
  CHECK(mprotect(p, 4 * PAGE, RW) == 0);
  check_pages(p, 4, 1, "after PROT_NONE and back");
  CHECK(can_write(p));
}

static void splits(void) {
  char *p = map_anon(9 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 9, 2);
  CHECK(mprotect(p + 3 * PAGE, 3 * PAGE, PROT_READ) == 0);
  for (int i = 0; i < 9; i++)
    CHECK(can_write(p + i * PAGE) == (i < 3 || i >= 6));
  CHECK(mprotect(p + 4 * PAGE, PAGE, PROT_NONE) == 0);
  for (int i = 3; i < 6; i++)
    CHECK(can_read(p + i * PAGE) == (i != 4) && !can_write(p + i * PAGE));
  CHECK(mprotect(p, 9 * PAGE, RW) == 0);
  check_pages(p, 9, 2, "after splitting");
}

static void merges(void) {
  char *p = map_anon(32 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 32, 3);
  uint64 whole = system_now().vm_entries;
  for (int i = 0; i < 32; i += 2)
    CHECK(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
  CHECK(system_now().vm_entries >= whole + 30);
  CHECK(mprotect(p, 32 * PAGE, RW) == 0);
  if (system_now().vm_entries > whole + 1)
    fail("32 pages of equal rights are %lu entries more than they were as one mapping", system_now().vm_entries - whole);
  check_pages(p, 32, 3, "after merging");
}

static void refusals(void) {
  char *p = map_anon(3 * PAGE, RW, MAP_PRIVATE);
  unmap(p + PAGE, PAGE);
  FAILS(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
  FAILS(mprotect(p + PAGE, PAGE, PROT_READ), ENOMEM);
  FAILS(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
  FAILS(mprotect(p, PAGE, 0x7fff), EINVAL);
  FAILS(mprotect((void *)USERTOP, PAGE, PROT_READ), ENOMEM);
  FAILS(mprotect((void *)0x7fffffffff000, PAGE, PROT_READ), ENOMEM);
  CHECK(mprotect(p, 0, PROT_READ) == 0);
  CHECK(mprotect(p + 2 * PAGE, PAGE, RW) == 0 && can_write(p + 2 * PAGE));
}

/** In system calls, too: the kernel may not write where the process may not. */
static void in_calls(void) {
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  int fd = pattern_file("f", 2 * PAGE, 1);
  number_pages(p, 2, 1);
  CHECK(mprotect(p, PAGE, PROT_READ) == 0);
  FAILS(read(fd, p, 100), EFAULT);
  FAILS(fstat(fd, (struct stat *)p), EFAULT);
  CHECK(write(fd, p, 100) == 100);
  CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
  FAILS(write(fd, p, 100), EFAULT);
  CHECK(mprotect(p, PAGE, RW) == 0);
  check_pages(p, 2, 1, "after the refused calls");
}

static void made_executable(void) {
  uint *p = (uint *)map_anon(PAGE, RW, MAP_PRIVATE);
  p[0] = 0x02b00513; /* li a0, 43 */
  p[1] = 0x00008067; /* ret */
  CHECK(!can_run(p));
  CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
  __asm__ volatile("fence.i" ::: "memory");
  CHECK(((int (*)(void))(void *)p)() == 43);
  CHECK(!can_write(p));
}

/** Text made writable is a private copy: other processes of the program, and the file, keep theirs. */
static void __attribute__((noinline, aligned(4096))) some_text(void) { __asm__ volatile("nop\nnop\nnop\nnop"); }

static void text_is_private(void) {
  char *page = (char *)((uint64)(void *)some_text & -PAGE);
  char before = page[0];
  if (must_fork() == 0) {
    CHECK(mprotect(page, PAGE, RW) == 0);
    page[0] = (char)(before + 1);
    CHECK(page[0] == (char)(before + 1));
    exit(0);
  }
  expect_status(0);
  CHECK(page[0] == before && !can_write(page));
  CHECK(run_helper("status", "0") == 0); /* the program still runs */
}

/** Every hart obeys: children of one process, spread over the harts, see rights taken from shared memory
 *  only in their own maps; a process that moves from hart to hart meets the new rights everywhere. */
static void after_moving(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  int pids[8];
  for (int i = 0; i < 8; i++)
    if ((pids[i] = must_fork()) == 0)
      for (;;)
        ;
  for (int round = 0; round < 20; round++) {
    number_pages(p, 4, round);
    sleep(0);
    CHECK(mprotect(p, 4 * PAGE, PROT_READ) == 0);
    sleep(round % 3 == 0);
    if (round % 5 == 0)
      CHECK(!can_write(p));
    check_pages(p, 4, round, "read-only");
    CHECK(mprotect(p, 4 * PAGE, RW) == 0);
  }
  for (int i = 0; i < 8; i++) {
    kill(pids[i], SIGKILL);
    expect_status(-1);
  }
}

static void msync_flags(void) {
  int fd = pattern_file("f", 4 * PAGE, 1);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  fill_pattern(p, 4 * PAGE, 0, 2);
  CHECK(msync(p, 4 * PAGE, MS_ASYNC) == 0);
  CHECK(msync(p, 4 * PAGE, MS_SYNC) == 0);
  CHECK(msync(p, 4 * PAGE, MS_SYNC | MS_INVALIDATE) == 0);
  FAILS(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
  FAILS(msync(p, PAGE, 64), EINVAL);
  FAILS(msync(p + 1, PAGE, MS_SYNC), EINVAL);
  unmap(p + PAGE, PAGE);
  FAILS(msync(p, 4 * PAGE, MS_SYNC), ENOMEM);
  check_file("f", 4 * PAGE, 2);
}

static void msync_writes(void) {
  int fd = pattern_file("f", 16 * PAGE, 1);
  char *p = map_file(fd, 16 * PAGE, RW, MAP_SHARED, 0);
  sync();
  fill_pattern(p, 16 * PAGE, 0, 3);
  uint64 before = counters().file_writes;
  CHECK(msync(p, 16 * PAGE, MS_SYNC) == 0);
  uint64 written = counters().file_writes - before;
  if (written < 16)
    fail("msync of 16 dirty pages wrote %lu", written);
  before = counters().file_writes;
  CHECK(msync(p, 16 * PAGE, MS_SYNC) == 0);
  CHECK(counters().file_writes - before <= 1); /* clean pages are not written again */
  p[5 * PAGE] = 'd';
  before = counters().file_writes;
  CHECK(msync(p, 16 * PAGE, MS_SYNC) == 0);
  written = counters().file_writes - before;
  if (written < 1 || written > 2)
    fail("msync of one dirty page wrote %lu", written);
}

static void mincore_truth(void) {
  char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
  unsigned char vector[16];
  p[2 * PAGE] = p[3 * PAGE] = p[15 * PAGE] = 1;
  memset(vector, 0xff, sizeof vector);
  CHECK(mincore(p, 16 * PAGE, vector) == 0);
  for (int i = 0; i < 16; i++)
    if ((vector[i] & 1) != (i == 2 || i == 3 || i == 15))
      fail("mincore says %d for page %d", vector[i], i);
  CHECK(mincore(p, 15 * PAGE + 1, vector) == 0 && (vector[15] & 1) == 1);
}

/** For files it tells what is cached, whether or not this process has touched it. */
static void mincore_of_files(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  check_file("f", 8 * PAGE, 1); /* all of it is in the cache now */
  char *p = map_file(fd, 8 * PAGE, PROT_READ, MAP_SHARED, 0);
  long there = pages_in_core(p, 8);
  if (there != 8)
    fail("%ld of 8 pages just read are in memory, says mincore", there);
}

/** A private copy that is on the swap disk is not in memory, though the file's page that it hides is. */
static void mincore_of_copies(void) {
  need_swap();
  int fd = pattern_file("f", 4 * PAGE, 1);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0);
  memset(p, 'p', 2 * PAGE);
  CHECK(pages_in_core(p, 2) == 2);
  CHECK(madvise(p, 2 * PAGE, MADV_PAGEOUT) == 0);
  check_file("f", 4 * PAGE, 1); /* all of the file is in the cache */
  long there = pages_in_core(p, 4);
  if (there != 2) /* the two that were not copied */
    fail("of two copies on the swap disk and two cached pages mincore finds %ld in memory", there);
  CHECK(p[0] == 'p' && p[PAGE] == 'p' && pages_in_core(p, 2) == 2);
}

static void mincore_refusals(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  unsigned char vector[4];
  FAILS(mincore(p + 1, PAGE, vector), EINVAL);
  unmap(p + 2 * PAGE, PAGE);
  FAILS(mincore(p, 4 * PAGE, vector), ENOMEM);
  FAILS(mincore(p, PAGE, (unsigned char *)p + 2 * PAGE), EFAULT);
  FAILS(mincore(p, PAGE, NULL), EFAULT);
  FAILS(mincore((void *)USERTOP, PAGE, vector), ENOMEM);
}

static void dontneed_anonymous(void) {
  char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
  uint64 before = free_frames();
  number_pages(p, 16, 1);
  CHECK(madvise(p + 4 * PAGE, 8 * PAGE, MADV_DONTNEED) == 0);
  CHECK(all_zero(p + 4 * PAGE, 8 * PAGE));
  check_pages(p, 4, 1, "below");
  CHECK(*(uint64 *)(p + 12 * PAGE) == 12 * 0x9e3779b97f4a7c15 + 1);
  CHECK(madvise(p, 16 * PAGE, MADV_DONTNEED) == 0);
  await_free_frames(before - 4);
  CHECK(all_zero(p, 16 * PAGE));
}

static void dontneed_file(void) {
  int fd = pattern_file("f", 4 * PAGE, 1);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0), *q = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  memset(p, 'p', 2 * PAGE);
  q[3 * PAGE] = 'q';
  CHECK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
  CHECK(madvise(q, 4 * PAGE, MADV_DONTNEED) == 0);
  check_bytes(p, 3 * PAGE, 0, 1, "the file shows again");
  CHECK(p[3 * PAGE] == 'q' && q[3 * PAGE] == 'q'); /* a shared page's content is the file's */
}

/** What one process drops another that shares it by fork keeps. */
static void dontneed_after_fork(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 1);
  if (must_fork() == 0) {
    CHECK(madvise(p, 8 * PAGE, MADV_DONTNEED) == 0);
    CHECK(all_zero(p, 8 * PAGE));
    exit(0);
  }
  expect_status(0);
  check_pages(p, 8, 1, "the parent's memory");
  CHECK(madvise(p, 4 * PAGE, MADV_DONTNEED) == 0);
  CHECK(all_zero(p, 4 * PAGE));
}

static void advice(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, PROT_READ, MAP_SHARED, 0);
  static const int harmless[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED };
  for (int i = 0; i < 4; i++)
    CHECK(madvise(p, 8 * PAGE, harmless[i]) == 0);
  CHECK(pages_in_core(p, 8) == 8); /* WILLNEED has been heard */
  check_bytes(p, 8 * PAGE, 0, 1, "after advice");
  FAILS(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
  FAILS(madvise(p, PAGE, 12345), EINVAL);
  unmap(p + PAGE, PAGE);
  FAILS(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
}

static void mlock_brings_in(void) {
  char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
  p[0] = 'x';
  CHECK(mlock(p, 16 * PAGE) == 0);
  CHECK(pages_in_core(p, 16) == 16);
  CHECK(p[0] == 'x' && all_zero(p + PAGE, 15 * PAGE));
  CHECK(munlock(p, 8 * PAGE) == 0 && munlock(p, 16 * PAGE) == 0);
  CHECK(mlock(p + 4 * PAGE, PAGE) == 0); /* exit and munmap unlock what is locked */
  unmap(p + 4 * PAGE, 2 * PAGE);
  unmap(p + 12 * PAGE, PAGE);
  FAILS(mlock(p, 16 * PAGE), ENOMEM);
  CHECK(mlock((void *)USERTOP, PAGE) == -1 && (errno == ENOMEM || errno == EINVAL));
}

/** A locked page does not go out with its neighbours, unused as it may be. */
static void mlock_in_a_cluster(void) {
  need_swap();
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 1);
  CHECK(mlock(p, 2 * PAGE) == 0);
  for (int i = 2; i < 8; i++) { /* the first of these ends the time in which all have been used */
    CHECK(madvise(p + i * PAGE, PAGE, MADV_PAGEOUT) == 0);
    CHECK(pages_in_core(p, 2) == 2);
  }
  CHECK(pages_in_core(p + 2 * PAGE, 6) == 0);
  check_pages(p, 8, 1, "afterwards");
}

/** What would take a locked page away is refused. */
static void mlock_refuses(void) {
  int fd = pattern_file("f", PAGE, 1);
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE), *q = map_file(fd, PAGE, RW, MAP_SHARED, 0);
  p[0] = 'x';
  CHECK(mlock(p, PAGE) == 0 && mlock(q, PAGE) == 0);
  FAILS(madvise(p, 2 * PAGE, MADV_DONTNEED), EINVAL);
  FAILS(madvise(p, 2 * PAGE, MADV_PAGEOUT), EINVAL);
  FAILS(msync(q, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
  CHECK(p[0] == 'x' && munlock(p, PAGE) == 0 && munlock(q, PAGE) == 0);
  CHECK(msync(q, PAGE, MS_SYNC | MS_INVALIDATE) == 0 && madvise(p, 2 * PAGE, MADV_DONTNEED) == 0 && p[0] == 0);
}

/** Locks do not pass to a child, and a locked page can still be shared and copied. */
static void mlock_and_fork(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  CHECK(mlock(p, 8 * PAGE) == 0);
  number_pages(p, 8, 1);
  if (must_fork() == 0) {
    number_pages(p, 4, 2);
    check_pages(p, 4, 2, "in the child");
    exit(0);
  }
  number_pages(p, 2, 3);
  expect_status(0);
  check_pages(p, 2, 3, "in the parent");
  CHECK(pages_in_core(p, 8) == 8);
}

const struct test protect_tests[] = {
  { "protect_takes_effect", takes_effect, 0 },
  { "protect_splits", splits, 0 },
  { "protect_merges", merges, 0 },
  { "protect_refusals", refusals, 0 },
  { "protect_in_calls", in_calls, 0 },
  { "protect_made_executable", made_executable, 0 },
  { "protect_text_is_private", text_is_private, 0 },
  { "protect_after_moving", after_moving, 0 },
  { "msync_flags", msync_flags, 0 },
  { "msync_writes", msync_writes, 0 },
  { "mincore_truth", mincore_truth, 0 },
  { "mincore_of_files", mincore_of_files, 0 },
  { "mincore_of_copies", mincore_of_copies, 0 },
  { "mincore_refusals", mincore_refusals, 0 },
  { "advise_dontneed_anonymous", dontneed_anonymous, 0 },
  { "advise_dontneed_file", dontneed_file, 0 },
  { "advise_dontneed_after_fork", dontneed_after_fork, 0 },
  { "advise_others", advice, 0 },
  { "mlock_brings_in", mlock_brings_in, 0 },
  { "mlock_in_a_cluster", mlock_in_a_cluster, 0 },
  { "mlock_refuses", mlock_refuses, 0 },
  { "mlock_and_fork", mlock_and_fork, 0 },
  { NULL, NULL, 0 },
};
