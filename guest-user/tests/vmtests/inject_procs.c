/* inject_signal_*, inject_futex_*, inject_clone, inject_dynamic: signals, waiting, clones and programs with libraries, with
 * each allocation on their way failing in turn. What was promised is given all the same; what was not is an error, or the end
 * of that process. */
#include "vt.h"

#include <clone.h>
#include <futex.h>
#include <sched.h>

#define STACK_ROOM (4 * PAGE)

/* ---- signals ---- */

static char *stack; /* not touched before the step */
static volatile int handled;
static volatile char *volatile null_page = (volatile char *)8; /* so that the compiler does not know better */

static void handler(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  (void)info;
  handled++;
  if (signal == SIGSEGV) {
    uint16 *pc = (uint16 *)c->uc_mcontext.gregs[REG_PC];
    c->uc_mcontext.gregs[REG_PC] += (*pc & 3) == 3 ? 4 : 2;
  }
}

static void use_alternate_stack(void) {
  stack_t alternate = { .ss_sp = stack, .ss_size = STACK_ROOM };
  CHECK(sigaltstack(&alternate, NULL) == 0);
}

static int raise_on_new_stack(void) {
  CHECK(raise(SIGUSR1) == 0 && handled == 1);
  return 1;
}

/** The handler's frame goes to pages that nobody has touched. They are promised: the signal comes. */
static void at_delivery(void) {
  stack = map_anon(STACK_ROOM, RW, MAP_PRIVATE);
  use_alternate_stack();
  catch_signal(SIGUSR1, handler, SA_ONSTACK);
  each_allocation(raise_on_new_stack, 0);
}

static int fault_on_new_stack(void) {
  *null_page = 1;
  CHECK(handled == 1);
  return 1;
}

static void at_fault(void) {
  stack = map_anon(STACK_ROOM, RW, MAP_PRIVATE);
  use_alternate_stack();
  catch_signal(SIGSEGV, handler, SA_ONSTACK);
  each_allocation(fault_on_new_stack, 0);
}

/** The same on pages that the parent has, too: the frame is written into copies. */
static void at_delivery_on_copies(void) {
  stack = map_anon(STACK_ROOM, RW, MAP_PRIVATE);
  memset(stack, 's', STACK_ROOM);
  use_alternate_stack();
  catch_signal(SIGUSR1, handler, SA_ONSTACK);
  each_allocation(raise_on_new_stack, 0);
  for (long i = 0; i < STACK_ROOM; i++)
    CHECK(stack[i] == 's');
}

/** On the usual stack, which must grow for the frame and is not promised further than it is: the handler runs or the process ends. */
static int raise_far_down(void) {
  int pid = getpid();
  __asm__ volatile(
      "mv s1, sp\n"
      "li t0, 128*1024\n"
      "sub sp, sp, t0\n"
      "mv a0, %0\nli a1, %1\ncall kill\n"
      "mv sp, s1\n"
      : : "r"(pid), "i"(SIGUSR1)
      : "ra", "s1", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
  CHECK(handled == 1);
  return 1;
}

static void at_growing_stack(void) {
  catch_signal(SIGUSR1, handler, 0);
  each_allocation(raise_far_down, 1);
}

/* ---- waiting ---- */

static uint *word;

static int wait_for_word(void) {
  struct timespec moment = { 0, 1000000 };
  if (futex(word, FUTEX_WAIT, 0, &moment) == 0 || errno != ETIMEDOUT)
    fail("futex without memory: %s", strerror(errno));
  CHECK(futex(word, FUTEX_WAKE, 1, NULL) == 0);
  return 1;
}

static int wait_for_copied_word(void) {
  *word = 5;
  *word = 0;
  return wait_for_word();
}

/** Words on pages that come into being when the kernel looks at them, and words on copies. */
static void at_futex(void) {
  word = (uint *)map_anon(PAGE, RW, MAP_PRIVATE);
  each_allocation(wait_for_word, 0);
}

static void at_shared_futex(void) {
  word = (uint *)map_anon(PAGE, RW, MAP_SHARED);
  each_allocation(wait_for_word, 0);
}

static void at_copied_futex(void) {
  word = (uint *)map_anon(PAGE, RW, MAP_PRIVATE);
  *word = 0;
  word[1] = 1;
  each_allocation(wait_for_copied_word, 0);
}

/* ---- clones ---- */

static volatile int cloned;

static int clone_work(void *argument) {
  cloned = *(int *)argument;
  return 0;
}

static int do_clone(void) {
  int number = 7, pid = clone(clone_work, stack + STACK_ROOM, CLONE_VM, &number);
  if (pid < 0) {
    if (errno != ENOMEM && errno != EAGAIN)
      fail("clone without memory: %s", strerror(errno));
    CHECK(cloned == 0);
    return 0;
  }
  CHECK(expect_status(0) == pid && cloned == 7);
  return 1;
}

static void at_clone(void) {
  stack = map_anon(STACK_ROOM, RW, MAP_PRIVATE);
  each_allocation(do_clone, 0);
}

/* ---- programs with libraries ---- */

/** Runs sumheap.dyn with its n-th allocation failing, its output in the file out. 0 when it worked; 1 or 127 when it, or ld.so, has said
 *  that it lacks memory, 10 when exec has; -1 when it was ended for lack of a page. */
static int run_dynamic(int n) {
  char *argv[] = { "sumheap.dyn", "/numbers", NULL };
  int status, pid = must_fork();
  if (pid == 0) {
    int out = must_open("out", O_CREATE | O_TRUNC | O_RDWR);
    dup2(out, 1);
    dup2(out, 2);
    if (faultinject(n) == 0)
      exec("/sumheap.dyn", argv);
    exit(errno == ENOMEM ? 10 : 11);
  }
  CHECK(wait(&status) == pid);
  return status;
}

/** Here nobody can say how many allocations were left: the number at which the program works and keeps working. */
static void at_dynamic_program(void) {
  static char text[600];
  for (int n = 1, worked = 0; n <= MOST_ALLOCATIONS; n++) {
    int status = run_dynamic(n), fd = must_open("out", O_RDONLY), length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length < 0 ? 0 : length] = 0;
    if (status != 0 && status != 1 && status != 10 && status != 127 && status != -1)
      fail("a dynamic program with allocation %d failing ended with %d", n, status);
    if (status == 0 && strstr(text, "2147516416") == NULL)
      fail("with allocation %d failing the program says: %s", n, text);
    worked = status == 0 ? worked + 1 : 0;
    if (worked == 60)
      return;
  }
  fail("there were failures up to allocation %d", MOST_ALLOCATIONS);
}

/** dlopen in a program that has it, which tries each allocation itself. */
static void at_dlopen(void) {
  static char text[1000];
  int status = output_of("/dyntest", "inject", text, sizeof text);
  char *save, *bad = strncmp(text, "not ok", 6) == 0 ? text : strstr(text, "\nnot ok");
  if (bad)
    fail("dyntest: %s", strtok_r(bad, "\n", &save));
  if (status != 0)
    fail("dyntest inject ended with %d", status);
}

const struct test inject_proc_tests[] = {
  { "inject_signal_frame", at_delivery, 0 },
  { "inject_signal_frame_of_a_fault", at_fault, 0 },
  { "inject_signal_frame_on_copies", at_delivery_on_copies, 0 },
  { "inject_signal_on_growing_stack", at_growing_stack, 0 },
  { "inject_futex", at_futex, 0 },
  { "inject_futex_shared", at_shared_futex, 0 },
  { "inject_futex_on_copies", at_copied_futex, 0 },
  { "inject_clone", at_clone, 0 },
  { "inject_dynamic_program", at_dynamic_program, 0 },
  { "inject_dlopen", at_dlopen, 0 },
  { NULL, NULL, 0 },
};
