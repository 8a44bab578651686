/* Giving way, and sharing an address space. */
#ifndef PW_SCHED_H
#define PW_SCHED_H

#include <clone.h>

int sched_yield(void);

/** Starts work(argument) in the caller's own address space, as a process with a stack of its own that ends at stack_top;
 *  flags is CLONE_VM. What work returns is its exit status. The new process's number, or -1. errno is shared. */
int clone(int (*work)(void *), void *stack_top, int flags, void *argument);

#endif
