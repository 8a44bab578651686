/* watchvar: stops when a variable is modified, as a debugger does that has no hardware for it. The variable's page is
 * read-only; a store to it is SIGSEGV. The handler looks at the instruction, carries the store out itself, tells of it if it
 * met the variable (and not merely its page), and goes on behind the instruction. */
#include "demo.h"
#include <signal.h>
#include <sys/mman.h>

static struct {
  uint64 other[10];                 /* neighbours in the page */
  int watched;
  char text[32];
} page __attribute__((aligned(4096)));
static char rest[4096] __attribute__((used)); /* nothing else lies in the page */

static int stops, elsewhere;

/** A RISC-V store: which register goes where. `length` is the instruction's own. */
struct store { int size, source, length; };

/** Takes the store at pc apart; size 0 when it is none. The address is known from the fault. */
static struct store decode(const ushort *pc) {
  uint low = pc[0], op = low & 3, f3 = low >> 13;
  if (op == 3) {
    uint word = low | (uint)pc[1] << 16;
    if ((word & 0x7f) == 0x23)
      return (struct store){ 1 << (word >> 12 & 3), (int)(word >> 20 & 31), 4 };
  } else if (op == 0 && (f3 == 6 || f3 == 7)) {
    return (struct store){ f3 == 6 ? 4 : 8, (int)(low >> 2 & 7) + 8, 2 }; /* c.sw, c.sd */
  } else if (op == 2 && (f3 == 6 || f3 == 7)) {
    return (struct store){ f3 == 6 ? 4 : 8, (int)(low >> 2 & 31), 2 };    /* c.swsp, c.sdsp */
  }
  return (struct store){ 0, 0, 0 };
}

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  unsigned long *x = u->uc_mcontext.gregs, value;
  char *at = info->si_addr;
  struct store s = decode((const ushort *)x[REG_PC]);
  if (at < (char *)&page || at >= (char *)(&page + 1) || s.size == 0) {
    signal(number, SIG_DFL); /* not ours: let it happen again */
    return;
  }
  int before = page.watched;
  value = s.source == 0 ? 0 : x[s.source];
  mprotect(&page, PAGE, PROT_READ | PROT_WRITE);
  memcpy(at, &value, (size_t)s.size);
  mprotect(&page, PAGE, PROT_READ);
  if (at < (char *)(&page.watched + 1) && at + s.size > (char *)&page.watched) {
    stops++;
    printf("  stop: instruction %p stores %d bytes from x%d: watched was %d, is %d\n", (void *)x[REG_PC], s.size, s.source, before,
           page.watched);
  } else {
    elsewhere++;
  }
  x[REG_PC] += (unsigned long)s.length;
}

/* Pointers, so that the compiler does not know what is stored to. */
static void work(int *volatile p, uint64 *volatile others, char *volatile text) {
  *p = 1;
  for (int i = 0; i < 10; i++)
    others[i] = (uint64)i;
  *p += 41;
  strcpy(text, "the same page");
  ((volatile char *)p)[1] = 1;      /* one byte of it */
}

int main(void) {
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO };
  must(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
  must(mprotect(&page, PAGE, PROT_READ) == 0, "mprotect");
  printf("watching 4 bytes at %p\n", (void *)&page.watched);
  struct count before = count_now();
  work(&page.watched, page.other, page.text);
  tell(&before, "work done under watch");
  printf("%d stores to the variable, %d to other places in its page; watched = %d, \"%s\"\n", stops, elsewhere, page.watched, page.text);
  return !(stops == 3 && page.watched == 298 && page.other[9] == 9 && strcmp(page.text, "the same page") == 0);
}
