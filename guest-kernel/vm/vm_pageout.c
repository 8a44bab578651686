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
 * are free: the rest is for page tables, the kernel and the daemon itself. And
 * as many again are left to pages of files, which nobody has promised: so a
 * program's text can come in even if private pages fill memory and swap.
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
#include "vnode.h"
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

/* What a walk over a page's mappings finds. */
struct usage {
  int used;   /* since the last walk */
  int locked; /* an entry keeps it in memory */
};

/* ---- those who need frames ---- */

/* So many free frames a page of this use must leave. */
static uint64
left_by(uint8 use)
{
  return use == PAGE_OBJECT ? 2 * pageout.least : pageout.least;
}

/* Frames never given to users' private pages. */
uint64
vm_reserved_frames(void)
{
  return left_by(PAGE_OBJECT);
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
  return free > left_by(use) || (use != PAGE_OBJECT && use != PAGE_FILE);
}

/* Wait until there are frames for this use. 0, or -ENOMEM when none can be made. */
int
vm_page_wait(uint8 use)
{
  uint64 failures;
  int error = 0;

  if (pageout.low == 0)
    return -ENOMEM;
  acquire(&pageout.lock);
  failures = pageout.failures;
  while (vm_free_frames() <= left_by(use) && error == 0) {
    wake_daemon();
    sleep(&waiters_chan, &pageout.lock);
    if (failures != pageout.failures && vm_free_frames() <= left_by(use))
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
harvest(struct vm_map_entry *e, uint64 va, struct vm_page *pg, void *arg)
{
  struct usage *u = arg;

  u->used |= pmap_page_referenced(&e->map->pmap, va, pg);
  u->locked |= e->flags & ENTRY_WIRED;
}

/* How the page has been used since this was last asked. The family's lock is held. */
static struct usage
usage_of(struct vm_page *pg)
{
  struct usage u = { .used = (pg->flags & PAGE_REFERENCED) != 0 };

  pg->flags &= ~PAGE_REFERENCED;
  vm_page_for_each_mapping(pg, harvest, &u);
  return u;
}

/* The first hand: from here to the second hand the page has time to be used. */
static void
front_hand(struct vm_page *pg)
{
  struct spinlock *lock = lock_page(pg);

  if (lock) {
    usage_of(pg);
    release(lock);
  }
}

/* Can the page be part of a cluster that goes to swap? */
static int
goes_out(struct vm_page *pg)
{
  return pg && pg->use == PAGE_OBJECT && pg->wire_count == 0 && !(pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_SLOT));
}

/* Has nobody used the page since this was last asked, and does nobody keep it in memory? */
static int
unused(struct vm_page *pg)
{
  struct usage u = usage_of(pg);

  return !u.used && !u.locked;
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
    if (!goes_out(neighbour) || (neighbour != pg && !unused(neighbour)))
      continue;
    vm_page_unmap(neighbour);
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
  vm_page_unmap(pg);
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
  struct usage u;

  if (lock == 0)
    return 0;
  u = usage_of(pg);
  if ((u.used && !force) || u.locked) {
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
  release(lock);
  return 1;
}

/* madvise(MADV_PAGEOUT): let the page that o has at offset leave memory, if it can. Its user's map is locked. Sleeps. */
void
vm_page_expel(struct vm_object *o, uint64 offset)
{
  struct vm_page *pg;

  acquire(o->lock);
  pg = vm_object_lookup(o, offset);
  release(o->lock);
  if (pg)
    back_hand(pg, 1); /* should it be another's page by now, that one goes */
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
  pageout.low = 3 * pageout.least;
  pageout.high = 4 * pageout.least;
  if (kthread("pageout", pageout_daemon) < 0)
    panic("there is no process slot or memory for the page-out daemon");
}
