/* User page tables: between pmap.c, pmap_tables.c and pmap_page.c. pm->lock is held. */
#ifndef PMAP_PARTS_H
#define PMAP_PARTS_H

#include "types.h"
#include "riscv.h"
#include "pmap.h"
#include "abi/mman.h"

struct vm_page;

#define IS_LEAF(pte) (((pte) & (PTE_R | PTE_X)) != 0)

/* Flags of an entry that gives these rights to user mode. */
static inline uint64
pmap_user_flags(int rights)
{
  uint64 flags = PTE_V | PTE_U | PTE_A;

  if (rights & (PROT_READ | PROT_WRITE)) /* the architecture has no write without read */
    flags |= PTE_R;
  if (rights & PROT_WRITE)
    flags |= PTE_W;
  if (rights & PROT_EXEC)
    flags |= PTE_X;
  return flags;
}

/* Note that what [va, va + size) shows was replaced, narrowed or removed. */
static inline void
pmap_changed(struct pmap_changes *ch, uint64 va, uint64 size)
{
  if (ch->start == ch->end)
    ch->start = va;
  ch->end = va + size;
}

/* pmap_tables.c */
pagetable_t pmap_new_table(struct pmap *);
void pmap_kill_table(struct pmap_changes *, struct vm_page *);
pte_t *pmap_make_middle(struct pmap *, uint64 va);
pte_t *pmap_find_middle(struct pmap *, uint64 va, uint64 *next);
void pmap_void_middle(struct pmap_changes *, uint64 va, pte_t *middle);
void pmap_count_super(struct pmap *, int n);
void pmap_remove_super(struct pmap_changes *, uint64 va, pte_t *middle);
pagetable_t pmap_bottom_table(struct pmap_changes *, uint64 va, pte_t *middle);

#endif
