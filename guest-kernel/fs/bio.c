// Buffer cache: disk blocks in memory, one page frame each.
//
// A block has at most one buffer. bread returns it locked with its content; brelse gives it back.
// What is here is metadata, which reaches the disk through the journal (log_write in log.c); the
// content of files is in the page cache (vm/), which writes it itself.
//
// A reference (refcnt) keeps a buffer in the cache: one for each holder, one while a read-ahead is
// in flight, one while it is in the journal. Buffers without references wait on the free list, least
// recently used first, still findable.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"

#define NBUFMAX   2048       // 8 MiB
#define NBUFMIN   384        // the journal's smallest share and every process's needs fit in this
#define NHASH     1024

static struct {
  struct spinlock lock;
  uint nbuf;
  uint nfree;
  struct buf free;           // ring of buffers with refcnt 0; next is the least recently used
  int starving;              // somebody waits for a free buffer
  struct buf *hash[NHASH];
} bcache;

static struct buf bufs[NBUFMAX];

static void
ring_init(struct buf *ring)
{
  ring->next = ring->prev = ring;
}

static void
ring_append(struct buf *ring, struct buf *b)
{
  b->next = ring;
  b->prev = ring->prev;
  ring->prev->next = b;
  ring->prev = b;
}

static void
ring_remove(struct buf *b)
{
  b->next->prev = b->prev;
  b->prev->next = b->next;
  b->next = b->prev = 0;
}

static struct buf **
hash_slot(uint blockno)
{
  return &bcache.hash[blockno % NHASH];
}

// Take the cache's frames: a sixteenth of the free memory, within bounds. Once, at boot, so that
// the number of free frames says something about everybody else.
void
binit(void)
{
  initlock(&bcache.lock, "bcache");
  ring_init(&bcache.free);
  uint64 want = kpage_free_count() / 16;
  if (want < NBUFMIN)
    want = NBUFMIN;
  if (want > NBUFMAX)
    want = NBUFMAX;
  for (uint i = 0; i < want; i++) {
    struct buf *b = &bufs[i];
    b->data = kpage_alloc();
    if (b->data == 0)
      panic("buffer cache: out of memory after %d of %d blocks; give the machine more memory", i, (int)want);
    initsleeplock(&b->lock, "buffer");
    b->blockno = ~0U;
    ring_append(&bcache.free, b);
    bcache.nbuf++;
    bcache.nfree++;
  }
}

// Number of buffers.
uint
bcount(void)
{
  return bcache.nbuf;
}

// Take one more reference to a buffer. bcache.lock held.
static void
ref(struct buf *b)
{
  if (b->refcnt++ == 0) {
    ring_remove(b);
    bcache.nfree--;
  }
}

// Give a reference back. bcache.lock held.
static void
unref(struct buf *b)
{
  if (b->refcnt == 0)
    panic("buffer cache: block %d released once too often", b->blockno);
  if (--b->refcnt == 0) {
    ring_append(&bcache.free, b);
    bcache.nfree++;
    if (bcache.starving) {
      bcache.starving = 0;
      wakeup(&bcache.free);
    }
  }
}

// The buffer that holds the block, or 0. bcache.lock held.
static struct buf *
find(uint dev, uint blockno)
{
  for (struct buf *b = *hash_slot(blockno); b; b = b->hash)
    if (b->blockno == blockno && b->dev == dev)
      return b;
  return 0;
}

// Let the least recently used free buffer stand for a block from now on. bcache.lock held, and the
// free list not empty. The result has one reference.
static struct buf *
recycle(uint dev, uint blockno)
{
  struct buf *b = bcache.free.next;
  if (b->blockno != ~0U) {
    struct buf **p = hash_slot(b->blockno);
    while (*p != b)
      p = &(*p)->hash;
    *p = b->hash;
  }
  ref(b);
  b->dev = dev;
  b->blockno = blockno;
  b->valid = b->failed = 0;
  b->hash = *hash_slot(blockno);
  *hash_slot(blockno) = b;
  return b;
}

// A referenced, unlocked buffer for the block, from the cache or recycled; waits while every buffer
// is in use. *valid says whether its content is there (once it is, it stays, and who learns it here,
// under the lock that the interrupt handler takes, sees that content). bcache.lock is not held.
static struct buf *
getref(uint dev, uint blockno, int *valid)
{
  struct buf *b;

  if (blockno >= sb.size && sb.size != 0)
    panic("file system: block number %d lies beyond the disk's %d blocks; the file system is damaged",
          blockno, sb.size);
  acquire(&bcache.lock);
  for (;;) {
    if ((b = find(dev, blockno)) != 0) {
      ref(b);
      break;
    }
    if (bcache.free.next != &bcache.free) {
      b = recycle(dev, blockno);
      break;
    }
    bcache.starving = 1;
    sleep(&bcache.free, &bcache.lock);
  }
  *valid = b->valid;
  release(&bcache.lock);
  return b;
}

// A transfer has ended (interrupt handler).
static void
transfer_done(struct diskio *io)
{
  struct buf *b = (struct buf *)((char *)io - __builtin_offsetof(struct buf, io));

  acquire(&bcache.lock);
  b->failed = io->error != 0;
  if (io->op == DISK_READ)
    b->valid = !b->failed;
  else if (b->failed)
    printf("disk: writing block %d failed, its data is lost\n", (int)io->blockno);
  b->busy = 0;
  wakeup(b);
  if (b->async) {
    b->async = 0;
    unref(b);
  }
  release(&bcache.lock);
}

// Hand a buffer that has been marked busy to the driver, for block number blockno.
static void
transfer(struct buf *b, enum diskop op, uint blockno)
{
  b->io.data = b->data;
  b->io.blockno = blockno;
  b->io.op = op;
  b->io.done = transfer_done;
  virtio_disk_start(&b->io);
}

// Wait until no transfer of b is in flight.
void
bwait(struct buf *b)
{
  acquire(&bcache.lock);
  while (b->busy)
    sleep(b, &bcache.lock);
  release(&bcache.lock);
}

// Begin to write b's data to block blockno (its own, or a slot of the journal). The caller keeps b
// and calls virtio_disk_kick and bwait, and then looks at b->failed.
void
bstart_write(struct buf *b, uint blockno)
{
  acquire(&bcache.lock);
  while (b->busy)
    sleep(b, &bcache.lock);
  b->busy = 1;
  release(&bcache.lock);
  transfer(b, DISK_WRITE, blockno);
}

// Begin to read b if its content is not there and not on its way. b is referenced.
static void
start_read(struct buf *b)
{
  acquire(&bcache.lock);
  while (b->busy && !b->valid)
    sleep(b, &bcache.lock);
  int wanted = !b->valid;
  if (wanted)
    b->busy = 1;
  release(&bcache.lock);
  if (wanted) {
    transfer(b, DISK_READ, b->blockno);
    virtio_disk_kick();
    bwait(b);
  }
}

// A locked buffer for the block, whose content may or may not be there (b->valid). For a caller
// that is going to replace all of it: set valid once it is complete.
struct buf *
bget(uint dev, uint blockno)
{
  int valid;
  struct buf *b = getref(dev, blockno, &valid);
  acquiresleep(&b->lock);
  if (valid)
    return b;
  acquire(&bcache.lock);
  while (b->busy && !b->valid)
    sleep(b, &bcache.lock);
  release(&bcache.lock);
  return b;
}

// A locked buffer for a block that has just been allocated: all zeros, whatever is on the disk.
struct buf *
bzeroed(uint dev, uint blockno)
{
  struct buf *b = bget(dev, blockno);
  memset(b->data, 0, BSIZE);
  b->valid = 1;
  return b;
}

// A locked buffer with the block's content, or 0 if the disk could not read it.
struct buf *
bread_data(uint dev, uint blockno)
{
  int valid;
  struct buf *b = getref(dev, blockno, &valid);
  acquiresleep(&b->lock);
  if (!valid)
    start_read(b);
  if (!b->valid) {
    brelse(b);
    return 0;
  }
  return b;
}

// The same for metadata, without which nothing can go on.
struct buf *
bread(uint dev, uint blockno)
{
  struct buf *b = bread_data(dev, blockno);
  if (b == 0)
    panic("disk: block %d, which holds file system structures, cannot be read", blockno);
  return b;
}

// Write a locked buffer to its own block and wait. Not for blocks that the journal protects.
void
bwrite(struct buf *b)
{
  if (!holdingsleep(&b->lock))
    panic("buffer cache: bwrite of block %d, which the caller has not locked", b->blockno);
  bstart_write(b, b->blockno);
  virtio_disk_kick();
  bwait(b);
}

// Unlock a buffer and give it back. b must not be used afterwards.
void
brelse(struct buf *b)
{
  if (!holdingsleep(&b->lock))
    panic("buffer cache: brelse of block %d, which the caller has not locked", b->blockno);
  releasesleep(&b->lock);
  acquire(&bcache.lock);
  unref(b);
  release(&bcache.lock);
}

// Keep b in the cache until bunpin.
void
bpin(struct buf *b)
{
  acquire(&bcache.lock);
  ref(b);
  release(&bcache.lock);
}

void
bunpin(struct buf *b)
{
  acquire(&bcache.lock);
  unref(b);
  release(&bcache.lock);
}

// Begin to read a block that will be wanted soon, if it is not in the cache and buffers are not
// scarce. The caller calls virtio_disk_kick after its last one.
void
breadahead(uint dev, uint blockno)
{
  struct buf *b;

  if (blockno >= sb.size)
    return;
  acquire(&bcache.lock);
  if (find(dev, blockno) || bcache.nfree < bcache.nbuf / 4) {
    release(&bcache.lock);
    return;
  }
  b = recycle(dev, blockno);
  b->busy = b->async = 1;
  release(&bcache.lock);
  transfer(b, DISK_READ, blockno);
}
