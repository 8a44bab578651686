/* Text to numbers, and abs. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/types.h>

static int digit_value(int c) {
  if (isdigit(c)) return c - '0';
  if (isalpha(c)) return tolower(c) - 'a' + 10;
  return 99;
}

/** The digits of a number after its sign; *overflow when it exceeds 64 bits. Moves *s only past digits. */
static uint64 digits(const char **s, int base, int *overflow) {
  const char *p = *s;
  uint64 value = 0;
  if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 32) == 'x' && isxdigit((uchar)p[2])) {
    base = 16;
    p += 2;
  } else if (base == 0) {
    base = *p == '0' ? 8 : 10;
  }
  for (; digit_value((uchar)*p) < base; p++) {
    uint d = digit_value((uchar)*p);
    if (value > (ULONG_MAX - d) / (uint)base)
      *overflow = 1;
    value = value * (uint)base + d;
    *s = p + 1;
  }
  return value;
}

static uint64 parse(const char *s, char **end, int base, int *negative, int *overflow) {
  const char *p = s;
  while (isspace((uchar)*p))
    p++;
  *negative = *p == '-';
  if (*p == '-' || *p == '+')
    p++;
  const char *first = p;
  *overflow = 0;
  uint64 value = digits(&p, base, overflow);
  if (end)
    *end = (char *)(p == first ? s : p);
  return value;
}

long strtol(const char *s, char **end, int base) {
  int negative, overflow;
  uint64 value = parse(s, end, base, &negative, &overflow);
  uint64 limit = negative ? (uint64)LONG_MAX + 1 : LONG_MAX;
  if (overflow || value > limit) {
    errno = ERANGE;
    return negative ? LONG_MIN : LONG_MAX;
  }
  return (long)(negative ? -value : value);
}

unsigned long strtoul(const char *s, char **end, int base) {
  int negative, overflow;
  uint64 value = parse(s, end, base, &negative, &overflow);
  if (overflow) {
    errno = ERANGE;
    return ULONG_MAX;
  }
  return negative ? -value : value;
}

int atoi(const char *s) { return (int)strtol(s, NULL, 10); }

int abs(int value) { return value < 0 ? -value : value; }
