/* harts_*: one address space on several harts: clones that share it (clone with CLONE_VM). */
#include "vt.h"

#include <clone.h>
#include <sched.h>
#include <syscall.h>

#define STACK (16 * PAGE)

/** Starts fn(arg) as a process that shares this address space, on a stack of its own. Its pid. It ends when
 *  fn returns. clone() returns twice, the second time on the new stack: that is why this is assembly. */
static long __attribute__((noinline)) start_on(void (*fn)(long), long arg, char *stack_top) {
  register long a0 __asm__("a0") = CLONE_VM;
  register long a1 __asm__("a1") = (long)stack_top;
  register long a7 __asm__("a7") = SYS_clone;
  register void (*entry)(long) __asm__("s2") = fn;
  register long argument __asm__("s3") = arg;
  __asm__ volatile(
      "ecall\n"
      "bnez a0, 1f\n"
      "mv a0, s3\n"
      "mv fp, zero\n"
      "jalr s2\n"
      "li a0, 0\n"
      "li a7, 2\n"
      "ecall\n"
      "1:\n"
      : "+r"(a0), "+r"(a1), "+r"(a7) : "r"(entry), "r"(argument) : "ra", "memory");
  return a0;
}

static int start(void (*fn)(long), long arg) {
  char *stack = map_anon(STACK, RW, MAP_PRIVATE);
  long pid = start_on(fn, arg, stack + STACK);
  if (pid < 0)
    fail("clone failed");
  return (int)pid;
}

static char *room;
static volatile int go, stop, hits[8];

/** Waits, giving way, until *word has the value. */
static void await(volatile int *word, int value) {
  while (*word != value)
    sched_yield();
}

static void add_up(long mine) {
  for (int i = 0; i < 1000; i++)
    __atomic_add_fetch(&hits[0], 1, __ATOMIC_SEQ_CST);
  hits[mine] = 1;
}

static void clones_share(void) {
  for (long i = 1; i <= 3; i++)
    start(add_up, i);
  for (int i = 0; i < 3; i++)
    expect_status(0);
  CHECK(hits[0] == 3000 && hits[1] && hits[2] && hits[3]);
}

/** All fault on the same untouched pages at once: one page each, and nobody's store is lost. */
static void fault_all(long mine) {
  await(&go, 1);
  for (long i = 0; i < 200; i++)
    room[i * PAGE + mine] = (char)(mine + 1);
}

static void faults_at_once(void) {
  room = map_anon(200 * PAGE, RW, MAP_PRIVATE);
  uint64 before = free_frames();
  for (long i = 0; i < 4; i++)
    start(fault_all, i);
  go = 1;
  for (int i = 0; i < 4; i++)
    expect_status(0);
  for (long i = 0; i < 200 * 4; i++)
    if (room[i / 4 * PAGE + i % 4] != (char)(i % 4 + 1))
      fail("clone %ld's store to page %ld is lost", i % 4, i / 4);
  CHECK(before - free_frames() < 200 + 100);
}

/** The same on copy-on-write pages: all see one copy. */
static void copies_at_once(void) {
  room = map_anon(200 * PAGE, RW, MAP_PRIVATE);
  number_pages(room, 200, 1);
  struct gate end;
  gate_make(&end);
  int other = must_fork();
  if (other == 0) {
    gate_wait(&end);
    check_pages(room, 200, 1, "the other process's pages");
    exit(0);
  }
  for (long i = 8; i < 12; i++)
    start(fault_all, i);
  go = 1;
  for (int i = 0; i < 4; i++)
    expect_status(0);
  for (long i = 0; i < 200; i++)
    for (long k = 8; k < 12; k++)
      if (room[i * PAGE + k] != (char)(k + 1))
        fail("clone %ld's store to page %ld is lost", k, i);
  check_pages(room, 200, 1, "the copies"); /* the first 8 bytes are as they were */
  gate_open(&end, 1);
  expect_status(0);
}

static void keep_writing(long mine) {
  volatile char *p = room;
  while (!stop)
    p[mine] = (char)(p[mine] + 1);
}

static void write_until_killed(long mine) {
  volatile char *p = room;
  hits[mine] = 1;
  for (;;)
    p[mine] = (char)(p[mine] + 1);
}

/** A new page in `room`, and three clones that write to it by now. */
static void start_writers(void) {
  room = map_anon(PAGE, RW, MAP_PRIVATE);
  for (int i = 0; i < 3; i++)
    hits[i] = 0;
  for (long i = 0; i < 3; i++)
    start(write_until_killed, i);
  for (int i = 0; i < 3; i++)
    await(&hits[i], 1);
}

/** A right withdrawn on one hart is withdrawn on all, when the call returns: who writes on another hart is
 *  killed, and the memory stays as it was from that moment on. */
static void protect_reaches_all(void) {
  for (int round = 0; round < 8; round++) {
    start_writers();
    CHECK(mprotect(room, PAGE, PROT_READ) == 0);
    char before[3] = { room[0], room[1], room[2] };
    for (int i = 0; i < 2000; i++)
      if (memcmp((char *)room, before, 3) != 0)
        fail("round %d: a clone wrote after mprotect had returned", round);
    for (int i = 0; i < 3; i++)
      expect_status(-1);
    unmap(room, PAGE);
  }
}

static void munmap_reaches_all(void) {
  for (int round = 0; round < 8; round++) {
    start_writers();
    unmap(room, PAGE);
    for (int i = 0; i < 3; i++)
      expect_status(-1);
    char *again = map_anon(PAGE, RW, MAP_PRIVATE); /* perhaps the same frame: nobody may still write to it */
    for (int i = 0; i < 2000; i++)
      CHECK(all_zero(again, 64));
    unmap(again, PAGE);
  }
}

/** fork while clones write: the child's copy is of one moment, and stays so. */
static void fork_while_writing(void) {
  room = map_anon(PAGE, RW, MAP_PRIVATE);
  stop = 0;
  for (long i = 0; i < 3; i++)
    start(keep_writing, i);
  for (int round = 0; round < 10; round++) {
    int pid = must_fork();
    if (pid == 0) {
      char before[3] = { room[0], room[1], room[2] };
      for (int i = 0; i < 3000; i++)
        if (memcmp((char *)room, before, 3) != 0)
          fail("a clone of the parent wrote into the child's memory");
      exit(0);
    }
    int status;
    CHECK(wait(&status) == pid);
    if (status == 1)
      exit(1);
    CHECK(status == 0);
  }
  stop = 1;
  for (int i = 0; i < 3; i++)
    expect_status(0);
}

static void map_and_unmap(long mine) {
  for (int i = 0; i < 60; i++) {
    char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
    number_pages(p, 4, (uint64)mine * 1000 + i);
    CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
    check_pages(p, 4, (uint64)mine * 1000 + i, "a clone's mapping");
    unmap(p, 4 * PAGE);
  }
}

/** All change the one map at once. */
static void maps_at_once(void) {
  for (long i = 0; i < 4; i++)
    start(map_and_unmap, i);
  map_and_unmap(9);
  for (int i = 0; i < 4; i++)
    expect_status(0);
}

static void grow_heap(long mine) {
  await(&go, 1);
  for (int i = 0; i < 100; i++) {
    char *p = must_sbrk(PAGE);
    *(volatile long *)p += mine;
  }
}

/** Each that moves the one break at the same time gets a piece of its own. */
static void breaks_at_once(void) {
  char *base = align_break();
  for (long i = 1; i <= 4; i++)
    start(grow_heap, i);
  go = 1;
  for (int i = 0; i < 4; i++)
    expect_status(0);
  if ((char *)sbrk(0) != base + 400 * PAGE)
    fail("400 pages were asked for, and the break has moved by %ld", ((char *)sbrk(0) - base) / PAGE);
  long count[5] = { 0 };
  for (long i = 0; i < 400; i++) {
    long mine = *(long *)(base + i * PAGE);
    CHECK(mine >= 1 && mine <= 4);
    count[mine]++;
  }
  for (int i = 1; i <= 4; i++)
    CHECK(count[i] == 100);
}

/** A process that no other hart runs needs no interrupt to flush their TLBs. */
static void no_needless_shootdown(void) {
  char *p = map_anon(64 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 64, 1);
  uint64 before = counters().shootdowns;
  for (int i = 0; i < 64; i++) {
    CHECK(mprotect(p + i * PAGE, PAGE, PROT_READ) == 0);
    CHECK(mprotect(p + i * PAGE, PAGE, RW) == 0);
  }
  uint64 sent = counters().shootdowns - before;
  if (sent > 16)
    fail("128 changes in a process of one hart sent %lu interrupts", sent);
}

/** The owner's end takes its clones along. */
static void owner_ends(void) {
  int pid = must_fork();
  if (pid == 0) {
    start_writers();
    exit(0);
  }
  expect_status(0);
}

const struct test hart_tests[] = {
  { "harts_clones_share", clones_share, 0 },
  { "harts_faults_at_once", faults_at_once, 0 },
  { "harts_copies_at_once", copies_at_once, 0 },
  { "harts_protect_reaches_all", protect_reaches_all, 0 },
  { "harts_munmap_reaches_all", munmap_reaches_all, 0 },
  { "harts_fork_while_writing", fork_while_writing, 0 },
  { "harts_maps_at_once", maps_at_once, 0 },
  { "harts_breaks_at_once", breaks_at_once, 0 },
  { "harts_no_needless_shootdown", no_needless_shootdown, 0 },
  { "harts_owner_ends", owner_ends, 0 },
  { NULL, NULL, 0 },
};
