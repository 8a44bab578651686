/* paging_promised_*: memory that was promised can be had, to the last page, whatever else has been locked. */
#include "vt.h"

/** All memory that is promised to anybody, one mapping of the heap; its pages. */
static char *take_all(long *pages) {
  char *start = sbrk(0);
  *pages = 0;
  for (long step = promisable(); step > 0;)
    if (sbrk(step * PAGE) == (char *)-1)
      step /= 2;
    else
      *pages += step;
  return start;
}

/** Writes to each page; then to some here and there, each of which has to come in for another that has to go out. */
static void use_all(char *p, long pages) {
  number_pages(p, pages, 1);
  for (long i = 0, at = 0; i < 600; i++) {
    at = (at + 40503) % pages;
    *(volatile char *)(p + at * PAGE + 100) += 1;
  }
  check_pages(p, pages, 1, "all memory");
}

/** Memory and swap are full of pages that differ, and nothing more is promised: they can still change places. */
static void to_the_last_page(void) {
  long pages;
  char *p;
  need_swap();
  if (!policy_is("vm.commit", "strict"))
    return; /* then nothing is promised */
  p = take_all(&pages);
  use_all(p, pages);
}

/** Pages of a file that are locked cannot give way, so what is left to promise is less. */
static void beside_a_locked_file(void) {
  long length = (long)system_now().total_frames / 4, pages;
  char *file, *p;
  need_swap();
  if (!policy_is("vm.commit", "strict"))
    return;
  file = map_file(pattern_file("f", length * PAGE, 1), length * PAGE, PROT_READ, MAP_SHARED, 0);
  long before = promisable();
  CHECK(mlock(file, length * PAGE) == 0);
  if (before - promisable() < length)
    fail("%ld pages of a file were locked, and %ld promised", length, before - promisable());
  CHECK(munlock(file + PAGE, PAGE) == 0 && mlock(file, length * PAGE) == 0); /* once for each page */
  if (before - promisable() >= length + 8)
    fail("%ld pages of a file were locked, one of them again, and %ld promised", length, before - promisable());
  char *copy = map_file(pattern_file("h", 20 * PAGE, 1), 20 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  long without = promisable();
  CHECK(mlock(copy, 20 * PAGE) == 0 && mprotect(copy, 20 * PAGE, RW) == 0); /* the promise of copies will do */
  if (without - promisable() >= 40)
    fail("20 locked pages that may be copied were promised %ld frames", without - promisable());
  CHECK(munlock(copy, 20 * PAGE) == 0 && munmap(copy, 20 * PAGE) == 0);
  if (must_fork() == 0) /* a child does not inherit the lock, nor pays for it */
    exit(before - promisable() >= length + 200);
  expect_status(0);
  char *more = map_file(pattern_file("g", 300 * PAGE, 1), 300 * PAGE, PROT_READ, MAP_SHARED, 0);
  p = take_all(&pages);
  FAILS(mlock(more, 300 * PAGE), ENOMEM);
  use_all(p, pages);
  CHECK(pages_in_core(file, length) == length);
  unmap(more, 300 * PAGE);
  CHECK(sbrk(-pages * PAGE) != (char *)-1 && munlock(file, length * PAGE) == 0);
  if (before - promisable() > 8)
    fail("%ld pages are still promised", before - promisable());
}

const struct test paging_promise_tests[] = {
  { "paging_promised_to_the_last_page", to_the_last_page, 1 },
  { "paging_promised_beside_a_locked_file", beside_a_locked_file, 1 },
  { NULL, NULL, 0 },
};
