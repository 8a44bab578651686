/* lazydemo [MIB]: memory that a program has asked for is an entry in a list; frames come with the first touch of each page. */
#include "demo.h"
#include <sys/mman.h>

/** How many pages are in memory, by mincore. */
static uint64 resident(char *memory, uint64 pages) {
  uchar *in = malloc(pages);
  uint64 n = 0;
  must(in != NULL && mincore(memory, pages * PAGE, in) == 0, "mincore");
  for (uint64 i = 0; i < pages; i++)
    n += in[i] & 1;
  free(in);
  return n;
}

int main(int argc, char **argv) {
  uint64 mib = argc > 1 ? (uint64)atoi(argv[1]) : 32, pages = mib * MIB / PAGE, sum = 0;
  struct count before = count_now();
  char *heap = sbrk((long)(mib * MIB));
  must(heap != (char *)-1, "sbrk");
  printf("heap: %lu MiB from %p on, which are %lu pages\n", mib, (void *)heap, pages);
  tell(&before, "sbrk only moves the break");
  before = count_now();
  for (uint64 i = 0; i < pages; i += 100)
    heap[i * PAGE] = 1;
  tell(&before, "write to every hundredth page");
  before = count_now();
  for (uint64 i = 0; i < pages; i++)
    sum += (uchar)heap[i * PAGE];
  tell(&before, "read every page: zeros need no frames");
  before = count_now();
  must(sbrk(-(long)(mib * MIB)) != (char *)-1, "sbrk");
  tell(&before, "the heap shrinks: the frames come back");

  before = count_now();
  char *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(map != MAP_FAILED, "mmap");
  printf("mmap: at %p, %lu of %lu pages are in memory\n", (void *)map, resident(map, pages), pages);
  memset(map + pages / 2 * PAGE, 7, 16 * PAGE);
  printf("16 pages filled: %lu are in memory\n", resident(map, pages));
  must(madvise(map, pages * PAGE, MADV_DONTNEED) == 0, "madvise");
  printf("and given up by MADV_DONTNEED: %lu; they read as %d again\n", resident(map, pages), map[pages / 2 * PAGE]);
  tell(&before, "in all");
  return sum != (pages + 99) / 100;
}
