/* gets, in xv6's form: a line from descriptor 0 with a limit. */
#include <stdio.h>
#include <unistd.h>

char *gets(char *buf, int max) {
  int n = 0;
  while (n + 1 < max) {
    if (read(0, &buf[n], 1) != 1)
      break;
    char c = buf[n++];
    if (c == '\n' || c == '\r')
      break;
  }
  if (max > 0)
    buf[n] = 0;
  return buf;
}
