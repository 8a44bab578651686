/*
 * Superpages: which pages get frames that one leaf of 2 MiB can show, and when
 * it does.
 *
 * A window is an aligned piece of 2 MiB of an address space that lies wholly
 * in one entry. The first page of a window reserves a region of frames
 * (vm_regions.c) and the others come to their places in it; when the last of
 * the 512 is there, the next fault maps all by one leaf. An entry made with
 * MAP_HUGETLB fills its window at the first touch. Objects know nothing of
 * this: their pages are single pages, can leave singly, and pmap.c cuts the
 * leaf when one of them has to be shown differently.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "vm.h"

#define UNFIT (PAGE_BUSY | PAGE_CLEANING | PAGE_ERROR | PAGE_SLOT | PAGE_DOOMED)

static uint64 last_number; /* given to an object */

/* Does the window of va lie in the entry, and may it be a superpage at all? */
static inline int
has_window(struct vm_map_entry *e, uint64 va)
{
  uint64 start = va & ~(SUPERPAGE - 1);

  return start >= e->start && start + SUPERPAGE <= e->end && vm_policy.superpages && !(e->flags & (ENTRY_STACK | ENTRY_GROWSDOWN));
}

/* Is there nothing at all yet at pages [first, first + 512) of o, nor behind? */
static int
is_vacant(struct vm_object *o, uint64 first)
{
  if (o->shadow || o->pager || o->swapped || first + SUPERPAGE_PAGES > o->size)
    return 0;
  for (uint64 i = 0; i < SUPERPAGE_PAGES && o->resident > 0; i++)
    if (vm_object_lookup(o, first + i))
      return 0;
  return 1;
}

/* Give zeroed pages to the window around page `offset` of o, shown at va, but for that page itself; with charge, each is paid for here. */
static void
fill_window(struct vm_object *o, uint64 offset, uint64 va, int charge)
{
  uint64 i = va >> PGSHIFT & (SUPERPAGE_PAGES - 1);

  for (uint64 k = 0; k < SUPERPAGE_PAGES; k++) {
    struct vm_page *pg;
    if (k == i)
      continue;
    if (charge && vm_commit(1) < 0)
      return; /* single pages come as they are touched, as long as there are any */
    pg = vm_page_alloc_window(o->number, offset - i + k, (va & ~(SUPERPAGE - 1)) + k * PGSIZE, 0, PAGE_OBJECT);
    if (pg == 0) { /* the reservation has been broken */
      if (charge)
        vm_uncommit(1);
      return;
    }
    if (charge)
      pg->flags |= PAGE_CHARGED;
    page_zero(page_kva(pg));
    vm_object_insert(o, offset - i + k, pg);
  }
}

/*
 * A frame, with junk in it, for page `offset` of the object o, which entry e
 * shows at va: one at its place in a region for a superpage. Null when there
 * is none: then any frame will do. The family's lock is held. `charge`: no
 * entry has promised e's pages, so those that come along are paid for one by
 * one; the page itself is the caller's to pay for.
 */
struct vm_page *
vm_super_alloc(struct vm_map_entry *e, struct vm_object *o, uint64 offset, uint64 va, int charge)
{
  struct vm_page *pg;
  uint64 i = va >> PGSHIFT & (SUPERPAGE_PAGES - 1);

  if (!has_window(e, va) || o->pager || offset < i)
    return 0;
  if (o->number == 0)
    o->number = __sync_add_and_fetch(&last_number, 1);
  if (!(e->flags & ENTRY_HUGE) || !is_vacant(o, offset - i))
    return vm_page_alloc_window(o->number, offset, va, 1, PAGE_OBJECT);
  pg = vm_page_alloc_window(o->number, offset, va, 1, PAGE_OBJECT);
  if (pg)
    fill_window(o, offset, va, charge);
  return pg;
}

/* Are the 512 frames from `first` on pages first_offset ... of object o, each in a state to be mapped? */
static int
all_there(struct vm_object *o, struct vm_page *first, uint64 first_offset)
{
  for (uint64 k = 0; k < SUPERPAGE_PAGES; k++) {
    struct vm_page *pg = first + k;
    if (pg->use != PAGE_OBJECT || pg->object != o || pg->offset != first_offset + k || (pg->flags & UNFIT))
      return 0;
  }
  return 1;
}

/*
 * Let va show page pg of entry e with these rights, for an access that is
 * about to happen; with all its window, if that is complete. 0 or -ENOMEM. The
 * family's lock is held.
 */
int
vm_super_enter(struct vm_map *map, struct vm_map_entry *e, uint64 va, struct vm_page *pg, int rights, int access)
{
  uint64 i = va >> PGSHIFT & (SUPERPAGE_PAGES - 1);

  if (has_window(e, va) && pg->use == PAGE_OBJECT && pg->object == e->object &&
      (page_pa(pg) >> PGSHIFT & (SUPERPAGE_PAGES - 1)) == i && vm_page_region_full(pg) && all_there(pg->object, pg - i, pg->offset - i))
    return pmap_enter_super(&map->pmap, va & ~(SUPERPAGE - 1), pg - i, rights);
  return pmap_enter(&map->pmap, va, pg, rights, access);
}
