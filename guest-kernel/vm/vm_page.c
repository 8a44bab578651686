/*
 * Physical frames: the only place that hands one out.
 *
 * Free frames form a list threaded through the frames themselves: the first
 * word of each points to the next. The rest of a free frame is junk, so that
 * a use after the free shows. What is in use is paid for beforehand:
 * vm_commit() promises frames, and there are never more promises than frames.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

#define JUNK 0x0101010101010101UL

struct free_frame {
  struct free_frame *next;
  uint64 junk[PGSIZE / 8 - 1];
};

struct vm_page *vm_pages;
uint64 vm_first_frame;

static struct {
  struct spinlock lock;
  struct free_frame *list;
  uint64 free;      /* frames on the list */
  uint64 total;     /* frames managed */
  uint64 structures; /* in vm_pages: total and the initial disk's */
  uint64 committed; /* frames promised, in use or not */
} frames;

typedef uint64 __attribute__((may_alias)) word;

/* Fill a page with one word, 128 bytes a round. */
static inline void
page_fill(void *page, uint64 value)
{
  word *p = page, *end = p + PGSIZE / 8;

  for (; p < end; p += 16) {
    p[0] = value, p[1] = value, p[2] = value, p[3] = value;
    p[4] = value, p[5] = value, p[6] = value, p[7] = value;
    p[8] = value, p[9] = value, p[10] = value, p[11] = value;
    p[12] = value, p[13] = value, p[14] = value, p[15] = value;
  }
}

/* Zero a page. */
void
page_zero(void *page)
{
  page_fill(page, 0);
}

/* Copy a page. */
void
page_copy(void *to, const void *from)
{
  word *d = to;
  const word *s = from, *end = s + PGSIZE / 8;

  for (; s < end; s += 8, d += 8) {
    word a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];
    d[0] = a, d[1] = b, d[2] = c, d[3] = e, d[4] = f, d[5] = g, d[6] = h, d[7] = i;
  }
}

/* Does [a, a + PGSIZE) touch the initial disk that the loader put into RAM? */
static int
in_initrd(uint64 a)
{
  return a + PGSIZE > machine.initrd_start && a < machine.initrd_end;
}

/*
 * Manage the RAM in [start, end): the array of vm_page first, all whole pages
 * after it free.
 */
void
vm_page_init(uint64 start, uint64 end)
{
  uint64 n;

  initlock(&frames.lock, "frames");
  start = PGROUNDUP(start);
  end = PGROUNDDOWN(end);
  KASSERT(end > start + (1UL << 20), "the machine has %ld KiB of memory; the kernel needs %ld KiB and one MiB to work in",
          (end - KERNBASE) >> 10, (start - KERNBASE) >> 10);
  n = (end - start) / PGSIZE;
  vm_pages = (struct vm_page *)start;
  KASSERT(!in_initrd(start), "the initial disk lies at 0x%lx, where the kernel ends", machine.initrd_start);
  start = PGROUNDUP(start + n * sizeof(struct vm_page));
  n = (end - start) / PGSIZE;
  vm_first_frame = start >> PGSHIFT;
  frames.structures = n;
  memset(vm_pages, 0, n * sizeof(struct vm_page));
  for (uint64 pa = end - PGSIZE; pa >= start; pa -= PGSIZE) {
    if (in_initrd(pa)) {
      pa_page(pa)->use = PAGE_KERNEL;
      continue;
    }
    page_fill((void *)pa, JUNK);
    ((struct free_frame *)pa)->next = frames.list;
    frames.list = (struct free_frame *)pa;
    frames.free++;
  }
  frames.total = frames.free;
}

/* Promise n frames. 0, or -ENOMEM when there are not so many unpromised. */
int
vm_commit(uint64 n)
{
  int error = 0;

  acquire(&frames.lock);
  if (n > frames.total - frames.committed)
    error = -ENOMEM;
  else
    frames.committed += n;
  release(&frames.lock);
  return error;
}

/* Take the promise of n frames back. */
void
vm_uncommit(uint64 n)
{
  acquire(&frames.lock);
  KASSERT(n <= frames.committed, "%ld frames are uncommitted but only %ld are committed", n, frames.committed);
  frames.committed -= n;
  release(&frames.lock);
}

/*
 * A frame that was promised before (vm_commit), with junk in it. Null only if
 * the promises do not hold, which is a bug of the kernel that the caller
 * survives.
 */
struct vm_page *
vm_page_alloc(uint8 use)
{
  struct free_frame *f;
  struct vm_page *pg;

  acquire(&frames.lock);
  f = frames.list;
  if (f) {
    frames.list = f->next;
    frames.free--;
    KASSERT(frames.total - frames.free <= frames.committed, "%ld frames are in use but only %ld were promised",
            frames.total - frames.free, frames.committed);
  }
  release(&frames.lock);
  if (f == 0)
    return 0;
  pg = pa_page((uint64)f);
  KASSERT(pg->use == PAGE_FREE, "frame 0x%lx is on the free list but its use is %d", (uint64)f, pg->use);
  KASSERT(f->junk[0] == JUNK && f->junk[PGSIZE / 8 - 2] == JUNK,
          "frame 0x%lx was written after it was freed: its words are 0x%lx and 0x%lx", (uint64)f, f->junk[0],
          f->junk[PGSIZE / 8 - 2]);
  pg->use = use;
  pg->wire_count = 0;
  return pg;
}

/* Put a frame back on the free list, full of junk. The promise for it stays the caller's. */
void
vm_page_free(struct vm_page *pg)
{
  struct free_frame *f = page_kva(pg);

  KASSERT(pg >= vm_pages && pg < vm_pages + frames.structures, "frame structure %p is freed but is none", (void *)pg);
  KASSERT(pg->use != PAGE_FREE, "frame 0x%lx is freed twice", (uint64)f);
  pg->use = PAGE_FREE;
  pg->object = 0;
  page_fill(f, JUNK);
  acquire(&frames.lock);
  f->next = frames.list;
  frames.list = f;
  frames.free++;
  release(&frames.lock);
}

/* Frames that the kernel manages. */
uint64
vm_total_frames(void)
{
  return frames.total;
}

/* Frames on the free list. */
uint64
vm_free_frames(void)
{
  return frames.free;
}

/* Frames promised. */
uint64
vm_committed_frames(void)
{
  return frames.committed;
}
