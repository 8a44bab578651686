// The content of inodes: which block holds which part, reading, writing, shrinking.
//
// The data of files is in the page cache (vm/vnode_pages.c); what directories hold and all block
// numbers are metadata, in the buffer cache, and go through the journal (log_write).

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"
#include "proc.h"
#include "vnode.h"
#include "abi/errno.h"

static uchar zeros[BSIZE];   // what a hole reads as

// Allocate a block for an empty slot, near `goal`. An indirect block is zeroed and logged here; a data
// block is the caller's to fill. The new number is in *slot, or 0 when the disk is full.
static uint
fill_slot(struct inode *ip, uint *slot, uint goal, int level)
{
  uint b = balloc(ip->dev, goal);
  if (b != 0 && level > 0) {
    struct buf *bp = bzeroed(ip->dev, b);
    log_write(bp);
    brelse(bp);
  }
  *slot = b;
  return b;
}

// The block number of content block bn, or 0 for a hole. With fresh != 0, a hole is filled first, and
// *fresh says whether that happened; then 0 means that the disk is full. ip is locked; with fresh,
// inside an operation.
static uint
block_of(struct inode *ip, uint bn, int *fresh)
{
  uint *slot, goal;
  int level;                 // of indirection below slot

  if (bn < NDIRECT) {
    slot = &ip->addrs[bn];
    goal = bn > 0 ? ip->addrs[bn - 1] + 1 : 0;
    level = 0;
  } else if ((bn -= NDIRECT) < NINDIRECT) {
    slot = &ip->addrs[NDIRECT];
    goal = ip->addrs[NDIRECT - 1] + 1;
    level = 1;
  } else {
    bn -= NINDIRECT;
    slot = &ip->addrs[NDIRECT + 1];
    goal = ip->addrs[NDIRECT] + 1;
    level = 2;
  }

  if (fresh)
    *fresh = 0;
  if (*slot == 0) {
    if (!fresh || fill_slot(ip, slot, goal, level) == 0)
      return 0;
    *fresh = level == 0;
  }
  uint b = *slot;
  while (level > 0) {
    level--;
    uint i = level == 1 ? bn / NINDIRECT : bn % NINDIRECT;
    struct buf *bp = bread(ip->dev, b);
    slot = (uint *)bp->data + i;
    if (*slot == 0 && fresh) {
      goal = i > 0 && slot[-1] ? slot[-1] + 1 : b + 1;
      if (fill_slot(ip, slot, goal, level)) {
        log_write(bp);
        *fresh = level == 0;
      }
    }
    b = *slot;
    brelse(bp);
    if (b == 0)
      return 0;
  }
  return b;
}

// The disk block that holds content block bn, or 0 for a hole. ip is locked.
uint
bmap(struct inode *ip, uint bn)
{
  return bn < MAXFILE ? block_of(ip, bn, 0) : 0;
}

// The same, but a hole is filled first (*fresh says whether that happened); 0 when the disk is full. Inside
// an operation. A fresh data block's content is the caller's to write.
uint
bmap_alloc(struct inode *ip, uint bn, int *fresh)
{
  return block_of(ip, bn, fresh);
}

// What one step of shrinking carries along.
struct shrink {
  struct inode *ip;
  uint first, n;             // blocks that are to be freed together, not yet given to bfree
  uint maps[OPMAPBLOCKS];    // free-map blocks that this step has changed
  int nmaps;
  int bulk;                  // much may have to be freed: leave room for small operations
  uint low;                  // content block that was freed last
};

// Free the collected run. A run stays within one block of the map.
static int
flush_run(struct shrink *s)
{
  if (s->n > 0 && !bfree(s->ip->dev, s->first, s->n))
    return 0;
  s->n = 0;
  return 1;
}

// May this step change the free-map block that describes b?
static int
map_allowed(struct shrink *s, uint b)
{
  uint map = BBLOCK(b, sb);
  for (int i = 0; i < s->nmaps; i++)
    if (s->maps[i] == map)
      return 1;
  if (s->nmaps == OPMAPBLOCKS)
    return 0;
  s->maps[s->nmaps++] = map;
  return 1;
}

// Free block b, sooner or later in this step. 0 if the step may free no more.
static int
collect(struct shrink *s, uint b)
{
  if (!map_allowed(s, b))
    return 0;
  if (s->n > 0 && b + 1 == s->first && BBLOCK(b, sb) == BBLOCK(s->first, sb)) {
    s->first = b;
    s->n++;
    return 1;
  }
  if ((s->bulk && freemap_full_of_frees()) || !flush_run(s))
    return 0;
  s->first = b;
  s->n = 1;
  return 1;
}

// Free what hangs below a slot, from the end, but for the first `keep` content blocks. level 0: the
// slot names content block `index`; above: an indirect block, index being its first content block.
// 1 if it all went, 0 if the step ended early.
static int
shrink_slot(struct shrink *s, uint *slot, int level, uint index, uint keep)
{
  if (*slot == 0 || (level == 0 && keep > 0))
    return 1;
  if (level == 0) {
    if (!collect(s, *slot))
      return 0;
    *slot = 0;
    s->low = index;
    return 1;
  }
  uint span = level == 2 ? NINDIRECT : 1;     // content blocks below each entry
  struct buf *bp = bread(s->ip->dev, *slot);
  uint *entry = (uint *)bp->data;
  int all = 1;
  for (uint i = NINDIRECT; all && i > 0 && i * span > keep; i--) {
    uint before = (i - 1) * span;
    all = shrink_slot(s, &entry[i - 1], level - 1, index + before, keep > before ? keep - before : 0);
  }
  int gone = all && keep == 0 && collect(s, *slot);
  if (gone)
    *slot = 0;
  else
    log_write(bp);
  brelse(bp);
  return gone || (all && keep > 0);
}

// Cut an inode's content down to size bytes, or as near to that as one operation may; also frees
// blocks beyond the size that a failed write has left. ip is locked; inside an operation. 0 when done;
// 1 if it must be called again in another operation (the inode is in order in between).
int
ishrink(struct inode *ip, uint size)
{
  struct shrink s = { .ip = ip, .bulk = size < ip->size, .low = MAXFILE };
  uint keep = (uint)(((uint64)size + BSIZE - 1) / BSIZE);
  int all = 1;

  if (ip->type == T_FILE)
    vnode_truncate(ip, size);
  for (int i = NDIRECT + 1; all && i >= 0; i--) {
    int level = i < NDIRECT ? 0 : i - NDIRECT + 1;
    uint index = level < 2 ? (uint)i : NDIRECT + NINDIRECT;
    all = shrink_slot(&s, &ip->addrs[i], level, index, keep > index ? keep - index : 0);
  }
  // The list of pending frees has spare room that collect leaves for this.
  if (!flush_run(&s))
    panic("file system: no room to note %d freed blocks", s.n);
  if (all && ip->size > size)
    ip->size = size;
  else if (!all && s.low < ip->size / BSIZE)
    ip->size = s.low * BSIZE;
  ip->ra_next = 0;
  iupdate(ip);
  return !all;
}

// Copy m bytes of a directory's block to dst. 0; -EFAULT also when the page of user memory is only not there now.
static int
copy_from_block(int user_dst, uint64 dst, const void *from, uint m)
{
  if (user_dst)
    return copyout_present(myproc()->map, dst, from, m) == m ? 0 : -EFAULT;
  memmove((void *)dst, from, m);
  return 0;
}

// Read up to n bytes from offset off into dst, a user address if user_dst. ip is locked. The number of
// bytes read: less than n at the end of the file, or where user memory is not present. -EFAULT when its
// first page is not (the caller unlocks ip, faults it in and tries again); -EIO.
int
readi(struct inode *ip, int user_dst, uint64 dst, uint off, uint n)
{
  uint done = 0;

  if (n > 0x7ffff000)
    n = 0x7ffff000;
  if (ip->type == T_FILE)
    return vnode_read(ip, user_dst, dst, off, n);
  if (off >= ip->size || n == 0)
    return 0;
  if (n > ip->size - off)
    n = ip->size - off;
  while (done < n) {
    uint at = (off + done) % BSIZE;
    uint m = BSIZE - at < n - done ? BSIZE - at : n - done;
    uint b = bmap(ip, (off + done) / BSIZE);
    int err;
    if (b == 0) {
      err = copy_from_block(user_dst, dst + done, zeros, m);
    } else {
      struct buf *bp = bread_data(ip->dev, b);
      if (bp == 0)
        return done > 0 ? (int)done : -EIO;
      err = copy_from_block(user_dst, dst + done, bp->data + at, m);
      brelse(bp);
    }
    if (err < 0)
      return done > 0 ? (int)done : -EFAULT;
    done += m;
  }
  return done;
}

// Write m bytes of a directory into content block b at offset at. A fresh block's other bytes become zeros.
static int
write_block(struct inode *ip, uint b, int fresh, uint at, const void *src, uint m)
{
  struct buf *bp;

  if (fresh && m < BSIZE)
    bp = bzeroed(ip->dev, b);
  else if (m == BSIZE)
    bp = bget(ip->dev, b);
  else if ((bp = bread_data(ip->dev, b)) == 0)
    return -EIO;
  memmove(bp->data + at, src, m);
  bp->valid = 1;
  log_write(bp);
  brelse(bp);
  return 0;
}

// Write n bytes from src (a user address if user_src) at offset off, growing the file as needed, but
// not beyond what one operation may write: the caller sees to n <= OPDATABLOCKS blocks. ip is locked;
// inside an operation. The number of bytes written, fewer where user memory is not present; -EFAULT when
// its first page is not (the caller ends the operation, faults it in and tries again), or -errno.
int
writei(struct inode *ip, int user_src, uint64 src, uint off, uint n)
{
  uint done = 0;
  int err = 0, changed = 0;

  if (off > ip->size && ip->type != T_FILE)
    return -EINVAL;
  if (n > MAXFILESIZE - off)
    n = MAXFILESIZE - off;
  if (n == 0)
    return off == MAXFILESIZE ? -EFBIG : 0;
  if (ip->type == T_FILE)
    return vnode_write(ip, user_src, src, off, n);
  while (done < n && err == 0) {
    uint at = (off + done) % BSIZE;
    uint m = BSIZE - at < n - done ? BSIZE - at : n - done;
    int fresh;
    uint b = block_of(ip, (off + done) / BSIZE, &fresh);
    if (b == 0) {
      err = -ENOSPC;
      break;
    }
    changed |= fresh;
    err = write_block(ip, b, fresh, at, (const void *)(src + done), m);
    if (err == 0)
      done += m;
  }
  if (done > 0 && off + done > ip->size) {
    ip->size = off + done;
    changed = 1;
  }
  if (err != 0)
    ishrink(ip, ip->size);   // give back what was allocated beyond the end
  else if (changed)
    iupdate(ip);
  return done > 0 ? (int)done : err;
}
