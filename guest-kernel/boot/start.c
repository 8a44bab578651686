/* Machine mode: give everything to supervisor mode, then enter main() there. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"

void main(const void *fdt);
void machinevec(void);
void start(uint hart, const void *fdt);

/* Hart 0 sets this when the kernel is ready for the others. */
volatile uint harts_may_start;

/* What machinevec needs, one row a hart: space for t1, address of the hart's MSIP. */
static uint64 machine_scratch[NCPU][2];

/* What user programs may use of this hart's instruction set, as bits of misa. Floating point counts if it is whole: F and D. */
static uint64
read_isa(void)
{
  uint64 floating = MISA('F') | MISA('D'), misa = csr_read(misa);
  uint64 isa = misa & (MISA('I') | MISA('M') | MISA('A') | MISA('C'));

  return (misa & floating) == floating ? isa | floating : isa;
}

/*
 * Called by entry.S on each hart's boot stack. Delegates exceptions and
 * interrupts, opens physical memory and counters, switches the supervisor
 * timer (Sstc) on. Harts other than 0 wait here for an interprocessor
 * interrupt.
 */
void
start(uint hart, const void *fdt)
{
  struct cpu *c = &cpus[hart];

  csr_write(mtvec, (uint64)machinevec);
  machine_scratch[hart][1] = CLINT_MSIP(hart);
  csr_write(mscratch, (uint64)machine_scratch[hart]);

  csr_write(pmpaddr0, 0x3fffffffffffffUL); /* all of memory ... */
  csr_write(pmpcfg0, 0xf);                 /* ... readable, writable, executable */
  csr_write(medeleg, 0xb7ff);              /* all but calls from machine mode */
  csr_write(mideleg, IP_SSI | IP_STI | IP_SEI);
  csr_write(mcounteren, 7);                /* cycle, time, instret: for S mode ... */
  csr_write(scounteren, 7);                /* ... and for U mode */
  csr_set(0x30a, 1UL << 63);               /* menvcfg.STCE */
  csr_write(0x14d, ~0UL);                  /* stimecmp: no timer yet */
  csr_write(satp, 0);

  *(volatile uint32 *)CLINT_MSIP(hart) = 0;
  csr_write(mie, IP_MSI);
  while (hart != 0 && !harts_may_start)
    __asm__ volatile("wfi");
  __sync_synchronize();
  *(volatile uint32 *)CLINT_MSIP(hart) = 0;

  if (hart == 0) /* all harts are alike */
    user_isa = read_isa();
  c->hartid = hart;
  __asm__ volatile("mv tp, %0" : : "r"(c));
  csr_write(mepc, (uint64)main);
  csr_write(mstatus, (csr_read(mstatus) & ~(MSTATUS_MPP_MASK | SSTATUS_FS)) | MSTATUS_MPP_S); /* FS: fpu.c */
  register const void *a0 __asm__("a0") = fdt;
  __asm__ volatile("mret" : : "r"(a0) : "memory");
  __builtin_unreachable();
}
