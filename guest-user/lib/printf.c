/* Formatted output (see stdio.h for what is understood).
 * Text goes through a sink: either a caller's buffer or a local one that is written when full. */
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct sink {
  char *buffer;
  size_t size, used;   /* used may pass size when fd < 0: the excess is only counted */
  int fd;              /* where to write, or -1: keep in buffer */
  size_t total;
  int failed;
};

struct spec {
  int left, zero, alternate;
  char sign;           /* 0, '+' or ' ' */
  int width, precision; /* precision -1: none */
  int longs;           /* 0 int, 1 or more: 64 bits, -1: short, -2: char */
};

static void flush(struct sink *s) {
  if (s->used > 0 && write_all(s->fd, s->buffer, s->used) < 0)
    s->failed = 1;
  s->used = 0;
}

static void put(struct sink *s, char c) {
  if (s->fd >= 0 && s->used == s->size)
    flush(s);
  if (s->used < s->size)
    s->buffer[s->used] = c;
  s->used++;
  s->total++;
}

static void pad(struct sink *s, char c, int n) {
  while (n-- > 0)
    put(s, c);
}

/** Text in its field. */
static void put_text(struct sink *s, const struct spec *f, const char *text) {
  if (text == NULL)
    text = "(null)";
  int n = f->precision >= 0 ? (int)strnlen(text, f->precision) : (int)strlen(text);
  if (!f->left)
    pad(s, ' ', f->width - n);
  for (int i = 0; i < n; i++)
    put(s, text[i]);
  if (f->left)
    pad(s, ' ', f->width - n);
}

/** A number in its field; prefix ("-", "0x", …) stands before zero padding. */
static void put_number(struct sink *s, const struct spec *f, uint64 value, unsigned base, int upper, const char *prefix) {
  char digits[66];
  const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  int n = 0;
  do {
    digits[n++] = alphabet[value % base];
    value /= base;
  } while (value);
  int zeros = f->precision > n ? f->precision - n : 0;
  int width = (int)strlen(prefix) + zeros + n;
  if (!f->left && !(f->zero && f->precision < 0))
    pad(s, ' ', f->width - width);
  for (const char *p = prefix; *p; p++)
    put(s, *p);
  if (!f->left && f->zero && f->precision < 0)
    pad(s, '0', f->width - width);
  pad(s, '0', zeros);
  while (n > 0)
    put(s, digits[--n]);
  if (f->left)
    pad(s, ' ', f->width - width);
}

static long signed_argument(const struct spec *f, va_list *ap) {
  if (f->longs > 0)
    return va_arg(*ap, long);
  int v = va_arg(*ap, int);
  return f->longs == -1 ? (short)v : f->longs == -2 ? (signed char)v : v;
}

static uint64 unsigned_argument(const struct spec *f, va_list *ap) {
  if (f->longs > 0)
    return va_arg(*ap, uint64);
  uint v = va_arg(*ap, uint);
  return f->longs == -1 ? (ushort)v : f->longs == -2 ? (uchar)v : v;
}

/** A decimal number or `*` at *p. */
static int field_number(const char **p, va_list *ap) {
  int n = 0;
  if (**p == '*') {
    (*p)++;
    return va_arg(*ap, int);
  }
  for (; **p >= '0' && **p <= '9'; (*p)++)
    if (n < 10000)
      n = n * 10 + (**p - '0');
  return n;
}

/** Reads what stands between % and the letter; leaves p at the letter. */
static const char *parse_spec(const char *p, struct spec *f, va_list *ap) {
  memset(f, 0, sizeof *f);
  f->precision = -1;
  for (;; p++) {
    if (*p == '-') f->left = 1;
    else if (*p == '0') f->zero = 1;
    else if (*p == '#') f->alternate = 1;
    else if (*p == '+' || (*p == ' ' && !f->sign)) f->sign = *p;
    else if (*p != ' ') break;
  }
  f->width = field_number(&p, ap);
  if (f->width < 0) {
    f->left = 1;
    f->width = -f->width;
  }
  if (*p == '.') {
    p++;
    f->precision = field_number(&p, ap);
  }
  for (; *p == 'l' || *p == 'z' || *p == 'h' || *p == 'j' || *p == 't'; p++)
    f->longs += *p == 'h' ? -1 : 1;
  return p;
}

/** One conversion. */
static void convert(struct sink *s, char letter, const struct spec *f, va_list *ap) {
  char one[2] = { 0, 0 };
  switch (letter) {
  case 'd':
  case 'i': {
    long v = signed_argument(f, ap);
    one[0] = v < 0 ? '-' : f->sign;
    put_number(s, f, v < 0 ? -(uint64)v : (uint64)v, 10, 0, one);
    break;
  }
  case 'u':
    put_number(s, f, unsigned_argument(f, ap), 10, 0, "");
    break;
  case 'o':
    put_number(s, f, unsigned_argument(f, ap), 8, 0, f->alternate ? "0" : "");
    break;
  case 'x':
  case 'X':
    put_number(s, f, unsigned_argument(f, ap), 16, letter == 'X', f->alternate ? "0x" : "");
    break;
  case 'p':
    put_number(s, f, va_arg(*ap, uint64), 16, 0, "0x");
    break;
  case 's':
    put_text(s, f, va_arg(*ap, const char *));
    break;
  case 'c':
    one[0] = (char)va_arg(*ap, int);
    if (!f->left)
      pad(s, ' ', f->width - 1);
    put(s, one[0]);
    if (f->left)
      pad(s, ' ', f->width - 1);
    break;
  case '%':
    put(s, '%');
    break;
  default: /* shown as it stands, so that the mistake is seen */
    put(s, '%');
    put(s, letter);
  }
}

static void format_into(struct sink *s, const char *p, va_list ap) {
  va_list args;
  va_copy(args, ap);
  for (; *p; p++) {
    if (*p != '%') {
      put(s, *p);
      continue;
    }
    struct spec f;
    p = parse_spec(p + 1, &f, &args);
    if (*p == 0)
      break;
    convert(s, *p, &f, &args);
  }
  va_end(args);
}

int vdprintf(int fd, const char *format, va_list ap) {
  char buffer[PRINTF_BUFFER];
  struct sink s = { .buffer = buffer, .size = sizeof buffer, .fd = fd };
  if (fd < 0)
    return -1;
  format_into(&s, format, ap);
  flush(&s);
  return s.failed ? -1 : (int)s.total;
}

int vsnprintf(char *buf, size_t size, const char *format, va_list ap) {
  struct sink s = { .buffer = buf, .size = size, .fd = -1 };
  format_into(&s, format, ap);
  if (size > 0)
    buf[s.used < size ? s.used : size - 1] = 0;
  return (int)s.total;
}

int printf(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  int n = vdprintf(stdout, format, ap);
  va_end(ap);
  return n;
}

int fprintf(int fd, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  int n = vdprintf(fd, format, ap);
  va_end(ap);
  return n;
}

int dprintf(int fd, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  int n = vdprintf(fd, format, ap);
  va_end(ap);
  return n;
}

int snprintf(char *buf, size_t size, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(buf, size, format, ap);
  va_end(ap);
  return n;
}

int puts(const char *s) {
  return dprintf(stdout, "%s\n", s);
}

int putchar(int c) {
  char one = (char)c;
  return write(stdout, &one, 1) == 1 ? (uchar)one : EOF;
}
