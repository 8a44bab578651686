/*
 * The page cache: the pages of files.
 *
 * Every inode in memory has an object, embedded in it, whose pages are the
 * content of the file: read(), write() and mappings use these pages and no
 * others. Directories are metadata and stay in the buffer cache.
 *
 * A page knows its disk block (0: a hole). It is filled with PAGE_BUSY set and
 * written with PAGE_CLEANING set, by the disk itself, while nobody holds a
 * lock; who needs it sleeps on it. Before a page is written its mappings lose
 * the right to write, so a store that comes later faults and makes it dirty
 * again. Bytes beyond the end of the file are zeros, in memory when the page
 * comes in and on the disk whenever it is written.
 *
 * The journal's order holds: dirty pages are written before the transaction
 * commits that could make their blocks part of the file (vnode_push and
 * vnode_drain in log.c's commit).
 *
 * Pages of files are promised to nobody. Clean ones that nobody maps are given
 * up when memory is short (vnode_reclaim), mapped ones by the page-out daemon.
 *
 * Locks: map->lock, inode->lock, the family's lock. A fault holds its map's
 * lock and takes the inode's; so nobody who holds an inode's lock may fault:
 * copies to and from user memory under it only use pages that are there
 * (copyout_present), and the caller, who holds nothing, faults them in.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vnode.h"
#include "vmstat.h"
#include "virtio.h"
#include "fs.h"
#include "abi/errno.h"

#define NTRANSFERS 128  /* transfers of file pages in flight at one time */
#define READAHEAD 32    /* pages that are read ahead of a sequential reader */
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
  uint64 writing;         /* writes in flight */
  int unflushed;          /* some were begun since the last drain */
} transfers;

static uint64 dirty_pages;      /* of all files; changed atomically */
static volatile int reap_wanted; /* some inode has lost its last mapping */

static const struct vm_pager vnode_pager = { .name = "file" };

static struct inode *
inode_of(struct vm_object *o)
{
  return o->pager_data;
}

/* Prepare an inode's object. Once, at boot. */
void
vnode_init(struct inode *ip)
{
  if (transfers.lock.name == 0) {
    initlock(&transfers.lock, "page transfers");
    for (int i = 0; i < NTRANSFERS; i++) {
      transfers.slots[i].next = transfers.free;
      transfers.free = &transfers.slots[i];
    }
  }
  vm_object_setup(&ip->object, 0);
  ip->object.named = 1;
  ip->object.pager = &vnode_pager;
  ip->object.pager_data = ip;
}

/* Say how long the file is now. The family's lock is held, or nobody else knows the inode. */
static void
set_bytes(struct vm_object *o, uint64 bytes)
{
  o->bytes = bytes;
  o->size = PGROUNDUP(bytes) / PGSIZE;
}

/* The inode has been read from the disk. */
void
vnode_loaded(struct inode *ip)
{
  set_bytes(&ip->object, ip->type == T_FILE ? ip->size : 0);
}

/* The file's length. */
uint
vnode_size(struct inode *ip)
{
  return ip->object.bytes;
}

/* Dirty pages of all files. */
uint64
vnode_dirty_pages(void)
{
  return dirty_pages;
}

/* ---- dirty pages ---- */

/* The page-out daemon has met dirty pages: begin to write them. No lock is held. */
void
vnode_writeback_kick(void)
{
  vnode_push();
}

/* The page is newer than the disk from now on. Its family's lock is held, and it has a block. */
void
vnode_mark_dirty(struct vm_page *pg)
{
  if (pg->flags & PAGE_DIRTY)
    return;
  pg->flags |= PAGE_DIRTY | PAGE_REFERENCED;
  pg->object->dirty++;
  if (__sync_fetch_and_add(&dirty_pages, 1) == 0)
    log_notice();
}

/* It is no longer. */
static void
mark_clean(struct vm_page *pg)
{
  if (!(pg->flags & PAGE_DIRTY))
    return;
  pg->flags &= ~PAGE_DIRTY;
  pg->object->dirty--;
  __sync_fetch_and_sub(&dirty_pages, 1);
}

/* Free a page that is neither busy nor being written, and mapped nowhere. The family's lock is held. */
static void
drop_page(struct vm_page *pg)
{
  mark_clean(pg);
  vm_object_remove(pg);
  vm_page_free(pg);
}

/* Take the page from one mapping. */
static void
unmap_from(struct vm_map_entry *e, uint64 va, struct vm_page *pg)
{
  pmap_page_remove(&e->map->pmap, va, pg);
}

/* Take the page from all address spaces; done when pmap_shootdown_sync has returned. The family's lock is held. */
static void
unmap_page(struct vm_page *pg)
{
  vm_page_for_each_mapping(pg, unmap_from);
}

/* ---- memory ---- */

/* Free clean pages of an object that nobody maps, those first that were not used since last time. How many. */
static uint64
reclaim_object(struct vm_object *o, uint64 n)
{
  struct vm_page *pg, *next;
  uint64 freed = 0;

  acquire(o->lock);
  if (o->ref_count == 1)
    for (pg = o->pages; pg && freed < n; pg = next) {
      next = pg->list_next;
      if (pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_DIRTY))
        continue;
      if (pg->flags & PAGE_REFERENCED) {
        pg->flags &= ~PAGE_REFERENCED;
        continue;
      }
      drop_page(pg);
      freed++;
    }
  release(o->lock);
  return freed;
}

/* Free up to n clean pages of files that nobody maps. How many. */
uint64
vnode_reclaim(uint64 n)
{
  static volatile uint hand;
  uint64 freed = 0;

  for (uint i = 0; i < 2 * NINODES && freed < n; i++) {
    struct inode *ip = inode_in_table(hand++ % NINODES);
    if (ip->object.resident > 0)
      freed += reclaim_object(&ip->object, n - freed);
  }
  return freed;
}

/* Wait until there is memory. No lock is held. 0, or -ENOMEM when none can be had. */
int
vnode_wait_memory(void)
{
  if (vnode_reclaim(64) > 0)
    return 0;
  if (dirty_pages > 0) {
    vnode_push();
    vnode_drain();
    if (vnode_reclaim(64) > 0)
      return 0;
  }
  return vm_page_wait();
}

/* A frame for a file's page, all junk. Waits, perhaps with the inode locked, while there is none. Null when there is no hope. */
static struct vm_page *
file_frame(void)
{
  struct vm_page *pg;

  while ((pg = vm_page_alloc(PAGE_FILE)) == 0)
    if (vnode_wait_memory() < 0)
      return 0;
  return pg;
}

/* Put a frame into the file. The family's lock is held. */
static void
insert_page(struct vm_object *o, uint64 offset, struct vm_page *pg, uint block, int flags)
{
  pg->flags = flags;
  pg->block = block;
  vm_object_insert(o, offset, pg);
}

/* ---- transfers ---- */

/* A free transfer; waits for one. */
static struct transfer *
get_transfer(void)
{
  struct transfer *t;

  acquire(&transfers.lock);
  while ((t = transfers.free) == 0) {
    release(&transfers.lock);
    virtio_disk_kick();
    acquire(&transfers.lock);
    if (transfers.free == 0)
      sleep(&transfers.free, &transfers.lock);
  }
  transfers.free = t->next;
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

/* Is the page in memory, or on its way? */
static int
has_page(struct vm_object *o, uint64 offset)
{
  int there;

  acquire(o->lock);
  there = vm_object_lookup(o, offset) != 0;
  release(o->lock);
  return there;
}

/* Begin to bring a page of a locked inode in, unless it is there; with `must`, waits for memory. 0, or -ENOMEM. */
static int
begin_fetch(struct inode *ip, uint64 offset, int must)
{
  struct vm_object *o = &ip->object;
  uint64 left = o->bytes - offset * PGSIZE;
  struct vm_page *pg;
  uint block;

  if (has_page(o, offset))
    return 0;
  block = bmap(ip, offset);
  if (!must && block == 0)
    return 0;
  pg = must ? file_frame() : vm_page_alloc(PAGE_FILE);
  if (pg == 0)
    return -ENOMEM;
  if (block == 0)
    page_zero(page_kva(pg));
  acquire(o->lock); /* nobody else puts pages in: we have the inode's lock */
  insert_page(o, offset, pg, block, block ? PAGE_BUSY : 0);
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
  struct inode *ip = inode_of(o);
  int error = -ENXIO;

  ilock(ip);
  if (offset < o->size)
    error = fetch(ip, offset, FAULTAHEAD - 1);
  iunlock(ip);
  return error;
}

/* A new page, of zeros, for a part of the file that is not on the disk, or will be written whole. 0 or -ENOMEM. */
static int
fresh_page(struct inode *ip, uint64 offset, uint block, int dirty)
{
  struct vm_page *pg = file_frame();

  if (pg == 0)
    return -ENOMEM;
  page_zero(page_kva(pg));
  acquire(ip->object.lock);
  if (ip->object.size <= offset)
    ip->object.size = offset + 1; /* the bytes follow in vnode_write */
  insert_page(&ip->object, offset, pg, block, 0);
  if (dirty)
    vnode_mark_dirty(pg); /* before it can be taken away: the block's content is nothing */
  release(ip->object.lock);
  return 0;
}

/* A block that has just been allocated for a page that is not in memory must become zeros on the disk. 0 or -ENOMEM. */
static int
zero_block(struct inode *ip, uint64 offset, uint block)
{
  return fresh_page(ip, offset, block, 1);
}

/* A fault is going to write a page of a hole: give it a block, and make it dirty so that zeros reach the block in time. 0: look again; -ENXIO, -EIO. */
int
vnode_allocate(struct vm_object *o, uint64 offset)
{
  struct inode *ip = inode_of(o);
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
static struct vm_page *
ready_page(struct inode *ip, uint64 offset, uint64 ahead, int *error)
{
  struct vm_object *o = &ip->object;
  struct vm_page *pg;

  for (;;) {
    acquire(o->lock);
    pg = vm_object_lookup(o, offset);
    if (pg && (pg->flags & PAGE_BUSY)) {
      sleep(pg, o->lock);
    } else if (pg && (pg->flags & PAGE_ERROR)) {
      drop_page(pg);
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

/* ---- read and write ---- */

/* How far to read ahead of a reader of bytes [off, off + n): as far as it goes, and more if it reads in sequence. */
static uint64
ahead_of(struct inode *ip, uint off, uint n)
{
  uint64 pages = (off + n - 1) / PGSIZE - off / PGSIZE;

  if (off / PGSIZE == ip->ra_next || off == 0)
    pages += READAHEAD;
  ip->ra_next = (off + n) / PGSIZE;
  return pages < 64 ? pages : 64;
}

/*
 * Read bytes [off, off + n) of a locked file; at most to its end. The number
 * of bytes. Ends early at a page of the user's memory that is not there:
 * -EFAULT when that is the first. -EIO, -ENOMEM.
 */
int
vnode_read(struct inode *ip, int user_dst, uint64 dst, uint off, uint n)
{
  uint64 ahead, bytes = ip->object.bytes;
  uint done = 0;
  int error = 0;

  if (off >= bytes || n == 0)
    return 0;
  if (n > bytes - off)
    n = bytes - off;
  ahead = ahead_of(ip, off, n);
  while (done < n) {
    uint at = (off + done) % PGSIZE;
    uint m = PGSIZE - at < n - done ? PGSIZE - at : n - done;
    struct vm_page *pg = ready_page(ip, (off + done) / PGSIZE, ahead, &error);
    uint64 copied = m;
    if (pg == 0)
      break;
    pg->flags |= PAGE_REFERENCED;
    if (user_dst)
      copied = copyout_present(myproc()->map, dst + done, (char *)page_kva(pg) + at, m);
    else
      memmove((void *)(dst + done), (char *)page_kva(pg) + at, m);
    release(ip->object.lock);
    done += copied;
    if (copied < m) {
      error = -EFAULT;
      break;
    }
  }
  return done > 0 ? (int)done : error;
}

/* Write m bytes into one page, at offset at. How many, or -errno. */
static int
write_page(struct inode *ip, uint64 offset, uint at, int user_src, uint64 src, uint m, uint block, int fresh)
{
  struct vm_object *o = &ip->object;
  int absent = !has_page(o, offset), error = 0;
  uint64 copied = m, end;
  struct vm_page *pg;

  if (absent && (fresh || m == PGSIZE || offset * PGSIZE >= o->bytes))
    error = fresh_page(ip, offset, block, fresh || m < PGSIZE);
  if (error)
    return error;
  pg = ready_page(ip, offset, 0, &error);
  if (pg == 0)
    return error;
  pg->block = block;
  if (user_src)
    copied = copyin_present(myproc()->map, (char *)page_kva(pg) + at, src, m);
  else
    memmove((char *)page_kva(pg) + at, (void *)src, m);
  if (copied > 0 || fresh)
    vnode_mark_dirty(pg);
  if (copied == 0 && absent && !fresh && m == PGSIZE)
    drop_page(pg); /* we have nothing to replace its content with */
  end = offset * PGSIZE + at + copied;
  if (copied > 0 && end > o->bytes)
    set_bytes(o, end);
  release(o->lock);
  return copied > 0 ? (int)copied : -EFAULT;
}

/* Zeros from the end of a locked file to the end of its last page: a mapping may have left something there. */
static void
clear_tail(struct vm_object *o)
{
  struct vm_page *pg;

  acquire(o->lock);
  if (o->bytes % PGSIZE && o->entry_count > 0 && (pg = vm_object_lookup(o, o->bytes / PGSIZE)) != 0 &&
      !(pg->flags & PAGE_BUSY))
    memset((char *)page_kva(pg) + o->bytes % PGSIZE, 0, PGSIZE - o->bytes % PGSIZE);
  release(o->lock);
}

/*
 * Write bytes at offset off of a locked file, inside an operation; see writei.
 * The number of bytes. Ends early at a page of the user's memory that is not
 * there: -EFAULT when that is the first. -ENOSPC, -EIO, -ENOMEM.
 */
int
vnode_write(struct inode *ip, int user_src, uint64 src, uint off, uint n)
{
  struct vm_object *o = &ip->object;
  uint done = 0;
  int error = 0, changed = 0;

  if (off + n > o->bytes)
    clear_tail(o);
  while (done < n && error == 0) {
    uint at = (off + done) % PGSIZE;
    uint m = PGSIZE - at < n - done ? PGSIZE - at : n - done;
    int fresh, r;
    uint block;
    if (user_src && !user_present(myproc()->map, src + done, PROT_READ)) {
      error = -EFAULT; /* before anything is allocated for it */
      break;
    }
    block = bmap_alloc(ip, (off + done) / PGSIZE, &fresh);
    if (block == 0) {
      error = -ENOSPC;
      break;
    }
    changed |= fresh;
    r = write_page(ip, (off + done) / PGSIZE, at, user_src, src + done, m, block, fresh);
    if (r > 0)
      done += r;
    if (r < (int)m)
      error = r < 0 ? r : -EFAULT;
  }
  if (done > 0 && off + done > ip->size) {
    ip->size = off + done;
    changed = 1;
  }
  acquire(o->lock);
  set_bytes(o, o->bytes); /* size in pages may have run ahead */
  release(o->lock);
  if (error != 0)
    ishrink(ip, ip->size); /* give back what was allocated beyond the end */
  else if (changed)
    iupdate(ip);
  return done > 0 ? (int)done : error;
}

/* ---- truncation ---- */

/* Free the object's pages from `pages` on, wherever they are mapped. Sleeps; the family's lock is held and given back meanwhile. */
static void
cut_pages(struct vm_object *o, uint64 pages)
{
  struct vm_page *pg, *next;

  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset < pages)
      continue;
    if (pg->flags & (PAGE_BUSY | PAGE_CLEANING)) {
      sleep(pg, o->lock);
      next = o->pages; /* all may be different */
      continue;
    }
    if (o->entry_count + o->shadow_count > 0) {
      unmap_page(pg);
      pmap_shootdown_sync();
    }
    drop_page(pg);
  }
}

/*
 * The file ends at size now: pages beyond go, also from address spaces, where
 * a touch is a bus error then. The rest of the last page becomes zeros, in
 * memory and, when it is written, on the disk.
 */
void
vnode_truncate(struct inode *ip, uint64 size)
{
  struct vm_object *o = &ip->object;
  int error;

  if (size % PGSIZE && size < o->bytes) {
    struct vm_page *pg = ready_page(ip, size / PGSIZE, 0, &error);
    if (pg) {
      memset((char *)page_kva(pg) + size % PGSIZE, 0, PGSIZE - size % PGSIZE);
      if (pg->block)
        vnode_mark_dirty(pg);
      release(o->lock);
    }
  }
  acquire(o->lock);
  if (size < o->bytes)
    set_bytes(o, size);
  if (o->pages)
    cut_pages(o, PGROUNDUP(size) / PGSIZE);
  release(o->lock);
}

/* The file ends at size now, further than before: what lies between is a hole. */
void
vnode_extend(struct inode *ip, uint64 size)
{
  struct vm_object *o = &ip->object;

  clear_tail(o);
  acquire(o->lock);
  if (size > o->bytes)
    set_bytes(o, size);
  release(o->lock);
}

/* Drop all pages of an inode that nobody points to, if that needs no waiting. Done? */
int
vnode_discard(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int possible = 1;

  acquire(o->lock);
  if (o->ref_count > 1)
    possible = 0;
  for (struct vm_page *pg = o->pages; pg && possible; pg = pg->list_next)
    possible = !(pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_DIRTY));
  while (possible && o->pages)
    drop_page(o->pages);
  release(o->lock);
  return possible;
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
    mark_clean(pg);
    if (mapped)
      protect_page(o, pg);
    batch[taken++] = pg;
  }
  if (mapped && taken > 0) {
    pmap_shootdown_sync();
    for (int i = 0; i < taken; i++)
      if (batch[i]->offset == o->bytes / PGSIZE && o->bytes % PGSIZE)
        memset((char *)page_kva(batch[i]) + o->bytes % PGSIZE, 0, PGSIZE - o->bytes % PGSIZE);
  }
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
  if (dirty_pages == 0)
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
  return dirty_pages > 0 || transfers.unflushed;
}

/* Called by writers, with nothing locked: begin a write-out when enough is dirty. */
void
vnode_throttle(void)
{
  if (dirty_pages >= PUSHLEN)
    vnode_push();
}

/* ---- mappings ---- */

/* One more reference to the object of a file, for an entry. The caller has a pointer to the inode. */
struct vm_object *
vnode_map(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int extra;

  idup(ip);
  acquire(o->lock);
  extra = ip->mapped; /* one pointer for all mappings together is enough */
  ip->mapped = 1;
  o->ref_count++;
  release(o->lock);
  if (extra)
    iput(ip);
  return o;
}

/* A reference from vnode_map was not used. */
void
vnode_unmap(struct vm_object *o)
{
  vm_object_release(o);
  vnode_reap();
}

/* An object has lost a reference (vm_object.c). Its family's lock is held. */
void
vnode_released(struct vm_object *o)
{
  if (o->ref_count == 1)
    reap_wanted = 1;
}

/* Give the pointers to inodes back that nobody maps any more, and begin to write what was stored through mappings. Nothing is locked. */
void
vnode_reap(void)
{
  if (!reap_wanted)
    return;
  reap_wanted = 0;
  for (uint i = 0; i < NINODES; i++) {
    struct inode *ip = inode_in_table(i);
    struct vm_object *o = &ip->object;
    int gone;
    if (!ip->mapped)
      continue;
    acquire(o->lock);
    gone = ip->mapped && o->ref_count == 1;
    if (gone)
      ip->mapped = 0;
    release(o->lock);
    if (!gone)
      continue;
    if (o->dirty > 0)
      vnode_push_file(ip, 0, ~0UL);
    begin_op();
    iput(ip);
    end_op();
  }
}

/* Does a program run from this file? */
int
vnode_is_text(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int text = 0;

  acquire(o->lock);
  for (struct vm_map_entry *e = o->entries; e && !text; e = e->object_next)
    text = (e->protection & PROT_EXEC) && !(e->flags & ENTRY_SHARED);
  release(o->lock);
  return text;
}
