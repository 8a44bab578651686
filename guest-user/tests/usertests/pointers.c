/* Every system call that takes the address of a buffer, with every kind of bad address: it must give
 * -1 and EFAULT and do no harm. Strings are in string_pointers.c. */
#include "ut.h"

#include <syscall.h>

extern char etext[];

/* Bad wherever one stands: nothing is mapped there for users. */
static const uint64 wild[] = {
  0, 1, 8, 0xff8, 0x1000, 0xfffc, 0x100000, 0x10000000, 0x80000000, 0x80200000, 0x87fff000,
  USERTOP, USERTOP + 1, USERTOP + 4096, 0x3fffffe000, 0x3ffffff000, 0x3ffffffff8, 0x4000000000, 0x8000000000,
  0x7ffffffffffffff8, 0x8000000000000000, 0xffffffc000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xfffffffffffffff8, 0xffffffffffffffff,
};
#define WILD (int)(sizeof wild / sizeof wild[0])
#define MORE 12

static uint64 bad[WILD + MORE];
static int bad_count;

/** Fills bad[]: the wild ones and, found out now, those at the edges of our mappings for something of
 *  `size` bytes that the kernel writes (`writes`) or reads. */
static void collect(int size, int writes) {
  long over = (long)sbrk(0) & 4095;
  sbrk(over ? 4096 - over : 0);
  uint64 top = (uint64)sbrk(4096) + 4096;
  bad_count = 0;
  for (int i = 0; i < WILD; i++)
    bad[bad_count++] = wild[i];
  bad[bad_count++] = top;                             /* the first byte not ours */
  bad[bad_count++] = top + 4096;
  bad[bad_count++] = USERTOP - USERSTACK - 8;         /* the gap under the stack */
  bad[bad_count++] = USERTOP - USERSTACK - 4096;
  if (size > 1) {
    bad[bad_count++] = top - 1;                       /* crosses the end of the heap */
    bad[bad_count++] = top - (size < 4096 ? size / 2 : 8);
    bad[bad_count++] = USERTOP - (size < 48 ? size / 2 : 24); /* crosses the top of user space, where only argv's text is */
    bad[bad_count++] = 0x10000 - size / 2;            /* begins before the program */
    bad[bad_count++] = USERTOP - USERSTACK - size / 2; /* begins in the gap */
  }
  if (writes) {
    bad[bad_count++] = (uint64)etext - 8;             /* text is read-only */
    bad[bad_count++] = 0x10000;
  }
}

/** Is `result` what a call with bad[i] must give? */
static void judge(const char *call, int i, long result) {
  if (result != -1)
    fail("%s at %lx gave %ld", call, bad[i], result);
  if (errno != EFAULT)
    fail("%s at %lx: %s", call, bad[i], strerror(errno));
}

static void bad_fstat(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  collect(sizeof(struct stat), 1);
  for (int i = 0; i < bad_count; i++)
    judge("fstat", i, syscall(SYS_fstat, fd, bad[i]));
}

static void bad_sysinfo(void) {
  collect(sizeof(struct sysinfo), 1);
  for (int i = 0; i < bad_count; i++)
    judge("sysinfo", i, syscall(SYS_sysinfo, bad[i]));
}

static void bad_procinfo(void) {
  collect(sizeof(struct procinfo), 1);
  for (int i = 0; i < bad_count; i++)
    judge("procinfo", i, syscall(SYS_procinfo, bad[i], 1));
  for (int i = 0; i < WILD; i++)
    judge("procinfo of many", i, syscall(SYS_procinfo, bad[i], 0x7fffffff));
}

static void bad_pipe(void) {
  int first = dup(1);
  close(first);
  collect(2 * sizeof(int), 1);
  for (int round = 0; round < 2; round++) /* more often than there are descriptors */
    for (int i = 0; i < bad_count; i++)
      judge("pipe", i, syscall(SYS_pipe, bad[i]));
  int now = dup(1);
  CHECK(now == first); /* none was lost */
}

static void bad_wait(void) {
  collect(sizeof(int), 1);
  for (int i = 0; i < bad_count; i++) {
    if (bad[i] == 0)
      continue; /* "I do not want the status" */
    int pid = must_fork();
    if (pid == 0)
      exit(5);
    judge("wait", i, syscall(SYS_wait, bad[i]));
    CHECK(expect_status(5) == pid); /* the child is still there to be waited for */
  }
}

/** Reads and writes may also do the part before the edge; then the count tells. */
static void judge_transfer(const char *call, int i, long result, int size) {
  int partial = result > 0 && result < size;
  uint64 edge = bad[i] + result;
  if (partial && (edge & 4095) == 0)
    return;
  judge(call, i, result);
}

static void bad_read_file(void) {
  make_file("f", 8192, 1);
  collect(3000, 1);
  for (int i = 0; i < bad_count; i++) {
    int fd = must_open("f", O_RDONLY);
    judge_transfer("read", i, syscall(SYS_read, fd, bad[i], 3000), 3000);
    close(fd);
  }
}

static void bad_read_pipe(void) {
  int fds[2];
  char text[100];
  collect(100, 1);
  CHECK(pipe(fds) == 0);
  memset(text, 'p', sizeof text);
  for (int i = 0; i < bad_count; i++) {
    CHECK(write(fds[1], text, 100) == 100);
    long n = syscall(SYS_read, fds[0], bad[i], 100);
    judge_transfer("read of a pipe", i, n, 100);
    close(fds[0]);
    close(fds[1]);
    CHECK(pipe(fds) == 0);
  }
}

static void bad_read_directory(void) {
  collect(16, 1);
  for (int i = 0; i < bad_count; i++) {
    int fd = must_open(".", O_RDONLY);
    judge_transfer("read of a directory", i, syscall(SYS_read, fd, bad[i], 16), 16);
    close(fd);
  }
}

static void bad_write_file(void) {
  struct stat st;
  collect(3000, 0);
  for (int i = 0; i < bad_count; i++) {
    int fd = must_open("f", O_CREATE | O_TRUNC | O_RDWR);
    long n = syscall(SYS_write, fd, bad[i], 3000);
    judge_transfer("write", i, n, 3000);
    CHECK(fstat(fd, &st) == 0);
    CHECK(st.size == (uint64)(n > 0 ? n : 0));
    close(fd);
  }
}

/** Overwriting with a bad address must leave the old content. */
static void bad_overwrite(void) {
  make_file("f", 12288, 2);
  collect(8192, 0);
  for (int i = 0; i < WILD; i++) {
    int fd = must_open("f", O_RDWR);
    judge("write", i, syscall(SYS_write, fd, bad[i], 8192));
    close(fd);
  }
  check_file("f", 12288, 2);
}

static void bad_write_pipe(void) {
  int fds[2];
  collect(100, 0);
  for (int i = 0; i < bad_count; i++) {
    CHECK(pipe(fds) == 0);
    judge_transfer("write to a pipe", i, syscall(SYS_write, fds[1], bad[i], 100), 100);
    close(fds[0]);
    close(fds[1]);
  }
}

static void bad_write_console(void) {
  int fd = must_open("/console", O_RDWR);
  collect(16, 0);
  for (int i = 0; i < WILD; i++)
    judge("write to the console", i, syscall(SYS_write, fd, bad[i], 16));
}

static void bad_lengths(void) {
  static char buffer[64];
  int fds[2], fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(pipe(fds) == 0);
  CHECK(write(fd, buffer, 64) == 64);
  int files[] = { fd, fds[1] };
  for (int i = 0; i < 2; i++) {
    CHECK(write(files[i], buffer, -1) == -1);
    CHECK(write(files[i], buffer, (int)0x80000000) == -1);
    CHECK(write(files[i], buffer, 0) == 0);
  }
  CHECK(read(fd, buffer, -1) == -1);
  CHECK(read(fds[0], buffer, -1) == -1);
  CHECK(read(fd, buffer, 0) == 0);
  CHECK(read(fds[0], buffer, 0) == 0);
}

/** A length that reaches from our memory over its end, as far as an int goes. */
static void bad_long_lengths(void) {
  static char buffer[8192];
  int fd = must_open("f", O_CREATE | O_RDWR);
  long n = syscall(SYS_write, fd, buffer, 0x7fffffff);
  CHECK(n == -1 ? errno == EFAULT : n >= 8192 && n < 1 << 24);
  close(fd);
  fd = must_open("f", O_RDONLY);
  long over = (long)sbrk(0) & 4095;
  sbrk(over ? 4096 - over : 0);
  n = syscall(SYS_read, fd, sbrk(4096), 0x7fffffff);
  CHECK(n == -1 ? errno == EFAULT : n == 4096);
}

/** An exec in which the list of arguments, or one of them, is bad: the process goes on as before. */
static void bad_exec_list(void) {
  char *argv[] = { "true", "argument", NULL, NULL };
  collect(8, 0);
  for (int i = 0; i < bad_count; i++)
    if (bad[i] != 0)
      judge("exec with the list", i, syscall(SYS_exec, "/true", bad[i]));
  for (int i = 0; i < WILD; i++) {
    if (bad[i] == 0)
      continue;
    argv[1] = (char *)bad[i];
    judge("exec with an argument", i, syscall(SYS_exec, "/true", argv));
    argv[1] = "argument";
    argv[2] = (char *)bad[i];
    judge("exec with a third argument", i, syscall(SYS_exec, "/true", argv));
    argv[2] = NULL;
  }
}

/** Unaligned addresses are good ones. */
static void unaligned(void) {
  static char room[8192];
  struct stat st;
  int fds[2], status, fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(write(fd, "abc", 3) == 3);
  for (int i = 1; i < 8; i++) {
    char *odd = room + 4096 - 12 + i; /* and over a page's edge */
    CHECK(syscall(SYS_fstat, fd, odd) == 0);
    memcpy(&st, odd, sizeof st);
    CHECK(st.size == 3 && st.type == T_FILE);
    CHECK(syscall(SYS_pipe, odd) == 0);
    memcpy(fds, odd, sizeof fds);
    CHECK(write(fds[1], "x", 1) == 1);
    close(fds[0]);
    close(fds[1]);
    if (must_fork() == 0)
      exit(77);
    CHECK(syscall(SYS_wait, odd) > 0);
    memcpy(&status, odd, sizeof status);
    CHECK(status == 77);
    CHECK(syscall(SYS_sysinfo, odd) == 0);
    CHECK(syscall(SYS_procinfo, odd, 2) == 2);
    char *argv[3];
    memcpy(odd, (argv[0] = "true", argv[1] = NULL, argv), sizeof argv);
    if (must_fork() == 0) {
      syscall(SYS_exec, "/true", odd);
      exit(9);
    }
    expect_status(0);
  }
}

/** Buffers that end exactly where the mapping ends are good ones. */
static void to_the_last_byte(void) {
  long over = (long)sbrk(0) & 4095;
  sbrk(over ? 4096 - over : 0);
  char *end = sbrk(4096) + 4096;
  make_file("f", 4096, 6);
  int fd = must_open("f", O_RDWR);
  CHECK(read(fd, end - 4096, 4096) == 4096);
  CHECK(check_pattern(end - 4096, 4096, 0, 6));
  CHECK(write(fd, end - 10, 10) == 10);
  CHECK(syscall(SYS_fstat, fd, end - sizeof(struct stat)) == 0);
  memcpy(end - 2, "f", 2);
  fd = must_open(end - 2, O_RDONLY);
  CHECK(write(1, (char *)USERTOP - 1, 0) == 0);
  FAILS(chdir(end - 2), ENOTDIR);
}

/** The registers above the arguments that a call takes, and high bits of ints, do not matter. */
static void dirty_arguments(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(syscall(SYS_write, fd, "abc", 3, -1L, -1L, -1L) == 3);
  CHECK(syscall(SYS_getpid, -1L, -1L, -1L) == getpid());
  CHECK(syscall(SYS_write, (1L << 40) + fd, "abc", 3) == 3 || errno == EBADF);
  FAILS(syscall(SYS_close, 1L << 31), EBADF);
}

const struct test pointer_tests[] = {
  { "bad_fstat", bad_fstat, 0 },
  { "bad_sysinfo", bad_sysinfo, 0 },
  { "bad_procinfo", bad_procinfo, 0 },
  { "bad_pipe", bad_pipe, 0 },
  { "bad_wait", bad_wait, 0 },
  { "bad_read_file", bad_read_file, 0 },
  { "bad_read_pipe", bad_read_pipe, 0 },
  { "bad_read_directory", bad_read_directory, 0 },
  { "bad_write_file", bad_write_file, 0 },
  { "bad_overwrite", bad_overwrite, 0 },
  { "bad_write_pipe", bad_write_pipe, 0 },
  { "bad_write_console", bad_write_console, 0 },
  { "bad_lengths", bad_lengths, 0 },
  { "bad_long_lengths", bad_long_lengths, 0 },
  { "bad_exec_list", bad_exec_list, 0 },
  { "unaligned", unaligned, 0 },
  { "to_the_last_byte", to_the_last_byte, 0 },
  { "dirty_arguments", dirty_arguments, 0 },
  { NULL, NULL, 0 },
};
