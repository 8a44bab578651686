/* Page arithmetic and the stack pointer, for xv6 test programs. */
#ifndef PW_COMPAT_RISCV_H
#define PW_COMPAT_RISCV_H

#include <sys/types.h>

#define PGSIZE 4096
#define PGSHIFT 12
#define PGROUNDUP(size) (((size) + PGSIZE - 1) & ~(PGSIZE - 1))
#define PGROUNDDOWN(addr) ((addr) & ~(PGSIZE - 1))
#define MAXVA (1L << 38)

static inline uint64 r_sp(void) { uint64 sp; __asm__ volatile("mv %0, sp" : "=r"(sp)); return sp; }

#endif
