/*
 * Sv39 page tables: the only code that writes a page-table entry or executes
 * sfence.vma (but for the trampoline on machines without ASIDs).
 *
 * User tables are a cache of the map and its objects: an entry may be dropped
 * at any time and comes back with a fault. Each table frame counts its valid
 * entries (wire_count) and is freed with its last one.
 *
 * Address-space numbers (ASIDs) are given out in order and never twice within
 * a generation; when they run out a new generation begins, and each hart
 * flushes its TLB before it uses a number of it. So a switch flushes nothing,
 * and neither does the end of a process. The kernel's own table has number 0.
 *
 * An address space runs on one hart at a time. What changes there is flushed
 * there; other harts that ran it before are noted in stale_on and flush when
 * it comes back to them.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"

#define MEGAPAGE (2UL << 20)
#define LAST_INDEX(shift) ((MAXVA - 1) >> (shift)) /* the highest table, with the trampoline */
#define FIXED_FRAMES 5 /* root, and a path of two tables each to the lowest and the highest 2 MiB */
#define FLUSH_EACH 16  /* more changed pages than this are flushed together */

extern char text_start[], text_end[], rodata_start[], rodata_end[], kernel_end[], trampoline_start[];

static pagetable_t kernel_root;
static uint64 kernel_satp;

/* Guards next_asid; asid_generation is also read without. */
static struct spinlock asid_lock;
static uint64 next_asid = 1, max_asid;
static volatile uint64 asid_generation = 1;

/* ---- flushing ---- */

/* Forget all translations of this hart. */
static inline void
flush_all(void)
{
  __asm__ volatile("sfence.vma" : : : "memory");
}

/* Forget this hart's translations of one address space. */
static inline void
flush_asid(uint64 satp)
{
  __asm__ volatile("sfence.vma zero, %0" : : "r"(satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) : "memory");
}

/* Forget this hart's translation of one page of an address space. */
static inline void
flush_page(uint64 satp, uint64 va)
{
  __asm__ volatile("sfence.vma %0, %1" : : "r"(va), "r"(satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) : "memory");
}

/* Changes that wait for a flush: the first few pages are flushed at once, more of them all together at the end. */
struct changes {
  struct pmap *pm;
  uint pages;
  int whole; /* a table went, too: only a flush without address covers that */
};

/* Note that the entry for va was replaced, narrowed or removed. */
static void
changed(struct changes *c, uint64 va)
{
  if (++c->pages <= FLUSH_EACH)
    flush_page(c->pm->satp, va);
}

/* Finish: this hart is up to date, the others will flush before they run the address space again. */
static void
changes_done(struct changes *c)
{
  if (c->pages == 0 && !c->whole)
    return;
  push_off();
  if (c->pages > FLUSH_EACH || c->whole)
    flush_asid(c->pm->satp);
  c->pm->stale_on |= c->pm->ran_on & ~(1u << cpuid());
  pop_off();
}

/* ---- the kernel's table ---- */

/* A zeroed frame for a kernel table; at boot there is memory. */
static void *
boot_page(void)
{
  void *page = kpage_alloc();

  KASSERT(page, "there is no memory for the kernel's page tables");
  return page;
}

/* Map [va, va + size) to pa in the kernel's table, in pages of 2 MiB where both are so aligned. */
static void
kernel_map(uint64 va, uint64 pa, uint64 size, uint64 perm)
{
  uint64 end = va + size, step;

  for (; va < end; va += step, pa += step) {
    pagetable_t table = kernel_root;
    int bottom = ((va | pa) & (MEGAPAGE - 1)) == 0 && end - va >= MEGAPAGE ? 1 : 0;
    for (int level = 2; level > bottom; level--) {
      pte_t *pte = &table[PX(level, va)];
      if (!(*pte & PTE_V))
        *pte = PA2PTE(boot_page()) | PTE_V;
      table = (pagetable_t)PTE2PA(*pte);
    }
    KASSERT(!(table[PX(bottom, va)] & PTE_V), "kernel address 0x%lx is mapped twice", va);
    table[PX(bottom, va)] = PA2PTE(pa) | perm | PTE_V | PTE_A | PTE_D;
    step = bottom ? MEGAPAGE : PGSIZE;
  }
}

/* Give every process slot and every hart's scheduler a stack above an unmapped guard. */
static void
map_kernel_stacks(void)
{
  for (int slot = 0; slot < NPROC + NCPU; slot++) {
    if (slot >= NPROC && !(machine.harts & (1u << (slot - NPROC))))
      continue;
    for (uint64 offset = 0; offset < KSTACKSIZE; offset += PGSIZE)
      kernel_map(KSTACK(slot) + offset, (uint64)boot_page(), PGSIZE, PTE_R | PTE_W);
  }
}

/* How many ASID bits satp has shows in which of them stay set. */
static void
find_asids(void)
{
  csr_write(satp, kernel_satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
  max_asid = csr_read(satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK;
  csr_write(satp, kernel_satp);
  flush_all();
}

/* Make the kernel's table: devices, RAM at its own addresses up to ram_end, stacks, trampoline. */
void
pmap_bootstrap(uint64 ram_end)
{
  initlock(&asid_lock, "ASIDs");
  kernel_root = boot_page();
  kernel_map(FINISHER, FINISHER, PGSIZE, PTE_R | PTE_W);
  kernel_map(RTC0, RTC0, PGSIZE, PTE_R | PTE_W);
  kernel_map(CLINT, CLINT, CLINT_SIZE, PTE_R | PTE_W);
  kernel_map(PLIC, PLIC, PLIC_SIZE, PTE_R | PTE_W);
  kernel_map(UART0, UART0, PGSIZE, PTE_R | PTE_W);
  kernel_map(VIRTIO(0), VIRTIO(0), NVIRTIO * PGSIZE, PTE_R | PTE_W);
  kernel_map((uint64)text_start, (uint64)text_start, text_end - text_start, PTE_R | PTE_X);
  kernel_map((uint64)rodata_start, (uint64)rodata_start, rodata_end - rodata_start, PTE_R);
  kernel_map((uint64)rodata_end, (uint64)rodata_end, PGROUNDDOWN(ram_end) - (uint64)rodata_end, PTE_R | PTE_W);
  kernel_map(TRAMPOLINE, (uint64)trampoline_start, PGSIZE, PTE_R | PTE_X | PTE_G);
  map_kernel_stacks();
  kernel_satp = SATP_SV39 | (uint64)kernel_root >> PGSHIFT;
  find_asids();
}

/* Switch this hart to the kernel's table. */
void
pmap_init_hart(void)
{
  flush_all();
  csr_write(satp, kernel_satp);
  flush_all();
  mycpu()->asid_generation = asid_generation;
}

/* What the trampoline loads into satp on the way into the kernel. */
uint64
pmap_kernel_satp(void)
{
  return kernel_satp;
}

/* ---- user tables ---- */

/* Take a zeroed table frame that was promised, and note it as pm's. Null if the promise was broken. */
static pagetable_t
new_table(struct pmap *pm)
{
  struct vm_page *pg = vm_page_alloc(PAGE_TABLE);

  if (pg == 0)
    return 0;
  page_zero(page_kva(pg));
  pg->list_prev = 0;
  pg->list_next = pm->tables;
  if (pm->tables)
    pm->tables->list_prev = pg;
  pm->tables = pg;
  return page_kva(pg);
}

/* Free a table frame that has no valid entry. */
static void
free_table(struct pmap *pm, struct vm_page *pg)
{
  if (pg->list_prev)
    pg->list_prev->list_next = pg->list_next;
  else
    pm->tables = pg->list_next;
  if (pg->list_next)
    pg->list_next->list_prev = pg->list_prev;
  vm_page_free(pg);
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

/* The bottom table for va, made if need be; null if a promise was broken. */
static pagetable_t
make_bottom_table(struct pmap *pm, uint64 va)
{
  pagetable_t table = pm->root, next;

  for (int level = 2; level > 0; level--) {
    pte_t *pte = &table[PX(level, va)];
    if (*pte & PTE_V) {
      table = (pagetable_t)PTE2PA(*pte);
      continue;
    }
    next = new_table(pm);
    if (next == 0)
      return 0;
    *pte = PA2PTE(next) | PTE_V;
    pa_page((uint64)table)->wire_count++;
    table = next;
  }
  return table;
}

/* The bottom table for va, or null; then *next is the first address that could have another. */
static pagetable_t
find_bottom_table(struct pmap *pm, uint64 va, uint64 *next)
{
  pagetable_t table = pm->root;

  for (int level = 2; level > 0; level--) {
    pte_t pte = table[PX(level, va)];
    if (!(pte & PTE_V)) {
      uint64 span = 1UL << (12 + 9 * level);
      *next = (va & ~(span - 1)) + span;
      return 0;
    }
    table = (pagetable_t)PTE2PA(pte);
  }
  *next = (va & ~(MEGAPAGE - 1)) + MEGAPAGE;
  return table;
}

/* The bottom table for va is empty: free it, and the one above if that is empty then. */
static void
prune(struct pmap *pm, uint64 va)
{
  pagetable_t middle = (pagetable_t)PTE2PA(pm->root[PX(2, va)]);
  struct vm_page *middle_page = pa_page((uint64)middle);
  struct vm_page *bottom_page = pa_page(PTE2PA(middle[PX(1, va)]));

  middle[PX(1, va)] = 0;
  free_table(pm, bottom_page);
  if (--middle_page->wire_count == 0) {
    pm->root[PX(2, va)] = 0;
    pa_page((uint64)pm->root)->wire_count--;
    free_table(pm, middle_page);
  }
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

/* A table with nothing but trampoline and trapframe. 0, or -ENOMEM. */
int
pmap_create(struct pmap *pm, struct trapframe *trapframe)
{
  pagetable_t top;

  memset(pm, 0, sizeof *pm);
  if (vm_commit(FIXED_FRAMES) < 0)
    return -ENOMEM;
  pm->root = new_table(pm);
  top = pm->root ? make_bottom_table(pm, TRAMPOLINE) : 0;
  if (top == 0) {
    pmap_destroy(pm);
    return -ENOMEM;
  }
  top[PX(0, TRAMPOLINE)] = PA2PTE(trampoline_start) | PTE_V | PTE_R | PTE_X | PTE_G | PTE_A | PTE_D;
  top[PX(0, TRAPFRAME)] = PA2PTE(trapframe) | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
  pa_page((uint64)top)->wire_count += 2;
  return 0;
}

/* Give all table frames back. Stale translations do no harm: the ASID is not used again in its generation. */
void
pmap_destroy(struct pmap *pm)
{
  struct vm_page *pg, *next;

  for (pg = pm->tables; pg; pg = next) {
    next = pg->list_next;
    vm_page_free(pg);
  }
  pm->tables = 0;
  pm->root = 0;
  vm_uncommit(FIXED_FRAMES);
}

/*
 * Let va show frame pg with these rights, for an access that is about to
 * happen. 0, or -ENOMEM if a promised table frame was not there.
 */
int
pmap_enter(struct pmap *pm, uint64 va, struct vm_page *pg, int rights, int access)
{
  pagetable_t table = make_bottom_table(pm, va);
  pte_t *pte, old;

  if (table == 0)
    return -ENOMEM;
  pte = &table[PX(0, va)];
  old = *pte;
  *pte = PA2PTE(page_pa(pg)) | user_flags(rights) | (access & PROT_WRITE ? PTE_D : 0) | (old & PTE_D);
  if (old & PTE_V) { /* another frame, more rights, or a fault on what this hart had forgotten to notice */
    struct changes c = { pm, 0, 0 };
    changed(&c, va);
    changes_done(&c);
  } else {
    pa_page((uint64)table)->wire_count++;
    pm->resident++;
  }
  return 0;
}

/* Unmap [start, end). The frames are not touched. */
void
pmap_remove(struct pmap *pm, uint64 start, uint64 end)
{
  struct changes c = { pm, 0, 0 };
  uint64 next;

  for (uint64 va = start; va < end; va = next) {
    pagetable_t table = find_bottom_table(pm, va, &next);
    struct vm_page *table_page;
    if (table == 0)
      continue;
    table_page = pa_page((uint64)table);
    for (uint64 a = va; a < next && a < end; a += PGSIZE) {
      pte_t *pte = &table[PX(0, a)];
      if (!(*pte & PTE_V))
        continue;
      *pte = 0;
      pm->resident--;
      table_page->wire_count--;
      changed(&c, a);
    }
    if (table_page->wire_count == 0) {
      prune(pm, va);
      c.whole = 1;
    }
  }
  changes_done(&c);
}

/* Withdraw all rights that are not in `rights` from [start, end). */
void
pmap_protect(struct pmap *pm, uint64 start, uint64 end, int rights)
{
  struct changes c = { pm, 0, 0 };
  uint64 withdraw = (PTE_R | PTE_W | PTE_X) & ~user_flags(rights), next;

  for (uint64 va = start; va < end; va = next) {
    pagetable_t table = find_bottom_table(pm, va, &next);
    if (table == 0)
      continue;
    for (uint64 a = va; a < next && a < end; a += PGSIZE) {
      pte_t *pte = &table[PX(0, a)];
      if ((*pte & PTE_V) && (*pte & withdraw)) {
        *pte &= ~withdraw;
        changed(&c, a);
      }
    }
  }
  changes_done(&c);
}

/* Physical address that va shows for an access by user mode (one of PROT_*); 0 when it would fault. va is below USERTOP. */
uint64
pmap_extract(struct pmap *pm, uint64 va, int access)
{
  uint64 needed = PTE_V | PTE_U | (access & PROT_WRITE ? PTE_W | PTE_D : PTE_R);
  pagetable_t table = pm->root;
  pte_t pte;

  for (int level = 2; level > 0; level--) {
    pte = table[PX(level, va)];
    if (!(pte & PTE_V))
      return 0;
    table = (pagetable_t)PTE2PA(pte);
  }
  pte = table[PX(0, va)];
  return (pte & needed) == needed ? PTE2PA(pte) | (va & (PGSIZE - 1)) : 0;
}

/* Give pm a number of the current generation, or the first of a new one. */
static void
new_asid(struct pmap *pm)
{
  uint64 asid = 0;

  acquire(&asid_lock);
  if (max_asid > 0) {
    if (next_asid > max_asid) {
      asid_generation++;
      next_asid = 1;
    }
    asid = next_asid++;
  }
  pm->asid_generation = asid_generation;
  release(&asid_lock);
  pm->satp = SATP_SV39 | asid << SATP_ASID_SHIFT | (uint64)pm->root >> PGSHIFT;
  pm->ran_on = pm->stale_on = 0;
}

/* Make pm what this hart's next return to user mode will use. Interrupts are off. */
void
pmap_activate(struct pmap *pm)
{
  struct cpu *c = mycpu();
  uint me = 1u << c->hartid;

  if (pm->asid_generation != asid_generation)
    new_asid(pm);
  if (c->asid_generation != pm->asid_generation) {
    flush_all();
    c->asid_generation = pm->asid_generation;
  }
  if (pm->stale_on & me) {
    flush_asid(pm->satp);
    pm->stale_on &= ~me;
  }
  pm->ran_on |= me;
  c->pmap = pm;
}
