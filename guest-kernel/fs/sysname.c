// System calls on names: arguments are fetched and checked here, the rest of fs/ does the work.
// Each handler returns a result >= 0 or -errno.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "file.h"
#include "defs.h"
#include "procfs.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "vnode.h"

#define LINKMAX 32767        // largest nlink; a short on the disk

// One more name for ip, which is locked: its link count grows first. 0 or -errno.
static int
count_link(struct inode *ip)
{
  if (ip->type == T_DIR)
    return -EPERM;
  if (ip->nlink == 0)
    return -ENOENT;          // unlinked since we found it
  if (ip->nlink >= LINKMAX)
    return -EMLINK;
  ip->nlink++;
  iupdate(ip);
  return 0;
}

// Enter ip into the directory that `path` leads to, under the path's last name. 0 or -errno.
static int
enter(char *path, struct inode *ip)
{
  char name[DIRSIZ];
  int err;
  struct inode *dp = nameiparent_errno(path, name, &err);
  if (dp == 0)
    return err == -EBUSY ? -EEXIST : err;
  ilock(dp);
  struct inode *there = 0;
  if (dp->type != T_DIR)
    err = -ENOTDIR;
  else if (dp->dev != ip->dev)
    err = -EXDEV;
  else if ((there = dirlookup(dp, name, 0)) != 0)
    err = -EEXIST;
  else
    err = dirlink(dp, name, ip->inum);
  iunlockput(dp);
  if (there)
    iput(there);
  return err;
}

// link(old, new): a second name for a file.
long
sys_link(void)
{
  char old[MAXPATH], new[MAXPATH];
  int err;

  if ((err = argstr(0, old, MAXPATH)) < 0 || (err = argstr(1, new, MAXPATH)) < 0)
    return err;
  begin_op();
  struct inode *ip = namei_errno(old, &err);
  if (ip) {
    ilock(ip);
    err = count_link(ip);
    iunlock(ip);
    if (err == 0 && (err = enter(new, ip)) != 0) {
      ilock(ip);
      ip->nlink--;
      iupdate(ip);
      iunlock(ip);
    }
    iput(ip);
  }
  end_op();
  return err;
}

// Take the name out of directory dp and one off ip's link count. Both are locked. 0 or -errno.
static int
remove(struct inode *dp, uint off, struct inode *ip)
{
  if (ip->type == T_DIR && !dirempty(ip))
    return -ENOTEMPTY;
  int err = dirset(dp, off, "", 0);
  if (err != 0)
    return err;
  if (ip->type == T_DIR) {   // its ".." is gone
    dp->nlink--;
    iupdate(dp);
  }
  ip->nlink--;
  iupdate(ip);
  return 0;
}

// unlink(path): remove a name of a file, or an empty directory.
long
sys_unlink(void)
{
  char path[MAXPATH], name[DIRSIZ];
  struct inode *dp, *ip = 0;
  int err;
  uint off;

  if ((err = argstr(0, path, MAXPATH)) < 0)
    return err;
  begin_op();
  if ((dp = nameiparent_errno(path, name, &err)) != 0) {
    ilock(dp);
    if (dp->type != T_DIR)
      err = -ENOTDIR;
    else if (namecmp(name, ".") == 0 || namecmp(name, "..") == 0)
      err = -EINVAL;
    else if ((ip = dirlookup(dp, name, &off)) == 0)
      err = -ENOENT;
    if (ip) {
      ilock(ip);
      err = remove(dp, off, ip);
      iunlock(ip);
    }
    iunlock(dp);
    // Only now that nothing is locked: this may free an inode, and that may wait.
    iput(dp);
    if (ip)
      iput(ip);
  }
  end_op();
  return err;
}

// Fill in a new inode, locked, and its name in dp, locked. 0 or -errno; then the inode has no name.
static int
equip(struct inode *ip, struct inode *dp, const char *name, short major, short minor)
{
  int err = 0;

  ip->major = major;
  ip->minor = minor;
  ip->nlink = 1;
  iupdate(ip);
  if (ip->type == T_DIR) {   // "." is not counted as a link: a cycle would never be freed
    err = dirlink(ip, ".", ip->inum);
    if (err == 0)
      err = dirlink(ip, "..", dp->inum);
  }
  if (err == 0)
    err = dirlink(dp, name, ip->inum);
  if (err == 0 && ip->type == T_DIR) {
    dp->nlink++;
    iupdate(dp);
  }
  if (err != 0) {
    ip->nlink = 0;
    iupdate(ip);
  }
  return err;
}

// A new inode under the path's last name; if type is T_FILE, an existing file or device serves as well.
// Inside an operation. Locked, or 0 and *err = -errno.
static struct inode *
create(char *path, short type, short major, short minor, int *err)
{
  char name[DIRSIZ];
  struct inode *ip, *dp = nameiparent_errno(path, name, err);

  if (dp == 0) {
    if (*err == -EBUSY)
      *err = type == T_FILE ? -EISDIR : -EEXIST;
    return 0;
  }
  ilock(dp);
  if (dp->type == T_DIR && (ip = dirlookup(dp, name, 0)) != 0) {
    iunlockput(dp);
    if (type == T_FILE) {
      ilock(ip);
      if (ip->type != T_DIR)
        return ip;
      iunlock(ip);
    }
    iput(ip);
    *err = type == T_FILE ? -EISDIR : -EEXIST;
    return 0;
  }
  *err = 0;
  if (dp->type != T_DIR)
    *err = -ENOTDIR;
  else if (dp->nlink == 0)
    *err = -ENOENT;
  else if (type == T_DIR && dp->nlink >= LINKMAX)
    *err = -EMLINK;
  else if ((ip = ialloc(dp->dev, type)) == 0)
    *err = -ENOSPC;
  if (*err != 0) {
    iunlockput(dp);
    return 0;
  }
  ilock(ip);
  *err = equip(ip, dp, name, major, minor);
  if (*err != 0) {
    iunlock(ip);
    iunlock(dp);
    iput(dp);
    iput(ip);
    return 0;
  }
  iunlockput(dp);            // does not free dp: it holds ip's name, and ip is locked
  return ip;
}

// May ip, which is locked, be opened this way? 0 or -errno.
static int
open_allowed(struct inode *ip, int mode)
{
  if (ip->type == T_DIR && (mode & (O_WRONLY | O_RDWR | O_TRUNC)))
    return -EISDIR;
  if (ip->type == T_FILE && (mode & (O_WRONLY | O_RDWR | O_TRUNC)) && vnode_is_text(ip))
    return -ETXTBSY;
  if (ip->type == T_DEVICE && (ip->major < 0 || ip->major >= NDEV || devsw[ip->major].read == 0))
    return -ENXIO;
  return 0;
}

// Find or create what open names. Inside an operation. Not locked, or 0 and *err = -errno; *place says
// whether the path leads into /proc.
static struct inode *
open_inode(char *path, int mode, struct proc_place *place, int *err)
{
  struct inode *ip;

  if (mode & O_CREATE) {
    ip = create(path, T_FILE, 0, 0, err);
  } else {
    ip = namei_place(path, place, err);
    if (ip)
      ilock(ip);
  }
  if (ip == 0)
    return 0;
  *err = open_allowed(ip, mode);
  if (*err == 0 && (mode & O_TRUNC) && ip->type == T_FILE)
    icut(ip, 0);
  iunlock(ip);
  if (*err != 0) {
    iput(ip);
    return 0;
  }
  return ip;
}

// open(path, mode)
long
sys_open(void)
{
  struct proc_place place = { PLACE_NONE, 0, 0 };
  char path[MAXPATH];
  int mode, fd, err;

  argint(1, &mode);
  if ((err = argstr(0, path, MAXPATH)) < 0)
    return err;
  if ((mode & (O_WRONLY | O_RDWR)) == (O_WRONLY | O_RDWR))
    return -EINVAL;
  // Descriptor and table entry first, so that lacking one creates and truncates nothing.
  struct file *f = filealloc();
  if (f == 0)
    return -ENFILE;
  if ((fd = fdalloc(f)) < 0) {
    fileclose(f);
    return fd;
  }
  begin_op();
  struct inode *ip = open_inode(path, mode, &place, &err);
  end_op();
  if (place.kind != PLACE_NONE && (err = procfs_open(f, &place, mode)) == 0)
    return fd;
  if (ip == 0) {
    myproc()->ofile[fd] = 0;
    fileclose(f);
    return err;
  }
  // type, major and minor do not change while we hold a pointer.
  f->ip = ip;
  f->major = ip->major;
  f->readable = !(mode & O_WRONLY);
  f->writable = (mode & (O_WRONLY | O_RDWR)) != 0;
  f->append = (mode & O_APPEND) != 0;
  f->type = ip->type == T_DEVICE ? FD_DEVICE : FD_INODE;
  return fd;
}

// mkdir(path)
long
sys_mkdir(void)
{
  char path[MAXPATH];
  int err;

  if ((err = argstr(0, path, MAXPATH)) < 0)
    return err;
  begin_op();
  struct inode *ip = create(path, T_DIR, 0, 0, &err);
  if (ip)
    iunlockput(ip);
  end_op();
  return err;
}

// mknod(path, major, minor): a device file.
long
sys_mknod(void)
{
  char path[MAXPATH];
  int err, major, minor;

  argint(1, &major);
  argint(2, &minor);
  if ((err = argstr(0, path, MAXPATH)) < 0)
    return err;
  if (major != (short)major || minor != (short)minor)
    return -EINVAL;
  begin_op();
  struct inode *ip = create(path, T_DEVICE, major, minor, &err);
  if (ip)
    iunlockput(ip);
  end_op();
  return err;
}

// chdir(path). In /proc there are no inodes: who is there has the root directory's, and p->place.
long
sys_chdir(void)
{
  struct proc_place place = { PLACE_NONE, 0, 0 };
  char path[MAXPATH];
  struct proc *p = myproc();
  int err;

  if ((err = argstr(0, path, MAXPATH)) < 0)
    return err;
  begin_op();
  struct inode *ip = namei_place(path, &place, &err);
  if (place.kind == PLACE_FILE)
    err = -ENOTDIR;
  else if (place.kind != PLACE_NONE)
    ip = iget(ROOTDEV, ROOTINO);
  if (ip) {
    ilock(ip);
    err = ip->type == T_DIR ? 0 : -ENOTDIR;
    iunlock(ip);
    if (err == 0) {
      struct inode *old = p->cwd;
      p->cwd = ip;
      p->place = place;
      ip = old;
    }
    iput(ip);
  }
  end_op();
  return err;
}

// rename(old, new)
long
sys_rename(void)
{
  char old[MAXPATH], new[MAXPATH];
  int err;

  if ((err = argstr(0, old, MAXPATH)) < 0 || (err = argstr(1, new, MAXPATH)) < 0)
    return err;
  return fsrename(old, new);
}
