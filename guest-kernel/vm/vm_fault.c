/*
 * Page faults: make one page of an address space accessible, as its map says.
 * Serves the hardware's faults, and copyin and copyout, which meet the same
 * absent and write-protected pages.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

/* The page that the chain from o shows at *offset, or null; *offset becomes its place in its own object. */
static struct vm_page *
find_page(struct vm_object *o, uint64 offset)
{
  struct vm_page *pg;

  for (;;) {
    pg = vm_object_lookup(o, offset);
    if (pg || o->shadow == 0 || offset >= o->shadow_limit)
      return pg;
    offset += o->shadow_offset;
    o = o->shadow;
  }
}

/* A page for `offset` of o: zeros, or a copy of `from`. Null if a promise was broken. */
static struct vm_page *
new_page(struct vm_object *o, uint64 offset, struct vm_page *from)
{
  struct vm_page *pg = vm_page_alloc(PAGE_OBJECT);

  if (pg == 0)
    return 0;
  if (from)
    page_copy(page_kva(pg), page_kva(from));
  else
    page_zero(page_kva(pg));
  vm_object_insert(o, offset, pg);
  return pg;
}

/*
 * Find or make the page of entry e at va for an access, and say with what
 * rights it may be mapped. The family's lock is held. Null without memory.
 */
static struct vm_page *
resolve(struct vm_map_entry *e, uint64 va, int access, int *rights)
{
  uint64 page = (va - e->start) / PGSIZE;
  struct vm_object *o = e->object;
  struct vm_page *pg;

  *rights = e->protection;
  if (o->shadow && !(e->flags & ENTRY_NEEDS_COPY))
    e->object = o = vm_object_collapse(o, o->ref_count == 1);

  pg = find_page(o, e->offset + page);
  if (pg && !(access & PROT_WRITE)) {
    if (pg->object != o || (e->flags & ENTRY_NEEDS_COPY))
      *rights &= ~PROT_WRITE;
    return pg;
  }
  vm_map_make_private(e); /* may put a new object in front */
  o = e->object;
  if (pg == 0)
    return new_page(o, e->offset + page, 0);
  if (pg->object == o)
    return pg;
  if (vm_object_last_viewer(o, pg)) {
    vm_object_remove(pg);
    vm_object_insert(o, e->offset + page, pg);
    return pg;
  }
  return new_page(o, e->offset + page, pg);
}

/*
 * Make va accessible for reading, writing or execution (one of PROT_*) in a
 * map. 0; -EFAULT when it is not mapped so. May sleep; no spin lock may be
 * held.
 */
int
vm_fault(struct vm_map *map, uint64 va, int access)
{
  struct vm_map_entry *e;
  struct vm_page *pg;
  struct spinlock *lock;
  int rights, error = -EFAULT;

  va = PGROUNDDOWN(va);
  acquiresleep(&map->lock);
  e = vm_map_lookup(map, va);
  if (e && (e->protection & access) == access && e->object) {
    lock = e->object->lock;
    acquire(lock);
    pg = resolve(e, va, access, &rights);
    error = pg ? pmap_enter(&map->pmap, va, pg, rights, access) : -ENOMEM;
    release(lock);
  }
  releasesleep(&map->lock);
  return error;
}

/* In a few words, why vm_fault refused. */
const char *
vm_fault_reason(struct vm_map *map, uint64 va, int access)
{
  const char *why;
  struct vm_map_entry *e;

  acquiresleep(&map->lock);
  e = vm_map_lookup(map, va);
  if (va >= USERTOP)
    why = "beyond user space";
  else if (va < USERBASE)
    why = "page 0, a null pointer";
  else if (e == 0)
    why = "not mapped";
  else if (e->flags & ENTRY_GUARD)
    why = "the guard below the stack";
  else if (e->protection & access)
    why = "no memory, though it was promised";
  else
    why = access == PROT_WRITE ? "not writable" : access == PROT_EXEC ? "not executable" : "not readable";
  releasesleep(&map->lock);
  return why;
}
