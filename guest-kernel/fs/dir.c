// Directories and path names.
//
// Names have at most DIRSIZ (14) characters. As in xv6 a longer name is not an error: only its first
// 14 characters count, when a file is made as well as when it is looked up.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "buf.h"
#include "defs.h"
#include "fs.h"
#include "procfs.h"
#include "abi/errno.h"

#define PERBLOCK (BSIZE / sizeof(struct dirent))

// Compare two names as directories do.
int
namecmp(const char *a, const char *b)
{
  return strncmp(a, b, DIRSIZ);
}

// Read the directory's entries that lie in content block bn: a locked buffer, and in *n how many of
// its entries are part of the directory. 0 for a hole.
static struct buf *
entries(struct inode *dp, uint bn, uint *n)
{
  uint left = (dp->size - bn * BSIZE) / sizeof(struct dirent);
  *n = left < PERBLOCK ? left : PERBLOCK;
  uint b = bmap(dp, bn);
  return b ? bread(dp->dev, b) : 0;
}

// Find a name in a locked directory: a pointer to its inode, not locked, and in *off (if not null) the
// entry's place. 0 if there is none.
struct inode *
dirlookup(struct inode *dp, const char *name, uint *off)
{
  for (uint bn = 0; bn * BSIZE < dp->size; bn++) {
    uint n;
    struct buf *bp = entries(dp, bn, &n);
    if (bp == 0)
      continue;
    struct dirent *de = (struct dirent *)bp->data;
    for (uint i = 0; i < n; i++) {
      if (de[i].inum == 0 || de[i].name[0] != name[0] || namecmp(de[i].name, name) != 0)
        continue;
      if (off)
        *off = bn * BSIZE + i * sizeof(*de);
      // The pointer is taken before the directory can change, so the inode cannot be freed under it.
      struct inode *ip = iget(dp->dev, de[i].inum);
      brelse(bp);
      return ip;
    }
    brelse(bp);
  }
  return 0;
}

// Make the entry at off name inode inum; inum 0 empties it. dp is locked; inside an operation. 0 or
// -errno (never if off lies within the directory).
int
dirset(struct inode *dp, uint off, const char *name, uint inum)
{
  struct dirent de;

  memset(&de, 0, sizeof(de));
  de.inum = inum;
  if (inum != 0)
    strncpy(de.name, name, DIRSIZ);
  int n = writei(dp, 0, (uint64)&de, off, sizeof(de));
  if (n != sizeof(de))
    return n < 0 ? n : -ENOSPC;
  if (inum == 0 && off < dp->dir_hint)
    dp->dir_hint = off;
  return 0;
}

// The place of an empty entry, or the directory's end.
static uint
empty_slot(struct inode *dp)
{
  for (uint bn = dp->dir_hint / BSIZE; bn * BSIZE < dp->size; bn++) {
    uint n;
    struct buf *bp = entries(dp, bn, &n);
    if (bp == 0)
      return bn * BSIZE;
    struct dirent *de = (struct dirent *)bp->data;
    for (uint i = 0; i < n; i++) {
      if (de[i].inum == 0) {
        brelse(bp);
        return bn * BSIZE + i * sizeof(*de);
      }
    }
    brelse(bp);
  }
  return dp->size;
}

// Add a name to a locked directory that does not have it (the caller has looked, under the same
// lock). Inside an operation. 0 or -errno: -ENOENT if the directory itself has been removed.
int
dirlink(struct inode *dp, const char *name, uint inum)
{
  if (dp->nlink == 0 && namecmp(name, ".") != 0 && namecmp(name, "..") != 0)
    return -ENOENT;
  uint off = empty_slot(dp);
  int err = dirset(dp, off, name, inum);
  if (err == 0)
    dp->dir_hint = off + sizeof(struct dirent);
  return err;
}

// Does a locked directory hold nothing but "." and ".."?
int
dirempty(struct inode *dp)
{
  for (uint bn = 0; bn * BSIZE < dp->size; bn++) {
    uint n;
    struct buf *bp = entries(dp, bn, &n);
    if (bp == 0)
      continue;
    struct dirent *de = (struct dirent *)bp->data;
    for (uint i = bn == 0 ? 2 : 0; i < n; i++) {
      if (de[i].inum != 0) {
        brelse(bp);
        return 0;
      }
    }
    brelse(bp);
  }
  return 1;
}

// Copy the next element of a path into name (DIRSIZ bytes, zero-padded, cut off beyond that) and return
// what follows it, without leading slashes; 0 if there is no element left.
static char *
next_element(char *path, char *name)
{
  while (*path == '/')
    path++;
  if (*path == 0)
    return 0;
  memset(name, 0, DIRSIZ);
  for (int i = 0; *path != '/' && *path != 0; path++, i++)
    if (i < DIRSIZ)
      name[i] = *path;
  while (*path == '/')
    path++;
  return path;
}

// One step of a walk: the inode that dp calls name, or 0 and *err. Gives dp back.
static struct inode *
step(struct inode *dp, const char *name, int *err)
{
  struct inode *next = 0;

  ilock(dp);
  if (dp->type != T_DIR) {
    *err = -ENOTDIR;
  } else if (dp->nlink == 0 && namecmp(name, ".") != 0) {
    *err = -ENOENT;          // removed while somebody is in it; its ".." may be gone, too
  } else {
    next = dirlookup(dp, name, 0);
    if (next == 0)
      *err = -ENOENT;
  }
  iunlockput(dp);
  return next;
}

// Follow a path: to its end, or, if parent, to the directory of its last element, which is copied to
// name. Inside an operation. A pointer, not locked, or 0 and *err = -errno. A path that ends in /proc
// has no inode, -EROFS, and *place, if there is one, is what it names.
static struct inode *
walk(char *path, int parent, char *name, struct proc_place *place, int *err)
{
  struct proc_place at = *path == '/' ? (struct proc_place){ PLACE_NONE, 0, 0 } : myproc()->place;
  struct inode *ip;

  *err = -ENOENT;
  if (*path == 0)
    return 0;
  ip = *path == '/' ? iget(ROOTDEV, ROOTINO) : idup(myproc()->cwd);
  *err = 0;
  while (*err == 0 && (path = next_element(path, name)) != 0) {
    int last = parent && *path == 0;
    if (at.kind != PLACE_NONE || (ip->inum == ROOTINO && namecmp(name, "proc") == 0)) {
      // ip stays the root directory, which /proc hangs in.
      if (last)
        *err = at.kind == PLACE_NONE ? -EBUSY : -EROFS;
      else
        *err = procfs_step(&at, name);
      continue;
    }
    if (last)
      return ip;
    if ((ip = step(ip, name, err)) == 0)
      return 0;
  }
  if (*err == 0 && parent)   // "/": it has no parent and no name
    *err = -EBUSY;
  if (*err == 0 && at.kind != PLACE_NONE) {
    *err = -EROFS;
    if (place)
      *place = at;
  }
  if (*err == 0)
    return ip;
  iput(ip);
  return 0;
}

// The inode that a path names. Inside an operation. A pointer, not locked, or 0 and *err = -errno.
struct inode *
namei_errno(char *path, int *err)
{
  char name[DIRSIZ];
  return walk(path, 0, name, 0, err);
}

// The same for who knows what to do with a path that leads into /proc: *place is that then, else it is not
// touched.
struct inode *
namei_place(char *path, struct proc_place *place, int *err)
{
  char name[DIRSIZ];
  return walk(path, 0, name, place, err);
}

// The inode of the directory in which the path's last element is or would be, and that element in
// name (DIRSIZ bytes). The caller locks it and checks that it is a directory.
struct inode *
nameiparent_errno(char *path, char *name, int *err)
{
  return walk(path, 1, name, 0, err);
}

// The same for callers that do not care why there is none.
struct inode *
namei(char *path)
{
  int err;
  return namei_errno(path, &err);
}

struct inode *
nameiparent(char *path, char *name)
{
  int err;
  return nameiparent_errno(path, name, &err);
}
