/*
 * The signal state of a process, and what lies on its stack while a handler
 * runs. Between proc/signal.c (sending), proc/signal_deliver.c (running
 * handlers) and proc/signal_calls.c (system calls).
 */
#ifndef SIGSTATE_H
#define SIGSTATE_H

#include "defs.h"
#include "fpu.h"
#include "proc.h"
#include "riscv.h"
#include "abi/signal.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define STOPPING (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
/* Ignored by default. SIGPIPE too: xv6's programs expect write() to return. */
#define HARMLESS (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGPIPE))
#define EXISTING (SIGBIT(NSIG) - 1)

/* The part of a process's signal state that only it uses. */
struct sigstate {
  struct sigaction action[NSIG];
  stack_t altstack;
};

/* What lies on the user's stack when a handler starts. */
struct sigframe {
  siginfo_t info;
  ucontext_t context;
};

/* So much of it the kernel writes and reads; behind lies floating point, where UC_FP is set. */
#define FRAME_USED __builtin_offsetof(struct sigframe, context.uc_mcontext.fpregs)
#define FRAME_USED_FP (FRAME_USED + FPREGS * sizeof(uint64))

_Static_assert(sizeof(siginfo_t) == 128, "siginfo has Linux's size");
_Static_assert(__builtin_offsetof(ucontext_t, uc_mcontext) == 176, "ucontext has riscv64 Linux's layout");
_Static_assert(sizeof(struct trapframe) <= SIGSTATE_OFFSET, "the signal state lies behind the registers");
_Static_assert(SIGSTATE_OFFSET + sizeof(struct sigstate) <= PGSIZE, "the signal state fits into the trapframe's page");

/* Guards the decision to sleep of a process that has been stopped. */
extern struct spinlock stop_lock;

/* p's actions; p is the current process, or one that nobody else knows yet. */
static inline struct sigstate *
sigstate(struct proc *p)
{
  return (struct sigstate *)((char *)p->trapframe + SIGSTATE_OFFSET);
}

/* Must a process whose action for the signal is the default one end of it? */
static inline int
deadly(uint64 bit)
{
  return !(bit & (HARMLESS | STOPPING));
}

/* Is sp in the alternate stack? */
static inline int
on_altstack(stack_t *alt, uint64 sp)
{
  return !(alt->ss_flags & SS_DISABLE) && sp > (uint64)alt->ss_sp && sp - (uint64)alt->ss_sp <= alt->ss_size;
}

/* signal.c */
void die_of(struct proc *, int sig);

#endif
