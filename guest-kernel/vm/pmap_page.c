/*
 * What a page table shows: single pages for the reverse map, which comes from
 * the frame and for which `va` is where it would be shown; and looks.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "pmap_parts.h"
#include "abi/errno.h"

/* The entry that shows frame pg at va, after cutting a superpage if need be; null when there is none. */
static pte_t *
find_page_entry(struct pmap_changes *ch, uint64 va, struct vm_page *pg)
{
  uint64 next;
  pte_t *middle = pmap_find_middle(ch->pm, va, &next), *pte;
  pagetable_t table;

  if (middle == 0)
    return 0;
  if (IS_LEAF(*middle) && PTE2PA(*middle) + (va & (SUPERPAGE - 1) & ~(PGSIZE - 1UL)) != page_pa(pg))
    return 0;
  table = pmap_bottom_table(ch, va, middle);
  pte = table ? &table[PX(0, va)] : 0;
  return pte && (*pte & PTE_V) && PTE2PA(*pte) == page_pa(pg) ? pte : 0;
}

/*
 * If va shows pg, withdraw these bits of its entry. What the entry was, 0 when
 * there is none. A superpage is cut for that, but not for its accessed bit:
 * it is one thing, used when any of its pages was, and asking for its first
 * page asks for all. The TLBs learn of it later (pmap_shootdown_sync).
 */
static pte_t
withdraw(struct pmap *pm, uint64 va, struct vm_page *pg, pte_t bits)
{
  struct pmap_changes ch = { .pm = pm, .later = 1 };
  pte_t *middle, *pte, old = 0;
  uint64 next;

  acquire(&pm->lock);
  middle = pmap_find_middle(pm, va, &next);
  if (bits == PTE_A && middle && IS_LEAF(*middle)) {
    old = *middle;
    pte = (va & (SUPERPAGE - 1)) < PGSIZE ? middle : 0;
  } else {
    pte = find_page_entry(&ch, va, pg);
    old = pte ? *pte : 0;
  }
  if (pte && (old & bits)) {
    old = __sync_fetch_and_and(pte, ~bits); /* a hart may be setting A or D just now */
    pmap_changed(&ch, PGROUNDDOWN(va), PGSIZE);
    if (bits & PTE_V) {
      pm->resident--;
      /* a table that is empty now stays until its neighbours go: TLBs have not learned of this yet */
      pa_page(PGROUNDDOWN(pte))->wire_count--;
    }
  }
  pmap_publish(&ch);
  release(&pm->lock);
  return old;
}

/* If va shows pg: was it used since the last time we asked? */
int
pmap_page_referenced(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  return (withdraw(pm, va, pg, PTE_A) & PTE_A) != 0;
}

/* If va shows pg, unmap it. */
void
pmap_page_remove(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  withdraw(pm, va, pg, ~0UL);
}

/* If va shows pg, withdraw the permission to write. */
void
pmap_page_protect(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  withdraw(pm, va, pg, PTE_W);
}

/* ---- look ---- */

/* The leaf that shows va, 0 for none; *size becomes its bytes, or those that one there would show. pm->lock is held. */
static pte_t
find_leaf(struct pmap *pm, uint64 va, uint64 *size)
{
  pte_t pte;

  *size = 1UL << 30;
  if (pm->root == 0 || !((pte = pm->root[PX(2, va)]) & PTE_V))
    return 0;
  *size = SUPERPAGE;
  pte = ((pagetable_t)PTE2PA(pte))[PX(1, va)];
  if (!(pte & PTE_V) || IS_LEAF(pte))
    return pte;
  *size = PGSIZE;
  return ((pagetable_t)PTE2PA(pte))[PX(0, va)];
}

/* Physical address that va shows for an access by user mode (one of PROT_*); 0 when it would fault. pm->lock is held. */
static uint64
translate(struct pmap *pm, uint64 va, int access)
{
  uint64 needed = PTE_V | PTE_U | (access & PROT_WRITE ? PTE_W | PTE_D : PTE_R), size;
  pte_t pte = find_leaf(pm, va, &size);

  return (pte & needed) == needed ? PTE2PA(pte) + (va & (size - 1)) : 0;
}

/*
 * The kernel's address of user address va, good for an access (one of PROT_*)
 * up to the page's end and until pmap_let_go; the page table's lock is held
 * meanwhile. Null, and no lock held, when the access would fault.
 */
char *
pmap_hold(struct pmap *pm, uint64 va, int access)
{
  uint64 pa;

  acquire(&pm->lock);
  pa = translate(pm, va, access);
  if (pa == 0)
    release(&pm->lock);
  return (char *)pa;
}

/* The address that pmap_hold gave is no longer used. */
void
pmap_let_go(struct pmap *pm)
{
  release(&pm->lock);
}

/* Physical address that va shows for an access by user mode (one of PROT_*); 0 when it would fault. va is below USERTOP. */
uint64
pmap_extract(struct pmap *pm, uint64 va, int access)
{
  uint64 pa;

  acquire(&pm->lock);
  pa = translate(pm, va, access);
  release(&pm->lock);
  return pa;
}

/* The entry that shows va, as the hardware has it, 0 for none; *size becomes the bytes it shows, or that none here shows. */
uint64
pmap_entry(struct pmap *pm, uint64 va, uint64 *size)
{
  pte_t pte;

  acquire(&pm->lock);
  pte = find_leaf(pm, va, size);
  release(&pm->lock);
  return pte & PTE_V ? pte : 0;
}
