/* Sets of harts and the like, as bits of a word (the compiler's builtins would call libgcc, which is not linked). */
#include "types.h"
#include "defs.h"

/* How many bits are set. */
uint
count_bits(uint set)
{
  uint n = 0;

  for (; set; set &= set - 1)
    n++;
  return n;
}

/* Number of the lowest bit that is set; the set must not be empty. */
uint
lowest_bit(uint set)
{
  uint n = 0;

  while (!(set & 1)) {
    set >>= 1;
    n++;
  }
  return n;
}
