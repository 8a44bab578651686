/* mkdir [-p] DIRECTORY...: makes directories; -p makes the missing ones above, too, and minds no existing one. */
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && st.type == T_DIR;
}

/** Makes each prefix of path that ends before a slash, then path. 0 or -1. */
static int make_all(char *path) {
  for (char *p = path + 1; *p; p++) {
    if (*p != '/')
      continue;
    *p = 0;
    int failed = mkdir(path) < 0 && !is_directory(path);
    *p = '/';
    if (failed)
      return -1;
  }
  if (mkdir(path) == 0)
    return 0;
  int error = errno;
  int fine = is_directory(path);
  errno = error;
  return fine ? 0 : -1;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 };
  const char *usage = "mkdir [-p] DIRECTORY...";
  int i = parse_options(argc, argv, "p", flags, NULL, usage), status = 0;
  if (i == argc) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  for (; i < argc; i++)
    if (*argv[i] == 0 || (flags['p'] ? make_all(argv[i]) : mkdir(argv[i])) < 0)
      status = complain_about("mkdir", argv[i]);
  return status;
}
