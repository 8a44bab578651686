/* rm [-r] [-f] FILE...: removes names; -r whole directories; -f minds no missing file. */
#include <dirlist.h>
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char flags[128];

static int dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

static int remove_path(const char *path);

/** Everything in a directory. 0, or 1 after messages. */
static int remove_inside(const char *path) {
  struct entry *entries;
  int status = 0;
  int n = list_directory(path, &entries);
  if (n < 0)
    return complain_about("rm", path);
  for (int i = 0; i < n; i++) {
    if (dots(entries[i].name))
      continue;
    char *inner = join_path(path, entries[i].name);
    status |= inner ? remove_path(inner) : complain_about("rm", path);
    free(inner);
  }
  free(entries);
  return status;
}

static int remove_path(const char *path) {
  struct stat st;
  int known = stat(path, &st) == 0;
  if (known && st.type == T_DIR) {
    if (!flags['r']) {
      errno = EISDIR;
      return complain_about("rm", path);
    }
    if (remove_inside(path) != 0)
      return 1;
  }
  if (unlink(path) == 0 || (flags['f'] && errno == ENOENT))
    return 0;
  return complain_about("rm", path);
}

int main(int argc, char **argv) {
  const char *usage = "rm [-rf] FILE...";
  int i = parse_options(argc, argv, "rRf", flags, NULL, usage), status = 0;
  flags['r'] |= flags['R'];
  if (i == argc && !flags['f']) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  for (; i < argc; i++) {
    if (dots(base_name(argv[i]))) {
      errno = EINVAL;
      status = complain_about("rm", argv[i]);
      continue;
    }
    status |= remove_path(argv[i]);
  }
  return status;
}
