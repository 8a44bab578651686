// The physical map: what lies where, and which wire of the PLIC it pulls. The same places as QEMU's `virt`
// machine, so that one kernel image boots on both. The kernel's memlayout.h says the same in C.
//
//   0x0000_1000   boot ROM: the first instructions that every hart runs
//   0x0010_0000   finisher: a word stored here powers the machine off or resets it
//   0x0010_1000   goldfish RTC: wall-clock time in nanoseconds                       irq 11
//   0x0200_0000   CLINT: software interrupts, mtimecmp, mtime (10 MHz)
//   0x0c00_0000   PLIC: device interrupts, contexts 2h (M mode of hart h) and 2h+1 (S mode)
//   0x1000_0000   UART 16550A: the console                                           irq 10
//   0x1000_1000   virtio-mmio slot 0 (the disk), then seven more, 0x1000 apart       irq 1..8
//   0x8000_0000   RAM

export const BOOT_ROM = 0x1000;
export const BOOT_ROM_SIZE = 0xf000;

export const FINISHER = 0x10_0000;
export const FINISHER_SIZE = 0x1000;

export const RTC = 0x10_1000;
export const RTC_SIZE = 0x1000;
export const RTC_IRQ = 11;

export const CLINT = 0x200_0000;
export const CLINT_SIZE = 0x1_0000;

export const PLIC = 0xc00_0000;
export const PLIC_SIZE = 0x60_0000;
/** Interrupt sources of the PLIC: numbers 1 to 127 (0 means "none"). */
export const PLIC_SOURCES = 127;

export const UART = 0x1000_0000;
export const UART_SIZE = 0x100;
export const UART_IRQ = 10;
/** The crystal that the UART divides its baud rate from, in Hz. */
export const UART_CLOCK = 3_686_400;

export const VIRTIO = 0x1000_1000;
/** From one virtio slot to the next; also the size of each. */
export const VIRTIO_STRIDE = 0x1000;
export const VIRTIO_SLOTS = 8;
/** The wire of slot 0; slot n pulls VIRTIO_IRQ + n. */
export const VIRTIO_IRQ = 1;

export const RAM = 0x8000_0000;

/** Ticks of mtime (and of the `time` CSR) a second. */
export const TIMEBASE = 10_000_000;
/** Nanoseconds in one tick of mtime. */
export const NS_PER_TICK = 100;

export const MAX_HARTS = 8;
