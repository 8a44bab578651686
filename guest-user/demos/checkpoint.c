/* checkpoint: a long calculation that takes snapshots of itself by fork, and goes on from the last one when it crashes.
 * A snapshot is a child that sleeps; it shares all memory with the calculation and costs only the pages that change later. */
#include "demo.h"

#define PAGES 1000UL
#define STEPS 10

static uint64 memory[PAGES][512];   /* the state: 4 MB */

/** One step: mixes a hundredth of the state. */
static void step(int n) {
  for (uint64 i = 0; i < PAGES / 100; i++) {
    uint64 k = ((uint64)n * 37 + i * 11) % PAGES;
    memory[k][0] += (uint64)n + memory[(k + 1) % PAGES][0];
  }
}

static uint64 digest(void) {
  uint64 d = 0;
  for (uint64 i = 0; i < PAGES; i++)
    d = d * 31 + memory[i][0];
  return d;
}

/** Forks a snapshot. In the calculation: 0. In the snapshot, should it ever be woken: 1. */
static int snapshot(int wake[2]) {
  char word = 0;
  must(pipe(wake) == 0, "pipe");
  int pid = fork();
  must(pid >= 0, "fork");
  if (pid > 0) {
    close(wake[0]);
    return 0;
  }
  close(wake[1]);
  int woken = read(wake[0], &word, 1) == 1; /* sleeps here; end of file: it is not needed any more */
  close(wake[0]);
  if (!woken)
    exit(0);
  return 1;
}

/** The calculation from step n on. It "crashes" once, after step 7, by waking its last snapshot and ending. */
static uint64 calculate(int crashing) {
  int last = -1, wake[2];
  for (int n = 1; n <= STEPS; n++) {
    if (n % 3 == 1) {
      struct count before = count_now();
      if (snapshot(wake)) {
        printf("  snapshot of step %d wakes up and goes on\n", n);
        crashing = 0;
        last = -1;
      } else {
        if (last >= 0)
          close(last); /* the older snapshot sees the end of its pipe, and goes */
        last = wake[1];
        char line[40];
        snprintf(line, sizeof line, "snapshot before step %d", n);
        tell(&before, line);
      }
    }
    step(n);
    if (crashing && n == 8) {
      printf("  step %d: a mistake destroys the state; the last snapshot takes over\n", n);
      memset(memory, 0xee, sizeof memory);
      int status;
      write(last, "w", 1);
      close(last);
      while (wait(&status) >= 0) /* older snapshots end with 0, the one that took over with its result */
        if (status != 0)
          exit(status);
      exit(1);
    }
  }
  if (last >= 0)
    close(last);
  return digest();
}

int main(void) {
  int status = 1, pid;
  for (uint64 i = 0; i < PAGES; i++)
    memory[i][0] = i;
  printf("without a crash:\n");
  if ((pid = fork()) == 0) {
    uint64 d = calculate(0);
    printf("  result %lu\n", d);
    while (wait(NULL) >= 0)
      continue;
    exit((int)(d % 100) + 1);
  }
  must(pid > 0 && wait(&status) == pid, "fork");
  int expected = status;
  printf("with one:\n");
  if ((pid = fork()) == 0) {
    uint64 d = calculate(1);
    printf("  result %lu\n", d);
    while (wait(NULL) >= 0)
      continue;
    exit((int)(d % 100) + 1);
  }
  must(pid > 0 && wait(&status) == pid, "fork");
  printf(status == expected ? "the results are equal\n" : "the results differ\n");
  return status != expected;
}
