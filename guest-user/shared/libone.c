/* libone: what the tests of the dynamic linker (tests/dyntest.c) look at: variables, functions, a constructor. */
#include <libone.h>
#include <sys/types.h>

int one_variable = 11;              /* the program has a copy of it: COPY relocation */
int one_bss[1500];                  /* more than a page of zeros */
static int constructed;
static int *const pointer = &one_variable; /* a 64-bit relocation */

__attribute__((constructor)) static void construct(void) { constructed = one_variable; }

int one_constructed(void) { return constructed; }
int one_through_pointer(void) { return *pointer; }
int one_increment(void) { return ++one_variable; }
int (*one_function(void))(void) { return one_increment; }

/* Defined by the program too: the program's is called. */
__attribute__((weak)) int one_override(void) { return 1; }
int one_calls_override(void) { return one_override(); }

/* Where its code really is: its name may mean the program's PLT entry. */
uint64 one_address(void) {
  uint64 pc;
  __asm__("auipc %0, 0" : "=r"(pc));
  return pc;
}
