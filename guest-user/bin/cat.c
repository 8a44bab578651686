/* cat [FILE...]: copies files (or "-", descriptor 0) to descriptor 1. */
#include <fcntl.h>
#include <options.h>
#include <string.h>
#include <unistd.h>

static char buffer[16384];

/** 0, or 1 after a message. */
static int copy(int fd, const char *name) {
  int n;
  while ((n = read(fd, buffer, sizeof buffer)) > 0)
    if (write_all(1, buffer, n) < 0)
      return complain_about("cat", "write");
  return n < 0 ? complain_about("cat", name) : 0;
}

int main(int argc, char **argv) {
  char flags[128] = { 0 };
  int status = 0;
  int i = parse_options(argc, argv, "u", flags, NULL, "cat [FILE...]");
  if (i == argc)
    return copy(0, "-");
  for (; i < argc; i++) {
    int fd = strcmp(argv[i], "-") == 0 ? 0 : open(argv[i], O_RDONLY);
    if (fd < 0) {
      status = complain_about("cat", argv[i]);
      continue;
    }
    status |= copy(fd, argv[i]);
    if (fd > 0)
      close(fd);
  }
  return status;
}
