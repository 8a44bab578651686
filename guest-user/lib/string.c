/* Strings that end with 0. strdup is in malloc's company (strdup.c). */
#include <ctype.h>
#include <string.h>
#include <sys/types.h>

size_t strlen(const char *s) {
  const char *p = s;
  while (*p) {
    __asm__ volatile(""); /* or the compiler would make this loop a call of strlen */
    p++;
  }
  return p - s;
}

size_t strnlen(const char *s, size_t max) {
  size_t n = 0;
  while (n < max && s[n])
    n++;
  return n;
}

char *strcpy(char *restrict dst, const char *restrict src) {
  memcpy(dst, src, strlen(src) + 1);
  return dst;
}

char *strncpy(char *restrict dst, const char *restrict src, size_t n) {
  size_t length = strnlen(src, n);
  memcpy(dst, src, length);
  memset(dst + length, 0, n - length);
  return dst;
}

char *strcat(char *restrict dst, const char *restrict src) {
  strcpy(dst + strlen(dst), src);
  return dst;
}

int strcmp(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return (uchar)*a - (uchar)*b;
}

int strncmp(const char *a, const char *b, size_t n) {
  while (n > 0 && *a && *a == *b)
    a++, b++, n--;
  return n == 0 ? 0 : (uchar)*a - (uchar)*b;
}

int strcasecmp(const char *a, const char *b) {
  while (*a && tolower((uchar)*a) == tolower((uchar)*b))
    a++, b++;
  return tolower((uchar)*a) - tolower((uchar)*b);
}

char *strchr(const char *s, int c) {
  for (;; s++) {
    if (*s == (char)c)
      return (char *)s;
    if (*s == 0)
      return NULL;
  }
}

char *strrchr(const char *s, int c) {
  const char *found = NULL;
  for (;; s++) {
    if (*s == (char)c)
      found = s;
    if (*s == 0)
      return (char *)found;
  }
}

char *strstr(const char *haystack, const char *needle) {
  size_t n = strlen(needle);
  for (;; haystack++) {
    if (strncmp(haystack, needle, n) == 0)
      return (char *)haystack;
    if (*haystack == 0)
      return NULL;
  }
}

size_t strspn(const char *s, const char *accept) {
  size_t n = 0;
  while (s[n] && strchr(accept, s[n]))
    n++;
  return n;
}

size_t strcspn(const char *s, const char *reject) {
  size_t n = 0;
  while (s[n] && !strchr(reject, s[n]))
    n++;
  return n;
}

char *strtok_r(char *s, const char *separators, char **save) {
  if (s == NULL)
    s = *save;
  s += strspn(s, separators);
  if (*s == 0) {
    *save = s;
    return NULL;
  }
  char *token = s;
  s += strcspn(s, separators);
  if (*s)
    *s++ = 0;
  *save = s;
  return token;
}

size_t strlcpy(char *dst, const char *src, size_t size) {
  size_t length = strlen(src);
  size_t n = length < size - 1 ? length : size - 1;
  memcpy(dst, src, n);
  dst[n] = 0;
  return length;
}

size_t strlcat(char *dst, const char *src, size_t size) {
  size_t used = strnlen(dst, size);
  if (used == size)
    return size + strlen(src);
  return used + strlcpy(dst + used, src, size - used);
}
