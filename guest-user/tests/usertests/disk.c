/* A full disk, no free inodes, files without names: everything comes back. */
#include "ut.h"

/** Fills the disk with one file and removes it: the number of blocks that went in. */
static long fill_and_free(void) {
  int fd = must_open("fill", O_CREATE | O_RDWR), n;
  long total = 0;
  memset(scratch, 'F', sizeof scratch);
  for (int size = sizeof scratch; size >= BLOCK; size /= 2)
    while ((n = write(fd, scratch, size)) > 0) {
      total += n;
      if (n < size)
        break;
    }
  FAILS(write(fd, scratch, BLOCK), ENOSPC);
  CHECK(total % BLOCK == 0);
  close(fd);
  CHECK(unlink("fill") == 0);
  return total / BLOCK;
}

static void disk_full(void) {
  long first = fill_and_free();
  CHECK(first > 100);
  for (int i = 0; i < 2; i++) {
    long again = fill_and_free();
    if (again != first)
      fail("%ld blocks were free, now %ld", first, again);
  }
}

/** With a full disk every call fails properly, and reading goes on. */
static void disk_full_calls(void) {
  int fd = must_open("fill", O_CREATE | O_RDWR), made = 0;
  make_file("small", 100, 1);
  memset(scratch, 'F', sizeof scratch);
  for (int size = sizeof scratch; size >= BLOCK; size /= 2)
    while (write(fd, scratch, size) == size)
      ;
  FAILS(mkdir("d"), ENOSPC);
  FAILS(write(fd, scratch, 1), ENOSPC);
  for (int i = 0; i < 400; i++) { /* empty files need an inode only, until the directory must grow */
    char name[12];
    snprintf(name, sizeof name, "e%d", i);
    int e = open(name, O_CREATE | O_RDWR);
    if (e < 0) {
      CHECK(errno == ENOSPC);
      break;
    }
    made++;
    FAILS(write(e, "x", 1), ENOSPC);
    close(e);
  }
  CHECK(made < 400);
  check_file("small", 100, 1);
  CHECK(rename("small", "big") == 0 || errno == ENOSPC);
  close(fd);
  CHECK(unlink("fill") == 0);
  CHECK(mkdir("d") == 0);
  make_file("d/f", 100000, 2);
  check_file("d/f", 100000, 2);
}

static void disk_full_crowd(void) {
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      char name[] = { 'f', (char)('0' + i), 0 };
      int fd = must_open(name, O_CREATE | O_RDWR);
      while (write(fd, scratch, sizeof scratch) == sizeof scratch)
        ;
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
  for (int i = 0; i < 4; i++) {
    char name[] = { 'f', (char)('0' + i), 0 };
    CHECK(unlink(name) == 0);
  }
  make_file("after", 1000000, 1);
  check_file("after", 1000000, 1);
}

/** Files that lose their last name while open: their blocks come back when the last descriptor goes,
 *  even by a kill. */
static void orphan_files(void) {
  long before = fill_and_free();
  for (int i = 0; i < 4; i++) {
    int pid = must_fork();
    if (pid == 0) {
      int fd = must_open("orphan", O_CREATE | O_RDWR);
      CHECK(unlink("orphan") == 0);
      for (int k = 0; k < 8; k++)
        CHECK(write(fd, scratch, sizeof scratch) == sizeof scratch);
      if (i & 1)
        exit(0);
      for (;;)
        sleep(100);
    }
    if (!(i & 1)) {
      sleep(3);
      xv6_kill(pid);
    }
    expect_status(i & 1 ? 0 : -1);
  }
  long after = fill_and_free();
  if (before != after)
    fail("%ld blocks were free, now %ld", before, after);
}

static void orphan_directory(void) {
  long before = fill_and_free();
  for (int i = 0; i < 10; i++)
    if (must_fork() == 0) {
      char name[] = { 'd', (char)('0' + i), 0 };
      CHECK(mkdir(name) == 0 && chdir(name) == 0);
      CHECK(unlink(strcat(strcpy(scratch, "../"), name)) == 0);
      exit(0);
    } else {
      expect_status(0);
    }
  CHECK(fill_and_free() == before);
}

/** A refused or failed creation gives back what it took. */
static void failures_cost_no_blocks(void) {
  make_file("f", 10, 1);
  CHECK(mkdir("d") == 0);
  long before = fill_and_free();
  for (int i = 0; i < 50; i++) {
    mkdir("d");
    mkdir("f/x");
    open("no/x", O_CREATE | O_RDWR);
    link("f", "d");
    rename("d", "d/x");
    int fd = must_open("g", O_CREATE | O_RDWR);
    CHECK(write(fd, (void *)0x80000000, 100) == -1);
    close(fd);
    CHECK(unlink("g") == 0);
  }
  CHECK(fill_and_free() == before);
}

static void inodes_exhausted(void) {
  enum { PER_DIRECTORY = 200, MOST = 6000 };
  int made = 0, error = 0, directories = 0;
  char path[24];
  while (!error && made < MOST) {
    snprintf(path, sizeof path, "d%d", directories);
    if (mkdir(path) < 0) {
      error = errno;
      break;
    }
    directories++;
    for (int i = 0; i < PER_DIRECTORY && !error; i++) {
      snprintf(path, sizeof path, "d%d/%d", directories - 1, i);
      int fd = open(path, O_CREATE | O_RDWR);
      if (fd < 0)
        error = errno;
      else
        made++, close(fd);
    }
  }
  if (error && error != ENOSPC)
    fail("after %d files: %s", made, strerror(error));
  for (int d = 0; d < directories; d++) {
    for (int i = 0; i < PER_DIRECTORY && made > 0; i++) {
      snprintf(path, sizeof path, "d%d/%d", d, i);
      if (unlink(path) == 0)
        made--;
    }
    snprintf(path, sizeof path, "d%d", d);
    CHECK(unlink(path) == 0);
  }
  CHECK(made == 0);
  make_file("after", 10, 1);
}

const struct test disk_tests[] = {
  { "inodes_exhausted", inodes_exhausted, 1 },
  { "disk_full", disk_full, 1 },
  { "disk_full_calls", disk_full_calls, 1 },
  { "disk_full_crowd", disk_full_crowd, 1 },
  { "orphan_files", orphan_files, 1 },
  { "orphan_directory", orphan_directory, 1 },
  { "failures_cost_no_blocks", failures_cost_no_blocks, 1 },
  { NULL, NULL, 0 },
};
