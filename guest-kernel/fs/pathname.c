// From inodes to names: a walk through all directories, for /proc/PID/maps.
//
// Inodes do not know their names, and names change; so nothing is kept, and whoever wants to know pays
// for the walk. One directory at a time is locked. What changes meanwhile may be missed.

#include "types.h"
#include "param.h"
#include "riscv.h"
#include "sleeplock.h"
#include "defs.h"
#include "fs.h"
#include "abi/stat.h"

// Directories between the root and the deepest that is looked into.
#define MAXDEPTH 30

// A walk, in a page of its own.
struct tour {
  int depth;                 // of the directory we are in; 0: the root
  struct {
    struct inode *dp;        // a pointer is held
    uint off;                // its next entry
    int length;              // of its path
  } level[MAXDEPTH];
  char path[MAXPATH];        // of what was looked at last
  int left;                  // inodes that have no path yet
};

// The next entry of the directory that the tour is in, "." and ".." left out, and a pointer to what it
// names; 0 at the directory's end.
static struct inode *
next_entry(struct tour *t, struct dirent *de)
{
  struct inode *dp = t->level[t->depth].dp, *ip = 0;

  ilock(dp);
  while (ip == 0 && dp->type == T_DIR &&
         readi(dp, 0, (uint64)de, t->level[t->depth].off, sizeof(*de)) == sizeof(*de)) {
    t->level[t->depth].off += sizeof(*de);
    if (de->inum != 0 && namecmp(de->name, ".") != 0 && namecmp(de->name, "..") != 0)
      ip = iget(dp->dev, de->inum);   // before the directory can change, as dirlookup does
  }
  iunlock(dp);
  return ip;
}

// Give a pointer back. No operation runs.
static void
let_go(struct inode *ip)
{
  begin_op();
  iput(ip);
  end_op();
}

// Put the entry's name behind its directory's path. The path's length, or -1 when it is too long.
static int
append_name(struct tour *t, const struct dirent *de)
{
  int length = t->level[t->depth].length;

  if (length + 1 + DIRSIZ >= MAXPATH)
    return -1;
  t->path[length++] = '/';
  for (int i = 0; i < DIRSIZ && de->name[i]; i++)
    t->path[length++] = de->name[i];
  t->path[length] = 0;
  return length;
}

// Enter ip if it is a directory, with a path of that length; else give the pointer back.
static void
enter_directory(struct tour *t, struct inode *ip, int length)
{
  int enters = 0;

  if (length > 0 && t->depth + 1 < MAXDEPTH) {
    ilock(ip);
    enters = ip->type == T_DIR;
    iunlock(ip);
  }
  if (!enters) {
    let_go(ip);
    return;
  }
  t->depth++;
  t->level[t->depth].dp = ip;
  t->level[t->depth].off = 0;
  t->level[t->depth].length = length;
}

// Find a path for each of n inodes; paths[i] stays as it is when inode inums[i] has none. Sleeps; nothing
// is locked, and no operation runs.
void
find_paths(int n, const uint *inums, char (*paths)[MAXPATH])
{
  struct tour *t = n > 0 ? kpage_alloc() : 0;
  struct inode *ip;
  struct dirent de;

  _Static_assert(sizeof(*t) <= PGSIZE, "the tour fits into a page");
  if (t == 0)
    return;
  t->level[0].dp = iget(ROOTDEV, ROOTINO);
  t->left = n;
  while (t->depth >= 0) {
    if (t->left == 0 || (ip = next_entry(t, &de)) == 0) {
      let_go(t->level[t->depth--].dp);
      continue;
    }
    int length = append_name(t, &de);
    for (int i = 0; length > 0 && i < n; i++) {
      if (inums[i] == de.inum && paths[i][0] == 0) {
        safestrcpy(paths[i], t->path, MAXPATH);
        t->left--;
      }
    }
    enter_directory(t, ip, length);
  }
  kpage_free(t);
}
