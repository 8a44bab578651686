/*
 * The page cache: the pages of files.
 *
 * Here: an inode's object, its pages, and the memory they take. vnode_io.c:
 * pages come from the disk and go there. vnode_file.c: read, write, truncate.
 * vnode_map.c: for address spaces.
 *
 * Every inode in memory has an object, embedded in it, whose pages are the
 * content of the file: read(), write() and mappings use these pages and no
 * others. Directories are metadata and stay in the buffer cache.
 *
 * A page knows its disk block (0: a hole). It is filled with PAGE_BUSY set and
 * written with PAGE_CLEANING set, by the disk itself, while nobody holds a
 * lock; who needs it sleeps on it. Before a page is written its mappings lose
 * the right to write, so a store that comes later faults and makes it dirty
 * again. Bytes beyond the end of the file are zeros, in memory when the page
 * comes in and on the disk whenever it is written.
 *
 * The journal's order holds: dirty pages are written before the transaction
 * commits that could make their blocks part of the file (vnode_push and
 * vnode_drain in log.c's commit).
 *
 * Pages of files are promised to nobody. Clean ones that nobody maps are given
 * up when memory is short (vnode_reclaim), mapped ones by the page-out daemon.
 *
 * Locks: map->lock, inode->lock, the family's lock. A fault holds its map's
 * lock and takes the inode's; so nobody who holds an inode's lock may fault:
 * copies to and from user memory under it only use pages that are there
 * (copyout_present), and the caller, who holds nothing, faults them in.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vnode.h"
#include "fs.h"
#include "vnode_parts.h"

static uint64 dirty_pages; /* of all files; changed atomically */

struct inode *
vnode_inode(struct vm_object *o)
{
  return o->pager_data;
}

/* Prepare an inode's object. Once, at boot. */
void
vnode_init(struct inode *ip)
{
  vm_object_setup(&ip->object, 0);
  ip->object.named = 1;
  ip->object.pager = &vnode_pager;
  ip->object.pager_data = ip;
}

/* Say how long the file is now. The family's lock is held, or nobody else knows the inode. */
void
vnode_set_bytes(struct vm_object *o, uint64 bytes)
{
  o->bytes = bytes;
  o->size = PGROUNDUP(bytes) / PGSIZE;
}

/* The inode has been read from the disk. */
void
vnode_loaded(struct inode *ip)
{
  ip->object.tail = 0;
  vnode_set_bytes(&ip->object, ip->type == T_FILE ? ip->size : 0);
}

/* The file's length. */
uint
vnode_size(struct inode *ip)
{
  return ip->object.bytes;
}

/* ---- dirty pages ---- */

/* Dirty pages of all files. */
uint64
vnode_dirty_pages(void)
{
  return dirty_pages;
}

/* The page is newer than the disk from now on. Its family's lock is held, and it has a block. */
void
vnode_mark_dirty(struct vm_page *pg)
{
  if (pg->flags & PAGE_DIRTY)
    return;
  pg->flags |= PAGE_DIRTY | PAGE_REFERENCED;
  pg->object->dirty++;
  if (__sync_fetch_and_add(&dirty_pages, 1) == 0)
    log_notice();
}

/* It is no longer. */
void
vnode_mark_clean(struct vm_page *pg)
{
  if (!(pg->flags & PAGE_DIRTY))
    return;
  pg->flags &= ~PAGE_DIRTY;
  pg->object->dirty--;
  __sync_fetch_and_sub(&dirty_pages, 1);
}

/* Free a page that is neither busy nor being written, and mapped nowhere. The family's lock is held. */
void
vnode_drop_page(struct vm_page *pg)
{
  vnode_mark_clean(pg);
  vm_object_remove(pg);
  vm_page_free(pg);
}

/* Drop all pages of an inode that nobody points to, if that needs no waiting. Done? */
int
vnode_discard(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int possible = 1;

  acquire(o->lock);
  if (o->ref_count > 1)
    possible = 0;
  for (struct vm_page *pg = o->pages; pg && possible; pg = pg->list_next)
    possible = !(pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_DIRTY));
  while (possible && o->pages)
    vnode_drop_page(o->pages);
  release(o->lock);
  return possible;
}

/* ---- memory ---- */

/* Free clean pages of an object that nobody maps, those first that were not used since last time. How many. */
static uint64
reclaim_object(struct vm_object *o, uint64 n)
{
  struct vm_page *pg, *next;
  uint64 freed = 0;

  acquire(o->lock);
  if (o->ref_count == 1)
    for (pg = o->pages; pg && freed < n; pg = next) {
      next = pg->list_next;
      if (pg->flags & (PAGE_BUSY | PAGE_CLEANING | PAGE_DIRTY))
        continue;
      if (pg->flags & PAGE_REFERENCED) {
        pg->flags &= ~PAGE_REFERENCED;
        continue;
      }
      vnode_drop_page(pg);
      freed++;
    }
  release(o->lock);
  return freed;
}

/* Free up to n clean pages of files that nobody maps. How many. */
uint64
vnode_reclaim(uint64 n)
{
  static volatile uint hand;
  uint64 freed = 0;

  for (uint i = 0; i < 2 * NINODES && freed < n; i++) {
    struct inode *ip = inode_in_table(hand++ % NINODES);
    if (ip->object.resident > 0)
      freed += reclaim_object(&ip->object, n - freed);
  }
  return freed;
}

/* Wait until there is memory for a page of this use. No lock is held. 0, or -ENOMEM when none can be had. */
int
vnode_wait_memory(uint8 use)
{
  if (vnode_reclaim(64) > 0)
    return 0;
  if (dirty_pages > 0) {
    vnode_push();
    vnode_drain();
    if (vnode_reclaim(64) > 0)
      return 0;
  }
  return vm_page_wait(use);
}

/* A frame for a file's page, all junk. Waits, perhaps with the inode locked, while there is none. Null when there is no hope. */
struct vm_page *
vnode_frame(void)
{
  struct vm_page *pg;

  while ((pg = vm_page_alloc(PAGE_FILE)) == 0)
    if (vnode_wait_memory(PAGE_FILE) < 0)
      return 0;
  return pg;
}

/* Is the page in memory, or on its way? */
int
vnode_has_page(struct vm_object *o, uint64 offset)
{
  int there;

  acquire(o->lock);
  there = vm_object_lookup(o, offset) != 0;
  release(o->lock);
  return there;
}

/* Put a frame into the file. The family's lock is held. */
void
vnode_insert_page(struct vm_object *o, uint64 offset, struct vm_page *pg, uint block, int flags)
{
  pg->flags = flags;
  pg->block = block;
  vm_object_insert(o, offset, pg);
}
