// rename: give an inode another name, in another directory if need be, in one step.
//
// One rename runs at a time. Only renames change which directory a directory lies in, so the tree
// above a directory stands still meanwhile (an ancestor cannot be removed either: it is not empty), and
// the order in which directories are locked, ancestors first, can be found out beforehand.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "defs.h"
#include "fs.h"
#include "abi/errno.h"
#include "abi/stat.h"

#define LINKMAX 32767
#define DOTDOT  sizeof(struct dirent)   // where ".." is in every directory

static struct sleeplock one_rename;

// Everything that one rename deals with: `from` in directory odp becomes `to` in ndp.
struct renaming {
  struct inode *odp, *ndp;   // may be the same
  char from[DIRSIZ], to[DIRSIZ];
  struct inode *ip;          // what `from` names
  struct inode *victim;      // what `to` names, or 0
  uint ooff, noff;           // places of the entries
};

// Set up.
void
renameinit(void)
{
  initsleeplock(&one_rename, "rename");
}

// Is the directory with number inum dp itself or above it? No inode is locked.
static int
is_above(uint inum, struct inode *dp)
{
  struct inode *at = idup(dp);
  while (at->inum != inum && at->inum != ROOTINO) {
    ilock(at);
    // A removed directory is above nothing and below nothing; whoever locks it will see that.
    struct inode *up = at->type == T_DIR && at->nlink > 0 ? dirlookup(at, "..", 0) : 0;
    iunlockput(at);
    if (up == 0)
      return 0;
    at = up;
  }
  int yes = at->inum == inum;
  iput(at);
  return yes;
}

// Look both names up. Directories are locked, or will be one after the other here.
static int
look_up(struct renaming *r, int locked)
{
  int err = 0;

  r->ip = r->victim = 0;
  if (!locked)
    ilock(r->odp);
  if (r->odp->type != T_DIR)
    err = -ENOTDIR;
  else if ((r->ip = dirlookup(r->odp, r->from, &r->ooff)) == 0)
    err = -ENOENT;
  if (!locked) {
    iunlock(r->odp);
    ilock(r->ndp);
  }
  if (err == 0 && r->ndp->type != T_DIR)
    err = -ENOTDIR;
  else if (err == 0 && r->ndp->nlink == 0)
    err = -ENOENT;
  else if (err == 0)
    r->victim = dirlookup(r->ndp, r->to, &r->noff);
  if (!locked)
    iunlock(r->ndp);
  return err;
}

// Give the two inodes back; nothing is locked.
static void
forget(struct inode *ip, struct inode *victim)
{
  if (ip)
    iput(ip);
  if (victim)
    iput(victim);
}

static void
lock_parents(struct renaming *r)
{
  if (r->odp == r->ndp) {
    ilock(r->odp);
  } else if (is_above(r->ndp->inum, r->odp)) {
    ilock(r->ndp);
    ilock(r->odp);
  } else {                   // odp is above ndp, or neither is and the order does not matter
    ilock(r->odp);
    ilock(r->ndp);
  }
}

static void
unlock_parents(struct renaming *r)
{
  iunlock(r->odp);
  if (r->ndp != r->odp)
    iunlock(r->ndp);
}

// May ip take the victim's place? All four are locked. 0 or -errno.
static int
may_replace(struct renaming *r)
{
  int isdir = r->ip->type == T_DIR;

  if (r->victim && r->victim->type == T_DIR) {
    if (!isdir)
      return -EISDIR;
    return dirempty(r->victim) ? 0 : -ENOTEMPTY;
  }
  if (r->victim && isdir)
    return -ENOTDIR;
  if (isdir && r->odp != r->ndp && r->ndp->nlink >= LINKMAX)
    return -EMLINK;
  return 0;
}

// Make the change. All four are locked. 0, or -errno with nothing changed.
static int
move(struct renaming *r)
{
  int err = may_replace(r);
  if (err == 0)
    err = r->victim ? dirset(r->ndp, r->noff, r->to, r->ip->inum)
                    : dirlink(r->ndp, r->to, r->ip->inum);
  if (err != 0)
    return err;
  // From here on only existing blocks are overwritten, which does not fail.
  dirset(r->odp, r->ooff, "", 0);
  if (r->victim) {
    if (r->victim->type == T_DIR)
      r->ndp->nlink--;
    r->victim->nlink--;
    iupdate(r->victim);
  }
  if (r->ip->type == T_DIR && r->odp != r->ndp) {
    dirset(r->ip, DOTDOT, "..", r->ndp->inum);
    r->odp->nlink--;
    r->ndp->nlink++;
  }
  iupdate(r->odp);
  iupdate(r->ndp);
  return 0;
}

// With both parents known: find, check, lock, find again, move. 0 or -errno; 1 if the directories have
// changed between the first look and the locking and all must be done again. The inodes found are the
// caller's to give back, with nothing locked.
static int
attempt(struct renaming *r)
{
  int err = look_up(r, 0);
  if (err != 0 || r->victim == r->ip)
    return err;              // two names of one file: nothing to do, says POSIX
  if (is_above(r->ip->inum, r->ndp))
    return -EINVAL;          // a directory into itself
  if (r->victim && is_above(r->victim->inum, r->odp))
    return -ENOTEMPTY;
  struct inode *ip = r->ip, *victim = r->victim;
  lock_parents(r);
  err = look_up(r, 1);
  int same = r->ip == ip && r->victim == victim;
  if (err == 0 && same) {
    ilock(r->ip);
    if (r->victim)
      ilock(r->victim);
    err = move(r);
    iunlock(r->ip);
    if (r->victim)
      iunlock(r->victim);
  }
  unlock_parents(r);
  forget(ip, victim);
  return err == 0 && !same ? 1 : err;
}

// rename(old, new) inside an operation.
static int
rename_op(char *old, char *new)
{
  struct renaming r;
  int err;

  if ((r.odp = nameiparent_errno(old, r.from, &err)) == 0)
    return err;
  if ((r.ndp = nameiparent_errno(new, r.to, &err)) == 0) {
    iput(r.odp);
    return err;
  }
  if (namecmp(r.from, ".") == 0 || namecmp(r.from, "..") == 0 || namecmp(r.to, ".") == 0 ||
      namecmp(r.to, "..") == 0) {
    err = -EINVAL;
  } else {
    do {
      err = attempt(&r);
      forget(r.ip, r.victim);
    } while (err == 1);
  }
  iput(r.odp);
  iput(r.ndp);
  return err;
}

// rename(old, new) of the paths: atomic, also when the machine stops in between. 0 or -errno.
int
fsrename(char *old, char *new)
{
  acquiresleep(&one_rename);
  begin_op();
  int err = rename_op(old, new);
  end_op();
  releasesleep(&one_rename);
  return err;
}
