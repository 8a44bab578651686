/* Directories, paths, links, unlink. */
#include "ut.h"

#include <dirlist.h>
#include <fs.h>

static void path_forms(void) {
  CHECK(mkdir("d") == 0 && mkdir("d/e") == 0);
  make_file("d/e/f", 10, 1);
  static const char *const forms[] = {
    "d/e/f", "./d/e/f", "d//e///f", "d/./e/./f", "d/e/../e/f", "d/../d/e/f", "/ut.room/d/e/f", "//ut.room//d/e/f", "/../ut.room/d/e/f", "d/e/../../d/e/f",
  };
  for (uint i = 0; i < sizeof forms / sizeof forms[0]; i++)
    check_file(forms[i], 10, 1);
  CHECK(chdir("d/e/") == 0);
  check_file("f", 10, 1);
  check_file("../e/f", 10, 1);
  FAILS(chdir("f"), ENOTDIR);
  FAILS(chdir("nothere"), ENOENT);
  CHECK(chdir("../..") == 0);
  check_file("d/e/f", 10, 1);
}

static void name_length(void) {
  struct stat a, b;
  make_file("abcdefghijklmn", 5, 1); /* 14 letters */
  check_file("abcdefghijklmn", 5, 1);
  FAILS(open("abcdefghijklm", O_RDONLY), ENOENT);
  /* longer names count only as far as a directory entry goes, as xv6 has it */
  CHECK(stat("abcdefghijklmnopq", &a) == 0 && stat("abcdefghijklmn", &b) == 0);
  CHECK(a.ino == b.ino);
  FAILS(mkdir("abcdefghijklmnXYZ"), EEXIST);
  CHECK(unlink("abcdefghijklmnop") == 0);
  CHECK(!exists("abcdefghijklmn"));
}

static void mkdir_rules(void) {
  struct stat before, after, d;
  CHECK(stat(".", &before) == 0);
  CHECK(mkdir("d") == 0);
  FAILS(mkdir("d"), EEXIST);
  FAILS(mkdir("."), EEXIST);
  FAILS(mkdir(".."), EEXIST);
  FAILS(mkdir("/"), EEXIST);
  FAILS(mkdir("no/d"), ENOENT);
  make_file("f", 1, 1);
  FAILS(mkdir("f"), EEXIST);
  FAILS(mkdir("f/d"), ENOTDIR);
  CHECK(stat(".", &after) == 0 && stat("d", &d) == 0);
  CHECK(after.nlink == before.nlink + 1);
  CHECK(d.type == T_DIR && d.nlink == 1);
  CHECK(mkdir("e/") == 0 && stat("e", &d) == 0);
}

static void rmdir_rules(void) {
  struct stat before, after;
  CHECK(stat(".", &before) == 0);
  CHECK(mkdir("d") == 0);
  make_file("d/f", 1, 1);
  FAILS(unlink("d"), ENOTEMPTY);
  FAILS(unlink("d/."), EINVAL);
  FAILS(unlink("d/.."), EINVAL);
  FAILS(unlink("."), EINVAL);
  FAILS(unlink(".."), EINVAL);
  CHECK(unlink("/") == -1);
  CHECK(unlink("d/f") == 0);
  CHECK(unlink("d") == 0);
  FAILS(unlink("d"), ENOENT);
  FAILS(chdir("d"), ENOENT);
  CHECK(stat(".", &after) == 0 && after.nlink == before.nlink);
}

static void unlink_rules(void) {
  FAILS(unlink("f"), ENOENT);
  FAILS(unlink("no/f"), ENOENT);
  make_file("f", 1, 1);
  FAILS(unlink("f/x"), ENOTDIR);
  CHECK(unlink("f") == 0);
  FAILS(open("f", O_RDONLY), ENOENT);
}

static void unlink_open(void) {
  char text[10];
  int fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(write(fd, "hello", 5) == 5);
  int again = must_open("f", O_RDONLY);
  CHECK(unlink("f") == 0);
  FAILS(open("f", O_RDONLY), ENOENT);
  CHECK(read(again, text, 10) == 5 && memcmp(text, "hello", 5) == 0);
  CHECK(write(fd, "more", 4) == 4);
  CHECK(read(again, text, 10) == 4);
  make_file("f", 3, 1); /* a new one of that name */
  struct stat st;
  CHECK(fstat(fd, &st) == 0 && st.nlink == 0 && st.size == 9);
  close(fd);
  close(again);
  check_file("f", 3, 1);
}

static void link_rules(void) {
  struct stat a, b;
  make_file("f", 100, 1);
  CHECK(link("f", "g") == 0);
  CHECK(stat("f", &a) == 0 && stat("g", &b) == 0 && a.ino == b.ino && a.nlink == 2);
  CHECK(unlink("f") == 0);
  check_file("g", 100, 1);
  CHECK(stat("g", &b) == 0 && b.nlink == 1);
  FAILS(link("f", "h"), ENOENT);
  FAILS(link("g", "g"), EEXIST);
  make_file("f", 1, 1);
  FAILS(link("g", "f"), EEXIST);
  FAILS(link("g", "no/h"), ENOENT);
  FAILS(link("g", "f/h"), ENOTDIR);
  CHECK(mkdir("d") == 0);
  FAILS(link("d", "e"), EPERM);
  FAILS(link(".", "e"), EPERM);
  FAILS(link("g", "d"), EEXIST);
  CHECK(link("g", "d/g") == 0);
  check_file("d/g", 100, 1);
  CHECK(stat("g", &a) == 0 && a.nlink == 2); /* the refused ones left no trace */
}

static void link_limit(void) {
  struct stat st;
  int count = 1, error = 0;
  make_file("f", 1, 1);
  for (int d = 0; error == 0; d++) { /* spread over directories, as each is searched from its start */
    char path[40];
    snprintf(path, sizeof path, "d%d", d);
    CHECK(mkdir(path) == 0);
    for (int i = 0; i < 250 && error == 0; i++) {
      snprintf(path, sizeof path, "d%d/%d", d, i);
      if (link("f", path) == 0)
        count++;
      else
        error = errno;
    }
  }
  if (error != EMLINK)
    fail("link %d: %s", count, strerror(error));
  CHECK(count == 32767);
  CHECK(stat("f", &st) == 0 && st.nlink == 32767);
  CHECK(unlink("d0/0") == 0);
  CHECK(link("f", "last") == 0);
  FAILS(link("f", "one more"), EMLINK);
}

static void removed_directory(void) {
  CHECK(mkdir("d") == 0 && chdir("d") == 0);
  CHECK(unlink("../d") == 0);
  FAILS(open("f", O_CREATE | O_RDWR), ENOENT);
  FAILS(mkdir("e"), ENOENT);
  CHECK(open("/ut.room/d", O_RDONLY) == -1);
  make_file("/ut.room/f", 1, 1);
  FAILS(link("/ut.room/f", "g"), ENOENT);
  FAILS(rename("/ut.room/f", "g"), ENOENT);
  CHECK(chdir("/ut.room") == 0);
  check_file("f", 1, 1);
}

static void current_directory_inherited(void) {
  CHECK(mkdir("d") == 0 && mkdir("d/e") == 0 && chdir("d") == 0);
  if (must_fork() == 0) {
    CHECK(chdir("e") == 0);
    make_file("f", 4, 1);
    exit(0);
  }
  expect_status(0);
  check_file("e/f", 4, 1);
}

/** Directories in directories, until the path is far longer than MAXPATH. */
static void deep_path(void) {
  enum { DEPTH = 200 };
  for (int i = 0; i < DEPTH; i++) {
    CHECK(mkdir("deep") == 0);
    CHECK(chdir("deep") == 0);
  }
  make_file("bottom", 10, 1);
  check_file("../deep/bottom", 10, 1);
  CHECK(unlink("bottom") == 0);
  for (int i = 0; i < DEPTH; i++) {
    CHECK(chdir("..") == 0);
    CHECK(unlink("deep") == 0);
  }
  struct entry *entries;
  CHECK(list_directory(".", &entries) == 2);
}

static void big_directory(void) {
  enum { FILES = 600 };
  struct stat full, later;
  char name[20];
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "file%d", i);
    close(must_open(name, O_CREATE | O_RDWR));
  }
  CHECK(stat(".", &full) == 0 && full.size >= (FILES + 2) * sizeof(struct dirent));
  struct entry *entries;
  CHECK(list_directory(".", &entries) == FILES + 2);
  for (int i = 0; i < FILES; i += 2) {
    snprintf(name, sizeof name, "file%d", i);
    CHECK(unlink(name) == 0);
  }
  for (int i = 0; i < FILES; i++) {
    snprintf(name, sizeof name, "file%d", i);
    CHECK(exists(name) == (i & 1));
  }
  for (int i = 0; i < FILES / 2; i++) { /* the empty places are used again */
    snprintf(name, sizeof name, "again%d", i);
    close(must_open(name, O_CREATE | O_RDWR));
  }
  CHECK(stat(".", &later) == 0 && later.size == full.size);
}

static void many_inodes(void) {
  char name[20];
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < 100; i++) {
      snprintf(name, sizeof name, "f%d", i);
      make_file(name, 10 + i, i);
    }
    for (int i = 0; i < 100; i++) {
      snprintf(name, sizeof name, "f%d", i);
      check_file(name, 10 + i, i);
      CHECK(unlink(name) == 0);
    }
  }
}

/** Walks that hold references to many inodes at once. */
static void open_everywhere(void) {
  int fds[20];
  char name[8];
  for (int i = 0; i < 20; i++) {
    snprintf(name, sizeof name, "d%d", i);
    CHECK(mkdir(name) == 0);
    fds[i] = must_open(name, O_RDONLY);
    CHECK(unlink(name) == 0);
  }
  for (int i = 0; i < 20; i++) {
    struct stat st;
    CHECK(fstat(fds[i], &st) == 0 && st.nlink == 0);
    close(fds[i]);
  }
}

const struct test name_tests[] = {
  { "path_forms", path_forms, 0 },
  { "name_length", name_length, 0 },
  { "mkdir_rules", mkdir_rules, 0 },
  { "rmdir_rules", rmdir_rules, 0 },
  { "unlink_rules", unlink_rules, 0 },
  { "unlink_open", unlink_open, 0 },
  { "link_rules", link_rules, 0 },
  { "link_limit", link_limit, 1 },
  { "removed_directory", removed_directory, 0 },
  { "current_directory", current_directory_inherited, 0 },
  { "deep_path", deep_path, 0 },
  { "big_directory", big_directory, 0 },
  { "many_inodes", many_inodes, 0 },
  { "open_everywhere", open_everywhere, 0 },
  { NULL, NULL, 0 },
};
