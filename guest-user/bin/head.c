/* head [-n LINES] [-c BYTES] [FILE...]: the beginning of files, 10 lines unless told. */
#include <ctype.h>
#include <fcntl.h>
#include <linereader.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct reader reader;

static int head_lines(int fd, const char *name, long lines) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t n = 0;
  int status = 0;
  reader_open(&reader, fd);
  while (status == 0 && lines-- > 0 && (n = read_line(&reader, &line, &capacity)) > 0)
    if (write_all(1, line, n) < 0)
      status = complain_about("head", "write");
  free(line);
  return n < 0 ? complain_about("head", name) : status;
}

static int head_bytes(int fd, const char *name, long bytes) {
  int n;
  while (bytes > 0) {
    n = read(fd, reader.buffer, bytes < (long)sizeof reader.buffer ? (int)bytes : (int)sizeof reader.buffer);
    if (n <= 0)
      return n < 0 ? complain_about("head", name) : 0;
    if (write_all(1, reader.buffer, n) < 0)
      return complain_about("head", "write");
    bytes -= n;
  }
  return 0;
}

/** A count from an option's text; exits when it is none. */
static long number(const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (end == text || *end || n < 0) {
    fprintf(2, "head: %s: not a count\n", text);
    exit(2);
  }
  return n;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 }, *values[128] = { NULL };
  long lines = 10, bytes = -1;
  int i, status = 0;
  if (argc > 1 && argv[1][0] == '-' && isdigit(argv[1][1])) { /* head -5 */
    lines = number(argv[1] + 1);
    argc--;
    argv++;
  }
  i = parse_options(argc, argv, "n:c:", flags, values, "head [-n LINES] [-c BYTES] [FILE...]");
  if (values['n']) lines = number(values['n']);
  if (values['c']) bytes = number(values['c']);
  if (i == argc)
    return bytes >= 0 ? head_bytes(0, "-", bytes) : head_lines(0, "-", lines);
  int several = argc - i > 1;
  for (int first = i; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY);
    if (fd < 0) {
      status = complain_about("head", argv[i]);
      continue;
    }
    if (several)
      printf("%s==> %s <==\n", i > first ? "\n" : "", argv[i]);
    status |= bytes >= 0 ? head_bytes(fd, argv[i], bytes) : head_lines(fd, argv[i], lines);
    close(fd);
  }
  return status;
}
