/* Looking at processes: what ps, /proc and ^P are told. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "proc_table.h"

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
