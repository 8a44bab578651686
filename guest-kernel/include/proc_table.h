/* The process table's inside, between proc/proc.c, proc/exit.c and proc/proc_info.c. */
#ifndef PROC_TABLE_H
#define PROC_TABLE_H

#include "spinlock.h"

struct proc;

/* The process with number 1, which inherits orphans. */
extern struct proc *init_process;

/* Guards who is whose child, and is what a parent in wait() sleeps with. Taken before any p->lock. */
extern struct spinlock wait_lock;

void free_proc(struct proc *);
void link_child(struct proc *parent, struct proc *child);
void unlink_child(struct proc *child);

#endif
