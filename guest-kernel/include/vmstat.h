/* Counting what memory management does, for the system call vmstat, /proc/vmstat and /proc/PID/status. */
#ifndef VMSTAT_H
#define VMSTAT_H

#include "abi/vmstat.h"

/* Events since boot; of the state fields, those that nobody else can tell (collapses and the like). */
extern struct vmstat vm_events;

/* VM_COUNT(collapses): one more. Callable anywhere. */
#define VM_COUNT(field) ((void)__sync_fetch_and_add(&vm_events.field, 1))
#define VM_COUNT_N(field, n) ((void)__sync_fetch_and_add(&vm_events.field, (n)))

/* VM_COUNT_FAULT(zero): a fault that needed a page of zeros (faults_zero); the current process counts it, too. Needs proc.h. */
#define VM_COUNT_FAULT(kind) \
  do { \
    VM_COUNT(faults_##kind); \
    if (myproc()) \
      myproc()->faults.kind++; \
  } while (0)

void vmstat_collect(struct vmstat *);

#endif
