/*
 * Files in address spaces: references to their objects, the pointers to inodes
 * that these keep, and the pager, by which the layers above bring pages of
 * files in and put them out.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "vm.h"
#include "vnode.h"
#include "fs.h"
#include "vnode_parts.h"

static volatile int reap_wanted; /* some inode has lost its last mapping */

/* One more reference to the object of a file, for an entry. The caller has a pointer to the inode. */
struct vm_object *
vnode_map(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int extra;

  idup(ip);
  acquire(o->lock);
  extra = ip->mapped; /* one pointer for all mappings together is enough */
  ip->mapped = 1;
  o->ref_count++;
  release(o->lock);
  if (extra)
    iput(ip);
  return o;
}

/* A reference from vnode_map was not used. */
void
vnode_unmap(struct vm_object *o)
{
  vm_object_release(o);
  vnode_reap();
}

/* Give the pointers to inodes back that nobody maps any more, and begin to write what was stored through mappings. Nothing is locked. */
void
vnode_reap(void)
{
  if (!reap_wanted)
    return;
  reap_wanted = 0;
  for (uint i = 0; i < NINODES; i++) {
    struct inode *ip = inode_in_table(i);
    struct vm_object *o = &ip->object;
    int gone;
    if (!ip->mapped)
      continue;
    acquire(o->lock);
    gone = ip->mapped && o->ref_count == 1;
    if (gone)
      ip->mapped = 0;
    release(o->lock);
    if (!gone)
      continue;
    if (o->dirty > 0)
      vnode_push_file(ip, 0, ~0UL);
    begin_op();
    iput(ip);
    end_op();
  }
}

/* Does a program run from this file? */
int
vnode_is_text(struct inode *ip)
{
  struct vm_object *o = &ip->object;
  int text = 0;

  acquire(o->lock);
  for (struct vm_map_entry *e = o->entries; e && !text; e = e->object_next)
    text = (e->protection & PROT_EXEC) && !(e->flags & ENTRY_SHARED);
  release(o->lock);
  return text;
}

/* ---- the pager: see struct vm_pager ---- */

/* Each page below the file's end is on the disk, or zeros. */
static int
file_has(struct vm_object *o, uint64 offset)
{
  (void)o;
  (void)offset;
  return 1;
}

/* A page that a fault needs. The entry that the fault is for keeps the inode, and so the lock. */
static int
file_get(struct vm_object *o, uint64 offset)
{
  int error;

  release(o->lock);
  error = vnode_fetch(o, offset);
  acquire(o->lock);
  return error;
}

/* A page that has no block yet, and is to be written through a shared mapping. */
static int
file_allocate(struct vm_object *o, uint64 offset)
{
  int error;

  release(o->lock);
  error = vnode_allocate(o, offset);
  acquire(o->lock);
  return error;
}

/* Begin to write dirty pages. */
static void
file_put(struct vm_object *o, uint64 first, uint64 n)
{
  vnode_push_file(vnode_inode(o), first, n);
}

/* The object has lost a reference: perhaps its inode has lost its last mapping. */
static void
file_released(struct vm_object *o)
{
  if (o->ref_count == 1)
    reap_wanted = 1;
}

const struct vm_pager vnode_pager = {
  .name = "file", .has = file_has, .get = file_get, .allocate = file_allocate, .put = file_put, .released = file_released,
};
