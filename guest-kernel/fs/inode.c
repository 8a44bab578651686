// Inodes: the table of those in memory, and their life on the disk.
//
// An inode on the disk is free when its type is 0. In memory a table entry stands for an inode while
// somebody points to it (ref > 0), and keeps its copy of it afterwards until the entry is needed for
// another one. iget gives a pointer without looking at the disk; ilock locks the inode and reads it if
// necessary; iupdate copies changes into the inode's block; iput gives a pointer back and, with it,
// frees an inode that has no name left.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"
#include "vnode.h"

#define NITABLE NINODES
#define NIHASH 256

static struct {
  struct spinlock lock;
  struct inode inode[NITABLE];
  struct inode *hash[NIHASH];
  uint clock;                // where the search for a table entry goes on
} itable;

static struct {
  struct spinlock lock;
  uint hint;                 // no inode below this one is free
  uint frees;                // counts the inodes that were freed
} iallocator;

// Set up the empty table.
void
iinit(void)
{
  initlock(&itable.lock, "itable");
  initlock(&iallocator.lock, "ialloc");
  iallocator.hint = ROOTINO + 1;
  for (int i = 0; i < NITABLE; i++)
    initsleeplock(&itable.inode[i].lock, "inode");
  for (int i = 0; i < NITABLE; i++)
    vnode_init(&itable.inode[i]);
}

// Entry i of the table, whatever inode it stands for: for those who look through all objects of files.
struct inode *
inode_in_table(uint i)
{
  return &itable.inode[i];
}

static struct dinode *
dinode_in(struct buf *b, uint inum)
{
  return (struct dinode *)b->data + inum % IPB;
}

// Allocate an inode of the given type, with no names and no content; it becomes durable when the
// caller has set nlink and called iupdate. Inside an operation. A pointer, not locked, or 0 when the
// disk has no free inode.
struct inode *
ialloc(uint dev, short type)
{
  acquire(&iallocator.lock);
  uint inum = iallocator.hint, frees = iallocator.frees;
  release(&iallocator.lock);
  while (inum < sb.ninodes) {
    struct buf *b = bread(dev, IBLOCK(inum, sb));
    do {
      struct dinode *d = dinode_in(b, inum);
      if (d->type != 0)
        continue;
      memset(d, 0, sizeof(*d));
      d->type = type;
      log_write(b);
      acquire(&iallocator.lock);
      if (iallocator.frees == frees && iallocator.hint <= inum)
        iallocator.hint = inum + 1;   // else one may have become free behind us
      release(&iallocator.lock);
      brelse(b);
      return iget(dev, inum);
    } while (++inum % IPB != 0 && inum < sb.ninodes);
    brelse(b);
  }
  return 0;
}

// Copy a locked inode's fields into its block. Inside an operation.
void
iupdate(struct inode *ip)
{
  struct buf *b = bread(ip->dev, IBLOCK(ip->inum, sb));
  struct dinode *d = dinode_in(b, ip->inum);
  d->type = ip->type;
  d->major = ip->major;
  d->minor = ip->minor;
  d->nlink = ip->nlink;
  d->size = ip->size;
  memmove(d->addrs, ip->addrs, sizeof(ip->addrs));
  log_write(b);
  brelse(b);
}

// A table entry that nobody uses, taken out of the hash table; 0 if all such have file pages that must
// be written first. itable.lock held.
static struct inode *
free_entry(void)
{
  int unwritten = 0;

  for (int i = 0; i < NITABLE; i++) {
    struct inode *ip = &itable.inode[itable.clock];
    itable.clock = (itable.clock + 1) % NITABLE;
    if (ip->ref > 0)
      continue;
    if (!vnode_discard(ip)) {
      unwritten = 1;
      continue;
    }
    if (ip->inum != 0) {
      struct inode **p = &itable.hash[ip->inum % NIHASH];
      while (*p != ip)
        p = &(*p)->hash;
      *p = ip->hash;
    }
    return ip;
  }
  if (unwritten)
    return 0;
  panic("inode table: all %d entries are in use, more than open files and processes can hold", NITABLE);
}

// A pointer to inode inum, neither locked nor read.
struct inode *
iget(uint dev, uint inum)
{
  struct inode *ip, **chain = &itable.hash[inum % NIHASH];

  if (inum == 0 || inum >= sb.ninodes)
    panic("file system: inode number %d is not between 1 and %d; the file system is damaged",
          inum, sb.ninodes - 1);
  acquire(&itable.lock);
again:
  for (ip = *chain; ip; ip = ip->hash)
    if (ip->inum == inum && ip->dev == dev)
      break;
  if (ip == 0) {
    ip = free_entry();
    if (ip == 0) {
      release(&itable.lock);
      vnode_push();
      vnode_drain();
      acquire(&itable.lock);
      goto again;
    }
    ip->dev = dev;
    ip->inum = inum;
    ip->valid = 0;
    ip->hash = *chain;
    *chain = ip;
  }
  ip->ref++;
  release(&itable.lock);
  return ip;
}

// One more pointer to the same inode.
struct inode *
idup(struct inode *ip)
{
  acquire(&itable.lock);
  ip->ref++;
  release(&itable.lock);
  return ip;
}

// Copy the inode from the disk. ip is locked.
static void
load(struct inode *ip)
{
  struct buf *b = bread(ip->dev, IBLOCK(ip->inum, sb));
  struct dinode *d = dinode_in(b, ip->inum);
  ip->type = d->type;
  ip->major = d->major;
  ip->minor = d->minor;
  ip->nlink = d->nlink;
  ip->size = d->size;
  memmove(ip->addrs, d->addrs, sizeof(ip->addrs));
  brelse(b);
  ip->ra_next = ip->dir_hint = 0;
  vnode_loaded(ip);
  ip->valid = 1;
}

// Lock an inode and read it if that has not been done.
void
ilock(struct inode *ip)
{
  if (ip == 0 || ip->ref < 1)
    panic("inode table: ilock of an inode that nobody points to");
  acquiresleep(&ip->lock);
  if (!ip->valid)
    load(ip);
  if (ip->type == 0)
    panic("file system: inode %d is free but a directory names it; the file system is damaged", ip->inum);
}

// Unlock an inode.
void
iunlock(struct inode *ip)
{
  if (ip == 0 || !holdingsleep(&ip->lock) || ip->ref < 1)
    panic("inode table: iunlock of an inode that the caller has not locked");
  releasesleep(&ip->lock);
}

// Free an inode that nobody can reach any more. It is locked. The content may be too large for one
// operation: then the caller's operation ends here and another one begins, and if the machine stops in
// between ireclaim does the rest. Waiting is safe although ip is locked, because nobody else points to it.
static void
destroy(struct inode *ip)
{
  while (ishrink(ip, 0)) {
    end_op();
    begin_op();
  }
  ip->type = 0;
  iupdate(ip);
  ip->valid = 0;
  acquire(&iallocator.lock);
  iallocator.frees++;
  if (iallocator.hint > ip->inum)
    iallocator.hint = ip->inum;
  release(&iallocator.lock);
}

// Give a pointer back. If it was the last one and the inode has no names, free it. Inside an
// operation, in which the caller has done all that belongs together, and with no inode locked that a
// running operation might wait for.
void
iput(struct inode *ip)
{
  acquire(&itable.lock);
  if (ip->ref == 1 && ip->valid && ip->nlink == 0) {
    // Nobody else has it, so this does not block and nlink cannot change.
    acquiresleep(&ip->lock);
    release(&itable.lock);
    destroy(ip);
    releasesleep(&ip->lock);
    acquire(&itable.lock);
  }
  if (--ip->ref < 0)
    panic("inode table: inode %d released once too often", ip->inum);
  release(&itable.lock);
}

// Unlock, then give back.
void
iunlockput(struct inode *ip)
{
  iunlock(ip);
  iput(ip);
}

// What stat and fstat tell. ip is locked.
void
stati(struct inode *ip, struct stat *st)
{
  memset(st, 0, sizeof(*st));
  st->dev = ip->dev;
  st->ino = ip->inum;
  st->type = ip->type;
  st->nlink = ip->nlink;
  st->size = ip->size;
}

// At mount: free the inodes that were open without a name when the machine stopped.
void
ireclaim(int dev)
{
  int found = 0;

  for (uint block = 0; block < (sb.ninodes + IPB - 1) / IPB; block++)
    breadahead(dev, sb.inodestart + block);
  virtio_disk_kick();
  for (uint inum = 1; inum < sb.ninodes; inum++) {
    struct buf *b = bread(dev, IBLOCK(inum, sb));
    struct dinode *d = dinode_in(b, inum);
    int orphan = d->type != 0 && d->nlink == 0;
    brelse(b);
    if (!orphan)
      continue;
    found++;
    begin_op();
    struct inode *ip = iget(dev, inum);
    ilock(ip);
    iunlockput(ip);
    end_op();
  }
  if (found > 0)
    printf("pagewalk: freed %d inodes that lost their last name before the last stop\n", found);
}
