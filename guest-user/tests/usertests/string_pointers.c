/* Every system call that takes a path, with every kind of bad address and with paths that never end or
 * are too long. */
#include "ut.h"

#include <syscall.h>

/* The calls with one path; link and rename follow in both positions. */
static long call_open(uint64 path) { return syscall(SYS_open, path, O_RDONLY); }
static long call_create(uint64 path) { return syscall(SYS_open, path, O_CREATE | O_RDWR); }
static long call_mknod(uint64 path) { return syscall(SYS_mknod, path, 1, 0); }
static long call_unlink(uint64 path) { return syscall(SYS_unlink, path); }
static long call_mkdir(uint64 path) { return syscall(SYS_mkdir, path); }
static long call_chdir(uint64 path) { return syscall(SYS_chdir, path); }
static long call_link_from(uint64 path) { return syscall(SYS_link, path, "new"); }
static long call_link_to(uint64 path) { return syscall(SYS_link, "old", path); }
static long call_rename_from(uint64 path) { return syscall(SYS_rename, path, "new"); }
static long call_rename_to(uint64 path) { return syscall(SYS_rename, "old", path); }
static long call_exec(uint64 path) {
  static char *argv[] = { "x", NULL };
  return syscall(SYS_exec, path, argv);
}

static const struct { const char *name; long (*run)(uint64); } calls[] = {
  { "open", call_open }, { "open to create", call_create }, { "mknod", call_mknod }, { "unlink", call_unlink },
  { "mkdir", call_mkdir }, { "chdir", call_chdir }, { "link from", call_link_from }, { "link to", call_link_to },
  { "rename from", call_rename_from }, { "rename to", call_rename_to }, { "exec", call_exec },
};
#define CALLS (int)(sizeof calls / sizeof calls[0])

static void expect_from_all(uint64 address, int error, const char *what) {
  for (int i = 0; i < CALLS; i++) {
    errno = 0;
    long result = calls[i].run(address);
    if (result != -1)
      fail("%s with %s (%lx) gave %ld", calls[i].name, what, address, result);
    if (errno != error)
      fail("%s with %s (%lx): %s, wanted %s", calls[i].name, what, address, strerror(errno), strerror(error));
  }
}

static void path_wild(void) {
  static const uint64 wild[] = {
    0, 1, 0xfff, 0x1000, 0xffff, 0x100000, 0x10000000, 0x80000000, 0x80200000,
    USERTOP, USERTOP + 4096, USERTOP - USERSTACK - 100, 0x3ffffff000, 0x3fffffffff, 0x4000000000, 0x8000000000, 0x7fffffffffffffff,
    0x8000000000000000, 0xffffffc000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
  };
  make_file("old", 1, 1);
  for (uint i = 0; i < sizeof wild / sizeof wild[0]; i++)
    expect_from_all(wild[i], EFAULT, "a wild path");
  check_file("old", 1, 1);
}

static void path_runs_off(void) {
  long over = (long)sbrk(0) & 4095;
  sbrk(over ? 4096 - over : 0);
  char *end = sbrk(4096) + 4096;
  make_file("old", 1, 1);
  for (int n = 1; n < 20; n += 6) {
    memset(end - n, 'a', n);
    expect_from_all((uint64)end - n, EFAULT, "a path that runs off the heap");
  }
}

static void path_empty(void) {
  make_file("old", 1, 1);
  expect_from_all((uint64)"", ENOENT, "an empty path");
}

static void path_too_long(void) {
  static char path[3 * MAXPATH];
  make_file("old", 1, 1);
  memset(path, '/', sizeof path - 1);
  path[sizeof path - 2] = 'q';
  expect_from_all((uint64)path, ENAMETOOLONG, "a path of many slashes");
  memset(path, 'q', sizeof path - 1);
  expect_from_all((uint64)path, ENAMETOOLONG, "a path of many letters");
  path[MAXPATH] = 0;
  expect_from_all((uint64)path, ENAMETOOLONG, "a path one byte too long");
}

/** "./././…/f" with exactly MAXPATH bytes, its NUL included, is a good path. */
static void path_longest(void) {
  char path[MAXPATH];
  make_file("f", 100, 2);
  for (int i = 0; i < MAXPATH - 2; i++)
    path[i] = i & 1 ? '/' : '.';
  path[MAXPATH - 2] = 'f';
  path[MAXPATH - 1] = 0;
  if (path[MAXPATH - 3] != '/')
    path[MAXPATH - 3] = '/';
  check_file(path, 100, 2);
}

const struct test string_pointer_tests[] = {
  { "path_wild", path_wild, 0 },
  { "path_runs_off", path_runs_off, 0 },
  { "path_empty", path_empty, 0 },
  { "path_too_long", path_too_long, 0 },
  { "path_longest", path_longest, 0 },
  { NULL, NULL, 0 },
};
