/* CPU-bound workloads. */
#include <stdlib.h>
#include <unistd.h>
#include "bench.h"

/** Marsaglia's xorshift: the next number after *state, which must not be 0. */
static u64 next_random(u64 *state) {
  u64 x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

u64 work_integer(u64 n) {
  u64 crc = ~0UL;
  for (u64 i = 0; i < n; i++) {
    crc ^= i & 255;
    for (int bit = 0; bit < 8; bit++)
      crc = crc & 1 ? (crc >> 1) ^ 0xC96C5795D7870F42UL : crc >> 1;
  }
  return ~crc;
}

#define CELLS (1 << 22)

u64 work_chase(u64 n) {
  unsigned *next = malloc(CELLS * sizeof(unsigned));
  if (next == 0)
    return 0;
  for (unsigned i = 0; i < CELLS; i++)
    next[i] = i;
  /* Sattolo's shuffle: one cycle through all cells. */
  u64 seed = 88172645463325252UL;
  for (unsigned i = CELLS - 1; i > 0; i--) {
    unsigned j = next_random(&seed) % i, t = next[i];
    next[i] = next[j];
    next[j] = t;
  }
  unsigned at = 0;
  for (u64 i = 0; i < n; i++)
    at = next[at];
  free(next);
  return at;
}

#define WORDS (1 << 17)

u64 work_copy(u64 n) {
  u64 *from = malloc(WORDS * 8), *to = malloc(WORDS * 8);
  if (from == 0 || to == 0)
    return 0;
  for (u64 i = 0; i < WORDS; i++)
    from[i] = i;
  for (u64 round = 0; round < n; round++) {
    for (u64 i = 0; i < WORDS; i++)
      to[i] = from[i];
    __asm__ volatile("" : : "r"(to) : "memory");
    u64 *t = from;
    from = to;
    to = t;
  }
  u64 sum = from[WORDS - 1];
  free(from);
  free(to);
  return sum;
}

static u64 __attribute__((noinline)) fibonacci(u64 n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

u64 work_calls(u64 n) {
  return fibonacci(n);
}

/** Let v[at] sink to its place in the heap v[0..n). */
static void sift(u64 *v, u64 at, u64 n) {
  for (;;) {
    u64 child = 2 * at + 1;
    if (child >= n)
      return;
    if (child + 1 < n && v[child + 1] > v[child])
      child++;
    if (v[at] >= v[child])
      return;
    u64 t = v[at];
    v[at] = v[child];
    v[child] = t;
    at = child;
  }
}

u64 work_sort(u64 n) {
  u64 *v = malloc(n * 8), seed = 2463534242UL;
  if (v == 0)
    return 0;
  for (u64 i = 0; i < n; i++)
    v[i] = next_random(&seed);
  for (u64 i = n / 2; i-- > 0;)
    sift(v, i, n);
  for (u64 end = n - 1; end > 0; end--) {
    u64 t = v[0];
    v[0] = v[end];
    v[end] = t;
    sift(v, 0, end);
  }
  u64 middle = v[n / 2];
  free(v);
  return middle;
}
