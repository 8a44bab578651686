/*
 * Swapping: pages of anonymous objects go to slots on the disk (vm_slots.c)
 * and come back, some neighbours at a time. Who needs a page on its way sleeps
 * on it: PAGE_BUSY is set, and no lock is held.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "virtio.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmstat.h"
#include "swap_parts.h"
#include "abi/errno.h"

static struct spinlock io_lock = { .name = "swap transfers" };

/* ---- transfers ---- */

struct batch {
  int left; /* transfers in flight */
  int error;
};

struct transfer {
  struct diskio io; /* first */
  struct batch *batch;
};

/* A transfer has ended (interrupt handler). */
static void
done(struct diskio *io)
{
  struct batch *b = ((struct transfer *)io)->batch;

  acquire(&io_lock);
  b->error |= io->error;
  if (--b->left == 0)
    wakeup(b);
  release(&io_lock);
}

/* Read or write n pages, each with its slot, and wait. 0 or -EIO. */
static int
transfer_all(enum diskop op, struct vm_page **pages, const uint32 *slots, int n)
{
  struct transfer t[SWAP_CLUSTER];
  struct batch b = { n, 0 };

  for (int i = 0; i < n; i++) {
    t[i] = (struct transfer){ .io = { .data = page_kva(pages[i]), .blockno = slot_block(slots[i]), .op = op,
                                      .done = done },
                              .batch = &b };
    virtio_disk_start(&t[i].io);
  }
  virtio_disk_kick();
  acquire(&io_lock);
  while (b.left > 0)
    sleep(&b, &io_lock);
  release(&io_lock);
  return b.error ? -EIO : 0;
}

/* ---- a page that has a slot leaves memory ---- */

/* A page leaves memory for slot n: if it was promised by itself the promise is the slot's now. */
static void
hand_promise(struct vm_page *pg, uint32 n)
{
  if (pg->flags & PAGE_CHARGED)
    slot_set_charged(n, 1);
  pg->flags &= ~PAGE_CHARGED;
}

/* A page in memory that has a slot, and that no PTE shows, leaves memory. The family's lock is held. */
void
vm_swap_leave(struct vm_page *pg)
{
  struct vm_object *o = pg->object;
  uint32 n = vm_swap_find(o, pg->offset);

  pg->flags &= ~PAGE_SLOT;
  hand_promise(pg, n);
  o->swapped++;
  vm_object_remove(pg);
  vm_page_free(pg);
}

/* ---- in ---- */

/* A frame for page `offset` of o, which stands in a slot: busy, and in its place. Null when memory is short. */
static struct vm_page *
begin_in(struct vm_object *o, uint64 offset, uint32 n)
{
  struct vm_page *pg = vm_page_alloc(PAGE_OBJECT);

  if (pg == 0)
    return 0;
  pg->flags |= PAGE_BUSY | PAGE_SLOT | (slot_set_charged(n, 0) ? PAGE_CHARGED : 0);
  vm_object_insert(o, offset, pg);
  o->swapped--;
  return pg;
}

/* Reading a page has ended: let others have it. The family's lock is held. */
static void
end_in(struct vm_page *pg, int error)
{
  pg->flags &= ~PAGE_BUSY;
  wakeup(pg);
  if (pg->flags & PAGE_DOOMED) {
    vm_page_free(pg);
  } else if (error) {
    vm_swap_leave(pg);
  }
}

/*
 * Bring in the page of o at offset, which stands in a slot and is not in
 * memory, and those that follow it both there and here. The family's lock is
 * held, given back in between, and held again. 0: look for the page again;
 * -EIO; -ENOMEM when no frame can be had (overcommitment).
 */
int
vm_swap_in(struct vm_object *o, uint64 offset)
{
  struct spinlock *lock = o->lock;
  struct vm_page *pages[SWAP_CLUSTER];
  uint32 slots[SWAP_CLUSTER], n = vm_swap_find(o, offset);
  int count = 0, error;

  VM_COUNT_FAULT(swap);
  while (count < SWAP_CLUSTER) {
    pages[count] = begin_in(o, offset + count, n + count);
    if (pages[count] == 0)
      break;
    slots[count] = n + count;
    count++;
    if (offset + count >= o->size || !slot_holds(n + count, o, offset + count) || vm_object_lookup(o, offset + count) ||
        !vm_page_allowed(PAGE_FILE))
      break; /* beyond the size stand slots that shm.c is about to free */
  }
  release(lock);
  if (count == 0) {
    error = vm_page_wait(PAGE_OBJECT);
    acquire(lock);
    return error;
  }
  error = transfer_all(DISK_READ, pages, slots, count);
  __sync_fetch_and_add(&vm_counts.pages_in, count);
  acquire(lock);
  for (int i = 0; i < count; i++)
    end_in(pages[i], error);
  return error;
}

/* What brings pages of anonymous objects. The page-out daemon writes them out, by clusters of its choice (vm_swap_out). */
const struct vm_pager swap_pager = { .name = "swap", .has = vm_swap_has, .get = vm_swap_in };

/* ---- out ---- */

/* Writing a page to slot n has ended. The family's lock is held. Has the page left memory? */
static int
end_out(struct vm_page *pg, uint32 n, int error)
{
  struct vm_object *o = pg->object;
  uint32 offset = pg->offset;

  pg->flags &= ~PAGE_BUSY;
  wakeup(pg);
  if (pg->flags & PAGE_DOOMED) {
    vm_page_free(pg);
    slot_give_back(n);
    return 1;
  }
  if (error) {
    slot_give_back(n);
    return 0;
  }
  hand_promise(pg, n);
  vm_object_remove(pg);
  slot_enter(n, o, offset);
  o->swapped++;
  vm_page_free(pg);
  return 1;
}

/*
 * Write pages of one family out and free their frames. The caller has made
 * them busy and taken them from all page tables, and holds no lock. How many
 * have gone; the others are as before, and not busy.
 */
int
vm_swap_out(struct vm_page **pages, struct spinlock *lock, int n)
{
  uint32 first, slots[SWAP_CLUSTER];
  int got = slot_take_run(n, &first), error = 0, gone = 0;

  for (int i = 0; i < got; i++)
    slots[i] = first + i;
  if (got > 0)
    error = transfer_all(DISK_WRITE, pages, slots, got);
  acquire(lock);
  for (int i = 0; i < got; i++)
    gone += end_out(pages[i], slots[i], error);
  for (int i = got; i < n; i++) {
    pages[i]->flags &= ~PAGE_BUSY;
    wakeup(pages[i]);
    if (pages[i]->flags & PAGE_DOOMED) {
      vm_page_free(pages[i]);
      gone++;
    }
  }
  release(lock);
  __sync_fetch_and_add(&vm_counts.pages_out, error ? 0 : got);
  return gone;
}
