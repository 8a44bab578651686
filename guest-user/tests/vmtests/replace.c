/* replace_*: a call that is to put something in the place of what is mapped does so wholly or not at all. */
#include "vt.h"

static char before[8192], after[8192];

/** Fails unless this process's mappings are those noted in before[]. */
static void same_maps(const char *what) {
  read_maps(after, sizeof after);
  if (strcmp(before, after) != 0)
    fail("%s has changed what is mapped", what);
}

/** More pages than can be promised now, with some to spare for what others give back meanwhile. */
static long too_many(void) { return promisable() + 2000; }

/** MAP_FIXED over something, refused for lack of memory, leaves it; where everything is promised it replaces. */
static void fixed_without_memory(void) {
  static const int kinds[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN };
  long pages = too_many();
  char *room = empty_range((pages + 8) * PAGE, PAGE);
  int grants = policy_is("vm.commit", "overcommit");
  for (int i = 0; i < 3; i++) {
    CHECK(mmap(room, 8 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == room);
    number_pages(room, 8, i);
    read_maps(before, sizeof before);
    char *p = mmap(room + 4 * PAGE, pages * PAGE, RW, kinds[i] | MAP_FIXED, -1, 0);
    if (grants) {
      CHECK(p == room + 4 * PAGE && p[0] == 0);
      unmap(p, pages * PAGE);
      continue;
    }
    CHECK(p == MAP_FAILED && errno == ENOMEM);
    same_maps("a refused mmap");
    check_pages(room, 8, i, "what stands there");
  }
}

/** Refused for other reasons, too. */
static void fixed_refused(void) {
  make_file("f", 4 * PAGE, 1);
  int readable = must_open("f", O_RDONLY), writable = must_open("f", O_WRONLY), directory = must_open(".", O_RDONLY);
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 4, 1);
  read_maps(before, sizeof before);
  CHECK(mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, readable, 0) == MAP_FAILED && errno == EACCES);
  CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, writable, 0) == MAP_FAILED && errno == EACCES);
  CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, directory, 0) == MAP_FAILED && errno == ENODEV);
  CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 99, 0) == MAP_FAILED && errno == EBADF);
  CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, readable, 100) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(p, 0, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(p, USERTOP, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == MAP_FAILED && errno == ENOMEM);
  same_maps("a refused mmap");
  check_pages(p, 4, 1, "what stands there");
}

/** What was promised to the old mapping is there for the new one. */
static void takes_over_promises(void) {
  long pages = promisable() * 3 / 5;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  p[0] = p[(pages - 1) * PAGE] = 'o';
  CHECK(mmap(p, pages * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == p);
  CHECK(p[0] == 0 && p[(pages - 1) * PAGE] == 0);
  CHECK(mmap(p, pages * PAGE, RW, SHARED_ANON | MAP_FIXED, -1, 0) == p);
  CHECK(p[0] == 0);
}

/** mremap to a fixed place, refused, leaves both places. */
static void remap_without_memory(void) {
  long pages = too_many();
  char *room = empty_range(pages * PAGE, PAGE), *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  CHECK(mmap(room, 4 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == room);
  number_pages(p, 4, 1);
  number_pages(room, 4, 2);
  read_maps(before, sizeof before);
  char *q = mremap(p, 4 * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
  if (policy_is("vm.commit", "overcommit")) {
    CHECK(q == room);
    check_pages(q, 4, 1, "the moved pages");
    return;
  }
  CHECK(q == MAP_FAILED && errno == ENOMEM);
  same_maps("a refused mremap");
  check_pages(p, 4, 1, "what was to move");
  check_pages(room, 4, 2, "what stands there");
  CHECK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + PAGE) == room + PAGE);
  check_pages(room + PAGE, 2, 1, "the moved pages");
}

/** New memory in the middle of equal memory becomes a part of it: one entry. */
static void fixed_merges(void) {
  char *p = map_anon(12 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 12, 1);
  uint64 entries = system_now().vm_entries;
  CHECK(mmap(p + 4 * PAGE, 4 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == p + 4 * PAGE);
  if (system_now().vm_entries != entries)
    fail("%ld entries more than before", (long)(system_now().vm_entries - entries));
  check_pages(p, 4, 1, "below");
  CHECK(all_zero(p + 4 * PAGE, 4 * PAGE));
  check_pages(p + 8 * PAGE, 4, 1 + 8 * 0x9e3779b97f4a7c15, "above");
  number_pages(p, 12, 2);
  check_pages(p, 12, 2, "all of it");
}

/** Memory that is given up in the middle stays a part of its entry, also in a fork's child and its parent afterwards. */
static void dontneed_merges(void) {
  char *p = map_anon(12 * PAGE, RW, MAP_PRIVATE);
  for (int round = 0; round < 3; round++) {
    number_pages(p, 12, round);
    uint64 entries = system_now().vm_entries;
    CHECK(madvise(p + 4 * PAGE, 4 * PAGE, MADV_DONTNEED) == 0);
    CHECK(all_zero(p + 4 * PAGE, 4 * PAGE));
    CHECK(mprotect(p + 2 * PAGE, 4 * PAGE, PROT_READ) == 0 && mprotect(p + 2 * PAGE, 4 * PAGE, RW) == 0);
    check_pages(p, 4, round, "below");
    if (system_now().vm_entries != entries)
      fail("round %d: %ld entries more than before", round, (long)(system_now().vm_entries - entries));
    if (must_fork() == 0)
      exit(0);
    expect_status(0);
  }
}

/** A locked mapping that has grown is counted right when it goes: locking it again and again finds room each time. */
static void locked_growth(void) {
  long half = (long)counters().total_frames / 2;
  for (long done = 0; done <= half; done += 256) {
    char *p = map_anon(PAGE, RW, MAP_PRIVATE), *room = empty_range(300 * PAGE, PAGE);
    CHECK(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    CHECK(mlock(room, PAGE) == 0);
    CHECK(mremap(room, PAGE, 257 * PAGE, 0) == room);
    if (pages_in_core(room, 257) != 257)
      fail("of 257 locked pages %ld are in memory", pages_in_core(room, 257));
    unmap(room, 257 * PAGE);
  }
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  CHECK(mlock(p, 8 * PAGE) == 0);
  FAILS(mlock(map_anon((half + 8) * PAGE, PROT_READ, MAP_PRIVATE | MAP_NORESERVE), (half + 8) * PAGE), ENOMEM);
}

const struct test replace_tests[] = {
  { "replace_fixed_without_memory", fixed_without_memory, 0 },
  { "replace_fixed_refused", fixed_refused, 0 },
  { "replace_takes_over_promises", takes_over_promises, 0 },
  { "replace_remap_without_memory", remap_without_memory, 0 },
  { "replace_fixed_merges", fixed_merges, 0 },
  { "replace_dontneed_merges", dontneed_merges, 0 },
  { "replace_locked_growth", locked_growth, 0 },
  { NULL, NULL, 0 },
};
