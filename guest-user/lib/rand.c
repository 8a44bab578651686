/* Pseudo-random numbers: xorshift64*. */
#include <stdlib.h>
#include <sys/types.h>

static unsigned long state = 0x9e3779b97f4a7c15UL;

unsigned long rand_next(unsigned long *s) {
  unsigned long x = *s;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *s = x;
  return x * 0x2545f4914f6cdd1dUL;
}

int rand(void) { return (int)(rand_next(&state) >> 33); }

void srand(unsigned seed) { state = seed * 0x9e3779b97f4a7c15UL | 1; }
