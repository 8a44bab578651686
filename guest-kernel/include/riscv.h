/* RISC-V: control and status registers, page-table entries, fences. */
#ifndef RISCV_H
#define RISCV_H

#include "types.h"

#define PGSHIFT 12
#ifndef PGSIZE
#define PGSIZE 4096
#endif
#define PGROUNDUP(a) (((uint64)(a) + PGSIZE - 1) & ~(uint64)(PGSIZE - 1))
#define PGROUNDDOWN(a) ((uint64)(a) & ~(uint64)(PGSIZE - 1))

/* Sv39 entries. */
#define PTE_V (1UL << 0)
#define PTE_R (1UL << 1)
#define PTE_W (1UL << 2)
#define PTE_X (1UL << 3)
#define PTE_U (1UL << 4)
#define PTE_G (1UL << 5)
#define PTE_A (1UL << 6)
#define PTE_D (1UL << 7)
#define PTE_FLAGS(pte) ((pte) & 0x3ff)
#define PA2PTE(pa) (((uint64)(pa) >> 12) << 10)
#define PTE2PA(pte) ((((pte) >> 10) & 0xfffffffffffUL) << 12)
/* Index of va in a table of the level: 0 maps 4 KiB, 1 maps 2 MiB, 2 maps 1 GiB an entry. */
#define PX(level, va) (((uint64)(va) >> (12 + 9 * (level))) & 0x1ff)

/* satp */
#define SATP_SV39 (8UL << 60)
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK 0xffffUL
#define SATP_PPN_MASK ((1UL << 44) - 1)

/* mstatus, sstatus */
#define MSTATUS_MPP_MASK (3UL << 11)
#define MSTATUS_MPP_S (1UL << 11)
#define SSTATUS_SPP (1UL << 8)  /* trap came from S mode */
#define SSTATUS_SPIE (1UL << 5) /* interrupts on after sret */
#define SSTATUS_SIE (1UL << 1)  /* interrupts on */
#define SSTATUS_FS (3UL << 13)  /* floating point: 0 Off, 3 Dirty */
#define SSTATUS_FS_CLEAN (2UL << 13)

/* misa */
#define MISA(letter) (1UL << ((letter) - 'A')) /* has this extension */

/* fcsr: flags and rounding mode */
#define FCSR_MASK 0xffUL

/* mie, mip, sie, sip */
#define IP_SSI (1UL << 1)
#define IP_MSI (1UL << 3)
#define IP_STI (1UL << 5)
#define IP_SEI (1UL << 9)

/* scause */
#define SCAUSE_INTERRUPT (1UL << 63)
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_LOAD_MISALIGNED 4
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_ECALL_U 8
#define CAUSE_FETCH_PAGE_FAULT 12
#define CAUSE_LOAD_PAGE_FAULT 13
#define CAUSE_STORE_PAGE_FAULT 15
#define IRQ_S_SOFTWARE 1
#define IRQ_S_TIMER 5
#define IRQ_S_EXTERNAL 9

/* Read, write, or set and clear bits of a CSR named by a literal. */
#define csr_read(csr) \
  ({ uint64 v_; __asm__ volatile("csrr %0, " #csr : "=r"(v_)); v_; })
#define csr_write(csr, v) \
  __asm__ volatile("csrw " #csr ", %0" : : "rK"((uint64)(v)) : "memory")
#define csr_set(csr, v) \
  __asm__ volatile("csrs " #csr ", %0" : : "rK"((uint64)(v)) : "memory")
#define csr_clear(csr, v) \
  __asm__ volatile("csrc " #csr ", %0" : : "rK"((uint64)(v)) : "memory")

/* The machine's clock: 10 MHz. */
static inline uint64
r_time(void)
{
  return csr_read(time);
}

/* Let interrupts in. */
static inline void
intr_on(void)
{
  csr_set(sstatus, SSTATUS_SIE);
}

/* Keep interrupts out; tells whether they were on. */
static inline int
intr_off(void)
{
  uint64 old;
  __asm__ volatile("csrrci %0, sstatus, 2" : "=r"(old) : : "memory");
  return (old & SSTATUS_SIE) != 0;
}

/* Are interrupts on? */
static inline int
intr_get(void)
{
  return (csr_read(sstatus) & SSTATUS_SIE) != 0;
}

#endif
