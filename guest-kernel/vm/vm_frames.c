/*
 * Free frames: the only place that hands one out.
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
 *
 * Above the regions each hart has a cache of frames of its own, which spares
 * it waiting for the others, and there is a store of zeroed frames that idle
 * harts fill. Frames in caches and store are free frames and are counted so.
 *
 * Lock order: a cache's lock or the store's, then frames.lock.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"

#define JUNK 0x0101010101010101UL
#define CACHE_MAX 32   /* frames in a hart's cache at most */
#define CACHE_MOVE 16  /* so many come or go at once */
#define STORE_MAX 128  /* zeroed frames at most */
#define STORE_LOW 64   /* so few, and an idle hart is woken to zero more */
#define REGION_FRAMES SUPERPAGE_PAGES

/* A free frame. In the store of zeroed frames all but the first word is zero instead. */
struct free_frame {
  struct free_frame *next;
  uint64 junk;
  uint64 rest[PGSIZE / 8 - 3];
  uint64 last_junk;
};

struct region {
  struct region *next, *prev; /* in one of the lists below, while it has free frames */
  struct region **list;       /* which one */
  struct free_frame *free;
  uint16 nfree;               /* free frames: on the list, fresh, or not given in a reservation */
  uint16 fresh;               /* frames from this one to the limit were never used */
  uint16 limit;               /* frames that it has */
  struct vm_object *owner;    /* reserved for this object, or null; just a name, never looked into */
  uint64 window;              /* ... and for its pages from here on, modulo 2^64 */
  uint64 given[REGION_FRAMES / 64]; /* while reserved: the frames in use */
};

struct vm_page *vm_pages;
uint64 vm_first_frame;
struct vm_page *vm_zero_page;

static struct {
  struct spinlock lock;
  struct region *partial;  /* regions that single frames come from */
  struct region *whole;    /* all free */
  struct region *reserved; /* reserved and not yet full */
  uint64 free;             /* frames in regions */
  uint64 total;            /* frames managed */
  uint64 structures;       /* in vm_pages: total and the initial disk's */
  uint64 first_region;     /* number (address >> 21) of regions[0] */
  uint64 in_use;           /* frames that are not free; changed atomically */
  uint64 file;             /* frames in use as PAGE_FILE; changed atomically */
  uint64 plenty;           /* with more free than this nobody need ask */
} frames;

static struct region *regions;

static struct cache {
  struct spinlock lock;
  struct free_frame *list;
  volatile uint n;
} __attribute__((aligned(64))) caches[NCPU];

/* Zeroed frames. */
static struct {
  struct spinlock lock;
  struct free_frame *list;
  volatile uint n;
} store;

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

/* Take up to n free frames out of the regions and put them into a list. How many there were. */
static uint
region_take(struct free_frame **list, uint n)
{
  uint taken = 0;
  struct region *r;

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
  return taken;
}

/* Give a frame back to its region. */
static void
region_give(struct free_frame *f)
{
  struct region *r = region_of((uint64)f);
  uint i = (uint64)f >> PGSHIFT & (REGION_FRAMES - 1);

  if (r->owner)
    r->given[i / 64] &= ~(1UL << (i % 64));
  else
    thread_frame(r, f);
  r->nfree++;
  frames.free++;
  if (r->owner && r->nfree == REGION_FRAMES) { /* nothing of it is used any more: as good as new */
    r->free = 0;
    r->fresh = 0;
  }
  relist(r);
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
  initlock(&store.lock, "zeroed frames");
  for (int h = 0; h < NCPU; h++)
    initlock(&caches[h].lock, "a hart's frames");
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
  frames.plenty = frames.total / 8 + 2 * STORE_MAX;
}

/* Make the page of zeros. Called once, when frames can be had. */
void
vm_zero_page_init(void)
{
  void *page = kpage_alloc();

  KASSERT(page, "there is no memory for the page of zeros");
  vm_zero_page = pa_page((uint64)page);
}

/* ---- caches ---- */

/* Move frames from the regions into a cache whose lock is held. */
static void
refill(struct cache *c)
{
  acquire(&frames.lock);
  c->n += region_take(&c->list, CACHE_MOVE);
  release(&frames.lock);
}

/* Move frames from a cache whose lock is held back to the regions. */
static void
drain(struct cache *c)
{
  acquire(&frames.lock);
  while (c->n > CACHE_MAX - CACHE_MOVE) {
    struct free_frame *f = c->list;
    c->list = f->next;
    c->n--;
    region_give(f);
  }
  release(&frames.lock);
}

/* Take a frame out of a list of n. */
static struct free_frame *
pop(struct free_frame **list, volatile uint *n)
{
  struct free_frame *f = *list;

  if (f) {
    *list = f->next;
    --*n;
  }
  return f;
}

/* A frame from this hart's cache, which takes from the regions what it lacks. Null when those have none either. */
static struct free_frame *
cache_take(void)
{
  struct cache *c;
  struct free_frame *f;

  c = &caches[cpuid()]; /* should we be moved to another hart just now: its lock guards it for us, too */
  acquire(&c->lock);
  if (c->list == 0)
    refill(c);
  f = pop(&c->list, &c->n);
  release(&c->lock);
  return f;
}

/* A frame from the store of zeroed ones, or null. Its first word is not zero. */
static struct free_frame *
store_take(void)
{
  struct free_frame *f;

  if (store.n == 0)
    return 0;
  acquire(&store.lock);
  f = pop(&store.list, &store.n);
  release(&store.lock);
  KASSERT(f == 0 || (f->junk == 0 && f->last_junk == 0), "frame 0x%lx was written after it was zeroed: 0x%lx, 0x%lx",
          (uint64)f, f->junk, f->last_junk);
  return f;
}

/* The last resort: a frame that lies in another hart's cache or in the store. */
static struct free_frame *
steal(void)
{
  struct free_frame *f = store_take();

  if (f)
    f->junk = f->last_junk = JUNK;
  for (int h = 0; f == 0 && h < NCPU; h++) {
    acquire(&caches[h].lock);
    f = pop(&caches[h].list, &caches[h].n);
    release(&caches[h].lock);
  }
  return f;
}

/* ---- what others call ---- */

/* The structure of a frame that leaves the free ones. */
static struct vm_page *
begin_use(struct free_frame *f, uint8 use)
{
  struct vm_page *pg = pa_page((uint64)f);

  KASSERT(pg->use == PAGE_FREE, "frame 0x%lx is among the free ones but its use is %d", (uint64)f, pg->use);
  pg->use = use;
  pg->flags = 0;
  pg->wire_count = 0;
  __sync_fetch_and_add(&frames.in_use, 1);
  if (use == PAGE_FILE)
    __sync_fetch_and_add(&frames.file, 1);
  return pg;
}

/* Must a frame for this use be refused, to leave it for more urgent ones? Not while there are plenty. */
static inline int
refused(uint8 use)
{
  return frames.free <= frames.plenty && !vm_page_allowed(use);
}

/*
 * A frame with junk in it; never sleeps. Null when none is free, and for user
 * pages already when few are (vm_page_wait), for the page cache even earlier.
 */
struct vm_page *
vm_page_alloc(uint8 use)
{
  struct free_frame *f;

  if (refused(use))
    return 0;
  f = cache_take();
  if (f == 0 && (f = steal()) == 0)
    return 0;
  KASSERT(f->junk == JUNK && f->last_junk == JUNK,
          "frame 0x%lx was written after it was freed: its words are 0x%lx and 0x%lx", (uint64)f, f->junk, f->last_junk);
  return begin_use(f, use);
}

/* The same, but full of zeros. */
struct vm_page *
vm_page_alloc_zeroed(uint8 use)
{
  struct free_frame *f;
  struct vm_page *pg;

  if (refused(use))
    return 0;
  f = store_take();
  if (f) {
    if (store.n == STORE_LOW)
      wake_idle_hart(); /* to fill it again */
    f->next = 0;
    return begin_use(f, use);
  }
  pg = vm_page_alloc(use);
  if (pg)
    page_zero(page_kva(pg));
  return pg;
}

/* Free a frame. The promise for it stays the caller's, unless the page was charged for itself (PAGE_CHARGED). */
void
vm_page_free(struct vm_page *pg)
{
  struct free_frame *f = page_kva(pg);
  struct cache *c;
  uint8 use = pg->use, flags = pg->flags;

  KASSERT(pg >= vm_pages && pg < vm_pages + frames.structures, "frame structure %p is freed but is none", (void *)pg);
  KASSERT(use != PAGE_FREE, "frame 0x%lx is freed twice", (uint64)f);
  pg->use = PAGE_FREE;
  pg->flags = 0;
  pg->object = 0;
  f->junk = JUNK;
  f->last_junk = JUNK;
  c = &caches[cpuid()];
  acquire(&c->lock);
  if (c->n >= CACHE_MAX)
    drain(c);
  f->next = c->list;
  c->list = f;
  c->n++;
  release(&c->lock);
  __sync_fetch_and_sub(&frames.in_use, 1);
  if (use == PAGE_FILE)
    __sync_fetch_and_sub(&frames.file, 1);
  if (flags & PAGE_CHARGED)
    vm_uncommit(1);
}

/*
 * A frame for page `offset` of an object that its user shows at va, from the
 * region reserved for the window around it; a window without one gets one
 * when `reserve` is set. Null when there is no such frame: then any will do.
 */
struct vm_page *
vm_page_alloc_window(struct vm_object *o, uint64 offset, uint64 va, int reserve, uint8 use)
{
  uint64 i = va >> PGSHIFT & (REGION_FRAMES - 1), window = offset - i;
  struct free_frame *f = 0;
  struct region *r;

  if (refused(use))
    return 0;
  acquire(&frames.lock);
  for (r = frames.reserved; r && !(r->owner == o && r->window == window); r = r->next)
    ;
  if (r == 0 && reserve && (r = frames.whole) != 0) {
    r->owner = o;
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
  return f ? begin_use(f, use) : 0;
}

/* Are all frames of pg's region, a complete one, in use, so that they may be one superpage? */
int
vm_page_region_full(struct vm_page *pg)
{
  struct region *r = region_of(page_pa(pg));

  return r->nfree == 0 && r->limit == REGION_FRAMES;
}

/* For an idle hart: zero a frame and store it. 0 when there are enough, or free frames are scarce. */
int
vm_page_zero_one(void)
{
  struct free_frame *f = 0;

  if (store.n >= STORE_MAX || frames.free < 4 * STORE_MAX)
    return 0;
  acquire(&frames.lock);
  region_take(&f, 1);
  release(&frames.lock);
  if (f == 0)
    return 0;
  page_zero(f);
  acquire(&store.lock);
  f->next = store.list;
  store.list = f;
  store.n++;
  release(&store.lock);
  return 1;
}

/* Frames that the kernel manages. */
uint64
vm_total_frames(void)
{
  return frames.total;
}

/* Free frames, wherever they are. */
uint64
vm_free_frames(void)
{
  return frames.total - frames.in_use;
}

/* Frames in use by the page cache. */
uint64
vm_file_frames(void)
{
  return frames.file;
}
