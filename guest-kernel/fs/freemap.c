// The free map: which blocks of the disk are in use, one bit each.
//
// A block that an operation frees is marked free in the map at once, but it is not given out again
// before the running transaction has committed: until then the disk's state may still refer to it,
// and file data is written in place. Those blocks are kept in a short list of runs ("frees").

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"

#define MAXRUNS      1024
#define SPARE_RUNS   256     // left for operations that free just a block or two

struct run {
  uint first, n;
};

static struct {
  struct spinlock lock;
  uint nfree;                // clear bits in the map
  uint npending;             // ... of which this many must wait for the commit
  uint hint;                 // where the next search without a goal begins
  uint nruns;
  struct run run[MAXRUNS];   // the pending blocks, in no order, not overlapping
} freemap;

static uint
data_start(void)
{
  return sb.bmapstart + freemap_blocks();
}

// Number of blocks that the map itself takes.
uint
freemap_blocks(void)
{
  return (sb.size + BPB - 1) / BPB;
}

// Clear bits in a map block.
static uint
count_clear(const uchar *data)
{
  const uint64 *w = (const uint64 *)data;
  uint n = 0;
  for (int i = 0; i < BSIZE / 8; i++) {
    if (w[i] == ~0UL)
      continue;
    for (uint64 x = ~w[i]; x; x &= x - 1)
      n++;
  }
  return n;
}

// Count the free blocks at mount.
void
freemap_init(int dev)
{
  initlock(&freemap.lock, "freemap");
  for (uint i = 0; i < freemap_blocks(); i++)
    breadahead(dev, sb.bmapstart + i);
  virtio_disk_kick();
  freemap.nfree = 0;
  for (uint i = 0; i < freemap_blocks(); i++) {
    struct buf *b = bread(dev, sb.bmapstart + i);
    freemap.nfree += count_clear(b->data);
    brelse(b);
  }
  freemap.hint = data_start();
}

// If block b is pending, the block after its run; otherwise b. freemap.lock held.
static uint
skip_pending(uint b)
{
  for (uint i = 0; i < freemap.nruns; i++) {
    struct run *r = &freemap.run[i];
    if (b >= r->first && b - r->first < r->n)
      return r->first + r->n;
  }
  return b;
}

// The first block in [from, end) that is free and not pending, or 0. from and end belong to the map
// block whose content is data.
static uint
scan(const uchar *data, uint from, uint end)
{
  while (from < end) {
    if (from % 64 == 0 && ((const uint64 *)data)[from % BPB / 64] == ~0UL) {
      from += 64;
      continue;
    }
    if (data[from % BPB / 8] & (1 << (from % 8))) {
      from++;
      continue;
    }
    acquire(&freemap.lock);
    uint next = skip_pending(from);
    release(&freemap.lock);
    if (next == from)
      return from;
    from = next;
  }
  return 0;
}

// Allocate a free block between from and end, which lie in one map block.
static uint
alloc_between(uint dev, uint from, uint end)
{
  struct buf *bp = bread(dev, BBLOCK(from, sb));
  uint b = scan(bp->data, from, end);
  if (b) {
    bp->data[b % BPB / 8] |= 1 << (b % 8);
    log_write(bp);
    acquire(&freemap.lock);
    freemap.nfree--;
    freemap.hint = b + 1;
    release(&freemap.lock);
  }
  brelse(bp);
  return b;
}

// Allocate a block, at goal or soon after it if possible (goal 0: anywhere). Its content is whatever
// it was. Inside an operation. 0 when the disk is full.
uint
balloc(uint dev, uint goal)
{
  acquire(&freemap.lock);
  int none = freemap.nfree <= freemap.npending;
  uint hint = freemap.hint;
  release(&freemap.lock);
  if (none)
    return 0;
  if (goal == 0)
    goal = hint;
  uint start = data_start(), end = start + sb.nblocks;
  if (goal < start || goal >= end)
    goal = start;
  // From the goal to the end, then from the start to the goal, a map block at a time.
  for (int turn = 0; turn < 2; turn++) {
    uint from = turn == 0 ? goal : start;
    uint to = turn == 0 ? end : goal;
    while (from < to) {
      uint stop = (from / BPB + 1) * BPB;
      if (stop > to)
        stop = to;
      uint b = alloc_between(dev, from, stop);
      if (b)
        return b;
      from = stop;
    }
  }
  return 0;
}

// Remember that n blocks from first on wait for the commit. freemap.lock held. 0 if the list is full.
static int
add_pending(uint first, uint n)
{
  for (uint i = 0; i < freemap.nruns; i++) {
    struct run *r = &freemap.run[i];
    if (r->first + r->n == first) {
      r->n += n;
      return 1;
    }
    if (first + n == r->first) {
      r->first = first;
      r->n += n;
      return 1;
    }
  }
  if (freemap.nruns == MAXRUNS)
    return 0;
  freemap.run[freemap.nruns++] = (struct run){ first, n };
  return 1;
}

// Free n blocks from first on, all described by one block of the map. Inside an operation. 1, or 0 when
// the list of pending frees is full and nothing has been done.
int
bfree(uint dev, uint first, uint n)
{
  if (first < data_start() || first + n > data_start() + sb.nblocks || first + n < first)
    panic("file system: freeing blocks %d to %d, which are not data blocks; the file system is damaged",
          first, first + n - 1);
  // The bits are cleared and the run is noted under the map block's lock: balloc looks at both there.
  struct buf *bp = bread(dev, BBLOCK(first, sb));
  acquire(&freemap.lock);
  int ok = add_pending(first, n);
  if (ok) {
    freemap.nfree += n;
    freemap.npending += n;
  }
  release(&freemap.lock);
  if (ok) {
    for (uint b = first; b < first + n; b++) {
      uint mask = 1 << (b % 8);
      if ((bp->data[b % BPB / 8] & mask) == 0)
        panic("file system: block %d is freed but is free already; the file system is damaged", b);
      bp->data[b % BPB / 8] &= ~mask;
    }
    log_write(bp);
  }
  brelse(bp);
  return ok;
}

// Must a bulk operation stop freeing until the transaction has committed?
int
freemap_full_of_frees(void)
{
  return freemap.nruns >= MAXRUNS - SPARE_RUNS;
}

// Should the transaction commit before one more operation begins? ops counts the running ones and
// the new one. Yes if blocks wait to be used again and the others might not suffice.
int
freemap_wants_commit(int ops)
{
  acquire(&freemap.lock);
  int yes = freemap.npending > 0 &&
            (freemap.nruns >= MAXRUNS / 2 ||
             freemap.nfree - freemap.npending < (uint)ops * MAXOPALLOC);
  release(&freemap.lock);
  return yes;
}

// The transaction has committed: its frees may be given out.
void
freemap_committed(void)
{
  acquire(&freemap.lock);
  freemap.nruns = 0;
  freemap.npending = 0;
  release(&freemap.lock);
}
