/* lib_*: shared libraries as the kernel sees them. The dynamic linker's own tests are in dyntest, which
 * runs here as one test. */
#include "vt.h"

static char first[200], second[200];

static void dynamic_linker(void) {
  static char text[8000];
  int status = output_of("/dyntest", NULL, text, sizeof text);
  char *bad = strncmp(text, "not ok", 6) == 0 ? text : strstr(text, "\nnot ok");
  if (bad) {
    char *save;
    fail("dyntest: %s", strtok_r(bad, "\n", &save));
  }
  if (status != 0)
    fail("dyntest ended with %d", status);
}

/** A program built both ways says the same. */
static void both_ways(void) {
  static const char *const programs[][2] = { { "/sumbss", "/sumbss.dyn" }, { "/sumheap", "/sumheap.dyn" } };
  for (int i = 0; i < 2; i++) {
    int a = output_of(programs[i][0], "/numbers", first, sizeof first), b = output_of(programs[i][1], "/numbers", second, sizeof second);
    if (a != 0 || b != 0)
      fail("%s ended with %d, its dynamic form with %d", programs[i][0], a, b);
    CHECK(strstr(first, "2147516416") != NULL && strstr(second, "2147516416") != NULL);
  }
}

#define COPIES 5

/** Starts dyntest with a pipe for its output that has no room (a first child has filled it): it stops at its
 *  first line, all loaded. */
static int start_blocked(int ends[2]) {
  static char filler[4096];
  CHECK(pipe(ends) == 0);
  int pid = must_fork();
  if (pid == 0) {
    for (;;)
      if (write(ends[1], filler, sizeof filler) < 0)
        exit(9);
  }
  sleep(2); /* it is stuck in write now: its pipe is full */
  CHECK(kill(pid, SIGKILL) == 0);
  expect_status(-1);
  pid = must_fork();
  if (pid == 0) {
    char *argv[] = { "dyntest", NULL };
    dup2(ends[1], 1);
    for (int fd = 3; fd < NOFILE; fd++)
      close(fd);
    exec("/dyntest", argv);
    exit(9);
  }
  return pid;
}

/** The text of a library is one frame for all that use it; its data are each one's own. */
static void one_frame(void) {
  int pids[COPIES], ends[COPIES][2];
  uint64 before[COPIES + 1];
  for (int i = 0; i < COPIES; i++) {
    pids[i] = start_blocked(ends[i]);
    sleep(3);
    before[i] = free_frames();
  }
  for (int i = 0; i < COPIES; i++) {
    CHECK(kill(pids[i], SIGKILL) == 0);
    int status;
    CHECK(wait(&status) > 0 && status == -1);
  }
  uint64 each = (before[0] - before[COPIES - 1]) / (COPIES - 1);
  if (each > 30) /* whether its few pages of data come at exec or later */
    fail("each further copy of a dynamic program takes %lu frames", each);
}

/** A program whose interpreter is missing does not start, and the caller goes on. */
static void missing_interpreter(void) {
  static char text[65536];
  int from = must_open("/sumbss.dyn", O_RDONLY), to = must_open("broken", O_CREATE | O_RDWR), n, changed = 0;
  while ((n = read(from, text, sizeof text)) > 0) {
    for (int i = 0; i + 10 < n; i++)
      if (memcmp(text + i, "/lib/ld.so", 10) == 0) {
        memcpy(text + i, "/lib/no.so", 10);
        changed = 1;
        break;
      }
    CHECK(write(to, text, n) == n);
  }
  CHECK(changed);
  char *argv[] = { "broken", NULL };
  FAILS(exec("broken", argv), ENOENT);
}

const struct test library_tests[] = {
  { "lib_dynamic_linker", dynamic_linker, 0 },
  { "lib_both_ways", both_ways, 0 },
  { "lib_one_frame", one_frame, 0 },
  { "lib_missing_interpreter", missing_interpreter, 0 },
  { NULL, NULL, 0 },
};
