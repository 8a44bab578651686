/* grind's work on memory: maps of all kinds in a range of addresses of its own, changed, moved and used at random.
 * An access that the kernel refuses is passed over by a signal handler. */
#include "grind.h"

#include <futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <syscall.h>
#include <time.h>
#include <vmstat.h>

#define PAGE 4096L
#define MOST_LOCKED 16 /* pages at a time: no process may lock much of a small machine */
#define COMMON_RIGHTS (PROT_READ | PROT_WRITE)
#define MARGIN 8 /* pages on either side that stay inaccessible: calls that are given an address near the end go beyond it */

static char *arena;
static long arena_pages;

/* The accesses, whose addresses the handler knows. The returns are where a refused one goes on. */
void grind_store(volatile char *p, char c);
char grind_load(const volatile char *p);
extern const char grind_accesses[], grind_accesses_end[];
__asm__(
    ".section .text\n"
    "grind_accesses:\n"
    "grind_store: sb a1, 0(a0)\n"
    "  ret\n"
    "grind_load: lbu a0, 0(a0)\n"
    "  ret\n"
    "grind_accesses_end:\n");

/** Goes on behind a refused access; a fault anywhere else is this program's own fault, and ends it. */
static void pass_over(int signal, siginfo_t *info, void *context) {
  ulong *registers = ((ucontext_t *)context)->uc_mcontext.gregs, pc = registers[REG_PC];
  (void)info;
  if (pc >= (ulong)grind_accesses && pc < (ulong)grind_accesses_end) {
    registers[REG_PC] = registers[REG_RA];
  } else {
    struct sigaction usual = { .sa_handler = SIG_DFL };
    sigaction(signal, &usual, NULL); /* the same fault again kills */
  }
}

void memory_begin(long pages) {
  struct sigaction action = { .sa_sigaction = pass_over, .sa_flags = SA_SIGINFO | SA_NODEFER };
  arena_pages = pages;
  arena = mmap(NULL, (pages + 2 * MARGIN) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) {
    perror("grind: mmap");
    exit(1);
  }
  arena += MARGIN * PAGE;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

/** A random range of the arena: its first page, and its length of at most `most` pages. */
static char *range(long most, size_t *length) {
  long first = pick((uint)arena_pages), count = 1 + pick((uint)most);
  if (count > arena_pages - first)
    count = arena_pages - first;
  *length = (size_t)(count * PAGE);
  return arena + first * PAGE;
}

void *arena_address(void) { return arena + pick((uint)arena_pages) * PAGE + pick(2) * pick((uint)PAGE); }

/** Undoes a mapping that is not in the arena. */
static void drop_elsewhere(char *p, size_t length) {
  if (p != MAP_FAILED && (p < arena || p >= arena + arena_pages * PAGE))
    munmap(p, length);
}

/** The longest range that most calls work on: pieces of the arena, so that many are mapped at a time. */
static long usual_length(void) { return arena_pages / 8 + 1; }

static int random_rights(void) {
  static const int rights[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC, COMMON_RIGHTS | PROT_EXEC };
  return pick(3) ? COMMON_RIGHTS : rights[pick(4)];
}

static void call_mmap(void) {
  static const int extra[] = { 0, 0, 0, MAP_POPULATE, MAP_HUGETLB, MAP_GROWSDOWN };
  size_t length;
  char *where = range(usual_length(), &length);
  int flags = pick(2) ? MAP_PRIVATE : MAP_SHARED, fd = pick(2) ? own_descriptor() : -1;
  if (fd < 0)
    flags |= MAP_ANONYMOUS;
  flags |= extra[pick(6)];
  if (expendable && pick(8) == 0) /* a touch may find no memory, and then it kills */
    flags |= MAP_NORESERVE;
  if (pick(16)) {
    mmap(where, length, random_rights(), flags | (pick(4) ? MAP_FIXED : MAP_FIXED_NOREPLACE), fd, pick(4) * PAGE);
    return;
  }
  drop_elsewhere(mmap(pick(2) ? NULL : address(), length, random_rights(), flags, fd, 0), length);
}

static void call_mremap(void) {
  size_t length, wanted;
  char *from = range(usual_length(), &length), *to = range(usual_length(), &wanted);
  if (pick(2))
    mremap(from, length, wanted, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  else
    drop_elsewhere(mremap(from, length, wanted, (int)pick(2)), wanted);
}

static void call_on_range(uint which) {
  static const int advice[] = { MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED, 77 };
  size_t length;
  char *p = range(which == 5 ? MOST_LOCKED : usual_length(), &length);
  switch (which) {
  case 0: munmap(p, length); break;
  case 1: mprotect(p, length, random_rights()); break;
  case 2: madvise(p, length, advice[pick(4)]); break;
  case 3: msync(p, length, pick(2) ? MS_SYNC : MS_ASYNC); break;
  case 4: mincore(p, length, address()); break;
  case 5:
    mlock(p, length);
    munlock(p, length);
    break;
  }
}

/** Loads and stores in part of the arena, one a page. */
static void use_memory(void) {
  size_t length;
  char *p = range(usual_length(), &length);
  int writes = pick(3);
  for (size_t i = 0; i < length; i += PAGE)
    if (writes)
      grind_store(p + i + pick((uint)PAGE), (char)i);
    else
      grind_load(p + i);
}

/** The other one of two that share an address space: it works on the same maps. */
static int clone_work(void *seed) {
  ulong own = (ulong)seed; /* random_state belongs to the other */
  for (int i = 0; i < 8; i++) {
    char *p = arena + rand_next(&own) % (ulong)arena_pages * PAGE;
    if (rand_next(&own) % 4 == 0)
      mprotect(p, PAGE, rand_next(&own) % 4 ? COMMON_RIGHTS : PROT_READ);
    for (long k = 0; k < 8 && p + k * PAGE < arena + arena_pages * PAGE; k++)
      grind_store(p + k * PAGE, (char)i);
  }
  return 0;
}

static void call_clone(void) {
  static char stack[4 * 4096] __attribute__((aligned(16)));
  int pid = clone(clone_work, stack + sizeof stack, CLONE_VM, (void *)(random_state | 1));
  if (pid < 0)
    return;
  use_memory();
  if (pick(4) == 0)
    kill(pid, SIGKILL);
  for (int ended = 0; ended >= 0 && ended != pid;) /* it has left the stack when it is waited for */
    ended = wait(NULL);
}

static void call_shm(void) {
  static const char *const names[] = { "/grind.a", "/grind.b", "grind.c", "/" };
  const char *name = names[pick(4)];
  if (pick(3) == 0) {
    shm_unlink(pick(10) ? name : address());
    return;
  }
  if (pick(10) == 0)
    close(shm_open(address(), O_RDWR, 0600)); /* nothing is made under names that clean_up does not know */
  int fd = shm_open(name, O_RDWR | (pick(2) ? O_CREATE : 0), 0600);
  if (fd < 0)
    return;
  ftruncate(fd, pick(8) * PAGE + pick(2) * pick((uint)PAGE));
  size_t length;
  char *p = range(8, &length);
  mmap(p, length, COMMON_RIGHTS, MAP_SHARED | MAP_FIXED, fd, 0);
  grind_store(p, 1);
  close(fd);
}

/** A child that is sent some signal at some time. */
static void call_signal(void) {
  int pid = fork();
  if (pid == 0) {
    sigset_t set = (sigset_t)rand_next(&random_state) & ~(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS));
    expendable = 1;
    sigprocmask(SIG_BLOCK, &set, NULL);
    some_child();
  }
  if (pid > 0) {
    for (uint i = pick(3); i > 0; i--)
      kill(pid, (int)pick(NSIG + 2));
    kill(pid, SIGKILL); /* it may have been stopped */
    wait(NULL);
  }
}

/** Calls that only tell something, or wait for next to nothing, into addresses of all kinds. */
static void call_other(void) {
  char value[16];
  struct timespec moment = { 0, 1000 };
  switch (pick(9)) {
  case 0: vmstat(address()); break;
  case 1: vmpolicy(pick(2) ? "vm.fork" : address(), pick(2) ? value : address(), (int)pick(20)); break;
  case 2: syscall(SYS_clock_gettime, pick(4), address()); break; /* the library's own needs no call */
  case 3: futex(address(), (int)pick(4), pick(3), &moment); break;
  case 4: sched_yield(); break;
  case 5: sigpending(address()); break;
  case 6: sigaction((int)pick(NSIG + 2), NULL, address()); break;
  case 7: ftruncate(own_descriptor(), pick(20000)); break;
  default: lseek(own_descriptor(), (off_t)pick(30000) - 100, (int)pick(4)); break;
  }
}

void memory_call(void) {
  uint which = pick(32);
  if (which < 6)
    call_mmap();
  else if (which < 9)
    call_mremap();
  else if (which < 18)
    call_on_range((which - 9) * 2 / 3);
  else if (which < 24)
    use_memory();
  else if (which < 26)
    call_shm();
  else if (which == 26)
    call_clone();
  else if (which == 27 && pick(2))
    call_signal();
  else
    call_other();
}
