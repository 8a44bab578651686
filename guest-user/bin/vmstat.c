/* vmstat [SECONDS [COUNT]]: what memory management does. The first line counts since boot; the next
 * ones, one every SECONDS, what happened meanwhile. */
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sysinfo.h>
#include <unistd.h>
#include <vmstat.h>

struct sample {
  struct vmstat vm;
  struct sysinfo sys;
};

static int take(struct sample *s) {
  if (vmstat(&s->vm) < 0 || sysinfo(&s->sys) < 0)
    return complain_about("vmstat", "vmstat");
  return 0;
}

static void print_header(void) {
  printf("---------KiB now--------- --------------faults------------- ----pages---- ---events---\n");
  printf("    free    cache    swpd   zero   copy  reuse   file    map  swpin swpout   cs  calls\n");
}

static void print_line(const struct sample *now, const struct sample *then) {
  const struct vmstat *a = &now->vm, *b = &then->vm;
  printf("%8lu %8lu %7lu %6lu %6lu %6lu %6lu %6lu %6lu %6lu %4lu %6lu\n", a->free_frames * 4, a->page_cache_frames * 4,
         (a->swap_slots - a->swap_free) * 4, a->faults_zero - b->faults_zero, a->faults_cow_copy - b->faults_cow_copy,
         a->faults_cow_reuse - b->faults_cow_reuse, a->faults_file - b->faults_file, a->faults_map - b->faults_map,
         a->pages_in - b->pages_in, a->pages_out - b->pages_out,
         now->sys.ncontext_switches - then->sys.ncontext_switches, now->sys.nsyscalls - then->sys.nsyscalls);
}

/** A positive number, or 0 for anything else. */
static long positive(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  return end != text && *end == 0 && n > 0 && n < 100000000 ? n : 0;
}

int main(int argc, char **argv) {
  static struct sample samples[2]; /* [1] is all zeros: boot */
  long seconds = argc > 1 ? positive(argv[1]) : 0, count = argc > 2 ? positive(argv[2]) : 0;
  if ((argc > 1 && seconds == 0) || (argc > 2 && count == 0) || argc > 3) {
    fprintf(2, "usage: vmstat [SECONDS [COUNT]]\n");
    return 2;
  }
  if (take(&samples[0]))
    return 1;
  print_header();
  print_line(&samples[0], &samples[1]);
  for (long i = 1; seconds > 0 && (count == 0 || i < count); i++) {
    if (sleep((int)seconds * 10) < 0 || take(&samples[i & 1]))
      return 1;
    if (i % 20 == 0)
      print_header();
    print_line(&samples[i & 1], &samples[(i - 1) & 1]);
  }
  return 0;
}
