/* Strings and memory, with the meanings of ISO C and POSIX. */
#ifndef PW_STRING_H
#define PW_STRING_H

#include <stddef.h>

void *memset(void *dst, int c, size_t n);
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
char *strcpy(char *restrict dst, const char *restrict src);
char *strncpy(char *restrict dst, const char *restrict src, size_t n);
char *strcat(char *restrict dst, const char *restrict src);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strtok_r(char *s, const char *separators, char **save);
char *strdup(const char *s);
char *strndup(const char *s, size_t max);   /* of at most max characters */

/** Copies at most size-1 bytes and always ends dst with 0 (size > 0). Returns strlen(src). */
size_t strlcpy(char *dst, const char *src, size_t size);
/** Appends within a buffer of `size` bytes in all. Returns the length it wanted to make. */
size_t strlcat(char *dst, const char *src, size_t size);

/** The sentence for an errno value; never NULL. */
const char *strerror(int error);

#endif
