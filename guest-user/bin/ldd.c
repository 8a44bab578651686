/* ldd PROGRAM: the shared objects that a program needs, and where they would lie. The dynamic linker itself finds out. */
#include <options.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(2, "usage: ldd PROGRAM\n");
    return 2;
  }
  char *arguments[] = { "/lib/ld.so", "--list", argv[1], NULL };
  exec(arguments[0], arguments);
  return complain_about("ldd", arguments[0]);
}
