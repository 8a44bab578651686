/* The helpers of usertests, and those for memory: maps, probes, numbered pages, counters. */
#include "../usertests/help.c"

#include "vt.h"

char *map_anon(long length, int protection, int flags) {
  char *p = mmap(NULL, length, protection, MAP_ANONYMOUS | flags, -1, 0);
  if (p == MAP_FAILED)
    fail("mmap of %ld bytes of memory (flags %x): %s", length, flags, strerror(errno));
  return p;
}

char *map_file(int fd, long length, int protection, int flags, long offset) {
  char *p = mmap(NULL, length, protection, flags, fd, offset);
  if (p == MAP_FAILED)
    fail("mmap of %ld bytes of a file (flags %x): %s", length, flags, strerror(errno));
  return p;
}

void unmap(void *start, long length) {
  if (munmap(start, length) < 0)
    fail("munmap of %ld bytes at %p: %s", length, start, strerror(errno));
}

char *empty_range(long length, long alignment) {
  long size = length + alignment;
  char *p = mmap(NULL, size, PROT_NONE, PRIVATE_ANON | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    fail("mmap of %ld bytes of nothing: %s", size, strerror(errno));
  unmap(p, size);
  return (char *)(((uint64)p + alignment - 1) & -(uint64)alignment);
}

static void read_byte(long p) { (void)*(volatile char *)p; }
static void write_byte(long p) { *(volatile char *)p = *(volatile char *)p; }
static void run_code(long p) { ((void (*)(void))p)(); }

/** 1 when a child that calls fn(p) survives it, 0 when the kernel kills it. */
static int survives(void (*fn)(long), long p) {
  int status = status_of(fn, p);
  if (status != 0 && status != -1)
    fail("a child that tried an access ended with status %d", status);
  return status == 0;
}

int can_read(const volatile void *p) { return survives(read_byte, (long)p); }
int can_write(volatile void *p) { return survives(write_byte, (long)p); }
int can_run(const void *p) { return survives(run_code, (long)p); }

static uint64 page_number(long i, uint64 seed) { return (uint64)i * 0x9e3779b97f4a7c15 + seed; }

void number_pages(char *p, long pages, uint64 seed) {
  for (long i = 0; i < pages; i++)
    *(uint64 *)(p + i * PAGE) = page_number(i, seed);
}

long wrong_page(const char *p, long pages, uint64 seed) {
  for (long i = 0; i < pages; i++)
    if (*(const uint64 *)(p + i * PAGE) != page_number(i, seed))
      return i + 1;
  return 0;
}

void check_pages(const char *p, long pages, uint64 seed, const char *what) {
  long wrong = wrong_page(p, pages, seed);
  if (wrong)
    fail("%s: page %ld of %ld has %lx, wanted %lx", what, wrong - 1, pages, *(const uint64 *)(p + (wrong - 1) * PAGE),
         page_number(wrong - 1, seed));
}

void check_bytes(const char *p, long n, long offset, int seed, const char *what) {
  if (!check_pattern(p, (int)n, (int)offset, seed))
    fail("%s: %ld bytes at offset %ld differ from what was written", what, n, offset);
}

long pages_in_core(char *p, long pages) {
  static unsigned char vector[1024];
  long count = 0;
  for (long done = 0; done < pages; done += sizeof vector) {
    long k = pages - done < (long)sizeof vector ? pages - done : (long)sizeof vector;
    if (mincore(p + done * PAGE, k * PAGE, vector) < 0)
      fail("mincore of %ld pages: %s", k, strerror(errno));
    for (long i = 0; i < k; i++)
      count += vector[i] & 1;
  }
  return count;
}

uint64 resident_pages(void) {
  struct procinfo info;
  CHECK(find_process(getpid(), &info));
  return info.resident_frames;
}

struct sysinfo system_now(void) {
  struct sysinfo now;
  CHECK(sysinfo(&now) == 0);
  return now;
}

long promisable(void) {
  struct vmstat now = counters();
  return now.commit_limit > now.committed_frames ? (long)(now.commit_limit - now.committed_frames) : 0;
}

void need_swap(void) {
  if (counters().swap_slots == 0)
    fail("this machine has no swap area");
}

int pattern_file(const char *path, int n, int seed) {
  make_file(path, n, seed);
  return must_open(path, O_RDWR);
}

int make_shm(const char *name, long size) {
  int fd = shm_open(name, O_CREATE | O_RDWR, 0600);
  if (fd < 0)
    fail("shm_open(%s): %s", name, strerror(errno));
  if (ftruncate(fd, size) < 0)
    fail("ftruncate of shared memory: %s", strerror(errno));
  return fd;
}

void gate_make(struct gate *g) { CHECK(pipe(g->fds) == 0); }

void gate_open(struct gate *g, int times) {
  for (int i = 0; i < times; i++)
    CHECK(write(g->fds[1], "g", 1) == 1);
}

void gate_wait(struct gate *g) {
  char c;
  CHECK(read(g->fds[0], &c, 1) == 1);
}

void catch_signal(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  if (sigaction(signal, &action, NULL) < 0)
    fail("sigaction for signal %d: %s", signal, strerror(errno));
}

int run_program(const char *path, char **argv) {
  int status = 12345, pid = must_fork();
  if (pid == 0) {
    exec(path, argv);
    fail("exec %s: %s", path, strerror(errno));
  }
  if (wait(&status) != pid)
    fail("wait for %s: %s", path, strerror(errno));
  return status;
}

int output_of(const char *path, char *argument, char *text, int size) {
  int fds[2], status = 12345, length = 0, n;
  CHECK(pipe(fds) == 0);
  int pid = must_fork();
  if (pid == 0) {
    char *argv[] = { (char *)path + 1, argument, NULL };
    dup2(fds[1], 1);
    close(fds[0]);
    close(fds[1]);
    exec(path, argv);
    exit(126);
  }
  close(fds[1]);
  while (length < size - 1 && (n = read(fds[0], text + length, size - 1 - length)) > 0)
    length += n;
  text[length] = 0;
  char rest[100];
  while (read(fds[0], rest, sizeof rest) > 0)
    ;
  close(fds[0]);
  CHECK(wait(&status) == pid);
  if (status == 126)
    fail("%s cannot be run", path);
  return status;
}

int run_helper(const char *mode, const char *argument) {
  char *argv[] = { "vmtests", "-x", (char *)mode, (char *)argument, NULL };
  return run_program(self_path, argv);
}

void read_maps(char *text, long size) {
  char path[32];
  int fd, n;
  long length = 0;
  snprintf(path, sizeof path, "/proc/%d/maps", getpid());
  fd = must_open(path, O_RDONLY);
  while ((n = read(fd, text + length, (int)(size - length))) > 0)
    length += n;
  close(fd);
  CHECK(n == 0 && length > 0 && length < size);
  text[length] = 0;
}

void each_allocation(int (*step)(void), int may_die) {
  enum { FAILED = 10, WORKED = 11, NOTHING_LEFT = 12 };
  may_die |= policy_is("vm.commit", "overcommit"); /* no page is promised: any touch may be refused its own */
  for (int n = 1; n <= MOST_ALLOCATIONS; n++) {
    int pid = must_fork(), status;
    if (pid == 0) {
      CHECK(faultinject(n) == 0);
      int worked = step(), left = faultinject(0);
      exit(!worked ? FAILED : left > 0 ? NOTHING_LEFT : WORKED);
    }
    CHECK(wait(&status) == pid);
    if (status == 1)
      exit(1);
    if (status == NOTHING_LEFT)
      return;
    if (status != FAILED && status != WORKED && !(status == -1 && may_die))
      fail("with allocation %d failing the process ended with %d", n, status);
  }
  fail("there were failures up to allocation %d", MOST_ALLOCATIONS);
}

long too_many_pages(void) {
  need_swap();
  long free = (long)free_frames(), promised = promisable() - 200;
  long pages = free * 3 / 2;
  if (pages > free + (promised - free) * 4 / 5)
    pages = free + (promised - free) * 4 / 5;
  if (pages < free + 200)
    fail("with %ld frames free and %ld promisable there is nothing to page out", free, promised);
  return pages;
}

char *big_map(long pages) { return map_anon(pages * PAGE, RW, MAP_PRIVATE); }
