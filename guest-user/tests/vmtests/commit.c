/* commit_*: memory is promised before it is given. */
#include "vt.h"

#define HUGE (1L << 36)

static uint64 promised(void) { return system_now().committed_frames; }

static void mmap_refused(void) {
  if (!policy_is("vm.commit", "strict")) {
    char *p = mmap(NULL, 1L << 32, RW, PRIVATE_ANON, -1, 0);
    CHECK(p != MAP_FAILED);
    p[1L << 31] = 1;
    return;
  }
  uint64 before = promised();
  CHECK(mmap(NULL, HUGE, RW, PRIVATE_ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
  CHECK(mmap(NULL, HUGE, RW, SHARED_ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
  FAILS(sbrk(HUGE), ENOMEM);
  CHECK(promised() <= before + 1);
}

/** What is promised by each kind of mapping: private writable memory, nothing for what the file pays. */
static void what_is_counted(void) {
  if (policy_is("vm.commit", "overcommit"))
    return;
  uint64 before = promised();
  char *p = map_anon(300 * PAGE, RW, MAP_PRIVATE);
  CHECK(promised() >= before + 300 && promised() <= before + 310);
  unmap(p + 100 * PAGE, 100 * PAGE);
  CHECK(promised() <= before + 210);
  unmap(p, 300 * PAGE);
  CHECK(promised() <= before + 4);
  p = mmap(NULL, 300 * PAGE, RW, PRIVATE_ANON | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED && promised() <= before + 20);
  unmap(p, 300 * PAGE);
  int fd = pattern_file("f", 100 * PAGE, 1);
  uint64 with_file = promised();
  p = map_file(fd, 100 * PAGE, RW, MAP_SHARED, 0);
  CHECK(promised() <= with_file + 10);
  map_file(fd, 100 * PAGE, RW, MAP_PRIVATE, 0);
  CHECK(promised() >= with_file + 100);
}

/** fork promises the child's copies; what cannot be promised is refused, and all goes on. */
static void fork_refused(void) {
  if (!policy_is("vm.commit", "strict"))
    return;
  long pages = promisable() * 3 / 4;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  p[0] = 1; /* only promised: a fork needs the same again */
  uint64 before = promised();
  FAILS(fork(), ENOMEM);
  CHECK(promised() <= before + 1);
  p[PAGE] = 2;
  unmap(p + PAGE, (pages - 1) * PAGE);
  if (must_fork() == 0)
    exit(p[0] != 1);
  expect_status(0);
}

static void read_only_costs_nothing(void) {
  if (!policy_is("vm.commit", "strict"))
    return;
  long pages = promisable() + 10000;
  char *p = mmap(NULL, pages * PAGE, PROT_READ, PRIVATE_ANON | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED);
  CHECK(p[pages / 2 * PAGE] == 0);
  CHECK(mprotect(p, 16 * PAGE, RW) == 0);
  p[3 * PAGE] = 1;
}

static void use_all(long arg) {
  (void)arg;
  long total = 1L << 32;
  char *p = mmap(NULL, total, RW, PRIVATE_ANON | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED);
  for (long at = 0; at < total; at += PAGE)
    p[at] = 1;
}

/** Memory that was never promised can run out: then the process that touches it dies, and nobody else. */
static void noreserve_kills_only_itself(void) {
  char *mine = map_anon(64 * PAGE, RW, MAP_PRIVATE);
  number_pages(mine, 64, 1);
  struct gate alive;
  gate_make(&alive);
  int bystander = must_fork();
  if (bystander == 0) {
    gate_wait(&alive);
    check_pages(mine, 64, 1, "the bystander's memory");
    exit(0);
  }
  expect_killed(use_all, 0, "touching more memory than there is");
  gate_open(&alive, 1);
  expect_status(0);
  check_pages(mine, 64, 1, "the parent's memory");
}

/** Many processes that ask for all at once: each is refused or gets what it was promised. */
static void contest(void) {
  if (!policy_is("vm.commit", "strict"))
    return;
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      long total = 0;
      char *a = align_break();
      for (long step = 2 * MIB; step >= PAGE; step /= 2)
        while (total < 24 * MIB && sbrk(step) != (char *)-1)
          total += step;
      number_pages(a, total / PAGE, child);
      check_pages(a, total / PAGE, child, "what was promised");
      exit(0);
    }
  for (int child = 0; child < 4; child++)
    expect_status(0);
}

static const struct { const char *name, *values[2]; } policies[] = {
  { "vm.heap", { "lazy", "eager" } }, { "vm.fork", { "cow", "copy" } }, { "vm.exec", { "demand", "load" } },
  { "vm.zeropage", { "on", "off" } }, { "vm.superpages", { "on", "off" } }, { "vm.commit", { "strict", "overcommit" } },
};

static void policy_names(void) {
  char word[32];
  for (uint i = 0; i < sizeof policies / sizeof policies[0]; i++) {
    if (vmpolicy(policies[i].name, word, sizeof word) < 0)
      fail("vmpolicy(%s): %s", policies[i].name, strerror(errno));
    if (strcmp(word, policies[i].values[0]) != 0 && strcmp(word, policies[i].values[1]) != 0)
      fail("%s is %s", policies[i].name, word);
  }
  CHECK(vmpolicy("vm.colour", word, sizeof word) == -1 && (errno == ENOENT || errno == EINVAL));
  CHECK(vmpolicy("", word, sizeof word) == -1);
}

const struct test commit_tests[] = {
  { "commit_mmap_refused", mmap_refused, 0 },
  { "commit_what_is_counted", what_is_counted, 0 },
  { "commit_fork_refused", fork_refused, 0 },
  { "commit_read_only", read_only_costs_nothing, 0 },
  { "commit_noreserve_kills_only_itself", noreserve_kills_only_itself, 1 },
  { "commit_contest", contest, 1 },
  { "policy_names", policy_names, 0 },
  { NULL, NULL, 0 },
};
