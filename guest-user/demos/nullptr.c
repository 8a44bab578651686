/* nullptr: what a null pointer does. Page 0 is never mapped, so each use of one is a fault; here a handler for SIGSEGV
 * says where and why, and jumps back. At the end a child does it without a handler. */
#include "demo.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static sigjmp_buf back;

static void handler(int number, siginfo_t *info, void *context) {
  const ucontext_t *u = context;
  printf("  %s: address %p, %s, at instruction %p\n", strsignal(number), info->si_addr,
         info->si_code == SEGV_MAPERR ? "nothing is mapped there" : "mapped, but not for this use", (void *)u->uc_mcontext.gregs[REG_PC]);
  siglongjmp(back, 1);
}

/* Volatile, so that the compiler does not see what will happen. */
static int *volatile nothing;
static void (*volatile no_function)(void);
struct large { char first[20000]; int later; };
static struct large *volatile no_struct;

int main(void) {
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO };
  must(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
  printf("read through a null pointer:\n");
  if (sigsetjmp(back, 1) == 0)
    printf("%d\n", *nothing);
  printf("write through it:\n");
  if (sigsetjmp(back, 1) == 0)
    *nothing = 1;
  printf("a member 20,000 bytes into a structure at it:\n");
  if (sigsetjmp(back, 1) == 0)
    no_struct->later = 1;
  printf("a call of a function that is not there:\n");
  if (sigsetjmp(back, 1) == 0)
    no_function();

  void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("mapping page 0 on purpose: %s\n", page == MAP_FAILED ? strerror(errno) : "it worked, which must not be");
  int status, pid = fork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_DFL);
    *nothing = 1;
  }
  wait(&status);
  printf("the same in a child without a handler: the kernel ended it, status %d\n", status);
  return page != MAP_FAILED;
}
