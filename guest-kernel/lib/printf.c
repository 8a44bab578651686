/* Console messages, and panics with a backtrace. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "memlayout.h"
#include "proc.h"

extern char text_start[], text_end[];

static struct spinlock print_lock;
static int print_locking;          /* off before printf_init and in a panic */
static volatile uint panicking_hart_plus_1;

/* Print a number in a base of 10 or 16, right-aligned in width columns filled with pad. */
static void
print_number(struct sink *to, uint64 x, int base, int negative, int width, char pad)
{
  char digits[24];
  int n = 0;

  do {
    digits[n++] = "0123456789abcdef"[x % base];
    x /= base;
  } while (x);
  if (negative)
    digits[n++] = '-';
  for (; width > n; width--)
    to->put(to, pad);
  while (n > 0)
    to->put(to, digits[--n]);
}

/* Print a string in at least width columns; left-aligned when left is set. */
static void
print_string(struct sink *to, const char *s, int width, int left)
{
  int n;

  if (s == 0)
    s = "(null)";
  n = strlen(s);
  for (int i = n; !left && i < width; i++)
    to->put(to, ' ');
  while (*s)
    to->put(to, *s++);
  for (int i = n; left && i < width; i++)
    to->put(to, ' ');
}

/* Format into a sink. Understands %d %u %x with l, %p %s %c %%, a width, and the flags 0 and -. */
void
format(struct sink *to, const char *fmt, va_list ap)
{
  for (; *fmt; fmt++) {
    int width = 0, left = 0, is_long = 0;
    char pad = ' ';

    if (*fmt != '%') {
      to->put(to, *fmt);
      continue;
    }
    fmt++;
    for (; *fmt == '-' || *fmt == '0'; fmt++) {
      if (*fmt == '-')
        left = 1;
      else
        pad = '0';
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++)
      width = width * 10 + *fmt - '0';
    for (; *fmt == 'l'; fmt++)
      is_long = 1;
    switch (*fmt) {
    case 'd': {
      int64 x = is_long ? va_arg(ap, int64) : va_arg(ap, int);
      print_number(to, x < 0 ? -(uint64)x : (uint64)x, 10, x < 0, width, pad);
      break;
    }
    case 'u':
    case 'x': {
      uint64 x = is_long ? va_arg(ap, uint64) : va_arg(ap, uint);
      print_number(to, x, *fmt == 'u' ? 10 : 16, 0, width, pad);
      break;
    }
    case 'p':
      to->put(to, '0');
      to->put(to, 'x');
      print_number(to, va_arg(ap, uint64), 16, 0, 16, '0');
      break;
    case 's':
      print_string(to, va_arg(ap, const char *), width, left);
      break;
    case 'c':
      to->put(to, va_arg(ap, int));
      break;
    case 0:
      return;
    default:
      to->put(to, '%');
      if (*fmt != '%')
        to->put(to, *fmt);
    }
  }
}

/* The console as a sink. */
static void
console_put(struct sink *to, int c)
{
  (void)to;
  consputc(c);
}

static struct sink console_sink = { console_put };

/* From now on messages of several harts do not mix. */
void
printf_init(void)
{
  initlock(&print_lock, "console messages");
  print_locking = 1;
}

/* Write a message on the console, at once. */
void
printf(const char *fmt, ...)
{
  va_list ap;
  int locking = print_locking;

  if (locking)
    acquire(&print_lock);
  va_start(ap, fmt);
  format(&console_sink, fmt, ap);
  va_end(ap);
  if (locking)
    release(&print_lock);
}

/* Can a frame pointer be followed? It must be aligned and inside the stack page run that we are on. */
static int
fp_in_stack(uint64 fp, uint64 sp)
{
  return (fp & 7) == 0 && fp > sp && fp - sp <= KSTACKSIZE && fp >= KERNBASE;
}

/* Print who called whom, from the frame pointer fp outwards, with at most 20 names. */
static void
backtrace(uint64 fp)
{
  uint64 sp = fp - 16;

  printf("  called from, innermost first:\n");
  for (int i = 0; i < 20 && fp_in_stack(fp, sp); i++) {
    uint64 ra = ((uint64 *)fp)[-1], offset = 0;
    const char *name = ksym_lookup(ra - 1, &offset);

    if (ra < (uint64)text_start || ra >= (uint64)text_end)
      break;
    if (name)
      printf("    0x%lx %s+%ld\n", ra, name, offset + 1);
    else
      printf("    0x%lx\n", ra);
    sp = fp;
    fp = ((uint64 *)fp)[-2];
  }
}

/* If another hart has panicked, stop this one for good. Called in every interrupt and every long wait. */
void
panic_stop_if_panicked(void)
{
  uint who = panicking_hart_plus_1;

  if (who != 0 && who != mycpu()->hartid + 1) {
    intr_off();
    for (;;)
      __asm__ volatile("wfi");
  }
}

/*
 * The kernel found itself broken: say what was wrong in a sentence, and who
 * called whom, stop all harts, and switch the machine off with status 134 (or
 * stay, with the boot argument panic=halt).
 */
void
panic(const char *fmt, ...)
{
  va_list ap;
  const char *after;
  uint me = mycpu()->hartid;
  struct proc *p = mycpu()->proc;

  intr_off();
  if (panicking_hart_plus_1 == me + 1) { /* a panic inside a panic */
    print_string(&console_sink, "\npanic while reporting a panic\n", 0, 0);
    poweroff(134);
  }
  while (__sync_lock_test_and_set(&panicking_hart_plus_1, me + 1) != 0)
    panic_stop_if_panicked();
  print_locking = 0;
  printf("\npanic on hart %d", me);
  if (p)
    printf(", pid %d %s", p->pid, p->name);
  printf(": ");
  va_start(ap, fmt);
  format(&console_sink, fmt, ap);
  va_end(ap);
  printf("\n");
  backtrace((uint64)__builtin_frame_address(0));
  after = bootarg("panic");
  if (after && strcmp(after, "halt") == 0)
    for (;;)
      __asm__ volatile("wfi");
  poweroff(134);
}
