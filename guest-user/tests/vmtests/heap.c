/* heap_*: the break, lazy allocation, and what reading an untouched page costs. */
#include "vt.h"

#include <syscall.h>

#define REFUSED ((char *)-1)

static void grow_shrink(void) {
  char *a = align_break();
  for (int round = 1; round <= 40; round++) {
    must_sbrk(round * PAGE);
    number_pages(a, round, round);
    check_pages(a, round, round, "the grown heap");
    must_sbrk(-(round - 1) * PAGE);
    check_pages(a, 1, round, "the page that is left");
    must_sbrk(-PAGE);
  }
  CHECK(sbrk(0) == a);
}

static void regrow_is_zero(void) {
  char *a = align_break();
  for (int round = 0; round < 8; round++) {
    must_sbrk(30 * PAGE);
    if (!all_zero(a, 30 * PAGE))
      fail("round %d gives memory that is not zero", round);
    memset(a, 0x5a, 30 * PAGE);
    must_sbrk(-30 * PAGE);
  }
}

/** What the break leaves behind in its own page comes back as zero, too: the page stays, but POSIX-like
 *  brk says nothing, and a program must not see what it gave back once the whole page went. */
static void partial_page(void) {
  char *a = align_break();
  must_sbrk(PAGE + 100);
  memset(a, 7, PAGE + 100);
  must_sbrk(-100); /* the second page goes */
  CHECK(!can_read(a + PAGE));
  must_sbrk(100);
  CHECK(all_zero(a + PAGE, 100));
  CHECK(a[PAGE - 1] == 7);
}

extern char end[];

static void to_zero(void) {
  char *top = sbrk(0);
  long all = top - (char *)(((uint64)end + PAGE - 1) & -PAGE);
  must_sbrk(100 * PAGE);
  memset(top, 3, 100 * PAGE);
  must_sbrk(-all - 100 * PAGE);
  FAILS(sbrk(-PAGE), EINVAL);
  char *base = sbrk(0);
  CHECK((uint64)base <= (((uint64)end + PAGE - 1) & -PAGE));
  must_sbrk(PAGE * 2);
  CHECK(all_zero(base, PAGE * 2));
}

static void negative_wrap(void) {
  char *a = sbrk(0);
  static const long steps[] = { -(1L << 62), -(1L << 40), -(1L << 38) - 1, (long)(1UL << 63), (1L << 62), (1L << 39), -0x10000000L, 0x7fffffffffffffff };
  for (uint i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    if (sbrk(steps[i]) != REFUSED)
      fail("sbrk(%lx) was granted", steps[i]);
    CHECK(sbrk(0) == a);
  }
  FAILS(sbrk(-(long)a - PAGE), EINVAL);
  CHECK(sbrk(0) == a);
}

static void freed_page_faults(void) {
  char *a = align_break();
  must_sbrk(16 * PAGE);
  memset(a, 1, 16 * PAGE);
  must_sbrk(-8 * PAGE);
  for (int i = 8; i < 16; i += 3)
    CHECK(!can_read(a + i * PAGE) && !can_write(a + i * PAGE));
  CHECK(can_write(a + 8 * PAGE - 1));
  must_sbrk(-8 * PAGE);
  CHECK(!can_read(a));
}

/** Growing takes no frame until the first touch under vm.heap=lazy, all of them under eager. */
static void policy_lazy(void) {
  char *a = align_break();
  int lazy = policy_is("vm.heap", "lazy");
  uint64 before = resident_pages();
  must_sbrk(200 * PAGE);
  uint64 granted = resident_pages() - before;
  if (lazy ? granted > 2 : granted < 200)
    fail("vm.heap=%s, and growing by 200 pages entered %lu", lazy ? "lazy" : "eager", granted);
  for (int i = 0; i < 200; i += 4)
    a[i * PAGE] = 1;
  uint64 touched = resident_pages() - before;
  if (lazy ? touched < 50 || touched > 54 : touched < 200)
    fail("after touching 50 of 200 pages %lu are entered", touched);
}

static void shrink_frees_frames(void) {
  char *a = align_break();
  uint64 before = free_frames();
  must_sbrk(300 * PAGE);
  memset(a, 1, 300 * PAGE);
  CHECK(free_frames() + 300 <= before);
  must_sbrk(-300 * PAGE);
  await_free_frames(before - 4);
}

/** Growing is paid for when it is promised (strict), when its pages are touched (overcommit), which an eager heap's
 *  are at once; and shrinking gives all of it back. */
static void policy_shrink_returns_promise(void) {
  char *a = align_break();
  int at_once = policy_is("vm.commit", "strict") || policy_is("vm.heap", "eager");
  uint64 before = system_now().committed_frames;
  must_sbrk(500 * PAGE);
  uint64 granted = system_now().committed_frames - before;
  if (at_once ? granted < 500 : granted > 10)
    fail("growing by 500 pages promised %lu frames", granted);
  number_pages(a, 100, 1);
  CHECK(system_now().committed_frames >= before + 100);
  must_sbrk(-500 * PAGE);
  if (system_now().committed_frames > before + 2)
    fail("%lu frames were promised before growing and shrinking, %lu after", before, system_now().committed_frames);
}

/** With strict accounting sbrk refuses what could not be held, and an eager heap must hold it now; with overcommit
 *  a lazy one is granted and used sparsely. */
static void policy_sparse_gigabyte(void) {
  char *a = align_break();
  long step = 32 * MIB, total = 1L << 30;
  if (policy_is("vm.commit", "strict") || policy_is("vm.heap", "eager")) {
    FAILS(sbrk(total * 4), ENOMEM);
    CHECK(sbrk(0) == a);
    must_sbrk(PAGE); /* a refusal is not the end */
    a[0] = 1;
    return;
  }
  must_sbrk(total);
  for (long at = 0; at < total; at += step)
    *(uint64 *)(a + at) = at + 1;
  for (long at = 0; at < total; at += step)
    CHECK(*(uint64 *)(a + at) == (uint64)at + 1);
  CHECK(all_zero(a + step / 2, PAGE));
  must_sbrk(-total);
}

static void untouched_page_in_calls(void) {
  char *a = align_break();
  struct stat st;
  must_sbrk(20 * PAGE);
  int fd = pattern_file("f", 3 * PAGE, 1), fds[2];
  CHECK(read(fd, a + 10, 3 * PAGE) == 3 * PAGE); /* the kernel writes to pages nobody touched */
  check_bytes(a + 10, 3 * PAGE, 0, 1, "read into untouched pages");
  int out = must_open("g", O_CREATE | O_RDWR);
  CHECK(write(out, a + 6 * PAGE, 2 * PAGE) == 2 * PAGE); /* and reads them */
  CHECK(fstat(fd, (struct stat *)(a + 10 * PAGE - 8)) == 0); /* over a page's edge */
  memcpy(&st, a + 10 * PAGE - 8, sizeof st);
  CHECK(st.size == (uint64)(3 * PAGE));
  CHECK(pipe((int *)(a + 12 * PAGE)) == 0);
  memcpy(fds, a + 12 * PAGE, sizeof fds);
  CHECK(write(fds[1], a + 14 * PAGE, 100) == 100);
  CHECK(read(fds[0], a + 16 * PAGE, 100) == 100 && all_zero(a + 16 * PAGE, PAGE));
}

/** A page that is only read costs no frame when the shared zero page is on. */
static void policy_zero_page(void) {
  long pages = 256;
  char *a = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  a[0] = 1; /* the page table is there now */
  uint64 before = free_frames();
  for (long i = 1; i < pages; i++)
    CHECK(((volatile char *)a)[i * PAGE] == 0);
  uint64 used = before - free_frames();
  int on = policy_is("vm.zeropage", "on");
  if (on ? used > 8 : used < (uint64)pages - 1)
    fail("vm.zeropage=%s, and reading %ld untouched pages took %lu frames", on ? "on" : "off", pages - 1, used);
}

/** Writing after reading: each page gets a frame of its own, and only that page changes. */
static void write_after_read(void) {
  long pages = 64;
  char *a = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  CHECK(all_zero(a, pages * PAGE));
  for (long i = 0; i < pages; i += 2)
    a[i * PAGE + 5] = (char)(i + 1);
  for (long i = 0; i < pages; i++)
    CHECK(a[i * PAGE + 5] == (i % 2 ? 0 : (char)(i + 1)) && all_zero(a + i * PAGE + 6, PAGE - 6));
  char *b = map_anon(PAGE, RW, MAP_PRIVATE); /* nobody's zeros were written to */
  CHECK(all_zero(b, PAGE));
}

/** The kernel's write to a page that was only read must not reach the shared zeros. */
static void kernel_write_after_read(void) {
  char *a = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  CHECK(all_zero(a, 4 * PAGE));
  int fd = pattern_file("f", 2 * PAGE, 3);
  CHECK(read(fd, a + 100, 2 * PAGE) == 2 * PAGE);
  check_bytes(a + 100, 2 * PAGE, 0, 3, "read over zeros");
  CHECK(all_zero(map_anon(4 * PAGE, RW, MAP_PRIVATE), 4 * PAGE));
}

static void brk_call(void) {
  char *a = align_break();
  CHECK(brk(a + 3 * PAGE) == 0);
  CHECK(sbrk(0) == a + 3 * PAGE);
  memset(a, 9, 3 * PAGE);
  CHECK(brk(a) == 0 && sbrk(0) == a);
  CHECK(!can_read(a));
  CHECK(brk((void *)PAGE) == -1);
  CHECK(brk((void *)(USERTOP + PAGE)) == -1);
  CHECK(brk((void *)-1L) == -1);
  CHECK(sbrk(0) == a);
}

/** A mapping in the way stops the heap; the heap stays as it was. */
static void stops_at_a_mapping(void) {
  char *a = align_break();
  char *wall = mmap(a + 8 * PAGE, PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0);
  CHECK(wall == a + 8 * PAGE);
  *wall = 'w';
  must_sbrk(8 * PAGE);
  FAILS(sbrk(1), ENOMEM);
  FAILS(sbrk(PAGE * 4), ENOMEM);
  memset(a, 1, 8 * PAGE);
  CHECK(*wall == 'w' && sbrk(0) == a + 8 * PAGE);
  unmap(wall, PAGE);
  must_sbrk(2 * PAGE);
  CHECK(all_zero(a + 8 * PAGE, 2 * PAGE));
}

/** munmap of a part of the heap: the rest lives, the hole faults. */
static void hole_in_heap(void) {
  char *a = align_break();
  must_sbrk(6 * PAGE);
  number_pages(a, 6, 4);
  unmap(a + 2 * PAGE, 2 * PAGE);
  CHECK(!can_read(a + 2 * PAGE) && !can_read(a + 3 * PAGE));
  check_pages(a, 2, 4, "below the hole");
  CHECK(can_write(a + 4 * PAGE) && can_write(a + 5 * PAGE));
  must_sbrk(-6 * PAGE);
  CHECK(!can_read(a));
  must_sbrk(6 * PAGE);
  CHECK(all_zero(a, PAGE));
}

/** As newer xv6 has it: with SBRK_LAZY nothing is promised, so that the break goes where it otherwise could not. */
static void lazy_sbrk(void) {
  char *a = align_break();
  long pages = promisable() + 2000;
  long got = syscall(SYS_sbrk, pages * PAGE, SBRK_EAGER);
  if (policy_is("vm.commit", "overcommit") && policy_is("vm.heap", "lazy"))
    CHECK(got == (long)a && must_sbrk(-pages * PAGE) == a + pages * PAGE);
  else
    CHECK(got == -1 && errno == ENOMEM && sbrk(0) == a);
  CHECK(syscall(SYS_sbrk, pages * PAGE, SBRK_LAZY) == (long)a);
  a[0] = a[(pages - 1) * PAGE] = 1;
  CHECK(must_sbrk(-pages * PAGE) == a + pages * PAGE && sbrk(0) == a);
}

const struct test heap_tests[] = {
  { "heap_grow_shrink", grow_shrink, 0 },
  { "heap_regrow_is_zero", regrow_is_zero, 0 },
  { "heap_partial_page", partial_page, 0 },
  { "heap_to_zero", to_zero, 0 },
  { "heap_negative_wrap", negative_wrap, 0 },
  { "heap_freed_page_faults", freed_page_faults, 0 },
  { "heap_policy_lazy", policy_lazy, 0 },
  { "heap_shrink_frees_frames", shrink_frees_frames, 0 },
  { "heap_policy_shrink_returns_promise", policy_shrink_returns_promise, 0 },
  { "heap_policy_sparse_gigabyte", policy_sparse_gigabyte, 0 },
  { "heap_untouched_page_in_calls", untouched_page_in_calls, 0 },
  { "heap_policy_zero_page", policy_zero_page, 0 },
  { "heap_write_after_read", write_after_read, 0 },
  { "heap_kernel_write_after_read", kernel_write_after_read, 0 },
  { "heap_brk_call", brk_call, 0 },
  { "heap_stops_at_a_mapping", stops_at_a_mapping, 0 },
  { "heap_hole", hole_in_heap, 0 },
  { "heap_lazy_sbrk", lazy_sbrk, 0 },
  { NULL, NULL, 0 },
};
