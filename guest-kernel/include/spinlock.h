/* Mutual exclusion between harts, for short stretches. Interrupts are off while one is held. */
#ifndef SPINLOCK_H
#define SPINLOCK_H

#include "types.h"

struct cpu;

struct spinlock {
  uint locked;      /* 1 when held */
  const char *name; /* for messages */
  struct cpu *cpu;  /* the hart that holds it */
  uint64 pc;        /* where it was acquired */
};

#endif
