// The buffer cache's structures and what fs/ may do with them. See fs/bio.c.

#ifndef PAGEWALK_BUF_H
#define PAGEWALK_BUF_H

#include "types.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "virtio.h"
#include "abi/fs.h"

// One block in memory. The data is a whole frame: a block is a page.
//
// lock guards the data. Everything else below it is guarded by the cache's own spin lock; dev and
// blockno do not change while refcnt > 0, so a holder may read them freely.
struct buf {
  struct sleeplock lock;
  struct diskio io;          // first use: the transfer that is in flight; must not be reused while busy
  uchar *data;
  uint dev;
  uint blockno;
  uint refcnt;               // holders, plus one each for: journal, read-ahead in flight
  char valid;                // data is the block's content
  char busy;                 // a transfer of this buffer is in flight
  char async;                // ... and its completion gives a reference back
  char failed;               // the last transfer failed
  char logged;               // metadata that belongs to the running transaction (log.c)
  struct buf *hash;          // next in the hash chain
  struct buf *next, *prev;   // free list (refcnt 0)
};

// fs/bio.c
void        binit(void);
struct buf *bread(uint dev, uint blockno);
struct buf *bread_data(uint dev, uint blockno);
struct buf *bget(uint dev, uint blockno);
struct buf *bzeroed(uint dev, uint blockno);
void        bwrite(struct buf *b);
void        brelse(struct buf *b);
void        bpin(struct buf *b);
void        bunpin(struct buf *b);
void        breadahead(uint dev, uint blockno);
void        bstart_write(struct buf *b, uint blockno);
void        bwait(struct buf *b);
uint        bcount(void);

#endif
