/* shootdown [ROUNDS]: a clone writes to a page without end while its parent takes the right to write, or the page itself,
 * away. When the call has returned, no write may reach the page any more, whichever hart the clone runs on. TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sched.h>
#include <sys/mman.h>
#include "clone.h"

#define PAGE 4096
#define STACK (4 * PAGE)

typedef unsigned long u64;

/** Starts a clone that runs f(argument) on the given stack and must not return. Its number, or -1. */
static long start_clone(char *stack, void (*f)(volatile u64 *), volatile u64 *argument) {
  u64 *top = (u64 *)(stack + STACK) - 2;
  top[0] = (u64)f;
  top[1] = (u64)argument;
  register long a0 __asm__("a0") = CLONE_VM;
  register u64 *a1 __asm__("a1") = top;
  register long a7 __asm__("a7") = 55;
  __asm__ volatile("ecall\n\tbnez a0, 1f\n\tld t0, 0(sp)\n\tld a0, 8(sp)\n\tjalr t0\n1:"
                   : "+r"(a0), "+r"(a1) : "r"(a7) : "memory", "t0", "ra");
  return a0;
}

/* The clone's life: it ends by the fault. */
static void write_for_ever(volatile u64 *word) {
  for (;;)
    ++*word;
}

/* Has *word changed between two looks, some time apart? */
static int still_moves(volatile u64 *word) {
  u64 before = *word;
  for (volatile int i = 0; i < 20000; i++)
    ;
  return *word != before;
}

/* One round; the page is protected or unmapped. Returns what went wrong, or null. */
static const char *round_of(int unmap, char *stack) {
  const char *wrong = 0;
  volatile u64 *word = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (word == MAP_FAILED)
    return "mmap failed";
  long pid = start_clone(stack, write_for_ever, word);
  if (pid < 0)
    return "clone failed";
  while (*word == 0)
    sched_yield();
  if (unmap) {
    munmap((void *)word, PAGE);
    if (mmap((void *)word, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != word)
      wrong = "the address cannot be mapped again";
    else if (*word != 0 || still_moves(word))
      wrong = "a write reached the page that came to the place of the one unmapped";
  } else if (mprotect((void *)word, PAGE, PROT_READ) < 0) {
    wrong = "mprotect failed";
  } else if (still_moves(word)) {
    wrong = "a write came after mprotect had returned";
  }
  int status, ended = wait(&status);
  if (wrong == 0 && (ended != pid || status == 0))
    wrong = "the clone did not die of its fault";
  munmap((void *)word, PAGE);
  return wrong;
}

int main(int argc, char **argv) {
  static const char *const names[] = { "protect reaches every hart", "unmap reaches every hart" };
  int rounds = argc > 1 ? atoi(argv[1]) : 50, failed = 0;
  char *stack = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("1..2\n");
  for (int unmap = 0; unmap < 2; unmap++) {
    const char *wrong = stack == MAP_FAILED ? "no memory for a stack" : 0;
    for (int i = 0; i < rounds && wrong == 0; i++)
      wrong = round_of(unmap, stack);
    failed += wrong != 0;
    printf("%s %d - %s%s%s\n", wrong ? "not ok" : "ok", unmap + 1, names[unmap], wrong ? ": " : "", wrong ? wrong : "");
  }
  return failed != 0;
}
