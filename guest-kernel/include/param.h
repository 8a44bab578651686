/* Limits of the kernel. */
#ifndef PARAM_H
#define PARAM_H

#include "abi/param.h"

#define NFILE 256     /* open files in the system */
#define NINODE 128    /* inodes in memory */
#define NDEV 10       /* device majors */
#define ROOTDEV 1     /* disk of the root directory */
#define NPROCNAME 16  /* bytes of a process name, with its NUL */

#define KSTACKSIZE 8192 /* bytes of a kernel stack; kernelvec.S relies on it */

#define TIMEBASE_HZ 10000000UL                       /* mtime counts per second */
#define TICK_TIME (TIMEBASE_HZ / TICKS_PER_SECOND)   /* mtime counts per tick */
#define SLICE_TIME (TIMEBASE_HZ / 100)               /* a process runs 10 ms before others get their turn */

#endif
