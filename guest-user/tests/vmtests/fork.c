/* fork_*: copy-on-write, and the chains of objects that it makes. */
#include "vt.h"

static int data_word = 1;
static int bss_word;

/** The child sees what was there at fork and keeps its own writes to itself, in every kind of memory. */
static void isolates_all_kinds(void) {
  volatile int on_stack = 1;
  char *heap = must_sbrk(2 * PAGE), *map = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  int fd = pattern_file("f", 2 * PAGE, 1);
  char *file = map_file(fd, 2 * PAGE, RW, MAP_PRIVATE, 0);
  data_word = bss_word = 1;
  heap[0] = map[0] = file[0] = 1;
  if (must_fork() == 0) {
    CHECK(data_word == 1 && bss_word == 1 && on_stack == 1 && heap[0] == 1 && map[0] == 1 && file[0] == 1);
    data_word = bss_word = 2;
    on_stack = 2;
    heap[0] = map[0] = file[0] = file[PAGE] = 2;
    CHECK(data_word == 2 && bss_word == 2 && on_stack == 2 && heap[0] == 2 && map[0] == 2 && file[0] == 2);
    exit(0);
  }
  expect_status(0);
  CHECK(data_word == 1 && bss_word == 1 && on_stack == 1 && heap[0] == 1 && map[0] == 1 && file[0] == 1);
  check_bytes(file + PAGE, PAGE, PAGE, 1, "the page the child wrote to");
  check_file("f", 2 * PAGE, 1);
}

static void three_writers(void) {
  long pages = 40;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  struct gate go;
  gate_make(&go);
  number_pages(p, pages, 0);
  for (int child = 1; child <= 2; child++)
    if (must_fork() == 0) {
      gate_wait(&go);
      for (int round = 0; round < 50; round++) {
        number_pages(p, pages, child * 1000 + round);
        check_pages(p, pages, child * 1000 + round, "a child's memory");
      }
      exit(0);
    }
  gate_open(&go, 2);
  for (int round = 0; round < 50; round++) {
    number_pages(p, pages, round);
    check_pages(p, pages, round, "the parent's memory");
  }
  expect_status(0);
  expect_status(0);
}

/** As much of the free memory as promises allow for two: fork works and copies nothing it need not. */
static void two_thirds(void) {
  long pages = (long)free_frames() * 2 / 3;
  char *p = mmap(NULL, pages * PAGE, RW, PRIVATE_ANON, -1, 0);
  CHECK(p != MAP_FAILED);
  number_pages(p, pages, 5);
  int pid = fork();
  if (pid < 0) {
    CHECK(errno == ENOMEM); /* RAM and swap together could not hold the copy */
    CHECK(policy_is("vm.commit", "strict") && promisable() < pages + 200);
    check_pages(p, pages, 5, "after the refused fork");
    return;
  }
  if (pid == 0) {
    check_pages(p, pages, 5, "in the child");
    number_pages(p, 16, 6);
    check_pages(p + 16 * PAGE, pages - 16, 5 + 16 * 0x9e3779b97f4a7c15, "the untouched rest");
    exit(0);
  }
  expect_status(0);
  check_pages(p, pages, 5, "in the parent");
}

/** Holes of the map stay holes; pages never touched stay so and read as zero in both. */
static void holes(void) {
  char *p = map_anon(9 * PAGE, RW, MAP_PRIVATE);
  unmap(p + 3 * PAGE, PAGE);
  unmap(p + 6 * PAGE, 2 * PAGE);
  p[0] = p[4 * PAGE] = p[8 * PAGE] = 'x';
  if (must_fork() == 0) {
    CHECK(p[0] == 'x' && p[4 * PAGE] == 'x' && p[8 * PAGE] == 'x');
    CHECK(all_zero(p + PAGE, 2 * PAGE) && all_zero(p + 5 * PAGE, PAGE));
    CHECK(!can_read(p + 3 * PAGE) && !can_read(p + 6 * PAGE) && !can_read(p + 7 * PAGE));
    p[PAGE] = 'c';
    exit(0);
  }
  expect_status(0);
  CHECK(p[PAGE] == 0);
  CHECK(!can_read(p + 3 * PAGE));
}

static void storm(void) {
  char *p = map_anon(16 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 16, 1);
  for (int round = 0; round < 10; round++) {
    for (int child = 0; child < 10; child++)
      if (must_fork() == 0) {
        check_pages(p, 16, 1, "a child's first look");
        number_pages(p, 8, child + 2);
        check_pages(p, 8, child + 2, "a child's second look");
        exit(0);
      }
    for (int child = 0; child < 10; child++)
      expect_status(0);
  }
  check_pages(p, 16, 1, "the parent's memory");
}

/** fork, write, let the child go, 1,000 times: objects do not pile up. */
static void thousand_rounds(void) {
  long pages = 8;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  number_pages(p, pages, 0);
  struct sysinfo before = system_now();
  for (int round = 1; round <= 1000; round++) {
    int pid = must_fork();
    if (pid == 0)
      exit(0);
    number_pages(p, pages, round);
    expect_status(0);
    if (round % 250 == 0) {
      struct sysinfo now = system_now();
      if (now.vm_objects > before.vm_objects + 8)
        fail("after %d rounds there are %lu objects, %lu at the start", round, now.vm_objects, before.vm_objects);
    }
  }
  check_pages(p, pages, 1000, "after all rounds");
}

/** Snapshots that live on, of memory written anew after each: what has all its pages itself is not kept behind those of older ones. */
static void snapshots_are_passed_over(void) {
  enum { SNAPSHOTS = 12 };
  long pages = 8;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  struct gate end;
  gate_make(&end);
  uint64 before = counters().bypasses;
  for (int n = 0; n < SNAPSHOTS; n++) {
    number_pages(p, pages, n);
    if (must_fork() == 0) {
      gate_wait(&end);
      check_pages(p, pages, n, "a snapshot");
      exit(0);
    }
  }
  uint64 passed = counters().bypasses - before;
  if (policy_is("vm.fork", "cow") && passed + 2 < SNAPSHOTS)
    fail("after %d snapshots %lu objects have been passed over", SNAPSHOTS, passed);
  gate_open(&end, SNAPSHOTS);
  for (int n = 0; n < SNAPSHOTS; n++)
    expect_status(0);
}

/** Forks; where every process slot is taken by the dead that init has yet to wait for, waits for a free one. */
static int fork_in_turn(void) {
  int pid;
  for (int i = 0; (pid = fork()) < 0 && errno == EAGAIN && i < 1000; i++)
    sleep(1);
  if (pid < 0)
    fail("fork: %s", strerror(errno));
  return pid;
}

/** The same where the child lives on and the parent goes: a process of the 200th generation. */
static void long_descent(void) {
  long pages = 8;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  uint64 objects = system_now().vm_objects;
  struct gate done;
  gate_make(&done);
  number_pages(p, pages, 0);
  if (must_fork() != 0) {
    close(done.fds[1]); /* if the line dies out, the wait ends */
    gate_wait(&done);
    expect_status(0);
    return;
  }
  for (int generation = 1; generation <= 200; generation++) {
    if (fork_in_turn() != 0)
      exit(0);
    *(uint64 *)(p + (generation % pages) * PAGE + 8) = generation;
  }
  for (int generation = 193; generation <= 200; generation++)
    CHECK(*(uint64 *)(p + (generation % pages) * PAGE + 8) == (uint64)generation);
  for (int i = 0; i < 50 && system_now().vm_objects > objects + 40; i++)
    sleep(1);
  uint64 now = system_now().vm_objects;
  if (now > objects + 40)
    fail("the 200th generation lives with %lu objects, the first did with %lu", now, objects);
  gate_open(&done, 1);
}

/** The only one left that sees a page takes it: no frame is used, nothing copied. */
static void sole_owner_reuses(void) {
  long pages = 200;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  number_pages(p, pages, 1);
  if (must_fork() == 0)
    exit(0);
  expect_status(0);
  struct vmstat before = counters();
  uint64 frames = free_frames();
  number_pages(p, pages, 2);
  struct vmstat after = counters();
  if (after.faults_cow_copy - before.faults_cow_copy > 8)
    fail("%lu of %ld pages were copied though nobody else saw them", after.faults_cow_copy - before.faults_cow_copy, pages);
  if (free_frames() + 8 < frames)
    fail("writing to %ld pages of one's own took %lu frames", pages, frames - free_frames());
}

/** The frames that a child takes which shares these pages, numbered with seed 1; when `both_write` it writes to
 *  all of them with seed 2, and then the parent with seed 3. Each must see its own to the end. */
static uint64 frames_of_a_child(char *p, long pages, int both_write) {
  struct gate look, end;
  number_pages(p, pages, 1);
  gate_make(&look);
  gate_make(&end);
  uint64 before = free_frames();
  if (must_fork() == 0) {
    if (both_write)
      number_pages(p, pages, 2);
    gate_open(&look, 1);
    gate_wait(&end);
    check_pages(p, pages, both_write ? 2 : 1, "in the child");
    exit(0);
  }
  gate_wait(&look);
  if (both_write)
    number_pages(p, pages, 3);
  uint64 used = before - free_frames();
  gate_open(&end, 1);
  expect_status(0);
  check_pages(p, pages, both_write ? 3 : 1, "in the parent");
  return used;
}

/** vm.fork=cow copies no page at fork; vm.fork=copy copies all that are there. */
static void policy_cow(void) {
  long pages = 300;
  uint64 used = frames_of_a_child(map_anon(pages * PAGE, RW, MAP_PRIVATE), pages, 0);
  int cow = policy_is("vm.fork", "cow");
  if (cow ? used > 100 : used < (uint64)pages)
    fail("vm.fork=%s, and a fork with %ld pages took %lu frames", cow ? "cow" : "copy", pages, used);
}

/** Both sides write to each page: together they use at most one frame more a page. */
static void no_frame_lost(void) {
  long pages = 200;
  uint64 used = frames_of_a_child(map_anon(pages * PAGE, RW, MAP_PRIVATE), pages, 1);
  if (used < (uint64)pages || used > (uint64)pages + 100)
    fail("two copies of %ld pages took %lu frames beyond the first", pages, used);
}

/** Rights are inherited as they are at fork, and changed in one process only. */
static void rights(void) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 4, 1);
  CHECK(mprotect(p, PAGE, PROT_READ) == 0);
  CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
  if (must_fork() == 0) {
    CHECK(can_read(p) && !can_write(p) && !can_read(p + PAGE) && can_write(p + 2 * PAGE));
    CHECK(mprotect(p, 2 * PAGE, RW) == 0 && mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0);
    check_pages(p, 4, 1, "after mprotect in the child");
    number_pages(p, 2, 9);
    exit(0);
  }
  expect_status(0);
  CHECK(!can_write(p) && !can_read(p + PAGE) && can_write(p + 2 * PAGE));
  CHECK(mprotect(p + PAGE, PAGE, RW) == 0);
  check_pages(p, 4, 1, "in the parent");
}

/** A read-only page shared by fork and made writable afterwards is still copied before it is written. */
static void writable_later(void) {
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  struct gate wrote;
  gate_make(&wrote);
  number_pages(p, 2, 1);
  CHECK(mprotect(p, 2 * PAGE, PROT_READ) == 0);
  if (must_fork() == 0) {
    CHECK(mprotect(p, 2 * PAGE, RW) == 0);
    number_pages(p, 2, 2);
    gate_open(&wrote, 1);
    exit(0);
  }
  gate_wait(&wrote);
  check_pages(p, 2, 1, "the parent's read-only pages");
  expect_status(0);
}

/** The kernel's stores on a process's behalf copy shared pages like the process's own. */
static void copy_in_calls(void) {
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 1);
  int fd = pattern_file("f", 5 * PAGE, 2);
  if (must_fork() == 0) {
    CHECK(read(fd, p + 50, 5 * PAGE) == 5 * PAGE);
    check_bytes(p + 50, 5 * PAGE, 0, 2, "read into shared pages");
    CHECK(pipe((int *)(p + 7 * PAGE - 4)) == 0);
    exit(0);
  }
  expect_status(0);
  check_pages(p, 8, 1, "the parent's memory");
}

/** Grandchildren: each of a tree of 15 processes has its own copy. */
static void tree(void) {
  char *p = map_anon(10 * PAGE, RW, MAP_PRIVATE);
  uint64 mine = 1;
  number_pages(p, 10, mine);
  int depth = 0, is_root = 1;
  while (depth < 3) {
    int left = must_fork();
    if (left == 0) {
      mine = mine * 2;
      is_root = 0;
      number_pages(p, 10, mine);
      depth++;
      continue;
    }
    int right = must_fork();
    if (right == 0) {
      mine = mine * 2 + 1;
      is_root = 0;
      number_pages(p, 10, mine);
      depth++;
      continue;
    }
    break;
  }
  check_pages(p, 10, mine, "a node's memory");
  if (depth < 3) {
    expect_status(0);
    expect_status(0);
  }
  check_pages(p, 10, mine, "a node's memory after its children");
  if (!is_root)
    exit(0);
}

/** A child that exits in the middle of others' copying, again and again. */
static void exit_races(void) {
  char *p = map_anon(32 * PAGE, RW, MAP_PRIVATE);
  for (int round = 0; round < 40; round++) {
    number_pages(p, 32, round);
    for (int child = 0; child < 3; child++)
      if (must_fork() == 0) {
        number_pages(p, 8 * child + 4, 77);
        exit(wrong_page(p + 31 * PAGE, 1, round + 31 * 0x9e3779b97f4a7c15) != 0);
      }
    number_pages(p, 16, round + 1);
    for (int child = 0; child < 3; child++)
      expect_status(0);
    check_pages(p, 16, round + 1, "the parent's half");
  }
}

/** The kernel kills a child in the middle: nothing of it stays. */
static void killed_child(void) {
  char *p = map_anon(64 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 64, 1);
  for (int round = 0; round < 10; round++) {
    int pid = must_fork();
    if (pid == 0)
      for (uint64 i = 0;; i++)
        number_pages(p, 64, i);
    sleep(round % 2);
    CHECK(kill(pid, SIGKILL) == 0);
    expect_status(-1);
    check_pages(p, 64, 1, "the parent's memory");
  }
}

const struct test fork_tests[] = {
  { "fork_isolates_all_kinds", isolates_all_kinds, 0 },
  { "fork_three_writers", three_writers, 0 },
  { "fork_two_thirds", two_thirds, 0 },
  { "fork_holes", holes, 0 },
  { "fork_storm", storm, 0 },
  { "fork_thousand_rounds", thousand_rounds, 1 },
  { "fork_snapshots_passed_over", snapshots_are_passed_over, 0 },
  { "fork_long_descent", long_descent, 0 },
  { "fork_sole_owner_reuses", sole_owner_reuses, 0 },
  { "fork_policy_cow", policy_cow, 0 },
  { "fork_no_frame_lost", no_frame_lost, 0 },
  { "fork_rights", rights, 0 },
  { "fork_writable_later", writable_later, 0 },
  { "fork_copy_in_calls", copy_in_calls, 0 },
  { "fork_tree", tree, 0 },
  { "fork_exit_races", exit_races, 0 },
  { "fork_killed_child", killed_child, 0 },
  { NULL, NULL, 0 },
};
