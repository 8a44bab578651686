/* remap_*: mremap. */
#include "vt.h"

#include <sched.h>

static void grows_in_place(void) {
  char *room = empty_range(16 * PAGE, PAGE);
  char *p = mmap(room, 4 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0);
  CHECK(p == room);
  number_pages(p, 4, 1);
  CHECK(mremap(p, 4 * PAGE, 10 * PAGE, 0) == p);
  check_pages(p, 4, 1, "the old part");
  CHECK(all_zero(p + 4 * PAGE, 6 * PAGE));
  number_pages(p, 10, 2);
  check_pages(p, 10, 2, "all of it");
}

static void shrinks(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 1);
  CHECK(mremap(p, 8 * PAGE, 3 * PAGE, 0) == p);
  check_pages(p, 3, 1, "what is left");
  CHECK(!can_read(p + 3 * PAGE) && !can_read(p + 7 * PAGE));
  CHECK(mremap(p, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
}

/** Something stands behind: without leave to move it fails, with it the content moves along. */
static void moves(void) {
  char *p = map_anon(5 * PAGE, RW, MAP_PRIVATE);
  CHECK(mprotect(p + 4 * PAGE, PAGE, PROT_READ) == 0); /* the obstacle */
  number_pages(p, 4, 1);
  CHECK(mremap(p, 4 * PAGE, 8 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
  check_pages(p, 4, 1, "after the refusal");
  uint64 frames = free_frames();
  char *q = mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
  CHECK(q != MAP_FAILED && q != p);
  check_pages(q, 4, 1, "the moved part");
  CHECK(free_frames() + 8 >= frames); /* no page was copied to keep both */
  CHECK(all_zero(q + 4 * PAGE, 4 * PAGE));
  CHECK(!can_read(p) && !can_read(p + 3 * PAGE) && can_read(p + 4 * PAGE));
}

static void to_a_fixed_place(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE), *room = empty_range(16 * PAGE, PAGE);
  number_pages(p, 4, 1);
  char *there = mmap(room + 2 * PAGE, 2 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0);
  there[0] = 'o'; /* what stands there goes */
  CHECK(mremap(p, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
  check_pages(room, 4, 1, "the moved part");
  CHECK(all_zero(room + 4 * PAGE, 2 * PAGE));
  CHECK(!can_read(p));
}

static void refuses(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE), *room = empty_range(8 * PAGE, PAGE);
  number_pages(p, 8, 1);
  CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p + 2 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_FIXED, room) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 1) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)USERTOP) == MAP_FAILED);
  CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, NULL) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p + 1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p, PAGE, 0, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(p, PAGE, PAGE, 64) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(room, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
  CHECK(mremap(p, 8 * PAGE, 1L << 39, MREMAP_MAYMOVE) == MAP_FAILED);
  check_pages(p, 8, 1, "after all refusals");
}

static void grows_a_file(void) {
  int fd = pattern_file("f", 6 * PAGE, 1);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
  p[0] = 'm';
  char *q = mremap(p, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
  CHECK(q != MAP_FAILED);
  check_bytes(q + 1, 6 * PAGE - 1, 1, 1, "the grown mapping");
  fill_pattern(q + 4 * PAGE, 2 * PAGE, 4 * PAGE, 2);
  unmap(q, 6 * PAGE);
  q = map_file(fd, 6 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  CHECK(q[0] == 'm');
  check_bytes(q + 4 * PAGE, 2 * PAGE, 4 * PAGE, 2, "what was written behind");
}

/** Moved pages that are shared with a child by copy-on-write stay two copies. */
static void moves_after_fork(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE), *room = empty_range(16 * PAGE, PAGE);
  struct gate moved;
  gate_make(&moved);
  number_pages(p, 4, 1);
  if (must_fork() == 0) {
    gate_wait(&moved);
    check_pages(p, 4, 1, "in the child");
    number_pages(p, 4, 2);
    check_pages(p, 4, 2, "the child's own");
    exit(0);
  }
  CHECK(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
  number_pages(room, 2, 3);
  gate_open(&moved, 1);
  expect_status(0);
  check_pages(room, 2, 3, "the moved pages");
  check_pages(room + 2 * PAGE, 2, 1 + 2 * 0x9e3779b97f4a7c15, "the unwritten ones");
}

/** Moving and growing the middle of a mapping leaves the rest; equal neighbours become one entry again. */
static void takes_the_middle(void) {
  char *p = map_anon(12 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 12, 1);
  char *room = empty_range(8 * PAGE, PAGE);
  CHECK(mremap(p + 4 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
  check_pages(p, 4, 1, "the head");
  check_pages(room, 4, 1 + 4 * 0x9e3779b97f4a7c15, "the middle");
  check_pages(p + 8 * PAGE, 4, 1 + 8 * 0x9e3779b97f4a7c15, "the tail");
  CHECK(!can_read(p + 4 * PAGE));
  uint64 entries = system_now().vm_entries;
  CHECK(mremap(room, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * PAGE) == p + 4 * PAGE);
  check_pages(p, 12, 1, "after moving it back");
  CHECK(system_now().vm_entries <= entries);
}

/** Grown step by step, always moving: nothing is lost on the way. */
static void realloc_style(void) {
  long pages = 1;
  char *p = map_anon(PAGE, RW, MAP_PRIVATE);
  number_pages(p, 1, 7);
  while (pages < 256) {
    p = mremap(p, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED);
    check_pages(p, pages, 7, "the grown block");
    pages *= 2;
    number_pages(p, pages, 7);
    map_anon(PAGE, PROT_READ, MAP_PRIVATE); /* something in the way, perhaps */
  }
}

/** Processes lengthen one shared mapping at the same moment, each in its own address space: the object grows, and is promised, once. */
static void together(void) {
  enum { LONG = 64, GROWERS = 3 };
  volatile struct { int ready, go, grown, end; } *control = (void *)map_anon(PAGE, RW, MAP_SHARED);
  char *room = empty_range(SUPERPAGE, SUPERPAGE); /* one page table will do */

  for (int round = 0; round < 60; round++) {
    control->ready = control->go = control->grown = control->end = 0;
    CHECK(mmap(room, PAGE, RW, SHARED_ANON | MAP_FIXED, -1, 0) == room);
    for (int i = 0; i < GROWERS; i++)
      if (must_fork() == 0) {
        __atomic_add_fetch(&control->ready, 1, __ATOMIC_SEQ_CST);
        while (!control->go)
          sched_yield();
        if (mremap(room, PAGE, LONG * PAGE, 0) == room)
          __atomic_add_fetch(&control->grown, 1, __ATOMIC_SEQ_CST);
        while (!control->end)
          sched_yield();
        exit(0);
      }
    while (control->ready < GROWERS)
      sched_yield();
    long before = promisable();
    control->go = 1;
    for (int i = 0; i < 100000 && control->grown < GROWERS; i++)
      sched_yield();
    long promised = before - promisable();
    int grown = control->grown;
    control->end = 1;
    for (int i = 0; i < GROWERS; i++)
      expect_status(0);
    if (grown < GROWERS)
      fail("%d of %d processes could lengthen the mapping", grown, GROWERS);
    if (promised >= LONG)
      fail("round %d: for %d pages more of a shared mapping %ld were promised", round, LONG - 1, promised);
    unmap(room, PAGE);
  }
}

const struct test remap_tests[] = {
  { "remap_grows_in_place", grows_in_place, 0 },
  { "remap_shrinks", shrinks, 0 },
  { "remap_moves", moves, 0 },
  { "remap_to_a_fixed_place", to_a_fixed_place, 0 },
  { "remap_refuses", refuses, 0 },
  { "remap_grows_a_file", grows_a_file, 0 },
  { "remap_moves_after_fork", moves_after_fork, 0 },
  { "remap_takes_the_middle", takes_the_middle, 0 },
  { "remap_realloc_style", realloc_style, 0 },
  { "remap_together", together, 0 },
  { NULL, NULL, 0 },
};
