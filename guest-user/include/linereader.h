/* Buffered input, line by line, of any length. */
#ifndef PW_LINEREADER_H
#define PW_LINEREADER_H

#include <sys/types.h>

struct reader {
  int fd;
  int error;              /* errno of the read that failed, or 0 */
  size_t start, end;      /* unread part of buffer */
  char buffer[4096];
};

void reader_open(struct reader *r, int fd);

/** The next line into *line (grown by realloc, ended by 0), its newline included when it has one.
 *  Returns its length, 0 at end of file, -1 on error (r->error says why, or ENOMEM). */
ssize_t read_line(struct reader *r, char **line, size_t *capacity);

#endif
