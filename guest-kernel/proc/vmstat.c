/* vmstat: the state of memory and the counts of events, collected from those who keep them. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmstat.h"

struct vmstat vm_events;

/* Fill *s. */
void
vmstat_collect(struct vmstat *s)
{
  *s = vm_events;
  s->total_frames = vm_total_frames();
  s->free_frames = vm_free_frames() + kmem_frames() + vm_file_frames(); /* cached file pages go when they are wanted */
  s->committed_frames = vm_committed_frames();
  s->commit_limit = vm_commit_limit();
  s->page_cache_frames = vm_file_frames();
  s->swap_slots = vm_swap_total();
  s->swap_free = vm_swap_free();
  s->objects = object_cache.inuse;
  s->entries = entry_cache.inuse;
  s->superpages = pmap_stats.superpages;
  s->pages_in += vm_counts.pages_in;
  s->pages_out += vm_counts.pages_out;
  s->clean_dropped += vm_counts.clean_dropped;
  s->daemon_runs += vm_counts.daemon_runs;
  s->shootdowns = pmap_stats.ipis;
  s->promotions = pmap_stats.promotions;
  s->demotions = pmap_stats.demotions;
}

/* vmstat(struct vmstat *). */
long
sys_vmstat(void)
{
  struct vmstat s;

  vmstat_collect(&s);
  return copyout(myproc()->map, argraw(0), &s, sizeof s);
}
