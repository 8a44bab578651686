/* map_*: where mappings go, what munmap takes away, and which calls are refused. */
#include "vt.h"

static void *map_at(void *where, long length, int flags) { return mmap(where, length, RW, PRIVATE_ANON | flags, -1, 0); }

static void anonymous(void) {
  char *p = map_anon(5 * PAGE, RW, MAP_PRIVATE);
  CHECK(((uint64)p & (PAGE - 1)) == 0);
  CHECK(all_zero(p, 5 * PAGE));
  number_pages(p, 5, 1);
  check_pages(p, 5, 1, "the mapping");
  unmap(p, 5 * PAGE);
  CHECK(!can_read(p) && !can_read(p + 4 * PAGE));
  p = map_anon(5 * PAGE, RW, MAP_PRIVATE);
  CHECK(all_zero(p, 5 * PAGE));
}

static void lazy(void) {
  uint64 before = resident_pages(), frames = free_frames();
  char *p = map_anon(256 * PAGE, RW, MAP_PRIVATE);
  CHECK(resident_pages() <= before + 1 && free_frames() + 8 >= frames);
  p[100 * PAGE] = 1;
  CHECK(resident_pages() <= before + 2);
}

/** Unmapping `count` of 8 pages from page `first` on leaves the others as they were. */
static void partial(int first, int count) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 3);
  unmap(p + first * PAGE, count * PAGE);
  for (int i = 0; i < 8; i++) {
    int gone = i >= first && i < first + count;
    if (can_read(p + i * PAGE) == gone)
      fail("after unmapping %d pages from page %d on, page %d is %s", count, first, i, gone ? "still there" : "gone");
    if (!gone && *(uint64 *)(p + i * PAGE) != i * 0x9e3779b97f4a7c15 + 3)
      fail("page %d lost its content", i);
  }
}

static void unmap_head(void) { partial(0, 3); }
static void unmap_tail(void) { partial(5, 3); }
static void unmap_middle(void) { partial(2, 4); }

/** The same of a shared file: what was written to each part reaches the file. */
static void unmap_file_in_parts(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, RW, MAP_SHARED, 0);
  fill_pattern(p, 8 * PAGE, 0, 2);
  unmap(p + 3 * PAGE, 2 * PAGE);
  check_bytes(p, 3 * PAGE, 0, 2, "the head");
  check_bytes(p + 5 * PAGE, 3 * PAGE, 5 * PAGE, 2, "the tail");
  unmap(p, PAGE);
  unmap(p + 7 * PAGE, PAGE);
  unmap(p, 8 * PAGE); /* with holes: that is allowed */
  check_file("f", 8 * PAGE, 2);
}

static void unmap_frees_frames(void) {
  char *p = map_anon(400 * PAGE, RW, MAP_PRIVATE);
  uint64 before = free_frames();
  number_pages(p, 400, 1);
  unmap(p + 100 * PAGE, 200 * PAGE);
  await_free_frames(before - 206);
  unmap(p, 400 * PAGE);
  await_free_frames(before - 2);
}

static void unmap_several(void) {
  char *room = empty_range(12 * PAGE, PAGE);
  for (int i = 0; i < 12; i += 3)
    CHECK(map_at(room + i * PAGE, 2 * PAGE, MAP_FIXED) == room + i * PAGE);
  unmap(room + PAGE, 9 * PAGE); /* the second half of one, two whole ones, the first of another, and the gaps */
  CHECK(can_read(room) && can_read(room + 10 * PAGE));
  for (int i = 1; i < 10; i++)
    CHECK(!can_read(room + i * PAGE));
}

static void unmap_nothing(void) {
  char *room = empty_range(4 * PAGE, PAGE);
  CHECK(munmap(room, 4 * PAGE) == 0);
  FAILS(munmap(room, 0), EINVAL);
  FAILS(munmap(room + 1, PAGE), EINVAL);
  FAILS(munmap((void *)(USERTOP + 16 * PAGE), PAGE), EINVAL);
  FAILS(munmap(room, -PAGE), EINVAL);
  FAILS(munmap(room, 1L << 62), EINVAL);
}

static void fixed_replaces(void) {
  char *p = map_anon(6 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 6, 1);
  CHECK(map_at(p + 2 * PAGE, 2 * PAGE, MAP_FIXED) == p + 2 * PAGE);
  CHECK(all_zero(p + 2 * PAGE, 2 * PAGE));
  check_pages(p, 2, 1, "below");
  CHECK(*(uint64 *)(p + 4 * PAGE) == 4 * 0x9e3779b97f4a7c15 + 1);
  int fd = pattern_file("f", PAGE, 5);
  CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p);
  check_bytes(p, PAGE, 0, 5, "a file over memory");
  CHECK(!can_write(p) && can_write(p + PAGE));
}

static void fixed_no_replace(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 4, 1);
  CHECK(map_at(p + PAGE, PAGE, MAP_FIXED_NOREPLACE) == MAP_FAILED && errno == EEXIST);
  CHECK(map_at(p - PAGE, 2 * PAGE, MAP_FIXED_NOREPLACE) == MAP_FAILED && errno == EEXIST);
  check_pages(p, 4, 1, "what was there");
  unmap(p + PAGE, PAGE);
  CHECK(map_at(p + PAGE, PAGE, MAP_FIXED_NOREPLACE) == p + PAGE);
}

/** A mapping that is refused has taken nothing away. */
static void refused_fixed_keeps_old(void) {
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 2, 1);
  CHECK(mmap(p, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, 77, 0) == MAP_FAILED && errno == EBADF);
  check_pages(p, 2, 1, "after a refused mmap");
}

static void never_at_zero(void) {
  CHECK(map_at(0, PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(errno == EINVAL || errno == EPERM || errno == ENOMEM);
  CHECK(map_at(0, 16 * PAGE, MAP_FIXED_NOREPLACE) == MAP_FAILED);
  char *p = mmap((void *)1, PAGE, RW, PRIVATE_ANON, -1, 0); /* a hint there is not taken */
  CHECK(p != MAP_FAILED && (uint64)p >= USERBASE);
  CHECK(!can_read((void *)8));
}

static void never_above_the_top(void) {
  CHECK(map_at((void *)USERTOP, PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(map_at((void *)(USERTOP - PAGE), 2 * PAGE, MAP_FIXED_NOREPLACE) == MAP_FAILED);
  CHECK(map_at((void *)0x3ffffff000, PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(map_at((void *)0x8000000000, PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(map_at((void *)0xffffffffffff0000, PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(map_at((void *)0xfffffffffffff000, 2 * PAGE, MAP_FIXED) == MAP_FAILED);
  CHECK(getpid() > 0);
}

static void hint(void) {
  char *room = empty_range(4 * PAGE, PAGE);
  CHECK(map_at(room, PAGE, 0) == room);         /* free: taken */
  char *other = map_at(room, PAGE, 0);          /* taken already: elsewhere */
  CHECK(other != MAP_FAILED && other != room);
  char *odd = map_at(room + 2 * PAGE + 5, PAGE, 0);
  CHECK(odd != MAP_FAILED && ((uint64)odd & (PAGE - 1)) == 0);
  char *wild = map_at((void *)0xffffffff80000000, PAGE, 0);
  CHECK(wild != MAP_FAILED && (uint64)wild < USERTOP);
}

static void arguments(void) {
  int fd = pattern_file("f", 2 * PAGE, 1);
  char *room = empty_range(4 * PAGE, PAGE);
  static const struct { long length, offset; int flags, error; } bad[] = {
    { 0, 0, MAP_PRIVATE, EINVAL }, { PAGE, 100, MAP_PRIVATE, EINVAL }, { PAGE, -PAGE, MAP_PRIVATE, EINVAL },
    { PAGE, 0, 0, EINVAL }, { -1, 0, MAP_PRIVATE, ENOMEM }, { 1L << 39, 0, MAP_PRIVATE, ENOMEM }, { 1L << 62, 0, MAP_PRIVATE, ENOMEM },
  };
  for (uint i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    errno = 0;
    if (mmap(NULL, bad[i].length, PROT_READ, bad[i].flags, fd, bad[i].offset) != MAP_FAILED)
      fail("mmap of %ld bytes at offset %ld with flags %x worked", bad[i].length, bad[i].offset, bad[i].flags);
    if (errno != bad[i].error && !(errno == EINVAL && bad[i].error == ENOMEM) && !(errno == EOVERFLOW))
      fail("mmap of %ld bytes at offset %ld with flags %x: %s", bad[i].length, bad[i].offset, bad[i].flags, strerror(errno));
  }
  CHECK(mmap(room + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, PAGE, RW, SHARED_ANON | MAP_GROWSDOWN, -1, 0) == MAP_FAILED && errno == EINVAL); /* only private zeros grow */
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, NOFILE + 5, 0) == MAP_FAILED && errno == EBADF);
  close(fd);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
}

static void no_rights(void) {
  char *p = map_anon(2 * PAGE, PROT_NONE, MAP_PRIVATE);
  CHECK(!can_read(p) && !can_write(p) && !can_run(p));
  CHECK(mprotect(p, PAGE, RW) == 0);
  p[0] = 1;
  CHECK(!can_read(p + PAGE));
  char *q = map_anon(PAGE, PROT_READ, MAP_PRIVATE);
  CHECK(all_zero(q, PAGE) && !can_write(q) && !can_run(q));
}

static void populate(void) {
  char *p = map_anon(32 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE);
  CHECK(pages_in_core(p, 32) == 32);
  struct sysinfo before = system_now();
  number_pages(p, 32, 1);
  struct sysinfo after = system_now();
  if (after.nfaults - before.nfaults > 8)
    fail("touching 32 populated pages took %lu faults", after.nfaults - before.nfaults);
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *q = map_file(fd, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_POPULATE, 0);
  check_bytes(q, 8 * PAGE, 0, 1, "a populated file");
}

/** MAP_NORESERVE: a gigabyte of addresses, a few pages of them used. */
static void sparse_gigabyte(void) {
  long total = 1L << 30, step = 32 * MIB;
  uint64 before = free_frames();
  char *p = mmap(NULL, total, RW, PRIVATE_ANON | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED);
  for (long at = 0; at < total; at += step)
    *(uint64 *)(p + at + PAGE * (at / step)) = at + 7;
  for (long at = 0; at < total; at += step)
    CHECK(*(uint64 *)(p + at + PAGE * (at / step)) == (uint64)at + 7);
  uint64 used = before - free_frames();
  if (used > 32 * 2 + 20)
    fail("32 touches took %lu frames", used);
  unmap(p, total);
  await_free_frames(before - 4);
}

/** Entries of this process's map, by what sysinfo counts for all. */
static uint64 entries(void) { return system_now().vm_entries; }

static void neighbours_merge(void) {
  char *room = empty_range(16 * PAGE, PAGE);
  uint64 before = entries();
  for (int i = 0; i < 16; i++)
    CHECK(map_at(room + i * PAGE, PAGE, MAP_FIXED) == room + i * PAGE);
  uint64 used = entries() - before;
  if (used > 2)
    fail("16 equal mappings side by side are %lu entries", used);
  number_pages(room, 16, 1);
  check_pages(room, 16, 1, "the merged mapping");
  unmap(room, 16 * PAGE);
  CHECK(entries() <= before);
}

static void thousand_islands(void) {
  long n = 400;
  char *room = empty_range(2 * n * PAGE, PAGE);
  for (long i = 0; i < n; i++)
    CHECK(map_at(room + 2 * i * PAGE, PAGE, MAP_FIXED) == room + 2 * i * PAGE);
  for (long i = 0; i < n; i++)
    *(long *)(room + 2 * ((i * 7) % n) * PAGE) = i;
  for (long i = 0; i < n; i++)
    CHECK(*(long *)(room + 2 * ((i * 7) % n) * PAGE) == i);
  if (must_fork() == 0)
    exit(*(long *)(room + 14 * PAGE) != 1);
  expect_status(0);
  for (long i = 0; i < n; i += 2)
    unmap(room + 2 * i * PAGE, PAGE);
  CHECK(!can_read(room) && can_read(room + 2 * PAGE));
  unmap(room, 2 * n * PAGE);
  CHECK(!can_read(room + 2 * PAGE));
}

/** MAP_GROWSDOWN grows by touches right below it, and not by one far away. */
static void grows_down(void) {
  char *room = empty_range(64 * PAGE, PAGE);
  char *p = mmap(room + 60 * PAGE, 4 * PAGE, RW, PRIVATE_ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
  CHECK(p == room + 60 * PAGE);
  for (int i = 59; i >= 40; i--)
    room[i * PAGE + 4000] = (char)i;
  for (int i = 59; i >= 40; i--)
    CHECK(room[i * PAGE + 4000] == (char)i);
  unmap(room, 64 * PAGE);
}

/** Random mmap, munmap and mprotect of 64 pages against a model of what must be there. */
static void random_against_model(void) {
  enum { ABSENT, READABLE, WRITABLE };
  static char state[64];
  static uint64 value[64];
  char *room = empty_range(64 * PAGE, PAGE);
  unsigned long seed = 12345;
  uint64 stamp = 1;
  memset(state, ABSENT, sizeof state);
  for (int round = 0; round < 600; round++) {
    uint64 r = rand_next(&seed);
    int first = r % 64, count = 1 + (r >> 8) % 12, what = (r >> 16) % 5;
    if (first + count > 64)
      count = 64 - first;
    if (what <= 1) {
      CHECK(map_at(room + first * PAGE, count * PAGE, MAP_FIXED) == room + first * PAGE);
      memset(state + first, WRITABLE, count);
      memset(value + first, 0, count * sizeof value[0]);
    } else if (what == 2) {
      unmap(room + first * PAGE, count * PAGE);
      memset(state + first, ABSENT, count);
    } else {
      int ok = 1, rights = what == 3 ? PROT_READ : RW;
      for (int i = first; i < first + count; i++)
        ok = ok && state[i] != ABSENT;
      if ((mprotect(room + first * PAGE, count * PAGE, rights) == 0) != ok)
        fail("round %d: mprotect of %d pages at page %d: %s, wanted %s", round, count, first, ok ? "refused" : "granted", ok ? "granted" : "ENOMEM");
      if (!ok)
        for (int i = first; i < first + count && state[i] != ABSENT; i++) /* POSIX leaves open how far it went: undo */
          CHECK(mprotect(room + i * PAGE, PAGE, state[i] == READABLE ? PROT_READ : RW) == 0);
      else
        memset(state + first, what == 3 ? READABLE : WRITABLE, count);
    }
    for (int i = 0; i < 64; i++) {
      if (state[i] != ABSENT && *(uint64 *)(room + i * PAGE) != value[i])
        fail("round %d: page %d has %lx, wanted %lx", round, i, *(uint64 *)(room + i * PAGE), value[i]);
      if (state[i] == WRITABLE && (i + round) % 3 == 0)
        *(uint64 *)(room + i * PAGE) = value[i] = stamp++;
    }
    if (round % 60 == 59)
      for (int i = 0; i < 64; i++)
        if (can_write(room + i * PAGE) != (state[i] == WRITABLE))
          fail("round %d: page %d should%s be writable", round, i, state[i] == WRITABLE ? "" : " not");
  }
}

const struct test map_anon_tests[] = {
  { "map_anonymous", anonymous, 0 },
  { "map_anonymous_lazy", lazy, 0 },
  { "map_unmap_head", unmap_head, 0 },
  { "map_unmap_tail", unmap_tail, 0 },
  { "map_unmap_middle", unmap_middle, 0 },
  { "map_unmap_file_in_parts", unmap_file_in_parts, 0 },
  { "map_unmap_frees_frames", unmap_frees_frames, 0 },
  { "map_unmap_several", unmap_several, 0 },
  { "map_unmap_nothing", unmap_nothing, 0 },
  { "map_fixed_replaces", fixed_replaces, 0 },
  { "map_fixed_no_replace", fixed_no_replace, 0 },
  { "map_refused_fixed_keeps_old", refused_fixed_keeps_old, 0 },
  { "map_never_at_zero", never_at_zero, 0 },
  { "map_never_above_the_top", never_above_the_top, 0 },
  { "map_hint", hint, 0 },
  { "map_arguments", arguments, 0 },
  { "map_no_rights", no_rights, 0 },
  { "map_populate", populate, 0 },
  { "map_sparse_gigabyte", sparse_gigabyte, 0 },
  { "map_neighbours_merge", neighbours_merge, 0 },
  { "map_islands", thousand_islands, 0 },
  { "map_grows_down", grows_down, 0 },
  { "map_random_against_model", random_against_model, 1 },
  { NULL, NULL, 0 },
};
