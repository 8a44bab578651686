/* Files in memory: the pages of an inode's object, and how they come and go. See vm/vnode_pages.c. */
#ifndef VNODE_H
#define VNODE_H

#include "types.h"

struct inode;
struct vm_object;
struct vm_page;

/* For the file system; ip is locked unless said otherwise. */
void vnode_init(struct inode *);                 /* once, at boot */
void vnode_loaded(struct inode *);               /* its size has been read from the disk */
int vnode_discard(struct inode *);               /* drop all pages, if that needs no waiting: the inode is going to be another. Done? */
void vnode_truncate(struct inode *, uint64 size); /* pages beyond go, also from address spaces. Sleeps */
int vnode_read(struct inode *, int user_dst, uint64 dst, uint off, uint n);
int vnode_write(struct inode *, int user_src, uint64 src, uint off, uint n);
uint vnode_size(struct inode *);                 /* bytes; needs no lock */
int vnode_is_text(struct inode *);               /* does a program run from it? Needs no lock */

/* Write-back. No spin lock held. */
void vnode_push(void);                           /* begin to write all dirty pages of all files */
void vnode_push_file(struct inode *, uint64 first, uint64 n);
void vnode_drain(void);                          /* wait until all that was begun has arrived */
int vnode_unwritten(void);
void vnode_writeback_kick(void);                 /* the page-out daemon's wish */
void vnode_extend(struct inode *, uint64 size);  /* the file ends further on now; ip is locked */
void vnode_throttle(void);                       /* wait while too much is dirty or in flight */

/* For address spaces. */
struct vm_object *vnode_map(struct inode *);     /* one more reference to its object, for an entry; the caller has a pointer to the inode */
void vnode_unmap(struct vm_object *);            /* give that back: it was not used */
void vnode_reap(void);                           /* let go of the inodes that nobody maps any more. May begin an operation */
void vnode_mark_dirty(struct vm_page *);         /* the family's lock is held, and the page has a block */
int vnode_wait_memory(uint8 use);                /* until there is memory for a page of this use; nothing locked. 0, or -ENOMEM */
uint64 vnode_reclaim(uint64 n);                  /* free up to so many clean pages of files that nobody maps. How many */
uint64 vnode_dirty_pages(void);

#endif
