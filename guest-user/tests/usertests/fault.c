/* What user code may not do: each crime is committed by a child, which the kernel must kill (status -1). */
#include "ut.h"

extern char etext[], end[];

static void load(long address) {
  volatile char c = *(volatile char *)address;
  (void)c;
}

static void store(long address) { *(volatile char *)address = 1; }

static void jump(long address) { ((void (*)(void))address)(); }

/* Nothing is mapped at any of these, for a user. */
static const uint64 forbidden[] = {
  0, 8, 0x7ff, 0xfff, 0x1000, 0x8000, 0xffff,
  0x100000, 0x2000000, 0xc000000, 0x10000000, 0x10001000,
  0x80000000, 0x80200000, 0x87fff000,
  USERTOP, USERTOP + 8, USERTOP + 4096, 0x3fffffe000, 0x3ffffff000, 0x3fffffffff,
  0x4000000000, 0x7fffffffff, 0x8000000000, 0x7fffffffffffffff,
  0x8000000000000000, 0xffffffc000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
};
#define FORBIDDEN (int)(sizeof forbidden / sizeof forbidden[0])

static void load_forbidden(void) {
  for (int i = 0; i < FORBIDDEN; i++)
    expect_killed(load, forbidden[i], "a load");
}

static void store_forbidden(void) {
  for (int i = 0; i < FORBIDDEN; i++)
    expect_killed(store, forbidden[i], "a store");
}

static void jump_forbidden(void) {
  for (int i = 0; i < FORBIDDEN; i++)
    expect_killed(jump, forbidden[i] & ~1UL, "a jump");
}

static void straddle(long address) {
  volatile uint64 v = *(volatile uint64 *)address;
  (void)v;
}

static void load_straddles_end(void) {
  expect_killed(straddle, USERTOP - 4, "a load across the top of user space");
  expect_killed(load, -1, "a load at the last address");
}

static void text_not_writable(void) {
  char before = *(char *)(long)text_not_writable;
  expect_killed(store, 0x10000, "a store to the first byte of text");
  expect_killed(store, (long)text_not_writable, "a store to text");
  expect_killed(store, (long)etext - 1, "a store to the end of text");
  CHECK(*(char *)(long)text_not_writable == before);
}

static const char read_only[] = "read-only data";

static void rodata_not_writable(void) { expect_killed(store, (long)read_only, "a store to read-only data"); }

static void data_not_executable(void) {
  static uint code[] = { 0x00008067, 0x00008067 }; /* ret */
  uint on_stack[] = { 0x00008067, 0x00008067 };
  char *heap = sbrk(4096);
  memcpy(heap, code, sizeof code);
  __asm__ volatile("fence.i" ::: "memory");
  expect_killed(jump, (long)code, "running data");
  expect_killed(jump, ((long)heap + 3) & ~3L, "running the heap");
  expect_killed(jump, (long)on_stack, "running the stack");
  expect_killed(jump, (long)read_only & ~3L, "running read-only data");
}

static void beyond_break(void) {
  long over = (4096 - ((long)sbrk(0) & 4095)) & 4095;
  sbrk(over);
  char *top = sbrk(0);
  expect_killed(load, (long)top, "a load at the break");
  expect_killed(store, (long)top + 4096, "a store beyond the break");
  expect_killed(store, (long)top + (1 << 20), "a store far beyond the break");
  expect_killed(store, 0x2000000000, "a store into the middle of nowhere");
}

static void stack_guard(void) {
  expect_killed(load, USERTOP - USERSTACK - STACKGUARD, "a load from the guard's first byte");
  expect_killed(store, USERTOP - USERSTACK - 1, "a store right below the stack");
  expect_killed(store, USERTOP - USERSTACK - 4096, "a store a page below the stack");
}

static int recurse(int depth) {
  volatile char frame[200];
  frame[depth % 200] = (char)depth;
  return depth < 0 ? 0 : recurse(depth + 1) + frame[depth % 200];
}

static void overflow(long arg) { exit(recurse((int)arg) == 42 ? 3 : 4); }

static void stack_overflow(void) { expect_killed(overflow, 1, "endless recursion"); }

static int use_stack(int pages) {
  volatile char page[4096];
  page[0] = page[4095] = (char)pages;
  return pages == 0 ? 0 : use_stack(pages - 1) + page[0] - page[4095];
}

static void stack_depth(void) {
  int pages = (int)(USERSTACK / 4096) - 5;
  CHECK(use_stack(pages) == 0);
}

static void bad_sp(long address) {
  __asm__ volatile("mv sp, %0\n sd zero, 0(sp)\n" : : "r"(address));
}

static void sp_anywhere(void) {
  for (int i = 0; i < FORBIDDEN; i++)
    expect_killed(bad_sp, forbidden[i] & ~7UL, "a push with a wild sp");
}

/** A system call does not need a good sp: the kernel has a stack of its own. */
static void call_with_wild_sp(void) {
  for (int i = 0; i < FORBIDDEN; i++) {
    long pid;
    __asm__ volatile(
        "mv s2, sp\n mv sp, %1\n li a7, 11\n ecall\n mv sp, s2\n mv %0, a0"
        : "=r"(pid) : "r"(forbidden[i]) : "a0", "a1", "a7", "s2", "memory");
    CHECK(pid == getpid());
  }
}

#define INSTRUCTION(name, text) \
  static void name(long arg) { (void)arg; __asm__ volatile(text ::: "t0", "memory"); }
INSTRUCTION(illegal_zero, ".2byte 0")
INSTRUCTION(illegal_ones, ".4byte 0xffffffff")
INSTRUCTION(breakpoint, "ebreak")
INSTRUCTION(do_sret, "sret")
INSTRUCTION(do_mret, "mret")
INSTRUCTION(do_sfence, "sfence.vma")
INSTRUCTION(read_sstatus, "csrr t0, sstatus")
INSTRUCTION(write_satp, "csrw satp, zero")
INSTRUCTION(read_mstatus, "csrr t0, mstatus")
INSTRUCTION(write_mie, "csrw mie, zero")
INSTRUCTION(write_stvec, "csrw stvec, zero")
INSTRUCTION(write_time, ".4byte 0xc0101073") /* csrw time, zero */

static void privileged(void) {
  static const struct { void (*run)(long); const char *what; } crimes[] = {
    { illegal_zero, "an instruction of zeros" }, { illegal_ones, "an instruction of ones" },
    { breakpoint, "ebreak" }, { do_sret, "sret" }, { do_mret, "mret" }, { do_sfence, "sfence.vma" },
    { read_sstatus, "reading sstatus" }, { write_satp, "writing satp" }, { read_mstatus, "reading mstatus" },
    { write_mie, "writing mie" }, { write_stvec, "writing stvec" }, { write_time, "writing time" },
  };
  for (uint i = 0; i < sizeof crimes / sizeof crimes[0]; i++)
    expect_killed(crimes[i].run, 0, crimes[i].what);
}

/** Unaligned loads and stores work (in the hardware, or not at all: QEMU and Pagewalk do them). */
static void unaligned_access(void) {
  char *p = sbrk(3 * 4096);
  p = (char *)(((long)p + 4095) & ~4095L);
  volatile uint64 *across = (volatile uint64 *)(p + 4096 - 3); /* over a page's edge, both pages untouched */
  *across = 0x1122334455667788;
  CHECK(*across == 0x1122334455667788);
  CHECK(p[4096 - 3] == (char)0x88 && p[4096 + 4] == 0x11);
}

/** A store to code that one later runs is refused; a child's crime leaves the parent's text alone. */
static void fault_storm(void) {
  for (int i = 0; i < 30; i++)
    expect_killed(store, (long)fault_storm, "a store to text");
}

const struct test fault_tests[] = {
  { "load_forbidden", load_forbidden, 0 },
  { "store_forbidden", store_forbidden, 0 },
  { "jump_forbidden", jump_forbidden, 0 },
  { "load_straddles_end", load_straddles_end, 0 },
  { "text_not_writable", text_not_writable, 0 },
  { "rodata_not_writable", rodata_not_writable, 0 },
  { "data_not_executable", data_not_executable, 0 },
  { "beyond_break", beyond_break, 0 },
  { "stack_guard", stack_guard, 0 },
  { "stack_overflow", stack_overflow, 0 },
  { "stack_depth", stack_depth, 0 },
  { "sp_anywhere", sp_anywhere, 0 },
  { "call_with_wild_sp", call_with_wild_sp, 0 },
  { "privileged", privileged, 0 },
  { "unaligned_access", unaligned_access, 0 },
  { "fault_storm", fault_storm, 0 },
  { NULL, NULL, 0 },
};
