// The file system inside the kernel: in-memory inodes, the journal, the free map, names.
// What is on the disk is in abi/fs.h.
//
// Locks, in the order in which they are taken:
//   rename.lock (sleep)  one rename at a time (rename.c)
//   begin_op             a place in the journal's running transaction; never waited for with an inode locked
//   inode.lock (sleep)   a directory before what it names; two directories as rename.c explains
//   buf.lock (sleep)     double indirect, indirect, data; an inode or free-map block last
//   log.lock, freemap.lock, itable.lock, bcache.lock, disk.lock (spin)

#ifndef PAGEWALK_FS_H
#define PAGEWALK_FS_H

#include "types.h"
#include "sleeplock.h"
#include "abi/fs.h"
#include "abi/stat.h"
#include "param.h"
#include "vm.h"

// Entries of the table of inodes in memory: enough for every open file, every working directory and what
// system calls hold in passing, with room for the recently used.
#define NINODES (NFILE + 4 * NPROC + 64)

// An inode in memory. ref counts pointers to it (under itable.lock); everything after lock is a copy
// of the dinode, to be looked at with lock held and only while valid.
struct inode {
  uint dev;
  uint inum;
  int ref;
  struct sleeplock lock;
  int valid;
  short type, major, minor, nlink;
  uint size;
  uint addrs[NDIRECT + 2];
  uint ra_next;              // files: page that the next read starts in if reading is sequential
  uint dir_hint;             // directories: no empty slot lies before this offset
  struct vm_object object;   // files: the pages of its content that are in memory (vm/vnode_pages.c)
  int mapped;                // ... and a pointer to the inode is held because address spaces map it
  struct inode *hash;        // next in the table's hash chain, or on its free list
};

// An operation (begin_op ... end_op) changes at most MAXOPBLOCKS metadata blocks and allocates at
// most MAXOPALLOC blocks. OPMAPBLOCKS is the part that a bulk operation may spend on free-map
// blocks; the rest is for inodes, directories and indirect blocks.
#define MAXOPBLOCKS  32
#define MAXOPALLOC   72
#define OPMAPBLOCKS  20
#define OPDATABLOCKS 64      // file blocks that one operation may write

extern struct superblock sb;

// fs/super.c
void          fsinit(int dev);

// fs/log.c
struct buf;
void          log_init(int dev);
void          begin_op(void);
void          end_op(void);
void          log_write(struct buf *b);
int           fssync(void);
void          syncd(void);
void          log_notice(void);

// fs/freemap.c
void          freemap_init(int dev);
uint          balloc(uint dev, uint goal);
int           bfree(uint dev, uint first, uint n);
int           freemap_full_of_frees(void);
int           freemap_wants_commit(int ops);
void          freemap_committed(void);
uint          freemap_blocks(void);

// fs/inode.c
void          iinit(void);
struct inode *ialloc(uint dev, short type);
struct inode *iget(uint dev, uint inum);
struct inode *idup(struct inode *ip);
void          ilock(struct inode *ip);
void          iunlock(struct inode *ip);
void          iput(struct inode *ip);
void          iunlockput(struct inode *ip);
void          iupdate(struct inode *ip);
void          stati(struct inode *ip, struct stat *st);
void          ireclaim(int dev);
struct inode *inode_in_table(uint i);

// fs/content.c
int           ishrink(struct inode *ip, uint size);
int           readi(struct inode *ip, int user_dst, uint64 dst, uint off, uint n);
int           writei(struct inode *ip, int user_src, uint64 src, uint off, uint n);
uint          bmap(struct inode *ip, uint bn);
uint          bmap_alloc(struct inode *ip, uint bn, int *fresh);

// fs/dir.c
int           namecmp(const char *a, const char *b);
struct inode *dirlookup(struct inode *dp, const char *name, uint *off);
int           dirlink(struct inode *dp, const char *name, uint inum);
int           dirset(struct inode *dp, uint off, const char *name, uint inum);
int           dirempty(struct inode *dp);
struct inode *namei(char *path);
struct inode *nameiparent(char *path, char *name);
struct inode *namei_errno(char *path, int *err);
struct proc_place;
struct inode *namei_place(char *path, struct proc_place *place, int *err);
struct inode *nameiparent_errno(char *path, char *name, int *err);

// fs/pathname.c
void          find_paths(int n, const uint *inums, char (*paths)[MAXPATH]);

// fs/rename.c
void          renameinit(void);
int           fsrename(char *old, char *new);

#endif
