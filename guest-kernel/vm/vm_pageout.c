/*
 * The page-out daemon: a kernel thread that keeps some frames free.
 *
 * Two hands of a clock go over the frames, the second some way behind the
 * first. The first withdraws a page's accessed bits; the second takes the page
 * if it has not been used since: a clean page of a file and one that stands in
 * a swap slot are dropped, others of anonymous objects are written to swap, in
 * clusters of neighbours. Dirty pages of files are left to their own writer,
 * which is woken, since it may have to wait for who waits for memory.
 *
 * The daemon works when fewer than `low` frames are free, until `high` are.
 * Frames for user and file pages are given out only while more than `least`
 * are free: the rest is for page tables, the kernel and the daemon itself.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "fs.h"
#include "vm.h"
#include "vm_swap.h"
#include "abi/errno.h"

struct vm_counts vm_counts;

static struct {
  struct spinlock lock;
  uint64 least, low, high; /* watermarks, in free frames; 0 until the daemon runs */
  uint64 frames;           /* the clock's size */
  uint64 front, back;      /* its hands: frame numbers from 0 */
  int needed;              /* somebody has asked for frames */
  uint64 failures;         /* times the daemon found nothing more to take */
} pageout = { .lock = { .name = "page-out" } };

static char daemon_chan, waiters_chan; /* what the daemon and those who wait for frames sleep on */

/* Results of the last walk over a page's mappings; the daemon's own. */
static int was_used, is_locked;

/* Wake who writes dirty pages of files: the file pager's, where it has such. */
void vnode_writeback_kick(void);
void __attribute__((weak))
vnode_writeback_kick(void)
{
}

/* ---- those who need frames ---- */

/* Frames never given to user pages. */
uint64
vm_reserved_frames(void)
{
  return pageout.least;
}

/* Wake the daemon. pageout.lock is held. */
static void
wake_daemon(void)
{
  if (!pageout.needed) {
    pageout.needed = 1;
    wakeup(&daemon_chan);
  }
}

/* May a frame be taken for this use, or are those left for more urgent ones? Wakes the daemon in time. */
int
vm_page_allowed(uint8 use)
{
  uint64 free = vm_free_frames();

  if (free >= pageout.low)
    return 1;
  if (!pageout.needed) {
    acquire(&pageout.lock);
    wake_daemon();
    release(&pageout.lock);
  }
  return free > pageout.least || (use != PAGE_OBJECT && use != PAGE_FILE);
}

/* Wait until there are frames for users. 0, or -ENOMEM when none can be made. */
int
vm_page_wait(void)
{
  uint64 failures;
  int error = 0;

  if (pageout.low == 0)
    return -ENOMEM;
  acquire(&pageout.lock);
  failures = pageout.failures;
  while (vm_free_frames() <= pageout.least && error == 0) {
    wake_daemon();
    sleep(&waiters_chan, &pageout.lock);
    if (failures != pageout.failures && vm_free_frames() <= pageout.least)
      error = -ENOMEM;
  }
  release(&pageout.lock);
  return error;
}

/* ---- the clock's hands ---- */

/* The page's frame is an object's that could be taken: then the family's lock is held. Else null. */
static struct spinlock *
lock_page(struct vm_page *pg)
{
  struct spinlock *lock;

  if (pg->use != PAGE_OBJECT && pg->use != PAGE_FILE)
    return 0;
  lock = vm_object_lock_of(pg);
  if (lock == 0)
    return 0;
  if (pg->wire_count == 0 && !(pg->flags & (PAGE_BUSY | PAGE_CLEANING)))
    return lock;
  release(lock);
  return 0;
}

/* Note whether an entry has used the page, and begin anew; and whether it keeps the page in memory. */
static void
harvest(struct vm_map_entry *e, uint64 va, struct vm_page *pg)
{
  was_used |= pmap_page_referenced(&e->map->pmap, va, pg);
  is_locked |= e->flags & ENTRY_WIRED;
}

/* Take the page out of an entry's page table. */
static void
unmap(struct vm_map_entry *e, uint64 va, struct vm_page *pg)
{
  pmap_page_remove(&e->map->pmap, va, pg);
}

/* Has the page been used since this was last asked? The family's lock is held. Sets is_locked, too. */
static int
used(struct vm_page *pg)
{
  is_locked = 0;
  was_used = (pg->flags & PAGE_REFERENCED) != 0;
  pg->flags &= ~PAGE_REFERENCED;
  vm_page_for_each_mapping(pg, harvest);
  return was_used;
}

/* The first hand: from here to the second hand the page has time to be used. */
static void
front_hand(struct vm_page *pg)
{
  struct spinlock *lock = lock_page(pg);

  if (lock) {
    used(pg);
    release(lock);
  }
}

/* Can the page be part of a cluster that goes to swap? */
static int
goes_out(struct vm_page *pg)
{
  return pg && pg->use == PAGE_OBJECT && pg->wire_count == 0 && !(pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_SLOT));
}

/*
 * Write the page to swap, with those of its neighbours that are unused, too.
 * The family's lock is held and given back. How many frames are free now.
 */
static int
write_out(struct vm_page *pg, struct spinlock *lock)
{
  struct vm_object *o = pg->object;
  uint64 at = pg->offset & ~(uint64)(SWAP_CLUSTER - 1);
  struct vm_page *pages[SWAP_CLUSTER], *neighbour;
  int n = 0;

  if (vm_swap_free() == 0) {
    release(lock);
    return 0;
  }
  for (int i = 0; i < SWAP_CLUSTER; i++) {
    neighbour = vm_object_lookup(o, at + i);
    if (!goes_out(neighbour) || (neighbour != pg && (used(neighbour) || is_locked)))
      continue;
    vm_page_for_each_mapping(neighbour, unmap);
    neighbour->flags |= PAGE_BUSY;
    pages[n++] = neighbour;
  }
  release(lock);
  pmap_shootdown_sync();
  return vm_swap_out(pages, lock, n);
}

/* Drop a page whose content stands elsewhere. The family's lock is held. */
static void
drop(struct vm_page *pg)
{
  vm_page_for_each_mapping(pg, unmap);
  pmap_shootdown_sync();
  if (pg->flags & PAGE_SLOT) {
    vm_swap_leave(pg);
  } else {
    vm_object_remove(pg);
    vm_page_free(pg);
  }
  __sync_fetch_and_add(&vm_counts.clean_dropped, 1);
}

/* The second hand: take the page unless it was used; with `force` even then. How many frames are free now. */
static int
back_hand(struct vm_page *pg, int force)
{
  struct spinlock *lock = lock_page(pg);
  int freed = 0;

  if (lock == 0)
    return 0;
  if ((used(pg) && !force) || is_locked) {
    release(lock);
    return 0;
  }
  if (pg->use == PAGE_OBJECT && !(pg->flags & PAGE_SLOT))
    return write_out(pg, lock);
  if (pg->use == PAGE_FILE && (pg->flags & (PAGE_DIRTY | PAGE_ERROR))) {
    release(lock);
    vnode_writeback_kick();
    return 0;
  }
  drop(pg);
  freed = 1;
  release(lock);
  return freed;
}

/* Let the hands go on until a frame is free; over everything twice, the second time taking what is in use, too. 0 when there is none. */
static int
turn(void)
{
  for (uint64 i = 0; i < 2 * pageout.frames; i++) {
    int freed;
    front_hand(&vm_pages[pageout.front]);
    freed = back_hand(&vm_pages[pageout.back], i >= pageout.frames);
    pageout.front = (pageout.front + 1) % pageout.frames;
    pageout.back = (pageout.back + 1) % pageout.frames;
    if (freed)
      return freed;
  }
  return 0;
}

/* Those who wait may look again. */
static void
wake_waiters(void)
{
  acquire(&pageout.lock);
  wakeup(&waiters_chan);
  release(&pageout.lock);
}

/* The daemon. */
static void
pageout_daemon(void)
{
  for (;;) {
    int found = 1;

    acquire(&pageout.lock);
    while (!pageout.needed)
      sleep(&daemon_chan, &pageout.lock);
    release(&pageout.lock);
    vm_counts.daemon_runs++;
    while (vm_free_frames() < pageout.high && (found = turn()) != 0)
      if (vm_free_frames() > pageout.least)
        wake_waiters();
    acquire(&pageout.lock);
    pageout.needed = 0;
    pageout.failures += found == 0;
    wakeup(&waiters_chan);
    release(&pageout.lock);
    if (!found)
      sleep_ticks(1); /* file pages are being written, perhaps */
  }
}

/* Set the watermarks, make the swap area's table and start the daemon; when the disk is mounted. */
void
vm_pageout_start(void)
{
  uint64 n = vm_total_frames();

  vm_swap_init(sb.swapstart, sb.nswap);
  pageout.frames = ((KERNBASE + machine.ram_size) >> PGSHIFT) - vm_first_frame;
  pageout.front = pageout.frames / 4;
  pageout.least = n / 256 < 24 ? 24 : n / 256;
  pageout.low = 2 * pageout.least;
  pageout.high = 3 * pageout.least;
  if (kthread("pageout", pageout_daemon) < 0)
    panic("there is no process slot or memory for the page-out daemon");
}
