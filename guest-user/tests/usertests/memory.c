/* sbrk and lazy allocation. */
#include "ut.h"

#define FAILED ((char *)-1)
static void sbrk_basic(void) {
  char *a = sbrk(0);
  CHECK(sbrk(0) == a);
  CHECK(must_sbrk(1) == a);
  CHECK(sbrk(0) == a + 1);
  *a = 'x';
  CHECK(must_sbrk(10000) == a + 1);
  CHECK(*a == 'x' && all_zero(a + 1, 10000));
  memset(a, 'y', 10001);
  CHECK(must_sbrk(-10001) == a + 10001);
  CHECK(sbrk(0) == a);
}

static void sbrk_steps(void) {
  char *start = sbrk(0);
  for (int i = 0; i < 5000; i++) {
    char *p = must_sbrk(1 + i % 7);
    CHECK(*p == 0);
    *p = (char)i;
  }
  char *p = start;
  for (int i = 0; i < 5000; p += 1 + i % 7, i++)
    CHECK(*p == (char)i);
  must_sbrk(start - (char *)sbrk(0));
}

static void sbrk_regrow_zero(void) {
  char *a = align_break();
  for (int i = 0; i < 5; i++) {
    must_sbrk(20 * 4096);
    if (!all_zero(a, 20 * 4096))
      fail("memory given in round %d is not zero", i);
    memset(a, 0xa5, 20 * 4096);
    must_sbrk(-20 * 4096);
  }
  must_sbrk(4096); /* within one page: what was given back comes again as zero, too */
  memset(a, 0xa5, 4096);
  must_sbrk(-4096);
  must_sbrk(4096);
  CHECK(all_zero(a, 4096));
}

static void read_at(long address) {
  volatile char c = *(volatile char *)address;
  (void)c;
}

static void sbrk_shrink_faults(void) {
  char *a = align_break();
  must_sbrk(8 * 4096);
  memset(a, 1, 8 * 4096);
  must_sbrk(-7 * 4096);
  a[4095] = 2;
  expect_killed(read_at, (long)(a + 4096), "reading freed heap");
  expect_killed(read_at, (long)(a + 8 * 4096 - 1), "reading freed heap");
  must_sbrk(-4096);
  expect_killed(read_at, (long)a, "reading at the break");
}

static void sbrk_absurd(void) {
  static const long sizes[] = { 1L << 38, 1L << 40, 0x7fffffffffffffff, (long)0x8000000000000000, -(1L << 40), -(1L << 31), -(1L << 38) };
  char *a = sbrk(0);
  for (uint i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    if (sbrk(sizes[i]) != FAILED)
      fail("sbrk(%lx) worked", sizes[i]);
    if (errno != ENOMEM && errno != EINVAL)
      fail("sbrk(%lx): %s", sizes[i], strerror(errno));
    CHECK(sbrk(0) == a);
  }
  must_sbrk(100);
  FAILS(sbrk(-(long)a), EINVAL); /* below the heap: the program itself */
  CHECK(sbrk(0) == a + 100);
}

/** A lazy heap takes a frame when a page is touched, an eager one takes all of them at once. */
static void policy_sbrk(void) {
  uint64 half = free_frames() / 2;
  int lazy = policy_is("vm.heap", "lazy");
  char *a = align_break();
  uint64 before = free_frames();
  must_sbrk(half * 4096);
  uint64 granted = free_frames();
  if (lazy ? granted + 64 < before : granted + half > before)
    fail("vm.heap=%s, and sbrk of %lu untouched pages took %lu frames", lazy ? "lazy" : "eager", half, before - granted);
  for (int i = 0; i < 200; i++)
    a[(half - 1 - i) * 4096] = 1;
  uint64 taken = granted - free_frames();
  if (lazy ? taken < 200 || taken > 264 : taken > 64)
    fail("vm.heap=%s, and touching 200 pages took %lu frames", lazy ? "lazy" : "eager", taken);
  CHECK(all_zero(a, 4096 * 100));
  must_sbrk(-(long)half * 4096);
  CHECK(free_frames() + 8 >= before);
}

static void lazy_in_calls(void) {
  struct stat st;
  char *a = align_break(), *p = a;
  must_sbrk(64 * 4096);
  make_file("f", 3 * 4096, 9);
  int fd = must_open("f", O_RDONLY);
  CHECK(read(fd, p + 100, 3 * 4096) == 3 * 4096 && check_pattern(p + 100, 3 * 4096, 0, 9));
  p += 5 * 4096;
  int out = must_open("g", O_RDWR | O_CREATE);
  CHECK(write(out, p, 2 * 4096) == 2 * 4096);
  p += 3 * 4096;
  CHECK(fstat(fd, (struct stat *)p) == 0 && ((struct stat *)p)->size == 3 * 4096);
  p += 4096;
  CHECK(fstat(out, (struct stat *)(p + 4090)) == 0); /* over the edge of two untouched pages */
  memcpy(&st, p + 4090, sizeof st);
  CHECK(st.size == 2 * 4096);
  p += 3 * 4096;
  CHECK(pipe((int *)p) == 0);
  close(((int *)p)[0]);
  close(((int *)p)[1]);
  p += 4096;
  if (must_fork() == 0)
    exit(6);
  CHECK(wait((int *)p) > 0 && *(int *)p == 6);
  p += 4096;
  FAILS(open(p, O_RDONLY), ENOENT); /* an empty string */
  p += 4096;
  CHECK(sysinfo((struct sysinfo *)p) == 0);
  p += 4096;
  FAILS(exec(p, (char **)(p + 4096)), ENOENT);
  p += 3 * 4096;
  CHECK(write(out, p + 4000, 200) == 200);
}

static void zero_on_reuse(void) {
  for (int round = 0; round < 4; round++) {
    if (must_fork() == 0) {
      char *a = must_sbrk(1000 * 4096);
      if (!all_zero(a, 1000 * 4096))
        fail("a new process sees an old one's memory");
      memset(a, 0x77, 1000 * 4096);
      exit(0);
    }
    expect_status(0);
  }
}

static char big_zero[STATIC_PAGES * 4096];

static void bss_zero(void) { CHECK(all_zero(big_zero, sizeof big_zero)); }

const struct test memory_tests[] = {
  { "sbrk_basic", sbrk_basic, 0 },
  { "sbrk_steps", sbrk_steps, 0 },
  { "sbrk_regrow_zero", sbrk_regrow_zero, 0 },
  { "sbrk_shrink_faults", sbrk_shrink_faults, 0 },
  { "sbrk_absurd", sbrk_absurd, 0 },
  { "policy_sbrk", policy_sbrk, 0 },
  { "lazy_in_calls", lazy_in_calls, 0 },
  { "zero_on_reuse", zero_on_reuse, 0 },
  { "bss_zero", bss_zero, 0 },
  { NULL, NULL, 0 },
};
