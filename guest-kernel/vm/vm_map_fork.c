/*
 * fork: a copy of an address space, by copy on write.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

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
    vm_object_collapse(o, o->ref_count == 1); /* may give e another object */
    o = e->object;
    e->flags |= ENTRY_NEEDS_COPY;
  }
  o->ref_count++;
  child->offset = e->offset;
  child->flags |= ENTRY_NEEDS_COPY;
  vm_entry_attach(child, o);
  release(o->lock);
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
  copy->flags = e->flags & ~(ENTRY_NEEDS_COPY | ENTRY_WIRED);
  copy->commit = vm_entry_cost(copy, copy->flags);
  if (vm_map_commit(child, copy->commit) < 0) {
    kmem_free(&entry_cache, copy);
    return -ENOMEM;
  }
  copy->map = child;
  if (e->object && !(e->flags & ENTRY_SHARED)) {
    error = fork_private(map, e, copy);
  } else if (e->object) {
    acquire(e->object->lock);
    e->object->ref_count++;
    copy->offset = e->offset;
    vm_entry_attach(copy, e->object);
    release(e->object->lock);
  }
  if (error) {
    vm_entry_free(copy);
    return error;
  }
  vm_entry_link(child, child->last, copy);
  return 0;
}

/* The policy vm.fork=copy: give the child its own copy of each page that it may write and that is there. 0 or -ENOMEM. */
static int
copy_now(struct vm_map *map, struct vm_map *child)
{
  int error = 0;

  for (struct vm_map_entry *e = map->first; e && error == 0; e = e->next)
    if (e->object && (e->protection & PROT_WRITE) && !(e->flags & ENTRY_SHARED))
      for (uint64 va = e->start; va < e->end && error == 0; va += PGSIZE)
        if (pmap_extract(&map->pmap, va, PROT_READ)) /* looks at page tables only, so the holes of a sparse map cost little */
          error = vm_fault(child, va, PROT_WRITE);
  return error;
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
  child->base = map->base;
  child->heap_start = map->heap_start;
  child->brk = map->brk;
  if (error == 0 && !vm_policy.cow_fork)
    error = copy_now(map, child);
  releasesleep(&map->lock);
  if (error) {
    vm_map_destroy(child);
    return 0;
  }
  return child;
}
