/* kill [-SIGNAL] PID...: sends a signal, by number (15, the request to end, unless told otherwise). */
#include <ctype.h>
#include <errno.h>
#include <options.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int i = 1, status = 0, signal = SIGTERM;
  if (i < argc && argv[i][0] == '-' && isdigit(argv[i][1]))
    signal = atoi(argv[i++] + 1);
  if (i == argc) {
    fprintf(2, "usage: kill [-SIGNAL] PID...\n");
    return 2;
  }
  for (; i < argc; i++) {
    char *end;
    long pid = strtol(argv[i], &end, 10);
    errno = EINVAL;
    if (end == argv[i] || *end || pid != (int)pid || kill((int)pid, signal) < 0)
      status = complain_about("kill", argv[i]);
  }
  return status;
}
