/* The vDSO's two pages of data, behind its page of code (vdso/vdso.S knows the offsets). User programs may read both. */
#ifndef VDSO_H
#define VDSO_H

#include "types.h"

/* One page for all. Odd sequence: being changed. */
struct vdso_time {
  volatile uint32 sequence; /*  0 */
  uint32 pad;
  uint64 count;             /*  8: the clock (rdtime) at the last update */
  uint64 nanoseconds;       /* 16: since power-on, at that count */
  uint64 epoch;             /* 24: time of day at power-on, nanoseconds since 1970 */
  uint64 per_count;         /* 32: nanoseconds of one count */
};

/* One page a process. */
struct vdso_process {
  int pid; /* 0 */
};

#endif
