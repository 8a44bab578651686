/* sumheap FILE: adds up a file of 64-bit numbers that it reads onto the heap. See sumbss. */
#include "demo.h"
#include <fcntl.h>
#include <sum.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "numbers";
  struct count before = count_now();
  struct stat st;
  int fd = open(path, O_RDONLY), n;
  must(fd >= 0 && fstat(fd, &st) == 0, path);
  uint64 *numbers = malloc(st.size + 1), bytes = 0;
  must(numbers != NULL, "malloc");
  while (bytes < st.size && (n = read(fd, (char *)numbers + bytes, (int)(st.size - bytes))) > 0)
    bytes += (uint64)n;
  must(bytes == st.size, path);
  printf("%s: %lu numbers read onto the heap at %p, sum() is at %p\n", argv[0], bytes / 8, (void *)numbers, (void *)sum);
  printf("sum %lu\n", sum(numbers, bytes / 8));
  tell(&before, "the heap grew by what the file needs");
  return 0;
}
