/* Copy-on-write: processes share frames after fork, but never see one another's writes. */
#include "ut.h"

#define PAGES 1000
#define GENERATIONS 20

static int data_word = 10;
static int bss_word;

/** Changes every kind of memory and checks that this process sees its own change. */
static void scribble(char *heap, volatile int *stack, int value) {
  data_word = value;
  bss_word = value;
  *stack = value;
  for (int i = 0; i < 20; i++)
    heap[i * 4096] = (char)value;
  sleep(1);
  if (data_word != value || bss_word != value || *stack != value)
    fail("another process changed our memory");
  for (int i = 0; i < 20; i++)
    if (heap[i * 4096] != (char)value)
      fail("another process changed our heap");
}

static void cow_isolation(void) {
  volatile int stack = 10;
  char *heap = must_sbrk(20 * 4096);
  memset(heap, 10, 20 * 4096);
  bss_word = 10;
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      if (must_fork() == 0) {
        scribble(heap, &stack, 50 + i);
        exit(0);
      }
      scribble(heap, &stack, 20 + i);
      expect_status(0);
      exit(0);
    }
  scribble(heap, &stack, 99);
  for (int i = 0; i < 4; i++)
    expect_status(0);
  CHECK(data_word == 99 && bss_word == 99 && stack == 99 && heap[4096] == 99);
}

static void cow_child_first(void) {
  char *heap = must_sbrk(8 * 4096);
  memset(heap, 1, 8 * 4096);
  int pid = must_fork();
  if (pid == 0) {
    memset(heap, 2, 8 * 4096);
    exit(heap[5 * 4096] != 2);
  }
  expect_status(0);
  for (int i = 0; i < 8 * 4096; i++)
    CHECK(heap[i] == 1);
}

/** A system call that stores into a shared page must copy it first. */
static void cow_in_calls(void) {
  char *heap = align_break();
  must_sbrk(8 * 4096);
  memset(heap, 1, 8 * 4096);
  make_file("f", 3 * 4096, 4);
  if (must_fork() == 0) {
    int fd = must_open("f", O_RDONLY);
    CHECK(read(fd, heap + 100, 3 * 4096) == 3 * 4096);
    CHECK(fstat(fd, (struct stat *)(heap + 5 * 4096)) == 0);
    CHECK(pipe((int *)(heap + 6 * 4096)) == 0);
    CHECK(check_pattern(heap + 100, 3 * 4096, 0, 4) && heap[99] == 1 && heap[100 + 3 * 4096] == 1);
    exit(0);
  }
  expect_status(0);
  for (int i = 0; i < 8 * 4096; i++)
    CHECK(heap[i] == 1);
}

/** vm.fork=cow takes no frames for the pages, vm.fork=copy one for each. */
static void policy_fork(void) {
  char *heap = must_sbrk(PAGES * 4096), c;
  int go[2], done[2];
  memset(heap, 1, PAGES * 4096);
  CHECK(pipe(go) == 0 && pipe(done) == 0);
  uint64 before = free_frames();
  if (must_fork() == 0) {
    read(go[0], &c, 1);
    heap[5 * 4096] = 2;
    write(done[1], "x", 1);
    read(go[0], &c, 1);
    exit(0);
  }
  uint64 after = free_frames();
  write(go[1], "x", 1);
  CHECK(read(done[0], &c, 1) == 1);
  write(go[1], "x", 1);
  expect_status(0);
  uint64 used = before - after;
  int cow = policy_is("vm.fork", "cow");
  if (cow ? used > PAGES / 4 : used < PAGES)
    fail("vm.fork=%s, and a fork with %d resident pages took %lu frames", cow ? "cow" : "copy", PAGES, used);
}

static void cow_generations(void) {
  char *heap = must_sbrk(16 * 4096);
  memset(heap, 1, 16 * 4096);
  for (int i = 0; i < 200; i++) {
    int pid = must_fork();
    heap[(i % 16) * 4096] = (char)i;
    if (pid == 0)
      exit(heap[(i % 16) * 4096] != (char)i);
    expect_status(0);
    CHECK(heap[(i % 16) * 4096] == (char)i);
  }
}

/** Each generation continues in the child, so that the chain of copies grows. */
static void cow_descent(void) {
  char *heap = must_sbrk(16 * 4096);
  memset(heap, 0, 16 * 4096);
  for (int i = 0; i < GENERATIONS; i++) {
    heap[(i % 16) * 4096 + i] = (char)(i + 1);
    if (must_fork() != 0) {
      expect_status(0);
      return;
    }
  }
  for (int i = 0; i < GENERATIONS; i++)
    if (heap[(i % 16) * 4096 + i] != (char)(i + 1))
      fail("generation %d's write is lost", i);
}

const struct test cow_tests[] = {
  { "cow_isolation", cow_isolation, 0 },
  { "cow_child_first", cow_child_first, 0 },
  { "cow_in_calls", cow_in_calls, 0 },
  { "policy_fork", policy_fork, 0 },
  { "cow_generations", cow_generations, 0 },
  { "cow_descent", cow_descent, 0 },
  { NULL, NULL, 0 },
};
