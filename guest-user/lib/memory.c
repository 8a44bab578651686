/* Memory blocks: memset, memcpy, memmove, memcmp, memchr.
 * An empty asm in each loop keeps the compiler from turning the loop into a call of itself. */
#include <sys/types.h>
#include <string.h>

#define KEEP_LOOP() __asm__ volatile("")

typedef uint64 __attribute__((may_alias)) word;

static inline int aligned(const void *p) { return ((uint64)p & 7) == 0; }

void *memset(void *dst, int c, size_t n) {
  uchar *d = dst;
  word pattern = (uchar)c * 0x0101010101010101UL;
  for (; n > 0 && !aligned(d); n--) {
    KEEP_LOOP();
    *d++ = (uchar)c;
  }
  for (; n >= 32; n -= 32, d += 32) {
    KEEP_LOOP();
    word *w = (word *)d;
    w[0] = w[1] = w[2] = w[3] = pattern;
  }
  for (; n > 0; n--) {
    KEEP_LOOP();
    *d++ = (uchar)c;
  }
  return dst;
}

/** Copies upwards: right when dst is below src or they do not overlap. */
static void copy_up(uchar *d, const uchar *s, size_t n) {
  if ((((uint64)d ^ (uint64)s) & 7) == 0) {
    for (; n > 0 && !aligned(d); n--) {
      KEEP_LOOP();
      *d++ = *s++;
    }
    for (; n >= 32; n -= 32, d += 32, s += 32) {
      KEEP_LOOP();
      const word *from = (const word *)s;
      word *to = (word *)d;
      word a = from[0], b = from[1], c = from[2], e = from[3];
      to[0] = a;
      to[1] = b;
      to[2] = c;
      to[3] = e;
    }
    for (; n >= 8; n -= 8, d += 8, s += 8) {
      KEEP_LOOP();
      *(word *)d = *(const word *)s;
    }
  }
  for (; n > 0; n--) {
    KEEP_LOOP();
    *d++ = *s++;
  }
}

/** Copies downwards: right when dst is above src. */
static void copy_down(uchar *d, const uchar *s, size_t n) {
  d += n;
  s += n;
  if ((((uint64)d ^ (uint64)s) & 7) == 0) {
    for (; n > 0 && !aligned(d); n--) {
      KEEP_LOOP();
      *--d = *--s;
    }
    for (; n >= 8; n -= 8) {
      KEEP_LOOP();
      d -= 8;
      s -= 8;
      *(word *)d = *(const word *)s;
    }
  }
  for (; n > 0; n--) {
    KEEP_LOOP();
    *--d = *--s;
  }
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
  copy_up(dst, src, n);
  return dst;
}

void *memmove(void *dst, const void *src, size_t n) {
  if ((uint64)dst - (uint64)src >= n)
    copy_up(dst, src, n);
  else
    copy_down(dst, src, n);
  return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uchar *x = a, *y = b;
  for (; n > 0; n--, x++, y++)
    if (*x != *y)
      return *x - *y;
  return 0;
}

void *memchr(const void *s, int c, size_t n) {
  const uchar *p = s;
  for (; n > 0; n--, p++)
    if (*p == (uchar)c)
      return (void *)p;
  return NULL;
}
