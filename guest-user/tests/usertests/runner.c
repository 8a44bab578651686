/* The runner of usertests and vmtests: `NAME [-q] [-k] [-l] [TEST...]` runs all tests of the suite,
 * the quick ones, or those named (a TEST ending in * takes all that begin so) and prints TAP. -k leaves
 * vmcheck out.
 *
 * The leak rule: before and after each test the free frames, the processes, the kernel's memory objects
 * and map entries, and the free swap slots must be equal. The buffer cache takes its frames once, at boot,
 * so they do not count. exit() frees memory a moment after wait() tells of it: the comparison is tried
 * again for 5 s. Then vmcheck, where the kernel has it, must find the kernel's structures whole. */
#include "ut.h"

#include <dirlist.h>
#include <options.h>
#include <syscall.h>

#define ROOM "/ut.room"
#define MAX_TESTS 500
#define REASON 240
#define OWN_PAGES 300

static const struct test *chosen[MAX_TESTS];
static char room_path[] = ROOM;
static uint64 suite_slots; /* free swap slots at the start */
char *self_path;

/** Removes a directory with all that is in it, as far as that goes. */
static void remove_tree(const char *path) {
  struct entry *entries;
  int n = list_directory(path, &entries);
  for (int i = 0; i < n; i++) {
    if (strcmp(entries[i].name, ".") == 0 || strcmp(entries[i].name, "..") == 0)
      continue;
    char *inner = join_path(path, entries[i].name);
    if (inner && unlink(inner) < 0)
      remove_tree(inner);
    free(inner);
  }
  if (n >= 0)
    free(entries);
  unlink(path);
}

/** Runs fn in a child and waits for it, passing over other children. Its status, or -2 when fork fails. */
static int in_child(void (*fn)(const void *), const void *arg) {
  int status = -1;
  int pid = fork();
  if (pid < 0)
    return -2;
  if (pid == 0) {
    fn(arg);
    exit(0);
  }
  while (wait(&status) != pid)
    ;
  return status;
}

static void clean_room(const void *arg) {
  (void)arg;
  remove_tree(ROOM);
}

static void run_test(const void *arg) {
  const struct test *t = arg;
  if (mkdir(room_path) < 0 || chdir(room_path) < 0)
    fail("cannot make %s: %s", ROOM, strerror(errno));
  t->run();
}

/** What must be equal before and after a test. */
struct state {
  struct sysinfo system;
  uint64 swap_free;
};

static void snapshot(struct state *s) {
  if (sysinfo(&s->system) < 0) {
    perror("sysinfo");
    exit(2);
  }
  s->swap_free = counters().swap_free;
}

static int near(uint64 a, uint64 b, uint64 distance) { return a <= b + distance && b <= a + distance; }

/** With slots in use, pages of init, the shell and this program may be in memory, on the disk, or both:
 *  frames and slots then vary by as much as these have, and vmcheck sees to it that each is somebody's. */
static int same(const struct state *before, const struct state *now) {
  const struct sysinfo *a = &before->system, *b = &now->system;
  uint64 distance = before->swap_free == suite_slots && now->swap_free == suite_slots ? 0 : OWN_PAGES;
  return near(a->free_frames, b->free_frames, distance) && near(before->swap_free, now->swap_free, distance) &&
         a->nproc == b->nproc && a->vm_objects == b->vm_objects && a->vm_entries == b->vm_entries;
}

/** The state before a test. What a failed one left running gets up to 5 s to end, so that it does not spoil
 *  the count of the next; `quiet` is the number of processes at the start. */
static void settled_snapshot(struct state *s, uint64 quiet) {
  snapshot(s);
  for (int i = 0; i < 50 && s->system.nproc > quiet; i++) {
    sleep(1);
    snapshot(s);
  }
}

/** Compares with `before` until equal or 5 s are over. 0, or -1 with a sentence in reason. */
static int check_leaks(const struct state *before, char *reason) {
  struct state now;
  const struct sysinfo *a = &before->system, *b = &now.system;
  for (int i = 0; i < 50; i++) {
    snapshot(&now);
    if (same(before, &now))
      return 0;
    sleep(1);
  }
  snprintf(reason, REASON, "before and after: %lu and %lu free frames, %lu and %lu processes, %lu and %lu objects, %lu and %lu map entries, %lu and %lu free swap slots",
           a->free_frames, b->free_frames, a->nproc, b->nproc, a->vm_objects, b->vm_objects, a->vm_entries,
           b->vm_entries, before->swap_free, now.swap_free);
  return -1;
}

/** Tells the reason noted by fail() through the pipe. The runner adds a newline so that it never waits. */
static void read_reason(int fds[2], char *reason) {
  int n = 0;
  char c;
  write(fds[1], "\n", 1);
  while (read(fds[0], &c, 1) == 1 && c != '\n')
    if (n < REASON - 1)
      reason[n++] = c;
  reason[n] = 0;
}

/** The descriptor through which a failing process tells why; fail() writes to it. */
static int reason_fd = -1;

void fail(const char *format, ...) {
  char text[REASON];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text - 1, format, ap);
  va_end(ap);
  strlcat(text, "\n", sizeof text);
  write(reason_fd, text, strlen(text));
  exit(1);
}

/** The kernel's own look at its structures. 0, or -1 with a sentence (the kernel has said more on the console). */
static int check_kernel(char *reason) {
  if (syscall(SYS_vmcheck) == 0 || errno == ENOSYS)
    return 0;
  snprintf(reason, REASON, "vmcheck found the kernel's memory structures broken");
  return -1;
}

/** 1 when the test passed. */
static int run_one(const struct test *t, int number, uint64 quiet, int trusting) {
  struct state before;
  char reason[REASON] = "";
  int fds[2], status, passed = 0;
  in_child(clean_room, NULL);
  settled_snapshot(&before, quiet);
  if (pipe(fds) < 0) {
    perror("pipe");
    exit(2);
  }
  reason_fd = fds[1];
  status = in_child(run_test, t);
  read_reason(fds, reason);
  close(fds[0]);
  close(fds[1]);
  in_child(clean_room, NULL);
  if (status == 0 && reason[0] == 0)
    passed = check_leaks(&before, reason) == 0 && (trusting || check_kernel(reason) == 0);
  else if (reason[0] == 0)
    snprintf(reason, sizeof reason, status == -1 ? "the kernel killed it" : "exit status %d", status);
  if (passed)
    printf("ok %d - %s\n", number, t->name);
  else
    printf("not ok %d - %s: %s\n", number, t->name, reason);
  return passed;
}

static int matches(const char *pattern, const char *name) {
  size_t n = strlen(pattern);
  if (n > 0 && pattern[n - 1] == '*')
    return strncmp(pattern, name, n - 1) == 0;
  return strcmp(pattern, name) == 0;
}

/** Fills chosen[]. The number, or -1 after a message about a name that fits nothing. */
static int choose(char **names, int name_count, int quick) {
  int count = 0;
  char used[64] = { 0 };
  for (int i = 0; suite.tables[i]; i++)
    for (const struct test *t = suite.tables[i]; t->name; t++) {
      int take = name_count == 0;
      for (int k = 0; k < name_count; k++)
        if (matches(names[k], t->name))
          take = used[k & 63] = 1;
      if (take && !(quick && t->slow) && count < MAX_TESTS)
        chosen[count++] = t;
    }
  for (int k = 0; k < name_count; k++)
    if (!used[k & 63]) {
      fprintf(2, "%s: no test is called %s (%s -l lists them)\n", suite.name, names[k], suite.name);
      return -1;
    }
  return count;
}

/** Touches what the kernel keeps for good once it is used (caches, tables), so that the first test's
 *  count is right. */
static void warm_up(const void *arg) {
  (void)arg;
  mkdir(room_path);
  chdir(room_path);
  make_file("warm", 64 * BLOCK, 0);
  int pid = fork();
  if (pid == 0)
    exit(0);
  wait(NULL);
}

int main(int argc, char **argv) {
  char flags[128] = { 0 };
  char usage[60], own_path[40];
  snprintf(usage, sizeof usage, "%s [-q] [-k] [-l] [TEST...]", suite.name);
  snprintf(own_path, sizeof own_path, "/%s", suite.name);
  self_path = strchr(argv[0], '/') ? argv[0] : own_path;
  if (argc > 1 && strcmp(argv[1], "-x") == 0)
    return exec_helper(argc, argv);
  int first = parse_options(argc, argv, "qkl", flags, NULL, usage), failures = 0;
  int count = choose(argv + first, argc - first, flags['q']);
  if (count < 0)
    return 2;
  if (flags['l']) {
    for (int i = 0; i < count; i++)
      printf("%s%s\n", chosen[i]->name, chosen[i]->slow ? " (slow)" : "");
    return 0;
  }
  printf("1..%d\n", count);
  in_child(warm_up, NULL);
  struct state start;
  snapshot(&start);
  suite_slots = start.swap_free;
  for (int i = 0; i < count; i++)
    failures += !run_one(chosen[i], i + 1, start.system.nproc, flags['k']);
  if (failures)
    printf("%s: %d of %d failed\n", suite.name, failures, count);
  else
    printf("%s: all %d passed\n", suite.name, count);
  return failures > 0;
}
