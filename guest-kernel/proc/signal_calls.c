/* Signals: the system calls. Senders learn of a change through p->sig_ignored, p->sig_caught and p->sig_blocked. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "proc.h"
#include "sigstate.h"
#include "abi/errno.h"
#include "abi/signal.h"


/* Note for senders what the action for a signal is now. */
static void
note_action(struct proc *p, int sig, const struct sigaction *action)
{
  sighandler_t handler = action->sa_handler;
  uint64 bit = SIGBIT(sig);

  acquire(&p->lock);
  p->sig_ignored = handler == SIG_IGN ? p->sig_ignored | bit : p->sig_ignored & ~bit;
  p->sig_caught = handler != SIG_IGN && handler != SIG_DFL ? p->sig_caught | bit : p->sig_caught & ~bit;
  if ((p->sig_ignored & bit) || (handler == SIG_DFL && (bit & HARMLESS)))
    p->sig_pending &= ~bit;
  if (sig == SIGCHLD)
    p->discards_children = handler == SIG_IGN || (action->sa_flags & SA_NOCLDWAIT) != 0;
  release(&p->lock);
}

/* sigaction(sig, const struct sigaction *new, struct sigaction *old): either may be null. */
long
sys_sigaction(void)
{
  struct proc *p = myproc();
  int sig = (int)argraw(0);
  uint64 new_va = argraw(1), old_va = argraw(2);
  struct sigaction action, *current;

  if (sig <= 0 || sig >= NSIG || (new_va && (SIGBIT(sig) & UNBLOCKABLE)))
    return -EINVAL;
  current = &sigstate(p)->action[sig];
  if (new_va && copyin(p->map, &action, new_va, sizeof action) < 0)
    return -EFAULT;
  if (old_va && copyout(p->map, old_va, current, sizeof *current) < 0)
    return -EFAULT;
  if (new_va) {
    action.sa_mask &= EXISTING & ~UNBLOCKABLE;
    *current = action;
    note_action(p, sig, &action);
  }
  return 0;
}

/* Block exactly these signals. */
static void
set_blocked(struct proc *p, uint64 set)
{
  acquire(&p->lock);
  p->sig_blocked = set & EXISTING & ~UNBLOCKABLE;
  release(&p->lock);
}

/* sigprocmask(how, const sigset_t *set, sigset_t *old): either pointer may be null. */
long
sys_sigprocmask(void)
{
  struct proc *p = myproc();
  int how = (int)argraw(0);
  uint64 set_va = argraw(1), old_va = argraw(2), set = 0, old = p->sig_blocked;

  if (set_va && copyin(p->map, &set, set_va, sizeof set) < 0)
    return -EFAULT;
  if (set_va && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
    return -EINVAL;
  if (old_va && copyout(p->map, old_va, &old, sizeof old) < 0)
    return -EFAULT;
  if (set_va)
    set_blocked(p, how == SIG_BLOCK ? old | set : how == SIG_UNBLOCK ? old & ~set : set);
  return 0;
}

/* sigpending(sigset_t *): the signals that wait because they are blocked. */
long
sys_sigpending(void)
{
  struct proc *p = myproc();
  uint64 set = p->sig_pending & p->sig_blocked;

  return copyout(p->map, argraw(0), &set, sizeof set);
}

/* sigsuspend(const sigset_t *): block just these until a handler has run. Always -EINTR. */
long
sys_sigsuspend(void)
{
  struct proc *p = myproc();
  uint64 set;

  if (copyin(p->map, &set, argraw(0), sizeof set) < 0)
    return -EFAULT;
  p->sig_saved = p->sig_blocked;
  p->sig_restore = 1;
  set_blocked(p, set);
  acquire(&stop_lock);
  while (!interrupted(p))
    sleep_intr(&p->sig_pending, &stop_lock);
  release(&stop_lock);
  return -EINTR;
}

/* Is this an alternate stack that could be used? 0, -EINVAL or -ENOMEM. */
static int
check_altstack(stack_t *s)
{
  if (s->ss_flags & ~SS_DISABLE)
    return -EINVAL;
  if (!(s->ss_flags & SS_DISABLE) && s->ss_size < MINSIGSTKSZ)
    return -ENOMEM;
  if (!(s->ss_flags & SS_DISABLE) && ((uint64)s->ss_sp >= USERTOP || s->ss_size > USERTOP - (uint64)s->ss_sp))
    return -EINVAL;
  return 0;
}

/* sigaltstack(const stack_t *new, stack_t *old): either may be null. -EPERM while it is in use. */
long
sys_sigaltstack(void)
{
  struct proc *p = myproc();
  stack_t *current = &sigstate(p)->altstack, new, old = *current;
  uint64 new_va = argraw(0), old_va = argraw(1);
  int in_use = on_altstack(current, p->trapframe->sp), error;

  if (old.ss_size == 0)
    old.ss_flags |= SS_DISABLE;
  if (in_use)
    old.ss_flags |= SS_ONSTACK;
  if (new_va) {
    if (copyin(p->map, &new, new_va, sizeof new) < 0)
      return -EFAULT;
    if (in_use)
      return -EPERM;
    if ((error = check_altstack(&new)) < 0)
      return error;
  }
  if (old_va && copyout(p->map, old_va, &old, sizeof old) < 0)
    return -EFAULT;
  if (new_va) {
    *current = new;
    current->ss_pad = 0;
    if (new.ss_flags & SS_DISABLE)
      current->ss_size = 0;
  }
  return 0;
}

/* Take the frame of a handler at user address va. 0 or -EFAULT. */
static int
take_frame(struct proc *p, struct sigframe *f, uint64 va)
{
  if ((va & 15) || copyin(p->map, f, va, FRAME_USED) < 0)
    return -EFAULT;
  if (!(f->context.uc_flags & UC_FP))
    return 0;
  return copyin(p->map, &f->context.uc_mcontext.fpregs, va + FRAME_USED, FRAME_USED_FP - FRAME_USED);
}

/*
 * sigreturn(): a handler has returned; take everything from the frame at sp.
 * Whatever the program has put there, it gets no more than its own registers:
 * odd or distant pcs fault in user mode, and the mask is sanitised. A frame
 * that cannot be read ends the process. syscall() leaves the registers alone.
 */
long
sys_sigreturn(void)
{
  struct proc *p = myproc();
  struct trapframe *tf = p->trapframe;
  stack_t *alt = &sigstate(p)->altstack;
  struct sigframe f;
  ucontext_t *uc = &f.context;

  if (take_frame(p, &f, tf->sp) < 0) {
    printf("pid %d %s: sigreturn without a frame at sp 0x%lx: killed\n", p->pid, p->name, tf->sp);
    die_of(p, SIGSEGV);
    return 0;
  }
  tf->epc = uc->uc_mcontext.gregs[REG_PC] & ~1UL;
  memmove(&tf->ra, &uc->uc_mcontext.gregs[REG_RA], 31 * sizeof tf->ra);
  fpu_set_registers(p, uc->uc_flags & UC_FP ? uc->uc_mcontext.fpregs : 0);
  uc->uc_stack.ss_flags &= ~SS_ONSTACK;
  if (check_altstack(&uc->uc_stack) == 0)
    *alt = uc->uc_stack;
  set_blocked(p, uc->uc_sigmask);
  return 0;
}

/* sigkill(pid, sig): send a signal (0: none, only look) to a process. */
long
sys_sigkill(void)
{
  return signal_send((int)argraw(0), (int)argraw(1), SI_USER, myproc()->pid);
}
