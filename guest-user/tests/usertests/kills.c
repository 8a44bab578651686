/* kill, whatever the victim is doing. */
#include "ut.h"

static void spin(void) {
  for (;;)
    __asm__ volatile("");
}

static void kill_spinning(void) {
  int pids[3];
  for (int i = 0; i < 3; i++) {
    pids[i] = must_fork();
    if (pids[i] == 0)
      spin();
  }
  sleep(2); /* and they do not keep us from running */
  for (int i = 0; i < 3; i++)
    CHECK(xv6_kill(pids[i]) == 0);
  for (int i = 0; i < 3; i++)
    expect_status(-1);
}

static void kill_sleeping(void) {
  int pid = must_fork();
  if (pid == 0) {
    sleep(100000);
    exit(0);
  }
  sleep(1);
  CHECK(xv6_kill(pid) == 0);
  CHECK(expect_status(-1) == pid);
}

static void kill_waiting(void) {
  int pid = must_fork();
  if (pid == 0) {
    if (must_fork() == 0) {
      sleep(10);
      exit(0);
    }
    wait(NULL);
    exit(0);
  }
  sleep(2);
  CHECK(xv6_kill(pid) == 0);
  expect_status(-1);
}

static void kill_reader(void) {
  int fds[2];
  char c;
  CHECK(pipe(fds) == 0);
  int pid = must_fork();
  if (pid == 0) {
    read(fds[0], &c, 1);
    exit(0);
  }
  sleep(1);
  CHECK(xv6_kill(pid) == 0);
  expect_status(-1);
}

static void kill_writer(void) {
  int fds[2];
  static char block[BLOCK];
  CHECK(pipe(fds) == 0);
  int pid = must_fork();
  if (pid == 0)
    for (;;)
      write(fds[1], block, sizeof block);
  sleep(1);
  CHECK(xv6_kill(pid) == 0);
  expect_status(-1);
}

static void kill_rules(void) {
  int pid = must_fork();
  if (pid == 0)
    exit(0);
  sleep(2);
  CHECK(xv6_kill(pid) == 0 || errno == ESRCH); /* a zombie: either answer will do */
  expect_status(0);
  FAILS(xv6_kill(pid), ESRCH);
  FAILS(xv6_kill(0x7fffffff), ESRCH);
  CHECK(xv6_kill(0) == -1 && (errno == EINVAL || errno == ESRCH));
  CHECK(xv6_kill(-1) == -1 && (errno == EINVAL || errno == ESRCH));
  CHECK(xv6_kill(-5) == -1 && (errno == EINVAL || errno == ESRCH));
  if (must_fork() == 0) {
    xv6_kill(getpid());
    for (;;)
      getpid();
  }
  expect_status(-1);
}

static void kill_while_busy(void) {
  for (int i = 0; i < 25; i++) {
    int pid = must_fork();
    if (pid == 0) {
      for (;;) {
        int fd = open("victim", O_CREATE | O_RDWR);
        write(fd, "hello", 5);
        close(fd);
        unlink("victim");
        if (fork() == 0)
          exit(0);
        wait(NULL);
      }
    }
    for (int k = 0; k < i * 3; k++)
      getpid();
    if (i & 1)
      sleep(1);
    CHECK(xv6_kill(pid) == 0);
    expect_status(-1);
  }
}

const struct test kill_tests[] = {
  { "kill_rules", kill_rules, 0 },
  { "kill_spinning", kill_spinning, 0 },
  { "kill_sleeping", kill_sleeping, 0 },
  { "kill_waiting", kill_waiting, 0 },
  { "kill_reader", kill_reader, 0 },
  { "kill_writer", kill_writer, 0 },
  { "kill_while_busy", kill_while_busy, 1 },
  { NULL, NULL, 0 },
};
