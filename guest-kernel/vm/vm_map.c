/*
 * Address spaces: which addresses are mapped, to which pages of which object,
 * with what rights. The entries of a map are a list sorted by address.
 * Here: maps as a whole. vm_entry.c: their entries.
 *
 * What an entry may come to need is promised when it is made (entry_cost), so
 * a later page fault in it cannot fail for lack of memory. A map's lock is
 * held by whoever looks at or changes its entries; the lock of an object's
 * family, too, for what the reverse map reads: start, end, offset, object.
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
  map->base = USERBASE;
  return map;
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

/* ---- promises ---- */

/* Promise n frames to a map: out of those that it holds back, then out of what nobody was promised. 0 or -ENOMEM. */
int
vm_map_commit(struct vm_map *map, uint64 n)
{
  uint64 held = n < map->commit ? n : map->commit;

  if (n > held && vm_commit(n - held) < 0)
    return -ENOMEM;
  map->commit -= held;
  return 0;
}

/* Take the promise of n frames back from a map; while it is `holding`, they stay there for the case that the change is undone. */
void
vm_map_uncommit(struct vm_map *map, uint64 n)
{
  if (map->holding)
    map->commit += n;
  else
    vm_uncommit(n);
}

/* ---- what is mapped ---- */

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

  if (start < map->base || end > USERTOP || start >= end || ((start | end) & (PGSIZE - 1)))
    return -EINVAL;
  for (e = map->first; e && e->start < end; e = e->next) {
    if (e->end > start)
      return -EINVAL;
    prev = e;
  }
  e = kmem_alloc(&entry_cache);
  if (e == 0)
    return -ENOMEM;
  e->map = map;
  if (vm_entry_recommit(e, start, end, flags) < 0 ||
      ((flags & ENTRY_NEEDS_COPY) && kmem_reserve(&object_cache, 1) < 0)) {
    vm_map_uncommit(map, e->commit);
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
    if (object->pager && (flags & ENTRY_SHARED) && (max_protection & PROT_WRITE))
      object->tail = 1;
    release(object->lock);
  }
  if (!(flags & ENTRY_GUARD))
    map->size += end - start;
  if (flags & ENTRY_WIRED)
    vm_wired_add(vm_entry_pages(e));
  return 0;
}

/* Unmap what lies in [start, end). The map is locked. 0; -ENOMEM when an entry could not be split, and nothing has changed. */
int
vm_map_remove(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e, *next;

  if (vm_map_clip_range(map, start, end) < 0)
    return -ENOMEM;
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
