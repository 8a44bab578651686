/* Mutual exclusion between processes; a waiter sleeps. May be held across disk I/O and page faults. */
#ifndef SLEEPLOCK_H
#define SLEEPLOCK_H

#include "types.h"
#include "spinlock.h"

struct proc;

struct sleeplock {
  uint state;          /* 0 free, 1 held, 2 held and perhaps waited for */
  const char *name;    /* for messages */
  struct proc *owner;  /* who holds it */
  struct spinlock lk;  /* taken only by waiters and by the release that wakes them */
};

#endif
