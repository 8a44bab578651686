/*
 * Signals: running handlers. signal_fault and signal_deliver write a frame
 * with the registers onto the user's stack and let the process go on in its
 * handler; sigreturn (signal_calls.c) takes the frame back.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "proc.h"
#include "sigstate.h"
#include "abi/errno.h"
#include "abi/signal.h"
#include "abi/syscall.h"


/* Where the frame of a handler goes; 0 when the alternate stack is too full for it. */
static uint64
frame_address(struct proc *p, struct sigaction *action)
{
  stack_t *alt = &sigstate(p)->altstack;
  uint64 sp = p->trapframe->sp, frame;
  int on_alt = on_altstack(alt, sp);

  if (!on_alt && (action->sa_flags & SA_ONSTACK) && alt->ss_size > 0 && !(alt->ss_flags & SS_DISABLE)) {
    sp = (uint64)alt->ss_sp + alt->ss_size;
    on_alt = 1;
  }
  frame = (sp - sizeof(struct sigframe)) & ~15UL;
  return on_alt && !on_altstack(alt, frame) ? 0 : frame;
}

/* Save the registers and the mask in a frame. How many bytes of it are used. */
static uint64
fill_frame(struct proc *p, struct sigframe *f)
{
  struct trapframe *tf = p->trapframe;
  ucontext_t *uc = &f->context;
  unsigned long *regs = uc->uc_mcontext.gregs;
  const uint64 *fpregs = fpu_registers(p);

  uc->uc_flags = fpregs ? UC_FP : 0;
  uc->uc_link = 0;
  uc->uc_stack = sigstate(p)->altstack;
  if (on_altstack(&uc->uc_stack, tf->sp))
    uc->uc_stack.ss_flags |= SS_ONSTACK;
  uc->uc_sigmask = p->sig_restore ? p->sig_saved : p->sig_blocked;
  memset(uc->uc_pad, 0, sizeof uc->uc_pad);
  regs[REG_PC] = tf->epc;
  memmove(&regs[REG_RA], &tf->ra, 31 * sizeof regs[0]);
  if (!fpregs)
    return FRAME_USED;
  memmove(uc->uc_mcontext.fpregs, fpregs, FPREGS * sizeof fpregs[0]);
  return FRAME_USED_FP;
}

/*
 * Make the current process run the handler of a signal when it returns to
 * user mode; the handler finds the floating-point registers as they are. 0,
 * or -EFAULT when its stack has no room.
 */
static int
call_handler(struct proc *p, struct sigframe *f)
{
  int sig = f->info.si_signo;
  struct sigaction *action = &sigstate(p)->action[sig];
  struct trapframe *tf = p->trapframe;
  uint64 handler = (uint64)action->sa_handler, at = frame_address(p, action);
  uint64 blocked = p->sig_blocked | action->sa_mask, size = fill_frame(p, f);

  tf->sp = at; /* the stack may have to grow for the copy */
  if (at == 0 || copyout(p->map, at, f, size) < 0)
    return -EFAULT;
  tf->a0 = sig;
  tf->a1 = at + __builtin_offsetof(struct sigframe, info);
  tf->a2 = at + __builtin_offsetof(struct sigframe, context);
  tf->ra = action->sa_flags & SA_RESTORER ? (uint64)action->sa_restorer : vdso_sigreturn();
  tf->epc = handler;
  p->sig_restore = 0;
  if (!(action->sa_flags & SA_NODEFER))
    blocked |= SIGBIT(sig);
  acquire(&p->lock);
  p->sig_blocked = blocked & ~UNBLOCKABLE;
  if (action->sa_flags & SA_RESETHAND) {
    action->sa_handler = SIG_DFL;
    p->sig_caught &= ~SIGBIT(sig);
  }
  release(&p->lock);
  return 0;
}

/*
 * The current process has done what has this signal: run its handler. 1, or 0
 * when it must end, because there is no handler, the signal is blocked (as
 * in that very handler), or the handler's frame cannot be written.
 */
int
signal_fault(struct proc *p, int sig, int code, uint64 addr)
{
  struct sigframe f;

  if ((p->sig_blocked & SIGBIT(sig)) || !(p->sig_caught & SIGBIT(sig))) {
    die_of(p, sig);
    return 0;
  }
  memset(&f.info, 0, sizeof f.info);
  f.info.si_signo = sig;
  f.info.si_code = code;
  f.info.si_addr = (void *)addr;
  if (call_handler(p, &f) == 0)
    return 1;
  die_of(p, sig);
  return 0;
}

/* The current process has been stopped: wait until SIGCONT or the end. */
static void
wait_stopped(struct proc *p)
{
  acquire(&stop_lock);
  while (p->stopped && !killed(p))
    sleep(&p->stopped, &stop_lock);
  release(&stop_lock);
}

/* Take the first signal that is pending and not blocked: its number, and its siginfo; 0 when there is none. */
static int
take_pending(struct proc *p, siginfo_t *info)
{
  struct sigcause cause;
  uint64 set;
  int sig = 0;

  acquire(&p->lock);
  set = p->sig_pending & ~p->sig_blocked;
  if (set && !p->killed) {
    sig = lowest_bit(set) + 1;
    p->sig_pending &= ~SIGBIT(sig);
    cause = p->sig_cause[sig];
    if ((SIGBIT(sig) & STOPPING) && !((p->sig_caught | p->sig_ignored) & SIGBIT(sig)))
      p->stopped = 1; /* already here, so that SIGCONT is not missed */
  }
  release(&p->lock);
  if (sig) {
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = cause.code;
    info->si_pid = cause.pid;
    info->si_status = cause.status;
  }
  return sig;
}

/* May a system call that a handler has interrupted begin again under SA_RESTART? Not one whose time has partly passed. */
static int
restartable(struct proc *p)
{
  uint64 number = p->trapframe->a7;

  return number != SYS_sleep && number != SYS_nanosleep && number != SYS_sigsuspend && number != SYS_futex;
}

/* Make the interrupted system call begin again. */
static void
restart_call(struct proc *p)
{
  p->trapframe->epc -= 4;
  p->trapframe->a0 = p->call_a0;
  p->trapframe->a1 = p->call_a1;
}

/* Do what the signal's action says, the handler excepted. */
static void
default_action(struct proc *p, int sig)
{
  if (sigstate(p)->action[sig].sa_handler == SIG_IGN)
    return;
  if (SIGBIT(sig) & STOPPING)
    wait_stopped(p);
  else if (deadly(SIGBIT(sig)))
    die_of(p, sig);
}

/*
 * Before the current process returns to user mode: act on its pending
 * signals. A system call that was interrupted returns EINTR to a handler, or
 * begins again.
 */
void
signal_deliver(struct proc *p)
{
  int sig, handled = 0;
  struct sigframe f;

  while ((sig = take_pending(p, &f.info)) != 0) {
    if (!(p->sig_caught & SIGBIT(sig))) {
      default_action(p, sig);
      continue;
    }
    if (p->call_interrupted && !handled && (sigstate(p)->action[sig].sa_flags & SA_RESTART) && restartable(p))
      restart_call(p);
    handled = 1;
    if (call_handler(p, &f) < 0) {
      printf("pid %d %s: no room on its stack for the handler of signal %d: killed\n", p->pid, p->name, sig);
      die_of(p, SIGSEGV);
    }
  }
  if (p->call_interrupted && !handled) {
    restart_call(p);
    if (p->sig_restore) {
      p->sig_restore = 0;
      p->sig_blocked = p->sig_saved;
    }
  }
  p->call_interrupted = 0;
}
