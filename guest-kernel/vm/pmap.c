/*
 * A user address space's page table.
 *
 * User tables are a cache of the map and its objects: an entry may be dropped
 * at any time and comes back with a fault.
 * Here: enter, remove and protect ranges. pmap_tables.c: the tables. pmap_page.c:
 * single pages, for the reverse map. pmap_tlb.c: the TLBs. pmap_kernel.c: the
 * kernel's own table.
 *
 * 512 pages that lie in order in one aligned piece of 2 MiB may be shown by
 * one leaf in the middle table (pmap_enter_super). An operation on a part of
 * it cuts it into small pages first. The layers above know nothing of this.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "pmap_parts.h"
#include "abi/errno.h"

/* ---- enter ---- */

/* Put a new value into an entry that may be valid. Tell the TLBs unless all that they may hold is still right. */
static void
replace_entry(struct pmap_changes *ch, uint64 va, uint64 size, pte_t *pte, pte_t new)
{
  pte_t old = *pte;

  new |= old & PTE_D & (PTE2PA(old) == PTE2PA(new) ? ~0UL : 0);
  *pte = new;
  if (!(old & PTE_V))
    return;
  pmap_changed(ch, va, size);
  if (PTE2PA(old) == PTE2PA(new) && (old & ~new & (PTE_R | PTE_W | PTE_X)) == 0)
    ch->later = 1; /* only more rights: a hart that does not know of them takes a fault and finds them */
}

/* Does a superpage's leaf show pg at va with these rights already? Then note the access. */
static int
super_suffices(struct pmap_changes *ch, uint64 va, struct vm_page *pg, pte_t *middle, uint64 flags)
{
  if (!IS_LEAF(*middle) || PTE2PA(*middle) + (va & (SUPERPAGE - 1)) != page_pa(pg) || (flags & ~*middle & ~(PTE_A | PTE_D)))
    return 0;
  *middle |= flags;
  pmap_changed(ch, va, PGSIZE);
  ch->later = 1;
  return 1;
}

/* pmap_enter where something must be made or replaced first. pm->lock is held. */
static int __attribute__((noinline))
enter_slowly(struct pmap *pm, uint64 va, struct vm_page *pg, uint64 flags)
{
  struct pmap_changes ch = { .pm = pm };
  pte_t *middle = pmap_make_middle(pm, va), *pte;
  pagetable_t table = 0;
  int done = 0;

  if (middle && !(*middle & PTE_V)) {
    table = pmap_new_table(pm);
    if (table) {
      *middle = PA2PTE(table) | PTE_V;
      pa_page(PGROUNDDOWN(middle))->wire_count++;
    }
  } else if (middle) {
    done = super_suffices(&ch, va, pg, middle, flags);
    table = done ? 0 : pmap_bottom_table(&ch, va, middle);
  }
  if (table) {
    pte = &table[PX(0, va)];
    if (!(*pte & PTE_V)) {
      pa_page((uint64)table)->wire_count++;
      pm->resident++;
    }
    replace_entry(&ch, va, PGSIZE, pte, PA2PTE(page_pa(pg)) | flags);
    done = 1;
  }
  pmap_publish(&ch);
  return done ? 0 : -ENOMEM;
}

/* The bottom table's entry for va, when there is such a table; else null. The common case of pmap_enter, in few steps. */
static inline pte_t *
find_small_entry(struct pmap *pm, uint64 va)
{
  pte_t pte = pm->root[PX(2, va)];

  if (!(pte & PTE_V))
    return 0;
  pte = ((pagetable_t)PTE2PA(pte))[PX(1, va)];
  return (pte & PTE_V) && !IS_LEAF(pte) ? &((pagetable_t)PTE2PA(pte))[PX(0, va)] : 0;
}

/*
 * Let va show frame pg with these rights, for an access that is about to
 * happen. 0, or -ENOMEM if a promised table frame was not there.
 */
int
pmap_enter(struct pmap *pm, uint64 va, struct vm_page *pg, int rights, int access)
{
  uint64 flags = pmap_user_flags(rights) | (access & PROT_WRITE ? PTE_D : 0), frame = PA2PTE(page_pa(pg));
  pte_t *pte;
  int error = 0;

  acquire(&pm->lock);
  pte = find_small_entry(pm, va);
  if (pte == 0) {
    error = enter_slowly(pm, va, pg, flags);
  } else if (!(*pte & PTE_V)) {
    *pte = frame | flags;
    pa_page((uint64)pte)->wire_count++;
    pm->resident++;
  } else {
    struct pmap_changes ch = { .pm = pm };
    replace_entry(&ch, va, PGSIZE, pte, frame | flags);
    if (!pmap_flush_alone(pm, va))
      pmap_publish(&ch);
  }
  release(&pm->lock);
  return error;
}

/*
 * Let the 2 MiB at va, aligned, show the 512 frames from `first` on, which lie
 * in order and aligned too, by one leaf. With write permission they count as
 * written. 0, or -ENOMEM as above.
 */
int
pmap_enter_super(struct pmap *pm, uint64 va, struct vm_page *first, int rights)
{
  struct pmap_changes ch = { .pm = pm };
  pte_t *middle, leaf = PA2PTE(page_pa(first)) | pmap_user_flags(rights) | (rights & PROT_WRITE ? PTE_D : 0);

  acquire(&pm->lock);
  middle = pmap_make_middle(pm, va);
  if (middle && (*middle & PTE_V) && IS_LEAF(*middle)) {
    replace_entry(&ch, va, SUPERPAGE, middle, leaf);
  } else if (middle) {
    if (*middle & PTE_V) {
      struct vm_page *table = pa_page(PTE2PA(*middle));
      pm->resident -= table->wire_count;
      pmap_kill_table(&ch, table);
    } else {
      pa_page(PGROUNDDOWN(middle))->wire_count++;
    }
    *middle = leaf;
    pm->resident += SUPERPAGE_PAGES;
    pmap_count_super(pm, 1);
    __sync_fetch_and_add(&pmap_stats.promotions, 1);
  }
  pmap_publish(&ch);
  release(&pm->lock);
  return middle ? 0 : -ENOMEM;
}

/* ---- withdraw ---- */

/* Unmap [start, end) within one bottom table. */
static void
remove_small(struct pmap_changes *ch, uint64 start, uint64 end, pte_t *middle, pagetable_t table)
{
  struct vm_page *pg = pa_page((uint64)table);

  for (uint64 va = start; va < end; va += PGSIZE) {
    pte_t *pte = &table[PX(0, va)];
    if (!(*pte & PTE_V))
      continue;
    *pte = 0;
    ch->pm->resident--;
    pg->wire_count--;
    pmap_changed(ch, va, PGSIZE);
  }
  if (pg->wire_count == 0) {
    pmap_kill_table(ch, pg);
    pmap_void_middle(ch, start, middle);
  }
}

/* Unmap [start, end). The frames are not touched. */
void
pmap_remove(struct pmap *pm, uint64 start, uint64 end)
{
  struct pmap_changes ch = { .pm = pm };
  uint64 next;

  acquire(&pm->lock);
  for (uint64 va = start; va < end; va = next) {
    pte_t *middle = pmap_find_middle(pm, va, &next);
    pagetable_t table;
    if (middle == 0)
      continue;
    if (IS_LEAF(*middle) && (va & (SUPERPAGE - 1)) == 0 && end >= next)
      pmap_remove_super(&ch, va, middle);
    else if ((table = pmap_bottom_table(&ch, va, middle)) != 0)
      remove_small(&ch, va, next < end ? next : end, middle, table);
  }
  pmap_publish(&ch);
  release(&pm->lock);
}

/* Withdraw flags from an entry. */
static void
narrow(struct pmap_changes *ch, uint64 va, uint64 size, pte_t *pte, uint64 withdraw)
{
  if ((*pte & PTE_V) && (*pte & withdraw)) {
    *pte &= ~withdraw;
    pmap_changed(ch, va, size);
  }
}

/* An entry without R and X would not be a leaf; what may not be used at all is removed instead. */
#define USELESS(rights) (((rights) & (PROT_READ | PROT_WRITE | PROT_EXEC)) == 0)

/* Withdraw all rights that are not in `rights` from [start, end). */
void
pmap_protect(struct pmap *pm, uint64 start, uint64 end, int rights)
{
  struct pmap_changes ch = { .pm = pm };
  uint64 withdraw = (PTE_R | PTE_W | PTE_X) & ~pmap_user_flags(rights), next;

  if (USELESS(rights) || (withdraw & PTE_R)) { /* nothing is left, or X alone, which some entries do not have */
    pmap_remove(pm, start, end);
    return;
  }
  acquire(&pm->lock);
  for (uint64 va = start; va < end; va = next) {
    pte_t *middle = pmap_find_middle(pm, va, &next);
    pagetable_t table;
    if (middle == 0)
      continue;
    if (IS_LEAF(*middle) && !(*middle & withdraw))
      continue;
    if (IS_LEAF(*middle) && (va & (SUPERPAGE - 1)) == 0 && end >= next)
      narrow(&ch, va, SUPERPAGE, middle, withdraw);
    else if ((table = pmap_bottom_table(&ch, va, middle)) != 0)
      for (uint64 a = va; a < next && a < end; a += PGSIZE)
        narrow(&ch, a, PGSIZE, &table[PX(0, a)], withdraw);
  }
  pmap_publish(&ch);
  release(&pm->lock);
}
