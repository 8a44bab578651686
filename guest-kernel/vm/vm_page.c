/*
 * Promises of frames, and work on whole pages. What is in use is paid for
 * beforehand: vm_commit() promises frames, and there are never more promises
 * than frames. vm_frames.c hands them out.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "vm_swap.h"
#include "abi/errno.h"

/* Promises. */
static struct {
  struct spinlock lock;
  uint64 committed; /* frames promised, in use or not */
} frames = { .lock = { .name = "promised frames" } };

typedef uint64 __attribute__((may_alias)) word;

/* Zero 8 words. */
static inline void
zero_8(word *p)
{
  p[0] = 0, p[1] = 0, p[2] = 0, p[3] = 0;
  p[4] = 0, p[5] = 0, p[6] = 0, p[7] = 0;
}

/* Zero a page, 256 bytes a round. */
void
page_zero(void *page)
{
  word *p = page, *end = p + PGSIZE / 8;

  for (; p < end; p += 32) {
    zero_8(p);
    zero_8(p + 8);
    zero_8(p + 16);
    zero_8(p + 24);
  }
}

/* Copy 8 words; the loads first, for machines that must wait for them. */
static inline void
copy_8(word *d, const word *s)
{
  word a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];

  d[0] = a, d[1] = b, d[2] = c, d[3] = e, d[4] = f, d[5] = g, d[6] = h, d[7] = i;
}

/* Copy a page, 256 bytes a round. */
void
page_copy(void *to, const void *from)
{
  word *d = to;
  const word *s = from, *end = s + PGSIZE / 8;

  for (; s < end; s += 32, d += 32) {
    copy_8(d, s);
    copy_8(d + 8, s + 8);
    copy_8(d + 16, s + 16);
    copy_8(d + 24, s + 24);
  }
}

/* Frames and swap slots that can be promised: not the last few, or pages could not change places when each is in use. */
uint64
vm_commit_limit(void)
{
  return vm_total_frames() - vm_reserved_frames() - SWAP_CLUSTER + vm_swap_total();
}

/* Promise n frames unless there are more than `limit` promises then. 0 or -ENOMEM. */
static int
commit(uint64 n, uint64 limit)
{
  int error = 0;

  if (kmem_fault_injected())
    return -ENOMEM;
  acquire(&frames.lock);
  if (frames.committed > limit || n > limit - frames.committed)
    error = -ENOMEM;
  else
    frames.committed += n;
  release(&frames.lock);
  return error;
}

/* Promise n frames, or slots for what they hold. 0, or -ENOMEM when there are not so many unpromised. */
int
vm_commit(uint64 n)
{
  return commit(n, vm_commit_limit());
}

/*
 * The same for the few frames that the kernel needs to change or undo what
 * there is, such as splitting an entry of which a part is to be unmapped: some
 * of those that users are never promised can be had for it.
 */
int
vm_commit_urgent(uint64 n)
{
  return commit(n, vm_commit_limit() + vm_reserved_frames() / 4);
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

/* Frames promised. */
uint64
vm_committed_frames(void)
{
  return frames.committed;
}
