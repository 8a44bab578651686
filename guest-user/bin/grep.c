/* grep [-vincq] PATTERN [FILE...]: lines that match. Patterns: ^ $ . * [abc] [a-z] [^…] and \ before any of
 * them. -v the others, -i letters of either case, -n line numbers, -c only the count, -q only the status.
 * Status 0: something matched, 1: nothing, 2: trouble.
 *
 * A pattern is a row of items; matching walks all possible positions in the row at once, one byte of the
 * line at a time, so no pattern takes more than items x bytes steps. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linereader.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_ITEMS 255

struct item { uint64 set[4]; int star; }; /* which bytes it takes, and whether any number of them */

static struct item items[MAX_ITEMS + 1];
static int item_count, at_start, at_end;
static char flags[128];
static struct reader reader;

static void set_add(struct item *it, int c) { it->set[(uchar)c / 64] |= 1UL << (c & 63); }
static int set_has(const struct item *it, int c) { return it->set[(uchar)c / 64] >> (c & 63) & 1; }

static void pattern_error(const char *why) {
  fprintf(2, "grep: %s\n", why);
  exit(2);
}

/** [ … ] at p (behind the bracket); returns where it ends. */
static const char *compile_set(const char *p, struct item *it) {
  int invert = *p == '^';
  p += invert;
  const char *first = p;
  for (; *p != ']' || p == first; p++) {
    if (*p == 0)
      pattern_error("a [ without its ]");
    int from = (uchar)*p;
    if (p[1] == '-' && p[2] && p[2] != ']')
      p += 2;
    for (int c = from; c <= (uchar)*p; c++)
      set_add(it, c);
  }
  for (int i = 0; invert && i < 4; i++)
    it->set[i] = ~it->set[i];
  return p + 1;
}

/** One item at p; returns what follows it. */
static const char *compile_item(const char *p, struct item *it) {
  if (*p == '[') {
    p = compile_set(p + 1, it);
  } else if (*p == '.') {
    memset(it->set, 0xff, sizeof it->set);
    p++;
  } else {
    if (*p == '\\' && *++p == 0)
      pattern_error("nothing follows the backslash");
    set_add(it, *p++);
  }
  for (int c = 'a'; flags['i'] && c <= 'z'; c++)
    if (set_has(it, c) || set_has(it, toupper(c))) {
      set_add(it, c);
      set_add(it, toupper(c));
    }
  while (*p == '*') {
    it->star = 1;
    p++;
  }
  return p;
}

static void compile(const char *p) {
  at_start = *p == '^';
  p += at_start;
  if (*p == '*') { /* nothing before it: an ordinary star */
    set_add(&items[item_count++], '*');
    p++;
  }
  while (*p) {
    if (p[0] == '$' && p[1] == 0) {
      at_end = 1;
      break;
    }
    if (item_count == MAX_ITEMS)
      pattern_error("the pattern is too long");
    p = compile_item(p, &items[item_count++]);
  }
}

/** Adds position i, and those that starred items let it skip to. */
static void reach(uchar *set, int i) {
  for (; !set[i]; i++) {
    set[i] = 1;
    if (i == item_count || !items[i].star)
      return;
  }
}

static int matches(const char *line, size_t n) {
  static uchar sets[2][MAX_ITEMS + 1];
  uchar *now = sets[0], *then = sets[1];
  memset(sets, 0, sizeof sets);
  reach(now, 0);
  for (size_t k = 0;; k++) {
    if (now[item_count] && (!at_end || k == n))
      return 1;
    if (k == n)
      return 0;
    memset(then, 0, item_count + 1);
    for (int i = 0; i < item_count; i++)
      if (now[i] && set_has(&items[i], line[k]))
        reach(then, items[i].star ? i : i + 1);
    if (!at_start)
      reach(then, 0);
    uchar *t = now;
    now = then;
    then = t;
  }
}

/** Greps one file; *found when a line was selected. 0, or 2 after a message. */
static int grep(int fd, const char *name, int show_name, int *found) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t n;
  long number = 0, count = 0;
  reader_open(&reader, fd);
  while ((n = read_line(&reader, &line, &capacity)) > 0) {
    size_t length = line[n - 1] == '\n' ? n - 1 : n;
    number++;
    if (matches(line, length) == flags['v'])
      continue;
    *found = 1;
    count++;
    if (flags['q'])
      break;
    if (flags['c'])
      continue;
    if (show_name)
      printf("%s:", name);
    if (flags['n'])
      printf("%ld:", number);
    line[length] = '\n'; /* the reader keeps a byte behind the text */
    if (write_all(1, line, length + 1) < 0)
      break;
  }
  free(line);
  if (n < 0) {
    errno = reader.error;
    return 2 * complain_about("grep", name);
  }
  if (flags['c'] && !flags['q'])
    printf(show_name ? "%s:%ld\n" : "%.0s%ld\n", name, count);
  return 0;
}

int main(int argc, char **argv) {
  const char *usage = "grep [-vincq] PATTERN [FILE...]";
  int i = parse_options(argc, argv, "vincqh", flags, NULL, usage), found = 0, status = 0;
  if (i == argc) {
    fprintf(2, "usage: %s\n", usage);
    return 2;
  }
  compile(argv[i++]);
  if (i == argc)
    status = grep(0, "-", 0, &found);
  int show_name = argc - i > 1 && !flags['h'];
  for (; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    if (fd < 0) {
      status = 2 * complain_about("grep", argv[i]);
      continue;
    }
    status |= grep(fd, argv[i], show_name, &found);
    close(fd);
  }
  return status ? status : !found;
}
