/*
 * Changes of address spaces beyond mapping and unmapping: entries grow, move,
 * are locked, forget their pages; the stack.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "vnode.h"
#include "abi/errno.h"

/* An entry ends further on now. Its family's lock is held. */
static void
set_end(struct vm_map *map, struct vm_map_entry *e, uint64 end)
{
  if (e->flags & ENTRY_WIRED)
    vm_wired_add((end - e->end) / PGSIZE);
  map->size += end - e->end;
  e->end = end;
}

/*
 * Enlarge an anonymous private entry to end at `end`, where nothing is mapped,
 * without a new object. 0; -ENOMEM; -EINVAL when its object does not allow it:
 * others may have, or have had, pages there.
 */
int
vm_map_extend(struct vm_map *map, struct vm_map_entry *e, uint64 end)
{
  struct vm_object *o = e->object;
  uint64 beyond = e->offset + vm_entry_pages(e);
  int error = -EINVAL;

  if (o == 0 || (e->flags & (ENTRY_SHARED | ENTRY_BACKED | ENTRY_GROWSDOWN)))
    return -EINVAL;
  acquire(o->lock);
  if ((e->flags & ENTRY_NEEDS_COPY) && o->ref_count == 1)
    vm_map_make_private(e);
  if (o->pager == 0 && (o->shadow == 0 || o->shadow_limit <= beyond) &&
      (beyond >= o->size || (o->ref_count == 1 && !(e->flags & ENTRY_NEEDS_COPY)))) {
    error = vm_entry_recommit(e, e->start, end, e->flags);
    if (error == 0) {
      set_end(map, e, end);
      if (!(e->flags & ENTRY_NEEDS_COPY) && o->size < e->offset + vm_entry_pages(e))
        o->size = e->offset + vm_entry_pages(e);
    }
  }
  release(o->lock);
  return error;
}

/*
 * Map zeros, private, at [start, end), which is vacant: the entry before is
 * enlarged if it matches. The map is locked. 0, -ENOMEM or -EINVAL.
 */
int
vm_map_anonymous(struct vm_map *map, uint64 start, uint64 end, int protection, int flags)
{
  struct vm_map_entry *before = vm_map_lookup(map, start - 1);
  struct vm_object *o;
  int error;

  if (before && before->end == start && before->protection == protection &&
      (before->flags & ~ENTRY_NEEDS_COPY) == flags &&
      (before->next == 0 || before->next->start >= end) && end <= USERTOP) {
    error = vm_map_extend(map, before, end);
    if (error != -EINVAL)
      return error;
  }
  o = vm_object_create((end - start) / PGSIZE);
  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, start, end, o, 0, protection, PROT_READ | PROT_WRITE | PROT_EXEC, flags);
  if (error)
    vm_object_release(o);
  return error;
}

/* Flags of private memory that may be written: promised, unless nothing is. */
int
vm_map_promise(void)
{
  return vm_policy.overcommit ? ENTRY_NORESERVE : ENTRY_PROMISED;
}

/* How far below the stack pointer a touch makes the stack grow: compilers store into a frame before they move sp. */
#define STACKREACH (32 * 1024UL)

/* Is there room below e's range in its object for so many pages, in which nobody has anything? The family's lock is held. */
static int
room_below(struct vm_map_entry *e, uint64 pages)
{
  struct vm_object *o = e->object;

  if (e->offset < pages || o->pager || o->swapped || (o->shadow && o->shadow_limit > e->offset - pages))
    return 0;
  for (uint64 i = e->offset - pages; i < e->offset; i++)
    if (vm_object_lookup(o, i))
      return 0;
  return 1;
}

/* Map [start, e->start) to a new object with room below for further growth; from now on that part grows. 0 or -errno. */
static int
grow_by_entry(struct vm_map *map, struct vm_map_entry *e, uint64 start)
{
  uint64 room = e->flags & ENTRY_STACK ? (start - (USERTOP - STACKLIMIT)) / PGSIZE : 256;
  struct vm_object *o = vm_object_create(room + (e->start - start) / PGSIZE);
  int error;

  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, start, e->start, o, room, e->protection, e->max_protection, e->flags & ~ENTRY_NEEDS_COPY);
  if (error)
    vm_object_release(o);
  else
    e->flags &= ~ENTRY_GROWSDOWN;
  return error;
}

/*
 * If the stack, or another entry that grows downwards, begins above va, and va
 * is near the user's stack pointer sp, enlarge it so that it holds va. The
 * entry that does, or null.
 */
struct vm_map_entry *
vm_map_grow_down(struct vm_map *map, uint64 va, uint64 sp)
{
  struct vm_map_entry *e = vm_map_first_from(map, va), *before;
  uint64 start = PGROUNDDOWN(va), pages;
  int near = va + STACKREACH >= sp, grown = 0;

  if (e == 0 || !(e->flags & ENTRY_GROWSDOWN) || va >= e->start || start < USERBASE)
    return 0;
  if (!near && ((e->flags & ENTRY_STACK) || va + PGSIZE < e->start))
    return 0; /* a wild pointer, not a push */
  before = e->prev;
  if (((e->flags & ENTRY_STACK) && start < USERTOP - STACKLIMIT) ||
      (before && !(before->flags & ENTRY_GUARD) && start < before->end + STACKGUARD))
    return 0;
  pages = (e->start - start) / PGSIZE;
  acquire(e->object->lock);
  if (room_below(e, pages) && vm_entry_recommit(e, start, e->end, e->flags) == 0) {
    e->offset -= pages;
    e->start = start;
    map->size += pages * PGSIZE;
    if (e->flags & ENTRY_WIRED)
      vm_wired_add(pages);
    grown = 1;
  }
  release(e->object->lock);
  if (grown)
    return e;
  return grow_by_entry(map, e, start) == 0 ? vm_map_lookup(map, va) : 0;
}

/* ---- changing what is mapped ---- */

/* What lies behind a private mapping's copies, a file or a shared memory, with one more reference, and the page of it that the entry shows at its start. */
static struct vm_object *
file_behind(struct vm_map_entry *e, uint64 *offset)
{
  struct spinlock *lock = e->object->lock;
  struct vm_object *o;

  acquire(lock);
  *offset = e->offset;
  for (o = e->object; !is_bottom(o); o = o->shadow)
    *offset += o->shadow_offset;
  o->ref_count++;
  release(lock);
  return o;
}

/* A shared object becomes `pages` long, if it is shorter: the promise for the rest is its own. Others may do the same, under locks of other maps. 0 or -ENOMEM. */
static int
lengthen_object(struct vm_map *map, struct vm_object *o, uint64 pages)
{
  uint64 promised = 0, more;

  for (;;) {
    acquire(o->lock);
    more = !is_bottom(o) && pages > o->size ? pages - o->size : 0;
    if (o->commit == 0 || more <= promised)
      break;
    release(o->lock);
    if (vm_map_commit(map, more - promised) < 0) {
      vm_map_uncommit(map, promised);
      return -ENOMEM;
    }
    promised = more;
  }
  o->size += more;
  if (o->commit > 0) {
    o->commit += more;
    promised -= more; /* what is left: somebody was faster */
  }
  release(o->lock);
  vm_map_uncommit(map, promised);
  return 0;
}

/* Enlarge an entry that is shared or maps a file to end at `end`, where nothing is mapped. 0 or -ENOMEM. */
int
vm_map_lengthen(struct vm_map *map, struct vm_map_entry *e, uint64 end)
{
  uint64 pages = (end - e->start) / PGSIZE, offset;
  struct vm_object *o = e->object;
  int error;

  if (!(e->flags & ENTRY_SHARED)) { /* the new part has no private copies yet */
    o = file_behind(e, &offset);
    error = vm_map_insert(map, e->end, end, o, offset + vm_entry_pages(e), e->protection, e->max_protection,
                          e->flags | ENTRY_NEEDS_COPY);
    if (error)
      vm_object_release(o);
    return error ? -ENOMEM : 0;
  }
  if (vm_entry_recommit(e, e->start, end, e->flags) < 0)
    return -ENOMEM;
  if (lengthen_object(map, o, e->offset + pages) < 0) {
    vm_entry_recommit(e, e->start, e->end, e->flags); /* less: cannot fail */
    return -ENOMEM;
  }
  acquire(o->lock);
  set_end(map, e, end);
  release(o->lock);
  return 0;
}

/* Move an entry to address `to`, where nothing is mapped. 0 or -ENOMEM. */
int
vm_map_move(struct vm_map *map, struct vm_map_entry *e, uint64 to)
{
  uint64 length = e->end - e->start;
  struct vm_map_entry *prev = 0;

  if (vm_entry_recommit(e, to, to + length, e->flags) < 0)
    return -ENOMEM;
  pmap_remove(&map->pmap, e->start, e->end);
  vm_entry_unlink(map, e);
  for (struct vm_map_entry *i = map->first; i && i->start < to; i = i->next)
    prev = i;
  if (e->object)
    acquire(e->object->lock);
  e->start = to;
  e->end = to + length;
  e->flags &= ~(ENTRY_HEAP | ENTRY_STACK | ENTRY_GROWSDOWN);
  if (e->object)
    release(e->object->lock);
  vm_entry_link(map, prev, e);
  return 0;
}

/* Let an entry see another object, of which the reference is given to it, from offset on. */
static void
replace_object(struct vm_map_entry *e, struct vm_object *o, uint64 offset)
{
  vm_entry_drop_object(e);
  acquire(o->lock);
  e->offset = offset;
  vm_entry_attach(e, o);
  release(o->lock);
}

/* Drop the private pages of an entry: zeros, or what it maps, are behind it again. 0 or -ENOMEM. */
static int
forget_entry(struct vm_map_entry *e)
{
  struct vm_object *o;
  uint64 offset = 0;

  if (e->flags & ENTRY_BACKED) {
    if (!(e->flags & ENTRY_NEEDS_COPY) && kmem_reserve(&object_cache, 1) < 0)
      return -ENOMEM;
    o = file_behind(e, &offset);
    e->flags |= ENTRY_NEEDS_COPY;
  } else {
    o = vm_object_create(vm_entry_pages(e));
    if (o == 0)
      return -ENOMEM;
    if (e->flags & ENTRY_NEEDS_COPY)
      kmem_unreserve(&object_cache, 1);
    e->flags &= ~ENTRY_NEEDS_COPY;
  }
  replace_object(e, o, offset);
  return 0;
}

/*
 * Drop the pages that an entry shows at [start, end), which is part of it, if
 * they are its own object's alone and zeros or the file lie behind: then the
 * entry can stay whole. Done?
 */
static int
forget_in_place(struct vm_map_entry *e, uint64 start, uint64 end)
{
  uint64 first = e->offset + (start - e->start) / PGSIZE;
  struct spinlock *lock = e->object->lock;
  struct vm_object *o;
  int possible;

  acquire(lock);
  if (e->object->ref_count == 1 && !is_bottom(e->object))
    vm_map_make_private(e); /* makes no shadow */
  if (!(e->flags & ENTRY_NEEDS_COPY))
    vm_object_collapse(e->object, e->object->ref_count == 1); /* may give e another object */
  o = e->object;
  possible = !(e->flags & ENTRY_NEEDS_COPY) && o->ref_count == o->entry_count &&
             (o->shadow == 0 || is_bottom(o->shadow) || first >= o->shadow_limit);
  if (possible) {
    vm_object_empty(o, first, (end - start) / PGSIZE);
    if (end - start >= SUPERPAGE)
      o->number = 0; /* some of its frames lie in caches now: superpages get new regions */
  }
  release(lock);
  return possible;
}

/* madvise(MADV_DONTNEED) on [start, end) of a locked map: private pages are dropped, shared ones only unmapped. 0 or -ENOMEM. */
int
vm_map_forget(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e;
  int error = 0;

  pmap_remove(&map->pmap, start, end);
  for (e = vm_map_first_from(map, start); e && e->start < end && error == 0; e = e->next) {
    uint64 from = e->start > start ? e->start : start, to = e->end < end ? e->end : end;
    if (e->object == 0 || (e->flags & ENTRY_SHARED) || is_bottom(e->object) || forget_in_place(e, from, to))
      continue; /* the second to last: no copies were made yet */
    error = vm_map_clip_range(map, from, to);
    e = vm_map_lookup(map, from);
    if (error == 0)
      error = forget_entry(e);
  }
  vm_map_simplify(map, start, end);
  return error;
}

static uint64 wired_pages; /* in locked entries; changed atomically */

/* So many pages more, or less, are in locked entries. */
void
vm_wired_add(uint64 n)
{
  __sync_fetch_and_add(&wired_pages, n);
}

/* Lock or unlock an entry for which that is promised. */
static void
flip_wired(struct vm_map_entry *e)
{
  struct spinlock *lock = e->object ? e->object->lock : 0;

  vm_wired_add(e->flags & ENTRY_WIRED ? -vm_entry_pages(e) : vm_entry_pages(e));
  if (lock)
    acquire(lock);
  e->flags ^= ENTRY_WIRED;
  if (lock)
    release(lock);
  e->commit = vm_entry_cost(e, e->flags);
}

/* Lock or unlock [start, end), all of it mapped, of a locked map. 0; -ENOMEM, and nothing is locked, also when half of the memory would be. */
int
vm_map_set_wired(struct vm_map *map, uint64 start, uint64 end, int wired)
{
  uint64 before = 0, after = 0;
  int error = 0;

  if (wired && wired_pages + (end - start) / PGSIZE > vm_total_frames() / 2)
    return -ENOMEM;
  if (vm_map_clip_range(map, start, end) < 0)
    return -ENOMEM;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next) {
    before += e->commit;
    after += vm_entry_cost(e, wired ? e->flags | ENTRY_WIRED : e->flags & ~ENTRY_WIRED);
  }
  if (after > before)
    error = vm_map_commit(map, after - before);
  else
    vm_map_uncommit(map, before - after);
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end && error == 0; e = e->next)
    if (!(e->flags & ENTRY_WIRED) != !wired)
      flip_wired(e);
  vm_map_simplify(map, start, end);
  return error;
}
