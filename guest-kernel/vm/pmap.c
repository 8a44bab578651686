/*
 * A user address space's page table: enter, remove, protect, look.
 *
 * User tables are a cache of the map and its objects: an entry may be dropped
 * at any time and comes back with a fault. Each table frame counts its valid
 * entries (wire_count) and is freed with its last one.
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
#include "abi/errno.h"

#define LAST_INDEX(shift) ((MAXVA - 1) >> (shift)) /* the highest table, with the trampoline */
#define FIXED_FRAMES 5 /* root, and a path of two tables each to the lowest and the highest 2 MiB */
#define IS_LEAF(pte) (((pte) & (PTE_R | PTE_X)) != 0)

extern char trampoline_start[];

/* ---- tables ---- */

/* Take a zeroed table frame that was promised, and note it as pm's. Null if the promise was broken. */
static pagetable_t
new_table(struct pmap *pm)
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
static void
kill_table(struct pmap_changes *ch, struct vm_page *pg)
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
static pte_t *
make_middle_entry(struct pmap *pm, uint64 va)
{
  pte_t *pte = &pm->root[PX(2, va)];

  if (!(*pte & PTE_V)) {
    pagetable_t table = new_table(pm);
    if (table == 0)
      return 0;
    *pte = PA2PTE(table) | PTE_V;
    pa_page((uint64)pm->root)->wire_count++;
  }
  return &((pagetable_t)PTE2PA(*pte))[PX(1, va)];
}

/* The middle table's valid entry for va, or null; *next is the first address that could have another. */
static pte_t *
find_middle_entry(struct pmap *pm, uint64 va, uint64 *next)
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
static void
void_middle_entry(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  struct vm_page *table = pa_page(PGROUNDDOWN(middle));

  *middle = 0;
  if (--table->wire_count == 0) {
    ch->pm->root[PX(2, va)] = 0;
    pa_page((uint64)ch->pm->root)->wire_count--;
    kill_table(ch, table);
  }
}

/* ---- changes ---- */

/* Note that what [va, va + size) shows was replaced, narrowed or removed. */
static inline void
changed(struct pmap_changes *ch, uint64 va, uint64 size)
{
  if (ch->start == ch->end)
    ch->start = va;
  ch->end = va + size;
}

/* Count superpages of pm: n more (or fewer). */
static void
count_super(struct pmap *pm, int n)
{
  pm->superpages += n;
  __sync_fetch_and_add(&pmap_stats.superpages, (uint64)(int64)n);
}

/* Remove a superpage's leaf. */
static void
remove_super(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  changed(ch, va & ~(SUPERPAGE - 1), SUPERPAGE);
  ch->pm->resident -= SUPERPAGE_PAGES;
  count_super(ch->pm, -1);
  void_middle_entry(ch, va, middle);
}

/*
 * Cut a superpage: show the same 512 pages by a table of their own. Without a
 * frame for it (it was promised with the entry, so that is a bug elsewhere)
 * just drop the leaf: faults bring the pages back. Is there a table now?
 */
static int
demote(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  pagetable_t table = new_table(ch->pm);
  pte_t leaf = *middle;

  __sync_fetch_and_add(&pmap_stats.demotions, 1);
  if (table == 0) {
    remove_super(ch, va, middle);
    return 0;
  }
  for (int i = 0; i < SUPERPAGE_PAGES; i++)
    table[i] = leaf + ((uint64)i << 10);
  pa_page((uint64)table)->wire_count = SUPERPAGE_PAGES;
  __sync_synchronize(); /* a walk on another hart must find the table filled */
  *middle = PA2PTE(table) | PTE_V;
  count_super(ch->pm, -1);
  ch->whole = 1;
  return 1;
}

/* The bottom table behind a valid middle entry, after cutting a superpage if need be; null when there is none now. */
static pagetable_t
bottom_table(struct pmap_changes *ch, uint64 va, pte_t *middle)
{
  if (IS_LEAF(*middle) && !demote(ch, va, middle))
    return 0;
  return (pagetable_t)PTE2PA(*middle);
}

/* Flags of an entry that gives these rights to user mode. */
static uint64
user_flags(int rights)
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
  if (vm_commit(FIXED_FRAMES) < 0)
    return -ENOMEM;
  pm->root = new_table(pm);
  middle = pm->root ? make_middle_entry(pm, TRAMPOLINE) : 0;
  top = middle ? new_table(pm) : 0;
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
  pte = find_middle_entry(pm, va, &next);
  KASSERT(pte, "an address space has no table for trapframes");
  pte = &((pagetable_t)PTE2PA(*pte))[PX(0, va)];
  *pte = trapframe ? PA2PTE(trapframe) | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D : 0;
  pa_page(PGROUNDDOWN(pte))->wire_count += trapframe ? 1 : -1;
  changed(&ch, va, PGSIZE); /* a new one, too: the trampoline must not meet a stale entry */
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
  count_super(pm, -(int)pm->superpages);
  pm->tables = 0;
  pm->root = 0;
  pm->resident = 0;
  release(&pm->lock);
  for (; pg; pg = next) {
    next = pg->list_next;
    vm_page_free(pg);
  }
  vm_uncommit(FIXED_FRAMES);
}

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
  changed(ch, va, size);
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
  changed(ch, va, PGSIZE);
  ch->later = 1;
  return 1;
}

/* pmap_enter where something must be made or replaced first. pm->lock is held. */
static int __attribute__((noinline))
enter_slowly(struct pmap *pm, uint64 va, struct vm_page *pg, uint64 flags)
{
  struct pmap_changes ch = { .pm = pm };
  pte_t *middle = make_middle_entry(pm, va), *pte;
  pagetable_t table = 0;
  int done = 0;

  if (middle && !(*middle & PTE_V)) {
    table = new_table(pm);
    if (table) {
      *middle = PA2PTE(table) | PTE_V;
      pa_page(PGROUNDDOWN(middle))->wire_count++;
    }
  } else if (middle) {
    done = super_suffices(&ch, va, pg, middle, flags);
    table = done ? 0 : bottom_table(&ch, va, middle);
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
  uint64 flags = user_flags(rights) | (access & PROT_WRITE ? PTE_D : 0), frame = PA2PTE(page_pa(pg));
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
  pte_t *middle, leaf = PA2PTE(page_pa(first)) | user_flags(rights) | (rights & PROT_WRITE ? PTE_D : 0);

  acquire(&pm->lock);
  middle = make_middle_entry(pm, va);
  if (middle && (*middle & PTE_V) && IS_LEAF(*middle)) {
    replace_entry(&ch, va, SUPERPAGE, middle, leaf);
  } else if (middle) {
    if (*middle & PTE_V) {
      struct vm_page *table = pa_page(PTE2PA(*middle));
      pm->resident -= table->wire_count;
      kill_table(&ch, table);
    } else {
      pa_page(PGROUNDDOWN(middle))->wire_count++;
    }
    *middle = leaf;
    pm->resident += SUPERPAGE_PAGES;
    count_super(pm, 1);
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
    changed(ch, va, PGSIZE);
  }
  if (pg->wire_count == 0) {
    kill_table(ch, pg);
    void_middle_entry(ch, start, middle);
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
    pte_t *middle = find_middle_entry(pm, va, &next);
    pagetable_t table;
    if (middle == 0)
      continue;
    if (IS_LEAF(*middle) && (va & (SUPERPAGE - 1)) == 0 && end >= next)
      remove_super(&ch, va, middle);
    else if ((table = bottom_table(&ch, va, middle)) != 0)
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
    changed(ch, va, size);
  }
}

/* An entry without R and X would not be a leaf; what may not be used at all is removed instead. */
#define USELESS(rights) (((rights) & (PROT_READ | PROT_WRITE | PROT_EXEC)) == 0)

/* Withdraw all rights that are not in `rights` from [start, end). */
void
pmap_protect(struct pmap *pm, uint64 start, uint64 end, int rights)
{
  struct pmap_changes ch = { .pm = pm };
  uint64 withdraw = (PTE_R | PTE_W | PTE_X) & ~user_flags(rights), next;

  if (USELESS(rights) || (withdraw & PTE_R)) { /* nothing is left, or X alone, which some entries do not have */
    pmap_remove(pm, start, end);
    return;
  }
  acquire(&pm->lock);
  for (uint64 va = start; va < end; va = next) {
    pte_t *middle = find_middle_entry(pm, va, &next);
    pagetable_t table;
    if (middle == 0)
      continue;
    if (IS_LEAF(*middle) && !(*middle & withdraw))
      continue;
    if (IS_LEAF(*middle) && (va & (SUPERPAGE - 1)) == 0 && end >= next)
      narrow(&ch, va, SUPERPAGE, middle, withdraw);
    else if ((table = bottom_table(&ch, va, middle)) != 0)
      for (uint64 a = va; a < next && a < end; a += PGSIZE)
        narrow(&ch, a, PGSIZE, &table[PX(0, a)], withdraw);
  }
  pmap_publish(&ch);
  release(&pm->lock);
}

/* ---- single pages, for the reverse map ---- */

/* The entry that shows frame pg at va, after cutting a superpage if need be; null when there is none. */
static pte_t *
find_page_entry(struct pmap_changes *ch, uint64 va, struct vm_page *pg, pte_t **middle)
{
  uint64 next;
  pagetable_t table;
  pte_t *pte;

  *middle = find_middle_entry(ch->pm, va, &next);
  if (*middle == 0)
    return 0;
  if (IS_LEAF(**middle) && PTE2PA(**middle) + (va & (SUPERPAGE - 1) & ~(PGSIZE - 1UL)) != page_pa(pg))
    return 0;
  table = bottom_table(ch, va, *middle);
  pte = table ? &table[PX(0, va)] : 0;
  return pte && (*pte & PTE_V) && PTE2PA(*pte) == page_pa(pg) ? pte : 0;
}

/*
 * If va shows pg: was it used since the last time we asked? A superpage is
 * one thing: used when any of its pages was, and asking for its first page
 * asks for all. The TLBs learn of it when it suits them.
 */
int
pmap_page_referenced(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  struct pmap_changes ch = { .pm = pm, .later = 1 };
  pte_t *middle, *pte = 0;
  uint64 next;
  int referenced = 0;

  acquire(&pm->lock);
  middle = find_middle_entry(pm, va, &next);
  if (middle && IS_LEAF(*middle)) {
    referenced = (*middle & PTE_A) != 0;
    if ((va & (SUPERPAGE - 1)) < PGSIZE)
      pte = middle;
  } else {
    pte = find_page_entry(&ch, va, pg, &middle);
    referenced = pte && (*pte & PTE_A);
  }
  if (pte && (*pte & PTE_A)) {
    __sync_fetch_and_and(pte, ~PTE_A);
    changed(&ch, va, PGSIZE);
  }
  pmap_publish(&ch);
  release(&pm->lock);
  return referenced;
}

/* If va shows pg, unmap it. PMAP_WAS_MAPPED, with PMAP_WAS_DIRTY if it was written through this entry; or 0. */
int
pmap_page_remove(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  struct pmap_changes ch = { .pm = pm, .later = 1 };
  pte_t *middle, *pte;
  int state = 0;

  va = PGROUNDDOWN(va);
  acquire(&pm->lock);
  pte = find_page_entry(&ch, va, pg, &middle);
  if (pte) {
    uint64 old = __sync_lock_test_and_set(pte, 0); /* a hart may be setting D just now */
    state = PMAP_WAS_MAPPED | (old & PTE_D ? PMAP_WAS_DIRTY : 0);
    pm->resident--;
    changed(&ch, va, PGSIZE);
    /* an empty table stays until its neighbours go: TLBs have not learned of this yet */
    pa_page(PGROUNDDOWN(pte))->wire_count--;
  }
  pmap_publish(&ch);
  release(&pm->lock);
  return state;
}

/* If va shows pg, withdraw the permission to write. */
void
pmap_page_protect(struct pmap *pm, uint64 va, struct vm_page *pg)
{
  struct pmap_changes ch = { .pm = pm, .later = 1 };
  pte_t *middle, *pte;

  va = PGROUNDDOWN(va);
  acquire(&pm->lock);
  pte = find_page_entry(&ch, va, pg, &middle);
  if (pte && (*pte & PTE_W)) {
    __sync_fetch_and_and(pte, ~PTE_W);
    changed(&ch, va, PGSIZE);
  }
  pmap_publish(&ch);
  release(&pm->lock);
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
