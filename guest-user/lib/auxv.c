/* The auxiliary vector, which exec puts behind argv and the environment. */
#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "start.h"

static char **arguments;

void libc_start(int argc, char **argv) {
  arguments = argv + argc;
  environ = arguments + 1;
}

ulong getauxval(ulong type) {
  char **end = arguments + 1;       /* behind argv's NULL: the environment */
  while (*end)
    end++;
  for (const struct auxv *a = (const struct auxv *)(end + 1); a->type != AT_NULL; a++)
    if (a->type == type)
      return a->value;
  errno = ENOENT;
  return 0;
}
