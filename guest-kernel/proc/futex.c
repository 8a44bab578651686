/*
 * futex: wait for a word of user memory to change, and wake those who wait.
 *
 * Waiters are found by the word's identity: (object, offset in it) in a
 * shared mapping, so that processes meet; (map, address) in private memory.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/futex.h"

#define NBUCKETS 32

/* A word. */
struct word {
  const void *space; /* a vm_object or a vm_map */
  uint64 offset;     /* bytes in it */
};

/* A process that waits; on its kernel stack. */
struct waiter {
  struct word word;
  struct proc *proc;
  volatile int woken;
  int queued; /* in its bucket's list; the bucket's lock guards this and the next two */
  struct waiter *next, *prev;
};

static struct bucket {
  struct spinlock lock;
  struct waiter *first, *last;
} buckets[NBUCKETS];

/* Called once, at boot. */
void
futex_init(void)
{
  for (int i = 0; i < NBUCKETS; i++)
    initlock(&buckets[i].lock, "futex");
}

/* Identify the word at user address va. 0; -EINVAL when misaligned, -EFAULT when it cannot be read. */
static int
find_word(struct vm_map *map, uint64 va, struct word *w)
{
  struct vm_map_entry *e;
  uint32 value;

  if (va & 3)
    return -EINVAL;
  if (copyin(map, &value, va, sizeof value) < 0)
    return -EFAULT;
  acquiresleep(&map->lock);
  e = vm_map_lookup(map, va);
  if (e && (e->flags & ENTRY_SHARED)) {
    w->space = e->object;
    w->offset = e->offset * PGSIZE + (va - e->start);
  } else {
    w->space = map;
    w->offset = va;
  }
  releasesleep(&map->lock);
  return 0;
}

/* Where the word's waiters queue. */
static struct bucket *
bucket_of(struct word *w)
{
  uint64 h = ((uint64)w->space >> 6) + (w->offset >> 2);

  return &buckets[(h ^ h >> 5 ^ h >> 10) % NBUCKETS];
}

/* Put w at the end of its bucket's list. */
static void
enqueue(struct bucket *b, struct waiter *w)
{
  acquire(&b->lock);
  w->queued = 1;
  w->next = 0;
  w->prev = b->last;
  if (b->last)
    b->last->next = w;
  else
    b->first = w;
  b->last = w;
  release(&b->lock);
}

/* Take w out of its bucket's list. The lock is held. */
static void
unlink_waiter(struct bucket *b, struct waiter *w)
{
  if (w->prev)
    w->prev->next = w->next;
  else
    b->first = w->next;
  if (w->next)
    w->next->prev = w->prev;
  else
    b->last = w->prev;
  w->queued = 0;
}

/* If w still waits, let it wait no more: 1. 0 when somebody has woken it. */
static int
withdraw(struct bucket *b, struct waiter *w)
{
  int queued;

  acquire(&b->lock);
  queued = w->queued;
  if (queued)
    unlink_waiter(b, w);
  release(&b->lock);
  return queued;
}

/*
 * Sleep while the word at va is `value`, until mtime `until`. We queue first
 * and look at the word then: who changes it and wakes after that finds us.
 */
static int
futex_wait(uint64 va, uint32 value, uint64 until)
{
  struct proc *p = myproc();
  struct waiter w;
  struct bucket *b;
  uint32 now;
  int result = find_word(p->map, va, &w.word);

  if (result < 0)
    return result;
  w.proc = p;
  w.woken = 0;
  b = bucket_of(&w.word);
  enqueue(b, &w);
  if (copyin(p->map, &now, va, sizeof now) < 0)
    result = -EFAULT;
  else if (now != value)
    result = -EAGAIN;
  else
    result = sleep_until(until, &w.woken);
  if (!withdraw(b, &w)) {
    /* Taken from the list: wait until the waker has finished with w, which is on our stack. */
    while (!w.woken)
      yield();
    result = 0;
  }
  return result;
}

/* Wake at most n of those who wait for the word at va; how many. */
static int
futex_wake(uint64 va, int n)
{
  struct word word;
  struct bucket *b;
  struct waiter *w, *next;
  int woken = find_word(myproc()->map, va, &word);

  if (woken < 0)
    return woken;
  b = bucket_of(&word);
  acquire(&b->lock);
  for (w = b->first; w && woken < n; w = next) {
    struct proc *sleeper = w->proc;
    next = w->next;
    if (w->word.space != word.space || w->word.offset != word.offset)
      continue;
    unlink_waiter(b, w);
    woken++;
    set_flag(&w->woken, sleeper); /* from now on *w may be gone */
  }
  release(&b->lock);
  return woken;
}

/* futex(uint32 *word, int operation, uint32 value, const struct timespec *timeout): see abi/futex.h. */
long
sys_futex(void)
{
  uint64 va = argraw(0), timeout_va = argraw(3), until = ~0UL, counts;
  int operation = (int)argraw(1) & ~FUTEX_PRIVATE_FLAG, error;

  switch (operation) {
  case FUTEX_WAIT:
    if (timeout_va) {
      error = fetch_timespec(timeout_va, &counts);
      if (error)
        return error;
      until = r_time() + counts;
    }
    return futex_wait(va, (uint32)argraw(2), until);
  case FUTEX_WAKE:
    return futex_wake(va, (int)argraw(2));
  default:
    return -ENOSYS;
  }
}
