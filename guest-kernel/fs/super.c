// Mounting: the superblock and what must be true of it.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"

struct superblock sb;

// Refuse to mount: say what is wrong with the superblock.
#define REQUIRE(cond, ...) \
  do { \
    if (!(cond)) \
      panic("cannot mount the disk: " __VA_ARGS__); \
  } while (0)

// Check the superblock against itself and against the disk's size.
static void
check(const struct superblock *s, uint64 disk)
{
  REQUIRE(s->magic == FSMAGIC, "block 1 holds no Pagewalk superblock (magic 0x%x, expected 0x%x); make the image with mkfs",
          s->magic, FSMAGIC);
  REQUIRE(s->version == FSVERSION, "its file system has version %d, this kernel reads version %d",
          s->version, FSVERSION);
  REQUIRE(s->size <= disk, "the superblock says %d blocks, but the disk has only %d; is the image cut off?",
          s->size, (int)disk);
  REQUIRE(s->ninodes > ROOTINO && s->ninodes <= 65536, "the superblock says %d inodes, possible are 2 to 65536",
          s->ninodes);
  uint64 inodeblocks = (s->ninodes + IPB - 1) / IPB;
  uint64 mapblocks = ((uint64)s->size + BPB - 1) / BPB;
  REQUIRE(s->nlog >= LOGMIN, "its journal has %d blocks, at least %d are needed", s->nlog, LOGMIN);
  REQUIRE(s->logstart >= 2 && (uint64)s->logstart + s->nlog <= s->inodestart,
          "the journal (blocks %d to %d) runs into the inodes (from %d)",
          s->logstart, s->logstart + s->nlog - 1, s->inodestart);
  REQUIRE(s->inodestart + inodeblocks <= s->bmapstart, "the inodes (%d blocks from %d) run into the free map (from %d)",
          (int)inodeblocks, s->inodestart, s->bmapstart);
  REQUIRE(s->bmapstart + mapblocks + s->nblocks <= s->size, "%d data blocks do not fit into an image of %d blocks",
          s->nblocks, s->size);
  REQUIRE(s->nswap == 0 || (s->swapstart >= s->bmapstart + mapblocks + s->nblocks &&
                            (uint64)s->swapstart + s->nswap <= s->size),
          "the swap area (%d blocks from %d) overlaps something or ends beyond the image", s->nswap, s->swapstart);
}

// Mount the disk: check it, finish what the journal holds, free inodes that lost their last name
// while they were open. Called once by the first process, which may sleep.
void
fsinit(int dev)
{
  struct buf *b = bread(dev, 1);
  memmove(&sb, b->data, sizeof(sb));
  brelse(b);
  struct superblock found = sb;
  memset(&sb, 0, sizeof(sb));
  check(&found, virtio_disk_blocks());
  sb = found;
  renameinit();
  log_init(dev);
  freemap_init(dev);
  ireclaim(dev);
  if (kthread("syncd", syncd) < 0)
    panic("cannot mount the disk: no process slot or memory for the write-back thread");
}
