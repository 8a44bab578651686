/* echo [-n] WORD...: prints the words in one write. */
#include <options.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;
  size_t size = 1;
  for (int i = first; i < argc; i++)
    size += strlen(argv[i]) + 1;
  char *text = malloc(size), *p = text;
  if (text == NULL)
    return complain_about("echo", "memory");
  for (int i = first; i < argc; i++) {
    size_t n = strlen(argv[i]);
    memcpy(p, argv[i], n);
    p += n;
    if (i + 1 < argc)
      *p++ = ' ';
  }
  if (first == 1)
    *p++ = '\n';
  return write_all(1, text, p - text) < 0 ? complain_about("echo", "write") : 0;
}
