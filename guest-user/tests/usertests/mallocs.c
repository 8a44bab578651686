/* The C library's malloc. */
#include "ut.h"

static void malloc_basic(void) {
  char *a = malloc(0), *b = malloc(1), *c = malloc(100000);
  CHECK(a && b && c && a != b);
  CHECK(((uint64)a & 15) == 0 && ((uint64)b & 15) == 0 && ((uint64)c & 15) == 0);
  memset(c, 1, 100000);
  c = realloc(c, 200000);
  CHECK(c && c[99999] == 1);
  c = realloc(c, 10);
  CHECK(c && c[9] == 1);
  free(a);
  free(b);
  free(c);
  free(NULL);
  CHECK(malloc(1UL << 50) == NULL && errno == ENOMEM);
  CHECK(calloc(1UL << 33, 1UL << 33) == NULL);
  char *z = calloc(100, 100);
  CHECK(z && all_zero(z, 10000));
  free(z);
}

#define BLOCKS 300

static void malloc_stress(void) {
  static char *blocks[BLOCKS];
  static uint sizes[BLOCKS];
  ulong seed = 4711;
  for (int round = 0; round < 30000; round++) {
    int i = rand_next(&seed) % BLOCKS;
    uint size = rand_next(&seed) % (rand_next(&seed) % 16 ? 600 : 40000);
    if (blocks[i] && !check_pattern(blocks[i], sizes[i], 0, i))
      fail("a malloc block lost its content in round %d", round);
    if (blocks[i] && rand_next(&seed) % 3 == 0) {
      char *p = realloc(blocks[i], size);
      CHECK(p);
      if (!check_pattern(p, size < sizes[i] ? size : sizes[i], 0, i))
        fail("realloc lost content in round %d", round);
      blocks[i] = p;
    } else {
      free(blocks[i]);
      blocks[i] = malloc(size);
      CHECK(blocks[i] && ((uint64)blocks[i] & 15) == 0);
    }
    sizes[i] = size;
    fill_pattern(blocks[i], size, 0, i);
  }
  char *high = sbrk(0);
  for (int i = 0; i < BLOCKS; i++)
    free(blocks[i]);
  char *whole = malloc(1 << 20); /* all free blocks have joined: this needs little new memory */
  CHECK(whole);
  CHECK((char *)sbrk(0) <= high + (1 << 20) + (128 << 10));
  free(whole);
}

static void malloc_with_sbrk(void) {
  char *a = malloc(1000);
  memset(a, 1, 1000);
  char *mine = must_sbrk(5000);
  memset(mine, 2, 5000);
  char *b = malloc(300000);
  memset(b, 3, 300000);
  free(a);
  char *c = malloc(500);
  memset(c, 4, 500);
  free(b);
  for (int i = 0; i < 5000; i++)
    CHECK(mine[i] == 2);
}

/** Overcommitted, malloc gives far more than there is, as long as hardly any of it is used. */
static void malloc_overcommitted(void) {
  static char *blocks[4096];
  long size = 1 << 22, total = memory_and_swap() * 4096L;
  int n = 0;
  for (; (n - 4) * size < total && n < 4096; n++) {
    CHECK((blocks[n] = malloc(size)) != NULL);
    blocks[n][size / 2] = (char)n;
  }
  for (int i = 0; i < n; i++) {
    CHECK(blocks[i][size / 2] == (char)i);
    free(blocks[i]);
  }
}

static void malloc_exhausted(void) {
  void *first = malloc(1 << 20), *p;
  int n = 0;
  while ((p = malloc(1 << 20)) != NULL && n < 100000)
    n++;
  CHECK(first && p == NULL && errno == ENOMEM && n > 0);
  free(first);
  CHECK(malloc(1 << 19) != NULL);
}

static void policy_malloc(void) {
  if (policy_is("vm.commit", "strict"))
    malloc_exhausted();
  else
    malloc_overcommitted();
}

const struct test malloc_tests[] = {
  { "malloc_basic", malloc_basic, 0 },
  { "malloc_stress", malloc_stress, 0 },
  { "malloc_with_sbrk", malloc_with_sbrk, 0 },
  { "policy_malloc", policy_malloc, 1 },
  { NULL, NULL, 0 },
};
