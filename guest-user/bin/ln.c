/* ln FILE NEW: a second name for a file. ln FILE... DIR puts the names into a directory. */
#include <dirlist.h>
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int link_one(const char *from, const char *to) {
  struct stat st;
  char *path = NULL;
  if (stat(to, &st) == 0 && st.type == T_DIR)
    to = path = join_path(to, base_name(from));
  int status = to == NULL || link(from, to) < 0;
  if (status)
    fprintf(2, "ln: %s to %s: %s\n", from, to ? to : "?", strerror(errno));
  free(path);
  return status;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 };
  struct stat st;
  const char *usage = "ln FILE NEW | ln FILE... DIRECTORY";
  int i = parse_options(argc, argv, "", flags, NULL, usage), status = 0;
  int several = argc - i > 2;
  if (argc - i < 2 || (several && (stat(argv[argc - 1], &st) < 0 || st.type != T_DIR))) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  for (; i < argc - 1; i++)
    status |= link_one(argv[i], argv[argc - 1]);
  return status;
}
