// The platform-level interrupt controller: which device interrupts which hart (in S mode). The console
// interrupts every hart, and the one that claims it first serves it, so that ^P works while any hart
// is alive. Disks interrupt hart 0 only: with more, each transfer would disturb them all.
// "RISC-V Platform-Level Interrupt Controller Specification", 1.0.

#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "defs.h"

static volatile uint32 *
reg(uint64 address)
{
  return (volatile uint32 *)address;
}

// Let the devices we drive interrupt: any priority but 0, which means never. Once, on the first hart.
void
plicinit(void)
{
  *reg(PLIC_PRIORITY(UART0_IRQ)) = 1;
  for (int slot = 0; slot < NVIRTIO; slot++)
    *reg(PLIC_PRIORITY(VIRTIO_IRQ(slot))) = 1;
}

// Route them to this hart's S mode.
void
plicinithart(void)
{
  int hart = cpuid();
  uint32 enabled = 1 << UART0_IRQ;
  for (int slot = 0; hart == 0 && slot < NVIRTIO; slot++)
    enabled |= 1 << VIRTIO_IRQ(slot);
  *reg(PLIC_SENABLE(hart)) = enabled;
  *reg(PLIC_SPRIORITY(hart)) = 0;
}

// Which device interrupts? Its number, or 0 if another hart was faster. The device stays quiet until
// plic_complete.
int
plic_claim(void)
{
  return *reg(PLIC_SCLAIM(cpuid()));
}

// That interrupt has been served.
void
plic_complete(int irq)
{
  *reg(PLIC_SCLAIM(cpuid())) = irq;
}
