// Pipes: a ring of one page between writers and readers.
//
// Copying from and to user memory may fault and sleep, so it is done without the pipe's spin lock.
// One reader and one writer at a time may copy (`reading`, `writing`); nread belongs to the first,
// nwrite to the second, and the part of the ring that each of them touches is its own.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "file.h"
#include "defs.h"
#include "abi/errno.h"

#define RING      4096       // bytes in the ring; a power of two
#define PIPE_BUF  512        // a write of no more than this is not mixed with other writers' bytes

struct pipe {
  struct spinlock lock;
  char *data;                // RING bytes
  uint nread;                // bytes read since the beginning (modulo 2^32)
  uint nwrite;               // bytes written
  int readopen, writeopen;   // descriptors of that kind exist
  int reading, writing;      // somebody copies
};

// Make a pipe with an open file for each end. 0, or -ENFILE, -ENOMEM.
int
pipealloc(struct file **f0, struct file **f1)
{
  struct pipe *p = kpage_alloc();
  char *data = kpage_alloc();
  *f0 = filealloc();
  *f1 = filealloc();
  if (p == 0 || data == 0 || *f0 == 0 || *f1 == 0) {
    int err = p == 0 || data == 0 ? -ENOMEM : -ENFILE;
    if (p)
      kpage_free(p);
    if (data)
      kpage_free(data);
    if (*f0)
      fileclose(*f0);
    if (*f1)
      fileclose(*f1);
    return err;
  }
  initlock(&p->lock, "pipe");
  p->data = data;
  p->readopen = p->writeopen = 1;
  (*f0)->pipe = (*f1)->pipe = p;
  (*f0)->readable = 1;
  (*f1)->writable = 1;
  (*f0)->type = (*f1)->type = FD_PIPE;
  return 0;
}

// One end has been closed for good.
void
pipeclose(struct pipe *p, int writable)
{
  acquire(&p->lock);
  if (writable)
    p->writeopen = 0;
  else
    p->readopen = 0;
  wakeup(&p->nread);
  wakeup(&p->nwrite);
  int last = !p->readopen && !p->writeopen;
  release(&p->lock);
  if (last) {
    kpage_free(p->data);
    kpage_free(p);
  }
}

// The longest part of [pos, pos + n) that does not wrap round in the ring.
static uint
straight(uint pos, uint n)
{
  uint room = RING - pos % RING;
  return n < room ? n : room;
}

// Wait until the caller may write at least `need` bytes, and take the right to copy. 0, or -EPIPE,
// -EINTR. p->lock held.
static int
writer_enter(struct pipe *p, uint need)
{
  for (;;) {
    if (!p->readopen)
      return -EPIPE;
    if (interrupted(myproc()))
      return -EINTR;
    if (!p->writing && RING - (p->nwrite - p->nread) >= need)
      break;
    sleep_intr(&p->nwrite, &p->lock);
  }
  p->writing = 1;
  return 0;
}

// Write n bytes from user address addr, waiting for room. The number of bytes, or -errno if none.
int
pipewrite(struct pipe *p, uint64 addr, int n)
{
  int done = 0, err = 0;

  acquire(&p->lock);
  while (done < n && err == 0) {
    uint left = n - done;
    if ((err = writer_enter(p, done == 0 && left <= PIPE_BUF ? left : 1)) != 0)
      break;
    uint room = RING - (p->nwrite - p->nread);
    uint m = left < room ? left : room;
    release(&p->lock);
    uint first = straight(p->nwrite, m);
    err = either_copyin(p->data + p->nwrite % RING, 1, addr + done, first);
    if (err == 0 && m > first)
      err = either_copyin(p->data, 1, addr + done + first, m - first);
    acquire(&p->lock);
    p->writing = 0;
    if (err == 0) {
      p->nwrite += m;
      done += m;
    }
    wakeup(&p->nread);
    wakeup(&p->nwrite);
  }
  release(&p->lock);
  return done > 0 ? done : err;
}

// Read up to n bytes to user address addr, waiting until there is at least one. The number of bytes,
// 0 when no writer is left, or -errno. What could not be copied stays in the pipe.
int
piperead(struct pipe *p, uint64 addr, int n)
{
  if (n == 0)
    return 0;
  acquire(&p->lock);
  for (;;) {
    if (interrupted(myproc())) {
      release(&p->lock);
      return -EINTR;
    }
    if (!p->reading && p->nread != p->nwrite)
      break;
    if (!p->reading && !p->writeopen) {
      release(&p->lock);
      return 0;
    }
    sleep_intr(&p->nread, &p->lock);
  }
  p->reading = 1;
  uint there = p->nwrite - p->nread;
  uint m = (uint)n < there ? (uint)n : there;
  release(&p->lock);

  uint first = straight(p->nread, m);
  int err = either_copyout(1, addr, p->data + p->nread % RING, first);
  if (err == 0 && m > first)
    err = either_copyout(1, addr + first, p->data, m - first);

  acquire(&p->lock);
  p->reading = 0;
  if (err == 0)
    p->nread += m;
  if (p->nread == p->nwrite && !p->writing)
    p->nread = p->nwrite = 0;   // empty: begin at the ring's start, where whole words can be copied
  wakeup(&p->nwrite);
  wakeup(&p->nread);
  release(&p->lock);
  return err == 0 ? (int)m : err;
}
