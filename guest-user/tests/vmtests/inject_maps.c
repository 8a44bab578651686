/* inject_map_*: calls that change mappings, with each of their allocations failing in turn: what is mapped
 * and what it shows is then as before. inject_page_*: the same for what a page fault, the way to swap and
 * the way back allocate: a promised page is given all the same. */
#include "vt.h"

static char *place;              /* 16 pages, numbered with seed 1, in the middle of nothing */
static int file;
static char before[8192], after[8192];

/** A failed call: nothing has changed. Always 0. */
static int unchanged(void) {
  if (errno != ENOMEM)
    fail("a call without memory: %s", strerror(errno));
  read_maps(after, sizeof after);
  if (strcmp(before, after) != 0)
    fail("a call that failed has changed what is mapped:\n%s\nbefore:\n%s", after, before);
  check_pages(place, 16, 1, "after a call that failed");
  return 0;
}

/** Makes `place`, of a given kind, and tries the step. */
static void with_place(int protection, int (*step)(void)) {
  place = empty_range(1200 * PAGE, SUPERPAGE) + 4 * PAGE;
  CHECK(mmap(place, 16 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == place);
  number_pages(place, 16, 1);
  CHECK(mprotect(place, 16 * PAGE, protection) == 0);
  file = pattern_file("f", 8 * PAGE, 1);
  read_maps(before, sizeof before);
  each_allocation(step, 0);
}

/** mmap over the middle of the place; the rest must still be there. */
static int map_over(int flags, int fd) {
  char *p = mmap(place + 4 * PAGE, 8 * PAGE, RW, MAP_FIXED | flags, fd, 0);
  if (p == MAP_FAILED)
    return unchanged();
  CHECK(p == place + 4 * PAGE && (fd < 0 ? p[0] == 0 : check_pattern(p, 8 * PAGE, 0, 1)));
  check_pages(place, 4, 1, "below");
  check_pages(place + 12 * PAGE, 4, 1 + 12 * 0x9e3779b97f4a7c15, "above");
  return 1;
}
static int over_private(void) { return map_over(PRIVATE_ANON, -1); }
static int over_shared(void) { return map_over(SHARED_ANON, -1); }
static int over_growing(void) { return map_over(PRIVATE_ANON | MAP_GROWSDOWN, -1); }
static int over_private_file(void) { return map_over(MAP_PRIVATE, file); }
static int over_shared_file(void) { return map_over(MAP_SHARED, file); }

static void at_fixed(void) { with_place(RW, over_private); }
static void at_fixed_shared(void) { with_place(RW, over_shared); }
static void at_fixed_growing(void) { with_place(RW, over_growing); }
static void at_fixed_file(void) { with_place(RW, over_private_file); }
static void at_fixed_shared_file(void) { with_place(RW, over_shared_file); }

/** Four pages of the place go to another, where something is, and become more or fewer. */
static int move_to(long pages, char *to) {
  char *p = mremap(place + 4 * PAGE, 4 * PAGE, pages * PAGE, MREMAP_MAYMOVE | (to ? MREMAP_FIXED : 0), to);
  if (p == MAP_FAILED)
    return unchanged();
  CHECK(to == NULL || p == to);
  check_pages(p, pages < 4 ? pages : 4, 1 + 4 * 0x9e3779b97f4a7c15, "the moved pages");
  CHECK(pages <= 4 || all_zero(p + 4 * PAGE, (pages - 4) * PAGE));
  check_pages(place, 4, 1, "below");
  return 1;
}
static int move_and_grow(void) { return move_to(600, NULL); }
static int move_onto(void) { return move_to(4, place + 10 * PAGE); }
static int move_onto_and_grow(void) { return move_to(520, place + 14 * PAGE); }
static int move_onto_and_shrink(void) { return move_to(2, place + 12 * PAGE); }

static void at_move(void) { with_place(RW, move_and_grow); }
static void at_move_onto(void) { with_place(RW, move_onto); }
static void at_move_onto_larger(void) { with_place(RW, move_onto_and_grow); }
static void at_move_onto_smaller(void) { with_place(RW, move_onto_and_shrink); }

static int protect_middle(void) {
  if (mprotect(place + 4 * PAGE, 4 * PAGE, PROT_READ) < 0)
    return unchanged();
  check_pages(place, 16, 1, "after mprotect");
  return 1;
}

static int make_writable(void) {
  if (mprotect(place + 4 * PAGE, 4 * PAGE, RW) < 0)
    return unchanged();
  place[4 * PAGE] = 1;
  return 1;
}

static int unmap_middle(void) { return munmap(place + 4 * PAGE, 4 * PAGE) < 0 ? unchanged() : 1; }

static int lock_middle(void) {
  if (mlock(place + 4 * PAGE, 4 * PAGE) == 0)
    return 1;
  if (policy_is("vm.commit", "strict"))
    return unchanged();
  CHECK(errno == ENOMEM); /* overcommitted: copies were made before there was none for the next page, and stay */
  check_pages(place, 16, 1, "after a refused mlock");
  return 0;
}


static void at_protect(void) { with_place(RW, protect_middle); }
static void at_unmap(void) { with_place(RW, unmap_middle); }
static void at_lock(void) { with_place(RW, lock_middle); }

/** Read-only mappings of a file side by side, made writable: promises for all of them or none. */
static void at_making_writable(void) {
  int fd = pattern_file("g", 16 * PAGE, 1);
  place = empty_range(16 * PAGE, PAGE);
  for (int i = 0; i < 4; i++)
    CHECK(mmap(place + 4 * i * PAGE, 4 * PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 4 * i * PAGE) != MAP_FAILED);
  char *copy = map_anon(16 * PAGE, RW, MAP_PRIVATE);
  number_pages(copy, 16, 1);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, copy, 16 * PAGE) == 16 * PAGE);
  read_maps(before, sizeof before);
  each_allocation(make_writable, 0);
}

static int forget_some(void) {
  if (madvise(place + 4 * PAGE, 4 * PAGE, MADV_DONTNEED) < 0) {
    CHECK(errno == ENOMEM);
    check_pages(place, 4, 1, "below");
    return 0;
  }
  CHECK(all_zero(place + 4 * PAGE, 4 * PAGE));
  check_pages(place, 4, 1, "below");
  return 1;
}
static void at_forget(void) { with_place(RW, forget_some); }

static int move_break(void) {
  char *end = sbrk(0), *more = sbrk(600 * PAGE);
  if (more == (char *)-1) {
    CHECK(errno == ENOMEM && sbrk(0) == end);
    return unchanged();
  }
  more[0] = more[599 * PAGE] = 1;
  CHECK(sbrk(-600 * PAGE) == end + 600 * PAGE && sbrk(0) == end);
  return 1;
}
static void at_break(void) { with_place(RW, move_break); }

/* ---- pages ---- */

static int write_copies(void) {
  number_pages(place, 16, 2);
  check_pages(place, 16, 2, "the copies");
  return 1;
}

/** The parent keeps its pages, the child's writes get theirs whatever fails first. */
static void at_copies(void) {
  with_place(RW, write_copies);
  check_pages(place, 16, 1, "the parent's pages");
}

static int first_touch(void) {
  char *p = place + 600 * PAGE; /* page tables are needed, too */
  if (mmap(p, 4 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) != p)
    return unchanged();
  number_pages(p, 4, 3);
  check_pages(p, 4, 3, "new pages");
  return 1;
}
static void at_first_touch(void) { with_place(RW, first_touch); }

/** Out to swap and in again: a slot, a frame or a table that cannot be had is waited for. */
static int out_and_in(void) {
  CHECK(madvise(place, 16 * PAGE, MADV_PAGEOUT) == 0);
  check_pages(place, 16, 2, "what was in swap");
  return 1;
}

static int write_out_and_in(void) {
  number_pages(place, 16, 2); /* pages that nobody shares */
  return out_and_in();
}

static void at_swap(void) {
  need_swap();
  struct vmstat start = counters();
  with_place(RW, write_out_and_in);
  struct vmstat end = counters();
  CHECK(end.pages_out > start.pages_out && end.faults_swap > start.faults_swap);
}

const struct test inject_map_tests[] = {
  { "inject_map_fixed", at_fixed, 0 },
  { "inject_map_fixed_shared", at_fixed_shared, 0 },
  { "inject_map_fixed_growing", at_fixed_growing, 0 },
  { "inject_map_fixed_file", at_fixed_file, 0 },
  { "inject_map_fixed_shared_file", at_fixed_shared_file, 0 },
  { "inject_map_move", at_move, 0 },
  { "inject_map_move_onto", at_move_onto, 0 },
  { "inject_map_move_onto_larger", at_move_onto_larger, 0 },
  { "inject_map_move_onto_smaller", at_move_onto_smaller, 0 },
  { "inject_map_protect", at_protect, 0 },
  { "inject_map_making_writable", at_making_writable, 0 },
  { "inject_map_unmap", at_unmap, 0 },
  { "inject_map_lock", at_lock, 0 },
  { "inject_map_forget", at_forget, 0 },
  { "inject_map_break", at_break, 0 },
  { "inject_page_copies", at_copies, 0 },
  { "inject_page_first_touch", at_first_touch, 0 },
  { "inject_page_swap", at_swap, 0 },
  { NULL, NULL, 0 },
};
