/* env [-i] [NAME=VALUE]... [PROGRAM [ARGUMENT]...]: runs a program in a changed environment (-i: in an empty one), or
 * prints the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Becomes the program: a path when it has a slash, else found in / and then here. Returns only on failure. */
static void become(char **argv) {
  if (strchr(argv[0], '/') == NULL) {
    char *path = malloc(strlen(argv[0]) + 2);
    if (path) {
      path[0] = '/';
      strcpy(path + 1, argv[0]);
      exec(path, argv);
      if (errno != ENOENT)
        return;
    }
  }
  exec(argv[0], argv);
}

int main(int argc, char **argv) {
  static char *empty[] = { NULL };
  int i = 1;
  if (i < argc && strcmp(argv[i], "-i") == 0) {
    environ = empty;
    i++;
  }
  for (; i < argc && strchr(argv[i], '='); i++) {
    char *equals = strchr(argv[i], '=');
    *equals = 0;
    if (setenv(argv[i], equals + 1, 1) < 0) {
      fprintf(2, "env: %s: %s\n", argv[i], strerror(errno));
      return 125;
    }
  }
  if (i == argc) {
    for (char **e = environ; e && *e; e++)
      printf("%s\n", *e);
    return 0;
  }
  become(argv + i);
  int error = errno;
  fprintf(2, "env: %s: %s\n", argv[i], strerror(error));
  return error == ENOENT ? 127 : 126;
}
