/* Several processes at once in one directory, on one file, in one system. */
#include "ut.h"

#include <dirlist.h>

#define CROWD 4

/** Runs fn(0..CROWD-1) at the same time. */
static void together(void (*fn)(int)) {
  for (int i = 0; i < CROWD; i++)
    if (must_fork() == 0) {
      fn(i);
      exit(0);
    }
  for (int i = 0; i < CROWD; i++)
    expect_status(0);
}

static void expect_entries(int wanted) {
  struct entry *entries;
  int n = list_directory(".", &entries);
  if (n != wanted + 2) {
    for (int i = 0; i < n; i++)
      if (entries[i].name[0] != '.')
        fail("%d entries instead of %d, one is %s", n - 2, wanted, entries[i].name);
    fail("%d entries instead of %d", n - 2, wanted);
  }
  free(entries);
}

static void own_names(int who) {
  char name[16];
  for (int i = 0; i < 40; i++) {
    snprintf(name, sizeof name, "p%d-%d", who, i);
    make_file(name, 100, i);
    if (i % 2)
      CHECK(unlink(name) == 0);
  }
  for (int i = 0; i < 40; i += 2) {
    snprintf(name, sizeof name, "p%d-%d", who, i);
    check_file(name, 100, i);
  }
}

static void crowd_own_names(void) {
  together(own_names);
  expect_entries(CROWD * 20);
}

static void same_name(int who) {
  for (int i = 0; i < 100; i++) {
    int fd = open("same", O_CREATE | O_RDWR);
    if (fd < 0)
      fail("open to create: %s", strerror(errno));
    char c = (char)('a' + who);
    CHECK(write(fd, &c, 1) == 1);
    close(fd);
    if (unlink("same") < 0 && errno != ENOENT)
      fail("unlink: %s", strerror(errno));
  }
}

static void crowd_same_name(void) {
  together(same_name);
  unlink("same");
  expect_entries(0);
}

static void link_and_unlink(int who) {
  for (int i = 0; i < 80; i++) {
    if (link("base", "shared") < 0 && errno != EEXIST && errno != ENOENT)
      fail("link: %s", strerror(errno));
    if (unlink("shared") < 0 && errno != ENOENT)
      fail("unlink: %s", strerror(errno));
    char mine[8];
    snprintf(mine, sizeof mine, "l%d", who);
    CHECK(link("base", mine) == 0);
    CHECK(unlink(mine) == 0);
  }
}

static void crowd_links(void) {
  struct stat st;
  make_file("base", 10, 1);
  together(link_and_unlink);
  unlink("shared");
  CHECK(stat("base", &st) == 0 && st.nlink == 1);
  expect_entries(1);
}

static void same_directory(int who) {
  (void)who;
  for (int i = 0; i < 60; i++) {
    if (mkdir("dd") < 0 && errno != EEXIST)
      fail("mkdir: %s", strerror(errno));
    int fd = open("dd/f", O_CREATE | O_RDWR);
    if (fd >= 0)
      close(fd);
    else if (errno != ENOENT)
      fail("open in it: %s", strerror(errno));
    if (unlink("dd/f") < 0 && errno != ENOENT)
      fail("unlink in it: %s", strerror(errno));
    if (unlink("dd") < 0 && errno != ENOENT && errno != ENOTEMPTY)
      fail("unlink of it: %s", strerror(errno));
  }
}

static void crowd_directories(void) {
  together(same_directory);
  unlink("dd/f");
  unlink("dd");
  expect_entries(0);
}

static void chdir_around(int who) {
  for (int i = 0; i < 100; i++) {
    if (who == 0) {
      mkdir("/ut.room/here");
      unlink("/ut.room/here");
    } else if (chdir("/ut.room/here") == 0) {
      close(open("f", O_CREATE | O_RDWR));
      unlink("f");
      chdir("..");
      chdir("/ut.room");
    }
  }
}

static void crowd_chdir(void) {
  together(chdir_around);
  unlink("here/f");
  unlink("here");
  expect_entries(0);
}

static void rename_around(int who) {
  char mine[8], other[8];
  snprintf(mine, sizeof mine, "r%d", who);
  snprintf(other, sizeof other, "r%d", (who + 1) % CROWD);
  for (int i = 0; i < 80; i++) {
    close(open(mine, O_CREATE | O_RDWR));
    if (rename(mine, other) < 0 && errno != ENOENT)
      fail("rename: %s", strerror(errno));
  }
}

static void crowd_renames(void) {
  char name[8];
  together(rename_around);
  for (int i = 0; i < CROWD; i++) {
    snprintf(name, sizeof name, "r%d", i);
    unlink(name);
  }
  expect_entries(0);
}

static void write_and_check(int who) {
  char name[8];
  for (int i = 0; i < 8; i++) {
    snprintf(name, sizeof name, "w%d", who);
    make_file(name, 30000 + 1000 * i, who + i);
    check_file(name, 30000 + 1000 * i, who + i);
  }
  CHECK(unlink(name) == 0);
}

static void crowd_files(void) {
  together(write_and_check);
  expect_entries(0);
}

static void reader_or_writer(int who) {
  for (int i = 0; i < 60; i++) {
    if (who == 0) {
      make_file("rw", 9000, 1);
      continue;
    }
    int fd = must_open("rw", O_RDONLY), n, at = 0;
    static char part[4096];
    while ((n = read(fd, part, sizeof part)) > 0) {
      CHECK(check_pattern(part, n, at, 1)); /* whatever is there already is right */
      at += n;
    }
    CHECK(n == 0);
    close(fd);
  }
}

static void crowd_read_write(void) {
  make_file("rw", 9000, 1);
  together(reader_or_writer);
  check_file("rw", 9000, 1);
}

/** The number of the inode that a new file gets. */
static uint next_inode(void) {
  struct stat st;
  int fd = must_open("number", O_CREATE | O_WRONLY);
  CHECK(fstat(fd, &st) == 0 && unlink("number") == 0);
  close(fd);
  return st.ino;
}

static void make_and_remove(int who) {
  char name[4] = { 'n', (char)('0' + who), 0, 0 };
  for (int i = 0; i < 500; i++) {
    name[2] = (char)('a' + i % 3);
    close(must_open(name, O_CREATE | O_WRONLY));
    if (i % 3 == 2)
      for (name[2] = 'a'; name[2] <= 'c'; name[2]++)
        CHECK(unlink(name) == 0);
  }
  unlink((name[2] = 'a', name));
  unlink((name[2] = 'b', name));
}

/** Inodes that are freed while others are allocated must be found again. */
static void crowd_inode_numbers(void) {
  uint before = next_inode(), after;
  together(make_and_remove);
  after = next_inode();
  if (after != before)
    fail("a new file got inode %u before and %u after: the free ones between are lost", before, after);
}

static void fork_and_exec(int who) {
  char *argv[] = { "true", NULL };
  (void)who;
  for (int i = 0; i < 25; i++) {
    if (must_fork() == 0) {
      exec("/true", argv);
      exit(99);
    }
    expect_status(0);
  }
}

static void crowd_exec(void) { together(fork_and_exec); }

static void grow_and_fork(int who) {
  for (int i = 0; i < 15; i++) {
    char *p = sbrk(50 * 4096);
    CHECK(p != (char *)-1);
    memset(p, who, 50 * 4096);
    if (must_fork() == 0) {
      for (int k = 0; k < 50; k++) {
        CHECK(p[k * 4096] == who);
        p[k * 4096] = 9;
      }
      exit(0);
    }
    expect_status(0);
    CHECK(p[4096] == who);
    sbrk(-50 * 4096);
  }
}

static void crowd_memory(void) { together(grow_and_fork); }

const struct test crowd_tests[] = {
  { "crowd_own_names", crowd_own_names, 0 },
  { "crowd_same_name", crowd_same_name, 0 },
  { "crowd_links", crowd_links, 0 },
  { "crowd_directories", crowd_directories, 0 },
  { "crowd_chdir", crowd_chdir, 0 },
  { "crowd_renames", crowd_renames, 0 },
  { "crowd_files", crowd_files, 0 },
  { "crowd_read_write", crowd_read_write, 0 },
  { "crowd_inode_numbers", crowd_inode_numbers, 0 },
  { "crowd_exec", crowd_exec, 0 },
  { "crowd_memory", crowd_memory, 0 },
  { NULL, NULL, 0 },
};
