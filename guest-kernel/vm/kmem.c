/*
 * Kernel memory: whole pages for other parts of the kernel, and caches of
 * small structures cut from pages (slabs).
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "abi/errno.h"

/* At the start of a slab's page; structures follow. */
struct slab {
  struct slab *next, *prev; /* in the cache's list, while it has room */
  void *free;               /* first free structure; its first word links on */
  uint nfree;
};

static uint64 slab_frames; /* in all caches; changed atomically */

/* The process that wants one of its allocations to fail, 0 for none, and how many are left until that one. */
int kmem_inject_pid;
static int inject_left;

/*
 * faultinject(n): let the n-th allocation from now in this process fail; 0 for
 * none. Allocations are structures and their reservation, promises, frames
 * and swap slots. What an earlier n had left: 0 when that one has failed.
 */
long
sys_faultinject(void)
{
  int n = (int)argraw(0), pid = myproc()->pid, left = kmem_inject_pid == pid ? inject_left : 0;

  if (n < 0)
    return -EINVAL;
  inject_left = n;
  kmem_inject_pid = n ? pid : 0;
  return left;
}

/* Some process wants an allocation to fail: must this one? */
int
kmem_inject(void)
{
  struct proc *p = myproc();

  if (p == 0 || p->pid != kmem_inject_pid || --inject_left > 0)
    return 0;
  kmem_inject_pid = 0;
  return 1;
}

/*
 * A frame that was promised, zeroed or not. Waits for the page-out daemon to
 * free one where the caller may sleep: with interrupts on nobody holds a spin
 * lock. Null when none could be had.
 */
static struct vm_page *
promised_frame(uint8 use, int zeroed)
{
  for (;;) {
    struct vm_page *pg = zeroed ? vm_page_alloc_zeroed(use) : vm_page_alloc(use);
    if (pg || !intr_get() || myproc() == 0 || vm_page_wait(use) < 0)
      return pg;
  }
}

/* One zero-filled frame at its kernel address; null when memory is used up or promised to others. May sleep. */
void *
kpage_alloc(void)
{
  struct vm_page *pg;

  if (vm_commit(1) < 0)
    return 0;
  pg = promised_frame(PAGE_KERNEL, 1);
  if (pg == 0) {
    vm_uncommit(1);
    return 0;
  }
  return page_kva(pg);
}

/* Give a frame of kpage_alloc back. */
void
kpage_free(void *page)
{
  struct vm_page *pg = pa_page((uint64)page);

  KASSERT(((uint64)page & (PGSIZE - 1)) == 0 && pg->use == PAGE_KERNEL, "%p is freed but is no kernel page", page);
  vm_page_free(pg);
  vm_uncommit(1);
}

/* Frames that are neither used nor promised. */
uint64
kpage_free_count(void)
{
  uint64 committed = vm_committed_frames(), total = vm_total_frames();

  return committed < total ? total - committed : 0; /* there may be more promises than frames, with swap */
}

/* Frames that the caches hold. */
uint64
kmem_frames(void)
{
  return slab_frames;
}

/* Make an empty cache of structures of size bytes. */
void
kmem_cache_init(struct kmem_cache *c, const char *name, uint size)
{
  memset(c, 0, sizeof *c);
  initlock(&c->lock, name);
  c->name = name;
  c->size = (size + 7) & ~7u;
}

/* Structures in one slab. */
static uint
slab_capacity(struct kmem_cache *c)
{
  return (PGSIZE - sizeof(struct slab)) / c->size;
}

/* Add a slab. c->lock must be held. 0; -ENOMEM when the memory is promised to others, -EAGAIN when it is only slow to come. */
static int
add_slab(struct kmem_cache *c)
{
  struct vm_page *pg;
  struct slab *s;
  char *p;

  if (vm_commit_urgent(1) < 0)
    return -ENOMEM;
  pg = vm_page_alloc(PAGE_SLAB);
  if (pg == 0) {
    vm_uncommit(1);
    return -EAGAIN;
  }
  s = page_kva(pg);
  s->nfree = slab_capacity(c);
  s->free = 0;
  p = (char *)(s + 1) + (s->nfree - 1) * c->size;
  for (uint i = 0; i < s->nfree; i++, p -= c->size) {
    *(void **)p = s->free;
    s->free = p;
  }
  s->prev = 0;
  s->next = c->partial;
  if (c->partial)
    c->partial->prev = s;
  c->partial = s;
  c->nfree += s->nfree;
  c->nslabs++;
  __sync_fetch_and_add(&slab_frames, 1);
  return 0;
}

/* Take a slab out of the list of those with room. c->lock must be held. */
static void
unlist_slab(struct kmem_cache *c, struct slab *s)
{
  if (s->prev)
    s->prev->next = s->next;
  else
    c->partial = s->next;
  if (s->next)
    s->next->prev = s->prev;
}

/* Take a zeroed structure from a slab; there is one. c->lock must be held. */
static void *
take(struct kmem_cache *c)
{
  struct slab *s = c->partial;
  void *p = s->free;

  s->free = *(void **)p;
  if (--s->nfree == 0)
    unlist_slab(c, s);
  c->nfree--;
  c->inuse++;
  return memset(p, 0, c->size);
}

/* After a failure, with no lock held: is it worth trying again? Sleeps if the caller may. */
static int
may_try_again(int error)
{
  return error == -EAGAIN && intr_get() && myproc() && vm_page_wait(PAGE_SLAB) == 0;
}

/* A zeroed structure, or null. Never one that is reserved. */
void *
kmem_alloc(struct kmem_cache *c)
{
  void *p = 0;
  int error = 0;

  if (kmem_fault_injected())
    return 0;
  do {
    acquire(&c->lock);
    if (c->nfree <= c->reserved)
      error = add_slab(c);
    if (c->nfree > c->reserved)
      p = take(c);
    release(&c->lock);
  } while (p == 0 && may_try_again(error));
  return p;
}

/* Promise n structures to a caller who cannot do without later. 0 or -ENOMEM. */
int
kmem_reserve(struct kmem_cache *c, uint n)
{
  int error;

  if (kmem_fault_injected())
    return -ENOMEM;
  do {
    acquire(&c->lock);
    error = 0;
    while (error == 0 && c->nfree < c->reserved + n)
      error = add_slab(c);
    if (error == 0)
      c->reserved += n;
    release(&c->lock);
  } while (may_try_again(error));
  return error ? -ENOMEM : 0;
}

/* The promise of n structures is no longer needed. */
void
kmem_unreserve(struct kmem_cache *c, uint n)
{
  acquire(&c->lock);
  KASSERT(n <= c->reserved, "%d structures of cache \"%s\" are unreserved but only %ld are reserved", n, c->name,
          c->reserved);
  c->reserved -= n;
  release(&c->lock);
}

/* A zeroed structure that was promised by kmem_reserve. */
void *
kmem_alloc_reserved(struct kmem_cache *c)
{
  void *p;

  acquire(&c->lock);
  KASSERT(c->reserved > 0 && c->nfree >= c->reserved, "cache \"%s\" has promised %ld structures but has %ld", c->name,
          c->reserved, c->nfree);
  c->reserved--;
  p = take(c);
  release(&c->lock);
  return p;
}

/* Give a structure back; a slab that is wholly free goes too, unless it is needed for promises. */
void
kmem_free(struct kmem_cache *c, void *p)
{
  struct slab *s = (struct slab *)PGROUNDDOWN(p);
  int gone = 0;

  KASSERT(pa_page((uint64)s)->use == PAGE_SLAB, "%p is freed to cache \"%s\" but is in no slab", p, c->name);
  acquire(&c->lock);
  *(void **)p = s->free;
  s->free = p;
  if (s->nfree++ == 0) {
    s->prev = 0;
    s->next = c->partial;
    if (c->partial)
      c->partial->prev = s;
    c->partial = s;
  }
  c->nfree++;
  c->inuse--;
  if (s->nfree == slab_capacity(c) && c->nfree - s->nfree >= c->reserved) {
    unlist_slab(c, s);
    c->nfree -= s->nfree;
    c->nslabs--;
    gone = 1;
  }
  release(&c->lock);
  if (gone) {
    vm_page_free(pa_page((uint64)s));
    vm_uncommit(1);
    __sync_fetch_and_sub(&slab_frames, 1);
  }
}
