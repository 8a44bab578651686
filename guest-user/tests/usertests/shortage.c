/* Running out of memory: under vm.commit=strict calls fail and nobody dies of it; under overcommit all is granted, and
 * who touches what is not there dies. Either way nothing breaks, and all comes back. */
#include "ut.h"

#define FAILED ((char *)-1)

static int strict(void) { return policy_is("vm.commit", "strict"); }

/** How a process ends that asks for all memory and touches it: well, or killed at the touch. */
static int end_of_the_greedy(void) { return strict() ? 0 : -1; }

/** Grows the heap until it is refused, or promised more than there is. The bytes granted. */
static long grow_to_the_limit(void) {
  long total = 0, too_much = (memory_and_swap() + 1000) * 4096;
  for (long step = 1 << 20; step >= 4096 && total < too_much;) {
    if (sbrk(step) != FAILED)
      total += step;
    else if (errno != ENOMEM)
      fail("sbrk without memory: %s", strerror(errno));
    else
      step /= 2;
  }
  if (strict() != (total < too_much))
    fail("sbrk granted %ld of %ld bytes", total, too_much);
  return total;
}

/** Takes all memory that sbrk grants, uses it, and finds that fork then copes. */
static void take_all(long arg) {
  (void)arg;
  char *a = align_break();
  long total = grow_to_the_limit();
  for (long i = 0; i < total; i += 4096)
    a[i] = (char)(i >> 12);
  for (long i = 0; i < total; i += 4096)
    if (a[i] != (char)(i >> 12))
      fail("memory lost its content");
  int pid = fork();
  if (pid == 0)
    exit(0);
  if (pid > 0)
    expect_status(0);
  else if (errno != ENOMEM)
    fail("fork without memory: %s", strerror(errno));
}

/** Runs fn in a child, which must end as the policy in force lets the greedy end. */
static void try_greed(void (*fn)(long)) {
  uint64 before = free_frames();
  if (must_fork() == 0) {
    fn(0);
    exit(0);
  }
  expect_status(end_of_the_greedy());
  await_free_frames(before - 4);
}

static void memory_all(void) {
  try_greed(take_all);
  try_greed(take_all);
  char *p = must_sbrk(100 * 4096);
  memset(p, 1, 100 * 4096);
}

/** System calls when memory is gone: each may fail, none may harm. */
static void without_memory(long arg) {
  (void)arg;
  char *argv[] = { "true", NULL };
  int fds[2];
  for (long step = 1 << 20; step >= 4096;) {
    char *p = sbrk(step);
    if (p == FAILED)
      step /= 2;
    else
      for (long i = 0; i < step; i += 4096)
        p[i] = 1;
  }
  for (int i = 0; i < 20; i++) {
    int pid = fork();
    if (pid == 0) {
      exec("/true", argv);
      exit(0);
    }
    if (pid > 0)
      wait(NULL);
    if (pipe(fds) == 0) {
      close(fds[0]);
      close(fds[1]);
    }
    int fd = open("file", O_CREATE | O_RDWR);
    if (fd >= 0) {
      write(fd, "abc", 3);
      close(fd);
    }
    exec("nothere", argv);
  }
  unlink("file");
}

static void memory_gone_calls(void) {
  try_greed(without_memory);
  make_file("after", 10000, 1);
  check_file("after", 10000, 1);
}

/** Takes memory and uses it, as long as there is any. */
static void greedy(void) {
  for (long step = 4 << 20; step >= 4096;) {
    char *p = sbrk(step);
    if (p == FAILED) {
      step /= 2;
      continue;
    }
    for (long i = 0; i < step; i += 4096)
      p[i] = 1;
  }
  exit(0);
}

static void memory_contest(void) {
  for (int i = 0; i < 5; i++)
    if (must_fork() == 0)
      greedy();
  for (int i = 0; i < 5; i++)
    expect_status(end_of_the_greedy());
}

static void fork_at_limit(void) {
  uint64 frames = free_frames() * 2 / 3;
  char *a = align_break();
  if (sbrk(frames * 4096) == FAILED)
    fail("two thirds of the free memory are refused");
  for (uint64 i = 0; i < frames; i++)
    a[i * 4096] = (char)i;
  int pid = fork();
  if (pid < 0) {
    CHECK(errno == ENOMEM && strict()); /* promised memory could not hold the copy */
    struct vmstat now = counters();
    CHECK(now.commit_limit - now.committed_frames < frames + 200);
    return;
  }
  if (pid == 0) {
    for (uint64 i = 0; i < frames; i++)
      if (a[i * 4096] != (char)i)
        exit(5);
    exit(0);
  }
  expect_status(0);
}

const struct test shortage_tests[] = {
  { "memory_all", memory_all, 1 },
  { "memory_gone_calls", memory_gone_calls, 1 },
  { "memory_contest", memory_contest, 1 },
  { "fork_at_limit", fork_at_limit, 1 },
  { NULL, NULL, 0 },
};
