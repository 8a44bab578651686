/* paging_*: more memory in use than the machine has. */
#include "vt.h"

static void linear(void) {
  long pages = too_many_pages();
  char *p = big_map(pages);
  struct vmstat before = counters();
  for (int round = 0; round < 2; round++) {
    number_pages(p, pages, round);
    check_pages(p, pages, round, "linear");
  }
  struct vmstat after = counters();
  CHECK(after.pages_out > before.pages_out && after.pages_in > before.pages_in);
}

/** The i-th page of a walk that visits each page once, far from the one before. */
static long shuffled(long i, long pages) { return (long)((uint64)i * 40503 % (uint64)pages); }

static void shuffled_order(void) {
  long pages = too_many_pages();
  while (pages % 40503 == 0 || pages % 23 == 0 || pages % 3 == 0 || pages % 587 == 0) /* 40503 = 3·23·587 */
    pages--;
  char *p = big_map(pages);
  for (long i = 0; i < pages; i++)
    *(long *)(p + shuffled(i, pages) * PAGE + 16) = i;
  for (long i = 0; i < pages; i++)
    if (*(long *)(p + shuffled(i, pages) * PAGE + 16) != i)
      fail("page %ld of %ld has %ld, wanted %ld", shuffled(i, pages), pages, *(long *)(p + shuffled(i, pages) * PAGE + 16), i);
}

static void parallel(void) {
  long pages = too_many_pages() / 4;
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      char *p = big_map(pages);
      for (int round = 0; round < 2; round++) {
        number_pages(p, pages, child * 10 + round);
        check_pages(p, pages, child * 10 + round, "a child's pages");
      }
      exit(0);
    }
  for (int child = 0; child < 4; child++)
    expect_status(0);
}

static void sort_range(uint64 *a, long n) {
  while (n > 16) {
    uint64 pivot = a[n / 2];
    long i = 0, j = n - 1;
    while (i <= j) {
      while (a[i] < pivot)
        i++;
      while (a[j] > pivot)
        j--;
      if (i <= j) {
        uint64 t = a[i];
        a[i++] = a[j];
        a[j--] = t;
      }
    }
    sort_range(a, j + 1);
    a += i;
    n -= i;
  }
  for (long i = 1; i < n; i++) {
    uint64 x = a[i];
    long j = i;
    for (; j > 0 && a[j - 1] > x; j--)
      a[j] = a[j - 1];
    a[j] = x;
  }
}

/** A quicksort of up to four times the free memory (as much as swap can hold). */
static void sort_larger_than_memory(void) {
  need_swap();
  long free = (long)free_frames(), pages = free * 4, most = promisable() - 200;
  if (pages > most * 9 / 10)
    pages = most * 9 / 10;
  if (pages < free + 200)
    fail("swap is too small for %ld pages", free + 200);
  if (pages > 12 * 1024)
    pages = free + 200 > 12 * 1024 ? free + 200 : 12 * 1024; /* 48 MiB are enough to wait for */
  uint64 *a = (uint64 *)big_map(pages), sum = 0, seed = 88172645463325252;
  long n = pages * PAGE / 8;
  for (long i = 0; i < n; i++) {
    a[i] = rand_next(&seed);
    sum += a[i];
  }
  sort_range(a, n);
  for (long i = 0; i < n; i++) {
    sum -= a[i];
    if (i > 0 && a[i - 1] > a[i])
      fail("element %ld of %ld is smaller than the one before", i, n);
  }
  CHECK(sum == 0);
}

/** exec and fork while somebody keeps all memory busy. */
static void programs_under_pressure(void) {
  long pages = too_many_pages();
  struct gate ready;
  gate_make(&ready);
  int presser = must_fork();
  if (presser == 0) {
    char *p = big_map(pages - 100);
    number_pages(p, pages - 100, 1);
    gate_open(&ready, 1);
    for (;;)
      check_pages(p, pages - 100, 1, "the presser's pages");
  }
  gate_wait(&ready);
  char *echo[] = { "true", NULL };
  for (int i = 0; i < 6; i++) {
    CHECK(run_program("/true", echo) == 0);
    if (must_fork() == 0) {
      char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
      number_pages(p, 16, i);
      check_pages(p, 16, i, "a child under pressure");
      exit(0);
    }
    expect_status(0);
  }
  make_file("f", 100000, 1);
  check_file("f", 100000, 1);
  CHECK(kill(presser, SIGKILL) == 0);
  expect_status(-1);
}

/** Taking all that can be promised: the call that is too much fails, and everything promised is there. */
static void take_everything(long arg) {
  (void)arg;
  long total = 0;
  char *a = align_break();
  for (long step = 4 * MIB; step >= PAGE; step /= 2)
    while (sbrk(step) != (char *)-1)
      total += step;
  CHECK(errno == ENOMEM);
  number_pages(a, total / PAGE, 3);
  check_pages(a, total / PAGE, 3, "all memory there is");
  int pid = fork();
  if (pid == 0)
    exit(0);
  if (pid < 0)
    CHECK(errno == ENOMEM);
  else
    expect_status(0);
}

/** The same where all is granted: the touch that finds neither a frame nor a slot is the end of that process. */
static void touch_too_much(long arg) {
  (void)arg;
  long pages = memory_and_swap() + 1000;
  char *p = big_map(pages);
  number_pages(p, pages, 3);
}

static void policy_full_swap(void) {
  need_swap();
  if (policy_is("vm.commit", "strict"))
    child_ok(take_everything, 0);
  else
    expect_killed(touch_too_much, 0, "touching more than memory and swap hold");
  char *p = map_anon(100 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 100, 1);
  check_pages(p, 100, 1, "afterwards");
}

static void fill_and_exit(long pages) {
  number_pages(big_map(pages), pages, 1);
  CHECK(counters().swap_free < counters().swap_slots);
}

/** Slots in use, but for pages of the shell and the like, which may be out now. */
static void slots_come_back(void) {
  long pages = too_many_pages();
  uint64 before = counters().swap_free - 300;
  for (int i = 0; i < 3; i++)
    child_ok(fill_and_exit, pages);
  for (int i = 0; i < 50 && counters().swap_free < before; i++)
    sleep(1);
  CHECK(counters().swap_free >= before);
  char *p = big_map(pages); /* and munmap gives them back as exit does */
  number_pages(p, pages, 2);
  unmap(p, pages * PAGE);
  for (int i = 0; i < 50 && counters().swap_free < before; i++)
    sleep(1);
  CHECK(counters().swap_free >= before);
}

/** Reading again and again writes nothing: a clean page whose slot is still good is dropped. */
static void clean_pages_are_not_written(void) {
  long pages = too_many_pages();
  char *p = big_map(pages);
  number_pages(p, pages, 1);
  for (int round = 0; round < 2; round++) /* by now nearly every page has its slot */
    check_pages(p, pages, 1, "reading");
  struct vmstat before = counters();
  for (int round = 0; round < 3; round++)
    check_pages(p, pages, 1, "reading");
  struct vmstat after = counters();
  uint64 in = after.pages_in - before.pages_in, out = after.pages_out - before.pages_out;
  if (out > in / 4 + 64)
    fail("while %lu pages were only read in again, %lu were written out", in, out);
}

/** Linear reading brings in several pages a fault. */
static void reads_ahead(void) {
  long pages = too_many_pages();
  char *p = big_map(pages);
  number_pages(p, pages, 1);
  struct vmstat before = counters();
  check_pages(p, pages, 1, "reading");
  struct vmstat after = counters();
  uint64 in = after.pages_in - before.pages_in, faults = after.faults_swap - before.faults_swap;
  if (faults > in * 3 / 4 + 64)
    fail("%lu pages came in by %lu faults", in, faults);
}

/** What the kernel copies to and from may be on the swap disk. */
static void calls_on_swapped_pages(void) {
  long pages = too_many_pages();
  char *mine = big_map(16), *names = big_map(1);
  number_pages(mine, 16, 9);
  strcpy(names, "f");
  make_file("f", 4 * PAGE, 1);
  char *p = big_map(pages - 64);
  number_pages(p, pages - 64, 1); /* pushes ours out */
  int fd = must_open(names, O_RDWR);
  CHECK(read(fd, mine + 4 * PAGE, 4 * PAGE) == 4 * PAGE);
  check_bytes(mine + 4 * PAGE, 4 * PAGE, 0, 1, "read into swapped pages");
  number_pages(p, pages - 64, 2);
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, mine, 4 * PAGE) == 4 * PAGE);
  check_pages(mine, 4, 9, "written from swapped pages");
  CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, p, 4 * PAGE) == 4 * PAGE);
  check_pages(p, 4, 9, "what reached the file");
}

/** Swapped pages shared by copy-on-write and by MAP_SHARED. */
static void sharing_survives_swapping(void) {
  long pages = too_many_pages() - 300;
  char *cow = big_map(64), *shared = map_anon(64 * PAGE, RW, MAP_SHARED);
  struct gate out, wrote;
  gate_make(&out);
  gate_make(&wrote);
  number_pages(cow, 64, 1);
  number_pages(shared, 64, 2);
  if (must_fork() == 0) {
    gate_wait(&out);
    check_pages(cow, 64, 1, "the child's copy-on-write pages");
    check_pages(shared, 64, 2, "the child's shared pages");
    number_pages(cow, 32, 3);
    number_pages(shared, 32, 4);
    gate_open(&wrote, 1);
    check_pages(cow, 32, 3, "the child's own");
    exit(0);
  }
  char *p = big_map(pages);
  number_pages(p, pages, 1);
  gate_open(&out, 1);
  gate_wait(&wrote);
  check_pages(cow, 64, 1, "the parent's copy-on-write pages");
  check_pages(shared, 32, 4, "what the child wrote to shared pages");
  check_pages(shared + 32 * PAGE, 32, 2 + 32 * 0x9e3779b97f4a7c15, "the rest");
  expect_status(0);
}

static void locked_pages_stay(void) {
  long pages = too_many_pages() - 100;
  char *locked = big_map(32);
  number_pages(locked, 32, 1);
  CHECK(mlock(locked, 32 * PAGE) == 0);
  char *p = big_map(pages);
  for (int round = 0; round < 2; round++) {
    number_pages(p, pages, round);
    long there = pages_in_core(locked, 32);
    if (there != 32)
      fail("%ld of 32 locked pages are in memory", there);
  }
  check_pages(locked, 32, 1, "the locked pages");
}

/** mincore tells what is out, and discarding what is out frees its slots. */
static void discarding_swapped_pages(void) {
  long pages = too_many_pages();
  char *p = big_map(pages);
  number_pages(p, pages, 1);
  long in = pages_in_core(p, pages);
  CHECK(in < pages);
  CHECK(madvise(p, pages * PAGE, MADV_DONTNEED) == 0);
  CHECK(all_zero(p, 64 * PAGE) && all_zero(p + (pages - 64) * PAGE, 64 * PAGE));
  number_pages(p, pages, 2);
  check_pages(p, pages, 2, "after discarding");
}

/** Shrinking the heap while much of it is out. */
static void shrinking_swapped_heap(void) {
  long pages = too_many_pages();
  char *a = align_break();
  must_sbrk(pages * PAGE);
  number_pages(a, pages, 1);
  must_sbrk(-(pages / 2) * PAGE);
  check_pages(a, pages - pages / 2, 1, "what is left");
  must_sbrk(pages / 2 * PAGE);
  CHECK(all_zero(a + (pages - pages / 2) * PAGE, pages / 2 * PAGE));
}

/** Fork, copy-on-write and exit of many while pages come and go. */
static void fork_storm_under_pressure(void) {
  long pages = too_many_pages() / 2;
  char *p = big_map(pages);
  number_pages(p, pages, 1);
  for (int round = 0; round < 3; round++) {
    int pid = fork();
    if (pid < 0) {
      CHECK(errno == ENOMEM); /* the copies could not be promised */
      break;
    }
    if (pid == 0) {
      for (long i = 0; i < pages; i += 3)
        *(uint64 *)(p + i * PAGE + 8) = i;
      for (long i = 0; i < pages; i++)
        CHECK(*(uint64 *)(p + i * PAGE + 8) == (i % 3 ? 0 : (uint64)i));
      check_pages(p, pages, 1, "in the child");
      exit(0);
    }
    check_pages(p, pages, 1, "in the parent");
    expect_status(0);
  }
  for (long i = 0; i < pages; i++)
    CHECK(*(uint64 *)(p + i * PAGE + 8) == 0);
}

const struct test paging_tests[] = {
  { "paging_linear", linear, 0 },
  { "paging_shuffled", shuffled_order, 0 },
  { "paging_parallel", parallel, 0 },
  { "paging_sort", sort_larger_than_memory, 1 },
  { "paging_programs_under_pressure", programs_under_pressure, 0 },
  { "paging_policy_full_swap", policy_full_swap, 1 },
  { "paging_slots_come_back", slots_come_back, 0 },
  { "paging_clean_not_written", clean_pages_are_not_written, 0 },
  { "paging_reads_ahead", reads_ahead, 0 },
  { "paging_calls_on_swapped_pages", calls_on_swapped_pages, 0 },
  { "paging_sharing", sharing_survives_swapping, 0 },
  { "paging_locked_pages_stay", locked_pages_stay, 0 },
  { "paging_discarding", discarding_swapped_pages, 0 },
  { "paging_shrinking_heap", shrinking_swapped_heap, 0 },
  { "paging_fork_storm", fork_storm_under_pressure, 1 },
  { NULL, NULL, 0 },
};
