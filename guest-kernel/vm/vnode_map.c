/*
 * Files in address spaces: references to their objects, and the pointers to
 * inodes that these keep.
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

/* An object has lost a reference (vm_object.c). Its family's lock is held. */
void
vnode_released(struct vm_object *o)
{
  if (o->ref_count == 1)
    reap_wanted = 1;
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
