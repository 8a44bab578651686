/* inject_*: each allocation of a kernel operation made to fail in turn: the call fails with ENOMEM (or
 * copes), nothing leaks, nothing panics. faultinject(n) lets the n-th allocation from now in this process
 * fail. The runner's leak rule and vmcheck look at what is left. */
#include "vt.h"

/** After the call: it worked, or it failed for lack of memory. */
static int verdict(int ok) {
  if (!ok && errno != ENOMEM && errno != EAGAIN && errno != ENFILE)
    fail("a call without memory: %s", strerror(errno));
  return ok;
}

static int do_fork(void) {
  static char data[8 * 4096];
  memset(data, 1, sizeof data);
  int pid = fork();
  if (pid == 0)
    exit(data[4096] == 1 ? 0 : 5);
  if (pid > 0)
    expect_status(0);
  return verdict(pid > 0);
}
static void at_fork(void) { each_allocation(do_fork, 1); }

static char *sparse;

static int do_fork_of_many(void) {
  int pid = fork();
  if (pid == 0)
    exit(0);
  if (pid > 0)
    expect_status(0);
  for (int i = 0; i < 16; i++)
    CHECK(sparse[i * 4 * PAGE] == (char)i);
  return verdict(pid > 0);
}

/** A map of many entries, so that the copy fails in its middle. */
static void at_fork_of_many(void) {
  sparse = empty_range(64 * PAGE, PAGE);
  for (int i = 0; i < 16; i++) {
    CHECK(mmap(sparse + i * 4 * PAGE, 2 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) != MAP_FAILED);
    sparse[i * 4 * PAGE] = (char)i;
  }
  each_allocation(do_fork_of_many, 1);
}

static int do_exec(void) {
  char *argv[] = { "true", "with", "arguments", NULL };
  exec("/true", argv);
  return verdict(0);
}

/** Here the child cannot say how many allocations were left: the number at which exec works and keeps working. */
static void at_exec(void) {
  for (int n = 1, worked = 0; n <= MOST_ALLOCATIONS; n++) {
    int pid = must_fork(), status;
    if (pid == 0) {
      CHECK(faultinject(n) == 0);
      do_exec();
      exit(10);
    }
    CHECK(wait(&status) == pid);
    if (status == 1)
      exit(1);
    if (status != 0 && status != 10 && status != -1)
      fail("exec with allocation %d failing ended with %d", n, status);
    worked = status == 0 ? worked + 1 : 0;
    if (worked == 60)
      return;
  }
  fail("there were failures up to allocation %d", MOST_ALLOCATIONS);
}

static int do_mmap(void) {
  char *p = mmap(NULL, 8 * PAGE, RW, PRIVATE_ANON, -1, 0);
  if (p == MAP_FAILED)
    return verdict(0);
  number_pages(p, 8, 1);
  check_pages(p, 8, 1, "what mmap gave");
  return 1;
}
static void at_mmap(void) { each_allocation(do_mmap, 1); }

static int file_fd;

static int do_mmap_file(void) {
  char *p = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, file_fd, 0);
  if (p == MAP_FAILED)
    return verdict(0);
  p[0] = 1;
  char *q = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, file_fd, 0);
  if (q == MAP_FAILED)
    return verdict(0);
  check_bytes(q + PAGE, 7 * PAGE, PAGE, 1, "the file");
  return 1;
}

static void at_mmap_of_a_file(void) {
  file_fd = pattern_file("f", 8 * PAGE, 1);
  each_allocation(do_mmap_file, 1);
  check_file("f", 8 * PAGE, 1);
}

static int do_split(void) {
  char *p = sparse;
  if (mprotect(p + 2 * PAGE, PAGE, PROT_READ) < 0)
    return verdict(0);
  if (munmap(p + 5 * PAGE, PAGE) < 0)
    return verdict(0);
  CHECK(p[0] == 's' && p[4 * PAGE] == 's');
  return 1;
}

static void at_splitting(void) {
  sparse = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  memset(sparse, 's', 8 * PAGE);
  each_allocation(do_split, 1);
}

static int do_sbrk(void) {
  char *a = sbrk(64 * PAGE);
  if (a == (char *)-1)
    return verdict(0);
  a[0] = a[63 * PAGE] = 1;
  return 1;
}
static void at_sbrk(void) { each_allocation(do_sbrk, 1); }

static int do_remap(void) {
  char *p = mremap(sparse, 4 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
  if (p == MAP_FAILED) {
    CHECK(sparse[0] == 'r' && sparse[3 * PAGE] == 'r');
    return verdict(0);
  }
  CHECK(p[0] == 'r' && p[3 * PAGE] == 'r');
  return 1;
}

static void at_remap(void) {
  sparse = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  memset(sparse, 'r', 8 * PAGE);
  each_allocation(do_remap, 1);
}

static int do_pipe_and_open(void) {
  int fds[2];
  if (pipe(fds) < 0)
    return verdict(0);
  int fd = open("g", O_CREATE | O_RDWR);
  if (fd < 0)
    return verdict(0);
  return verdict(write(fd, "abc", 3) == 3);
}
static void at_pipe_and_open(void) { each_allocation(do_pipe_and_open, 1); }

static int do_shm(void) {
  int fd = shm_open("/vt.inject", O_CREATE | O_RDWR, 0600);
  if (fd < 0)
    return verdict(0);
  int ok = ftruncate(fd, 4 * PAGE) == 0;
  char *p = ok ? mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0) : MAP_FAILED;
  if (p != MAP_FAILED)
    number_pages(p, 4, 1);
  ok = verdict(p != MAP_FAILED);
  return ok;
}

static void at_shm(void) {
  each_allocation(do_shm, 1);
  shm_unlink("/vt.inject");
}

static int do_copy_on_write(void) {
  for (int i = 0; i < 8; i++)
    sparse[i * PAGE] = (char)(i + 1);
  return 1;
}

/** Where a page cannot be given although it was promised, the process dies; the other's pages stay. */
static void at_copy_on_write(void) {
  sparse = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(sparse, 8, 1);
  each_allocation(do_copy_on_write, 1);
  check_pages(sparse, 8, 1, "the parent's pages");
}

/** Kernel accesses on a process's behalf: EFAULT or ENOMEM, nothing half done. */
static int do_read(void) {
  CHECK(lseek(file_fd, 0, SEEK_SET) == 0);
  int n = read(file_fd, sparse, 6 * PAGE);
  if (n < 0 && errno != EFAULT && errno != ENOMEM)
    fail("read without memory: %s", strerror(errno));
  return n == 6 * PAGE;
}

static void at_read(void) {
  file_fd = pattern_file("f", 8 * PAGE, 1);
  sparse = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  each_allocation(do_read, 1);
}

const struct test inject_tests[] = {
  { "inject_fork", at_fork, 0 },
  { "inject_fork_of_many", at_fork_of_many, 0 },
  { "inject_exec", at_exec, 0 },
  { "inject_mmap", at_mmap, 0 },
  { "inject_mmap_of_a_file", at_mmap_of_a_file, 0 },
  { "inject_splitting", at_splitting, 0 },
  { "inject_sbrk", at_sbrk, 0 },
  { "inject_remap", at_remap, 0 },
  { "inject_pipe_and_open", at_pipe_and_open, 0 },
  { "inject_shm", at_shm, 0 },
  { "inject_copy_on_write", at_copy_on_write, 0 },
  { "inject_read", at_read, 0 },
  { NULL, NULL, 0 },
};
