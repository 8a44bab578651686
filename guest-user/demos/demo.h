/* What the demos share: counting what the kernel does for a piece of work, and giving up with a reason. */
#ifndef PW_DEMO_H
#define PW_DEMO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmstat.h>

#define PAGE 4096UL
#define MIB (1024 * 1024UL)

/** The kernel's counters at one moment. They are the whole machine's: what others do is counted too. */
struct count {
  struct vmstat vm;
  uint64 time;
};

static inline struct count count_now(void) {
  struct count now;
  memset(&now, 0, sizeof now);
  vmstat(&now.vm);
  now.time = rdtime();
  return now;
}

static inline uint64 all_kinds(const struct vmstat *v) {
  return v->faults_zero + v->faults_cow_copy + v->faults_cow_reuse + v->faults_file + v->faults_swap + v->faults_map + v->faults_refused;
}

/** Adds ", N NAME" to a line when there were any. */
static inline void tell_kind(uint64 before, uint64 now, const char *name, const char **separator) {
  if (now == before)
    return;
  printf("%s%lu %s", *separator, now - before, name);
  *separator = ", ";
}

/** One line: what was done, the frames that are gone since `before`, and the page faults by kind. */
static inline void tell(const struct count *before, const char *what) {
  struct count now = count_now();
  const char *separator = " (";
  const struct vmstat *a = &before->vm, *b = &now.vm;
  printf("  %-44s %5ld frames taken, %5lu faults", what, (long)a->free_frames - (long)b->free_frames, all_kinds(b) - all_kinds(a));
  tell_kind(a->faults_zero, b->faults_zero, "zero-filled", &separator);
  tell_kind(a->faults_cow_copy, b->faults_cow_copy, "copied", &separator);
  tell_kind(a->faults_cow_reuse, b->faults_cow_reuse, "taken over", &separator);
  tell_kind(a->faults_file, b->faults_file, "from a file", &separator);
  tell_kind(a->faults_swap, b->faults_swap, "from swap", &separator);
  tell_kind(a->faults_map, b->faults_map, "found in memory", &separator);
  tell_kind(a->faults_refused, b->faults_refused, "refused", &separator);
  printf("%s\n", separator[0] == ',' ? ")" : "");
}

/** Ends the demo when something that has to work did not. */
static inline void must(int worked, const char *what) {
  if (worked)
    return;
  perror(what);
  exit(1);
}

#endif
