/*
 * Floating point (the extensions F and D) for user programs. The kernel
 * itself has no use for it, and is compiled without.
 *
 * sstatus.FS tells whose f0-f31 and fcsr this hart holds: nobody's when it is
 * Off, else the current process's. An instruction that needs them while FS is
 * Off is illegal, and that trap (fpu_trap) is the only place where they are
 * loaded. Who gives up the hart stores them, if they have changed, and turns
 * FS off. So the registers of a process never wait for it on a hart that it
 * has left, and who does not use them pays for one test a switch.
 *
 * Stored contexts lie in the trapframe page, where there is room: the first
 * use needs no memory, which could be lacking.
 *
 * A preemption turns FS off at any time when interrupts are on. Hence they
 * are off from looking at FS to the end of what depends on it.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "fpu.h"
#include "sigstate.h"

/* fpu_regs.S: store f0-f31 and fcsr, load them. FS must not be Off. */
void fpu_store(uint64 regs[FPREGS]);
void fpu_load(const uint64 regs[FPREGS]);

/* The instruction set that user programs may count on, as misa has it; start.c asks the machine. */
uint64 user_isa;

_Static_assert(SIGSTATE_OFFSET + sizeof(struct sigstate) <= FPSTATE_OFFSET, "the contexts do not overlap");
_Static_assert(FPSTATE_OFFSET + sizeof(struct fpstate) <= PGSIZE, "the context fits into the trapframe's page");

/* p's stored context; p has user memory. */
static struct fpstate *
fpstate(struct proc *p)
{
  return (struct fpstate *)((char *)p->trapframe + FPSTATE_OFFSET);
}

/*
 * The current process has tried an illegal instruction: was it one of
 * floating point that lacks nothing but its registers? Then they are there
 * now, and it can run again: 1. An instruction that is illegal for another
 * reason comes back with FS on, and then it is 0. Interrupts must be off.
 */
int
fpu_trap(struct proc *p)
{
  struct fpstate *s = fpstate(p);

  if (!fpu_present() || (csr_read(sstatus) & SSTATUS_FS))
    return 0;
  csr_set(sstatus, SSTATUS_FS);
  fpu_load(s->regs);
  csr_clear(sstatus, SSTATUS_FS & ~SSTATUS_FS_CLEAN);
  s->used = 1;
  return 1;
}

/* Make p's stored context what its registers are. p is the current process, and interrupts are off. */
static void
store_dirty(struct proc *p)
{
  if ((csr_read(sstatus) & SSTATUS_FS) != SSTATUS_FS)
    return;
  fpu_store(fpstate(p)->regs);
  csr_clear(sstatus, SSTATUS_FS & ~SSTATUS_FS_CLEAN);
}

/* Let the hart hold nobody's registers; those of p, the current process, are stored. Interrupts must be off. */
void
fpu_leave(struct proc *p)
{
  store_dirty(p);
  csr_clear(sstatus, SSTATUS_FS);
}

/* The current process's registers: FPREGS of them; null when it has not used floating point. */
const uint64 *
fpu_registers(struct proc *p)
{
  struct fpstate *s = fpstate(p);
  int on;

  if (!s->used)
    return 0;
  on = intr_off();
  store_dirty(p);
  if (on)
    intr_on();
  return s->regs;
}

/*
 * Give the current process FPREGS registers, from any source; null: let it be
 * as one that has not used floating point. What fcsr has no bits for is lost.
 */
void
fpu_set_registers(struct proc *p, const uint64 *regs)
{
  struct fpstate *s = fpstate(p);

  if (!fpu_present() || (!regs && !s->used))
    return;
  csr_clear(sstatus, SSTATUS_FS); /* what the hart holds is no longer p's */
  if (regs) {
    memmove(s->regs, regs, sizeof s->regs);
    s->regs[REG_FCSR] &= FCSR_MASK;
    s->used = 1;
  } else {
    memset(s, 0, sizeof *s);
  }
}

/* Give a process-to-be the context of its parent, the current process. */
void
fpu_fork(struct proc *parent, struct proc *child)
{
  if (fpu_registers(parent))
    *fpstate(child) = *fpstate(parent);
}
