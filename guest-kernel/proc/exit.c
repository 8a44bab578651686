/* How processes end: exit, kill, and the parent that waits. Lock order: wait_lock, then p->lock. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "proc_table.h"
#include "fs.h"
#include "abi/errno.h"
#include "abi/signal.h"

/* Hand p's children over to init, which waits for orphans. wait_lock must be held. */
static void
give_children_to_init(struct proc *p)
{
  struct proc *child;

  if (p->children == 0)
    return;
  while ((child = p->children) != 0) {
    unlink_child(child);
    link_child(init_process, child);
  }
  wakeup(init_process);
}

/* Give the current process's user memory back; from here on it lives in the kernel only. */
static void
drop_memory(struct proc *p)
{
  struct vm_map *map = p->map;

  acquire(&p->lock); /* proc_info looks at p->map */
  p->map = 0;
  pmap_deactivate();
  release(&p->lock);
  leave_map(p, map);
}

/*
 * Tell the parent of p, which is about to be a zombie. A parent that ignores
 * SIGCHLD, or has set SA_NOCLDWAIT, does not want to wait for it: then init
 * does. wait_lock must be held.
 */
static void
tell_parent(struct proc *p, int status)
{
  struct proc *parent = p->parent;
  int unwanted;

  signal_child_ended(parent, p->pid, status, p->killed_by);
  acquire(&parent->lock);
  unwanted = parent->discards_children;
  release(&parent->lock);
  if (unwanted && parent != init_process) {
    unlink_child(p);
    link_child(init_process, p);
    wakeup(init_process);
  }
  wakeup(parent);
}

/* End the current process. It stays as a zombie with its status until the parent waits for it. */
void
exit(int status)
{
  struct proc *p = myproc();

  if (p == init_process)
    panic("init has ended with status %d; the first process must stay", status);

  for (int fd = 0; fd < NOFILE; fd++) {
    if (p->ofile[fd]) {
      struct file *f = p->ofile[fd];
      p->ofile[fd] = 0;
      fileclose(f);
    }
  }
  begin_op();
  iput(p->cwd);
  end_op();
  p->cwd = 0;
  drop_memory(p);

  acquire(&wait_lock);
  give_children_to_init(p);
  tell_parent(p, status);
  acquire(&p->lock);
  p->xstate = status;
  p->state = ZOMBIE;
  release(&wait_lock);
  sched();
  panic("zombie pid %d runs", p->pid);
}

/* A child of p that is a zombie, or null. wait_lock must be held. */
static struct proc *
find_zombie(struct proc *p)
{
  for (struct proc *child = p->children; child; child = child->sibling_next) {
    int is_zombie;
    acquire(&child->lock); /* which it holds until it has left its stack */
    is_zombie = child->state == ZOMBIE;
    release(&child->lock);
    if (is_zombie)
      return child;
  }
  return 0;
}

/*
 * Wait for a child to end, and bury it. Its status goes to the int at
 * status_va unless that is 0. The child's number; -ECHILD without children,
 * -EINTR when killed or signalled, -EFAULT for a bad address (the child can be waited for
 * again).
 */
int
wait(uint64 status_va)
{
  struct proc *p = myproc(), *child;
  int pid;

  acquire(&wait_lock);
  while ((child = find_zombie(p)) == 0) {
    int error = p->children == 0 ? -ECHILD : interrupted(p) ? -EINTR : 0;
    if (error) {
      release(&wait_lock);
      return error;
    }
    sleep_intr(p, &wait_lock);
  }
  release(&wait_lock);

  /* Only we can bury it, so it stays while we copy. */
  if (status_va != 0 && copyout(p->map, status_va, &child->xstate, sizeof child->xstate) < 0)
    return -EFAULT;
  pid = child->pid;
  acquire(&wait_lock);
  unlink_child(child);
  release(&wait_lock);
  free_proc(child);
  return pid;
}

/*
 * Ask process pid to die (xv6's kill); it does when it next returns to user
 * mode. 0; -ESRCH when there is none, -EINVAL for pid <= 0, -EPERM for init.
 */
int
kill(int pid)
{
  return signal_send(pid, SIGKILL, SI_USER, myproc()->pid);
}

/* Send SIGINT to the processes with numbers from `since` on, init excepted. Callable from interrupts. */
void
interrupt_born_since(int since)
{
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    int pid = p->pid;
    if (pid > 1 && pid >= since)
      signal_send(pid, SIGINT, SI_KERNEL, 0);
  }
}

/* Let the process die at its next return to user mode. */
void
setkilled(struct proc *p)
{
  acquire(&p->lock);
  p->killed = 1;
  release(&p->lock);
}

/* Must the process die? */
int
killed(struct proc *p)
{
  return *(volatile int *)&p->killed;
}
