/*
 * Pages of files come from the disk and go there.
 *
 * A page is read with PAGE_BUSY set and written with PAGE_CLEANING set, while
 * nobody holds a lock. Before it is written its mappings lose the right to
 * write, so a store that comes later faults and makes it dirty again.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vnode.h"
#include "vmstat.h"
#include "virtio.h"
#include "fs.h"
#include "vnode_parts.h"
#include "abi/errno.h"

#define NTRANSFERS 128  /* transfers of file pages in flight at one time */
#define FAULTAHEAD 8    /* pages that a fault brings in */
#define PUSHLEN 64      /* dirty pages that start a write-out */

/* A transfer of one page. */
struct transfer {
  struct diskio io;
  struct vm_page *pg;
  uint valid;             /* bytes of the page that are the file's, when reading */
  struct transfer *next;
};

static struct {
  struct spinlock lock;
  struct transfer slots[NTRANSFERS];
  struct transfer *free;
  uint fresh;             /* slots from here on were never used */
  uint64 writing;         /* writes in flight */
  int unflushed;          /* some were begun since the last drain */
} transfers = { .lock = { .name = "page transfers" } };

/* ---- transfers ---- */

/* A free transfer; waits for one. */
static struct transfer *
get_transfer(void)
{
  struct transfer *t;

  acquire(&transfers.lock);
  while ((t = transfers.free) == 0 && transfers.fresh == NTRANSFERS) {
    release(&transfers.lock);
    virtio_disk_kick();
    acquire(&transfers.lock);
    if (transfers.free == 0)
      sleep(&transfers.free, &transfers.lock);
  }
  if (t)
    transfers.free = t->next;
  else
    t = &transfers.slots[transfers.fresh++];
  release(&transfers.lock);
  return t;
}

/* Give it back. Callable from interrupts. */
static void
put_transfer(struct transfer *t, int wrote)
{
  acquire(&transfers.lock);
  t->next = transfers.free;
  transfers.free = t;
  if (wrote && --transfers.writing == 0)
    wakeup(&transfers.writing);
  wakeup(&transfers.free);
  release(&transfers.lock);
}

/* A transfer has ended (interrupt handler). */
static void
transfer_done(struct diskio *io)
{
  struct transfer *t = (struct transfer *)io;
  struct vm_page *pg = t->pg;
  struct spinlock *lock = pg->object->lock; /* busy and cleaning pages stay in their object */

  if (io->op == DISK_READ && t->valid < PGSIZE)
    memset((char *)page_kva(pg) + t->valid, 0, PGSIZE - t->valid);
  acquire(lock);
  if (io->op == DISK_READ && io->error)
    pg->flags |= PAGE_ERROR;
  if (io->op == DISK_WRITE && io->error)
    printf("disk: writing block %d failed, its data is lost\n", (int)io->blockno);
  pg->flags &= io->op == DISK_READ ? ~PAGE_BUSY : ~PAGE_CLEANING;
  wakeup(pg);
  release(lock);
  put_transfer(t, io->op == DISK_WRITE);
}

/* Hand a page that has been marked busy or cleaning to the disk. */
static void
start(struct transfer *t, struct vm_page *pg, enum diskop op, uint valid)
{
  t->pg = pg;
  t->valid = valid;
  t->io.data = page_kva(pg);
  t->io.blockno = pg->block;
  t->io.op = op;
  t->io.done = transfer_done;
  if (op == DISK_READ)
    VM_COUNT(file_reads);
  else
    VM_COUNT(file_writes);
  virtio_disk_start(&t->io);
}

/* ---- pages come in ---- */

/* Begin to bring a page of a locked inode in, unless it is there; with `must`, waits for memory. 0, or -ENOMEM. */
static int
begin_fetch(struct inode *ip, uint64 offset, int must)
{
  struct vm_object *o = &ip->object;
  uint64 left = o->bytes - offset * PGSIZE;
  struct vm_page *pg;
  uint block;

  if (vnode_has_page(o, offset))
    return 0;
  block = bmap(ip, offset);
  if (!must && block == 0)
    return 0;
  pg = must ? vnode_frame() : vm_page_alloc(PAGE_FILE);
  if (pg == 0)
    return -ENOMEM;
  if (block == 0)
    page_zero(page_kva(pg));
  acquire(o->lock); /* nobody else puts pages in: we have the inode's lock */
  vnode_insert_page(o, offset, pg, block, block ? PAGE_BUSY : 0);
  release(o->lock);
  if (block)
    start(get_transfer(), pg, DISK_READ, left < PGSIZE ? left : PGSIZE);
  return 0;
}

/* Begin to bring page offset of a locked inode in, and `ahead` pages after it. 0 or -ENOMEM. */
static int
fetch(struct inode *ip, uint64 offset, uint64 ahead)
{
  int error = begin_fetch(ip, offset, 1);

  for (uint64 i = 1; error == 0 && i <= ahead && offset + i < ip->object.size; i++)
    if (begin_fetch(ip, offset + i, 0) < 0)
      break;
  virtio_disk_kick();
  return error;
}

/* A fault needs a page of a mapped file. The entry that the fault is for keeps the inode. 0: look again; -ENXIO, -ENOMEM. */
int
vnode_fetch(struct vm_object *o, uint64 offset)
{
  struct inode *ip = vnode_inode(o);
  int error = -ENXIO;

  ilock(ip);
  if (offset < o->size)
    error = fetch(ip, offset, FAULTAHEAD - 1);
  iunlock(ip);
  return error;
}

/* A new page, of zeros, for a part of the file that is not on the disk. 0 or -ENOMEM. */
int
vnode_fresh_page(struct inode *ip, uint64 offset, uint block)
{
  struct vm_page *pg = vnode_frame();

  if (pg == 0)
    return -ENOMEM;
  page_zero(page_kva(pg));
  acquire(ip->object.lock);
  if (ip->object.size <= offset)
    ip->object.size = offset + 1; /* the bytes follow in vnode_write */
  vnode_insert_page(&ip->object, offset, pg, block, 0);
  vnode_mark_dirty(pg); /* before it can be taken away: the block's content is nothing */
  release(ip->object.lock);
  return 0;
}

/* A block that has just been allocated for a page that is not in memory must become zeros on the disk. 0 or -ENOMEM. */
static int
zero_block(struct inode *ip, uint64 offset, uint block)
{
  return vnode_fresh_page(ip, offset, block);
}

/*
 * A fault is going to write a page of a hole: give it a block, and make it
 * dirty so that zeros reach the block in time. 0: look again; -ENXIO, -EIO.
 */
int
vnode_allocate(struct vm_object *o, uint64 offset)
{
  struct inode *ip = vnode_inode(o);
  struct vm_page *pg;
  int fresh, error = 0;
  uint block;

  begin_op();
  ilock(ip);
  if (offset >= o->size) {
    error = -ENXIO;
  } else if ((block = bmap_alloc(ip, offset, &fresh)) == 0) {
    error = -EIO; /* the disk is full */
  } else {
    acquire(o->lock);
    pg = vm_object_lookup(o, offset);
    if (pg && !(pg->flags & PAGE_BUSY)) {
      pg->block = block;
      vnode_mark_dirty(pg);
    }
    release(o->lock);
    if (pg == 0 && fresh)
      error = zero_block(ip, offset, block);
    iupdate(ip);
  }
  iunlock(ip);
  end_op();
  return error;
}

/* The page at offset, ready, with the family's lock held; read if need be. Null and *error, and no lock: -EIO, -ENOMEM. */
struct vm_page *
vnode_ready_page(struct inode *ip, uint64 offset, uint64 ahead, int *error)
{
  struct vm_object *o = &ip->object;
  struct vm_page *pg;

  for (;;) {
    acquire(o->lock);
    pg = vm_object_lookup(o, offset);
    if (pg && (pg->flags & PAGE_BUSY)) {
      sleep(pg, o->lock);
    } else if (pg && (pg->flags & PAGE_ERROR)) {
      vnode_drop_page(pg);
      *error = -EIO;
      break;
    } else if (pg) {
      return pg;
    }
    release(o->lock);
    if (pg == 0 && (*error = fetch(ip, offset, ahead)) < 0)
      return 0;
  }
  release(o->lock);
  return 0;
}

/* ---- write-back ---- */

/* Withdraw the right to write from all mappings of the page; done when pmap_shootdown_sync has returned. The family's lock is held. */
static void
protect_page(struct vm_object *o, struct vm_page *pg)
{
  for (struct vm_map_entry *e = o->entries; e; e = e->object_next)
    if ((e->flags & ENTRY_SHARED) && pg->offset >= e->offset && pg->offset - e->offset < (e->end - e->start) / PGSIZE)
      pmap_page_protect(&e->map->pmap, e->start + (pg->offset - e->offset) * PGSIZE, pg);
}

/* Take up to n dirty pages of [first, first + count) of an object for writing, marked as being cleaned. How many; -1: look again, we have waited. */
static int
take_dirty(struct vm_object *o, uint64 first, uint64 count, struct vm_page **batch, int n)
{
  int taken = 0, mapped = o->entry_count > 0;
  struct vm_page *pg;

  for (pg = o->pages; pg && taken < n; pg = pg->list_next) {
    if (!(pg->flags & PAGE_DIRTY) || (pg->flags & PAGE_BUSY) || pg->offset < first || pg->offset - first >= count)
      continue;
    if (pg->flags & PAGE_CLEANING) {
      if (taken > 0)
        continue; /* next time */
      sleep(pg, o->lock); /* changed again while it is being written */
      return -1;
    }
    pg->flags |= PAGE_CLEANING;
    vnode_mark_clean(pg);
    if (mapped)
      protect_page(o, pg);
    batch[taken++] = pg;
  }
  if (mapped && taken > 0)
    pmap_shootdown_sync();
  if (o->tail) /* also when the mapping that left something is gone by now */
    for (int i = 0; i < taken; i++)
      if (batch[i]->offset == o->bytes / PGSIZE && o->bytes % PGSIZE)
        memset((char *)page_kva(batch[i]) + o->bytes % PGSIZE, 0, PGSIZE - o->bytes % PGSIZE);
  return taken;
}

/* Begin to write the dirty ones of pages [first, first + count) of an object. */
static void
push_object(struct vm_object *o, uint64 first, uint64 count)
{
  struct vm_page *batch[16];
  int n;

  while (o->dirty > 0) {
    acquire(o->lock);
    n = take_dirty(o, first, count, batch, 16);
    release(o->lock);
    if (n == 0)
      break;
    if (n < 0)
      continue;
    acquire(&transfers.lock);
    transfers.writing += n;
    transfers.unflushed = 1;
    release(&transfers.lock);
    for (int i = 0; i < n; i++)
      start(get_transfer(), batch[i], DISK_WRITE, PGSIZE);
    virtio_disk_kick(); /* now: the next round may sleep until one of these has been written */
  }
}

/* Begin to write the dirty ones of so many pages of a file. */
void
vnode_push_file(struct inode *ip, uint64 first, uint64 n)
{
  push_object(&ip->object, first, n);
  virtio_disk_kick();
}

/* Begin to write all dirty pages of all files. */
void
vnode_push(void)
{
  if (vnode_dirty_pages() == 0)
    return;
  for (uint i = 0; i < NINODES; i++)
    push_object(&inode_in_table(i)->object, 0, ~0UL);
  virtio_disk_kick();
}

/* Wait until all writes that were begun have arrived. */
void
vnode_drain(void)
{
  acquire(&transfers.lock);
  while (transfers.writing > 0)
    sleep(&transfers.writing, &transfers.lock);
  transfers.unflushed = 0;
  release(&transfers.lock);
}

/* Is there file data that is dirty, or written since the last drain? */
int
vnode_unwritten(void)
{
  return vnode_dirty_pages() > 0 || transfers.unflushed;
}

/* Called by writers, with nothing locked: begin a write-out when enough is dirty. */
void
vnode_throttle(void)
{
  if (vnode_dirty_pages() >= PUSHLEN)
    vnode_push();
}

/* The page-out daemon has met dirty pages: begin to write them. No lock is held. */
void
vnode_writeback_kick(void)
{
  vnode_push();
}
