/* Memory and strings. */
#include "types.h"
#include "defs.h"

typedef uint64 __attribute__((may_alias)) word;

/* Set n bytes at dst to c. */
void *
memset(void *dst, int c, size_t n)
{
  uchar *d = dst;

  while (n > 0 && ((uint64)d & 7)) {
    *d++ = c;
    n--;
  }
  word pattern = (uchar)c * 0x0101010101010101UL;
  for (; n >= 8; n -= 8, d += 8)
    *(word *)d = pattern;
  while (n-- > 0)
    *d++ = c;
  return dst;
}

/* Copy n bytes, lowest address first; whole words when both sides are aligned alike. */
static void
copy_up(uchar *d, const uchar *s, size_t n)
{
  if ((((uint64)d ^ (uint64)s) & 7) == 0) {
    while (n > 0 && ((uint64)d & 7)) {
      *d++ = *s++;
      n--;
    }
    for (; n >= 32; n -= 32, d += 32, s += 32) {
      word a = ((word *)s)[0], b = ((word *)s)[1], c = ((word *)s)[2], e = ((word *)s)[3];
      ((word *)d)[0] = a;
      ((word *)d)[1] = b;
      ((word *)d)[2] = c;
      ((word *)d)[3] = e;
    }
    for (; n >= 8; n -= 8, d += 8, s += 8)
      *(word *)d = *(word *)s;
  }
  while (n-- > 0)
    *d++ = *s++;
}

/* Copy n bytes; the areas may overlap. */
void *
memmove(void *dst, const void *src, size_t n)
{
  uchar *d = dst;
  const uchar *s = src;

  if (d <= s || d >= s + n) {
    copy_up(d, s, n);
  } else {
    while (n-- > 0)
      d[n] = s[n];
  }
  return dst;
}

/* Copy n bytes between areas that do not overlap (the compiler calls this). */
void *
memcpy(void *dst, const void *src, size_t n)
{
  copy_up(dst, src, n);
  return dst;
}

/* Compare n bytes as unsigned numbers: negative, zero or positive. */
int
memcmp(const void *a, const void *b, size_t n)
{
  const uchar *p = a, *q = b;

  for (; n > 0; n--, p++, q++)
    if (*p != *q)
      return *p - *q;
  return 0;
}

/* Bytes before the NUL. */
size_t
strlen(const char *s)
{
  size_t n = 0;

  while (s[n])
    n++;
  return n;
}

/* Compare two strings: negative, zero or positive. */
int
strcmp(const char *a, const char *b)
{
  while (*a && *a == *b)
    a++, b++;
  return (uchar)*a - (uchar)*b;
}

/* Compare at most n bytes of two strings. */
int
strncmp(const char *a, const char *b, size_t n)
{
  while (n > 0 && *a && *a == *b)
    n--, a++, b++;
  return n == 0 ? 0 : (uchar)*a - (uchar)*b;
}

/* Copy a string into n bytes and fill the rest with NULs; there may be no NUL at the end (directory names). */
char *
strncpy(char *dst, const char *src, size_t n)
{
  size_t i;

  for (i = 0; i < n && src[i]; i++)
    dst[i] = src[i];
  for (; i < n; i++)
    dst[i] = 0;
  return dst;
}

/* Copy as much of a string as fits into n > 0 bytes, always with a NUL at the end. */
char *
safestrcpy(char *dst, const char *src, size_t n)
{
  size_t i;

  for (i = 0; i + 1 < n && src[i]; i++)
    dst[i] = src[i];
  if (n > 0)
    dst[i] = 0;
  return dst;
}
