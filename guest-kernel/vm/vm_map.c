/*
 * Address spaces: which addresses are mapped, to which pages of which object,
 * with what rights. The entries of a map are a list sorted by address.
 *
 * What an entry may come to need is promised when it is made (entry_cost), so
 * a later page fault in it cannot fail for lack of memory. A map's lock is
 * held by whoever looks at or changes its entries or its page table.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
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

/* Pages of an entry. */
static uint64
entry_pages(struct vm_map_entry *e)
{
  return (e->end - e->start) / PGSIZE;
}

/* Frames that must be promised for pages [start, end): private writable pages, and page tables. */
static uint64
entry_cost(uint64 start, uint64 end, int max_protection, int flags)
{
  if (flags & ENTRY_GUARD)
    return 0;
  return pmap_table_frames(start, end) +
         ((max_protection & PROT_WRITE) && !(flags & ENTRY_SHARED) ? (end - start) / PGSIZE : 0);
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

/* Put e into the list after prev (first, when prev is null). */
static void
link_entry(struct vm_map *map, struct vm_map_entry *prev, struct vm_map_entry *e)
{
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
static void
unlink_entry(struct vm_map *map, struct vm_map_entry *e)
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
static void
free_entry(struct vm_map_entry *e)
{
  if (e->object)
    vm_object_release(e->object);
  if (e->flags & ENTRY_NEEDS_COPY)
    kmem_unreserve(&object_cache, 1);
  if (e->commit)
    vm_uncommit(e->commit);
  kmem_free(&entry_cache, e);
}

/* Give an address space back. Nobody uses it any more. */
void
vm_map_destroy(struct vm_map *map)
{
  struct vm_map_entry *e, *next;

  pmap_destroy(&map->pmap);
  for (e = map->first; e; e = next) {
    next = e->next;
    free_entry(e);
  }
  kmem_free(&map_cache, map);
}

/*
 * Map [start, end), page-aligned and vacant, to an object from its page 0 on.
 * The reference to the object (null for a guard) passes to the map. 0;
 * -EINVAL for bad or occupied addresses, -ENOMEM when the memory could not be
 * promised; then the reference stays with the caller.
 */
int
vm_map_insert(struct vm_map *map, uint64 start, uint64 end, struct vm_object *object, int protection,
              int max_protection, int flags)
{
  struct vm_map_entry *e, *prev = 0;
  uint64 cost = entry_cost(start, end, max_protection, flags);

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
  if (vm_commit(cost) < 0) {
    kmem_free(&entry_cache, e);
    return -ENOMEM;
  }
  e->start = start;
  e->end = end;
  e->object = object;
  e->protection = protection;
  e->max_protection = max_protection;
  e->flags = flags;
  e->commit = cost;
  link_entry(map, prev, e);
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
  if (o->ref_count == 1) {
    if (o->size < e->offset + entry_pages(e))
      o->size = e->offset + entry_pages(e); /* the heap has grown meanwhile */
    kmem_unreserve(&object_cache, 1);
  } else {
    e->object = vm_object_shadow(o, e->offset, entry_pages(e));
    e->offset = 0;
  }
  e->flags &= ~ENTRY_NEEDS_COPY;
}

/* The heap's entry, or null while the heap is empty. */
static struct vm_map_entry *
heap_entry(struct vm_map *map)
{
  struct vm_map_entry *e = vm_map_lookup(map, map->heap_start);

  return e && (e->flags & ENTRY_HEAP) ? e : 0;
}

/* Enlarge the heap to end (page-aligned). 0 or -ENOMEM. */
static int
grow_heap(struct vm_map *map, uint64 end)
{
  struct vm_map_entry *e = heap_entry(map);
  struct vm_object *o;
  uint64 cost;
  int error;

  if (e == 0) {
    o = vm_object_create((end - map->heap_start) / PGSIZE);
    if (o == 0)
      return -ENOMEM;
    error = vm_map_insert(map, map->heap_start, end, o, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
                          ENTRY_HEAP);
    if (error)
      vm_object_release(o);
    return error ? -ENOMEM : 0;
  }
  if (end > USERTOP || (e->next && end > e->next->start))
    return -ENOMEM;
  cost = entry_cost(e->start, end, e->max_protection, e->flags);
  if (vm_commit(cost - e->commit) < 0)
    return -ENOMEM;
  e->commit = cost;
  map->size += end - e->end;
  e->end = end;
  o = e->object;
  acquire(o->lock);
  if (!(e->flags & ENTRY_NEEDS_COPY))
    o->size = e->offset + entry_pages(e);
  release(o->lock);
  return 0;
}

/* Shorten the heap to end (page-aligned); its pages beyond are freed. */
static void
shrink_heap(struct vm_map *map, uint64 end)
{
  struct vm_map_entry *e = heap_entry(map);
  uint64 cost;

  if (e == 0 || end >= e->end)
    return;
  pmap_remove(&map->pmap, end, e->end);
  map->size -= e->end - end;
  if (end == e->start) {
    unlink_entry(map, e);
    free_entry(e);
    return;
  }
  acquire(e->object->lock);
  vm_map_make_private(e); /* so that what lies behind is no longer seen through it */
  release(e->object->lock);
  e->end = end;
  vm_object_truncate(e->object, e->offset + entry_pages(e));
  cost = entry_cost(e->start, end, e->max_protection, e->flags);
  vm_uncommit(e->commit - cost);
  e->commit = cost;
}

/* Move the break, which must not go below heap_start. 0, or -ENOMEM and no change. */
int
vm_map_set_brk(struct vm_map *map, uint64 brk)
{
  uint64 old_end, new_end = PGROUNDUP(brk);
  int error = 0;

  acquiresleep(&map->lock);
  old_end = PGROUNDUP(map->brk);
  if (new_end > old_end)
    error = grow_heap(map, new_end);
  else if (new_end < old_end)
    shrink_heap(map, new_end);
  if (error == 0)
    map->brk = brk;
  releasesleep(&map->lock);
  return error;
}

/* Let entry e of a map's child-to-be have copies of its pages, by copy on write. 0 or -ENOMEM. */
static int
fork_private(struct vm_map *map, struct vm_map_entry *e, struct vm_map_entry *child)
{
  struct vm_object *o = e->object;
  int first = !(e->flags & ENTRY_NEEDS_COPY);

  if (kmem_reserve(&object_cache, first ? 2 : 1) < 0)
    return -ENOMEM;
  acquire(o->lock);
  if (first) {
    o = vm_object_collapse(o, o->ref_count == 1);
    e->object = o;
    e->flags |= ENTRY_NEEDS_COPY;
  }
  o->ref_count++;
  release(o->lock);
  child->object = o;
  child->offset = e->offset;
  child->flags |= ENTRY_NEEDS_COPY;
  if (first)
    pmap_protect(&map->pmap, e->start, e->end, PROT_READ | PROT_EXEC);
  return 0;
}

/* Put a copy of the map's entry e at the end of the list of child. 0 or -ENOMEM. */
static int
fork_entry(struct vm_map *map, struct vm_map_entry *e, struct vm_map *child)
{
  struct vm_map_entry *copy = kmem_alloc(&entry_cache);
  int error = 0;

  if (copy == 0)
    return -ENOMEM;
  copy->start = e->start;
  copy->end = e->end;
  copy->protection = e->protection;
  copy->max_protection = e->max_protection;
  copy->flags = e->flags & ~ENTRY_NEEDS_COPY;
  if (vm_commit(e->commit) < 0) {
    kmem_free(&entry_cache, copy);
    return -ENOMEM;
  }
  copy->commit = e->commit;
  if (e->object && (e->max_protection & PROT_WRITE) && !(e->flags & ENTRY_SHARED)) {
    error = fork_private(map, e, copy);
  } else if (e->object) {
    vm_object_reference(e->object);
    copy->object = e->object;
    copy->offset = e->offset;
  }
  if (error) {
    free_entry(copy);
    return error;
  }
  link_entry(child, child->last, copy);
  return 0;
}

/*
 * A copy of an address space for the process with this trapframe. Writable
 * private pages are shared until one of the two writes; nothing is copied
 * now. Null when the memory that the copies may need could not be promised.
 */
struct vm_map *
vm_map_fork(struct vm_map *map, struct trapframe *trapframe)
{
  struct vm_map *child = vm_map_create(trapframe);
  int error = 0;

  if (child == 0)
    return 0;
  acquiresleep(&map->lock);
  for (struct vm_map_entry *e = map->first; e && error == 0; e = e->next)
    error = fork_entry(map, e, child);
  child->size = map->size;
  child->heap_start = map->heap_start;
  child->brk = map->brk;
  releasesleep(&map->lock);
  if (error) {
    vm_map_destroy(child);
    return 0;
  }
  return child;
}
