/* fp_*: floating point, which the kernel gives to whoever uses it, if the machine has it (the extensions F and D).
 * On a machine without, each of these tests finds that such instructions are illegal.
 * What signals do to it: fp_signals.c. */
#include "fp.h"

#include <sched.h>
#include <sys/mman.h>

#define PAGE 4096

static void fp_or_illegal(void) {
  static void (*const lone[])(long) = {
    fp_lone_fadd, fp_lone_flw, fp_lone_c_fld, fp_lone_fsd, fp_lone_fmadd, fp_lone_fmv, fp_lone_fcsr,
  };
  int there = machine_has_fp();
  if (!there)
    printf("# this machine has no floating point: usertests finds that it is illegal\n");
  for (uint i = 0; i < sizeof lone / sizeof lone[0]; i++)
    if (there)
      child_ok(lone[i], (long)scratch);
    else
      expect_killed(lone[i], (long)scratch, "a floating-point instruction");
}

/* ---- what the registers are, and what keeps them ---- */

/** A process that has not used them finds zeros, and arithmetic works, each rounding mode and the flags included. */
static void do_fp_arithmetic(long arg) {
  (void)arg;
  static const long rounded[] = { 2, 2, 2, 3, 3 }; /* 2.5: to nearest even, towards 0, down, up, nearest away from 0 */
  fp_must_have(&fp_zeros, "at the start");
  for (uint64 mode = 0; mode < 5; mode++) {
    struct fp r = fp_zeros;
    r.fcsr = mode << 5;
    fp_set(&r);
    if (fp_rounded(2) != (uint64)rounded[mode])
      fail("2.5 is rounded to %ld in mode %lu", (long)fp_rounded(2), mode);
    fp_get(&r);
    CHECK(r.fcsr == (mode << 5 | 1)); /* inexact */
  }
  fp_set(&fp_zeros);
  CHECK(fp_divide_by_zero() == 0x7f800000);
  struct fp after;
  fp_get(&after);
  CHECK(after.fcsr == 8); /* divided by zero: a flag and no signal */
}
FP_TEST(fp_arithmetic)

/** System calls keep them, those that sleep and those that fail, too. */
static void do_fp_calls(long arg) {
  (void)arg;
  struct fp mine = fp_pattern(1);
  int fds[2];
  char c;
  fp_set(&mine);
  CHECK(getpid() > 0 && sbrk(PAGE) != (char *)-1 && write(-1, "x", 1) == -1);
  fp_must_have(&mine, "after system calls");
  sleep(1);
  fp_must_have(&mine, "after sleep");
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    struct fp other = fp_pattern(2);
    fp_set(&other);
    sleep(1);
    fp_must_have(&other, "in the child that writes");
    CHECK(write(fds[1], "x", 1) == 1);
    exit(0);
  }
  CHECK(read(fds[0], &c, 1) == 1);
  fp_must_have(&mine, "after waiting for a pipe");
  expect_status(0);
  fp_must_have(&mine, "after wait");
}
FP_TEST(fp_calls)

static int hart_now(void) {
  struct procinfo me;
  CHECK(find_process(getpid(), &me));
  return me.hart;
}

static uint64 switches_now(void) {
  struct sysinfo s;
  CHECK(sysinfo(&s) == 0);
  return s.ncontext_switches;
}

/** Keeps its registers until many switches have been made and, where there are several harts, this process has been on
 *  at least two of them. */
static void spin(uint64 seed, int harts) {
  struct fp mine = fp_pattern(seed), now;
  int first = hart_now(), moved = harts == 1;
  uint64 from = switches_now();
  for (int round = 0; round < 3000; round++) {
    fp_set(&mine);
    for (int i = 0; i < 100; i++) { /* preempted here */
      for (volatile int k = 0; k < 300; k = k + 1)
        ;
      fp_get(&now);
      fp_must_be(&mine, &now, "while others compute, too");
    }
    moved |= hart_now() != first;
    fp_must_have(&mine, "after looking for the hart");
    if (moved && switches_now() > from + 60)
      exit(0);
    mine = fp_pattern(seed + 100 * (uint64)round);
  }
  fail("after 3000 rounds: moved: %d, switches: %lu", moved, switches_now() - from);
}

/** More processes than harts compute, so that they are preempted and moved. */
static void do_fp_preempted(long arg) {
  (void)arg;
  struct sysinfo s;
  CHECK(sysinfo(&s) == 0);
  int harts = (int)s.nharts, children = 2 * harts + 1;
  for (int i = 0; i < children; i++)
    if (must_fork() == 0)
      spin((uint64)i + 3, harts);
  for (int i = 0; i < children; i++)
    expect_status(0);
}
FP_TEST(fp_preempted)

/* ---- fork, clone, exec ---- */

/** A child has the parent's registers, then each has its own. Three times: changed, unchanged and stored before. */
static void do_fp_fork(long arg) {
  (void)arg;
  struct fp mine = fp_pattern(7), other = fp_pattern(8);
  fp_set(&mine);
  for (int i = 0; i < 3; i++) {
    if (must_fork() == 0) {
      fp_must_have(&mine, "in the child");
      fp_set(&other);
      sleep(0);
      fp_must_have(&other, "in the child, which has changed them");
      exit(0);
    }
    if (i != 1)
      expect_status(0);
    fp_must_have(&mine, "in the parent");
  }
  expect_status(0);
}
FP_TEST(fp_fork)

static struct fp cloned_from, clone_has;

static int in_clone(void *argument) {
  (void)argument;
  struct fp other = fp_pattern(10);
  fp_get(&clone_has);
  fp_set(&other);
  return 0;
}

static void do_fp_clone(long arg) {
  (void)arg;
  static char stack[4 * PAGE] __attribute__((aligned(16)));
  cloned_from = fp_pattern(9);
  fp_set(&cloned_from);
  CHECK(clone(in_clone, stack + sizeof stack, CLONE_VM, NULL) > 0);
  expect_status(0);
  fp_must_be(&cloned_from, &clone_has, "in the clone");
  fp_must_have(&cloned_from, "in who was cloned");
}
FP_TEST(fp_clone)

int fp_helper(void) {
  struct fp now;
  fp_get(&now);
  return memcmp(&now, &fp_zeros, sizeof now) == 0 ? 33 : 30;
}

static void do_fp_exec(long arg) {
  (void)arg;
  char *argv[] = { "usertests", "-x", "fp", NULL };
  struct fp mine = fp_pattern(11);
  fp_set(&mine);
  if (must_fork() == 0) {
    exec("/nothere", argv);
    fp_must_have(&mine, "after an exec that failed");
    exec(self_path, argv);
    exit(99);
  }
  expect_status(33);
  fp_must_have(&mine, "in the parent");
}
FP_TEST(fp_exec)

/* ---- memory ---- */

/** Loads and stores fault like others: on new pages, on a file's, on pages shared after fork. */
static void do_fp_page_faults(long arg) {
  (void)arg;
  struct fp mine = fp_pattern(30);
  make_file("f", 3 * PAGE, 5);
  int fd = must_open("f", O_RDWR), n = 8;
  uint64 *fresh = (uint64 *)align_break(), *file = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(file != MAP_FAILED);
  must_sbrk(n * PAGE);
  fp_set(&mine);
  for (int i = 0; i < n; i++)
    fp_write(fresh + i * 512 + 3, (uint64)i + 0x1234567800000000);
  for (int i = 0; i < 3; i++) {
    uint64 found = fp_read(file + 512 * i + 8);
    CHECK(check_pattern((char *)&found, 8, PAGE * i + 64, 5));
    fp_write(file + 512 * i + 8, (uint64)i);
  }
  if (must_fork() == 0) {
    for (int i = 0; i < n; i++) {
      CHECK(fp_read(fresh + i * 512 + 3) == (uint64)i + 0x1234567800000000);
      fp_write(fresh + i * 512 + 3, 7);
    }
    exit(0);
  }
  expect_status(0);
  for (int i = 0; i < n; i++)
    CHECK(fp_read(fresh + i * 512 + 3) == (uint64)i + 0x1234567800000000);
  for (int i = 0; i < 3; i++)
    CHECK(fp_read(file + 512 * i + 8) == (uint64)i);
  mine.f[8] = 2;
  mine.f[0] = 2;
  fp_must_have(&mine, "after the page faults");
}
FP_TEST(fp_page_faults)

static void into_text(long arg) { fp_write((uint64 *)(arg & -8L), 1); }

static void do_fp_bad_address(long arg) {
  expect_killed(into_text, (long)do_fp_bad_address + arg, "a floating-point store to text");
  expect_killed(into_text, USERTOP + 64, "a floating-point store above user space");
}
FP_TEST(fp_bad_address)

/** The first use needs no memory: of the allocations that may fail here, there is none. */
static void do_fp_needs_no_memory(long arg) {
  (void)arg;
  struct fp mine = fp_pattern(31), now;
  memset(&now, 1, sizeof now); /* the stack is there */
  CHECK(faultinject(1) == 0);
  fp_get(&now);
  fp_set(&mine);
  CHECK(faultinject(0) == 1);
  fp_must_be(&fp_zeros, &now, "at the start");
  fp_must_have(&mine, "with nothing to allocate");
}
FP_TEST(fp_needs_no_memory)

const struct test fp_tests[] = {
  { "fp_or_illegal", fp_or_illegal, 0 },
  { "fp_arithmetic", fp_arithmetic, 0 },
  { "fp_calls", fp_calls, 0 },
  { "fp_preempted", fp_preempted, 0 },
  { "fp_fork", fp_fork, 0 },
  { "fp_clone", fp_clone, 0 },
  { "fp_exec", fp_exec, 0 },
  { "fp_page_faults", fp_page_faults, 0 },
  { "fp_bad_address", fp_bad_address, 0 },
  { "fp_needs_no_memory", fp_needs_no_memory, 0 },
  { NULL, NULL, 0 },
};
