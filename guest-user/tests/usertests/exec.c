/* exec: arguments and their limits, and what survives.
 * `usertests -x MODE …` (exec_helper) is the program that these tests start. */
#include "ut.h"

#include <syscall.h>

static char zero[STATIC_PAGES * 4096];      /* .bss, to be found clean */
static int initialised = 0x1234;

/** The child side. Modes: args N SEED (check argv), status N, fds, clean, environ NAME=VALUE... (check the environment), fp. */
int exec_helper(int argc, char **argv) {
  const char *mode = argc > 2 ? argv[2] : "";
  uint64 sp;
  __asm__ volatile("mv %0, sp" : "=r"(sp));
  if (sp & 15)
    return 20;
  if (strcmp(mode, "status") == 0)
    return atoi(argv[3]);
  if (strcmp(mode, "fp") == 0)
    return fp_helper();
  if (strcmp(mode, "clean") == 0) {
    for (uint i = 0; i < sizeof zero; i++)
      if (zero[i])
        return 21;
    return initialised == 0x1234 ? 33 : 22;
  }
  if (strcmp(mode, "fds") == 0) { /* descriptor argv[3] is open at offset 3 of a make_file(…, 5) */
    char c;
    return read(atoi(argv[3]), &c, 1) == 1 && check_pattern(&c, 1, 3, 5) ? 33 : 23;
  }
  if (strcmp(mode, "args") == 0) {
    if (argc != atoi(argv[3]) || argv[argc] != NULL)
      return 24;
    for (int i = 4; i < argc; i++)
      if (atoi(argv[i]) != i * 11)
        return 25;
    return 33;
  }
  if (strcmp(mode, "environ") == 0) {
    int n = 0;
    for (; environ[n] && argv[n + 3]; n++)
      if (strcmp(environ[n], argv[n + 3]) != 0)
        return 28;
    return environ[n] == NULL && argv[n + 3] == NULL && environ == argv + argc + 1 ? 33 : 29;
  }
  if (strcmp(mode, "long") == 0) /* argv[4] is argv[3] times the letter z */
    return strlen(argv[4]) == strtoul(argv[3], NULL, 10) && strspn(argv[4], "z") == strlen(argv[4]) ? 33 : 26;
  return 27;
}

/** Starts usertests with these arguments in a child; its status, 99 when exec failed. */
static int helper(char **argv) {
  int pid = must_fork(), status;
  if (pid == 0) {
    exec(self_path, argv);
    exit(99);
  }
  CHECK(wait(&status) == pid);
  return status;
}

static void exec_status(void) {
  char *argv[] = { "usertests", "-x", "status", "42", NULL };
  CHECK(helper(argv) == 42);
}

static void exec_clean(void) {
  char *argv[] = { "usertests", "-x", "clean", NULL };
  memset(zero, 0xaa, sizeof zero);
  initialised = 7;
  CHECK(helper(argv) == 33);
}

static void exec_keeps_files(void) {
  char number[12], three[3];
  char *argv[] = { "usertests", "-x", "fds", number, NULL };
  make_file("f", 10, 5);
  int fd = must_open("f", O_RDONLY);
  CHECK(read(fd, three, 3) == 3);
  snprintf(number, sizeof number, "%d", fd);
  CHECK(helper(argv) == 33);
}

static void exec_keeps_pid(void) {
  char *argv[] = { "usertests", "-x", "status", "0", NULL };
  int pid = must_fork();
  if (pid == 0) {
    exec(self_path, argv);
    exit(99);
  }
  CHECK(expect_status(0) == pid);
}

static void exec_arguments(void) {
  static char text[MAXARG + 2][12];
  char *argv[MAXARG + 2] = { "usertests", "-x", "args" };
  for (int n = 4; n <= MAXARG; n += n < 10 ? 1 : 9) {
    for (int i = 4; i < n; i++) {
      snprintf(text[i], sizeof text[i], "%d", i * 11);
      argv[i] = text[i];
    }
    snprintf(text[3], sizeof text[3], "%d", n);
    argv[3] = text[3];
    argv[n] = NULL;
    int status = helper(argv);
    if (status != 33)
      fail("with %d arguments: status %d", n, status);
  }
}

static void exec_too_many(void) {
  static char *argv[MAXARG + 30];
  for (int i = 0; i < MAXARG + 1; i++)
    argv[i] = "x";
  argv[MAXARG + 1] = NULL;
  FAILS(exec(self_path, argv), E2BIG);
  for (int i = 0; i < MAXARG + 29; i++) /* and without an end in sight */
    argv[i] = "x";
  FAILS(exec(self_path, argv), E2BIG);
}

static void exec_long_argument(void) {
  char *z = scratch; /* 2 * ARGBYTES */
  char number[12];
  char *argv[] = { "usertests", "-x", "long", number, z, NULL };
  for (int n = 0; n < ARGBYTES - 2048; n = 3 * n + 500) {
    memset(z, 'z', n);
    z[n] = 0;
    snprintf(number, sizeof number, "%d", n);
    int status = helper(argv);
    if (status != 33)
      fail("with an argument of %d bytes: status %d", n, status);
  }
  memset(z, 'z', 2 * ARGBYTES - 1);
  z[2 * ARGBYTES - 1] = 0;
  FAILS(exec(self_path, argv), E2BIG);
  char *several[] = { "usertests", z + ARGBYTES, z + ARGBYTES, z + ARGBYTES, NULL };
  FAILS(exec(self_path, several), E2BIG);
}

/** Starts the helper, which expects `wanted` (4 strings at most), with this call. Its status, 99 when exec failed. */
static int environ_helper(int (*start)(char **argv, char **envp), char **wanted, char **envp) {
  char *argv[9] = { "usertests", "-x", "environ" };
  int pid = must_fork(), status;
  for (int i = 0; wanted[i]; i++)
    argv[i + 3] = wanted[i];
  if (pid == 0)
    exit(start(argv, envp) == -1 ? 99 : 98);
  CHECK(wait(&status) == pid);
  return status;
}

static int by_execve(char **argv, char **envp) { return execve(self_path, argv, envp); }

static int by_exec(char **argv, char **envp) {
  environ = envp;
  return exec(self_path, argv);
}

static int by_call_7(char **argv, char **envp) { return (int)syscall(SYS_exec, self_path, argv, envp); }

static void exec_environment(void) {
  char *none[] = { NULL }, *three[] = { "A=1", "", "NAME=a value with = in it", NULL };
  CHECK(environ_helper(by_execve, three, three) == 33);
  CHECK(environ_helper(by_execve, none, none) == 33);
  CHECK(environ_helper(by_execve, none, NULL) == 33);
  CHECK(environ_helper(by_exec, three, three) == 33);
  CHECK(environ_helper(by_call_7, none, three) == 33); /* xv6's call has two arguments, whatever stands in the third register */
  CHECK(environ_helper(by_call_7, none, (char **)0x80000000) == 33);
}

static void exec_environment_limits(void) {
  static char *many[MAXARG + 2];
  char *argv[] = { "usertests", "-x", "status", "33", NULL }, *z = scratch; /* 2 * ARGBYTES */
  for (int i = 0; i <= MAXARG; i++)
    many[i] = "x";
  FAILS(execve(self_path, argv, many), E2BIG);
  memset(z, 'z', 2 * ARGBYTES - 1);
  z[2 * ARGBYTES - 1] = 0;
  char *large[] = { z + ARGBYTES + 1000, NULL }, *both[] = { "true", z + ARGBYTES + ARGBYTES / 2, NULL };
  FAILS(execve(self_path, argv, (char *[]){ z, NULL }), E2BIG);
  FAILS(execve(self_path, both, large), E2BIG); /* together too much */
  FAILS(execve(self_path, argv, (char **)0x80000000), EFAULT);
  FAILS(execve(self_path, argv, (char *[]){ (char *)0x80000000, NULL }), EFAULT);
  int pid = must_fork();
  if (pid == 0) {
    execve(self_path, argv, large);
    exit(99);
  }
  expect_status(33);
}

/** getenv and its kin. */
static void exec_variables(void) {
  static char *start[] = { "ONE=1", "TWO=2", "TWOS=22", "EMPTY=", NULL };
  environ = start;
  CHECK(strcmp(getenv("ONE"), "1") == 0 && strcmp(getenv("TWO"), "2") == 0 && *getenv("EMPTY") == 0);
  CHECK(getenv("TW") == NULL && getenv("TWO=2") == NULL && getenv("") == NULL && getenv("THREE") == NULL);
  CHECK(setenv("ONE", "x", 0) == 0 && strcmp(getenv("ONE"), "1") == 0);
  CHECK(setenv("ONE", "one", 1) == 0 && strcmp(getenv("ONE"), "one") == 0);
  CHECK(strcmp(start[0], "ONE=1") == 0); /* the list was copied */
  for (char name[] = "Na"; name[1] <= 'z'; name[1]++)
    CHECK(setenv(name, name + 1, 1) == 0);
  CHECK(strcmp(getenv("Nq"), "q") == 0 && strcmp(getenv("TWOS"), "22") == 0);
  CHECK(unsetenv("TWO") == 0 && getenv("TWO") == NULL && strcmp(getenv("Nz"), "z") == 0 && unsetenv("TWO") == 0);
  FAILS(setenv("", "x", 1), EINVAL);
  FAILS(setenv("A=B", "x", 1), EINVAL);
  FAILS(unsetenv("A=B"), EINVAL);
  int n = 0;
  while (environ[n])
    n++;
  CHECK(n == 4 - 1 + 26);
}

static void exec_no_arguments(void) {
  char *none[] = { NULL };
  int pid = must_fork(), status;
  if (pid == 0) { /* a program may get argc 0, or the kernel may refuse */
    exec("/true", none);
    exit(errno == EINVAL || errno == EFAULT ? 0 : 3);
  }
  CHECK(wait(&status) == pid);
  CHECK(status == 0);
}

static void exec_missing(void) {
  char *argv[] = { "x", NULL };
  FAILS(exec("nothere", argv), ENOENT);
  FAILS(exec("", argv), ENOENT);
  FAILS(exec("/true/x", argv), ENOTDIR);
  CHECK(exec("/", argv) == -1 && (errno == EISDIR || errno == EACCES || errno == ENOEXEC));
  CHECK(exec("/console", argv) == -1);
}

static void exec_many(void) {
  char *argv[] = { "true", NULL };
  for (int i = 0; i < 100; i++) {
    if (must_fork() == 0) {
      exec("/true", argv);
      exit(99);
    }
    expect_status(0);
  }
}

const struct test exec_tests[] = {
  { "exec_status", exec_status, 0 },
  { "exec_clean", exec_clean, 0 },
  { "exec_keeps_files", exec_keeps_files, 0 },
  { "exec_keeps_pid", exec_keeps_pid, 0 },
  { "exec_arguments", exec_arguments, 0 },
  { "exec_too_many", exec_too_many, 0 },
  { "exec_long_argument", exec_long_argument, 0 },
  { "exec_environment", exec_environment, 0 },
  { "exec_environment_limits", exec_environment_limits, 0 },
  { "exec_variables", exec_variables, 0 },
  { "exec_no_arguments", exec_no_arguments, 0 },
  { "exec_missing", exec_missing, 0 },
  { "exec_many", exec_many, 1 },
  { NULL, NULL, 0 },
};
