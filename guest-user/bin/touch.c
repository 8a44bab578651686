/* touch FILE...: makes files that are not there yet. */
#include <fcntl.h>
#include <options.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int status = 0;
  struct stat st;
  if (argc < 2) {
    fprintf(2, "usage: touch FILE...\n");
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    if (stat(argv[i], &st) == 0)
      continue;
    int fd = open(argv[i], O_WRONLY | O_CREATE);
    if (fd < 0)
      status = complain_about("touch", argv[i]);
    else
      close(fd);
  }
  return status;
}
