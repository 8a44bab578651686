/* paging_use_*: while memory is short, what is in use stays and what is not goes. */
#include "vt.h"

#define HOT 64    /* pages in use all the time */
#define EVERY 32  /* pages of the others between two uses */
#define ROUNDS 4

/** Touches each of `pages` cold pages in turn, ROUNDS times over, and between
 *  them the hot ones. How often a hot page was not in memory. */
static long misses(char *hot, char *cold, long pages) {
  volatile char *h = hot;
  long missing = 0;
  for (int round = 0; round < ROUNDS; round++)
    for (long i = 0; i < pages; i++) {
      if (round == 0)
        *(long *)(cold + i * PAGE) = i;
      else if (*(long *)(cold + i * PAGE) != i)
        fail("cold page %ld has changed", i);
      if (i % EVERY)
        continue;
      missing += HOT - pages_in_core(hot, HOT);
      for (int k = 0; k < HOT; k++)
        (void)h[k * PAGE + 100];
    }
  return missing;
}

/** The cold pages go through the whole memory several times. A replacement that does not look at what is used takes the hot pages each
 *  time: on 16 and 128 MiB one is missing for 40 to 90 pages that come in. A clock that does loses them only when it finds nothing
 *  unused in a whole turn (less than one for 200). */
static void hot_set_stays(char *hot, const char *what) {
  long pages = too_many_pages() - HOT;
  char *cold = big_map(pages);
  struct vmstat before = counters();
  long missing = misses(hot, cold, pages);
  struct vmstat after = counters();
  CHECK(after.pages_out > before.pages_out + 200 && after.pages_in > before.pages_in + 2000); /* memory was short */
  uint64 in = after.pages_in - before.pages_in;
  if (missing > (long)in / 128)
    fail("%s: %d pages in use all the time were missing %ld times, while %lu pages came in", what, HOT, missing, in);
}

static void memory_in_use_stays(void) {
  char *hot = map_anon(HOT * PAGE, RW, MAP_PRIVATE);
  number_pages(hot, HOT, 1);
  hot_set_stays(hot, "private memory");
  check_pages(hot, HOT, 1, "the pages in use");
}

static void file_in_use_stays(void) {
  int fd = pattern_file("f", HOT * PAGE, 1);
  char *hot = map_file(fd, HOT * PAGE, PROT_READ, MAP_SHARED, 0);
  CHECK(fsync(fd) == 0);
  check_bytes(hot, HOT * PAGE, 0, 1, "the file");
  hot_set_stays(hot, "a mapped file");
  check_bytes(hot, HOT * PAGE, 0, 1, "the file in use");
}

const struct test paging_use_tests[] = {
  { "paging_use_of_memory", memory_in_use_stays, 0 },
  { "paging_use_of_a_file", file_in_use_stays, 0 },
  { NULL, NULL, 0 },
};
