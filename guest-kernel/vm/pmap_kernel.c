/*
 * The kernel's own page table: devices and RAM at their own addresses, kernel
 * stacks between unmapped guards, the trampoline. It is made at boot and never
 * changes, so it needs no lock and no flush. User memory is not in it: the
 * copy functions reach it through the direct map, page by page.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"

extern char text_start[], text_end[], rodata_start[], rodata_end[], trampoline_start[];

static pagetable_t kernel_root;
static uint64 kernel_satp;

/* A zeroed frame for a kernel table; at boot there is memory. */
static void *
boot_page(void)
{
  void *page = kpage_alloc();

  KASSERT(page, "there is no memory for the kernel's page tables");
  return page;
}

/* Map [va, va + size) to pa in the kernel's table, in superpages of 2 MiB where both are so aligned. */
static void
kernel_map(uint64 va, uint64 pa, uint64 size, uint64 perm)
{
  uint64 end = va + size, step;

  for (; va < end; va += step, pa += step) {
    pagetable_t table = kernel_root;
    int bottom = ((va | pa) & (SUPERPAGE - 1)) == 0 && end - va >= SUPERPAGE ? 1 : 0;
    for (int level = 2; level > bottom; level--) {
      pte_t *pte = &table[PX(level, va)];
      if (!(*pte & PTE_V))
        *pte = PA2PTE(boot_page()) | PTE_V;
      table = (pagetable_t)PTE2PA(*pte);
    }
    KASSERT(!(table[PX(bottom, va)] & PTE_V), "kernel address 0x%lx is mapped twice", va);
    table[PX(bottom, va)] = PA2PTE(pa) | perm | PTE_V | PTE_A | PTE_D;
    step = bottom ? SUPERPAGE : PGSIZE;
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

/* Make the kernel's table: devices, RAM at its own addresses up to ram_end, stacks, trampoline. */
void
pmap_bootstrap(uint64 ram_end)
{
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
  pmap_tlb_init(kernel_satp);
}

/* Switch this hart to the kernel's table. */
void
pmap_init_hart(void)
{
  __asm__ volatile("sfence.vma" : : : "memory");
  csr_write(satp, kernel_satp);
  __asm__ volatile("sfence.vma" : : : "memory");
  mycpu()->asid_generation = pmap_asid_generation();
}

/* What the trampoline loads into satp on the way into the kernel. */
uint64
pmap_kernel_satp(void)
{
  return kernel_satp;
}
