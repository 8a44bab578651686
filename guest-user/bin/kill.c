/* kill PID...: ends processes. (-9 and the like are accepted: there is one way to be killed.) */
#include <ctype.h>
#include <errno.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int i = 1, status = 0;
  if (i < argc && argv[i][0] == '-' && isdigit(argv[i][1]))
    i++;
  if (i == argc) {
    fprintf(2, "usage: kill PID...\n");
    return 2;
  }
  for (; i < argc; i++) {
    char *end;
    long pid = strtol(argv[i], &end, 10);
    errno = EINVAL;
    if (end == argv[i] || *end || pid != (int)pid || kill((int)pid) < 0)
      status = complain_about("kill", argv[i]);
  }
  return status;
}
