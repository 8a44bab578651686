/* stress_*: random work on memory against a model of what each page must hold, in trees of processes. */
#include "vt.h"

#define PAGES 192
enum { ABSENT, NO_RIGHTS, READABLE, WRITABLE };

static char *room;
static uint8 state[PAGES];
static uint64 value[PAGES]; /* the first word of the page; 0 in a page nobody wrote to */
static unsigned long seed;
static uint64 stamp;
static int file_fd, generations;

static uint below(uint n) { return (uint)((rand_next(&seed) >> 20) % n); }

/** A random range of pages. */
static void choose(int *first, int *count, int most) {
  *first = (int)below(PAGES);
  *count = 1 + (int)below(most);
  if (*first + *count > PAGES)
    *count = PAGES - *first;
}

static void check_page(int i, const char *when) {
  if (state[i] < READABLE)
    return;
  uint64 *p = (uint64 *)(room + i * PAGE);
  if (p[0] != value[i] || (value[i] != 0 && p[511] != value[i]))
    fail("%s, generation %d: page %d has %lx and %lx, wanted %lx", when, generations, i, p[0], p[511], value[i]);
  if (value[i] == 0 && (p[100] != 0 || p[511] != 0))
    fail("%s, generation %d: page %d is not zero", when, generations, i);
}

static void check_all(const char *when) {
  for (int i = 0; i < PAGES; i++)
    check_page(i, when);
}

static void do_map(int first, int count) {
  if (mmap(room + first * PAGE, count * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == MAP_FAILED) {
    CHECK(errno == ENOMEM);
    check_all("after a refused mmap");
    return;
  }
  for (int i = first; i < first + count; i++) {
    state[i] = WRITABLE;
    value[i] = 0;
  }
}

static void do_unmap(int first, int count) {
  unmap(room + first * PAGE, count * PAGE);
  memset(state + first, ABSENT, count);
}

/** On pages that all exist only: what a refused mprotect leaves is open. */
static void do_protect(int first, int count) {
  static const int rights[] = { PROT_NONE, PROT_READ, RW };
  for (int i = first; i < first + count; i++)
    if (state[i] == ABSENT)
      return;
  int which = (int)below(3);
  if (mprotect(room + first * PAGE, count * PAGE, rights[which]) < 0) {
    CHECK(errno == ENOMEM);
    return;
  }
  memset(state + first, NO_RIGHTS + which, count);
}

static void do_write(int first, int count) {
  for (int i = first; i < first + count; i++)
    if (state[i] == WRITABLE) {
      uint64 *p = (uint64 *)(room + i * PAGE);
      p[0] = p[511] = value[i] = ++stamp * 1000 + (uint64)generations;
    }
}

static void do_discard(int first, int count) {
  for (int i = first; i < first + count; i++)
    if (state[i] == ABSENT)
      return;
  CHECK(madvise(room + first * PAGE, count * PAGE, MADV_DONTNEED) == 0);
  for (int i = first; i < first + count; i++)
    value[i] = 0;
}

/** Moves one range over another, where all of the first is mapped alike and the two do not meet. */
static void do_move(int first, int count) {
  int to = (int)below(PAGES - count + 1);
  if (to < first + count && first < to + count)
    return;
  for (int i = first; i < first + count; i++)
    if (state[i] != WRITABLE)
      return;
  void *moved = mremap(room + first * PAGE, count * PAGE, count * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + to * PAGE);
  if (moved == MAP_FAILED) { /* a range of several mappings may be refused; then all is as it was */
    CHECK(errno == EFAULT || errno == ENOMEM || errno == EINVAL);
    return;
  }
  CHECK(moved == room + to * PAGE);
  memmove(value + to, value + first, count * sizeof value[0]);
  memset(state + to, WRITABLE, count);
  memset(state + first, ABSENT, count);
}

/** The kernel writes: a part of the file, whose words are known. */
static void do_read(int first, int count) {
  for (int i = first; i < first + count; i++)
    if (state[i] != WRITABLE)
      return;
  if (count > 16)
    return;
  CHECK(lseek(file_fd, 0, SEEK_SET) == 0);
  CHECK(read(file_fd, room + first * PAGE, count * PAGE) == count * PAGE);
  for (int i = first; i < first + count; i++)
    value[i] = 77000 + (uint64)(i - first);
}

static void work(int steps, int depth);

static void do_fork(int steps, int depth) {
  int pid = fork();
  if (pid < 0) {
    CHECK(errno == ENOMEM || errno == EAGAIN);
    return;
  }
  if (pid == 0) {
    generations++;
    file_fd = must_open("words", O_RDONLY); /* an offset of its own */
    seed ^= (unsigned long)getpid() * 977;
    work(steps / 2, depth - 1);
    check_all("at a child's end");
    exit(0);
  }
  if (below(2))
    expect_status(0);
}

static void work(int steps, int depth) {
  int first, count;
  for (int step = 0; step < steps; step++) {
    uint what = below(100);
    choose(&first, &count, what < 40 ? 24 : 12);
    if (what < 8)
      do_map(first, count);
    else if (what < 13)
      do_unmap(first, count);
    else if (what < 20)
      do_protect(first, count);
    else if (what < 50)
      do_write(first, count);
    else if (what < 54)
      do_discard(first, count);
    else if (what < 58)
      do_move(first, count);
    else if (what < 61)
      do_read(first, count);
    else if (what < 92)
      for (int i = first; i < first + count; i++)
        check_page(i, "in the middle");
    else if (what < 96 && depth > 0)
      do_fork(steps, depth);
    else if (what < 97)
      check_all("now and then");
  }
  while (wait(NULL) >= 0)
    ;
}

/** A file whose page i begins and ends with 77000 + i. */
static void make_words(void) {
  static uint64 page[512];
  file_fd = must_open("words", O_CREATE | O_RDWR);
  for (uint64 i = 0; i < 16; i++) {
    page[0] = page[511] = 77000 + i;
    CHECK(write(file_fd, page, sizeof page) == sizeof page);
  }
}

static void run_stress(unsigned long start, int steps, int depth) {
  seed = start;
  room = empty_range(PAGES * PAGE, PAGE);
  memset(state, ABSENT, sizeof state);
  make_words();
  work(steps, depth);
  check_all("at the end");
}

static void one_process(void) { run_stress(4242, 3000, 0); }

static void trees(void) {
  for (int tree = 0; tree < 4; tree++)
    if (must_fork() == 0) {
      char name[12];
      snprintf(name, sizeof name, "d%d", tree);
      CHECK(mkdir(name) == 0 && chdir(name) == 0);
      run_stress(1000 + tree, 250, 4);
      exit(0);
    }
  for (int tree = 0; tree < 4; tree++)
    expect_status(0);
}

/** The same while somebody else keeps memory short. */
static void under_pressure(void) {
  need_swap();
  long pages = (long)free_frames();
  int presser = must_fork();
  if (presser == 0) {
    char *p = mmap(NULL, pages * PAGE, RW, PRIVATE_ANON, -1, 0);
    if (p == MAP_FAILED)
      fail("mmap of %ld pages: %s", pages, strerror(errno));
    for (uint64 round = 0;; round++) {
      number_pages(p, pages, round);
      check_pages(p, pages, round, "the presser's pages");
    }
  }
  sleep(3);
  for (int tree = 0; tree < 3; tree++)
    if (must_fork() == 0) {
      char name[12];
      snprintf(name, sizeof name, "d%d", tree);
      CHECK(mkdir(name) == 0 && chdir(name) == 0);
      run_stress(5000 + tree, 200, 2);
      exit(0);
    }
  for (int i = 0; i < 3; i++) {
    int status;
    CHECK(wait(&status) > 0);
    if (status == 1)
      exit(1);
    CHECK(status == 0);
  }
  CHECK(kill(presser, SIGKILL) == 0);
  expect_status(-1);
}

const struct test stress_tests[] = {
  { "stress_one_process", one_process, 0 },
  { "stress_trees", trees, 0 },
  { "stress_under_pressure", under_pressure, 1 },
  { NULL, NULL, 0 },
};
