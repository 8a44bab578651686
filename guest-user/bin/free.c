/* free: memory and swap of the machine, in KiB. */
#include <options.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>
#include <vmstat.h>

int main(void) {
  struct vmstat s;
  if (vmstat(&s) < 0)
    return complain_about("free", "vmstat");
  printf("           total       used       free      cache  committed\n");
  printf("Mem:  %10lu %10lu %10lu %10lu %10lu\n", s.total_frames * 4, (s.total_frames - s.free_frames) * 4,
         s.free_frames * 4, s.page_cache_frames * 4, s.committed_frames * 4);
  printf("Swap: %10lu %10lu %10lu\n", s.swap_slots * 4, (s.swap_slots - s.swap_free) * 4, s.swap_free * 4);
  return 0;
}
