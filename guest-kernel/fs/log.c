// The journal: groups of file system operations that reach the disk wholly or not at all.
//
// An operation runs between begin_op and end_op. All metadata blocks (inodes, directories, indirect
// blocks, free map) that it changes are named to log_write and stay in memory until the running
// transaction commits; file data is written in place before that. Transactions are large: they
// commit about once a second (syncd), on sync(), when the journal has no room for another
// operation, and when freed blocks are needed again.
//
// Commit, while no operation runs. Each step has reached the disk before the next begins:
//   1. dirty file data, in place, and the metadata blocks, into the journal's slots
//   2. the header: n, the block numbers and a checksum over them and over the slots
//   3. the metadata blocks, in place
//   4. the header with n = 0 (need not be waited for: until the next header is written the old
//      one is either whole, and replaying it again changes nothing, or its checksum fails)
// So a machine that stops after any write comes back with the transaction (from 2 on) or without.
// Blocks that a transaction frees are not used again before it has committed (freemap.c): nothing
// that the disk's state still refers to is ever overwritten.

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

static struct {
  struct spinlock lock;
  int dev;
  uint capacity;             // blocks that a transaction may hold
  int outstanding;           // operations that run
  int committing;
  int wanted;                // somebody waits for a commit: let no operation begin
  int crowded;               // somebody waits for an operation to end
  int noticed;               // syncd knows that there is something to write
  uint64 commits;            // finished commits
  uint seq;
  uint n;                    // metadata blocks of the running transaction
  struct buf *block[LOGBLOCKS];
} journal;

static struct buf *header;   // the header block's buffer, kept for ever

static uint
mix(uint h, uint w)
{
  h = (h ^ w) * 0x9e3779b1U;
  return h ^ (h >> 15);
}

// Continue checksum h over one block.
static uint
mix_block(uint h, const void *data)
{
  const uint *w = data;
  for (int i = 0; i < BSIZE / 4; i++)
    h = mix(h, w[i]);
  return h;
}

// The checksum of a header's own part.
static uint
mix_header(const struct logheader *lh)
{
  uint h = mix(mix(mix(0x811c9dc5U, lh->magic), lh->n), lh->seq);
  for (uint i = 0; i < lh->n; i++)
    h = mix(h, lh->block[i]);
  return h;
}

// Wait until all finished writes are safe.
static void
flush(void)
{
  if (virtio_disk_flush() != 0)
    panic("journal: the disk cannot flush its cache, so nothing it holds can be trusted");
}

// Write the header as it stands and wait.
static void
write_header(void)
{
  bstart_write(header, sb.logstart);
  virtio_disk_kick();
  bwait(header);
  if (header->failed)
    panic("journal: the disk refuses to write the journal's header (block %d)", sb.logstart);
}

// Say that the journal is empty.
static void
clear_header(void)
{
  struct logheader *lh = (struct logheader *)header->data;
  lh->magic = LOGMAGIC;
  lh->n = 0;
  lh->seq = journal.seq;
  lh->checksum = mix_header(lh);
  write_header();
}

// Does the header describe a transaction that committed? Reads all of its slots.
static int
committed(const struct logheader *lh)
{
  if (lh->magic != LOGMAGIC || lh->n == 0 || lh->n > LOGBLOCKS || lh->n > sb.nlog - 1)
    return 0;
  for (uint i = 0; i < lh->n; i++) {
    uint b = lh->block[i];
    if (b < sb.inodestart || b >= sb.size)
      return 0;
  }
  uint h = mix_header(lh);
  for (uint i = 0; i < lh->n; i++)
    breadahead(journal.dev, sb.logstart + 1 + i);
  virtio_disk_kick();
  for (uint i = 0; i < lh->n; i++) {
    struct buf *b = bread(journal.dev, sb.logstart + 1 + i);
    h = mix_block(h, b->data);
    brelse(b);
  }
  return h == lh->checksum;
}

// Put a committed transaction's blocks in their places. Doing this twice does no harm.
static void
replay(const struct logheader *lh)
{
  for (uint i = 0; i < lh->n; i++) {
    struct buf *from = bread(journal.dev, sb.logstart + 1 + i);
    struct buf *to = bget(journal.dev, lh->block[i]);
    memmove(to->data, from->data, BSIZE);
    to->valid = 1;
    bwrite(to);
    if (to->failed)
      panic("journal: the disk refuses to write block %d during recovery", to->blockno);
    brelse(to);
    brelse(from);
  }
  flush();
}

// Open the journal at mount and finish a transaction that had committed when the machine stopped.
void
log_init(int dev)
{
  initlock(&journal.lock, "journal");
  journal.dev = dev;
  journal.capacity = sb.nlog - 1;
  if (journal.capacity > LOGBLOCKS)
    journal.capacity = LOGBLOCKS;
  if (journal.capacity > bcount() / 3)
    journal.capacity = bcount() / 3;

  header = bread(dev, sb.logstart);
  struct logheader *lh = (struct logheader *)header->data;
  journal.seq = lh->magic == LOGMAGIC ? lh->seq : 0;
  if (committed(lh)) {
    replay(lh);
    printf("pagewalk: journal: finished transaction %d (%d blocks) that the last stop interrupted\n",
           lh->seq, lh->n);
  }
  if (lh->magic != LOGMAGIC || lh->n != 0) {
    clear_header();
    flush();
  }
  bpin(header);
  brelse(header);
}

// Write the running transaction to the disk. No operation runs and none begins.
static void
commit(void)
{
  struct logheader *lh = (struct logheader *)header->data;
  uint n = journal.n;

  vnode_push();
  for (uint i = 0; i < n; i++)
    bstart_write(journal.block[i], sb.logstart + 1 + i);
  virtio_disk_kick();
  // While those are under way: the header and its checksum.
  lh->magic = LOGMAGIC;
  lh->n = n;
  lh->seq = ++journal.seq;
  for (uint i = 0; i < n; i++)
    lh->block[i] = journal.block[i]->blockno;
  uint h = mix_header(lh);
  for (uint i = 0; i < n; i++)
    h = mix_block(h, journal.block[i]->data);
  lh->checksum = h;
  for (uint i = 0; i < n; i++) {
    bwait(journal.block[i]);
    if (journal.block[i]->failed)
      panic("journal: the disk refuses to write the journal (block %d)", sb.logstart + 1 + i);
  }
  vnode_drain();
  flush();
  if (n == 0)
    return;

  write_header();
  flush();

  for (uint i = 0; i < n; i++)
    bstart_write(journal.block[i], journal.block[i]->blockno);
  virtio_disk_kick();
  for (uint i = 0; i < n; i++) {
    struct buf *b = journal.block[i];
    bwait(b);
    if (b->failed)
      panic("journal: the disk refuses to write block %d, which holds file system structures", b->blockno);
    b->logged = 0;
    bunpin(b);
  }
  flush();
  clear_header();
}

// Commit if there is anything, and let everybody know. journal.lock held, no operation running; the
// lock is released meanwhile.
static void
commit_locked(void)
{
  journal.committing = 1;
  release(&journal.lock);
  if (journal.n > 0 || vnode_unwritten())
    commit();
  freemap_committed();
  acquire(&journal.lock);
  journal.n = 0;
  journal.committing = 0;
  journal.wanted = journal.crowded = 0;
  journal.commits++;
  wakeup(&journal);
}

// Begin an operation: wait until the running transaction has room for all that it may change. The
// caller has no inode or buffer locked and no other operation open.
void
begin_op(void)
{
  acquire(&journal.lock);
  for (;;) {
    if (journal.committing || journal.wanted) {
      sleep(&journal, &journal.lock);
    } else if (journal.n + MAXOPBLOCKS > journal.capacity || freemap_wants_commit(journal.outstanding + 1)) {
      if (journal.outstanding == 0) {
        commit_locked();
      } else {
        journal.wanted = 1;
        sleep(&journal, &journal.lock);
      }
    } else if (journal.n + (journal.outstanding + 1) * MAXOPBLOCKS > journal.capacity) {
      journal.crowded = 1;   // there is room once some of the others have ended
      sleep(&journal, &journal.lock);
    } else {
      journal.outstanding++;
      break;
    }
  }
  release(&journal.lock);
}

// End an operation. The last one to end commits if somebody waits for that.
void
end_op(void)
{
  acquire(&journal.lock);
  if (journal.outstanding <= 0 || journal.committing)
    panic("journal: end_op without begin_op (%d operations run)", journal.outstanding);
  journal.outstanding--;
  if (!journal.noticed && (journal.n > 0 || vnode_unwritten())) {
    journal.noticed = 1;
    wakeup(&journal.noticed);
  }
  if (journal.wanted && journal.outstanding == 0) {
    commit_locked();
  } else if (journal.crowded) {
    journal.crowded = 0;
    wakeup(&journal);
  }
  release(&journal.lock);
}

// Files have pages to write: let syncd see to it, also if no operation ends. Callable with a family's lock held.
void
log_notice(void)
{
  acquire(&journal.lock);
  if (!journal.noticed) {
    journal.noticed = 1;
    wakeup(&journal.noticed);
  }
  release(&journal.lock);
}

// Note that the operation has changed metadata block b, which it holds locked.
void
log_write(struct buf *b)
{
  acquire(&journal.lock);
  if (journal.outstanding < 1)
    panic("journal: block %d changed outside of an operation", b->blockno);
  if (!b->logged) {
    if (journal.n >= journal.capacity)
      panic("journal: an operation changed more blocks than it may; %d blocks in the transaction", journal.n);
    b->logged = 1;
    bpin(b);
    journal.block[journal.n++] = b;
  }
  release(&journal.lock);
}

// Make everything that has ended before the call durable. 0, or -errno.
int
fssync(void)
{
  acquire(&journal.lock);
  while (journal.committing)
    sleep(&journal, &journal.lock);
  uint64 goal = journal.commits + 1;
  if (journal.outstanding == 0 && !journal.wanted) {
    commit_locked();
  } else {
    journal.wanted = 1;
    while (journal.commits < goal)
      sleep(&journal, &journal.lock);
  }
  release(&journal.lock);
  return 0;
}

// Body of the write-back thread: a second after something has changed, commit.
void
syncd(void)
{
  for (;;) {
    acquire(&journal.lock);
    while (!journal.noticed)
      sleep(&journal.noticed, &journal.lock);
    release(&journal.lock);
    sleep_ticks(TICKS_PER_SECOND);
    acquire(&journal.lock);
    journal.noticed = 0;
    release(&journal.lock);
    fssync();
  }
}
