// System calls on open files: arguments are fetched and checked here, the rest of fs/ does the work.
// Each handler returns a result >= 0 or -errno. Those on names are in sysname.c.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "file.h"
#include "defs.h"
#include "abi/errno.h"
#include "abi/stat.h"
#include "vnode.h"

// Argument n as a descriptor of this process: its open file, or 0.
static struct file *
argfd(int n, int *fd)
{
  argint(n, fd);
  if (*fd < 0 || *fd >= NOFILE)
    return 0;
  return myproc()->ofile[*fd];
}

// Give an open file the lowest free descriptor. The descriptor, which takes over the reference, or
// -EMFILE.
int
fdalloc(struct file *f)
{
  struct proc *p = myproc();
  for (int fd = 0; fd < NOFILE; fd++) {
    if (p->ofile[fd] == 0) {
      p->ofile[fd] = f;
      return fd;
    }
  }
  return -EMFILE;
}

// dup(fd)
long
sys_dup(void)
{
  int fd;
  struct file *f = argfd(0, &fd);
  if (f == 0)
    return -EBADF;
  fd = fdalloc(f);
  if (fd >= 0)
    filedup(f);
  return fd;
}

// read(fd, address, n)
long
sys_read(void)
{
  int fd, n;
  uint64 addr;
  struct file *f = argfd(0, &fd);
  argaddr(1, &addr);
  argint(2, &n);
  return f ? fileread(f, addr, n) : -EBADF;
}

// write(fd, address, n)
long
sys_write(void)
{
  int fd, n;
  uint64 addr;
  struct file *f = argfd(0, &fd);
  argaddr(1, &addr);
  argint(2, &n);
  return f ? filewrite(f, addr, n) : -EBADF;
}

// close(fd)
long
sys_close(void)
{
  int fd;
  struct file *f = argfd(0, &fd);
  if (f == 0)
    return -EBADF;
  myproc()->ofile[fd] = 0;
  fileclose(f);
  return 0;
}

// fstat(fd, struct stat *)
long
sys_fstat(void)
{
  int fd;
  uint64 addr;
  struct file *f = argfd(0, &fd);
  argaddr(1, &addr);
  return f ? filestat(f, addr) : -EBADF;
}

// pipe(int fd[2]): fd[0] reads what is written to fd[1].
long
sys_pipe(void)
{
  struct proc *p = myproc();
  struct file *f[2];
  int fd[2], err;
  uint64 addr;

  argaddr(0, &addr);
  if ((err = pipealloc(&f[0], &f[1])) < 0)
    return err;
  fd[0] = fdalloc(f[0]);
  fd[1] = fdalloc(f[1]);
  if (fd[0] < 0 || fd[1] < 0)
    err = -EMFILE;
  else
    err = either_copyout(1, addr, fd, sizeof(fd));
  if (err < 0) {
    for (int i = 0; i < 2; i++) {
      if (fd[i] >= 0)
        p->ofile[fd[i]] = 0;
      fileclose(f[i]);
    }
    return err;
  }
  return 0;
}

// Cut a file, which is locked, down to size bytes. Inside an operation, which may end here and another
// begin: several for a large file, with the file unlocked in between.
void
icut(struct inode *ip, uint size)
{
  while (ishrink(ip, size)) {
    iunlock(ip);
    end_op();
    begin_op();
    ilock(ip);
  }
}

// ftruncate(fd, size): make a file longer, by a hole, or shorter.
long
sys_ftruncate(void)
{
  int fd;
  uint64 size;
  struct file *f = argfd(0, &fd);

  argaddr(1, &size);
  if (f == 0)
    return -EBADF;
  if ((long)size < 0 || !f->writable)
    return -EINVAL;
  if (f->type == FD_SHM)
    return shm_truncate(f, size);
  if (f->type != FD_INODE || f->ip->type != T_FILE)
    return -EINVAL;
  if (size > MAXFILESIZE)
    return -EFBIG;
  begin_op();
  ilock(f->ip);
  if (size < f->ip->size) {
    icut(f->ip, size);
  } else if (size > f->ip->size) {
    vnode_extend(f->ip, size);
    f->ip->size = size;
    iupdate(f->ip);
  }
  iunlock(f->ip);
  end_op();
  return 0;
}

// fsync(fd): all of the file is on the disk when it returns.
long
sys_fsync(void)
{
  int fd;
  struct file *f = argfd(0, &fd);

  if (f == 0)
    return -EBADF;
  return f->type == FD_INODE ? fssync() : -EINVAL;
}

// lseek(fd, offset, whence): where the next read or write begins: from the start (0), from here (1), from
// the end (2). The new offset.
long
sys_lseek(void)
{
  int fd, whence;
  uint64 offset;
  struct file *f = argfd(0, &fd);

  argaddr(1, &offset);
  argint(2, &whence);
  if (f == 0)
    return -EBADF;
  if (f->type != FD_INODE)
    return -ESPIPE;
  if (whence < 0 || whence > 2)
    return -EINVAL;
  ilock(f->ip);
  long to = (long)offset + (whence == 1 ? (long)f->off : whence == 2 ? (long)f->ip->size : 0);
  if (to >= 0 && to <= (long)MAXFILESIZE)
    f->off = to;
  else
    to = -EINVAL;
  iunlock(f->ip);
  return to;
}

// sync(): all that has been done so far is on the disk when it returns.
long
sys_sync(void)
{
  return fssync();
}
