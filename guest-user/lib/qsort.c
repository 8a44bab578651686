/* qsort by heapsort: in place, n log n whatever the data, no recursion. */
#include <stdlib.h>
#include <sys/types.h>

static void swap(char *a, char *b, size_t size) {
  if (a == b)
    return;
  for (; size > 0; size--, a++, b++) {
    char t = *a;
    *a = *b;
    *b = t;
  }
}

/** Lets the element at `i` sink until no child is greater; the heap has `count` elements. */
static void sink_down(char *base, size_t i, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= count)
      return;
    if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
      child++;
    if (compare(base + i * size, base + child * size) >= 0)
      return;
    swap(base + i * size, base + child * size, size);
    i = child;
  }
}

void qsort(void *array, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  char *base = array;
  for (size_t i = count / 2; i-- > 0;)
    sink_down(base, i, count, size, compare);
  for (size_t n = count; n > 1; n--) {
    swap(base, base + (n - 1) * size, size);
    sink_down(base, 0, n - 1, size, compare);
  }
}
