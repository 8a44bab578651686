/*
 * Signals: what a process keeps of them, and sending.
 *
 * A signal sent to a process is dropped, ends it, or stays pending in
 * p->sig_pending until the process is about to return to user mode
 * (signal_deliver.c). A fault's signal is never pending: its handler's frame
 * is made at once, and where that cannot be the process ends.
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
#include "proc.h"
#include "sigstate.h"
#include "abi/errno.h"
#include "abi/signal.h"

struct spinlock stop_lock;

/* Called once, at boot. */
void
signal_init(void)
{
  initlock(&stop_lock, "stopped processes");
}

/* Give a process-to-be its parent's actions and mask. Nothing is pending for it. */
void
signal_fork(struct proc *parent, struct proc *child)
{
  *sigstate(child) = *sigstate(parent);
  child->sig_blocked = parent->sig_blocked;
  child->sig_ignored = parent->sig_ignored;
  child->sig_caught = parent->sig_caught;
  child->discards_children = parent->discards_children;
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
  p->discards_children = (p->sig_ignored & SIGBIT(SIGCHLD)) != 0;
  release(&p->lock);
}

/* ---- sending ---- */

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

/* End the current process, and say that it is for this signal. */
void
die_of(struct proc *p, int sig)
{
  acquire(&p->lock);
  p->killed = 1;
  p->killed_by = sig;
  release(&p->lock);
}
