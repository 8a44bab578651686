/* forktest: forks until the system refuses, reaps all, and finds every frame free again. Three rounds. */
#include <errno.h>
#include <param.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sysinfo.h>
#include <unistd.h>

static void die(const char *what) {
  printf("forktest: %s: %s\n", what, strerror(errno));
  exit(1);
}

/** Children that block on a pipe until it closes. Their number when fork fails. */
static int fork_all(int fds[2]) {
  for (int n = 0;; n++) {
    int pid = fork();
    if (pid < 0) {
      if (errno != EAGAIN && errno != ENOMEM)
        die("fork failed for a wrong reason");
      return n;
    }
    if (pid == 0) {
      char c;
      close(fds[1]);
      read(fds[0], &c, 1);
      exit(n & 0x7f);
    }
    if (n > NPROC) {
      errno = 0;
      die("fork never fails");
    }
  }
}

static int round_of_forks(void) {
  int fds[2], status;
  long sum = 0;
  if (pipe(fds) < 0)
    die("pipe");
  int n = fork_all(fds);
  close(fds[1]);
  close(fds[0]);
  for (int i = 0; i < n; i++) {
    if (wait(&status) < 0)
      die("wait stopped early");
    sum += status - (i & 0x7f);
  }
  if (sum != 0)
    die("exit statuses are wrong");
  if (wait(NULL) != -1 || errno != ECHILD)
    die("wait got one too many");
  return n;
}

int main(void) {
  struct sysinfo before, after;
  int n = round_of_forks(); /* the first one warms the kernel's caches up */
  if (sysinfo(&before) < 0)
    die("sysinfo");
  for (int i = 0; i < 2; i++)
    if (round_of_forks() != n)
      die("a later round made fewer processes");
  for (int i = 0; i < 50; i++) {
    sysinfo(&after);
    if (after.free_frames == before.free_frames)
      break;
    sleep(1);
  }
  if (after.free_frames != before.free_frames) {
    printf("forktest: %lu frames were free, now %lu\n", before.free_frames, after.free_frames);
    return 1;
  }
  printf("forktest: OK, %d processes at a time\n", n);
  return 0;
}
