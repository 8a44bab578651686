/*
 * Processes: the table, birth, death, and kernel threads.
 *
 * Lock order: wait_lock, then p->lock. table_lock is innermost.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vdso.h"
#include "abi/errno.h"

struct cpu cpus[NCPU];
struct proc proc[NPROC];

static struct proc *init_process;

/* Guards who is whose child, and is what a parent in wait() sleeps with. */
static struct spinlock wait_lock;

/* Guards the list of free slots (linked by run_next) and the next process number. */
static struct spinlock table_lock;
static struct proc *free_slots;
static int next_pid = 1;
static int slots_used;

void usertrap(void);

/* Make the process table. The kernel stacks are mapped already (pmap_bootstrap). */
void
proc_init(void)
{
  sched_init();
  initlock(&wait_lock, "wait");
  initlock(&table_lock, "process table");
  for (int i = NPROC - 1; i >= 0; i--) {
    struct proc *p = &proc[i];
    initlock(&p->lock, "process");
    initsleeplock(&p->inspected, "inspection of a process");
    p->kstack = KSTACK(i);
    p->run_next = free_slots;
    free_slots = p;
  }
}

/* Processes that exist, kernel threads and zombies included. */
int
proc_count(void)
{
  return slots_used;
}

/* A new process's first steps on its own kernel stack: leave the scheduler, then go where it belongs. */
static void
first_run(void)
{
  struct proc *p = myproc();

  release(&p->lock);
  if (p->kthread) {
    p->kthread();
    panic("kernel thread %s has returned", p->name);
  }
  usertrapret();
}

/* Give a slot and what hangs on it back. No one else may know p any more; its state is set last. */
static void
free_proc(struct proc *p)
{
  if (p->map)
    vm_map_destroy(p->map);
  if (p->trapframe && p->trapframe->process_page)
    kpage_free(p->trapframe->process_page);
  if (p->trapframe)
    kpage_free(p->trapframe);
  acquire(&p->lock);
  p->map = 0;
  p->trapframe = 0;
  p->pid = 0;
  p->name[0] = 0;
  p->killed = p->killed_by = p->stopped = 0;
  p->sig_pending = p->sig_blocked = p->sig_ignored = p->sig_caught = 0;
  p->sig_restore = p->call_interrupted = 0;
  p->xstate = 0;
  p->kthread = 0;
  p->state = UNUSED;
  release(&p->lock);
  acquire(&table_lock);
  p->run_next = free_slots;
  free_slots = p;
  slots_used--;
  release(&table_lock);
}

/*
 * A slot with a process number, ready to start in first_run; with_trapframe
 * for one that will have user memory. Null, and *error set to -EAGAIN or
 * -ENOMEM, when there is none.
 */
static struct proc *
new_proc(int with_trapframe, int *error)
{
  struct proc *p;

  acquire(&table_lock);
  p = free_slots;
  if (p) {
    free_slots = p->run_next;
    slots_used++;
    p->pid = next_pid++;
    if (next_pid <= 0)
      next_pid = 2; /* after 2^31 of them; numbers may repeat then */
  }
  release(&table_lock);
  if (p == 0) {
    *error = -EAGAIN;
    return 0;
  }

  acquire(&p->lock);
  p->run_next = 0;
  p->state = USED;
  p->run_time = 0;
  p->clone_slot = 0;
  memset(&p->faults, 0, sizeof p->faults);
  p->parent = p->children = p->sibling_next = p->sibling_prev = 0;
  p->waits_for = 0;
  p->context.ra = (uint64)first_run;
  p->context.sp = p->kstack + KSTACKSIZE;
  p->context.s[0] = 0; /* frame pointer: backtraces end here */
  release(&p->lock);
  if (!with_trapframe)
    return p;
  p->trapframe = kpage_alloc();
  if (p->trapframe)
    p->trapframe->process_page = kpage_alloc();
  if (p->trapframe == 0 || p->trapframe->process_page == 0) {
    free_proc(p);
    *error = -ENOMEM;
    return 0;
  }
  p->trapframe->process_page->pid = p->pid;
  p->trapframe->kernel_satp = pmap_kernel_satp();
  p->trapframe->kernel_sp = p->kstack + KSTACKSIZE;
  p->trapframe->kernel_trap = (uint64)usertrap;
  return p;
}

/* Make child a child of p. wait_lock must be held. */
static void
link_child(struct proc *p, struct proc *child)
{
  child->parent = p;
  child->sibling_prev = 0;
  child->sibling_next = p->children;
  if (p->children)
    p->children->sibling_prev = child;
  p->children = child;
}

/* Take child from its parent's list. wait_lock must be held. */
static void
unlink_child(struct proc *child)
{
  if (child->sibling_prev)
    child->sibling_prev->sibling_next = child->sibling_next;
  else
    child->parent->children = child->sibling_next;
  if (child->sibling_next)
    child->sibling_next->sibling_prev = child->sibling_prev;
}

/*
 * Start a kernel thread: a process without user memory that runs body, which
 * must not return. Its number, or -errno.
 */
int
kthread(const char *name, void (*body)(void))
{
  int error, pid;
  struct proc *p = new_proc(0, &error);

  if (p == 0)
    return error;
  p->kthread = body;
  safestrcpy(p->name, name, sizeof p->name);
  pid = p->pid;
  acquire(&p->lock);
  make_runnable(p);
  release(&p->lock);
  return pid;
}

/* The first process, before it is one: mount the root directory and become the program init. */
static void
become_init(void)
{
  struct proc *p = myproc();
  const char *path = bootarg("init"), *command = bootarg("run");
  const char *argv[] = { "init", command && *command ? command : 0, 0 };
  int error;

  if (path == 0 || *path == 0)
    path = "/init";
  fsinit(ROOTDEV);
  vm_pageout_start();
  begin_op();
  p->cwd = namei("/");
  end_op();
  error = exec_init(path, argv);
  if (error < 0) {
    printf("pagewalk: cannot start %s: %s\n", path,
           error == -ENOENT    ? "there is no such file"
           : error == -ENOEXEC ? "it is not a RISC-V program this kernel can run"
           : error == -ENOMEM  ? "there is not enough memory"
           : error == -E2BIG   ? "run= is too long"
                               : "it cannot be read");
    poweroff(127);
  }
  p->kthread = 0;
  usertrapret();
}

/* Make the process with number 1 ready to run. */
void
proc_start_init(void)
{
  int error;
  struct proc *p = new_proc(1, &error);

  if (p == 0)
    panic("there is no memory for the first process");
  init_process = p;
  p->kthread = become_init;
  safestrcpy(p->name, "init", sizeof p->name);
  acquire(&p->lock);
  make_runnable(p);
  release(&p->lock);
}

/* Give child an address space: a copy of p's, or, for a clone, p's own. 0, -ENOMEM or -EAGAIN. */
static int
give_map(struct proc *p, struct proc *child, int clone)
{
  if (clone)
    return clone_join(p->map, child);
  child->map = vm_map_fork(p->map, child->trapframe);
  return child->map ? 0 : -ENOMEM;
}

/*
 * Make a copy of the current process that shares its pages until one of the
 * two writes, and has the same open files; or, when stack is not 0, a clone
 * in the same address space with that stack pointer. The child returns 0 from
 * the system call. The child's number, or -EAGAIN or -ENOMEM.
 */
int
fork_with(uint64 stack)
{
  struct proc *p = myproc(), *child;
  struct vdso_process *page;
  int error, pid;

  child = new_proc(1, &error);
  if (child == 0)
    return error;
  error = give_map(p, child, stack != 0);
  if (error) {
    free_proc(child);
    return error;
  }

  page = child->trapframe->process_page;
  *child->trapframe = *p->trapframe;
  child->trapframe->process_page = page;
  signal_fork(p, child);
  child->trapframe->kernel_sp = child->kstack + KSTACKSIZE;
  child->trapframe->a0 = 0;
  if (stack)
    child->trapframe->sp = stack;
  for (int fd = 0; fd < NOFILE; fd++)
    if (p->ofile[fd])
      child->ofile[fd] = filedup(p->ofile[fd]);
  child->cwd = idup(p->cwd);
  memmove(child->name, p->name, sizeof child->name);
  pid = child->pid;

  acquire(&wait_lock);
  link_child(p, child);
  release(&wait_lock);

  acquire(&child->lock);
  make_runnable(child);
  release(&child->lock);
  return pid;
}

/* fork(): see fork_with. */
int
fork(void)
{
  return fork_with(0);
}

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
 * Process pid, to look at its address space: until inspect_end its p->map, if
 * not null when p->lock was held once after this, stays. Null when there is
 * no such process.
 */
struct proc *
inspect(int pid)
{
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    if (p->pid != pid)
      continue;
    acquiresleep(&p->inspected);
    if (p->pid == pid && p->state != UNUSED)
      return p;
    releasesleep(&p->inspected);
  }
  return 0;
}

/* Enough seen. */
void
inspect_end(struct proc *p)
{
  releasesleep(&p->inspected);
}

/* p->map is another now, and the old one is about to go: wait until nobody looks at it. */
void
wait_inspectors(struct proc *p)
{
  acquiresleep(&p->inspected);
  releasesleep(&p->inspected);
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
  wakeup(p->parent);
  signal_child_ended(p->parent, p->pid, status, p->killed_by);
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

/* The number of p's parent, or 0. */
int
parent_number(struct proc *p)
{
  int pid;

  acquire(&wait_lock);
  pid = p->parent ? p->parent->pid : 0;
  release(&wait_lock);
  return pid;
}

/* The number that the next process will have. */
int
next_process_number(void)
{
  return *(volatile int *)&next_pid;
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

/* Describe the process in a slot of the table for ps. 1, or 0 for an unused slot. */
int
proc_info(struct procinfo *info, int slot)
{
  struct proc *p = &proc[slot];
  int used;

  acquire(&wait_lock);
  acquire(&p->lock);
  used = p->state != UNUSED;
  if (used) {
    uint64 time = p->run_time;
    if (p->state == RUNNING)
      time += r_time() - p->started;
    memset(info, 0, sizeof *info);
    info->pid = p->pid;
    info->ppid = p->parent ? p->parent->pid : 0;
    info->state = p->state;
    info->hart = p->hart;
    info->size_bytes = p->map ? p->map->size : 0;
    info->resident_frames = p->map ? p->map->pmap.resident : 0;
    info->ticks = time / TICK_TIME;
    safestrcpy(info->name, p->name, sizeof info->name);
  }
  release(&p->lock);
  release(&wait_lock);
  return used;
}

/* List the processes on the console (^P). Takes no lock, so that it works on a stuck machine. */
void
procdump(void)
{
  static const char *const states[] = { "unused", "used", "sleeping", "runnable", "running", "zombie" };

  printf("\n  pid state    hart name\n");
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    if (p->state == UNUSED)
      continue;
    printf("%5d %-8s %4d %s", p->pid, states[p->state], p->hart, p->name);
    if (p->waits_for)
      printf("  (waits for lock \"%s\")", p->waits_for->name);
    printf("\n");
  }
}
