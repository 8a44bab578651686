/* Between vm_object.c, vm_visible.c and vm_collapse.c. The lock of the object's family is held. */
#ifndef OBJECT_PARTS_H
#define OBJECT_PARTS_H

#include "vm.h"
#include "vm_swap.h"

/* Has the object a page of its own at offset, in memory or in a slot? */
static inline int
object_has(struct vm_object *o, uint64 offset)
{
  return vm_object_lookup(o, offset) != 0 || vm_swap_has(o, offset);
}

/* Pages of its own. */
static inline uint64
object_content(struct vm_object *o)
{
  return o->resident + o->swapped;
}

/* vm_object.c */
void object_discard(struct vm_page *);
void object_free_page(struct vm_page *);
void object_free_at(struct vm_object *, uint64 offset);

/* vm_visible.c */
int object_lets_through(struct vm_object *, uint64 offset);
void object_free_unseen(struct vm_object *, uint64 first, uint64 n);

/* vm_collapse.c */
void object_unlink(struct vm_object *);
void object_settle(struct vm_object *);

#endif
