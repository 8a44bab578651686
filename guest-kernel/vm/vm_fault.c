/*
 * Page faults: make one page of an address space accessible, as its map says.
 * Serves the hardware's faults, and copyin and copyout, which meet the same
 * absent and write-protected pages.
 *
 * The way of a fault: find the entry; under the lock of its object's family
 * find the page down the shadow chain; make a private copy if it is to be
 * written and others see it; enter it into the pmap. Where that needs the disk
 * or memory that is not there now, the spin lock is dropped, the thing is
 * waited for, and all begins again: whatever was seen before may have changed.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h" /* vm_swap_forget */
#include "vmstat.h"
#include "vnode.h"
#include "abi/errno.h"

#define AGAIN 1 /* look again from the top */

/* A fault on its way. */
struct fault {
  struct vm_map_entry *e;
  uint64 va;
  int access;
  struct spinlock *lock;    /* the family's, held */
  struct vm_page *pg;       /* what was found; null: nothing, so zeros */
  int rights;               /* what the mapping may allow */
  struct vm_object *hole;   /* when nothing was found: the shared memory with a name that has nothing there yet, or null */
  uint64 hole_offset;       /* ... and the page of it */
};

/* Wait until nobody fills or writes a page; then all may have changed. */
static int
wait_for(struct fault *f, struct vm_page *pg)
{
  sleep(pg, f->lock);
  return AGAIN;
}

/* The disk could not read the file's page: what it holds is somebody's old content. It goes, so that the next touch tries again. */
static int
drop_unread(struct vm_page *pg)
{
  vm_object_remove(pg);
  vm_page_free(pg);
  return -EIO;
}

/* Find the page that the entry's chain shows, in f->pg; a pager brings it where it must. 0, AGAIN, -ENXIO beyond the end of a file, -EIO, -ENOMEM. */
static int
find_page(struct fault *f)
{
  struct vm_object *o = f->e->object;
  uint64 offset = f->e->offset + (f->va - f->e->start) / PGSIZE;

  for (;;) {
    const struct vm_pager *pager;
    struct vm_page *pg;
    if (is_bottom(o) && offset >= o->size)
      return -ENXIO; /* even if the page is there still: it is being cut off */
    pg = vm_object_lookup(o, offset);
    if (pg) {
      f->pg = pg;
      if (__builtin_expect(pg->flags & PAGE_ERROR, 0))
        return drop_unread(pg);
      return pg->flags & PAGE_BUSY ? wait_for(f, pg) : 0;
    }
    pager = vm_object_pager(o);
    if (pager && pager->has(o, offset)) {
      int error = pager->get(o, offset);
      return error ? error : AGAIN;
    }
    if (o->shadow == 0 || offset >= o->shadow_limit) {
      f->pg = 0;
      f->hole = o->bounded ? o : 0;
      f->hole_offset = offset;
      return (f->e->flags & ENTRY_SHARED) && offset >= o->size ? -ENXIO : 0;
    }
    offset += o->shadow_offset;
    o = o->shadow;
  }
}

/* Is each page of the entry's object paid for, by the entry or the object? */
static int
promised(struct vm_map_entry *e)
{
  return e->flags & ENTRY_SHARED ? e->object->commit > 0 : e->flags & ENTRY_PROMISED;
}

/* A page of the entry's object at the fault: zeros, or a copy of `from`. 0, or -EAGAIN, -ENOMEM without memory. */
static int
new_page(struct fault *f, struct vm_page *from)
{
  int charge = !promised(f->e);
  uint64 offset = f->e->offset + (f->va - f->e->start) / PGSIZE;
  struct vm_page *pg;

  if (charge && vm_commit(1) < 0)
    return -ENOMEM;
  pg = vm_super_alloc(f->e, f->e->object, offset, f->va, charge);
  if (pg && !from)
    page_zero(page_kva(pg));
  else if (pg == 0)
    pg = from ? vm_page_alloc(PAGE_OBJECT) : vm_page_alloc_zeroed(PAGE_OBJECT);
  if (pg == 0) {
    if (charge)
      vm_uncommit(1);
    return -EAGAIN;
  }
  if (from)
    page_copy(page_kva(pg), page_kva(from));
  if (charge)
    pg->flags |= PAGE_CHARGED;
  vm_object_insert(f->e->object, offset, pg);
  f->pg = pg;
  if (from)
    VM_COUNT_FAULT(cow_copy);
  else
    VM_COUNT_FAULT(zero);
  return 0;
}

/* A page of a shared mapping is to be written. */
static int
write_shared(struct fault *f)
{
  struct vm_page *pg = f->pg;

  if (pg == 0)
    return new_page(f, 0);
  if (pg->flags & PAGE_SLOT)
    vm_swap_forget(pg);
  if (pg->use != PAGE_FILE || (pg->flags & PAGE_DIRTY))
    return 0;
  if (pg->flags & PAGE_CLEANING)
    return wait_for(f, pg); /* what goes to the disk holds still */
  if (pg->block == 0) {
    int error = pg->object->pager->allocate(pg->object, pg->offset);
    return error ? error : AGAIN;
  }
  vnode_mark_dirty(pg);
  return 0;
}

/* A page of a private mapping is to be written: see to it that the entry's own object has it, and no other entry sees that one. */
static int
write_private(struct fault *f)
{
  struct vm_object *o;
  struct vm_page *pg = f->pg;

  vm_map_make_private(f->e); /* may put a new object in front */
  o = f->e->object;
  if (pg == 0)
    return new_page(f, 0);
  if (pg->object != o) {
    if (pg->use == PAGE_FILE || (pg->flags & PAGE_CLEANING) || !vm_object_last_viewer(o, pg))
      return new_page(f, pg);
    if (pg->flags & PAGE_SLOT)
      vm_swap_forget(pg);
    VM_COUNT_FAULT(cow_reuse);
    vm_object_remove(pg);
    vm_object_insert(o, f->e->offset + (f->va - f->e->start) / PGSIZE, pg);
  } else {
    if (pg->flags & PAGE_SLOT)
      vm_swap_forget(pg);
    if (pmap_extract(&f->e->map->pmap, f->va, PROT_READ))
      VM_COUNT_FAULT(cow_reuse); /* others saw it when it was write-protected */
    else
      VM_COUNT_FAULT(map);
  }
  return 0;
}

/*
 * A private mapping reads a page that the shared memory behind it does not
 * have yet. It gets it now, out of what ftruncate has promised it: so others'
 * later stores show here, and it goes when the memory is cut. 0 or -EAGAIN.
 */
static int
fill_hole(struct fault *f)
{
  f->pg = vm_page_alloc_zeroed(PAGE_OBJECT);
  if (f->pg == 0)
    return -EAGAIN;
  vm_object_insert(f->hole, f->hole_offset, f->pg);
  f->rights = f->e->protection & ~PROT_WRITE;
  VM_COUNT_FAULT(zero);
  return 0;
}

/* The rights that a page which is only read may be mapped with. */
static int
read_rights(struct fault *f)
{
  struct vm_page *pg = f->pg;
  struct vm_map_entry *e = f->e;
  int rights = e->protection;

  if (pg->use != PAGE_FILE)
    VM_COUNT_FAULT(map);
  if (pg->use == PAGE_FILE) {
    pg->flags |= PAGE_REFERENCED;
    VM_COUNT_FAULT(file);
    if (!(e->flags & ENTRY_SHARED) || !(pg->flags & PAGE_DIRTY))
      rights &= ~PROT_WRITE;
  } else if (pg->object != e->object || (e->flags & ENTRY_NEEDS_COPY) || (pg->flags & (PAGE_SLOT | PAGE_CLEANING))) {
    rights &= ~PROT_WRITE;
  }
  return rights;
}

/* Find or make the page, and say with what rights it may be mapped. 0 and f->pg, f->rights; AGAIN, -errno. */
static int
resolve(struct fault *f)
{
  struct vm_map_entry *e = f->e;
  int error;

  if (e->object->shadow && !(e->flags & ENTRY_NEEDS_COPY))
    vm_object_collapse(e->object, e->object->ref_count == 1); /* may give e another object */
  error = find_page(f);
  if (error)
    return error;
  if (f->access & PROT_WRITE) {
    f->rights = e->protection;
    return e->flags & ENTRY_SHARED ? write_shared(f) : write_private(f);
  }
  if (f->pg == 0 && f->hole && !(e->flags & ENTRY_SHARED))
    return fill_hole(f);
  if (f->pg == 0 && vm_policy.zeropage && vm_zero_page && !(e->flags & ENTRY_SHARED)) {
    VM_COUNT(zero_page_maps);
    f->pg = vm_zero_page;
    f->rights = e->protection & ~PROT_WRITE;
    return 0;
  }
  if (f->pg == 0) {
    if (!(e->flags & ENTRY_SHARED))
      vm_map_make_private(e);
    f->rights = e->protection;
    return new_page(f, 0);
  }
  f->rights = read_rights(f);
  return 0;
}

/* Serve a fault in a locked map. 0 or -errno; -EAGAIN: memory must be waited for, with nothing locked. */
static int
fault_locked(struct vm_map *map, struct fault *f, uint64 sp)
{
  int result;

  f->e = vm_map_lookup(map, f->va);
  if (f->e == 0)
    f->e = vm_map_grow_down(map, f->va, sp);
  if (f->e == 0 || (f->e->flags & ENTRY_GUARD))
    return -EFAULT;
  if ((f->e->protection & f->access) != f->access)
    return -EACCES;
  do {
    f->lock = f->e->object->lock;
    acquire(f->lock);
    result = resolve(f);
    if (result == 0 && vm_super_enter(map, f->e, f->va, f->pg, f->rights, f->access) < 0)
      result = -EAGAIN;
    release(f->lock);
  } while (result == AGAIN);
  return result;
}

/*
 * Make va accessible for reading, writing or execution (one of PROT_*) in a
 * map. 0; -EFAULT: nothing is mapped there; -EACCES: not with this right;
 * -ENXIO: beyond the end of the mapped file; -EIO: the disk failed; -ENOMEM:
 * memory that nobody had promised (or overcommitted) is not there. May sleep;
 * no spin lock may be held.
 */
int
vm_fault(struct vm_map *map, uint64 va, int access)
{
  struct proc *p = myproc();
  uint64 sp = p && p->map == map && p->trapframe ? p->trapframe->sp : ~0UL - PGSIZE;
  struct fault f = { .va = PGROUNDDOWN(va), .access = access };
  int error;

  do {
    acquiresleep(&map->lock);
    error = fault_locked(map, &f, sp);
    releasesleep(&map->lock);
  } while (error == -EAGAIN && (error = vnode_wait_memory(PAGE_OBJECT)) == 0);
  if (error)
    VM_COUNT_FAULT(refused);
  return error;
}

/* In a few words, why vm_fault refused, with this error. */
const char *
vm_fault_reason(struct vm_map *map, uint64 va, int access, int error)
{
  const char *why;
  struct vm_map_entry *e;

  acquiresleep(&map->lock);
  e = vm_map_lookup(map, va);
  if (va >= USERTOP)
    why = "beyond user space";
  else if (e == 0 && va < USERBASE)
    why = "page 0, a null pointer";
  else if (e == 0)
    why = "not mapped";
  else if (e->flags & ENTRY_GUARD)
    why = "the guard below the stack";
  else if (error == -ENOMEM)
    why = "no memory: more was granted than there is";
  else if ((e->protection & access) == 0)
    why = access == PROT_WRITE ? "not writable" : access == PROT_EXEC ? "not executable" : "not readable";
  else if (error == -ENXIO)
    why = e->flags & ENTRY_FILE ? "beyond the end of the mapped file" : "beyond the end of the shared memory";
  else
    why = "the disk failed";
  releasesleep(&map->lock);
  return why;
}
