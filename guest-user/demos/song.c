/* song [FILE]: changes a file without reading or writing it. It is mapped shared, each a in memory becomes an A, and
 * msync has the kernel bring the changed page back to the disk. Run it twice: the second time there is no a left. */
#include "demo.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "song.txt";
  struct stat st;
  int fd = open(path, O_RDWR), changed = 0;
  must(fd >= 0 && fstat(fd, &st) == 0, path);
  struct count before = count_now();
  char *text = mmap(NULL, st.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(text != MAP_FAILED, "mmap");
  close(fd); /* the mapping stays */
  tell(&before, "mapped: nothing has been read");

  before = count_now();
  for (uint64 i = 0; i < st.size; i++)
    if (text[i] == 'a') {
      text[i] = 'A';
      changed++;
    }
  tell(&before, "changed in memory");

  must(msync(text, st.size, MS_SYNC) == 0, "msync");
  must(munmap(text, st.size) == 0, "munmap");
  printf("%s: %d letters changed. This is the file now:\n", path, changed);
  char *lines = malloc(st.size);
  fd = open(path, O_RDONLY);
  must(lines && fd >= 0 && read(fd, lines, (int)st.size) == (int)st.size, path);
  return write_all(1, lines, (int)st.size) < 0;
}
