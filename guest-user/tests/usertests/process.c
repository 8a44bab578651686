/* fork, exit, wait, orphans. */
#include "ut.h"

static int global = 1;

static void fork_basic(void) {
  int here = getpid(), local = 5;
  int pid = must_fork();
  if (pid == 0) {
    global = 2;
    local = 6;
    exit(getpid() == here || global != 2 || local != 6 ? 9 : 7);
  }
  CHECK(pid != here && pid > 0);
  CHECK(expect_status(7) == pid);
  CHECK(global == 1 && local == 5 && getpid() == here);
}

static void fork_shares_offset(void) {
  char c;
  make_file("f", 10, 3);
  int fd = must_open("f", O_RDONLY);
  if (must_fork() == 0) {
    char four[4];
    CHECK(read(fd, four, 4) == 4);
    exit(0);
  }
  expect_status(0);
  CHECK(read(fd, &c, 1) == 1);
  CHECK(check_pattern(&c, 1, 4, 3));
}

static void fork_tree(void) {
  for (int depth = 0; depth < 3; depth++) {
    int left = must_fork();
    if (left == 0)
      continue;
    int right = must_fork();
    if (right == 0)
      continue;
    expect_status(0);
    expect_status(0);
    break;
  }
}

static void exit_status(void) {
  static const int statuses[] = { 0, 2, 255, 256, 0x7fffffff, -1, -2, (int)0x80000000 };
  for (uint i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    if (must_fork() == 0)
      exit(statuses[i]);
    expect_status(statuses[i]);
  }
}

static void wait_rules(void) {
  int status = 77;
  FAILS(wait(&status), ECHILD);
  CHECK(status == 77);
  if (must_fork() == 0)
    exit(3);
  CHECK(wait(NULL) > 0);
  FAILS(wait(NULL), ECHILD);
  for (int i = 0; i < 5; i++)
    if (must_fork() == 0)
      exit(0);
  for (int i = 0; i < 5; i++)
    expect_status(0);
  FAILS(wait(NULL), ECHILD);
}

static void wait_zombie(void) {
  int pid = must_fork();
  if (pid == 0)
    exit(4);
  sleep(2);
  CHECK(expect_status(4) == pid);
}

static void orphans(void) {
  int fds[2], pid;
  struct procinfo info;
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    int grandchild = must_fork();
    if (grandchild == 0) {
      sleep(5);
      exit(0);
    }
    write(fds[1], &grandchild, sizeof grandchild);
    exit(0);
  }
  expect_status(0);
  CHECK(read(fds[0], &pid, sizeof pid) == sizeof pid);
  CHECK(find_process(pid, &info));
  CHECK(info.ppid == 1);
  FAILS(wait(NULL), ECHILD);
  for (int i = 0; i < 30 && find_process(pid, &info); i++)
    sleep(1);
  CHECK(!find_process(pid, &info)); /* init has reaped it */
}

/** fork, tried again while the process table is full: init needs its time to reap. */
static int patient_fork(void) {
  for (int i = 0; i < 100; i++) {
    int pid = fork();
    if (pid >= 0)
      return pid;
    CHECK(errno == EAGAIN);
    sleep(1);
  }
  fail("init does not reap");
}

static void orphan_storm(void) {
  for (int i = 0; i < 60; i++) {
    if (patient_fork() == 0) {
      fork();
      fork();
      exit(0);
    }
    wait(NULL);
  }
}

static void fork_exhaustion(void) {
  int n = 0, fds[2];
  char c;
  CHECK(pipe(fds) == 0);
  for (;; n++) {
    int pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) { /* lives until the parent closes the pipe */
      close(fds[1]);
      read(fds[0], &c, 1);
      exit(0);
    }
    if (n >= NPROC)
      fail("more than %d processes exist", NPROC);
  }
  int error = errno;
  close(fds[1]);
  for (int i = 0; i < n; i++)
    expect_status(0);
  FAILS(wait(NULL), ECHILD);
  if (error != EAGAIN && error != ENOMEM)
    fail("the last fork failed with: %s", strerror(error));
  CHECK(n >= 10);
  if (must_fork() == 0)
    exit(0);
  expect_status(0);
}

static void fork_many(void) {
  for (int i = 0; i < 300; i++) {
    if (must_fork() == 0)
      exit(i & 0x7f ? 0 : 0);
    expect_status(0);
  }
}

static void exit_wait_race(void) {
  for (int i = 0; i < 20; i++) {
    int pids[4];
    for (int k = 0; k < 4; k++) {
      pids[k] = must_fork();
      if (pids[k] == 0) {
        for (int j = 0; j < 5; j++) {
          if (must_fork() == 0)
            exit(0);
          expect_status(0);
        }
        exit(0);
      }
    }
    for (int k = 0; k < 4; k++)
      expect_status(0);
  }
}

const struct test process_tests[] = {
  { "fork_basic", fork_basic, 0 },
  { "fork_shares_offset", fork_shares_offset, 0 },
  { "fork_tree", fork_tree, 0 },
  { "fork_many", fork_many, 0 },
  { "fork_exhaustion", fork_exhaustion, 0 },
  { "exit_status", exit_status, 0 },
  { "wait_rules", wait_rules, 0 },
  { "wait_zombie", wait_zombie, 0 },
  { "exit_wait_race", exit_wait_race, 0 },
  { "orphans", orphans, 0 },
  { "orphan_storm", orphan_storm, 1 },
  { NULL, NULL, 0 },
};
