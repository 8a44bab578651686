/*
 * Free frames: the only place that hands one out.
 *
 * Above the regions that they lie in (vm_regions.c) each hart has a cache of
 * frames of its own, which spares it waiting for the others, and there is a
 * store of zeroed frames that idle harts fill. Frames in caches and store are
 * free frames and are counted so.
 *
 * Lock order: a cache's lock or the store's, then that of the regions.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "frames_parts.h"

#define CACHE_MAX 32   /* frames in a hart's cache at most */
#define CACHE_MOVE 16  /* so many come or go at once */
#define STORE_MAX 128  /* zeroed frames at most */
#define STORE_LOW 64   /* so few, and an idle hart is woken to zero more */

struct vm_page *vm_zero_page;

static uint64 in_use, file_frames; /* frames that are not free, and of these, those used as PAGE_FILE; changed atomically */

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

/* Called once, at boot. */
void
vm_caches_init(void)
{
  initlock(&store.lock, "zeroed frames");
  for (int h = 0; h < NCPU; h++)
    initlock(&caches[h].lock, "a hart's frames");
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
    c->n += regions_take(&c->list, CACHE_MOVE);
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

/* Give a list of free frames with a lock of its own back to the regions. */
static void
empty_list(struct spinlock *lock, struct free_frame **list, volatile uint *n)
{
  acquire(lock);
  regions_give(list, n, 0);
  release(lock);
}

/*
 * A superpage is wanted and no region is whole: let the frames in caches and
 * store, which lie scattered over many, go back to theirs. Not again until as
 * many frames as a region has have come back: else it would be in vain. Done?
 */
static int
gather(void)
{
  static volatile uint64 gathered; /* how many had come back the last time */

  if (regions_whole() || regions_returned() - gathered < SUPERPAGE_PAGES || regions_scarce())
    return 0;
  for (int h = 0; h < NCPU; h++)
    empty_list(&caches[h].lock, &caches[h].list, &caches[h].n);
  empty_list(&store.lock, &store.list, &store.n);
  gathered = regions_returned();
  return 1;
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
  __sync_fetch_and_add(&in_use, 1);
  if (use == PAGE_FILE)
    __sync_fetch_and_add(&file_frames, 1);
  return pg;
}

/* Must a frame for this use be refused, to leave it for more urgent ones (not while there are plenty), or for a test? */
static inline int
refused(uint8 use)
{
  return (regions_scarce() && !vm_page_allowed(use)) || kmem_fault_injected();
}

/* A frame with junk in it, wherever there is one; null when none is free. */
static struct vm_page *
take_frame(uint8 use)
{
  struct free_frame *f = cache_take();

  if (f == 0 && (f = steal()) == 0)
    return 0;
  KASSERT(f->junk == JUNK && f->last_junk == JUNK,
          "frame 0x%lx was written after it was freed: its words are 0x%lx and 0x%lx", (uint64)f, f->junk, f->last_junk);
  return begin_use(f, use);
}

/*
 * A frame with junk in it; never sleeps. Null when none is free, and for user
 * pages already when few are (vm_page_wait), for the page cache even earlier.
 */
struct vm_page *
vm_page_alloc(uint8 use)
{
  return refused(use) ? 0 : take_frame(use);
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
  pg = take_frame(use);
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

  KASSERT(regions_know(pg), "frame structure %p is freed but is none", (void *)pg);
  KASSERT(use != PAGE_FREE, "frame 0x%lx is freed twice", (uint64)f);
  pg->use = PAGE_FREE;
  pg->flags = 0;
  pg->object = 0;
  f->junk = JUNK;
  f->last_junk = JUNK;
  c = &caches[cpuid()];
  acquire(&c->lock);
  if (c->n >= CACHE_MAX)
    regions_give(&c->list, &c->n, CACHE_MAX - CACHE_MOVE);
  f->next = c->list;
  c->list = f;
  c->n++;
  release(&c->lock);
  __sync_fetch_and_sub(&in_use, 1);
  if (use == PAGE_FILE)
    __sync_fetch_and_sub(&file_frames, 1);
  if (flags & PAGE_CHARGED)
    vm_uncommit(1);
}

/*
 * A frame for page `offset` of the object with this number, which its user
 * shows at va, from the region reserved for the window around it; a window
 * without one gets one when `reserve` is set. Null when there is no such
 * frame: then any will do.
 */
struct vm_page *
vm_page_alloc_window(uint64 owner, uint64 offset, uint64 va, int reserve, uint8 use)
{
  uint64 i = va >> PGSHIFT & (SUPERPAGE_PAGES - 1);
  struct free_frame *f;

  if (refused(use))
    return 0;
  f = regions_take_window(owner, offset - i, i, reserve);
  if (f == 0 && reserve && gather())
    f = regions_take_window(owner, offset - i, i, reserve);
  return f ? begin_use(f, use) : 0;
}

/* For an idle hart: zero a frame and store it. 0 when there are enough, or free frames are scarce. */
int
vm_page_zero_one(void)
{
  struct free_frame *f = 0;

  if (store.n >= STORE_MAX || regions_free() < 4 * STORE_MAX)
    return 0;
  if (regions_take(&f, 1) == 0)
    return 0;
  page_zero(f);
  acquire(&store.lock);
  f->next = store.list;
  store.list = f;
  store.n++;
  release(&store.lock);
  return 1;
}

/* Free frames, wherever they are. */
uint64
vm_free_frames(void)
{
  return vm_total_frames() - in_use;
}

/* Frames in use by the page cache. */
uint64
vm_file_frames(void)
{
  return file_frames;
}
