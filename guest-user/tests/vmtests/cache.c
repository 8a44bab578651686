/* cache_*: one copy of a file in memory, whether it is read, written or mapped; lseek, ftruncate, fsync. */
#include "vt.h"

static void read_sees_stores(void) {
  char text[8];
  int fd = pattern_file("f", 2 * PAGE, 1);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
  memcpy(p + PAGE - 4, "crossing", 8);
  CHECK(lseek(fd, PAGE - 4, SEEK_SET) == PAGE - 4);
  CHECK(read(fd, text, 8) == 8 && memcmp(text, "crossing", 8) == 0);
}

static void maps_see_writes(void) {
  int fd = pattern_file("f", 2 * PAGE, 2);
  char *p = map_file(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0), *q = map_file(fd, 2 * PAGE, RW, MAP_PRIVATE, 0);
  check_bytes(p, 2 * PAGE, 0, 2, "before");
  CHECK(lseek(fd, 100, SEEK_SET) == 100 && write(fd, "hello", 5) == 5);
  CHECK(memcmp(p + 100, "hello", 5) == 0);
  CHECK(memcmp(q + 100, "hello", 5) == 0); /* not written to yet: still the file's page */
}

static void append_appears(void) {
  int fd = pattern_file("f", PAGE + 50, 3);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  CHECK(all_zero(p + PAGE + 50, PAGE - 50) && !can_read(p + 2 * PAGE));
  CHECK(lseek(fd, 0, SEEK_END) == PAGE + 50);
  static char more[2 * 4096];
  fill_pattern(more, sizeof more, PAGE + 50, 3);
  CHECK(write(fd, more, sizeof more) == sizeof more);
  check_bytes(p, 3 * PAGE + 50, 0, 3, "the longer file");
  CHECK(all_zero(p + 3 * PAGE + 50, PAGE - 50));
}

/** A file that is read and mapped takes its frames once. */
static void one_copy(void) {
  int n = 64 * 4096;
  int fd = pattern_file("f", n, 4);
  check_file("f", n, 4);
  struct vmstat before = counters();
  char *p = map_file(fd, n, PROT_READ, MAP_SHARED, 0), *q = map_file(fd, n, PROT_READ, MAP_PRIVATE, 0);
  check_bytes(p, n, 0, 4, "shared");
  check_bytes(q, n, 0, 4, "private");
  struct vmstat after = counters();
  if (after.page_cache_frames > before.page_cache_frames + 8)
    fail("mapping a cached file of 64 pages twice grew the cache by %lu frames", after.page_cache_frames - before.page_cache_frames);
  CHECK(after.file_reads - before.file_reads <= 8);
  if (before.free_frames > after.free_frames + 24)
    fail("mapping a cached file of 64 pages twice took %lu frames", before.free_frames - after.free_frames);
}

static void seek(void) {
  int fd = pattern_file("f", 1000, 5), fds[2];
  CHECK(lseek(fd, 0, SEEK_CUR) == 0 && lseek(fd, 10, SEEK_SET) == 10 && lseek(fd, 5, SEEK_CUR) == 15);
  CHECK(lseek(fd, -100, SEEK_END) == 900 && lseek(fd, 0, SEEK_CUR) == 900);
  char text[100];
  CHECK(read(fd, text, 100) == 100 && check_pattern(text, 100, 900, 5));
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  FAILS(lseek(fd, 0, 9), EINVAL);
  FAILS(lseek(77, 0, SEEK_SET), EBADF);
  CHECK(pipe(fds) == 0);
  FAILS(lseek(fds[0], 0, SEEK_SET), ESPIPE);
  CHECK(lseek(fd, 5000, SEEK_SET) == 5000 && read(fd, text, 1) == 0); /* beyond the end is allowed */
  CHECK(lseek(fd, 0, SEEK_CUR) == 5000);
}

/** Writing behind the end leaves zeros in between. */
static void gap_is_zero(void) {
  int fd = pattern_file("f", 100, 6);
  CHECK(lseek(fd, 2 * PAGE + 10, SEEK_SET) == 2 * PAGE + 10 && write(fd, "end", 3) == 3);
  char *p = map_file(fd, 3 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  check_bytes(p, 100, 0, 6, "the start");
  CHECK(all_zero(p + 100, 2 * PAGE + 10 - 100));
  CHECK(memcmp(p + 2 * PAGE + 10, "end", 3) == 0);
}

static void truncate_shrinks_and_grows(void) {
  struct stat st;
  int fd = pattern_file("f", 5 * PAGE, 7);
  CHECK(ftruncate(fd, PAGE + 7) == 0);
  CHECK(fstat(fd, &st) == 0 && st.size == (uint64)PAGE + 7);
  check_file("f", PAGE + 7, 7);
  CHECK(ftruncate(fd, 3 * PAGE) == 0);
  CHECK(fstat(fd, &st) == 0 && st.size == (uint64)(3 * PAGE));
  static char text[3 * 4096];
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, sizeof text) == sizeof text);
  CHECK(check_pattern(text, PAGE + 7, 0, 7) && all_zero(text + PAGE + 7, 2 * PAGE - 7));
  CHECK(ftruncate(fd, 0) == 0 && fstat(fd, &st) == 0 && st.size == 0);
}

static void truncate_refusals(void) {
  make_file("f", 100, 1);
  int fd = must_open("f", O_RDONLY), fds[2];
  CHECK(ftruncate(fd, 10) == -1 && (errno == EINVAL || errno == EBADF));
  CHECK(pipe(fds) == 0);
  FAILS(ftruncate(fds[1], 10), EINVAL);
  FAILS(ftruncate(77, 10), EBADF);
  fd = must_open("f", O_RDWR);
  FAILS(ftruncate(fd, -1), EINVAL);
  CHECK(ftruncate(fd, 1L << 40) == -1 && (errno == EFBIG || errno == EINVAL || errno == ENOSPC));
  check_file("f", 100, 1);
}

static void fsync_writes(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, RW, MAP_SHARED, 0);
  CHECK(fsync(fd) == 0);
  fill_pattern(p, 8 * PAGE, 0, 2);
  uint64 before = counters().file_writes;
  CHECK(fsync(fd) == 0);
  uint64 written = counters().file_writes - before;
  if (written < 8)
    fail("fsync of 8 dirty pages wrote %lu", written);
  FAILS(fsync(77), EBADF);
}

/** Lets the pages of a mapped file leave memory. How many stay: a page that is on its way to the disk does. */
static long expel(char *p, long pages) {
  for (long i = pages - 1; i >= 0; i--) /* those first that were begun last */
    CHECK(madvise(p + i * PAGE, PAGE, MADV_PAGEOUT) == 0);
  return pages_in_core(p, pages);
}

/** Stores to a file's pages through a mapping, has them written, and looks whether all have reached the disk when the call returns. */
static void written_when(int (*call)(int fd, char *p, long n), const char *name) {
  enum { PAGES = 96 };
  int fd = pattern_file("f", PAGES * PAGE, 1);
  char *p = map_file(fd, PAGES * PAGE, RW, MAP_SHARED, 0);
  CHECK(fsync(fd) == 0);
  for (int round = 2; round < 5; round++) {
    fill_pattern(p, PAGES * PAGE, 0, round);
    CHECK(call(fd, p, PAGES * PAGE) == 0);
    long left = expel(p, PAGES);
    if (left != 0)
      fail("%s has returned while %ld of %d pages were on their way to the disk", name, left, PAGES);
    check_bytes(p, PAGES * PAGE, 0, round, "what comes back from the disk");
  }
}

static int by_msync(int fd, char *p, long n) {
  (void)fd;
  return msync(p, n, MS_SYNC);
}

static int by_fsync(int fd, char *p, long n) {
  (void)p, (void)n;
  return fsync(fd);
}

static void msync_waits(void) { written_when(by_msync, "msync(MS_SYNC)"); }
static void fsync_waits(void) { written_when(by_fsync, "fsync"); }

/** A file that ends in the middle of a page ends so on the disk, too: what was behind does not come back when it grows. */
static void truncated_tail_on_the_disk(void) {
  static const long ends[] = { 1, 100, PAGE - 1, PAGE + 8, 2 * PAGE - 7 };
  for (uint i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    int fd = pattern_file("f", 3 * PAGE, 8), end = (int)ends[i];
    CHECK(fsync(fd) == 0);
    CHECK(ftruncate(fd, end) == 0 && fsync(fd) == 0);
    long pages = (end + PAGE - 1) / PAGE;
    char *p = map_file(fd, pages * PAGE, PROT_READ, MAP_SHARED, 0);
    if (expel(p, pages) != 0)
      fail("a clean file's pages stay in memory");
    CHECK(ftruncate(fd, pages * PAGE) == 0);
    check_bytes(p, end, 0, 8, "what is left");
    if (!all_zero(p + end, pages * PAGE - end))
      fail("cut at %d and grown again, the file shows what was there before", end);
    unmap(p, pages * PAGE);
    close(fd);
    CHECK(unlink("f") == 0);
  }
}

/** A write that ends early, since the rest of its source is not mapped, leaves what it did not reach, also on a page that is not
 *  in memory; one of which nothing can be copied changes nothing. */
static void short_write_keeps_the_rest(void) {
  int fd = pattern_file("f", 4 * PAGE, 1);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0), *source = map_anon(2 * PAGE, RW, PRIVATE_ANON);
  memset(source, 'w', PAGE);
  unmap(source + PAGE, PAGE);
  CHECK(fsync(fd) == 0 && expel(p, 4) == 0);
  CHECK(lseek(fd, PAGE, SEEK_SET) == PAGE && write(fd, source + PAGE - 100, PAGE) == 100);
  FAILS(write(fd, source + PAGE, PAGE), EFAULT);
  CHECK(lseek(fd, 3 * PAGE, SEEK_SET) == 3 * PAGE);
  FAILS(write(fd, source + PAGE, PAGE), EFAULT);
  check_bytes(p, PAGE, 0, 1, "the page before");
  for (int i = 0; i < 100; i++)
    CHECK(p[PAGE + i] == 'w');
  check_bytes(p + PAGE + 100, 3 * PAGE - 100, PAGE + 100, 1, "what the write did not reach");
}

/** Dirty pages of a mapping find their way to the disk without being asked for. */
static void daemon_writes_back(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, RW, MAP_SHARED, 0);
  sync();
  uint64 before = counters().file_writes;
  fill_pattern(p, 8 * PAGE, 0, 2);
  for (int i = 0; i < 80 && counters().file_writes < before + 8; i++)
    sleep(5);
  uint64 written = counters().file_writes - before;
  if (written < 8)
    fail("40 s after 8 pages were written to, the daemon has written %lu", written);
  p[0] = 'x'; /* and a page made dirty again is written again */
  before = counters().file_writes;
  for (int i = 0; i < 80 && counters().file_writes == before; i++)
    sleep(5);
  CHECK(counters().file_writes > before);
}

/** What was stored behind the end reaches neither the disk nor a longer file, when the mapping goes and nobody has called msync. */
static void tail_after_unmap(void) {
  static char text[4096];
  for (int how = 0; how < 3; how++) {
    int fd = pattern_file("f", 100, 7);
    char *p = map_file(fd, PAGE, RW, MAP_SHARED, 0);
    memset(p + 100, 'z', PAGE - 100);
    unmap(p, PAGE);
    if (how == 0)
      CHECK(ftruncate(fd, PAGE) == 0);
    else if (how == 1)
      CHECK(lseek(fd, PAGE - 1, SEEK_SET) == PAGE - 1 && write(fd, "", 1) == 1);
    else
      fsync(fd);
    p = map_file(fd, PAGE, PROT_READ, MAP_SHARED, 0);
    check_bytes(p, 100, 0, 7, "the file");
    if (!all_zero(p + 100, PAGE - 100))
      fail("way %d: what was stored behind the end shows in a later mapping", how);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, PAGE) == (how < 2 ? PAGE : 100));
    CHECK(all_zero(text + 100, how < 2 ? PAGE - 100 : 0));
    unmap(p, PAGE);
    close(fd);
    CHECK(unlink("f") == 0);
  }
}

/** The last unmap of a file begins to write what was stored. */
static void unmap_writes(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, RW, MAP_SHARED, 0);
  sync();
  fill_pattern(p, 8 * PAGE, 0, 2);
  uint64 before = counters().file_writes;
  unmap(p, 8 * PAGE);
  uint64 written = counters().file_writes - before;
  if (written < 8)
    fail("the last munmap of 8 dirty pages has begun to write %lu", written);
}

/** The blocks of an unlinked, mapped file are free once the last mapping goes. */
static void unlinked_blocks_come_back(void) {
  for (int round = 0; round < 12; round++) {
    int n = 2 * 1024 * 1024;
    int fd = must_open("big", O_CREATE | O_RDWR | O_TRUNC);
    CHECK(ftruncate(fd, n) == 0);
    char *p = map_file(fd, n, RW, MAP_SHARED, 0);
    for (int i = 0; i < n; i += 16 * 4096)
      p[i] = (char)round;
    close(fd);
    CHECK(unlink("big") == 0);
    CHECK(p[16 * 4096] == (char)round);
    unmap(p, n);
  }
}

/** A new version of a program's file is what the next exec runs. */
static void exec_sees_new_content(void) {
  static char text[65536];
  char *argv[] = { "x", NULL };
  const char *sources[] = { "/true", "/false", "/true" };
  for (int i = 0; i < 3; i++) {
    int from = must_open(sources[i], O_RDONLY), to = must_open("x", O_CREATE | O_RDWR | O_TRUNC), n;
    while ((n = read(from, text, sizeof text)) > 0)
      CHECK(write(to, text, n) == n);
    close(from);
    close(to);
    CHECK(run_program("x", argv) == (i == 1));
  }
}

/** read() into a mapping of the same file, and write() out of it: the kernel faults on what it works on. */
static void file_into_itself(void) {
  int fd = pattern_file("f", 8 * PAGE, 1);
  char *p = map_file(fd, 8 * PAGE, RW, MAP_SHARED, 0);
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  CHECK(read(fd, p + 4 * PAGE, 4 * PAGE) == 4 * PAGE); /* the first half over the second */
  check_bytes(p, 4 * PAGE, 0, 1, "the first half");
  check_bytes(p + 4 * PAGE, 4 * PAGE, 0, 1, "the second half");
  CHECK(lseek(fd, 4 * PAGE, SEEK_SET) == 4 * PAGE);
  CHECK(write(fd, p, 4 * PAGE) == 4 * PAGE);
  CHECK(lseek(fd, PAGE, SEEK_SET) == PAGE);
  CHECK(read(fd, p + PAGE, PAGE) == PAGE); /* a page onto itself */
  check_bytes(p, 4 * PAGE, 0, 1, "after copying onto itself");
}

/** Several processes write to one file through maps and calls; nothing is lost. */
static void many_writers(void) {
  int n = 16 * 4096;
  make_file("f", n, 1);
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      int fd = must_open("f", O_RDWR);
      char *p = map_file(fd, n, RW, MAP_SHARED, 0), byte = (char)(child + 1);
      for (int i = child; i < n; i += 4) { /* every fourth byte is ours */
        if (i % 64 < 8) {
          lseek(fd, i, SEEK_SET);
          CHECK(write(fd, &byte, 1) == 1);
        } else {
          p[i] = byte;
        }
      }
      exit(0);
    }
  for (int child = 0; child < 4; child++)
    expect_status(0);
  char *p = map_file(must_open("f", O_RDONLY), n, PROT_READ, MAP_SHARED, 0);
  for (int i = 0; i < n; i++)
    if (p[i] != (char)(i % 4 + 1))
      fail("byte %d is %d, wanted %d", i, p[i], i % 4 + 1);
}

const struct test cache_tests[] = {
  { "cache_read_sees_stores", read_sees_stores, 0 },
  { "cache_maps_see_writes", maps_see_writes, 0 },
  { "cache_append_appears", append_appears, 0 },
  { "cache_one_copy", one_copy, 0 },
  { "cache_seek", seek, 0 },
  { "cache_gap_is_zero", gap_is_zero, 0 },
  { "cache_truncate", truncate_shrinks_and_grows, 0 },
  { "cache_truncate_refusals", truncate_refusals, 0 },
  { "cache_fsync_writes", fsync_writes, 0 },
  { "cache_msync_waits", msync_waits, 0 },
  { "cache_fsync_waits", fsync_waits, 0 },
  { "cache_truncated_tail", truncated_tail_on_the_disk, 0 },
  { "cache_short_write_keeps_the_rest", short_write_keeps_the_rest, 0 },
  { "cache_daemon_writes_back", daemon_writes_back, 1 },
  { "cache_unmap_writes", unmap_writes, 0 },
  { "cache_tail_after_unmap", tail_after_unmap, 0 },
  { "cache_unlinked_blocks_come_back", unlinked_blocks_come_back, 0 },
  { "cache_exec_sees_new_content", exec_sees_new_content, 0 },
  { "cache_file_into_itself", file_into_itself, 0 },
  { "cache_many_writers", many_writers, 0 },
  { NULL, NULL, 0 },
};
