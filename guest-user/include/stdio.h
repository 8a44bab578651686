/* Formatted output straight to file descriptors: a "stream" is a descriptor number.
 * Conversions: %d %i %u %x %X %o %p %s %c %% with l, ll, z, h, a width or *, a precision
 * for %s, and the flags - (left-justify) 0 (zero pad) + and space. No floating point.
 * One call makes one write() unless its text exceeds PRINTF_BUFFER bytes. */
#ifndef PW_STDIO_H
#define PW_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define PRINTF_BUFFER 1024
#define EOF (-1)
enum { stdin, stdout, stderr };

/* xv6 programs pass what they like to %p and %x: their compat header turns the check off. */
#ifndef PW_FORMAT
#define PW_FORMAT(string, first) __attribute__((format(printf, string, first)))
#endif

int printf(const char *format, ...) PW_FORMAT(1, 2);
int fprintf(int fd, const char *format, ...) PW_FORMAT(2, 3);
int dprintf(int fd, const char *format, ...) PW_FORMAT(2, 3);
int vdprintf(int fd, const char *format, va_list ap);
int snprintf(char *buf, size_t size, const char *format, ...) PW_FORMAT(3, 4);
int vsnprintf(char *buf, size_t size, const char *format, va_list ap);
int puts(const char *s);
int putchar(int c);

/** Reads from descriptor 0 up to and with a newline, at most max-1 bytes. "" at end of file. Returns buf. */
char *gets(char *buf, int max);

/** "MESSAGE: what errno means" on descriptor 2. */
void perror(const char *message);

#endif
