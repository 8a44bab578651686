/*
 * The memory map: QEMU's virt machine, and where the kernel puts things.
 *
 * Physical                         | Kernel virtual
 *   0x00001000 boot ROM            |   devices and RAM at their own addresses
 *   0x00100000 finisher            |   (text R-X, rodata R--, the rest RW-)
 *   0x00101000 real-time clock     |
 *   0x02000000 CLINT               | top of the address space, downwards:
 *   0x0c000000 PLIC                |   TRAMPOLINE   trap entry, one page R-X
 *   0x10000000 UART                |   KSTACK(i)    kernel stacks, each above
 *   0x10001000 virtio slots 0..7   |                a guard of equal size
 *   0x80000000 RAM, kernel first   |
 *
 * User virtual: page 0 unmapped, program from 0x10000, heap after it, stack
 * ending at USERTOP above an unmapped guard, then the vDSO, TRAPFRAME and
 * TRAMPOLINE (these two without U permission).
 */
#ifndef MEMLAYOUT_H
#define MEMLAYOUT_H

#include "abi/param.h"

#define FINISHER 0x100000UL
#define RTC0 0x101000UL
#define RTC0_IRQ 11

#define CLINT 0x2000000UL
#define CLINT_SIZE 0x10000UL
#define CLINT_MSIP(hart) (CLINT + 4UL * (hart))
#define CLINT_MTIMECMP(hart) (CLINT + 0x4000 + 8UL * (hart))
#define CLINT_MTIME (CLINT + 0xbff8)

#define PLIC 0xc000000UL
#define PLIC_SIZE 0x600000UL
#define PLIC_PRIORITY(irq) (PLIC + 4UL * (irq))
#define PLIC_PENDING (PLIC + 0x1000)
#define PLIC_SENABLE(hart) (PLIC + 0x2080 + 0x100UL * (hart))
#define PLIC_SPRIORITY(hart) (PLIC + 0x201000 + 0x2000UL * (hart))
#define PLIC_SCLAIM(hart) (PLIC + 0x201004 + 0x2000UL * (hart))

#define UART0 0x10000000UL
#define UART0_IRQ 10

#define NVIRTIO 8
#define VIRTIO(n) (0x10001000UL + 0x1000UL * (n))
#define VIRTIO_IRQ(n) (1 + (n))

#define KERNBASE 0x80000000UL

/* One past the highest address that Sv39 can hold with bit 38 clear. */
#define MAXVA (1UL << 38)
#define TRAMPOLINE (MAXVA - 0x1000)
#define TRAPFRAME (TRAMPOLINE - 0x1000)

/* An address space may have so many clones; the trapframe of number n is n pages below TRAPFRAME. */
#define NCLONE 10

/*
 * Between USERTOP and TRAPFRAME, the vDSO: pages that every program may read
 * (and execute the first of), but neither unmap nor give to a system call.
 */
#define VDSO_CODE 0x3fffff0000UL
#define VDSO_TIME (VDSO_CODE + 0x1000)
#define VDSO_PROCESS (VDSO_CODE + 0x2000)

/*
 * Kernel stacks: slot i < NPROC is the stack of process-table slot i; slot
 * NPROC + h is the scheduler's stack of hart h. In a slot the lower half is
 * the guard: bit 13 of an address tells stack from guard.
 */
#define KSTACK_BASE (MAXVA - (64UL << 20))
#define KSTACK_SLOT 0x4000UL
#define KSTACK(i) (KSTACK_BASE + KSTACK_SLOT * (uint64)(i) + KSTACK_SLOT / 2)

#endif
