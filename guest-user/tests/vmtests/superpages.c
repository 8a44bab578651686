/* super_*: 2 MiB leaves. Content must be right whether there are any or not; how many there are is asserted
 * for the policy in force, and where memory may be too scattered for one, against what was mapped instead. */
#include "vt.h"

#define SUPER_PAGES 512

/** Aligned memory with MAP_HUGETLB, which is a wish: it is granted in small pages where there are no large ones. */
static char *huge(long length, int kind) {
  char *where = empty_range(length, SUPERPAGE);
  char *p = mmap(where, length, RW, kind | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (p == MAP_FAILED)
    fail("mmap with MAP_HUGETLB: %s", strerror(errno));
  CHECK(((uint64)p & (SUPERPAGE - 1)) == 0);
  return p;
}

/** After 2 MiB were filled by so many faults: is the number of superpages right? A machine of 16 MiB may have no
 *  whole region left; then each page must have taken a fault of its own. */
static void check_superpages(uint64 before, uint64 faults) {
  uint64 now = counters().superpages;
  int on = policy_is("vm.superpages", "on");
  if (now > before + 1 || (!on && now != before) || (on && now == before && free_frames() > 8192))
    fail("vm.superpages=%s: %lu superpages are mapped after filling 2 MiB, %lu before", on ? "on" : "off", now, before);
  if (now == before && faults < SUPER_PAGES)
    fail("filling 512 small pages took %lu faults", faults);
}

/** All of it comes by one fault and is one leaf; without superpages neither. */
static void policy_one_leaf(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  uint64 before = counters().superpages, faults = system_now().nfaults;
  number_pages(p, SUPER_PAGES, 1);
  uint64 took = system_now().nfaults - faults;
  check_superpages(before, took);
  if (counters().superpages > before && took > 40)
    fail("touching 2 MiB of one superpage took %lu faults", took);
  check_pages(p, SUPER_PAGES, 1, "the superpage");
  unmap(p, SUPERPAGE);
  CHECK(counters().superpages == before);
}

/** Filling an aligned range of ordinary memory makes a superpage of it without being asked. */
static void policy_promoted_when_full(void) {
  char *where = empty_range(2 * SUPERPAGE, SUPERPAGE);
  CHECK(mmap(where, 2 * SUPERPAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == where);
  uint64 before = counters().superpages, faults = system_now().nfaults;
  number_pages(where, SUPER_PAGES, 2);
  check_superpages(before, system_now().nfaults - faults);
  check_pages(where, SUPER_PAGES, 2, "the full range");
  CHECK(all_zero(where + SUPERPAGE, 16 * PAGE));
}

/** Of memory that was given up nothing stands in the way of what comes in its place. */
static void policy_after_others(void) {
  char *where = empty_range(SUPERPAGE, SUPERPAGE);
  for (int round = 0; round < 10; round++) {
    CHECK(mmap(where, SUPERPAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == where);
    number_pages(where, 3 + 40 * round, round); /* a few of its places are taken */
    if (round % 2) {
      CHECK(madvise(where, SUPERPAGE, MADV_DONTNEED) == 0);
    } else {
      unmap(where, SUPERPAGE);
      CHECK(mmap(where, SUPERPAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == where);
    }
    uint64 before = counters().superpages, faults = system_now().nfaults;
    number_pages(where, SUPER_PAGES, round);
    check_superpages(before, system_now().nfaults - faults);
    unmap(where, SUPERPAGE);
  }
}

static void forked(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  number_pages(p, SUPER_PAGES, 3);
  struct gate wrote;
  gate_make(&wrote);
  if (must_fork() == 0) {
    check_pages(p, SUPER_PAGES, 3, "in the child");
    number_pages(p + 100 * PAGE, 50, 4);
    gate_open(&wrote, 1);
    check_pages(p + 100 * PAGE, 50, 4, "the child's own");
    check_pages(p, 100, 3, "the unwritten part");
    exit(0);
  }
  gate_wait(&wrote);
  check_pages(p, SUPER_PAGES, 3, "in the parent");
  number_pages(p, SUPER_PAGES, 5);
  expect_status(0);
  check_pages(p, SUPER_PAGES, 5, "in the parent, written");
}

static void partial_unmap(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  number_pages(p, SUPER_PAGES, 6);
  uint64 before = free_frames();
  unmap(p + 200 * PAGE, 100 * PAGE);
  CHECK(!can_read(p + 200 * PAGE) && !can_read(p + 299 * PAGE) && can_write(p + 300 * PAGE));
  check_pages(p, 200, 6, "below the hole");
  check_pages(p + 300 * PAGE, 212, 6 + 300 * 0x9e3779b97f4a7c15, "above the hole");
  await_free_frames(before + 95);
}

static void partial_protect(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  number_pages(p, SUPER_PAGES, 7);
  CHECK(mprotect(p + 17 * PAGE, PAGE, PROT_READ) == 0);
  CHECK(can_write(p + 16 * PAGE) && !can_write(p + 17 * PAGE) && can_write(p + 18 * PAGE));
  CHECK(mprotect(p + 17 * PAGE, PAGE, RW) == 0);
  check_pages(p, SUPER_PAGES, 7, "after mprotect and back");
  number_pages(p, SUPER_PAGES, 8);
  check_pages(p, SUPER_PAGES, 8, "written again");
}

static void partial_discard(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  number_pages(p, SUPER_PAGES, 9);
  CHECK(madvise(p + 10 * PAGE, 20 * PAGE, MADV_DONTNEED) == 0);
  CHECK(all_zero(p + 10 * PAGE, 20 * PAGE));
  check_pages(p, 10, 9, "below");
  check_pages(p + 30 * PAGE, SUPER_PAGES - 30, 9 + 30 * 0x9e3779b97f4a7c15, "above");
}

static void moved(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  number_pages(p, SUPER_PAGES, 10);
  char *to = empty_range(SUPERPAGE + PAGE, SUPERPAGE) + PAGE; /* where it cannot be one leaf */
  CHECK(mremap(p, SUPERPAGE, SUPERPAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
  check_pages(to, SUPER_PAGES, 10, "the moved superpage");
}

static void shared(void) {
  char *p = huge(SUPERPAGE, MAP_SHARED);
  number_pages(p, SUPER_PAGES, 11);
  if (must_fork() == 0) {
    check_pages(p, SUPER_PAGES, 11, "in the child");
    number_pages(p + 5 * PAGE, 300, 12);
    exit(0);
  }
  expect_status(0);
  check_pages(p + 5 * PAGE, 300, 12, "what the child wrote");
  check_pages(p, 5, 11, "the rest");
}

static void in_calls(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  int fd = pattern_file("f", 50 * PAGE, 1);
  CHECK(read(fd, p + 100 * PAGE + 77, 50 * PAGE) == 50 * PAGE);
  check_bytes(p + 100 * PAGE + 77, 50 * PAGE, 0, 1, "read into a superpage");
  CHECK(all_zero(p, 100 * PAGE));
  if (must_fork() == 0) {
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, p, 30 * PAGE) == 30 * PAGE);
    exit(0);
  }
  expect_status(0);
  CHECK(all_zero(p, 30 * PAGE));
}

/** A superpage under memory pressure is broken up and swapped like others. */
static void paged_out(void) {
  char *p = huge(SUPERPAGE, MAP_PRIVATE);
  need_swap();
  number_pages(p, SUPER_PAGES, 13);
  long pages = (long)free_frames() + (promisable() - (long)free_frames()) / 2;
  char *big = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  number_pages(big, pages, 1);
  check_pages(p, SUPER_PAGES, 13, "after paging");
  check_pages(big, pages, 1, "the big map");
}

static void heap_gets_them(void) {
  char *a = align_break();
  must_sbrk(6 * MIB);
  number_pages(a, 6 * 256, 1);
  check_pages(a, 6 * 256, 1, "the heap");
  must_sbrk(-3 * MIB - 5 * PAGE); /* breaks one up */
  check_pages(a, 3 * 256 - 5, 1, "what is left");
  must_sbrk(2 * MIB);
  CHECK(all_zero(a + (3 * 256 - 5) * PAGE, 2 * MIB));
}

const struct test superpage_tests[] = {
  { "super_policy_one_leaf", policy_one_leaf, 0 },
  { "super_policy_promoted_when_full", policy_promoted_when_full, 0 },
  { "super_policy_after_others", policy_after_others, 0 },
  { "super_forked", forked, 0 },
  { "super_partial_unmap", partial_unmap, 0 },
  { "super_partial_protect", partial_protect, 0 },
  { "super_partial_discard", partial_discard, 0 },
  { "super_moved", moved, 0 },
  { "super_shared", shared, 0 },
  { "super_in_calls", in_calls, 0 },
  { "super_paged_out", paged_out, 0 },
  { "super_heap", heap_gets_them, 0 },
  { NULL, NULL, 0 },
};
