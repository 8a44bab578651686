/*
 * Address spaces: which addresses are mapped, to which pages of which object,
 * with what rights. The entries of a map are a list sorted by address.
 *
 * What an entry may come to need is promised when it is made (entry_cost), so
 * a later page fault in it cannot fail for lack of memory. A map's lock is
 * held by whoever looks at or changes its entries; the lock of an object's
 * family, too, for what the reverse map reads: start, end, offset, object.
 *
 * Several entries of a map may refer to one object, each to its own range:
 * that is what clipping makes of one entry, and simplifying undoes.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "vnode.h"
#include "abi/errno.h"

struct kmem_cache entry_cache;
static struct kmem_cache map_cache;

/* Called once, at boot. */
void
vm_map_init(void)
{
  kmem_cache_init(&entry_cache, "vm_map_entry", sizeof(struct vm_map_entry));
  kmem_cache_init(&map_cache, "vm_map", sizeof(struct vm_map));
}

/* An empty address space for the process with this trapframe; null without memory. */
struct vm_map *
vm_map_create(struct trapframe *trapframe)
{
  struct vm_map *map = kmem_alloc(&map_cache);

  if (map == 0)
    return 0;
  if (pmap_create(&map->pmap, trapframe) < 0) {
    kmem_free(&map_cache, map);
    return 0;
  }
  initsleeplock(&map->lock, "address space");
  return map;
}

/* ---- entries ---- */

/* Frames that must be promised for pages [start, end): page tables, and private pages that may be written. */
static uint64
entry_cost(uint64 start, uint64 end, int flags)
{
  if (flags & ENTRY_GUARD)
    return 0;
  return pmap_table_frames(start, end) + (flags & ENTRY_PROMISED ? (end - start) / PGSIZE : 0);
}

/* Change what is promised for an entry to the cost of [start, end) with these flags. 0 or -ENOMEM. */
int
vm_entry_recommit(struct vm_map_entry *e, uint64 start, uint64 end, int flags)
{
  uint64 cost = entry_cost(start, end, flags);

  if (cost > e->commit && vm_commit(cost - e->commit) < 0)
    return -ENOMEM;
  if (cost < e->commit)
    vm_uncommit(e->commit - cost);
  e->commit = cost;
  return 0;
}

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

/* The entry that holds address va, or null. */
struct vm_map_entry *
vm_map_lookup(struct vm_map *map, uint64 va)
{
  struct vm_map_entry *e = map->hint;

  if (e && va >= e->start && va < e->end)
    return e;
  for (e = map->first; e && va >= e->end; e = e->next)
    ;
  if (e == 0 || va < e->start)
    return 0;
  map->hint = e;
  return e;
}

/* The first entry that ends above va, or null. */
struct vm_map_entry *
vm_map_first_from(struct vm_map *map, uint64 va)
{
  struct vm_map_entry *e;

  for (e = map->first; e && e->end <= va; e = e->next)
    ;
  return e;
}

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
    vm_uncommit(e->commit);
  kmem_free(&entry_cache, e);
}

/* Give an address space back. Nobody uses it any more. */
void
vm_map_destroy(struct vm_map *map)
{
  struct vm_map_entry *e, *next;
  int files = 0;

  for (e = map->first; e; e = next) {
    next = e->next;
    files |= e->flags & ENTRY_FILE;
    vm_entry_free(e);
  }
  pmap_destroy(&map->pmap);
  kmem_free(&map_cache, map);
  if (files)
    vnode_reap();
}

/*
 * Map [start, end), page-aligned and vacant, to an object from page offset on.
 * The reference to the object (null for a guard) passes to the map. 0;
 * -EINVAL for bad or occupied addresses, -ENOMEM when the memory could not be
 * promised; then the reference stays with the caller. The map is locked, or
 * not yet anybody's.
 */
int
vm_map_insert(struct vm_map *map, uint64 start, uint64 end, struct vm_object *object, uint64 offset, int protection,
              int max_protection, int flags)
{
  struct vm_map_entry *e, *prev = 0;

  if (start < USERBASE || end > USERTOP || start >= end || ((start | end) & (PGSIZE - 1)))
    return -EINVAL;
  for (e = map->first; e && e->start < end; e = e->next) {
    if (e->end > start)
      return -EINVAL;
    prev = e;
  }
  e = kmem_alloc(&entry_cache);
  if (e == 0)
    return -ENOMEM;
  if (vm_entry_recommit(e, start, end, flags) < 0 ||
      ((flags & ENTRY_NEEDS_COPY) && kmem_reserve(&object_cache, 1) < 0)) {
    vm_uncommit(e->commit);
    kmem_free(&entry_cache, e);
    return -ENOMEM;
  }
  e->start = start;
  e->end = end;
  e->offset = offset;
  e->protection = protection;
  e->max_protection = max_protection;
  e->flags = flags;
  vm_entry_link(map, prev, e);
  if (object) {
    acquire(object->lock);
    vm_entry_attach(e, object);
    release(object->lock);
  }
  if (!(flags & ENTRY_GUARD))
    map->size += end - start;
  return 0;
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
  if (o->ref_count == 1 && o->pager == 0) {
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
  if (vm_commit(extra) < 0) {
    kmem_free(&entry_cache, second);
    return -ENOMEM;
  }
  if ((e->flags & ENTRY_NEEDS_COPY) && kmem_reserve(&object_cache, 1) < 0) {
    vm_uncommit(extra);
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

/* Could e and the entry after it be one? */
static int
match(struct vm_map_entry *e, struct vm_map_entry *next)
{
  return e->end == next->start && e->object == next->object && e->flags == next->flags &&
         e->protection == next->protection && e->max_protection == next->max_protection &&
         (e->object == 0 || e->offset + vm_entry_pages(e) == next->offset);
}

/* Merge e with the next entry if they match. */
static int
merge_next(struct vm_map *map, struct vm_map_entry *e)
{
  struct vm_map_entry *next = e->next;

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

/* Unmap what lies in [start, end). The map is locked. 0; -ENOMEM when an entry could not be split, and nothing has changed. */
int
vm_map_remove(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e, *next;

  if (vm_map_clip(map, start) < 0 || vm_map_clip(map, end) < 0) {
    vm_map_simplify(map, start, end);
    return -ENOMEM;
  }
  e = vm_map_first_from(map, start);
  if (e == 0 || e->start >= end)
    return 0;
  pmap_remove(&map->pmap, start, end);
  for (; e && e->start < end; e = next) {
    next = e->next;
    vm_entry_unlink(map, e);
    if (!(e->flags & ENTRY_GUARD))
      map->size -= e->end - e->start;
    if (e->flags & ENTRY_FILE)
      map->files_gone = 1; /* vm_map_unlock looks after the files */
    vm_entry_free(e);
  }
  return 0;
}

/* Unlock a map, and do then what must not be done under its lock: give inodes back that it was the last to map. */
void
vm_map_unlock(struct vm_map *map)
{
  int files = map->files_gone;

  map->files_gone = 0;
  releasesleep(&map->lock);
  if (files)
    vnode_reap();
}
