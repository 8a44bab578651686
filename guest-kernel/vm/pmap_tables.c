/*
 * The tables of a user address space: how they are found, made and freed, and
 * how a superpage is cut. Each table frame counts its valid entries
 * (wire_count) and is freed with its last one.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "pmap_parts.h"
#include "abi/errno.h"

#define LAST_INDEX(shift) ((MAXVA - 1) >> (shift)) /* the highest table, with the trampoline */

extern char trampoline_start[];

/* ---- tables ---- */

/* Take a zeroed table frame that was promised, and note it as pm's. Null if the promise was broken. */
pagetable_t
pmap_new_table(struct pmap *pm)
{
  struct vm_page *pg = vm_page_alloc_zeroed(PAGE_TABLE);

  if (pg == 0)
    return 0;
  pg->list_prev = 0;
  pg->list_next = pm->tables;
  if (pm->tables)
    pm->tables->list_prev = pg;
  pm->tables = pg;
  return page_kva(pg);
}

/* A table has no valid entry any more: free it, once no TLB's walk can meet it. */
void
pmap_kill_table(struct pmap_changes *ch, struct vm_page *pg)
{
  if (pg->list_prev)
    pg->list_prev->list_next = pg->list_next;
  else
    ch->pm->tables = pg->list_next;
  if (pg->list_next)
    pg->list_next->list_prev = pg->list_prev;
  pg->list_next = ch->dead;
  ch->dead = pg;
  ch->whole = 1;
}

/* Frames of page tables that entries for [start, end) may need, beyond the fixed ones. */
uint64
pmap_table_frames(uint64 start, uint64 end)
{
  uint64 n = 0;

  for (int shift = 21; shift <= 30; shift += 9) {
    uint64 first = start >> shift, last = (end - 1) >> shift;
    n += last - first + 1 - (first == 0) - (last == LAST_INDEX(shift) && last != first) -
         (first == LAST_INDEX(shift));
  }
  return n;
}

/* The middle table's entry for va, the table made if need be; null if a promise was broken. */
pte_t *
pmap_make_middle(struct pmap *pm, uint64 va)
{
  pte_t *pte = &pm->root[PX(2, va)];

  if (!(*pte & PTE_V)) {
    pagetable_t table = pmap_new_table(pm);
    if (table == 0)
      return 0;
    *pte = PA2PTE(table) | PTE_V;
    pa_page((uint64)pm->root)->wire_count++;
  }
  return &((pagetable_t)PTE2PA(*pte))[PX(1, va)];
}

/* The middle table's valid entry for va, or null; *next is the first address that could have another. */
pte_t *
pmap_find_middle(struct pmap *pm, uint64 va, uint64 *next)
{
  pte_t *pte = pm->root ? &pm->root[PX(2, va)] : 0;

  if (pte == 0 || !(*pte & PTE_V)) {
    *next = (va & ~((1UL << 30) - 1)) + (1UL << 30);
    return 0;
  }
  *next = (va & ~(SUPERPAGE - 1)) + SUPERPAGE;
  pte = &((pagetable_t)PTE2PA(*pte))[PX(1, va)];
  return *pte & PTE_V ? pte : 0;
}

/* The middle entry for va has become void: free its table if it was the last there. */
void
pmap_void_middle(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  struct vm_page *table = pa_page(PGROUNDDOWN(middle));

  *middle = 0;
  if (--table->wire_count == 0) {
    ch->pm->root[PX(2, va)] = 0;
    pa_page((uint64)ch->pm->root)->wire_count--;
    pmap_kill_table(ch, table);
  }
}

/* ---- superpages ---- */

/* Count superpages of pm: n more (or fewer). */
void
pmap_count_super(struct pmap *pm, int n)
{
  pm->superpages += n;
  __sync_fetch_and_add(&pmap_stats.superpages, (uint64)(int64)n);
}

/* Remove a superpage's leaf. */
void
pmap_remove_super(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  pmap_changed(ch, va & ~(SUPERPAGE - 1), SUPERPAGE);
  ch->pm->resident -= SUPERPAGE_PAGES;
  pmap_count_super(ch->pm, -1);
  pmap_void_middle(ch, va, middle);
}

/*
 * Cut a superpage: show the same 512 pages by a table of their own. Without a
 * frame for it (it was promised with the entry, so that is a bug elsewhere)
 * just drop the leaf: faults bring the pages back. Is there a table now?
 */
static int
demote(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  pagetable_t table = pmap_new_table(ch->pm);
  pte_t leaf = *middle;

  __sync_fetch_and_add(&pmap_stats.demotions, 1);
  if (table == 0) {
    pmap_remove_super(ch, va, middle);
    return 0;
  }
  for (int i = 0; i < SUPERPAGE_PAGES; i++)
    table[i] = leaf + ((uint64)i << 10);
  pa_page((uint64)table)->wire_count = SUPERPAGE_PAGES;
  __sync_synchronize(); /* a walk on another hart must find the table filled */
  *middle = PA2PTE(table) | PTE_V;
  pmap_count_super(ch->pm, -1);
  ch->whole = 1;
  return 1;
}

/* The bottom table behind a valid middle entry, after cutting a superpage if need be; null when there is none now. */
pagetable_t
pmap_bottom_table(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  if (IS_LEAF(*middle) && !demote(ch, va, middle))
    return 0;
  return (pagetable_t)PTE2PA(*middle);
}

/* ---- birth and death ---- */

/* Map the vDSO's pages for user mode. top is the bottom table at the end of the address space. */
static void
enter_vdso(pagetable_t top, struct trapframe *trapframe)
{
  uint64 user = PTE_V | PTE_U | PTE_R | PTE_A;

  top[PX(0, VDSO_CODE)] = PA2PTE(vdso_code_page()) | user | PTE_X | PTE_G;
  top[PX(0, VDSO_TIME)] = PA2PTE(vdso_time_page()) | user | PTE_G;
  top[PX(0, VDSO_PROCESS)] = PA2PTE(trapframe->process_page) | user;
  pa_page((uint64)top)->wire_count += 3;
}

/* A table with nothing but trampoline, trapframe and vDSO. 0, or -ENOMEM. */
int
pmap_create(struct pmap *pm, struct trapframe *trapframe)
{
  pte_t *middle;
  pagetable_t top;

  memset(pm, 0, sizeof *pm);
  initlock(&pm->lock, "page table");
  if (vm_commit(PMAP_FIXED_FRAMES) < 0)
    return -ENOMEM;
  pm->root = pmap_new_table(pm);
  middle = pm->root ? pmap_make_middle(pm, TRAMPOLINE) : 0;
  top = middle ? pmap_new_table(pm) : 0;
  if (top == 0) {
    pmap_destroy(pm);
    return -ENOMEM;
  }
  *middle = PA2PTE(top) | PTE_V;
  pa_page(PGROUNDDOWN(middle))->wire_count++;
  top[PX(0, TRAMPOLINE)] = PA2PTE(trampoline_start) | PTE_V | PTE_R | PTE_X | PTE_G | PTE_A | PTE_D;
  top[PX(0, TRAPFRAME)] = PA2PTE(trapframe) | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
  pa_page((uint64)top)->wire_count += 2;
  enter_vdso(top, trapframe);
  return 0;
}

/* Show the trapframe of a clone at va, a page below TRAPFRAME; or, when it is null, nothing any more. */
void
pmap_set_trapframe(struct pmap *pm, uint64 va, struct trapframe *trapframe)
{
  struct pmap_changes ch = { .pm = pm };
  uint64 next;
  pte_t *pte;

  acquire(&pm->lock);
  pte = pmap_find_middle(pm, va, &next);
  KASSERT(pte, "an address space has no table for trapframes");
  pte = &((pagetable_t)PTE2PA(*pte))[PX(0, va)];
  *pte = trapframe ? PA2PTE(trapframe) | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D : 0;
  pa_page(PGROUNDDOWN(pte))->wire_count += trapframe ? 1 : -1;
  pmap_changed(&ch, va, PGSIZE); /* a new one, too: the trampoline must not meet a stale entry */
  pmap_publish(&ch);
  release(&pm->lock);
}

/*
 * Give all table frames back. No hart runs the address space any more. Stale
 * translations do no harm: the ASID is not used again in its generation.
 */
void
pmap_destroy(struct pmap *pm)
{
  struct vm_page *pg, *next;

  acquire(&pm->lock); /* the page-out daemon may be looking */
  KASSERT(pm->runs_on == 0, "an address space is destroyed that harts 0x%x run", pm->runs_on);
  pg = pm->tables;
  pmap_count_super(pm, -(int)pm->superpages);
  pm->tables = 0;
  pm->root = 0;
  pm->resident = 0;
  release(&pm->lock);
  for (; pg; pg = next) {
    next = pg->list_next;
    vm_page_free(pg);
  }
  vm_uncommit(PMAP_FIXED_FRAMES);
}
