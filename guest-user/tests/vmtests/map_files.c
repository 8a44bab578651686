/* map_*: mappings of files: what is in them, who sees a write, what outlives close, unlink and exit. */
#include "vt.h"

#define FILE_BYTES (3 * 4096 + 100)

static void content_and_tail(void) {
  int fd = pattern_file("f", FILE_BYTES, 1);
  char *p = map_file(fd, FILE_BYTES, PROT_READ, MAP_PRIVATE, 0);
  check_bytes(p, FILE_BYTES, 0, 1, "the mapping");
  CHECK(all_zero(p + FILE_BYTES, 4 * PAGE - FILE_BYTES));
  char *q = map_file(fd, FILE_BYTES, PROT_READ, MAP_SHARED, 0);
  check_bytes(q, FILE_BYTES, 0, 1, "the shared mapping");
  CHECK(all_zero(q + FILE_BYTES, 4 * PAGE - FILE_BYTES));
}

static void offset(void) {
  int fd = pattern_file("f", 8 * PAGE, 2);
  char *p = map_file(fd, 3 * PAGE, PROT_READ, MAP_PRIVATE, 4 * PAGE);
  check_bytes(p, 3 * PAGE, 4 * PAGE, 2, "pages 4 to 6");
  char *q = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 6 * PAGE);
  check_bytes(q, 2 * PAGE, 6 * PAGE, 2, "pages 6 and 7");
}

static void private_never_reaches_file(void) {
  int fd = pattern_file("f", FILE_BYTES, 3);
  char *p = map_file(fd, FILE_BYTES, RW, MAP_PRIVATE, 0);
  memset(p, 'x', 4 * PAGE);
  msync(p, 4 * PAGE, MS_SYNC);
  check_file("f", FILE_BYTES, 3);
  unmap(p, FILE_BYTES);
  sync();
  check_file("f", FILE_BYTES, 3);
  p = map_file(fd, FILE_BYTES, RW, MAP_PRIVATE, 0);
  check_bytes(p, FILE_BYTES, 0, 3, "a fresh mapping");
}

/** A private mapping of a descriptor that may only be read can be written to. */
static void private_of_read_only(void) {
  make_file("f", PAGE, 4);
  int fd = must_open("f", O_RDONLY);
  char *p = map_file(fd, PAGE, RW, MAP_PRIVATE, 0);
  p[7] = 'w';
  CHECK(p[7] == 'w');
  check_file("f", PAGE, 4);
}

/** Writes pattern `seed` through a shared mapping and then ends the mapping in the way named by `how`. */
enum { BY_MUNMAP, BY_EXIT, BY_KILL, BY_EXEC };

static void write_shared(long how) {
  int fd = must_open("f", O_RDWR);
  char *p = map_file(fd, FILE_BYTES, RW, MAP_SHARED, 0);
  close(fd);
  fill_pattern(p, FILE_BYTES, 0, 9);
  char *argv[] = { "true", NULL };
  if (how == BY_MUNMAP)
    unmap(p, FILE_BYTES);
  else if (how == BY_KILL)
    kill(getpid(), SIGKILL);
  else if (how == BY_EXEC)
    exec("/true", argv);
}

static void shared_by(long how, int status) {
  make_file("f", FILE_BYTES, 5);
  int ended = status_of(write_shared, how);
  if (ended != status)
    fail("the writer ended with %d", ended);
  check_file("f", FILE_BYTES, 9);
}

static void shared_reaches_file_on_munmap(void) { shared_by(BY_MUNMAP, 0); }
static void shared_reaches_file_on_exit(void) { shared_by(BY_EXIT, 0); }
static void shared_reaches_file_on_kill(void) { shared_by(BY_KILL, -1); }
static void shared_reaches_file_on_exec(void) { shared_by(BY_EXEC, 0); }

static void writable_shared_of_read_only_refused(void) {
  make_file("f", PAGE, 6);
  int fd = must_open("f", O_RDONLY);
  CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
  char *p = map_file(fd, PAGE, PROT_READ, MAP_SHARED, 0);
  FAILS(mprotect(p, PAGE, RW), EACCES);
  check_bytes(p, PAGE, 0, 6, "the mapping");
  CHECK(!can_write(p));
}

static void write_only_descriptor_refused(void) {
  int fd = must_open("f", O_CREATE | O_WRONLY);
  CHECK(write(fd, "abc", 3) == 3);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EACCES);
  CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
}

static void survives_close(void) {
  int fd = pattern_file("f", FILE_BYTES, 7);
  char *p = map_file(fd, FILE_BYTES, PROT_READ, MAP_PRIVATE, 0), *q = map_file(fd, FILE_BYTES, RW, MAP_SHARED, 0);
  close(fd);
  check_bytes(p, FILE_BYTES, 0, 7, "the private mapping");
  q[5] = (char)(q[5] + 1);
  unmap(q, FILE_BYTES);
  fd = must_open("f", O_RDONLY);
  char start[6];
  CHECK(read(fd, start, 6) == 6 && start[5] == p[5]);
  fill_pattern(start, 6, 0, 7);
  CHECK(start[5] != p[5]);
}

static void survives_unlink(void) {
  int fd = pattern_file("f", FILE_BYTES, 8);
  char *p = map_file(fd, FILE_BYTES, RW, MAP_SHARED, 0);
  close(fd);
  CHECK(unlink("f") == 0);
  CHECK(!exists("f"));
  make_file("f", 2 * PAGE, 1); /* another file of the same name */
  check_bytes(p, FILE_BYTES, 0, 8, "the unlinked file's mapping");
  fill_pattern(p, FILE_BYTES, 0, 10);
  if (must_fork() == 0) {
    check_bytes(p, FILE_BYTES, 0, 10, "the child's view");
    exit(0);
  }
  expect_status(0);
  check_file("f", 2 * PAGE, 1);
}

/** mmap itself reads nothing in: pages come when they are touched. */
static void lazy(void) {
  int fd = pattern_file("f", 64 * PAGE, 9);
  uint64 before = resident_pages();
  char *p = map_file(fd, 64 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  uint64 mapped = resident_pages() - before;
  if (mapped > 2)
    fail("mmap entered %lu pages", mapped);
  check_bytes(p + 20 * PAGE, 1, 20 * PAGE, 9, "page 20");
  check_bytes(p + 40 * PAGE, 1, 40 * PAGE, 9, "page 40");
  uint64 touched = resident_pages() - before;
  if (touched < 2 || touched > 36)
    fail("touching 2 of 64 pages entered %lu", touched);
}

static void two_files(void) {
  int f = pattern_file("f", 4 * PAGE, 1), g = pattern_file("g", 4 * PAGE, 2);
  char *p = map_file(f, 4 * PAGE, RW, MAP_SHARED, 0), *q = map_file(g, 4 * PAGE, RW, MAP_SHARED, 0);
  check_bytes(p, 4 * PAGE, 0, 1, "f");
  check_bytes(q, 4 * PAGE, 0, 2, "g");
  memcpy(p, q, 2 * PAGE);
  unmap(p, 4 * PAGE);
  unmap(q, 4 * PAGE);
  check_file("g", 4 * PAGE, 2);
  char *r = map_file(f, 4 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  check_bytes(r, 2 * PAGE, 0, 2, "what was copied");
  check_bytes(r + 2 * PAGE, 2 * PAGE, 2 * PAGE, 1, "the rest of f");
}

/** One file twice in one process: both show one memory. */
static void twice_is_one(void) {
  int fd = pattern_file("f", 2 * PAGE, 3);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, PAGE, RW, MAP_SHARED, PAGE);
  CHECK(p != q);
  p[PAGE + 1] = 'a';
  CHECK(q[1] == 'a');
  q[2] = 'b';
  CHECK(p[PAGE + 2] == 'b');
}

static void fork_inherits(void) {
  int fd = pattern_file("f", 3 * PAGE, 4);
  char *p = map_file(fd, 3 * PAGE, PROT_READ, MAP_PRIVATE, 0), *q = map_file(fd, 3 * PAGE, RW, MAP_SHARED, 0);
  if (must_fork() == 0) {
    check_bytes(p, 3 * PAGE, 0, 4, "the child's private mapping");
    q[2 * PAGE] = 'c';
    unmap(p, 3 * PAGE); /* the child's unmap spares the parent */
    unmap(q, 3 * PAGE);
    CHECK(!can_read(p) && !can_read(q));
    exit(0);
  }
  expect_status(0);
  CHECK(q[2 * PAGE] == 'c' && p[2 * PAGE] == 'c');
  check_bytes(p, 2 * PAGE, 0, 4, "the parent's private mapping");
  CHECK(can_write(q));
}

/** Private pages show later writes to the file only until they are written to themselves. */
static void private_shadows_after_write(void) {
  int fd = pattern_file("f", 2 * PAGE, 5);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_PRIVATE, 0);
  p[0] = 'm'; /* page 0 is ours now */
  char *q = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
  q[0] = 'n';
  q[1] = 'o';
  CHECK(p[0] == 'm');
  char old[2];
  fill_pattern(old, 2, 0, 5);
  CHECK(p[1] == old[1]);
}

static void past_end_of_file(void) {
  int fd = pattern_file("f", PAGE + 1, 6);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  check_bytes(p, PAGE + 1, 0, 6, "the file's part");
  CHECK(all_zero(p + PAGE + 1, PAGE - 1));
  CHECK(!can_read(p + 2 * PAGE) && !can_write(p + 3 * PAGE));
  char *q = map_file(fd, PAGE, PROT_READ, MAP_PRIVATE, 16 * PAGE); /* allowed, but nothing is there */
  CHECK(!can_read(q));
  int out = must_open("g", O_CREATE | O_RDWR);
  FAILS(write(out, p + 2 * PAGE, 10), EFAULT);
  FAILS(write(out, q, 10), EFAULT);
}

/** Bytes behind the end of file are in memory only: never written, and the size stays. */
static void tail_is_never_written(void) {
  struct stat st;
  int fd = pattern_file("f", 100, 7);
  char *p = map_file(fd, PAGE, RW, MAP_SHARED, 0);
  memset(p + 100, 'z', PAGE - 100);
  CHECK(msync(p, PAGE, MS_SYNC) == 0);
  CHECK(fstat(fd, &st) == 0 && st.size == 100);
  unmap(p, PAGE);
  check_file("f", 100, 7);
  CHECK(ftruncate(fd, PAGE) == 0); /* now they belong to the file, and are zero */
  p = map_file(fd, PAGE, PROT_READ, MAP_SHARED, 0);
  check_bytes(p, 100, 0, 7, "the file");
  CHECK(all_zero(p + 100, PAGE - 100));
}

static void truncated_under_a_mapping(void) {
  int fd = pattern_file("f", 4 * PAGE, 8);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0);
  check_bytes(p, 4 * PAGE, 0, 8, "shared");
  check_bytes(q, 4 * PAGE, 0, 8, "private");
  CHECK(ftruncate(fd, PAGE + 10) == 0);
  CHECK(can_read(p + PAGE) && !can_read(p + 2 * PAGE) && !can_read(p + 3 * PAGE));
  CHECK(!can_read(q + 2 * PAGE));
  CHECK(all_zero(p + PAGE + 10, PAGE - 10));
  check_bytes(p, PAGE + 10, 0, 8, "what is left");
  CHECK(ftruncate(fd, 4 * PAGE) == 0);
  CHECK(all_zero(p + PAGE + 10, 3 * PAGE - 10));
  p[3 * PAGE] = 'n';
  CHECK(q[3 * PAGE] == 'n');
}

/** Private copies of pages beyond the new end go with them, in a fork's child as well; what comes there later shows. */
static void truncated_private_copies(void) {
  int fd = pattern_file("f", 4 * PAGE, 8);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0);
  struct gate copied, cut;
  gate_make(&copied);
  gate_make(&cut);
  memset(p, 'p', PAGE);
  memset(p + 2 * PAGE, 'p', 2 * PAGE);
  if (must_fork() == 0) {
    memset(p + 3 * PAGE, 'c', PAGE); /* copies in two layers */
    gate_open(&copied, 1);
    gate_wait(&cut);
    CHECK(p[0] == 'p' && !can_read(p + 2 * PAGE) && !can_read(p + 3 * PAGE));
    exit(0);
  }
  gate_wait(&copied);
  CHECK(ftruncate(fd, PAGE + 10) == 0);
  CHECK(p[0] == 'p' && p[PAGE - 1] == 'p'); /* a copy within the file stays */
  check_bytes(p + PAGE, 10, PAGE, 8, "what is left");
  CHECK(!can_read(p + 2 * PAGE) && !can_write(p + 3 * PAGE));
  gate_open(&cut, 1);
  expect_status(0);
  CHECK(ftruncate(fd, 4 * PAGE) == 0);
  CHECK(all_zero(p + 2 * PAGE, 2 * PAGE));
  memset(p + 3 * PAGE, 'n', PAGE);
  CHECK(p[3 * PAGE] == 'n');
}

/** A private mapping of which every page has been copied is still one of the file. */
static void wholly_copied(void) {
  int fd = pattern_file("f", 2 * PAGE, 8);
  char *p = map_file(fd, PAGE, RW, MAP_PRIVATE, 0), *room = empty_range(4 * PAGE, PAGE);
  memset(p, 'p', PAGE);
  CHECK(mprotect(p, PAGE, PROT_NONE) == 0 && mprotect(p, PAGE, RW) == 0);
  CHECK(p[0] == 'p');
  p[1] = 'q';
  CHECK(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
  CHECK(room[0] == 'p' && room[1] == 'q');
  check_bytes(room + PAGE, PAGE, PAGE, 8, "the file behind");
  CHECK(madvise(room, 2 * PAGE, MADV_DONTNEED) == 0);
  check_bytes(room, 2 * PAGE, 0, 8, "the file");
  memset(room, 'p', 2 * PAGE);
  CHECK(mprotect(room, 2 * PAGE, PROT_NONE) == 0 && mprotect(room, 2 * PAGE, RW) == 0);
  CHECK(room[0] == 'p' && ftruncate(fd, PAGE) == 0);
  CHECK(room[0] == 'p' && !can_read(room + PAGE));
}

/** O_TRUNC by another process is the same. */
static void opened_with_truncate(void) {
  int fd = pattern_file("f", 3 * PAGE, 9);
  char *p = map_file(fd, 3 * PAGE, PROT_READ, MAP_SHARED, 0);
  check_bytes(p, 3 * PAGE, 0, 9, "before");
  make_file("f", PAGE, 10);
  check_bytes(p, PAGE, 0, 10, "after");
  CHECK(!can_read(p + PAGE));
}

static void devices_refused(void) {
  int fds[2], console = must_open("/console", O_RDWR), directory = must_open(".", O_RDONLY);
  CHECK(pipe(fds) == 0);
  int bad[] = { console, directory, fds[0] };
  for (int i = 0; i < 3; i++)
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, bad[i], 0) == MAP_FAILED && (errno == ENODEV || errno == EACCES));
}

/** Two processes without a common ancestor of the mapping share the file's memory. */
static void strangers_share(void) {
  make_file("f", 2 * PAGE, 1);
  if (must_fork() == 0) {
    char *p = map_file(must_open("f", O_RDWR), 2 * PAGE, RW, MAP_SHARED, 0);
    for (int i = 0; i < 50 && p[9] != 'q'; i++)
      sleep(1);
    CHECK(p[9] == 'q');
    p[PAGE + 9] = 'a';
    exit(0);
  }
  char *q = map_file(must_open("f", O_RDWR), 2 * PAGE, RW, MAP_SHARED, 0);
  q[9] = 'q';
  expect_status(0);
  CHECK(q[PAGE + 9] == 'a');
}

/** A length that is no multiple of the page size maps the whole last page. */
static void odd_length(void) {
  int fd = pattern_file("f", 2 * PAGE, 2);
  char *p = map_file(fd, PAGE + 1, PROT_READ, MAP_PRIVATE, 0);
  check_bytes(p, 2 * PAGE, 0, 2, "both pages");
  unmap(p, PAGE + 1);
  CHECK(!can_read(p) && !can_read(p + PAGE));
}

/** Code in a file, mapped for execution, runs. */
static void runs_code(void) {
  static const uint code[] = { 0x02a00513, 0x00008067 }; /* li a0, 42; ret */
  int fd = must_open("code", O_CREATE | O_RDWR);
  CHECK(write(fd, code, sizeof code) == sizeof code);
  char *p = map_file(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
  CHECK(((int (*)(void))p)() == 42);
  CHECK(!can_write(p));
  char *q = map_file(fd, PAGE, PROT_READ, MAP_PRIVATE, 0);
  CHECK(!can_run(q));
}

static void whole_big_file(void) {
  int n = 600 * 1024;
  int fd = pattern_file("f", n, 3);
  char *p = map_file(fd, n, PROT_READ, MAP_SHARED, 0);
  check_bytes(p, n, 0, 3, "the mapping");
  char *q = map_file(fd, n, RW, MAP_PRIVATE, 0);
  fill_pattern(q, n, 0, 4);
  check_bytes(q, n, 0, 4, "the private copy");
  check_bytes(p, n, 0, 3, "the mapping, later");
}

const struct test map_file_tests[] = {
  { "map_content_and_tail", content_and_tail, 0 },
  { "map_offset", offset, 0 },
  { "map_private_never_reaches_file", private_never_reaches_file, 0 },
  { "map_private_of_read_only", private_of_read_only, 0 },
  { "map_shared_on_munmap", shared_reaches_file_on_munmap, 0 },
  { "map_shared_on_exit", shared_reaches_file_on_exit, 0 },
  { "map_shared_on_kill", shared_reaches_file_on_kill, 0 },
  { "map_shared_on_exec", shared_reaches_file_on_exec, 0 },
  { "map_shared_of_read_only_refused", writable_shared_of_read_only_refused, 0 },
  { "map_write_only_refused", write_only_descriptor_refused, 0 },
  { "map_survives_close", survives_close, 0 },
  { "map_survives_unlink", survives_unlink, 0 },
  { "map_lazy", lazy, 0 },
  { "map_two_files", two_files, 0 },
  { "map_twice_is_one", twice_is_one, 0 },
  { "map_fork_inherits", fork_inherits, 0 },
  { "map_private_shadows_after_write", private_shadows_after_write, 0 },
  { "map_past_end_of_file", past_end_of_file, 0 },
  { "map_tail_is_never_written", tail_is_never_written, 0 },
  { "map_truncated_under_a_mapping", truncated_under_a_mapping, 0 },
  { "map_truncated_private_copies", truncated_private_copies, 0 },
  { "map_wholly_copied", wholly_copied, 0 },
  { "map_opened_with_truncate", opened_with_truncate, 0 },
  { "map_devices_refused", devices_refused, 0 },
  { "map_strangers_share", strangers_share, 0 },
  { "map_odd_length", odd_length, 0 },
  { "map_runs_code", runs_code, 0 },
  { "map_whole_big_file", whole_big_file, 0 },
  { NULL, NULL, 0 },
};
