/* wc [-lwc] [FILE...]: counts lines, words and bytes. */
#include <ctype.h>
#include <fcntl.h>
#include <options.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct counts { uint64 lines, words, bytes; };

static char flags[128];
static char buffer[16384];

static int count(int fd, const char *name, struct counts *c) {
  int n, in_word = 0;
  memset(c, 0, sizeof *c);
  while ((n = read(fd, buffer, sizeof buffer)) > 0) {
    c->bytes += n;
    for (int i = 0; i < n; i++) {
      int space = isspace((uchar)buffer[i]);
      c->lines += buffer[i] == '\n';
      c->words += in_word && space;
      in_word = !space;
    }
  }
  c->words += in_word;
  return n < 0 ? complain_about("wc", name) : 0;
}

static void print(const struct counts *c, const char *name) {
  char text[100];
  int n = 0;
  if (flags['l']) n += snprintf(text + n, sizeof text - n, "%lu ", c->lines);
  if (flags['w']) n += snprintf(text + n, sizeof text - n, "%lu ", c->words);
  if (flags['c']) n += snprintf(text + n, sizeof text - n, "%lu ", c->bytes);
  text[n - 1] = 0;
  printf(name ? "%s %s\n" : "%s\n", text, name);
}

int main(int argc, char **argv) {
  struct counts c, total = { 0, 0, 0 };
  int i = parse_options(argc, argv, "lwc", flags, NULL, "wc [-lwc] [FILE...]"), status = 0;
  int several = argc - i > 1;
  if (!flags['l'] && !flags['w'] && !flags['c'])
    flags['l'] = flags['w'] = flags['c'] = 1;
  if (i == argc) {
    status = count(0, "-", &c);
    print(&c, NULL);
    return status;
  }
  for (; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    if (fd < 0 || count(fd, argv[i], &c) != 0) {
      status = fd < 0 ? complain_about("wc", argv[i]) : 1;
      if (fd >= 0)
        close(fd);
      continue;
    }
    close(fd);
    print(&c, argv[i]);
    total.lines += c.lines;
    total.words += c.words;
    total.bytes += c.bytes;
  }
  if (several)
    print(&total, "total");
  return status;
}
