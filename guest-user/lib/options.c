/* Command-line options of the utilities. */
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage_error(const char *program, const char *what, char letter, const char *usage) {
  fprintf(2, "%s: %s -%c\nusage: %s\n", program, what, letter, usage);
  exit(2);
}

int parse_options(int argc, char **argv, const char *letters, char *flags, char **values, const char *usage) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    if (strcmp(argv[i], "--") == 0)
      return i + 1;
    for (char *p = argv[i] + 1; *p; p++) {
      const char *known = *p == ':' ? NULL : strchr(letters, *p);
      if (known == NULL)
        usage_error(argv[0], "no such option", *p, usage);
      if (known[1] != ':') {
        flags[(int)*p] = 1;
        continue;
      }
      if (p[1] == 0 && i + 1 >= argc)
        usage_error(argv[0], "a value must follow", *p, usage);
      values[(int)*p] = p[1] ? p + 1 : argv[++i];
      break;
    }
  }
  return i;
}

int complain_about(const char *name, const char *subject) {
  fprintf(2, "%s: %s: %s\n", name, subject, strerror(errno));
  return 1;
}
