// Open files: what file descriptors point to, and the table of device drivers.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "buf.h"
#include "file.h"
#include "defs.h"
#include "vm.h"
#include "vnode.h"
#include "abi/errno.h"
#include "abi/stat.h"

struct devsw devsw[NDEV];

static struct {
  struct spinlock lock;
  struct file file[NFILE];
  struct file *free;
} ftable;

// Set up the table.
void
fileinit(void)
{
  initlock(&ftable.lock, "ftable");
  for (int i = 0; i < NFILE; i++) {
    ftable.file[i].next = ftable.free;
    ftable.free = &ftable.file[i];
  }
}

// A fresh open file with one reference, or 0 if the table is full.
struct file *
filealloc(void)
{
  acquire(&ftable.lock);
  struct file *f = ftable.free;
  if (f) {
    ftable.free = f->next;
    memset(f, 0, sizeof(*f));
    f->ref = 1;
  }
  release(&ftable.lock);
  return f;
}

// One more reference to an open file.
struct file *
filedup(struct file *f)
{
  acquire(&ftable.lock);
  if (f->ref < 1)
    panic("file table: filedup of a file that is not open");
  f->ref++;
  release(&ftable.lock);
  return f;
}

// Give a reference back; the last one closes the file. The caller has no operation open.
void
fileclose(struct file *f)
{
  acquire(&ftable.lock);
  if (f->ref < 1)
    panic("file table: fileclose of a file that is not open");
  if (--f->ref > 0) {
    release(&ftable.lock);
    return;
  }
  struct file last = *f;
  f->type = FD_NONE;
  f->next = ftable.free;
  ftable.free = f;
  release(&ftable.lock);

  if (last.type == FD_PIPE) {
    pipeclose(last.pipe, last.writable);
  } else if (last.type == FD_SHM) {
    shm_close(&last);
  } else if (last.type == FD_PROC) {
    procfs_close(&last);
  } else if (last.type == FD_INODE || last.type == FD_DEVICE) {
    begin_op();
    iput(last.ip);
    end_op();
  }
}

// Copy what is known about the file to the user's struct stat at addr. 0 or -errno.
int
filestat(struct file *f, uint64 addr)
{
  struct stat st;

  if (f->type == FD_PIPE)
    return -EBADF;           // a pipe has no inode
  if (f->type == FD_PROC) {
    procfs_stat(f, &st);
  } else if (f->type == FD_SHM) {
    memset(&st, 0, sizeof(st));
    st.type = T_FILE;
    st.size = shm_size(f);
  } else {
    ilock(f->ip);
    stati(f->ip, &st);
    iunlock(f->ip);
  }
  return either_copyout(1, addr, &st, sizeof(st));
}

// The driver of a device file, or 0.
static struct devsw *
driver(struct file *f)
{
  if (f->major < 0 || f->major >= NDEV || devsw[f->major].read == 0)
    return 0;
  return &devsw[f->major];
}

// readi or writei has met a page of user memory that is not there: fault it in, and some after it, within n
// bytes from va. 0 or -EFAULT. Nothing is locked.
static int
fault_in(uint64 va, uint64 n, int access)
{
  struct vm_map *map = myproc()->map;
  uint64 end = n < 16 * PGSIZE ? va + n : va + 16 * PGSIZE;

  while (va < end && user_present(map, va, access)) // a directory is not copied in part
    va = PGROUNDDOWN(va) + PGSIZE;
  if (va >= USERTOP || (va < end && vm_fault(map, va, access) < 0))
    return -EFAULT;
  for (va = PGROUNDDOWN(va) + PGSIZE; va < end && va < USERTOP; va += PGSIZE)
    if (!user_present(map, va, access) && vm_fault(map, va, access) < 0)
      break;
  return 0;
}

// Read from an inode to user memory.
static int
read_inode(struct file *f, uint64 addr, int n)
{
  int done = 0, r, end;

  do {
    ilock(f->ip);
    r = readi(f->ip, 1, addr + done, f->off, n - done);
    if (r > 0) {
      f->off += r;
      done += r;
    }
    end = f->off >= f->ip->size;
    iunlock(f->ip);
    if ((r == -EFAULT || (r > 0 && done < n && !end)) && fault_in(addr + done, n - done, PROT_WRITE) == 0)
      r = 1;
  } while (r > 0 && done < n && !end && !killed(myproc()));
  return done > 0 ? done : r < 0 ? r : 0;
}

// Read up to n bytes to user address addr. The number of bytes, 0 at the end, or -errno.
int
fileread(struct file *f, uint64 addr, int n)
{
  if (!f->readable)
    return -EBADF;
  if (n < 0)
    return -EINVAL;
  if (f->type == FD_PIPE)
    return piperead(f->pipe, addr, n);
  if (f->type == FD_DEVICE)
    return driver(f) ? driver(f)->read(1, addr, n) : -ENXIO;
  if (f->type == FD_PROC)
    return procfs_read(f, addr, n);
  if (f->type == FD_SHM)
    return -EINVAL;          // shared memory is for mmap
  return read_inode(f, addr, n);
}

// Bytes that one operation may write from offset off on.
static uint
op_limit(uint off)
{
  // Each block written may need a bit in a different block of the map, and there is a limit to those.
  uint blocks = freemap_blocks() <= OPMAPBLOCKS ? OPDATABLOCKS : OPMAPBLOCKS;
  return blocks * BSIZE - off % BSIZE;
}

// Write to a file on the disk, in as many operations as it takes.
static int
write_inode(struct file *f, uint64 addr, int n)
{
  int done = 0, r = 0;

  while (done < n) {
    begin_op();
    ilock(f->ip);
    if (f->append)
      f->off = f->ip->size;
    uint m = n - done;
    if (m > op_limit(f->off))
      m = op_limit(f->off);
    r = writei(f->ip, 1, addr + done, f->off, m);
    if (r > 0)
      f->off += r;
    iunlock(f->ip);
    end_op();
    vnode_throttle();
    if (r == -EFAULT && fault_in(addr + done, n - done, PROT_READ) == 0)
      r = 0;
    else if (r <= 0)
      break;
    done += r;
    if (killed(myproc()))
      break;
  }
  return done > 0 ? done : r;
}

// Write n bytes from user address addr. The number of bytes, or -errno if none was written.
int
filewrite(struct file *f, uint64 addr, int n)
{
  if (!f->writable)
    return -EBADF;
  if (n < 0)
    return -EINVAL;
  if (f->type == FD_PIPE)
    return pipewrite(f->pipe, addr, n);
  if (f->type == FD_DEVICE)
    return driver(f) ? driver(f)->write(1, addr, n) : -ENXIO;
  if (f->type == FD_SHM)
    return -EINVAL;
  return write_inode(f, addr, n);
}
