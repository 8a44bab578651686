/* Memory, numbers and sorting. */
#ifndef PW_STDLIB_H
#define PW_STDLIB_H

#include <stddef.h>

/* 16-byte aligned blocks from the heap; NULL (errno ENOMEM) when it cannot grow. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

/** The value of a name in the environment, or NULL. */
char *getenv(const char *name);
/** 0, or -1 with errno EINVAL for an empty name or one with '=', or ENOMEM. An existing value stays unless overwrite. */
int setenv(const char *name, const char *value, int overwrite);
int unsetenv(const char *name);

int exit(int status) __attribute__((noreturn));
void abort(void) __attribute__((noreturn));

int atoi(const char *s);
/** Base 0 (by prefix), or 2..36. On overflow LONG_MAX or LONG_MIN with errno ERANGE. */
long strtol(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base);
int abs(int value);

/** Sorts in place by heapsort: never worse than n log n; equal elements may change order. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));

/** A small pseudo-random generator (xorshift64*), 31 bits a call; the same seed gives the same row. */
int rand(void);
void srand(unsigned seed);
/** The same with the caller's state, which must not be 0. 64 bits a call. */
unsigned long rand_next(unsigned long *state);

#endif
