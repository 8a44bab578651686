/* open, read, write, close, dup, fstat, mknod on ordinary files and devices; descriptors and their limit. */
#include "ut.h"

#include <fs.h>

static void open_rules(void) {
  FAILS(open("f", O_RDONLY), ENOENT);
  FAILS(open("f", O_RDWR), ENOENT);
  FAILS(open("no/f", O_CREATE | O_RDWR), ENOENT);
  int fd = must_open("f", O_CREATE | O_WRONLY);
  close(fd);
  FAILS(open("f/x", O_RDONLY), ENOTDIR);
  FAILS(open("f/x", O_CREATE | O_RDWR), ENOTDIR);
  close(must_open("f", O_CREATE | O_RDWR)); /* an existing one is fine */
  FAILS(open(".", O_WRONLY), EISDIR);
  FAILS(open(".", O_RDWR), EISDIR);
  FAILS(open("/", O_CREATE | O_RDWR), EISDIR);
  FAILS(open(".", O_RDONLY | O_TRUNC), EISDIR);
  close(must_open(".", O_RDONLY));
  close(must_open("/", O_RDONLY));
}

static void access_modes(void) {
  char c;
  make_file("f", 100, 1);
  int r = must_open("f", O_RDONLY), w = must_open("f", O_WRONLY), rw = must_open("f", O_RDWR);
  FAILS(write(r, "x", 1), EBADF);
  FAILS(read(w, &c, 1), EBADF);
  CHECK(read(rw, &c, 1) == 1 && write(rw, "x", 1) == 1);
  CHECK(read(r, &c, 1) == 1 && write(w, "x", 1) == 1);
}

static void bad_descriptors(void) {
  static const int numbers[] = { -1, -100, NOFILE, NOFILE + 1, 1000, 0x7fffffff, (int)0x80000000, NOFILE - 1 };
  struct stat st;
  char c;
  close(NOFILE - 1);
  for (uint i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    FAILS(read(numbers[i], &c, 1), EBADF);
    FAILS(write(numbers[i], &c, 1), EBADF);
    FAILS(close(numbers[i]), EBADF);
    FAILS(dup(numbers[i]), EBADF);
    FAILS(fstat(numbers[i], &st), EBADF);
  }
  int fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(close(fd) == 0);
  FAILS(close(fd), EBADF);
  FAILS(write(fd, &c, 1), EBADF);
}

static void write_and_read(void) {
  static const int sizes[] = { 0, 1, 511, 512, 4095, 4096, 4097, 8192, 12289, 45056, 45057, 60000 };
  for (uint i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    make_file("f", sizes[i], (int)i);
    check_file("f", sizes[i], (int)i);
    CHECK(unlink("f") == 0);
  }
}

static void one_byte_writes(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  for (int i = 0; i < 3000; i++) {
    char c;
    fill_pattern(&c, 1, i, 8);
    CHECK(write(fd, &c, 1) == 1);
  }
  close(fd);
  check_file("f", 3000, 8);
}

static void odd_chunks(void) {
  static char piece[9000];
  int fd = must_open("f", O_CREATE | O_RDWR), at = 0;
  for (int n = 1; n < 9000; n = n * 2 + 1) {
    fill_pattern(piece, n, at, 3);
    CHECK(write(fd, piece, n) == n);
    at += n;
  }
  close(fd);
  check_file("f", at, 3);
}

static void large_call(void) {
  int n = 1 << 20;
  char *buffer = malloc(n), *again = malloc(n);
  CHECK(buffer && again);
  fill_pattern(buffer, n, 0, 1);
  int fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(write(fd, buffer, n) == n);
  close(fd);
  fd = must_open("f", O_RDONLY);
  CHECK(read(fd, again, n) == n);
  CHECK(memcmp(buffer, again, n) == 0);
  CHECK(read(fd, again, n) == 0);
}

static void overwrite_middle(void) {
  char page[4096];
  make_file("f", 20000, 1);
  int fd = must_open("f", O_RDWR);
  for (int i = 0; i < 2; i++)
    CHECK(read(fd, page, 4000) == 4000);
  CHECK(write(fd, "0123456789", 10) == 10);
  close(fd);
  fd = must_open("f", O_RDONLY);
  CHECK(read(fd, page, 4000) == 4000 && check_pattern(page, 4000, 0, 1));
  CHECK(read(fd, page, 4000) == 4000 && check_pattern(page, 4000, 4000, 1));
  CHECK(read(fd, page, 4000) == 4000 && memcmp(page, "0123456789", 10) == 0 && check_pattern(page + 10, 3990, 8010, 1));
}

static void truncate_open(void) {
  struct stat st;
  char c;
  make_file("f", 10000, 1);
  int a = must_open("f", O_RDWR);
  CHECK(read(a, &c, 1) == 1);
  int b = must_open("f", O_WRONLY | O_TRUNC);
  CHECK(fstat(a, &st) == 0 && st.size == 0);
  CHECK(read(a, &c, 1) == 0);
  CHECK(write(b, "abc", 3) == 3);
  CHECK(read(a, &c, 1) == 1 && c == 'b');
}

/** Writing where the file no longer reaches: refused, or a hole of zeros. */
static void write_beyond_end(void) {
  static char block[8 * 4096];
  struct stat st;
  make_file("f", 50000, 1);
  int a = must_open("f", O_RDWR), total = 0, n;
  while ((n = read(a, block, sizeof block)) > 0)
    total += n;
  CHECK(total == 50000);
  close(must_open("f", O_WRONLY | O_TRUNC));
  n = write(a, "end", 3);
  CHECK(fstat(a, &st) == 0);
  if (n == -1) {
    CHECK(errno == EINVAL && st.size == 0);
    return;
  }
  CHECK(n == 3 && st.size == 50003);
  int fd = must_open("f", O_RDONLY);
  for (int at = 0; at < 50000; at += n) {
    int want = 50000 - at < (int)sizeof block ? 50000 - at : (int)sizeof block;
    CHECK((n = read(fd, block, want)) > 0);
    for (int i = 0; i < n; i++)
      CHECK(block[i] == 0);
  }
}

static void append_mode(void) {
  int a = must_open("f", O_CREATE | O_WRONLY | O_APPEND), b = must_open("f", O_WRONLY | O_APPEND);
  char text[40];
  for (int i = 0; i < 5; i++) {
    CHECK(write(a, "a1", 2) == 2);
    CHECK(write(b, "b2", 2) == 2);
  }
  int fd = must_open("f", O_RDONLY);
  CHECK(read(fd, text, 40) == 20);
  CHECK(memcmp(text, "a1b2a1b2a1b2a1b2a1b2", 20) == 0);
}

static void append_crowd(void) {
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      char record[8];
      int fd = must_open("f", O_CREATE | O_WRONLY | O_APPEND);
      memset(record, 'A' + i, 8);
      for (int k = 0; k < 100; k++)
        CHECK(write(fd, record, 8) == 8);
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
  char record[8];
  int counts[4] = { 0 }, fd = must_open("f", O_RDONLY);
  while (read(fd, record, 8) == 8) {
    int who = record[0] - 'A';
    CHECK(who >= 0 && who < 4);
    for (int k = 1; k < 8; k++)
      CHECK(record[k] == record[0]);
    counts[who]++;
  }
  for (int i = 0; i < 4; i++)
    CHECK(counts[i] == 100);
}

static void shared_offset_crowd(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      char record[10];
      memset(record, 'A' + i, 10);
      for (int k = 0; k < 100; k++)
        CHECK(write(fd, record, 10) == 10);
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
  struct stat st;
  CHECK(fstat(fd, &st) == 0 && st.size == 4000);
}

static void dup_rules(void) {
  char c;
  make_file("f", 10, 1);
  int a = must_open("f", O_RDONLY), b = dup(a), d = dup(a);
  CHECK(b == a + 1 && d == a + 2);
  CHECK(read(a, &c, 1) == 1 && read(b, &c, 1) == 1);
  CHECK(check_pattern(&c, 1, 1, 1));
  close(a);
  CHECK(read(b, &c, 1) == 1 && check_pattern(&c, 1, 2, 1));
  CHECK(dup(b) == a); /* the lowest free one */
  CHECK(dup2(b, 20) == 20);
  CHECK(read(20, &c, 1) == 1 && check_pattern(&c, 1, 3, 1));
  CHECK(dup2(b, b) == b);
  FAILS(dup2(31, 5), EBADF);
}

static void descriptor_limit(void) {
  int fds[2], n = 0;
  make_file("f", 10, 1);
  int fd = must_open("f", O_RDONLY), last = fd;
  while ((n = dup(fd)) >= 0)
    last = n;
  CHECK(errno == EMFILE && last == NOFILE - 1);
  FAILS(open("f", O_RDONLY), EMFILE);
  FAILS(open("new", O_CREATE | O_RDWR), EMFILE);
  FAILS(pipe(fds), EMFILE);
  close(last);
  CHECK(!exists("new"));
  FAILS(pipe(fds), EMFILE); /* one is not enough, and stays free */
  CHECK(open("f", O_RDONLY) == last);
  FAILS(dup(fd), EMFILE);
}

/** All processes together: the system's table may run out, politely. */
static void open_file_limit(void) {
  int go[2], n = 0;
  char c;
  CHECK(pipe(go) == 0);
  make_file("f", 1, 1);
  for (; n < 30; n++) {
    int pid = fork();
    if (pid < 0 && errno == ENOMEM)
      break; /* a small machine */
    CHECK(pid >= 0);
    if (pid > 0)
      continue;
    close(go[1]);
    while (open("f", O_RDONLY) >= 0)
      ;
    if (errno != EMFILE && errno != ENFILE)
      fail("open: %s", strerror(errno));
    read(go[0], &c, 1);
    exit(0);
  }
  close(go[1]);
  while (n-- > 0)
    expect_status(0);
}

static void fstat_fields(void) {
  struct stat a, b, d, root;
  make_file("f", 1234, 1);
  make_file("g", 0, 1);
  CHECK(mkdir("d") == 0);
  CHECK(stat("f", &a) == 0 && stat("g", &b) == 0 && stat("d", &d) == 0 && stat("/", &root) == 0);
  CHECK(a.type == T_FILE && a.size == 1234 && a.nlink == 1 && a.dev == root.dev);
  CHECK(b.type == T_FILE && b.size == 0 && b.ino != a.ino);
  CHECK(d.type == T_DIR && d.nlink >= 1 && d.size % sizeof(struct dirent) == 0);
  CHECK(root.ino == ROOTINO && root.type == T_DIR);
}

static void device_nodes(void) {
  struct stat st;
  char c;
  CHECK(mknod("tty", 1, 0) == 0);
  FAILS(mknod("tty", 1, 0), EEXIST);
  CHECK(stat("tty", &st) == 0 && st.type == T_DEVICE);
  int fd = must_open("tty", O_RDWR);
  CHECK(write(fd, "", 0) == 0);
  close(fd);
  for (int major = -3; major < 40; major++) { /* none of these may do harm */
    if (major == 1)
      continue;
    unlink("dev");
    if (mknod("dev", (short)major, 0) < 0)
      continue;
    fd = open("dev", O_RDWR);
    if (fd < 0) {
      CHECK(errno == ENXIO || errno == ENODEV);
      continue;
    }
    CHECK(write(fd, "x", 1) <= 1);
    CHECK(read(fd, &c, 0) <= 0);
    close(fd);
  }
  CHECK(unlink("tty") == 0);
}

static void directory_as_file(void) {
  struct dirent d[2];
  int fd = must_open(".", O_RDONLY);
  CHECK(read(fd, d, sizeof d) == sizeof d);
  CHECK(strcmp(d[0].name, ".") == 0 && strcmp(d[1].name, "..") == 0 && d[0].inum != 0);
  FAILS(write(fd, d, sizeof d), EBADF);
}

static void sync_works(void) {
  make_file("f", 30000, 2);
  CHECK(sync() == 0);
  check_file("f", 30000, 2);
  for (int i = 0; i < 20; i++)
    CHECK(sync() == 0);
}

const struct test file_tests[] = {
  { "open_rules", open_rules, 0 },
  { "access_modes", access_modes, 0 },
  { "bad_descriptors", bad_descriptors, 0 },
  { "write_and_read", write_and_read, 0 },
  { "one_byte_writes", one_byte_writes, 0 },
  { "odd_chunks", odd_chunks, 0 },
  { "large_call", large_call, 0 },
  { "overwrite_middle", overwrite_middle, 0 },
  { "truncate_open", truncate_open, 0 },
  { "write_beyond_end", write_beyond_end, 0 },
  { "append_mode", append_mode, 0 },
  { "append_crowd", append_crowd, 0 },
  { "shared_offset_crowd", shared_offset_crowd, 0 },
  { "dup_rules", dup_rules, 0 },
  { "descriptor_limit", descriptor_limit, 0 },
  { "open_file_limit", open_file_limit, 0 },
  { "fstat_fields", fstat_fields, 0 },
  { "device_nodes", device_nodes, 0 },
  { "directory_as_file", directory_as_file, 0 },
  { "sync_works", sync_works, 0 },
  { NULL, NULL, 0 },
};
