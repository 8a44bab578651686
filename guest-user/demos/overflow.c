/* overflow: a recursion without end, and a way out of it. The stack grows page by page until its limit; the touch beyond
 * is SIGSEGV. The handler cannot run on a stack that is full: it has one of its own (sigaltstack). */
#include "demo.h"
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;
static volatile int depth;
static char *fault_address;
static volatile int endless = 1;

static void handler(int number, siginfo_t *info, void *context) {
  char here;
  const ucontext_t *u = context;
  (void)number;
  fault_address = info->si_addr;
  printf("  SIGSEGV at %p with the stack pointer at %p; this handler runs at %p\n", info->si_addr,
         (void *)u->uc_mcontext.gregs[REG_SP], &here);
  siglongjmp(back, 1);
}

static int recurse(int n) {
  volatile char ballast[1000];
  ballast[0] = (char)n;
  depth = n;
  return endless ? recurse(n + 1) + ballast[0] : 0;
}

int main(void) {
  static char stack[SIGSTKSZ];
  stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  char *top = (char *)__builtin_frame_address(0);
  must(sigaltstack(&other, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0, "signals");
  printf("the stack begins at about %p\n", (void *)top);
  for (int round = 1; round <= 2; round++) {
    struct count before = count_now();
    if (sigsetjmp(back, 1) == 0)
      recurse(1);
    tell(&before, round == 1 ? "down to the limit" : "and again: the pages are there already");
    printf("  round %d: %d calls deep, %lu KiB of stack, and still alive\n", round, depth, (uint64)(top - fault_address) / 1024);
  }
  return 0;
}
