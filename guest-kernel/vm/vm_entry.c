/*
 * Entries of address spaces: what they promise, the objects they refer to,
 * and how they are split and merged.
 *
 * Several entries of a map may refer to one object, each to its own range:
 * that is what clipping makes of one entry, and simplifying undoes.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

/*
 * Frames that must be promised for pages [start, end): page tables, private
 * pages that may be written, and a file's pages that are locked, since these
 * cannot be dropped for others any more.
 */
static uint64
entry_cost(uint64 start, uint64 end, int flags)
{
  int each = (flags & ENTRY_PROMISED) || (flags & (ENTRY_FILE | ENTRY_WIRED)) == (ENTRY_FILE | ENTRY_WIRED);

  if (flags & ENTRY_GUARD)
    return 0;
  return pmap_table_frames(start, end) + (each ? (end - start) / PGSIZE : 0);
}

/* Change what is promised for an entry to the cost of [start, end) with these flags. 0 or -ENOMEM. */
int
vm_entry_recommit(struct vm_map_entry *e, uint64 start, uint64 end, int flags)
{
  uint64 cost = entry_cost(start, end, flags);

  if (cost > e->commit && vm_map_commit(e->map, cost - e->commit) < 0)
    return -ENOMEM;
  if (cost < e->commit)
    vm_map_uncommit(e->map, e->commit - cost);
  e->commit = cost;
  return 0;
}

/* What an entry would have to be promised with other flags. */
uint64
vm_entry_cost(struct vm_map_entry *e, int flags)
{
  return entry_cost(e->start, e->end, flags);
}

/* Free an entry that is in no list, its reference to its object, and its promises. */
void
vm_entry_free(struct vm_map_entry *e)
{
  if (e->object)
    vm_entry_drop_object(e);
  if (e->flags & ENTRY_NEEDS_COPY)
    kmem_unreserve(&object_cache, 1);
  if (e->flags & ENTRY_WIRED)
    vm_wired_add(-vm_entry_pages(e));
  if (e->commit)
    vm_map_uncommit(e->map, e->commit);
  kmem_free(&entry_cache, e);
}

/* ---- the object ---- */

/* Let e refer to o; the reference is the caller's. The family's lock is held, or nobody else knows o. */
void
vm_entry_attach(struct vm_map_entry *e, struct vm_object *o)
{
  e->object = o;
  e->object_prev = 0;
  e->object_next = o->entries;
  if (o->entries)
    o->entries->object_prev = e;
  o->entries = e;
  o->entry_count++;
}

/* Take e out of its object's list; the reference is the caller's. The family's lock is held. */
void
vm_entry_detach(struct vm_map_entry *e)
{
  if (e->object_prev)
    e->object_prev->object_next = e->object_next;
  else
    e->object->entries = e->object_next;
  if (e->object_next)
    e->object_next->object_prev = e->object_prev;
  e->object->entry_count--;
  e->object = 0;
}

/* End an entry's view of its object. */
void
vm_entry_drop_object(struct vm_map_entry *e)
{
  struct vm_object *o = e->object;
  struct spinlock *lock = o->lock; /* stays the family's, even if o is merged away before we have it */

  acquire(lock);
  o = e->object;
  vm_entry_detach(e);
  release(lock);
  vm_object_release_range(o, e->offset, vm_entry_pages(e));
}

/*
 * Make the entry the only writer of its object, so that needs_copy can go: by
 * a shadow object in front, unless nobody else refers to the object. The
 * family's lock must be held.
 */
void
vm_map_make_private(struct vm_map_entry *e)
{
  struct vm_object *o = e->object;

  if (!(e->flags & ENTRY_NEEDS_COPY))
    return;
  if (o->ref_count == 1 && !is_bottom(o)) {
    if (o->size < e->offset + vm_entry_pages(e))
      o->size = e->offset + vm_entry_pages(e); /* the entry has grown meanwhile */
    kmem_unreserve(&object_cache, 1);
  } else {
    vm_entry_detach(e);
    vm_entry_attach(e, vm_object_shadow(o, e->offset, vm_entry_pages(e)));
    e->offset = 0;
  }
  e->flags &= ~ENTRY_NEEDS_COPY;
}

/* ---- the map's list ---- */

/* Put e into the list after prev (first, when prev is null). */
void
vm_entry_link(struct vm_map *map, struct vm_map_entry *prev, struct vm_map_entry *e)
{
  e->map = map;
  e->prev = prev;
  e->next = prev ? prev->next : map->first;
  if (prev)
    prev->next = e;
  else
    map->first = e;
  if (e->next)
    e->next->prev = e;
  else
    map->last = e;
}

/* Take e out of the list. */
void
vm_entry_unlink(struct vm_map *map, struct vm_map_entry *e)
{
  if (e->prev)
    e->prev->next = e->next;
  else
    map->first = e->next;
  if (e->next)
    e->next->prev = e->prev;
  else
    map->last = e->prev;
  if (map->hint == e)
    map->hint = 0;
}

/* ---- clip and simplify ---- */

/* Split e at va, which lies inside. The later half is a new entry. 0 or -ENOMEM. */
static int
split(struct vm_map *map, struct vm_map_entry *e, uint64 va)
{
  struct vm_map_entry *second = kmem_alloc(&entry_cache);
  uint64 extra;

  if (second == 0)
    return -ENOMEM;
  extra = entry_cost(e->start, va, e->flags) + entry_cost(va, e->end, e->flags) - e->commit;
  if (vm_commit_urgent(extra) < 0) {
    kmem_free(&entry_cache, second);
    return -ENOMEM;
  }
  if ((e->flags & ENTRY_NEEDS_COPY) && kmem_reserve(&object_cache, 1) < 0) {
    vm_map_uncommit(map, extra);
    kmem_free(&entry_cache, second);
    return -ENOMEM;
  }
  if (e->object)
    acquire(e->object->lock);
  second->start = va;
  second->end = e->end;
  second->offset = e->offset + (va - e->start) / PGSIZE;
  second->protection = e->protection;
  second->max_protection = e->max_protection;
  second->flags = e->flags;
  second->commit = entry_cost(va, e->end, e->flags);
  e->commit = entry_cost(e->start, va, e->flags);
  e->end = va;
  if (e->flags & (ENTRY_STACK | ENTRY_GROWSDOWN))
    second->flags &= ~ENTRY_GROWSDOWN; /* only the lowest part grows */
  vm_entry_link(map, e, second);
  if (e->object) {
    e->object->ref_count++;
    vm_entry_attach(second, e->object);
    release(e->object->lock);
  }
  return 0;
}

/* See to it that no entry crosses va. 0 or -ENOMEM. */
int
vm_map_clip(struct vm_map *map, uint64 va)
{
  struct vm_map_entry *e = vm_map_lookup(map, va);

  return e && e->start < va ? split(map, e, va) : 0;
}

/* See to it that no entry crosses start or end. 0; or -ENOMEM, and nothing has changed. */
int
vm_map_clip_range(struct vm_map *map, uint64 start, uint64 end)
{
  if (vm_map_clip(map, start) == 0 && vm_map_clip(map, end) == 0)
    return 0;
  vm_map_simplify(map, start, end);
  return -ENOMEM;
}

/* Could e and the entry after it be one? */
static int
match(struct vm_map_entry *e, struct vm_map_entry *next)
{
  return e->end == next->start && e->object == next->object && e->flags == next->flags &&
         e->protection == next->protection && e->max_protection == next->max_protection &&
         (e->object == 0 || e->offset + vm_entry_pages(e) == next->offset);
}

/* Does an entry show a page of [first, first + n) of an object? The family's lock is held. */
static int
shown(struct vm_object *o, uint64 first, uint64 n)
{
  for (struct vm_map_entry *e = o->entries; e; e = e->object_next)
    if (e->offset < first + n && first < e->offset + vm_entry_pages(e))
      return 1;
  return 0;
}

/* Has an entry private zeros to show, wherever no page was written, and no object that others use too? */
static int
is_plain(struct vm_map_entry *e)
{
  return e->object && !is_bottom(e->object) && e->object->commit == 0 &&
         !(e->flags & (ENTRY_NEEDS_COPY | ENTRY_SHARED | ENTRY_BACKED | ENTRY_GROWSDOWN));
}

/* Is nothing in an object that one entry alone refers to, nor behind it? Asked with the lock: a page that goes to swap is in neither list for a moment. */
static int
is_unused(struct vm_object *o)
{
  int unused;

  acquire(o->lock);
  unused = o->ref_count == 1 && o->shadow == 0 && o->resident == 0 && o->slots == 0;
  release(o->lock);
  return unused;
}

/*
 * The entry after e is like it but for its object, and in that is nothing yet
 * (memory that was mapped anew between older parts): let it show pages of e's
 * object, if those that follow e's are vacant, so that the two can merge.
 */
static void
adopt(struct vm_map_entry *e, struct vm_map_entry *next)
{
  struct vm_object *o = e->object, *empty = next->object;
  uint64 first = e->offset + vm_entry_pages(e), n = vm_entry_pages(next);
  int possible;

  if (o == empty || e->end != next->start || e->flags != next->flags || e->protection != next->protection ||
      e->max_protection != next->max_protection || !is_plain(e) || !is_plain(next) || !is_unused(empty))
    return;
  acquire(o->lock);
  possible = o->ref_count == o->entry_count && (o->shadow == 0 || o->shadow_limit <= first) && !shown(o, first, n);
  if (possible && o->size < first + n)
    o->size = first + n;
  if (possible)
    o->ref_count++;
  release(o->lock);
  if (!possible)
    return;
  vm_entry_drop_object(next);
  acquire(o->lock);
  next->offset = first;
  vm_entry_attach(next, o);
  release(o->lock);
}

/* Merge e with the next entry if they match. */
static int
merge_next(struct vm_map *map, struct vm_map_entry *e)
{
  struct vm_map_entry *next = e->next;

  if (next)
    adopt(e, next);
  if (next == 0 || !match(e, next))
    return 0;
  if (e->object) {
    acquire(e->object->lock);
    e->object->ref_count--;
    vm_entry_detach(next);
  }
  e->end = next->end;
  if (e->object)
    release(e->object->lock);
  e->commit += next->commit;
  vm_entry_unlink(map, next);
  if (next->flags & ENTRY_NEEDS_COPY)
    kmem_unreserve(&object_cache, 1);
  kmem_free(&entry_cache, next);
  vm_entry_recommit(e, e->start, e->end, e->flags); /* never more than the two had */
  return 1;
}

/* Merge neighbours in and around [start, end) that match. */
void
vm_map_simplify(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e = vm_map_first_from(map, start > 0 ? start - 1 : 0);

  while (e && e->start < end)
    if (!merge_next(map, e))
      e = e->next;
}
