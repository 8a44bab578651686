/* pointer_*: every system call that takes an address, with every kind of bad one: -1 and EFAULT, no harm.
 * One test a pointer. usertests has the same for calls 1 to 26 at more places; here stand all of them, with
 * the places that only mmap can make. */
#include "vt.h"

#include <syscall.h>

/* Nothing is mapped at any of these for a user. */
static const uint64 wild[] = {
  0, 1, 8, 0xfff, 0x1000, 0x10000000, 0x80000000, 0x80200000, USERTOP, USERTOP + 8, 0x3ffffff000, 0x3ffffffff8, 0x4000000000,
  0x8000000000, 0x7ffffffffffffff8, 0x8000000000000000, 0xffffffc000000000, 0xfffffffffffff000, 0xfffffffffffffffc, 0xffffffffffffffff,
};
#define WILD (int)(sizeof wild / sizeof wild[0])

/* What stands for an argument: the address under test, or a prepared one. */
#define BAD 0x7bad7bad7bad0001L
#define FILE_FD 0x7bad7bad7bad0002L
#define PIPE_IN 0x7bad7bad7bad0003L
#define PIPE_OUT 0x7bad7bad7bad0004L
#define OWN_PAGE 0x7bad7bad7bad0005L
#define NULL_ARGV 0x7bad7bad7bad0006L
#define TRUE_PATH 0x7bad7bad7bad0007L
#define POLICY 0x7bad7bad7bad0008L

enum { READS = 1, WRITES = 2, STRING = 4, OPTIONAL = 8, ALIGNED = 16, MAY_START = 32 };

struct pointer_call {
  const char *name;
  long number;
  int flags;  /* READS: the kernel reads there; WRITES: it writes; STRING: up to a NUL; OPTIONAL: 0 means none;
                 ALIGNED: EINVAL for odd ones; MAY_START: part of the work may be done first */
  int size;   /* bytes there */
  long arguments[6];
};

static long fds[2], file, own_page;
static char *null_argv[] = { NULL };

static long argument(long a, uint64 bad) {
  switch (a) {
  case BAD: return (long)bad;
  case FILE_FD: return file;
  case PIPE_IN: return fds[0];
  case PIPE_OUT: return fds[1];
  case OWN_PAGE: return own_page;
  case NULL_ARGV: return (long)null_argv;
  case TRUE_PATH: return (long)"/true";
  case POLICY: return (long)"vm.heap";
  default: return a;
  }
}

static void try(const struct pointer_call *c, uint64 address, const char *where) {
  const long *a = c->arguments;
  if (address == 0 && (c->flags & OPTIONAL))
    return;
  errno = 0;
  long result = syscall(c->number, argument(a[0], address), argument(a[1], address), argument(a[2], address),
                        argument(a[3], address), argument(a[4], address), argument(a[5], address));
  if ((c->flags & MAY_START) && result > 0 && result < c->size && ((address + result) & (PAGE - 1)) == 0)
    return; /* the part before the page that is bad */
  if (result != -1)
    fail("%s with %s (%lx) gave %ld", c->name, where, address, result);
  if (errno != EFAULT && !((c->flags & ALIGNED) && errno == EINVAL && (address & 7)))
    fail("%s with %s (%lx): %s", c->name, where, address, strerror(errno));
}

/** Places made by mmap: holes, PROT_NONE, read-only pages, and pages past the end of a file; alone, and
 *  reached by an object that begins on a good page. */
static void try_made(const struct pointer_call *c) {
  char *p = map_anon(9 * PAGE, RW, MAP_PRIVATE);
  memset(p, 'a', 9 * PAGE); /* strings do not end before the bad page */
  unmap(p + PAGE, PAGE);
  CHECK(mprotect(p + 3 * PAGE, PAGE, PROT_NONE) == 0 && mprotect(p + 5 * PAGE, PAGE, PROT_READ) == 0);
  int fd = must_open("short", O_CREATE | O_RDWR | O_TRUNC);
  CHECK(write(fd, "x", 1) == 1);
  CHECK(mmap(p + 6 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == p + 6 * PAGE);
  memset(p + 6 * PAGE, 'a', PAGE);
  close(fd);
  int before = c->flags & ALIGNED ? 4 : c->size > 1 ? c->size / 2 : 1;
  if (before > 2000)
    before = 2000;
  int crosses = c->size > 1 || (c->flags & STRING);
  static const struct { int page; const char *what; } places[] = { { 1, "a hole" }, { 3, "PROT_NONE" }, { 7, "a page past the end of a file" } };
  for (uint i = 0; i < sizeof places / sizeof places[0]; i++) {
    char *bad = p + places[i].page * PAGE;
    try(c, (uint64)bad, places[i].what);
    try(c, (uint64)bad + 2048, places[i].what);
    if (crosses && !(c->flags & ALIGNED))
      try(c, (uint64)bad - before, places[i].what);
  }
  if (c->flags & WRITES) {
    try(c, (uint64)p + 5 * PAGE, "a read-only page");
    try(c, (uint64)(void *)try & ~7UL, "text");
    if (crosses && !(c->flags & ALIGNED))
      try(c, (uint64)p + 5 * PAGE - before, "what runs into a read-only page");
  }
  unmap(p, 9 * PAGE);
}

static void probe(const struct pointer_call *c) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  fds[0] = ends[0];
  fds[1] = ends[1];
  CHECK(write(ends[1], "some text in the pipe, so that nobody waits", 40) == 40);
  file = pattern_file("f", 3 * PAGE, 1);
  own_page = (long)map_anon(PAGE, RW, MAP_PRIVATE);
  for (int i = 0; i < WILD; i++)
    try(c, wild[i], "a wild address");
  if (c->size > 1)
    try(c, USERTOP - (c->flags & ALIGNED ? 0 : 1), "the last byte of user space");
  try_made(c);
  if (!(c->flags & MAY_START))
    check_file("f", 3 * PAGE, 1);
}

/* name, call, flags, size, arguments */
#define CALLS(X) \
  X(pipe, SYS_pipe, WRITES, 8, BAD) \
  X(read_file, SYS_read, WRITES | MAY_START, 3000, FILE_FD, BAD, 3000) \
  X(read_pipe, SYS_read, WRITES | MAY_START, 20, PIPE_IN, BAD, 20) \
  X(write_file, SYS_write, READS | MAY_START, 3000, FILE_FD, BAD, 3000) \
  X(write_pipe, SYS_write, READS | MAY_START, 20, PIPE_OUT, BAD, 20) \
  X(exec_path, SYS_exec, READS | STRING, 1, BAD, NULL_ARGV) \
  X(exec_argv, SYS_exec, READS | OPTIONAL, 16, TRUE_PATH, BAD) \
  X(execve_path, SYS_execve, READS | STRING, 1, BAD, NULL_ARGV, NULL_ARGV) \
  X(execve_argv, SYS_execve, READS | OPTIONAL, 16, TRUE_PATH, BAD, NULL_ARGV) \
  X(fstat, SYS_fstat, WRITES, (int)sizeof(struct stat), FILE_FD, BAD) \
  X(open, SYS_open, READS | STRING, 1, BAD, 0) \
  X(create, SYS_open, READS | STRING, 1, BAD, O_CREATE | O_RDWR) \
  X(chdir, SYS_chdir, READS | STRING, 1, BAD) \
  X(mknod, SYS_mknod, READS | STRING, 1, BAD, 1, 1) \
  X(unlink, SYS_unlink, READS | STRING, 1, BAD) \
  X(link_from, SYS_link, READS | STRING, 1, BAD, TRUE_PATH) \
  X(link_to, SYS_link, READS | STRING, 1, TRUE_PATH, BAD) \
  X(mkdir, SYS_mkdir, READS | STRING, 1, BAD) \
  X(rename_from, SYS_rename, READS | STRING, 1, BAD, TRUE_PATH) \
  X(rename_to, SYS_rename, READS | STRING, 1, TRUE_PATH, BAD) \
  X(sysinfo, SYS_sysinfo, WRITES, (int)sizeof(struct sysinfo), BAD) \
  X(procinfo, SYS_procinfo, WRITES, (int)sizeof(struct procinfo), BAD, 1) \
  X(mincore, SYS_mincore, WRITES, 1, OWN_PAGE, 4096, BAD) \
  X(sigaction_new, SYS_sigaction, READS | OPTIONAL, (int)sizeof(struct sigaction), SIGUSR1, BAD, 0) \
  X(sigaction_old, SYS_sigaction, WRITES | OPTIONAL, (int)sizeof(struct sigaction), SIGUSR1, 0, BAD) \
  X(sigprocmask_new, SYS_sigprocmask, READS | OPTIONAL, 8, SIG_BLOCK, BAD, 0) \
  X(sigprocmask_old, SYS_sigprocmask, WRITES | OPTIONAL, 8, SIG_BLOCK, 0, BAD) \
  X(sigaltstack_new, SYS_sigaltstack, READS | OPTIONAL, (int)sizeof(stack_t), BAD, 0) \
  X(sigaltstack_old, SYS_sigaltstack, WRITES | OPTIONAL, (int)sizeof(stack_t), 0, BAD) \
  X(sigpending, SYS_sigpending, WRITES, 8, BAD) \
  X(sigsuspend, SYS_sigsuspend, READS, 8, BAD) \
  X(clock_gettime, SYS_clock_gettime, WRITES, 16, CLOCK_MONOTONIC, BAD) \
  X(gettimeofday, SYS_gettimeofday, WRITES | OPTIONAL, 16, BAD, 0) \
  X(nanosleep, SYS_nanosleep, READS, 16, BAD, 0) \
  X(futex_wait, SYS_futex, READS | ALIGNED, 4, BAD, 0, 1, 0) \
  X(futex_timeout, SYS_futex, READS | OPTIONAL, 16, OWN_PAGE, 0, 0, BAD) \
  X(shm_open, SYS_shm_open, READS | STRING, 1, BAD, O_CREATE | O_RDWR, 0600) \
  X(shm_unlink, SYS_shm_unlink, READS | STRING, 1, BAD) \
  X(vmstat, SYS_vmstat, WRITES, (int)sizeof(struct vmstat), BAD) \
  X(vmpolicy_name, SYS_vmpolicy, READS | STRING, 1, BAD, OWN_PAGE, 100) \
  X(vmpolicy_value, SYS_vmpolicy, WRITES, 4, POLICY, BAD, 100)

#define FUNCTION(name, number, flags, size, ...) \
  static void test_##name(void) { \
    static const struct pointer_call call = { #name, number, flags, size, { __VA_ARGS__ } }; \
    probe(&call); \
  }
CALLS(FUNCTION)

/** wait keeps the child when its status cannot be stored. */
static void wait_status(void) {
  char *p = map_anon(PAGE, PROT_READ, MAP_PRIVATE);
  uint64 places[] = { 8, USERTOP, USERTOP - 2, 0x80000000, (uint64)p, -1UL };
  for (int i = 0; i < 6; i++) {
    int pid = must_fork();
    if (pid == 0)
      exit(9);
    FAILS(syscall(SYS_wait, places[i]), EFAULT);
    CHECK(expect_status(9) == pid);
  }
}

/** Buffers that end exactly at the edge of a mapping are good ones, at any alignment. */
static void up_to_the_edge(void) {
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  struct stat st;
  unmap(p + PAGE, PAGE);
  int fd = pattern_file("f", 5000, 1);
  char *edge = p + PAGE;
  CHECK(read(fd, edge - 4096, 4096) == 4096);
  check_bytes(p, 4096, 0, 1, "a whole page");
  CHECK(fstat(fd, (struct stat *)(edge - sizeof st)) == 0);
  memcpy(&st, edge - sizeof st, sizeof st);
  CHECK(st.size == 5000);
  memcpy(edge - 2, "f", 2);
  CHECK(open(edge - 2, O_RDONLY) >= 0);
  for (int i = 1; i < 8; i++)
    CHECK(fstat(fd, (struct stat *)(edge - sizeof st - i)) == 0);
  CHECK(write(fd, edge, 0) == 0);
}

#define ENTRY(name, ...) { "pointer_" #name, test_##name, 0 },
const struct test pointer_tests_vm[] = {
  CALLS(ENTRY)
  { "pointer_wait", wait_status, 0 },
  { "pointer_up_to_the_edge", up_to_the_edge, 0 },
  { NULL, NULL, 0 },
};
