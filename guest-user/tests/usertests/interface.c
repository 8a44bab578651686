/* Time, scheduling, sysinfo and procinfo, registers: the system-call interface itself. */
#include "ut.h"

#include <syscall.h>

static void sleep_length(void) {
  int before = uptime();
  CHECK(sleep(0) == 0);
  CHECK(sleep(3) == 0);
  int after = uptime();
  if (after - before < 3 || after - before > 60)
    fail("sleep(3) took %d ticks", after - before);
}

static void sleep_negative(void) {
  int pid = must_fork();
  if (pid == 0) {
    sleep(-1);
    sleep((int)0x80000000);
    exit(5);
  }
  if (must_fork() == 0) {
    sleep(20);
    xv6_kill(pid);
    exit(5);
  }
  expect_status(5);
  expect_status(5);
}

static void uptime_agrees(void) {
  struct sysinfo s;
  int a = uptime();
  CHECK(sysinfo(&s) == 0);
  int b = uptime();
  long middle = (long)(s.uptime_ms / 100);
  if (a < 0 || middle < a - 1 || middle > b + 1)
    fail("uptime %d, sysinfo %lu ms, uptime %d", a, s.uptime_ms, b);
}

static void counters_grow(void) {
  uint64 t = rdtime(), i = rdinstret(), c = rdcycle();
  for (volatile int k = 0; k < 100000; k++)
    ;
  CHECK(rdtime() > t);
  CHECK(rdinstret() != i);
  CHECK(rdcycle() != c);
}

static void sysinfo_sane(void) {
  struct sysinfo a, b;
  CHECK(sysinfo(&a) == 0);
  CHECK(a.total_frames > 1000 && a.free_frames > 0 && a.free_frames < a.total_frames);
  CHECK(a.nharts >= 1 && a.nharts <= NCPU);
  CHECK(a.nproc >= 3 && a.nproc <= NPROC);
  sleep(1);
  CHECK(sysinfo(&b) == 0);
  CHECK(b.uptime_ms > a.uptime_ms);
  CHECK(b.nsyscalls > a.nsyscalls && b.ncontext_switches > a.ncontext_switches && b.nfaults >= a.nfaults);
}

static void procinfo_rules(void) {
  static struct procinfo table[NPROC + 1];
  struct procinfo me;
  memset(table, 0x55, sizeof table);
  CHECK(procinfo(table, 0) == 0);
  CHECK(table[0].pid == 0x55555555);
  CHECK(procinfo(table, 1) == 1);
  CHECK(table[1].pid == 0x55555555);
  int n = procinfo(table, NPROC + 1);
  CHECK(n >= 3 && n <= NPROC);
  CHECK(table[n].pid == 0x55555555);
  CHECK(procinfo(table, -1) <= 0);
  CHECK(find_process(getpid(), &me));
  CHECK(strcmp(me.name, "usertests") == 0);
  CHECK(me.state == PROC_RUNNING && me.resident_frames > 0 && me.size_bytes > 0 && me.hart >= 0);
}

static void unknown_call(void) {
  static const long numbers[] = { 0, -1, 200, 1000, 1L << 40, (1L << 32) + SYS_getpid, (long)0x8000000000000000 };
  for (uint i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    FAILS(syscall(numbers[i], 0, 0, 0), ENOSYS);
}

/** Sets every register but zero, ra, sp and the arguments of a getpid call to a value of its own, makes the
 *  call `count` times and adds up the differences: 0 when all were preserved. */
long registers_kept(long count);
__asm__(
    ".text\n.globl registers_kept\n"
    "registers_kept:\n"
    "  addi sp, sp, -128\n"
    "  sd s0, 0(sp)\n  sd s1, 8(sp)\n  sd s2, 16(sp)\n  sd s3, 24(sp)\n  sd s4, 32(sp)\n  sd s5, 40(sp)\n"
    "  sd s6, 48(sp)\n  sd s7, 56(sp)\n  sd s8, 64(sp)\n  sd s9, 72(sp)\n  sd s10, 80(sp)\n  sd s11, 88(sp)\n"
    "  sd ra, 96(sp)\n  sd gp, 104(sp)\n  sd tp, 112(sp)\n  sd a0, 120(sp)\n"
    "1:\n"
    "  li ra, 1001\n  li gp, 1003\n  li tp, 1004\n  li t0, 1005\n  li t1, 1006\n  li t2, 1007\n  li s0, 1008\n"
    "  li s1, 1009\n  li a1, 1011\n  li a2, 1012\n  li a3, 1013\n  li a4, 1014\n  li a5, 1015\n  li a6, 1016\n"
    "  li a7, 11\n  li s2, 1018\n  li s3, 1019\n  li s4, 1020\n  li s5, 1021\n  li s6, 1022\n  li s7, 1023\n"
    "  li s8, 1024\n  li s9, 1025\n  li s10, 1026\n  li s11, 1027\n  li t3, 1028\n  li t4, 1029\n  li t5, 1030\n"
    "  li t6, 1031\n"
    "  ecall\n"
    "  li a0, 0\n"
    ".macro differs reg, value\n  addi \\reg, \\reg, -\\value\n  or a0, a0, \\reg\n.endm\n"
    "  differs ra, 1001\n  differs gp, 1003\n  differs tp, 1004\n  differs t0, 1005\n  differs t1, 1006\n"
    "  differs t2, 1007\n  differs s0, 1008\n  differs s1, 1009\n  differs a1, 1011\n  differs a2, 1012\n"
    "  differs a3, 1013\n  differs a4, 1014\n  differs a5, 1015\n  differs a6, 1016\n  differs a7, 11\n"
    "  differs s2, 1018\n  differs s3, 1019\n  differs s4, 1020\n  differs s5, 1021\n  differs s6, 1022\n"
    "  differs s7, 1023\n  differs s8, 1024\n  differs s9, 1025\n  differs s10, 1026\n  differs s11, 1027\n"
    "  differs t3, 1028\n  differs t4, 1029\n  differs t5, 1030\n  differs t6, 1031\n"
    "  bnez a0, 2f\n"
    "  ld t0, 120(sp)\n  addi t0, t0, -1\n  sd t0, 120(sp)\n  bnez t0, 1b\n"
    "2:\n"
    "  ld s0, 0(sp)\n  ld s1, 8(sp)\n  ld s2, 16(sp)\n  ld s3, 24(sp)\n  ld s4, 32(sp)\n  ld s5, 40(sp)\n"
    "  ld s6, 48(sp)\n  ld s7, 56(sp)\n  ld s8, 64(sp)\n  ld s9, 72(sp)\n  ld s10, 80(sp)\n  ld s11, 88(sp)\n"
    "  ld ra, 96(sp)\n  ld gp, 104(sp)\n  ld tp, 112(sp)\n"
    "  addi sp, sp, 128\n"
    "  ret\n");

static void registers_over_calls(void) { CHECK(registers_kept(1000) == 0); }

static void register_worker(long rounds) {
  if (registers_kept(rounds) != 0)
    fail("a register changed over a system call or a switch");
}

static void registers_over_switches(void) {
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      register_worker(100000);
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
}

/** Counts without a system call, so that only the timer can interrupt it. */
static void preemption(void) {
  int pids[4];
  for (int i = 0; i < 4; i++) {
    pids[i] = must_fork();
    if (pids[i] == 0) {
      uint64 sum = 0, until = rdtime() + 3000000;
      for (uint64 k = 1; rdtime() < until; k++)
        sum += k;
      exit(sum == 0);
    }
  }
  for (int i = 0; i < 4; i++)
    expect_status(0);
}

const struct test interface_tests[] = {
  { "sleep_length", sleep_length, 0 },
  { "sleep_negative", sleep_negative, 0 },
  { "uptime_agrees", uptime_agrees, 0 },
  { "counters", counters_grow, 0 },
  { "sysinfo_sane", sysinfo_sane, 0 },
  { "procinfo_rules", procinfo_rules, 0 },
  { "unknown_call", unknown_call, 0 },
  { "registers_over_calls", registers_over_calls, 0 },
  { "registers_over_switches", registers_over_switches, 0 },
  { "preemption", preemption, 0 },
  { NULL, NULL, 0 },
};
