/* mv FILE NEW | mv FILE... DIRECTORY: renames. */
#include <dirlist.h>
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** The last component without its trailing slashes, or NULL. */
static char *last_name(const char *path) {
  char *name = strdup(base_name(path));
  for (size_t n = name ? strlen(name) : 0; n > 0 && name[n - 1] == '/'; n--)
    name[n - 1] = 0;
  return name;
}

static int move(const char *from, const char *to) {
  struct stat st;
  char *path = NULL, *name = NULL;
  if (stat(to, &st) == 0 && st.type == T_DIR) {
    name = last_name(from);
    to = path = name ? join_path(to, name) : NULL;
  }
  int status = to == NULL || rename(from, to) < 0;
  if (status)
    fprintf(2, "mv: %s to %s: %s\n", from, to ? to : "?", strerror(errno));
  free(path);
  free(name);
  return status;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 };
  struct stat st;
  const char *usage = "mv FILE NEW | mv FILE... DIRECTORY";
  int i = parse_options(argc, argv, "f", flags, NULL, usage), status = 0;
  if (argc - i < 2) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  if (argc - i > 2 && (stat(argv[argc - 1], &st) < 0 || st.type != T_DIR)) {
    errno = ENOTDIR;
    return complain_about("mv", argv[argc - 1]);
  }
  for (; i < argc - 1; i++)
    status |= move(argv[i], argv[argc - 1]);
  return status;
}
