/*
 * Processes: the table, birth, and kernel threads. How they end is in exit.c,
 * looking at them in proc_info.c.
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
#include "proc_table.h"
#include "abi/errno.h"

struct cpu cpus[NCPU];
struct proc proc[NPROC];

struct proc *init_process;
struct spinlock wait_lock;

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

/* The number that the next process will have. */
int
next_process_number(void)
{
  return *(volatile int *)&next_pid;
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
void
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
  p->sig_restore = p->call_interrupted = p->discards_children = 0;
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
void
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
void
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
  fpu_fork(p, child);
  child->trapframe->kernel_sp = child->kstack + KSTACKSIZE;
  child->trapframe->a0 = 0;
  if (stack)
    child->trapframe->sp = stack;
  for (int fd = 0; fd < NOFILE; fd++)
    if (p->ofile[fd])
      child->ofile[fd] = filedup(p->ofile[fd]);
  child->cwd = idup(p->cwd);
  child->place = p->place;
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
