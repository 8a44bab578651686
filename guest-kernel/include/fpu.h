/* Floating-point contexts of user programs: proc/fpu.c. */
#ifndef FPU_H
#define FPU_H

#include "proc.h"
#include "riscv.h"
#include "abi/signal.h"

/* Elements of struct fpstate: f0 to f31, fcsr. */
#define FPREGS (REG_FCSR + 1)

/* A process's floating-point context as it was last stored. */
struct fpstate {
  uint64 regs[FPREGS];
  int used; /* the program has used floating point; while it has not, all registers are zero */
};

/* Where it lies in the process's trapframe page, behind struct sigstate. */
#define FPSTATE_OFFSET 2048

/* May user programs use floating point here? */
static inline int
fpu_present(void)
{
  return (user_isa & MISA('D')) != 0;
}

/*
 * The current process is about to give up its hart: keep its context. Whoever
 * has not used floating point since it got the hart pays for this test only.
 * Interrupts must be off.
 */
static inline void
fpu_switch(struct proc *p)
{
  if (csr_read(sstatus) & SSTATUS_FS)
    fpu_leave(p);
}

#endif
