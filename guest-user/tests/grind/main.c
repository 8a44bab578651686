/* grind [-s SEED] [-n COUNT] [-c EVERY] [-p PROCESSES] [-m PAGES]: random system calls in a directory of its own, for
 * ever or until all processes together have made COUNT. Whatever they answer, the kernel must go on. -c has vmcheck
 * look at the kernel's memory after each EVERY calls. Each process maps and uses up to PAGES pages: with many of them
 * memory runs short. On a deterministic machine a run depends on SEED (and the machine) alone.
 *
 * Exit status 0 when nothing was found: no process ended that should not, vmcheck had nothing to say, and no process,
 * memory object or map entry is left at the end that was not there at the beginning. */
#include "grind.h"

#include <dirlist.h>
#include <options.h>
#include <sys/mman.h>
#include <sysinfo.h>
#include <vmstat.h>

#define USAGE "grind [-s SEED] [-n COUNT] [-c EVERY] [-p PROCESSES] [-m PAGES]"
#define MILLION 1000000UL

struct tally *tally;
ulong random_state;
int expendable;

uint pick(uint n) { return (uint)(rand_next(&random_state) % n); }

/** One process's share. */
static void grind(ulong seed, long pages) {
  random_state = seed * 0x9e3779b97f4a7c15UL | 1;
  calls_begin();
  memory_begin(pages);
  chdir(ROOM);
  while (!tally->stop && (tally->enough == 0 || tally->calls < tally->enough))
    make_call();
}

static ulong number(const char *text, const char *what) {
  char *end;
  ulong n = strtoul(text, &end, 0);
  if (end == text || *end) {
    fprintf(2, "grind: %s: not a %s\n", text, what);
    exit(2);
  }
  return n;
}

/** Empties the current directory. Directories are entered: a path to the bottom may be longer than the kernel takes. */
static void empty_directory(void) {
  struct entry *entries;
  int n = list_directory(".", &entries);
  for (int i = 0; i < n; i++) {
    const char *name = entries[i].name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlink(name) == 0)
      continue;
    if (chdir(name) == 0) {
      empty_directory();
      chdir("..");
      unlink(name);
    }
  }
  if (n >= 0)
    free(entries);
}

/** Removes what the calls left. */
static void clean_up(void) {
  shm_unlink("/grind.a");
  shm_unlink("/grind.b");
  shm_unlink("grind.c");
  if (chdir(ROOM) == 0) {
    empty_directory();
    chdir("/");
    unlink(ROOM);
  }
}

/** What must be there again at the end. */
static struct sysinfo look(void) {
  struct sysinfo now;
  if (sysinfo(&now) < 0) {
    perror("grind: sysinfo");
    exit(1);
  }
  return now;
}

/** 1, after a sentence, when there is more than before; what ended a moment ago may need another. */
static int left_over(const struct sysinfo *before) {
  struct sysinfo now = look();
  for (int i = 0; i < 50; i++, now = look()) {
    if (now.nproc == before->nproc && now.vm_objects == before->vm_objects && now.vm_entries == before->vm_entries)
      return 0;
    sleep(1);
  }
  printf("grind: before and after: %lu and %lu processes, %lu and %lu objects, %lu and %lu map entries\n", before->nproc, now.nproc,
         before->vm_objects, now.vm_objects, before->vm_entries, now.vm_entries);
  return 1;
}

/** Tells after each million of calls how it goes; it is killed when the others have ended. */
static int start_reporter(void) {
  int pid = fork();
  if (pid != 0)
    return pid;
  for (ulong next = MILLION;; next += MILLION) {
    struct vmstat now;
    while (tally->calls < next)
      sleep(10);
    vmstat(&now);
    printf("grind: %lu million calls, %lu checks, %lu pages written to swap\n", next / MILLION, tally->checks, now.pages_out);
  }
}

/** Runs all processes to their end. 1 when one ended badly. */
static int run_all(ulong seed, ulong processes, long pages) {
  int status, failed = 0, reporter = start_reporter();
  for (ulong k = 0; k < processes; k++) {
    int pid = fork();
    if (pid == 0) {
      grind(seed * MAX_PROCESSES + k, pages);
      exit(0);
    }
    if (pid < 0) {
      perror("grind: fork");
      tally->stop = failed = 1;
      processes = k;
    }
  }
  for (ulong k = 0; k < processes; k++) {
    int pid = wait(&status);
    if (pid == reporter || status != 0) {
      printf("grind: process %d ended badly (status %d)\n", pid, status);
      tally->stop = failed = 1;
    }
  }
  if (reporter > 0)
    xv6_kill(reporter);
  while (wait(NULL) >= 0)
    ;
  return failed;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 }, *values[128] = { NULL };
  int i = parse_options(argc, argv, "s:n:c:p:m:", flags, values, USAGE);
  ulong seed = values['s'] ? number(values['s'], "seed") : rdtime();
  ulong processes = values['p'] ? number(values['p'], "number of processes") : 2;
  ulong pages = values['m'] ? number(values['m'], "number of pages") : 96;
  if (i < argc || processes < 1 || processes > MAX_PROCESSES || pages < 1 || pages > 1 << 20) {
    fprintf(2, "usage: " USAGE ", with 1 to %d processes\n", MAX_PROCESSES);
    return 2;
  }
  mkdir(ROOM);
  clean_up(); /* in any case: what it needs of the heap is there from now on */
  mkdir(ROOM);
  tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (tally == MAP_FAILED) {
    perror("grind: mmap");
    return 1;
  }
  tally->enough = values['n'] ? number(values['n'], "count") : 0;
  tally->check_every = values['c'] ? number(values['c'], "count") : 0;
  printf("grind: seed %lu\n", seed);
  struct sysinfo before = look();
  int failed = run_all(seed, processes, (long)pages);
  clean_up();
  failed |= left_over(&before) || tally->stop || (tally->check_every && vmcheck() != 0);
  printf("grind: %lu calls, %lu system calls, %lu checks: %s\n", tally->calls, look().nsyscalls - before.nsyscalls, tally->checks, failed ? "FAILED" : "OK");
  return failed;
}
