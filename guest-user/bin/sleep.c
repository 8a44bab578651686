/* sleep SECONDS: waits; a fraction like 0.5 is understood to a tenth. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LONGEST 100000000L /* seconds */

/** Tenths of a second in the text, or -1 when it is no number. */
static long tenths(const char *text) {
  char *end;
  long n = isdigit(*text) ? strtol(text, &end, 10) : -1;
  if (n < 0 || n > LONGEST)
    return -1;
  n *= 10;
  if (*end == '.' && isdigit(end[1])) {
    n += end[1] - '0';
    for (end += 2; isdigit(*end); end++)
      ;
  }
  return *end == 0 ? n : -1;
}

int main(int argc, char **argv) {
  long ticks = argc == 2 ? tenths(argv[1]) : -1;
  if (ticks < 0) {
    fprintf(2, "usage: sleep SECONDS\n");
    return 2;
  }
  return sleep((int)ticks) < 0;
}
