/* sumbss FILE: adds up a file of 64-bit numbers that it reads into a variable of its own (bss).
 * sumheap does the same on the heap; both come statically linked and, as NAME.dyn, with /lib/libsum.so. */
#include "demo.h"
#include <fcntl.h>
#include <sum.h>

#define MAX (1024 * 1024)
static uint64 numbers[MAX];         /* 8 MiB of bss: addresses, but no frame until a page is touched */

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "numbers";
  struct count before = count_now();
  int fd = open(path, O_RDONLY), n;
  must(fd >= 0, path);
  uint64 bytes = 0;
  while ((n = read(fd, (char *)numbers + bytes, (int)(sizeof numbers - bytes))) > 0)
    bytes += (uint64)n;
  must(n == 0, path);
  printf("%s: %lu numbers read into bss at %p, sum() is at %p\n", argv[0], bytes / 8, (void *)numbers, (void *)sum);
  printf("sum %lu\n", sum(numbers, bytes / 8));
  tell(&before, "bss is 8 MiB; frames only where it was touched");
  return 0;
}
