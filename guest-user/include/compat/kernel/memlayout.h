/* Addresses that xv6 test programs probe: RAM of the `virt` machine and the top of user space. */
#ifndef PW_COMPAT_MEMLAYOUT_H
#define PW_COMPAT_MEMLAYOUT_H

#define KERNBASE 0x80000000L
#define PHYSTOP (KERNBASE + 128 * 1024 * 1024)
#define TRAMPOLINE (0x4000000000L - 4096)
#define TRAPFRAME (TRAMPOLINE - 4096)

#endif
