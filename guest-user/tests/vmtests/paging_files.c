/* paging_files_*: pages of files while memory is short. */
#include "vt.h"

/** Program text and unwritten file pages are dropped, not swapped, and come back; written private ones swap. */
static void file_pages_under_pressure(void) {
  long pages = too_many_pages() - 200;
  int fd = pattern_file("f", 64 * PAGE, 1);
  char *p = map_file(fd, 64 * PAGE, RW, MAP_PRIVATE, 0), *q = map_file(fd, 64 * PAGE, RW, MAP_SHARED, 0);
  memset(p, 'p', 8 * PAGE);
  memset(q + 32 * PAGE, 'q', 8 * PAGE);
  char *big = big_map(pages);
  for (int round = 0; round < 2; round++) {
    number_pages(big, pages, round);
    for (int i = 0; i < 8 * PAGE; i += 512)
      CHECK(p[i] == 'p' && q[32 * PAGE + i] == 'q');
    check_bytes(q, 32 * PAGE, 0, 1, "the file's start");
    check_bytes(q + 40 * PAGE, 24 * PAGE, 40 * PAGE, 1, "the file's end");
    check_pages(big, pages, round, "the big map");
  }
}

/** Stores to a shared mapping of a file larger than memory: what cannot stay is written, and nobody is killed. */
static void dirty_file_larger_than_memory(void) {
  long pages = (long)free_frames() * 5 / 4;
  if (pages > 8 * 1024)
    pages = 8 * 1024; /* 32 MiB: with more memory than that it is only a large file */
  int fd = must_open("big", O_CREATE | O_RDWR);
  CHECK(ftruncate(fd, pages * PAGE) == 0);
  char *p = map_file(fd, pages * PAGE, RW, MAP_SHARED, 0);
  for (int round = 0; round < 2; round++) {
    number_pages(p, pages, round);
    check_pages(p, pages, round, "the mapped file");
  }
  uint64 word;
  for (long i = 0; i < pages; i += 97) {
    CHECK(lseek(fd, i * PAGE, SEEK_SET) == i * PAGE && read(fd, &word, 8) == 8);
    if (word != *(uint64 *)(p + i * PAGE))
      fail("read() and the mapping differ at page %ld", i);
  }
}

/** The same by four processes at a time, beside private memory that fills what is left. */
static void dirty_files_in_parallel(void) {
  long private = too_many_pages() / 4, pages = private / 4;
  char name[8] = "big.0";
  if (pages > 1024)
    pages = 1024;
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      name[4] = (char)('0' + child);
      int fd = must_open(name, O_CREATE | O_RDWR);
      CHECK(ftruncate(fd, pages * PAGE) == 0);
      char *p = map_file(fd, pages * PAGE, RW, MAP_SHARED, 0), *q = big_map(private);
      for (int round = 0; round < 2; round++) {
        number_pages(p, pages, child * 10 + round);
        number_pages(q, private, child * 10 + round);
        check_pages(p, pages, child * 10 + round, "the mapped file");
        check_pages(q, private, child * 10 + round, "the private memory");
      }
      exit(0);
    }
  for (int child = 0; child < 4; child++)
    expect_status(0);
}

/** Takes all memory that is promised to anybody, writes to each page of it, opens the gate, and goes on using it. */
static void press(struct gate *full) {
  for (long pages = promisable(); pages > 0;) {
    char *p = mmap(NULL, pages * PAGE, RW, PRIVATE_ANON | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED)
      pages /= 2;
  }
  gate_open(full, 1);
  for (;;)
    sleep(1);
}

/** Private memory fills memory and swap to the last page that is promised: files can still be read and mapped. Under overcommit
 *  who takes so much is killed, and its memory with it. */
static void cache_is_not_starved(void) {
  need_swap();
  int fd = pattern_file("f", 256 * PAGE, 1), strict = policy_is("vm.commit", "strict");
  char *file = map_file(fd, 256 * PAGE, PROT_READ, MAP_SHARED, 0);
  struct gate full;
  gate_make(&full);
  int presser = must_fork();
  if (presser == 0)
    press(&full);
  if (strict)
    gate_wait(&full);
  else
    expect_status(-1);
  for (int round = 0; round < 2; round++) {
    check_bytes(file, 256 * PAGE, 0, 1, "the mapped file");
    check_file("f", 256 * PAGE, 1);
  }
  if (strict) {
    kill(presser, SIGKILL);
    expect_status(-1);
  }
}

/** Waits until everybody else has closed the gate. */
static void gate_closed(struct gate *g) {
  char c;
  close(g->fds[1]);
  while (read(g->fds[0], &c, 1) > 0)
    ;
}

/** Where nothing is promised (vm.commit=overcommit): writes to private pages until only `left` more can be had, opens the gate, and
 *  stays as long as the test. */
static void fill(long left, struct gate *full, struct gate *end) {
  char *p = big_map(memory_and_swap());
  for (long i = 0; promisable() > left; i++)
    p[i * PAGE] = 1;
  gate_open(full, 1);
  gate_closed(end);
  exit(0);
}

/** Part of a file is locked, and private pages have all memory that they may have, but for a few of the test's own: so many frames are
 *  left to files that a program runs on. Under vm.commit=strict much is promised that is not in use, so that is easy;
 *  under overcommit it is as tight as can be. */
static void frames_left_to_files(void) {
  enum { FILE_PAGES = 64, LOCKED = 18, LEFT = 6 };
  need_swap();
  int fd = pattern_file("f", FILE_PAGES * PAGE, 1), strict = policy_is("vm.commit", "strict");
  char *file = map_file(fd, FILE_PAGES * PAGE, PROT_READ, MAP_SHARED, 0);
  CHECK(fsync(fd) == 0 && mlock(file, LOCKED * PAGE) == 0);
  struct gate full, end;
  gate_make(&full);
  gate_make(&end);
  int presser = must_fork();
  if (presser == 0) {
    if (strict)
      press(&full);
    fill(LEFT, &full, &end);
  }
  gate_wait(&full);
  check_bytes(file, FILE_PAGES * PAGE, 0, 1, "the file");
  CHECK(kill(presser, SIGKILL) == 0);
  expect_status(-1);
}

const struct test paging_file_tests[] = {
  { "paging_file_pages", file_pages_under_pressure, 0 },
  { "paging_files_dirty", dirty_file_larger_than_memory, 0 },
  { "paging_files_dirty_parallel", dirty_files_in_parallel, 1 },
  { "paging_files_not_starved", cache_is_not_starved, 1 },
  { "paging_files_frames_left", frames_left_to_files, 0 },
  { NULL, NULL, 0 },
};
