/*
 * Signals: sending them, and running handlers.
 *
 * A signal sent to a process is dropped, ends it, or stays pending in
 * p->sig_pending until the process is about to return to user mode
 * (signal_deliver). A fault's signal is never pending: its handler's frame is
 * made at once (signal_fault), and where that cannot be the process ends.
 *
 * The actions lie in the process's trapframe page, behind the registers: only
 * the process itself looks at them. What senders must know of them is in
 * p->sig_ignored, p->sig_caught and p->sig_blocked, guarded by p->lock.
 *
 * Lock order: stop_lock, then p->lock.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/signal.h"
#include "abi/syscall.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define STOPPING (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
/* Ignored by default. SIGPIPE too: xv6's programs expect write() to return. */
#define HARMLESS (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGPIPE))
#define EXISTING (SIGBIT(NSIG) - 1)

/* Guards the decision to sleep of a process that has been stopped. */
static struct spinlock stop_lock;

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

/* So much of it the kernel writes and reads; the room for floating point lies behind. */
#define FRAME_USED __builtin_offsetof(struct sigframe, context.uc_mcontext.fpregs)

_Static_assert(sizeof(siginfo_t) == 128, "siginfo has Linux's size");
_Static_assert(__builtin_offsetof(ucontext_t, uc_mcontext) == 176, "ucontext has riscv64 Linux's layout");
_Static_assert(sizeof(struct trapframe) <= SIGSTATE_OFFSET, "the signal state lies behind the registers");
_Static_assert(SIGSTATE_OFFSET + sizeof(struct sigstate) <= PGSIZE, "the signal state fits into the trapframe's page");

/* Called once, at boot. */
void
signal_init(void)
{
  initlock(&stop_lock, "stopped processes");
}

/* p's actions; p is the current process, or one that nobody else knows yet. */
static struct sigstate *
sigstate(struct proc *p)
{
  return (struct sigstate *)((char *)p->trapframe + SIGSTATE_OFFSET);
}

/* Give a process-to-be its parent's actions and mask. Nothing is pending for it. */
void
signal_fork(struct proc *parent, struct proc *child)
{
  *sigstate(child) = *sigstate(parent);
  child->sig_blocked = parent->sig_blocked;
  child->sig_ignored = parent->sig_ignored;
  child->sig_caught = parent->sig_caught;
}

/* A new program has no handlers and no alternate stack; what was ignored stays so. p is the current process. */
void
signal_exec(struct proc *p)
{
  struct sigstate *s = sigstate(p);

  for (int sig = 1; sig < NSIG; sig++) {
    int ignored = s->action[sig].sa_handler == SIG_IGN;
    memset(&s->action[sig], 0, sizeof s->action[sig]);
    if (ignored)
      s->action[sig].sa_handler = SIG_IGN;
  }
  memset(&s->altstack, 0, sizeof s->altstack);
  s->altstack.ss_flags = SS_DISABLE;
  acquire(&p->lock);
  p->sig_caught = 0;
  release(&p->lock);
}

/* ---- sending ---- */

/* Must p, whose action for the signal is the default one, end of it? */
static int
deadly(uint64 bit)
{
  return !(bit & (HARMLESS | STOPPING));
}

/* Let the signal take effect on p, whose lock is held. Must p be woken? */
static int
post(struct proc *p, int sig, const struct sigcause *cause)
{
  uint64 bit = SIGBIT(sig);
  int blocked = (p->sig_blocked & bit) != 0;

  if (sig == SIGCONT) {
    p->sig_pending &= ~STOPPING;
    p->stopped = 0;
  } else if (bit & STOPPING) {
    p->sig_pending &= ~SIGBIT(SIGCONT);
  }
  if (sig == SIGKILL || (!blocked && !((p->sig_caught | p->sig_ignored) & bit) && deadly(bit))) {
    p->killed = 1;
    p->killed_by = sig;
    return 1;
  }
  if (!blocked && ((p->sig_ignored & bit) || (!(p->sig_caught & bit) && (bit & HARMLESS))))
    return sig == SIGCONT;
  p->sig_pending |= bit;
  p->sig_cause[sig] = *cause;
  return !blocked;
}

/*
 * Send the signal to p, which is not a kernel thread; pid is its number, for
 * it may have gone meanwhile. 0; -ESRCH, or -EPERM for what would end init.
 */
static int
send(struct proc *p, int pid, int sig, const struct sigcause *cause)
{
  int error = 0, wake = 0;

  acquire(&stop_lock);
  acquire(&p->lock);
  if (p->pid != pid || p->state == UNUSED || p->kthread)
    error = -ESRCH;
  else if (sig != 0 && pid == 1 && !(p->sig_caught & SIGBIT(sig)) &&
           (sig == SIGKILL || sig == SIGSTOP || !(SIGBIT(sig) & HARMLESS)))
    error = -EPERM;
  else if (sig != 0)
    wake = post(p, sig, cause);
  release(&p->lock);
  release(&stop_lock);
  if (wake)
    unsleep(p);
  return error;
}

/* Send the signal (0: only see whether that would do) to process pid. 0; -EINVAL, -ESRCH or -EPERM. */
int
signal_send(int pid, int sig, int code, int sender)
{
  struct sigcause cause = { code, sender, 0 };

  if (pid <= 0 || sig < 0 || sig >= NSIG)
    return -EINVAL;
  for (struct proc *p = proc; p < &proc[NPROC]; p++)
    if (p->pid == pid)
      return send(p, pid, sig, &cause);
  return -ESRCH;
}

/* The child of p with number pid has ended; by is the signal that ended it, or 0. wait_lock is held, so p stays. */
void
signal_child_ended(struct proc *p, int pid, int status, int by)
{
  struct sigcause cause = { by ? CLD_KILLED : CLD_EXITED, pid, by ? by : status };

  send(p, p->pid, SIGCHLD, &cause);
}

/* The current process has written to a pipe that nobody reads. */
void
signal_broken_pipe(struct proc *p)
{
  signal_send(p->pid, SIGPIPE, SI_KERNEL, 0);
}

/* ---- delivering ---- */

/* Is sp in the alternate stack? */
static int
on_altstack(stack_t *alt, uint64 sp)
{
  return !(alt->ss_flags & SS_DISABLE) && sp > (uint64)alt->ss_sp && sp - (uint64)alt->ss_sp <= alt->ss_size;
}

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

/* Save the registers and the mask in a frame. */
static void
fill_frame(struct proc *p, struct sigframe *f)
{
  struct trapframe *tf = p->trapframe;
  ucontext_t *uc = &f->context;
  unsigned long *regs = uc->uc_mcontext.gregs;

  uc->uc_flags = 0;
  uc->uc_link = 0;
  uc->uc_stack = sigstate(p)->altstack;
  if (on_altstack(&uc->uc_stack, tf->sp))
    uc->uc_stack.ss_flags |= SS_ONSTACK;
  uc->uc_sigmask = p->sig_restore ? p->sig_saved : p->sig_blocked;
  memset(uc->uc_pad, 0, sizeof uc->uc_pad);
  regs[REG_PC] = tf->epc;
  memmove(&regs[REG_RA], &tf->ra, 31 * sizeof regs[0]);
}

/*
 * Make the current process run the handler of a signal when it returns to
 * user mode. 0, or -EFAULT when its stack has no room.
 */
static int
call_handler(struct proc *p, struct sigframe *f)
{
  int sig = f->info.si_signo;
  struct sigaction *action = &sigstate(p)->action[sig];
  struct trapframe *tf = p->trapframe;
  uint64 handler = (uint64)action->sa_handler, at = frame_address(p, action);
  uint64 blocked = p->sig_blocked | action->sa_mask;

  fill_frame(p, f);
  tf->sp = at; /* the stack may have to grow for the copy */
  if (at == 0 || copyout(p->map, at, f, FRAME_USED) < 0)
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

/* End the current process, and say that it is for this signal. */
static void
die_of(struct proc *p, int sig)
{
  acquire(&p->lock);
  p->killed = 1;
  p->killed_by = sig;
  release(&p->lock);
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

/* ---- system calls ---- */

/* Note for senders what the action for a signal is now. */
static void
note_action(struct proc *p, int sig, sighandler_t handler)
{
  uint64 bit = SIGBIT(sig);

  acquire(&p->lock);
  p->sig_ignored = handler == SIG_IGN ? p->sig_ignored | bit : p->sig_ignored & ~bit;
  p->sig_caught = handler != SIG_IGN && handler != SIG_DFL ? p->sig_caught | bit : p->sig_caught & ~bit;
  if ((p->sig_ignored & bit) || (handler == SIG_DFL && (bit & HARMLESS)))
    p->sig_pending &= ~bit;
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
    if (action.sa_flags & SA_NOCLDWAIT)
      return -EINVAL;
    action.sa_mask &= EXISTING & ~UNBLOCKABLE;
    *current = action;
    note_action(p, sig, action.sa_handler);
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

  if ((tf->sp & 15) || copyin(p->map, &f, tf->sp, FRAME_USED) < 0) {
    printf("pid %d %s: sigreturn without a frame at sp 0x%lx: killed\n", p->pid, p->name, tf->sp);
    die_of(p, SIGSEGV);
    return 0;
  }
  tf->epc = uc->uc_mcontext.gregs[REG_PC] & ~1UL;
  memmove(&tf->ra, &uc->uc_mcontext.gregs[REG_RA], 31 * sizeof tf->ra);
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
