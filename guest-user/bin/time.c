/* time COMMAND [ARGUMENT...]: runs it and says on descriptor 2 how long it took and how many instructions
 * this hart retired meanwhile, the kernel's included. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/** exec as the shell does it: a name without a slash is looked for in / first. Returns on failure. */
static void run(char **argv) {
  char *path = malloc(strlen(argv[0]) + 2);
  if (path && strchr(argv[0], '/') == NULL) {
    path[0] = '/';
    strcpy(path + 1, argv[0]);
    exec(path, argv);
  }
  exec(argv[0], argv);
  fprintf(2, "time: %s: %s\n", argv[0], strerror(errno));
}

int main(int argc, char **argv) {
  int status = -1;
  if (argc < 2) {
    fprintf(2, "usage: time COMMAND [ARGUMENT...]\n");
    return 2;
  }
  uint64 t0 = rdtime(), i0 = rdinstret();
  int pid = fork();
  if (pid < 0) {
    perror("time: fork");
    return 126;
  }
  if (pid == 0) {
    run(argv + 1);
    exit(127);
  }
  while (wait(&status) != pid)
    ;
  uint64 us = (rdtime() - t0) / 10, i1 = rdinstret();
  fprintf(2, "real %lu.%06lu s\n", us / 1000000, us % 1000000);
  if (i1 > i0)
    fprintf(2, "instructions %lu\n", i1 - i0);
  else
    fprintf(2, "instructions unknown: the program moved to another hart\n");
  return status & 0xff;
}
