/* rename: POSIX's rules. */
#include "ut.h"

static void rename_file(void) {
  struct stat a, b;
  make_file("f", 100, 1);
  CHECK(stat("f", &a) == 0);
  CHECK(rename("f", "g") == 0);
  CHECK(!exists("f"));
  check_file("g", 100, 1);
  CHECK(stat("g", &b) == 0 && a.ino == b.ino && b.nlink == 1);
  CHECK(mkdir("d") == 0);
  CHECK(rename("g", "d/h") == 0);
  check_file("d/h", 100, 1);
  CHECK(rename("d/h", "./f") == 0);
  check_file("f", 100, 1);
}

static void rename_replaces(void) {
  struct stat st;
  make_file("f", 100, 1);
  make_file("g", 200, 2);
  int fd = must_open("g", O_RDONLY);
  CHECK(rename("f", "g") == 0);
  CHECK(!exists("f"));
  check_file("g", 100, 1);
  CHECK(fstat(fd, &st) == 0 && st.size == 200 && st.nlink == 0); /* the old one lives while it is open */
  char c;
  CHECK(read(fd, &c, 1) == 1 && check_pattern(&c, 1, 0, 2));
}

static void rename_same(void) {
  struct stat st;
  make_file("f", 10, 1);
  CHECK(rename("f", "f") == 0);
  CHECK(rename("f", "./f") == 0);
  check_file("f", 10, 1);
  CHECK(link("f", "g") == 0);
  CHECK(rename("f", "g") == 0); /* two names of one file: nothing happens */
  CHECK(exists("f") && exists("g"));
  CHECK(stat("f", &st) == 0 && st.nlink == 2);
  CHECK(mkdir("d") == 0 && rename("d", "d") == 0 && exists("d"));
}

static void rename_errors(void) {
  make_file("f", 10, 1);
  CHECK(mkdir("d") == 0 && mkdir("e") == 0 && mkdir("e/x") == 0);
  FAILS(rename("no", "g"), ENOENT);
  FAILS(rename("f", "no/g"), ENOENT);
  FAILS(rename("no/f", "g"), ENOENT);
  FAILS(rename("f/x", "g"), ENOTDIR);
  FAILS(rename("f", "f/x"), ENOTDIR);
  FAILS(rename("f", "d"), EISDIR);
  FAILS(rename("d", "f"), ENOTDIR);
  FAILS(rename("d", "e"), ENOTEMPTY);
  FAILS(rename("d", "d/sub"), EINVAL);
  FAILS(rename("e", "e/x/y"), EINVAL);
  CHECK(rename("d/.", "q") == -1);
  CHECK(rename("d/..", "q") == -1);
  CHECK(rename(".", "q") == -1);
  CHECK(rename("..", "q") == -1);
  CHECK(rename("/", "q") == -1);
  CHECK(rename("d", ".") == -1);
  CHECK(rename("d", "/") == -1);
  check_file("f", 10, 1);
  CHECK(exists("d") && exists("e/x"));
}

static void rename_directory(void) {
  struct stat here, there, parent;
  CHECK(mkdir("a") == 0 && mkdir("b") == 0 && mkdir("a/x") == 0);
  make_file("a/x/f", 10, 1);
  CHECK(stat("a", &here) == 0 && stat("b", &there) == 0);
  short a_links = here.nlink, b_links = there.nlink;
  CHECK(rename("a/x", "b/y") == 0);
  check_file("b/y/f", 10, 1);
  CHECK(stat("b", &there) == 0 && stat("b/y/..", &parent) == 0);
  CHECK(parent.ino == there.ino);            /* its .. leads to the new parent */
  CHECK(stat("a", &here) == 0);
  CHECK(here.nlink == a_links - 1 && there.nlink == b_links + 1);
  CHECK(unlink("a") == 0);
  CHECK(mkdir("c") == 0);
  CHECK(rename("b/y", "c") == 0);            /* onto an empty directory */
  check_file("c/f", 10, 1);
  CHECK(stat("b", &there) == 0 && there.nlink == b_links);
  CHECK(unlink("b") == 0);
  CHECK(chdir("c") == 0 && rename("../c", "../d") == 0); /* our own directory moves, we stay in it */
  check_file("f", 10, 1);
  check_file("../d/f", 10, 1);
}

static void rename_many(void) {
  make_file("n0", 10, 1);
  char from[12], to[12];
  for (int i = 0; i < 300; i++) {
    snprintf(from, sizeof from, "n%d", i);
    snprintf(to, sizeof to, "n%d", i + 1);
    CHECK(rename(from, to) == 0);
  }
  check_file("n300", 10, 1);
}

/** A reader always finds one of the two versions while a writer replaces the file by rename. */
static void rename_atomic(void) {
  make_file("f", 64, 1);
  if (must_fork() == 0) {
    for (int i = 0; i < 150; i++) {
      make_file("new", 64, 1 + (i & 1));
      CHECK(rename("new", "f") == 0);
    }
    exit(0);
  }
  for (int i = 0; i < 300; i++) {
    char text[64];
    int fd = must_open("f", O_RDONLY);
    CHECK(read(fd, text, 64) == 64);
    CHECK(check_pattern(text, 64, 0, 1) || check_pattern(text, 64, 0, 2));
    close(fd);
  }
  expect_status(0);
}

/** Processes move directories into each other from all sides; the tree stays a tree and nobody hangs. */
static void rename_crossing(void) {
  CHECK(mkdir("a") == 0 && mkdir("b") == 0 && mkdir("a/s") == 0 && mkdir("b/t") == 0);
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      for (int k = 0; k < 100; k++) {
        switch ((k + i) % 4) {
        case 0: rename("a/s", "b/s"); break;
        case 1: rename("b/s", "a/s"); break;
        case 2: rename("b/t", "a/s/t"); break;
        default: rename("a/s/t", "b/t"); break;
        }
        if (rename("a", "b/t/a") == 0)
          rename("b/t/a", "a");
      }
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
}

const struct test rename_tests[] = {
  { "rename_file", rename_file, 0 },
  { "rename_replaces", rename_replaces, 0 },
  { "rename_same", rename_same, 0 },
  { "rename_errors", rename_errors, 0 },
  { "rename_directory", rename_directory, 0 },
  { "rename_many", rename_many, 0 },
  { "rename_atomic", rename_atomic, 0 },
  { "rename_crossing", rename_crossing, 0 },
  { NULL, NULL, 0 },
};
