/*
 * The regions of RAM that free frames lie in.
 *
 * RAM is managed in regions of 2 MiB. A region's free frames form a list
 * threaded through the frames themselves: the first word of each points to
 * the next, and two more hold a pattern, so that a use after the free shows.
 * Frames that were never used are not in the list but counted from `fresh`
 * on, so that boot need not touch them. Single frames come from regions that
 * are broken into already; so whole regions stay for superpages.
 *
 * A region can be reserved for an aligned window of an object: then its
 * frames go to the pages of that window, each to its place, until the window
 * is full and can be mapped as one superpage (vm_super.c). A reservation
 * promises nothing: when other frames run out it is broken.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "frames_parts.h"

struct region {
  struct region *next, *prev; /* in one of the lists below, while it has free frames */
  struct region **list;       /* which one */
  struct free_frame *free;
  uint16 nfree;               /* free frames: on the list, fresh, or not given in a reservation */
  uint16 fresh;               /* frames from this one to the limit were never used */
  uint16 limit;               /* frames that it has */
  uint64 owner;               /* number of the object that it is reserved for (vm_object.number); 0: none */
  uint64 window;              /* ... and for its pages from here on, modulo 2^64 */
  uint64 given[REGION_FRAMES / 64]; /* while reserved: the frames in use */
};

struct vm_page *vm_pages;
uint64 vm_first_frame;

static struct {
  struct spinlock lock;
  struct region *partial;  /* regions that single frames come from */
  struct region *whole;    /* all free */
  struct region *reserved; /* reserved and not yet full */
  uint64 free;             /* frames in regions */
  uint64 total;            /* frames managed */
  uint64 structures;       /* in vm_pages: total and the initial disk's */
  uint64 first_region;     /* number (address >> 21) of regions[0] */
  uint64 plenty;           /* with more free than this nobody need ask */
  uint64 returned;         /* frames that have come back to the regions */
} frames;

static struct region *regions;

/* ---- regions; frames.lock is held ---- */

/* The region of an address. */
static inline struct region *
region_of(uint64 pa)
{
  return &regions[(pa >> 21) - frames.first_region];
}

/* Its first frame's address: as if it were complete. */
static inline uint64
region_pa(struct region *r)
{
  return (frames.first_region + (uint64)(r - regions)) << 21;
}

/* Put the region into the list where it belongs now. */
static void
relist(struct region *r)
{
  struct region **list = r->nfree == 0              ? 0
                         : r->nfree == REGION_FRAMES ? &frames.whole
                         : r->owner                  ? &frames.reserved
                                                     : &frames.partial;

  if (list == &frames.whole)
    r->owner = 0;
  if (list == r->list)
    return;
  if (r->list) {
    if (r->prev)
      r->prev->next = r->next;
    else
      *r->list = r->next;
    if (r->next)
      r->next->prev = r->prev;
  }
  r->list = list;
  if (list == 0)
    return;
  r->prev = 0;
  r->next = *list;
  if (r->next)
    r->next->prev = r;
  *list = r;
}

/* Put a frame into its region's list. */
static void
thread_frame(struct region *r, struct free_frame *f)
{
  f->junk = JUNK;
  f->last_junk = JUNK;
  f->next = r->free;
  r->free = f;
}

/* The end of a reservation: what was not given can go to anybody. */
static void
break_reservation(struct region *r)
{
  r->owner = 0;
  r->fresh = r->limit;
  r->free = 0;
  for (uint i = 0; i < REGION_FRAMES; i++)
    if (!(r->given[i / 64] & (1UL << (i % 64))))
      thread_frame(r, (struct free_frame *)(region_pa(r) + i * PGSIZE));
  relist(r);
}

/* A region with free frames that may go to anybody, or null. */
static struct region *
open_region(void)
{
  struct region *r = frames.partial ? frames.partial : frames.whole;

  if (r || frames.reserved == 0)
    return r;
  for (r = frames.reserved; r->next; r = r->next)
    ; /* the one that has not been used for the longest time */
  break_reservation(r);
  return r;
}

/* Give a frame back to its region. */
static void
give(struct free_frame *f)
{
  struct region *r = region_of((uint64)f);
  uint i = (uint64)f >> PGSHIFT & (REGION_FRAMES - 1);

  if (r->owner)
    r->given[i / 64] &= ~(1UL << (i % 64));
  else
    thread_frame(r, f);
  r->nfree++;
  frames.free++;
  frames.returned++;
  if (r->owner && r->nfree == REGION_FRAMES) { /* nothing of it is used any more: as good as new */
    r->free = 0;
    r->fresh = 0;
  }
  relist(r);
}

/* ---- what vm_frames.c uses ---- */

/* Take up to n free frames out of the regions and put them into a list. How many there were. */
uint
regions_take(struct free_frame **list, uint n)
{
  uint taken = 0;
  struct region *r;

  acquire(&frames.lock);
  while (taken < n && (r = open_region()) != 0) {
    uint from = taken;
    struct free_frame *f;
    for (; taken < n && r->nfree > taken - from; taken++) {
      f = r->free;
      if (f) {
        r->free = f->next;
      } else {
        f = (struct free_frame *)(region_pa(r) + (uint64)r->fresh++ * PGSIZE);
        f->junk = JUNK;
        f->last_junk = JUNK;
      }
      f->next = *list;
      *list = f;
    }
    r->nfree -= taken - from;
    frames.free -= taken - from;
    relist(r);
  }
  release(&frames.lock);
  return taken;
}

/* Give frames of a list of n back to their regions until `keep` are left. */
void
regions_give(struct free_frame **list, volatile uint *n, uint keep)
{
  acquire(&frames.lock);
  while (*n > keep) {
    struct free_frame *f = *list;
    *list = f->next;
    --*n;
    give(f);
  }
  release(&frames.lock);
}

/*
 * A frame for place i of the window from page `window` on of the object with
 * this number, from the region reserved for that; a window without one gets
 * one when `reserve` is set. Null when there is no such frame.
 */
struct free_frame *
regions_take_window(uint64 owner, uint64 window, uint64 i, int reserve)
{
  struct free_frame *f = 0;
  struct region *r;

  acquire(&frames.lock);
  for (r = frames.reserved; r && !(r->owner == owner && r->window == window); r = r->next)
    ;
  if (r == 0 && reserve && (r = frames.whole) != 0) {
    r->owner = owner;
    r->window = window;
    memset(r->given, 0, sizeof r->given);
  }
  if (r && !(r->given[i / 64] & (1UL << (i % 64)))) {
    r->given[i / 64] |= 1UL << (i % 64);
    r->nfree--;
    frames.free--;
    relist(r);
    f = (struct free_frame *)(region_pa(r) + i * PGSIZE);
  }
  release(&frames.lock);
  return f;
}

/* Is a region wholly free? */
int
regions_whole(void)
{
  return frames.whole != 0;
}

/* Free frames in regions; those in caches and store are not counted. */
uint64
regions_free(void)
{
  return frames.free;
}

/* Are so few of them free that one must ask for whom a frame is? */
int
regions_scarce(void)
{
  return frames.free <= frames.plenty;
}

/* Frames that have come back to the regions since boot. */
uint64
regions_returned(void)
{
  return frames.returned;
}

/* Is there a structure for this frame? */
int
regions_know(struct vm_page *pg)
{
  return pg >= vm_pages && pg < vm_pages + frames.structures;
}

/* Are all frames of pg's region, a complete one, in use, so that they may be one superpage? */
int
vm_page_region_full(struct vm_page *pg)
{
  struct region *r = region_of(page_pa(pg));

  return r->nfree == 0 && r->limit == REGION_FRAMES;
}

/* Frames that the kernel manages. */
uint64
vm_total_frames(void)
{
  return frames.total;
}

/* ---- boot ---- */

/* Does [a, a + PGSIZE) touch the initial disk that the loader put into RAM? */
static int
in_initrd(uint64 a)
{
  return a + PGSIZE > machine.initrd_start && a < machine.initrd_end;
}

/* Make a region of the frames [first, end) in it; the initial disk's are taken out. */
static void
make_region(struct region *r, uint64 first, uint64 end)
{
  uint64 base = region_pa(r);

  r->fresh = (first - base) / PGSIZE;
  r->limit = (end - base) / PGSIZE;
  if (end > machine.initrd_start && first < machine.initrd_end) {
    r->fresh = r->limit;
    for (uint64 pa = first; pa < end; pa += PGSIZE) {
      if (in_initrd(pa)) {
        pa_page(pa)->use = PAGE_KERNEL;
        continue;
      }
      thread_frame(r, (struct free_frame *)pa);
      r->nfree++;
    }
  } else {
    r->nfree = r->limit - r->fresh;
  }
  frames.free += r->nfree;
  relist(r);
}

/*
 * Manage the RAM in [start, end): the arrays of vm_page and of regions first,
 * all whole pages after them free.
 */
void
vm_page_init(uint64 start, uint64 end)
{
  uint64 n, nregions;

  initlock(&frames.lock, "frames");
  vm_caches_init();
  start = PGROUNDUP(start);
  end = PGROUNDDOWN(end);
  KASSERT(end > start + (1UL << 20), "the machine has %ld KiB of memory; the kernel needs %ld KiB and one MiB to work in",
          (end - KERNBASE) >> 10, (start - KERNBASE) >> 10);
  KASSERT(!in_initrd(start), "the initial disk lies at 0x%lx, where the kernel ends", machine.initrd_start);
  n = (end - start) / PGSIZE;
  vm_pages = (struct vm_page *)start;
  regions = (struct region *)(vm_pages + n);
  nregions = ((end - 1) >> 21) - (start >> 21) + 1;
  start = PGROUNDUP(regions + nregions);
  n = (end - start) / PGSIZE;
  vm_first_frame = start >> PGSHIFT;
  frames.structures = n;
  frames.first_region = start >> 21;
  memset(vm_pages, 0, (uint64)(regions + nregions) - (uint64)vm_pages);
  for (uint64 first = end; first > start; end = first) {
    first = (end - 1) & ~(SUPERPAGE - 1);
    make_region(region_of(end - 1), first > start ? first : start, end);
  }
  frames.total = frames.free;
  frames.plenty = frames.total / 8 + 256;
}
