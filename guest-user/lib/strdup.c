/* Copies of a string in memory of their own. */
#include <stdlib.h>
#include <string.h>

char *strdup(const char *s) {
  size_t size = strlen(s) + 1;
  char *copy = malloc(size);
  return copy ? memcpy(copy, s, size) : NULL;
}

char *strndup(const char *s, size_t max) {
  size_t n = 0;
  while (n < max && s[n])
    n++;
  char *copy = malloc(n + 1);
  if (copy == NULL)
    return NULL;
  copy[n] = 0;
  return memcpy(copy, s, n);
}
