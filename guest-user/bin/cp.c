/* cp [-r] FILE NEW | cp [-r] FILE... DIRECTORY: copies files, with -r whole directories. */
#include <dirlist.h>
#include <errno.h>
#include <fcntl.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char flags[128];
static char buffer[16384];

static int copy(const char *from, const char *to);

static int copy_data(int in, int out, const char *from, const char *to) {
  int n;
  while ((n = read(in, buffer, sizeof buffer)) > 0)
    if (write_all(out, buffer, n) < 0)
      return complain_about("cp", to);
  return n < 0 ? complain_about("cp", from) : 0;
}

static int copy_file(const char *from, const struct stat *source, const char *to) {
  struct stat st;
  if (stat(to, &st) == 0 && st.dev == source->dev && st.ino == source->ino) {
    fprintf(2, "cp: %s and %s are the same file\n", from, to);
    return 1;
  }
  int in = open(from, O_RDONLY);
  if (in < 0)
    return complain_about("cp", from);
  int out = open(to, O_WRONLY | O_CREATE | O_TRUNC);
  if (out < 0) {
    int status = complain_about("cp", to);
    close(in);
    return status;
  }
  int status = copy_data(in, out, from, to);
  close(in);
  close(out);
  return status;
}

/** 1 when `path` lies inside the directory `st` (or is it): walks up by "..". */
static int is_inside(const char *path, const struct stat *st) {
  struct stat here, above;
  char *p = strdup(path);
  int inside = 0;
  while (p && stat(p, &here) == 0) {
    if (here.dev == st->dev && here.ino == st->ino) {
      inside = 1;
      break;
    }
    char *up = join_path(p, "..");
    free(p);
    p = up;
    if (p == NULL || stat(p, &above) < 0 || above.ino == here.ino)
      break;
  }
  free(p);
  return inside;
}

static int copy_directory(const char *from, const struct stat *source, const char *to) {
  struct entry *entries;
  int status = 0;
  if (mkdir(to) < 0 && errno != EEXIST)
    return complain_about("cp", to);
  if (is_inside(to, source)) {
    fprintf(2, "cp: %s: cannot copy a directory into itself\n", from);
    return 1;
  }
  int n = list_directory(from, &entries);
  if (n < 0)
    return complain_about("cp", from);
  for (int i = 0; i < n; i++) {
    if (strcmp(entries[i].name, ".") == 0 || strcmp(entries[i].name, "..") == 0)
      continue;
    char *inner = join_path(from, entries[i].name), *target = join_path(to, entries[i].name);
    status |= inner && target ? copy(inner, target) : complain_about("cp", from);
    free(inner);
    free(target);
  }
  free(entries);
  return status;
}

static int copy(const char *from, const char *to) {
  struct stat st;
  if (stat(from, &st) < 0)
    return complain_about("cp", from);
  if (st.type != T_DIR)
    return copy_file(from, &st, to);
  if (!flags['r']) {
    errno = EISDIR;
    return complain_about("cp", from);
  }
  return copy_directory(from, &st, to);
}

/** Copies to `to`, or into it when it is a directory. */
static int copy_to(const char *from, const char *to) {
  struct stat st;
  if (stat(to, &st) < 0 || st.type != T_DIR)
    return copy(from, to);
  char *path = join_path(to, base_name(from));
  int status = path ? copy(from, path) : complain_about("cp", from);
  free(path);
  return status;
}

int main(int argc, char **argv) {
  struct stat st;
  const char *usage = "cp [-r] FILE NEW | cp [-r] FILE... DIRECTORY";
  int i = parse_options(argc, argv, "rRf", flags, NULL, usage), status = 0;
  flags['r'] |= flags['R'];
  if (argc - i < 2) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  if (argc - i > 2 && (stat(argv[argc - 1], &st) < 0 || st.type != T_DIR)) {
    errno = ENOTDIR;
    return complain_about("cp", argv[argc - 1]);
  }
  for (; i < argc - 1; i++)
    status |= copy_to(argv[i], argv[argc - 1]);
  return status;
}
