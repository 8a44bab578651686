/* Buffered input, line by line. */
#include <errno.h>
#include <linereader.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void reader_open(struct reader *r, int fd) {
  r->fd = fd;
  r->error = 0;
  r->start = r->end = 0;
}

/** Makes *line hold at least `need` bytes. 0 or -1. */
static int reserve(char **line, size_t *capacity, size_t need) {
  if (*line && need <= *capacity)
    return 0;
  size_t size = *line && *capacity ? *capacity : 128;
  while (size < need)
    size *= 2;
  char *grown = realloc(*line, size);
  if (grown == NULL)
    return -1;
  *line = grown;
  *capacity = size;
  return 0;
}

ssize_t read_line(struct reader *r, char **line, size_t *capacity) {
  size_t length = 0;
  for (;;) {
    if (r->start == r->end) {
      int n = read(r->fd, r->buffer, sizeof r->buffer);
      if (n < 0) {
        r->error = errno;
        return -1;
      }
      if (n == 0)
        break;
      r->start = 0;
      r->end = n;
    }
    char *from = r->buffer + r->start;
    char *newline = memchr(from, '\n', r->end - r->start);
    size_t n = newline ? (size_t)(newline - from) + 1 : r->end - r->start;
    if (reserve(line, capacity, length + n + 1) < 0) {
      r->error = ENOMEM;
      return -1;
    }
    memcpy(*line + length, from, n);
    length += n;
    r->start += n;
    if (newline)
      break;
  }
  if (length > 0)
    (*line)[length] = 0;
  return length;
}
