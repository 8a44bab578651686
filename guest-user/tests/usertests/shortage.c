/* Running out of memory: calls fail, nothing breaks, and all comes back. */
#include "ut.h"

#define FAILED ((char *)-1)

/** Takes all memory that sbrk grants, uses it, and finds that fork then copes. */
static void take_all(long arg) {
  (void)arg;
  long step = 1 << 20, total = 0;
  char *a = align_break();
  while (step >= 4096) {
    if (sbrk(step) != FAILED) {
      total += step;
      if (total > 1L << 36)
        fail("sbrk promises for ever");
    } else {
      if (errno != ENOMEM)
        fail("sbrk without memory: %s", strerror(errno));
      step /= 2;
    }
  }
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

static void memory_all(void) {
  uint64 before = free_frames();
  child_ok(take_all, 0);
  await_free_frames(before - 4);
  child_ok(take_all, 1);
  await_free_frames(before - 4);
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
  uint64 before = free_frames();
  child_ok(without_memory, 0);
  await_free_frames(before - 4);
  make_file("after", 10000, 1);
  check_file("after", 10000, 1);
}

static void greedy(void) {
  long total = 0;
  for (long step = 4 << 20; step >= 4096;) {
    char *p = sbrk(step);
    if (p == FAILED) {
      step /= 2;
      continue;
    }
    for (long i = 0; i < step; i += 4096)
      p[i] = 1;
    total += step;
  }
  exit(total == 0 && 0);
}

static void memory_contest(void) {
  for (int i = 0; i < 5; i++)
    if (must_fork() == 0)
      greedy();
  for (int i = 0; i < 5; i++)
    expect_status(0);
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
    CHECK(errno == ENOMEM); /* promised memory could not hold the copy */
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
