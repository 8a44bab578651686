/* usertests: what its parts share (vmtests uses the runner and the helpers, too).
 *
 * A test is a function run in a child process of its own, with an empty directory of its own as
 * current directory. It returns when all is well and calls fail() when not. Its own children
 * may call fail() too; the test then sees their status 1 (child_ok, expect_status). */
#ifndef UT_H
#define UT_H

#include <errno.h>
#include <fcntl.h>
#include <param.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sysinfo.h>
#include <unistd.h>
#include <vmstat.h>

struct test {
  const char *name;
  void (*run)(void);
  int slow;              /* left out by -q */
};

/** What runner.c runs. */
struct suite {
  const char *name;                  /* of the program */
  const struct test *const *tables;  /* ended by NULL */
};
extern const struct suite suite;

/* One table a file, ended by a NULL name; main.c lists the tables. */
extern const struct test process_tests[], kill_tests[], interface_tests[], exec_tests[], bad_program_tests[], memory_tests[], shortage_tests[], cow_tests[], malloc_tests[], fault_tests[], pointer_tests[], string_pointer_tests[],
    file_tests[], large_file_tests[], pipe_tests[], name_tests[], rename_tests[], crowd_tests[], disk_tests[], fp_tests[], fp_signal_tests[];

/** Ends this process; the reason appears behind "not ok". */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define CHECK(condition) \
  do { if (!(condition)) fail("%s:%d: %s is not so (errno: %s)", __FILE_NAME__, __LINE__, #condition, strerror(errno)); } while (0)

/** The call must fail, with this errno. */
#define FAILS(call, error) \
  do { \
    errno = 0; \
    expect_error(__FILE_NAME__, __LINE__, #call, (long)(call), error); \
  } while (0)

void expect_error(const char *file, int line, const char *what, long result, int error);

/** fork that must work. */
int must_fork(void);
/** Runs fn(arg) in a child, which exits 0 when it returns. Its exit status. */
int status_of(void (*fn)(long), long arg);
/** The same for a child that must return. */
void child_ok(void (*fn)(long), long arg);
/** The same for a child that the kernel must kill; `what` names the crime. */
void expect_killed(void (*fn)(long), long arg, const char *what);
/** Waits for one child, which must have ended with `status`. Its pid. */
int expect_status(int status);

/** open that must work. */
int must_open(const char *path, int flags);
/** Makes a file with n bytes of a pattern that depends on `seed`. */
void make_file(const char *path, int n, int seed);
/** Checks such a file. */
void check_file(const char *path, int n, int seed);
void fill_pattern(char *buffer, int n, int offset, int seed);
int check_pattern(const char *buffer, int n, int offset, int seed);
/** 1 when the path can be opened. */
int exists(const char *path);

/** 1 when boot argument `name` has this value in force (guest-kernel/vm/vm_policy.c). */
int policy_is(const char *name, const char *value);
uint64 free_frames(void);
/** vmstat that must work. */
struct vmstat counters(void);
/** Frames and swap slots that could be promised if nothing were: no process can have more in use. */
long memory_and_swap(void);
/** Waits (up to 5 s) until at least so many frames are free; exit frees memory a little later. */
void await_free_frames(uint64 frames);
/** The procinfo of a pid into *found; 0 when there is none. */
int find_process(int pid, struct procinfo *found);
/** sbrk that must work. */
char *must_sbrk(long n);
/** Moves the break to a page boundary and returns it. */
char *align_break(void);
int all_zero(const char *p, long n);
/** The path usertests was started with, for tests that exec it again. */
extern char *self_path;
/** What `usertests -x MODE …` does: the child side of the exec tests. */
int exec_helper(int argc, char **argv);
/** The mode fp of it: 33 when all floating-point registers are zero. */
int fp_helper(void);

#define STATIC_PAGES 4
/** Room for any one test: processes stay small, so that many fit into a small machine. */
#define SCRATCH (64 * 1024)
extern char scratch[SCRATCH];
/** Blocks are pages here. */
#define BLOCK 4096

#endif
