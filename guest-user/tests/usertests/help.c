/* What many tests do: children with an expected end, files with a known content, counting frames. */
#include "ut.h"

void expect_error(const char *file, int line, const char *what, long result, int error) {
  if (result != -1)
    fail("%s:%d: %s gave %ld, wanted -1 (%s)", file, line, what, result, strerror(error));
  if (errno != error)
    fail("%s:%d: %s: errno %d (%s), wanted %d (%s)", file, line, what, errno, strerror(errno), error, strerror(error));
}

int must_fork(void) {
  int pid = fork();
  if (pid < 0)
    fail("fork: %s", strerror(errno));
  return pid;
}

int status_of(void (*fn)(long), long arg) {
  int status = 12345;
  int pid = must_fork();
  if (pid == 0) {
    fn(arg);
    exit(0);
  }
  int ended = wait(&status);
  if (ended != pid)
    fail("wait gave %d, wanted %d (errno: %s)", ended, pid, strerror(errno));
  return status;
}

void child_ok(void (*fn)(long), long arg) {
  int status = status_of(fn, arg);
  if (status == 1)
    exit(1); /* it has said why */
  if (status != 0)
    fail(status == -1 ? "the kernel killed a child" : "a child ended with %d", status);
}

void expect_killed(void (*fn)(long), long arg, const char *what) {
  int status = status_of(fn, arg);
  if (status == 1)
    exit(1);
  if (status != -1)
    fail("%s (%lx) was allowed: status %d", what, arg, status);
}

int expect_status(int status) {
  int actual = 12345;
  int pid = wait(&actual);
  if (pid < 0)
    fail("wait: %s", strerror(errno));
  if (actual == 1 && status != 1)
    exit(1);
  if (actual != status)
    fail("child %d ended with status %d, wanted %d", pid, actual, status);
  return pid;
}

int must_open(const char *path, int flags) {
  int fd = open(path, flags);
  if (fd < 0)
    fail("open %s with %x: %s", path, flags, strerror(errno));
  return fd;
}

/** One byte of the pattern. */
static char pattern(int position, int seed) { return (char)(position * 7 + (position >> 8) * 13 + (position >> 16) + seed * 31 + 1); }

void fill_pattern(char *buffer, int n, int offset, int seed) {
  for (int i = 0; i < n; i++)
    buffer[i] = pattern(offset + i, seed);
}

int check_pattern(const char *buffer, int n, int offset, int seed) {
  for (int i = 0; i < n; i++)
    if (buffer[i] != pattern(offset + i, seed))
      return 0;
  return 1;
}

static char buffer[4 * BLOCK];
char scratch[SCRATCH];

void make_file(const char *path, int n, int seed) {
  int fd = must_open(path, O_WRONLY | O_CREATE | O_TRUNC);
  for (int done = 0; done < n;) {
    int k = n - done < (int)sizeof buffer ? n - done : (int)sizeof buffer;
    fill_pattern(buffer, k, done, seed);
    int written = write(fd, buffer, k);
    if (written != k)
      fail("write to %s at %d gave %d of %d: %s", path, done, written, k, strerror(errno));
    done += k;
  }
  close(fd);
}

void check_file(const char *path, int n, int seed) {
  struct stat st;
  int fd = must_open(path, O_RDONLY), done = 0, k;
  CHECK(fstat(fd, &st) == 0);
  if (st.size != (uint64)n)
    fail("%s has %lu bytes, wanted %d", path, st.size, n);
  while ((k = read(fd, buffer, sizeof buffer)) > 0) {
    if (!check_pattern(buffer, k, done, seed))
      fail("%s has wrong content between %d and %d", path, done, done + k);
    done += k;
  }
  close(fd);
  if (done != n)
    fail("%s: read %d of %d bytes: %s", path, done, n, strerror(errno));
}

int exists(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

int policy_is(const char *name, const char *value) {
  char word[32];
  if (vmpolicy(name, word, sizeof word) < 0)
    fail("vmpolicy(%s): %s", name, strerror(errno));
  return strcmp(word, value) == 0;
}

uint64 free_frames(void) {
  struct sysinfo s;
  CHECK(sysinfo(&s) == 0);
  return s.free_frames;
}

struct vmstat counters(void) {
  struct vmstat now;
  if (vmstat(&now) < 0)
    fail("vmstat: %s", strerror(errno));
  return now;
}

long memory_and_swap(void) { return (long)counters().commit_limit; }

void await_free_frames(uint64 frames) {
  for (int i = 0; i < 50 && free_frames() < frames; i++)
    sleep(1);
  uint64 now = free_frames();
  if (now < frames)
    fail("%lu frames are free, wanted at least %lu", now, frames);
}

char *must_sbrk(long n) {
  char *p = sbrk(n);
  if (p == (char *)-1)
    fail("sbrk(%ld): %s", n, strerror(errno));
  return p;
}

int all_zero(const char *p, long n) {
  for (; n > 0 && ((uint64)p & 7); n--)
    if (*p++)
      return 0;
  for (; n >= 8; n -= 8, p += 8)
    if (*(const uint64 *)p)
      return 0;
  while (n-- > 0)
    if (*p++)
      return 0;
  return 1;
}

char *align_break(void) {
  long over = (long)sbrk(0) & 4095;
  if (over)
    must_sbrk(4096 - over);
  return sbrk(0);
}

int find_process(int pid, struct procinfo *found) {
  static struct procinfo table[NPROC];
  int n = procinfo(table, NPROC);
  CHECK(n > 0);
  for (int i = 0; i < n; i++)
    if (table[i].pid == pid) {
      *found = table[i];
      return 1;
    }
  return 0;
}
