/* swapdemo [MIB]: more memory than the machine has (unless told otherwise: half as much again as is free). Every page is
 * given a content of its own, twice over, and read back; what does not fit is in the swap area meanwhile. */
#include "demo.h"
#include <sys/mman.h>

/** What word k of page i holds in round r. */
static uint64 content(uint64 i, uint64 r) { return i * 0x9e3779b97f4a7c15UL + r; }

static void tell_swap(const struct count *before) {
  struct count now = count_now();
  printf("      swap: %lu pages out, %lu in, %lu dropped without writing, %lu of %lu slots in use\n",
         now.vm.pages_out - before->vm.pages_out, now.vm.pages_in - before->vm.pages_in,
         now.vm.clean_dropped - before->vm.clean_dropped, now.vm.swap_slots - now.vm.swap_free, now.vm.swap_slots);
}

int main(int argc, char **argv) {
  struct count before = count_now();
  uint64 pages = before.vm.free_frames * 3 / 2, wrong = 0;
  uint64 promised = before.vm.commit_limit - before.vm.committed_frames;
  if (argc > 1)
    pages = (uint64)atoi(argv[1]) * MIB / PAGE;
  else if (before.vm.commit_limit && pages > promised - 256)
    pages = promised - 256; /* what the kernel can still promise */
  printf("%lu frames are free, %lu swap slots; using %lu pages\n", before.vm.free_frames, before.vm.swap_free, pages);
  if (before.vm.swap_slots == 0)
    printf("(this machine has no swap area: all of it has to fit in memory)\n");
  uint64 *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(memory != MAP_FAILED, "mmap");
  for (uint64 round = 1; round <= 2; round++) {
    before = count_now();
    for (uint64 i = 0; i < pages; i++)
      memory[i * PAGE / 8 + i % 512] = content(i, round);
    tell(&before, round == 1 ? "first round: write to every page" : "second round: write to every page");
    tell_swap(&before);
    before = count_now();
    for (uint64 i = 0; i < pages; i++)
      wrong += memory[i * PAGE / 8 + i % 512] != content(i, round);
    tell(&before, "read every page back");
    tell_swap(&before);
  }
  printf("%lu pages with a wrong content\n", wrong);
  return wrong != 0;
}
