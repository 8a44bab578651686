/* shared_*, futex_*: memory that processes share, and waiting on a word in it. */
#include "vt.h"

#include <futex.h>
#include <sched.h>

static void anonymous_over_fork(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_SHARED);
  p[0] = 'a';
  if (must_fork() == 0) {
    CHECK(p[0] == 'a');
    number_pages(p + PAGE, 7, 1); /* pages that nobody touched before the fork, too */
    if (must_fork() == 0) {
      p[0] = 'g';
      exit(0);
    }
    expect_status(0);
    exit(0);
  }
  expect_status(0);
  check_pages(p + PAGE, 7, 1, "what the child wrote");
  CHECK(p[0] == 'g');
}

/** A private mapping beside it is not shared; and a shared one costs its frames once. */
static void frames_once(void) {
  char *p = map_anon(100 * PAGE, RW, MAP_SHARED);
  struct gate look, end;
  gate_make(&look);
  gate_make(&end);
  number_pages(p, 100, 1);
  uint64 before = free_frames();
  if (must_fork() == 0) {
    number_pages(p, 100, 2);
    gate_open(&look, 1);
    gate_wait(&end);
    exit(0);
  }
  gate_wait(&look);
  uint64 used = before - free_frames();
  gate_open(&end, 1);
  expect_status(0);
  if (used > 60)
    fail("sharing 100 pages with a child took %lu frames", used);
  check_pages(p, 100, 2, "what the child wrote");
}

static void outlives_the_maker(void) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    char *p = map_anon(4 * PAGE, RW, MAP_SHARED);
    number_pages(p, 4, 1);
    if (must_fork() == 0) { /* the grandchild keeps it */
      sleep(2);
      check_pages(p, 4, 1, "after the maker's end");
      CHECK(write(fds[1], "k", 1) == 1);
      exit(0);
    }
    exit(0);
  }
  char c;
  expect_status(0);
  CHECK(read(fds[0], &c, 1) == 1 && c == 'k');
}

static void named(void) {
  int fd = make_shm("/vt.a", 4 * PAGE);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  CHECK(all_zero(p, 4 * PAGE));
  number_pages(p, 4, 1);
  close(fd);
  if (must_fork() == 0) {
    unmap(p, 4 * PAGE);
    int mine = shm_open("/vt.a", O_RDWR, 0);
    CHECK(mine >= 0);
    struct stat st;
    CHECK(fstat(mine, &st) == 0 && st.size == (uint64)(4 * PAGE));
    char *q = map_file(mine, 4 * PAGE, RW, MAP_SHARED, 0);
    check_pages(q, 4, 1, "by name");
    number_pages(q, 4, 2);
    exit(0);
  }
  expect_status(0);
  check_pages(p, 4, 2, "what the other process wrote");
  CHECK(shm_unlink("/vt.a") == 0);
  check_pages(p, 4, 2, "after shm_unlink");
  FAILS(shm_open("/vt.a", O_RDWR, 0), ENOENT);
  FAILS(shm_unlink("/vt.a"), ENOENT);
}

/** Without a mapping or a descriptor the memory lasts as long as the name. */
static void name_keeps_it(void) {
  int fd = make_shm("/vt.b", 2 * PAGE);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
  number_pages(p, 2, 5);
  unmap(p, 2 * PAGE);
  close(fd);
  fd = shm_open("/vt.b", O_RDONLY, 0);
  CHECK(fd >= 0);
  p = map_file(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0);
  check_pages(p, 2, 5, "found again");
  CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
  CHECK(shm_unlink("/vt.b") == 0);
}

static void sizes(void) {
  int fd = make_shm("/vt.c", 0);
  char *p = map_file(fd, 3 * PAGE, RW, MAP_SHARED, 0);
  CHECK(!can_read(p));
  CHECK(ftruncate(fd, PAGE + 10) == 0);
  CHECK(can_write(p) && can_write(p + PAGE) && !can_read(p + 2 * PAGE));
  number_pages(p, 2, 1);
  CHECK(ftruncate(fd, PAGE) == 0 && !can_read(p + PAGE));
  CHECK(ftruncate(fd, 3 * PAGE) == 0);
  CHECK(all_zero(p + PAGE, 2 * PAGE)); /* what was cut off is gone */
  check_pages(p, 1, 1, "what was kept");
  FAILS(ftruncate(fd, -1), EINVAL);
  CHECK(shm_unlink("/vt.c") == 0);
}

static void opening(void) {
  int fd = make_shm("/vt.d", PAGE);
  char *p = map_file(fd, PAGE, RW, MAP_SHARED, 0);
  p[0] = 'k';
  int again = shm_open("/vt.d", O_CREATE | O_RDWR, 0600); /* there already: the same */
  CHECK(again >= 0);
  char *q = map_file(again, PAGE, RW, MAP_SHARED, 0);
  CHECK(q[0] == 'k');
  again = shm_open("/vt.d", O_RDWR | O_TRUNC, 0);
  CHECK(again >= 0 && !can_read(p));
  CHECK(shm_unlink("/vt.d") == 0);
  fd = make_shm("/vt.d", PAGE); /* a new one of the same name */
  q = map_file(fd, PAGE, RW, MAP_SHARED, 0);
  CHECK(q[0] == 0);
  CHECK(shm_unlink("/vt.d") == 0);
  FAILS(shm_open("/vt.never", O_RDWR, 0), ENOENT);
}

/** A private mapping of shared memory copies on write. */
/** Pages that are cut off while others touch them are in no page table when they are free. */
static void cut_while_touched(void) {
  int fd = make_shm("/vt.cut2", 9 * PAGE);
  char *p = map_file(fd, 9 * PAGE, RW, MAP_SHARED, 0);
  struct gate ready;
  gate_make(&ready);
  int pids[3];
  for (int k = 0; k < 3; k++) {
    pids[k] = must_fork();
    if (pids[k] == 0) {
      gate_open(&ready, 1);
      for (int i = k;; i++) /* the kernel's touch: EFAULT where a process would get SIGBUS */
        fstat(fd, (struct stat *)(p + (1 + i % 8) * PAGE));
    }
  }
  for (int k = 0; k < 3; k++)
    gate_wait(&ready);
  int broken = 0;
  for (int round = 0; round < 400 && !broken; round++) {
    CHECK(ftruncate(fd, 9 * PAGE) == 0);
    for (int i = 1; i < 9; i++)
      p[i * PAGE] = (char)round;
    CHECK(ftruncate(fd, PAGE) == 0);
    broken = round % 20 == 0 && vmcheck() < 0;
  }
  for (int k = 0; k < 3; k++) {
    kill(pids[k], SIGKILL);
    wait(NULL);
  }
  CHECK(!broken && shm_unlink("/vt.cut2") == 0);
}

/** Lets pages [first, end) of p leave memory and reads page `first` again, for ever. */
static void in_and_out(char *p, long first, long end, int fd) {
  for (;;) {
    madvise(p + first * PAGE, (end - first) * PAGE, MADV_PAGEOUT);
    write(fd, p + first * PAGE, 1); /* the kernel's touch: EFAULT where a process would get SIGBUS */
  }
}

/** A page in swap comes in with its neighbours, but not with those that are being cut off, of which some are on their way still. */
static void cut_while_swapped(void) {
  enum { PAGES = 16, KEPT = 4 };
  int fd = make_shm("/vt.cut3", PAGES * PAGE), sink = must_open("sink", O_CREATE | O_RDWR | O_APPEND), pids[2];
  char *p = map_file(fd, PAGES * PAGE, RW, MAP_SHARED, 0);
  need_swap();
  for (int k = 0; k < 2; k++) {
    pids[k] = must_fork();
    if (pids[k] == 0)
      in_and_out(p, k == 0 ? KEPT - 1 : KEPT + 5, k == 0 ? 8 : PAGES, sink);
  }
  for (int round = 0; round < 100; round++) {
    CHECK(ftruncate(fd, PAGES * PAGE) == 0);
    number_pages(p, PAGES, round);
    CHECK(madvise(p, PAGES * PAGE, MADV_PAGEOUT) == 0);
    for (volatile int i = 0; i < round * 20; i++)
      ;
    CHECK(ftruncate(fd, KEPT * PAGE) == 0);
    check_pages(p, KEPT, round, "what was kept");
  }
  for (int k = 0; k < 2; k++) {
    kill(pids[k], SIGKILL);
    wait(NULL);
  }
  CHECK(shm_unlink("/vt.cut3") == 0);
}

static void wait_compares(void) {
  uint *word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  struct timespec moment = { 0, 200 * 1000 * 1000 };
  *word = 5;
  FAILS(futex(word, FUTEX_WAIT, 4, NULL), EAGAIN);
  FAILS(futex(word, FUTEX_WAIT, 5, &moment), ETIMEDOUT);
  CHECK(futex(word, FUTEX_WAKE, 100, NULL) == 0);
  FAILS(futex((char *)word + 1, FUTEX_WAIT, 5, NULL), EINVAL);
  FAILS(futex(word, 77, 5, NULL), ENOSYS);
}

/** Two processes take turns on a word, 500 times each. */
static void take_turns(uint *word, uint mine, uint other) {
  for (int i = 0; i < 500; i++) {
    uint now;
    while ((now = __atomic_load_n(word, __ATOMIC_SEQ_CST)) != mine)
      if (futex(word, FUTEX_WAIT, now, NULL) < 0)
        CHECK(errno == EAGAIN);
    __atomic_store_n(word, other, __ATOMIC_SEQ_CST);
    futex(word, FUTEX_WAKE, 1, NULL);
  }
}

static void ping_pong(void) {
  uint *word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  if (must_fork() == 0) {
    take_turns(word, 1, 0);
    exit(0);
  }
  take_turns(word, 0, 1);
  expect_status(0);
}

static void lock(uint *word) {
  uint free = 0;
  if (__atomic_compare_exchange_n(word, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0)
    futex(word, FUTEX_WAIT, 2, NULL);
}

static void unlock(uint *word) {
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2)
    futex(word, FUTEX_WAKE, 1, NULL);
}

static void mutex(void) {
  uint *word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  volatile long *total = (volatile long *)(word + 16);
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      for (int i = 0; i < 500; i++) {
        lock(word);
        long value = *total;
        if (i % 50 == 0)
          sched_yield(); /* keep it for a while */
        *total = value + 1;
        unlock(word);
      }
      exit(0);
    }
  for (int child = 0; child < 4; child++)
    expect_status(0);
  if (*total != 2000)
    fail("4 processes that added 500 each came to %ld", *total);
}

/** Waiters find each other through different addresses, and in file mappings. */
static void other_address(void) {
  int fd = pattern_file("f", 2 * PAGE, 1);
  uint *p = (uint *)map_file(fd, PAGE, RW, MAP_SHARED, PAGE);
  *p = 0;
  if (must_fork() == 0) {
    char *q = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0);
    uint *word = (uint *)(q + PAGE);
    unmap(p, PAGE);
    while (*(volatile uint *)word == 0)
      if (futex(word, FUTEX_WAIT, 0, NULL) < 0)
        CHECK(errno == EAGAIN);
    exit(0);
  }
  sleep(3);
  *p = 1;
  futex(p, FUTEX_WAKE, 1, NULL);
  expect_status(0);
}

static void wakes_as_many_as_asked(void) {
  uint *word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  volatile int *awake = (volatile int *)(word + 4);
  for (int child = 0; child < 3; child++)
    if (must_fork() == 0) {
      CHECK(futex(word, FUTEX_WAIT, 0, NULL) == 0);
      __atomic_add_fetch(awake, 1, __ATOMIC_SEQ_CST);
      exit(0);
    }
  sleep(5);
  CHECK(futex(word, FUTEX_WAKE, 1, NULL) == 1);
  expect_status(0);
  sleep(2);
  CHECK(*awake == 1);
  CHECK(futex(word, FUTEX_WAKE, 10, NULL) == 2);
  expect_status(0);
  expect_status(0);
}

/** A waiter can be killed, and its memory unmapped by others. */
static void killed_waiter(void) {
  uint *word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  int pid = must_fork();
  if (pid == 0) {
    futex(word, FUTEX_WAIT, 0, NULL);
    exit(7);
  }
  sleep(2);
  CHECK(kill(pid, SIGKILL) == 0);
  expect_status(-1);
  CHECK(futex(word, FUTEX_WAKE, 10, NULL) == 0);
}

const struct test shared_tests[] = {
  { "shared_anonymous_over_fork", anonymous_over_fork, 0 },
  { "shared_frames_once", frames_once, 0 },
  { "shared_outlives_the_maker", outlives_the_maker, 0 },
  { "shared_named", named, 0 },
  { "shared_name_keeps_it", name_keeps_it, 0 },
  { "shared_sizes", sizes, 0 },
  { "shared_opening", opening, 0 },
  { "shared_cut_while_touched", cut_while_touched, 0 },
  { "shared_cut_while_swapped", cut_while_swapped, 0 },
  { "futex_wait_compares", wait_compares, 0 },
  { "futex_ping_pong", ping_pong, 0 },
  { "futex_mutex", mutex, 0 },
  { "futex_other_address", other_address, 0 },
  { "futex_wakes_as_many_as_asked", wakes_as_many_as_asked, 0 },
  { "futex_killed_waiter", killed_waiter, 0 },
  { NULL, NULL, 0 },
};
