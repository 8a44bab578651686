/* paging_fp: floating-point loads and stores when memory is short. */
#include "vt.h"
#include "../usertests/fp.h"

/** More pages than there is memory, written and read by floating-point instructions: some come from swap. */
static void do_swapped(long arg) {
  (void)arg;
  struct fp mine = fp_pattern(32);
  need_swap();
  struct vmstat before = counters();
  long free = (long)free_frames(), pages = free + (promisable() - 200 - free) / 2;
  if (pages < free + 50)
    fail("%ld frames are free, %ld can be promised: nothing would be paged out", free, promisable());
  char *p = map_anon(pages * PAGE, RW, MAP_PRIVATE);
  fp_set(&mine);
  for (long i = 0; i < pages; i++)
    fp_write((uint64 *)(p + PAGE * i), (uint64)i * 0x100000001);
  for (long i = 0; i < pages; i++)
    if (fp_read((uint64 *)(p + PAGE * i)) != (uint64)i * 0x100000001)
      fail("page %ld of %ld has %lx", i, pages, *(uint64 *)(p + PAGE * i));
  mine.f[8] = mine.f[0] = (uint64)(pages - 1) * 0x100000001;
  fp_must_have(&mine, "after paging");
  CHECK(counters().pages_in > before.pages_in);
}
FP_TEST(swapped)

const struct test paging_fp_tests[] = {
  { "paging_fp", swapped, 0 },
  { NULL, NULL, 0 },
};
