/* exec_*, stack_*: demand paging of programs, text, data and bss, the stack; vdso_*: the vDSO. */
#include "vt.h"

#include <sched.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <syscall.h>

extern char etext[], end[];

static char big_bss[40 * 4096];
static int initialised = 0x1234;

/** The program that these tests start: vmtests -x MODE ARGUMENT. */
int exec_helper(int argc, char **argv) {
  const char *mode = argc > 2 ? argv[2] : "";
  int value = argc > 3 ? atoi(argv[3]) : 0;
  if (strcmp(mode, "status") == 0)
    return value;
  if (strcmp(mode, "raise") == 0)
    return kill(getpid(), value) == 0 ? 0 : 2;
  if (strcmp(mode, "clean") == 0) {
    if (!all_zero(big_bss, sizeof big_bss) || !all_zero(scratch, sizeof scratch))
      return 3;
    if (initialised != 0x1234)
      return 4;
    memset(big_bss, 0xff, sizeof big_bss);
    initialised = value;
    return 0;
  }
  if (strcmp(mode, "linger") == 0) { /* tells that it runs, then stays until it is told to go */
    char c;
    write(1, "r", 1);
    return read(0, &c, 1) == 1 ? 0 : 5;
  }
  if (strcmp(mode, "resident") == 0) { /* few pages of itself */
    struct procinfo info;
    find_process(getpid(), &info);
    return info.resident_frames > 250 ? 250 : (int)info.resident_frames;
  }
  return 99;
}

static void text_not_writable(void) {
  CHECK(!can_write((char *)0x10000) && !can_write((char *)((uint64)etext - 8)));
}

/** bss and data are as the file says, however often the program has run and spoilt its own. */
static void clean_every_time(void) {
  for (int i = 0; i < 4; i++) {
    int status = run_helper("clean", "77");
    if (status != 0)
      fail("run %d ended with %d", i, status);
  }
  CHECK(initialised == 0x1234);
}

static int linger_in[2], linger_out[2];

/** Starts one more copy of this program that waits. */
static void start_lingerer(void) {
  char c, *argv[] = { "vmtests", "-x", "linger", NULL };
  if (must_fork() == 0) {
    dup2(linger_in[0], 0);
    dup2(linger_out[1], 1);
    exec(self_path, argv);
    exit(9);
  }
  CHECK(read(linger_out[0], &c, 1) == 1);
}

static void end_lingerers(int n) {
  for (int i = 0; i < n; i++)
    write(linger_in[1], "e", 1);
  for (int i = 0; i < n; i++)
    expect_status(0);
}

/** Text is one frame for all: each further copy of this large program costs a few private pages, or, loaded
 *  beforehand, all those that it may write, which are most of it. */
static void policy_text_is_shared(void) {
  CHECK(pipe(linger_in) == 0 && pipe(linger_out) == 0);
  start_lingerer();
  uint64 before = free_frames();
  for (int i = 0; i < 4; i++)
    start_lingerer();
  uint64 used = (before - free_frames()) / 4, text = ((uint64)etext - 0x10000) / PAGE;
  end_lingerers(5);
  uint64 whole = ((uint64)end - 0x10000) / PAGE;
  int demand = policy_is("vm.exec", "demand");
  if (demand ? used > 36 : used < whole / 2 || used + text > whole + 10)
    fail("vm.exec=%s, and each further copy takes %lu frames; the program has %lu pages, %lu of them text",
         demand ? "demand" : "load", used, whole, text);
}

static void policy_demand(void) {
  int resident = run_helper("resident", "0");
  uint64 whole = ((uint64)end - 0x10000) / PAGE;
  int demand = policy_is("vm.exec", "demand");
  if (demand ? (uint64)resident > whole / 2 : (uint64)resident < whole / 2)
    fail("vm.exec=%s, and a program of %lu pages begins with %d", demand ? "demand" : "load", whole, resident);
}

/** A running program's file can be unlinked and written anew; the process goes on with what it was. */
static void file_replaced_while_running(void) {
  static char text[65536];
  int from = must_open(self_path, O_RDONLY), to = must_open("copy", O_CREATE | O_RDWR), n;
  while ((n = read(from, text, sizeof text)) > 0)
    CHECK(write(to, text, n) == n);
  close(from);
  close(to);
  char *argv[] = { "copy", "-x", "linger", NULL }, c;
  CHECK(pipe(linger_in) == 0 && pipe(linger_out) == 0);
  if (must_fork() == 0) {
    dup2(linger_in[0], 0);
    dup2(linger_out[1], 1);
    exec("copy", argv);
    exit(9);
  }
  CHECK(read(linger_out[0], &c, 1) == 1);
  CHECK(unlink("copy") == 0);
  make_file("copy", 3 * PAGE, 1);
  end_lingerers(1);
}

static int deep(int pages) {
  volatile char page[4096];
  page[0] = (char)pages;
  int below = pages > 0 ? deep(pages - 1) : 0;
  return below + (page[0] == (char)pages);
}

/** The stack grows as far as its limit by touches near sp. */
static void stack_grows(void) {
  CHECK(deep(100) == 101);
  CHECK(deep(400) == 401);
}

static void far_below(long distance) {
  char *sp;
  __asm__ volatile("mv %0, sp" : "=r"(sp));
  *(volatile char *)(sp - distance) = 1;
}

static void stack_far_touch_faults(void) {
  expect_killed(far_below, 4 * MIB, "a touch 4 MiB below sp");
  expect_killed(far_below, 1L << 30, "a touch 1 GiB below sp");
}

static void endless(long depth) { exit(deep(1 << 30) == (int)depth); }

static void stack_has_a_limit(void) { expect_killed(endless, 0, "endless recursion"); }

/** The kernel grows the stack, too, for a buffer near sp that nobody has touched. */
static int __attribute__((noinline)) read_into_stack(int fd) {
  char buffer[3000];
  CHECK(read(fd, buffer, sizeof buffer) == sizeof buffer);
  return check_pattern(buffer, sizeof buffer, 0, 1);
}

static void stack_in_calls(void) {
  int fd = pattern_file("f", 3000, 1);
  CHECK(read_into_stack(fd));
}

/** A stack grown by one process is its own after fork. */
static void stack_after_fork(void) {
  CHECK(deep(60) == 61);
  if (must_fork() == 0)
    exit(deep(120) != 121);
  expect_status(0);
  CHECK(deep(90) == 91);
}

static const unsigned char *vdso(void) {
  const unsigned char *start = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
  if (start == NULL)
    fail("exec gave no AT_SYSINFO_EHDR");
  return start;
}

static void vdso_is_an_elf_file(void) {
  const unsigned char *v = vdso();
  CHECK(memcmp(v, "\177ELF\2\1", 6) == 0);
  CHECK(!can_write((char *)v));
  CHECK(can_read(v));
  FAILS(mprotect((void *)v, PAGE, RW), ENOMEM);
}

/** A thousand questions, hardly a system call. */
static void vdso_without_traps(void) {
  vdso();
  struct timespec t;
  struct timeval tv;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
  uint64 before = system_now().nsyscalls;
  for (int i = 0; i < 1000; i++) {
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0 && clock_gettime(CLOCK_REALTIME, &t) == 0);
    CHECK(gettimeofday(&tv, NULL) == 0 && getpid() > 0);
  }
  uint64 calls = system_now().nsyscalls - before;
  if (calls > 200)
    fail("4,000 questions took %lu system calls", calls);
}

static long nanoseconds(const struct timespec *t) { return t->tv_sec * 1000000000 + t->tv_nsec; }

/** The vDSO and the system calls tell the same time, and it never goes back, on whichever hart. */
static void vdso_time(void) {
  static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };
  struct timespec before, there, after;
  long last[2] = { 0, 0 };
  for (int i = 0; i < 60; i++)
    for (int k = 0; k < 2; k++) {
      CHECK(syscall(SYS_clock_gettime, clocks[k], &before) == 0);
      CHECK(clock_gettime(clocks[k], &there) == 0);
      CHECK(syscall(SYS_clock_gettime, clocks[k], &after) == 0);
      if (nanoseconds(&before) > nanoseconds(&there) || nanoseconds(&there) > nanoseconds(&after))
        fail("clock %d: %ld by system call, %ld by vDSO, %ld by system call", clocks[k], nanoseconds(&before), nanoseconds(&there), nanoseconds(&after));
      CHECK(nanoseconds(&there) >= last[k] && there.tv_nsec >= 0 && there.tv_nsec < 1000000000);
      last[k] = nanoseconds(&there);
      if (i % 20 == 0)
        sched_yield();
    }
  FAILS(clock_gettime(77, &there), EINVAL);
}

static void vdso_time_passes(void) {
  struct timespec before, after;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
  sleep(3);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  long ms = (nanoseconds(&after) - nanoseconds(&before)) / 1000000;
  if (ms < 190 || ms > 5000)
    fail("3 ticks of 100 ms took %ld ms", ms);
}

/** getpid is right in each process, right after fork and after exec. */
static void vdso_getpid(void) {
  int parent = getpid();
  CHECK(parent == syscall(SYS_getpid));
  for (int i = 0; i < 10; i++) {
    int pid = must_fork();
    if (pid == 0) {
      CHECK(getpid() == syscall(SYS_getpid) && getpid() != parent);
      int inner = must_fork();
      if (inner == 0)
        exit(getpid() != syscall(SYS_getpid));
      expect_status(0);
      exit(0);
    }
    CHECK(expect_status(0) == pid);
    CHECK(getpid() == parent);
  }
}

const struct test program_tests[] = {
  { "exec_text_not_writable", text_not_writable, 0 },
  { "exec_clean_every_time", clean_every_time, 0 },
  { "exec_policy_text_is_shared", policy_text_is_shared, 0 },
  { "exec_policy_demand", policy_demand, 0 },
  { "exec_file_replaced_while_running", file_replaced_while_running, 0 },
  { "stack_grows", stack_grows, 0 },
  { "stack_far_touch_faults", stack_far_touch_faults, 0 },
  { "stack_has_a_limit", stack_has_a_limit, 0 },
  { "stack_in_calls", stack_in_calls, 0 },
  { "stack_after_fork", stack_after_fork, 0 },
  { "vdso_is_an_elf_file", vdso_is_an_elf_file, 0 },
  { "vdso_without_traps", vdso_without_traps, 0 },
  { "vdso_time", vdso_time, 0 },
  { "vdso_time_passes", vdso_time_passes, 0 },
  { "vdso_getpid", vdso_getpid, 0 },
  { NULL, NULL, 0 },
};
