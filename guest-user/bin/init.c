/* init: the first program. Alone it keeps a shell on the console; `init COMMAND` runs one command
 * with `sh -c` and switches the machine off with its status. Orphans of the system end up here. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONSOLE_MAJOR 1

/** Makes the console descriptors 0, 1 and 2, creating its node when the disk has none. */
static void open_console(void) {
  int fd = open("/console", O_RDWR);
  if (fd < 0) {
    mknod("/console", CONSOLE_MAJOR, 0);
    fd = open("/console", O_RDWR);
  }
  if (fd < 0)
    poweroff(255); /* nothing can be said without a console */
  while (fd < 2)
    fd = dup(0);
}

/** Starts argv as a child. Its pid, or -1. */
static int start(char **argv) {
  int pid = fork();
  if (pid < 0)
    perror("init: fork");
  if (pid == 0) {
    exec("/sh", argv);
    perror("init: /sh");
    exit(127);
  }
  return pid;
}

/** Reaps children until `pid` has ended; returns its status. */
static int wait_for(int pid) {
  int status;
  for (;;) {
    int ended = wait(&status);
    if (ended == pid)
      return status;
    if (ended < 0)
      return -1;
  }
}

int main(int argc, char **argv) {
  open_console();
  if (argc > 1) {
    char *command[] = { "sh", "-c", argv[1], NULL };
    int pid = start(command);
    int status = pid < 0 ? -1 : wait_for(pid);
    poweroff(status == -1 ? 255 : status);
  }
  for (;;) {
    char *shell[] = { "sh", NULL };
    printf("init: starting sh\n");
    int pid = start(shell);
    if (pid < 0)
      sleep(10);
    else
      wait_for(pid);
  }
}
