/* commit_*: memory is promised before it is given. */
#include "vt.h"

#define HUGE (1L << 36)

static uint64 promised(void) { return system_now().committed_frames; }

static int strict(void) { return policy_is("vm.commit", "strict"); }

#define SPARSE (1L << 32)

/** A mapping far larger than memory: sparse stores to it stand, and only they are paid for (and page tables for all). */
static void check_sparse(char *p, uint64 before) {
  uint64 tables = SPARSE / SUPERPAGE, now;
  for (long i = 0; i < 8; i++)
    *(long *)(p + i * (SPARSE / 8)) = i + 1;
  for (long i = 0; i < 8; i++)
    CHECK(*(long *)(p + i * (SPARSE / 8)) == i + 1);
  now = promised();
  if (now < before + 8 || now > before + tables + 64)
    fail("8 pages of 4 GiB are in use: %lu frames were promised before, %lu are now", before, now);
  unmap(p, SPARSE);
}

/** More than memory and swap can hold: refused, or granted and paid for page by page. */
static void policy_mmap(void) {
  uint64 before = promised();
  if (strict()) {
    CHECK(mmap(NULL, HUGE, RW, PRIVATE_ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(NULL, HUGE, RW, SHARED_ANON, -1, 0) == MAP_FAILED && errno == ENOMEM);
    FAILS(sbrk(HUGE), ENOMEM);
    CHECK(promised() <= before + 1);
    return;
  }
  check_sparse(map_anon(SPARSE, RW, MAP_PRIVATE), before);
  check_sparse(map_anon(SPARSE, RW, MAP_SHARED), before);
  CHECK(promised() <= before + 4);
}

/** What a change of a mapping promises: copies of a file's pages that may be written from now on, and what mremap adds. */
static void counted_when_changed(int fd) {
  uint64 before = promised();
  char *p = map_file(fd, 100 * PAGE, PROT_READ, MAP_PRIVATE, 0);
  CHECK(promised() <= before + 10);
  CHECK(mprotect(p, 100 * PAGE, RW) == 0);
  CHECK(promised() >= before + 100 && promised() <= before + 110);
  unmap(p, 100 * PAGE);
  p = empty_range(300 * PAGE, PAGE);
  CHECK(mmap(p, 100 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == p);
  before = promised();
  CHECK(mremap(p, 100 * PAGE, 300 * PAGE, 0) == p);
  CHECK(promised() >= before + 200 && promised() <= before + 210);
  unmap(p, 300 * PAGE);
  before = promised();
  p = map_anon(300 * PAGE, RW, MAP_SHARED | MAP_NORESERVE);
  CHECK(promised() <= before + 20);
}

/** What is promised by each kind of mapping: private writable memory, nothing for what the file pays. */
static void counted_when_granted(void) {
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
  counted_when_changed(fd);
}

/** Overcommitted memory costs what is in use of it; `kind` says whose it is. */
static void counted_when_touched(int kind) {
  uint64 before = promised();
  char *p = map_anon(300 * PAGE, RW, kind);
  CHECK(promised() <= before + 10);
  number_pages(p, 120, 1);
  CHECK(promised() >= before + 120 && promised() <= before + 130);
  unmap(p + 100 * PAGE, 200 * PAGE);
  if (kind == MAP_PRIVATE)
    CHECK(promised() <= before + 110);
  unmap(p, 100 * PAGE);
  CHECK(promised() <= before + 4);
}

static void policy_what_is_counted(void) {
  if (strict()) {
    counted_when_granted();
  } else {
    counted_when_touched(MAP_PRIVATE);
    counted_when_touched(MAP_SHARED);
  }
}

/** A fork of memory that could never be there twice: granted, since hardly any of it is in use. */
static void fork_granted(void) {
  long pages = memory_and_swap() * 3 / 4;
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  p[0] = 1;
  uint64 before = promised();
  struct gate look, end;
  gate_make(&look);
  gate_make(&end);
  if (must_fork() == 0) {
    p[0] = 2;
    p[PAGE] = 3;
    gate_open(&look, 1);
    gate_wait(&end);
    exit(p[0] != 2);
  }
  gate_wait(&look);
  uint64 more = promised() - before;
  gate_open(&end, 1);
  expect_status(0);
  CHECK(p[0] == 1 && p[PAGE] == 0);
  if (more > 200)
    fail("a child that wrote to two of %ld pages takes %lu frames", pages, more);
}

/** fork promises the child's copies; what cannot be promised is refused, and all goes on. */
static void fork_refused(void) {
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

static void policy_fork(void) {
  if (strict())
    fork_refused();
  else
    fork_granted();
}

static void read_only_costs_nothing(void) {
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

/** Four that use more than there is, one after the other or all at once: each dies of it, and who has what it
 *  needs already does not notice. */
static void contest_of_the_overcommitted(void) {
  long pages = memory_and_swap() + 1000;
  struct gate ready, end;
  gate_make(&ready);
  gate_make(&end);
  int modest = must_fork();
  if (modest == 0) {
    char *mine = map_anon(64 * PAGE, RW, MAP_PRIVATE);
    number_pages(mine, 64, 7);
    gate_open(&ready, 1);
    gate_wait(&end);
    check_pages(mine, 64, 7, "the modest one's memory");
    exit(0);
  }
  gate_wait(&ready);
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE); /* granted */
      number_pages(p, pages, child);
      fail("%ld pages were written to where there are %ld", pages, pages - 1000);
    }
  for (int child = 0; child < 4; child++)
    CHECK(expect_status(-1) != modest);
  gate_open(&end, 1);
  CHECK(expect_status(0) == modest);
}

/** Many processes that ask for all at once: each is refused or gets what it was promised. */
static void contest_of_the_promised(void) {
  struct gate begin; /* or the first could leave nothing to fork the last with */
  gate_make(&begin);
  for (int child = 0; child < 4; child++)
    if (must_fork() == 0) {
      long total = 0;
      gate_wait(&begin);
      char *a = align_break();
      for (long step = 2 * MIB; step >= PAGE; step /= 2)
        while (total < 24 * MIB && sbrk(step) != (char *)-1)
          total += step;
      number_pages(a, total / PAGE, child);
      check_pages(a, total / PAGE, child, "what was promised");
      exit(0);
    }
  gate_open(&begin, 4);
  for (int child = 0; child < 4; child++)
    expect_status(0);
}

static void policy_contest(void) {
  if (strict())
    contest_of_the_promised();
  else
    contest_of_the_overcommitted();
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
  { "commit_policy_mmap", policy_mmap, 0 },
  { "commit_policy_what_is_counted", policy_what_is_counted, 0 },
  { "commit_policy_fork", policy_fork, 0 },
  { "commit_read_only", read_only_costs_nothing, 0 },
  { "commit_noreserve_kills_only_itself", noreserve_kills_only_itself, 1 },
  { "commit_policy_contest", policy_contest, 1 },
  { "policy_names", policy_names, 0 },
  { NULL, NULL, 0 },
};
