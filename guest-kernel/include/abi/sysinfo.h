/* What sysinfo and procinfo tell. */
#ifndef ABI_SYSINFO_H
#define ABI_SYSINFO_H

#include "types.h"

struct sysinfo {
  uint64 uptime_ms;         /* since the machine was switched on */
  uint64 total_frames;      /* 4 KiB frames the kernel manages */
  uint64 free_frames;       /* of these, not in use (a small-object cache's frames count as free) */
  uint64 nproc;             /* processes that exist, zombies included */
  uint64 nharts;            /* harts that run */
  uint64 ncontext_switches; /* processes put on a hart */
  uint64 nfaults;           /* page faults, copyin and copyout included */
  uint64 nsyscalls;
  uint64 committed_frames;  /* promised to processes or in use by the kernel */
  uint64 vm_objects;        /* live vm_object structures */
  uint64 vm_entries;        /* live vm_map_entry structures */
  uint64 pad[5];
};

#define PROC_UNUSED 0
#define PROC_USED 1
#define PROC_SLEEPING 2
#define PROC_RUNNABLE 3
#define PROC_RUNNING 4
#define PROC_ZOMBIE 5

struct procinfo {
  int pid;
  int ppid;  /* 0 for init and kernel threads */
  int state; /* PROC_* */
  int hart;  /* where it runs, or ran last */
  uint64 size_bytes;      /* mapped address space */
  uint64 resident_frames; /* frames in its page table */
  uint64 ticks;           /* processor time in 100 ms ticks */
  char name[16];
};

#endif
