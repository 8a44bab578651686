/* Processes, harts, and what is saved of them. */
#ifndef PROC_H
#define PROC_H

#include "types.h"
#include "param.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "abi/sysinfo.h"
#include "abi/signal.h"

struct vm_map;
struct pmap;
struct file;
struct inode;
struct sleeplock;
struct vdso_process;

/* Registers kept across a switch between kernel stacks: what a C callee must preserve. Offsets are known to swtch.S. */
struct context {
  uint64 ra;
  uint64 sp;
  uint64 s[12];
};

/*
 * A hart. tp points to its struct while in the kernel, so that one load finds
 * the current process even if an interrupt moves us. trampoline.S and
 * kernelvec.S know the first fields' offsets.
 */
struct cpu {
  struct proc *proc;       /*  0: process that runs here, or null */
  uint64 emergency_sp;     /*  8: stack for reporting an overflow of the usual one */
  int noff;                /* 16: depth of push_off */
  int intena;              /* 20: were interrupts on before push_off */
  uint hartid;
  uint64 slice_end;        /* mtime at which the process here gives way to others */
  struct context context;  /* swtch here to enter the scheduler */
  struct pmap *pmap;       /* whose translations satp selects at the next return to user mode */
  uint64 asid_generation;  /* the generation this hart's TLB belongs to */
  uint64 nswitches, nfaults, nsyscalls; /* counts, summed by sysinfo */
} __attribute__((aligned(64)));

extern struct cpu cpus[NCPU];

/* A user process's registers while it is in the kernel. Mapped at TRAPFRAME (a clone's: below); trampoline.S knows the offsets. */
struct trapframe {
  uint64 kernel_satp; /*   0 */
  uint64 kernel_sp;   /*   8: top of the process's kernel stack */
  uint64 kernel_trap; /*  16: usertrap() */
  uint64 epc;         /*  24: user pc */
  uint64 kernel_tp;   /*  32: struct cpu of the hart */
  uint64 ra;          /*  40 */
  uint64 sp;          /*  48 */
  uint64 gp;          /*  56 */
  uint64 tp;          /*  64 */
  uint64 t0, t1, t2;  /*  72 80 88 */
  uint64 s0, s1;      /*  96 104 */
  uint64 a0, a1, a2, a3, a4, a5, a6, a7; /* 112 .. 168 */
  uint64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11; /* 176 .. 248 */
  uint64 t3, t4, t5, t6; /* 256 .. 280 */
  struct vdso_process *process_page; /* what the vDSO tells about this process; mapped at VDSO_PROCESS */
};

/* Behind the trapframe, in the same page: struct sigstate (sigstate.h), struct fpstate (fpu.h). */
#define SIGSTATE_OFFSET 512

/* Why a pending signal was sent. */
struct sigcause {
  int code;   /* si_code */
  int pid;    /* sender, or the child that ended; 0 for the kernel */
  int status; /* of that child */
};

enum procstate {
  UNUSED = PROC_UNUSED,
  USED = PROC_USED,
  SLEEPING = PROC_SLEEPING,
  RUNNABLE = PROC_RUNNABLE,
  RUNNING = PROC_RUNNING,
  ZOMBIE = PROC_ZOMBIE
};

/* A place in /proc: what a path or a working directory there names. fs/procfs.c gives it its meaning. */
struct proc_place {
  enum { PLACE_NONE, PLACE_ROOT, PLACE_PROCESS, PLACE_FILE } kind; /* none: not in /proc */
  int pid;  /* of a process's directory, and of a file in it; 0 for a file in the root */
  int file; /* which file */
};

/* Page faults by what they needed; see abi/vmstat.h. */
struct fault_counts {
  uint64 zero, cow_copy, cow_reuse, file, swap, map, refused;
};

struct proc {
  struct spinlock lock;

  /* p->lock protects these. */
  enum procstate state;
  void *chan;        /* slept on, when SLEEPING */
  int killed;        /* die at the next return to user mode */
  int xstate;        /* exit status for the parent */
  int killed_by;     /* signal that set killed, or 0 */
  int pid;
  uint64 sig_pending; /* signals sent and not yet delivered; bit s - 1 is signal s */
  uint64 sig_blocked; /* these wait; only the process itself changes this and the next two */
  uint64 sig_ignored; /* SIG_IGN */
  uint64 sig_caught;  /* have a handler */
  int discards_children; /* by its action for SIGCHLD: nobody waits for them */
  struct sigcause sig_cause[NSIG];
  int stopped;       /* until SIGCONT */
  uint hart;         /* where it runs, or ran last */

  /* The lock of chan's sleep queue protects this, the run queue's lock the next. */
  struct proc *sleep_next;
  struct proc *run_next;

  /* wait_lock protects these. */
  struct proc *parent;
  struct proc *children;     /* first child */
  struct proc *sibling_next; /* in the parent's list */
  struct proc *sibling_prev;

  /* Private to the process. */
  uint64 kstack;               /* lowest address of its kernel stack */
  struct vm_map *map;          /* user address space; null in a kernel thread */
  int clone_slot;              /* which clone of the map's owner it is; 0: the owner */
  struct trapframe *trapframe; /* its registers, at its kernel address */
  struct context context;      /* swtch here to run it */
  struct file *ofile[NOFILE];
  struct inode *cwd;           /* working directory; the root directory when it is in /proc */
  struct proc_place place;     /* and where there */
  void (*kthread)(void);       /* body of a kernel thread */
  struct sleeplock *waits_for; /* sleep lock it is blocked on, for the deadlock check */
  uint64 sig_saved;            /* mask to go back to, when sig_restore (sigsuspend) */
  int sig_restore;
  int call_interrupted;        /* the system call has returned -EINTR */
  uint64 call_a0, call_a1;     /* its first arguments, for beginning again */
  struct fault_counts faults;
  struct sleeplock inspected;  /* held by who looks at the address space from outside */
  uint64 started;              /* mtime when it was last put on a hart */
  uint64 run_time;             /* mtime counts spent on harts */
  char name[NPROCNAME];
};

extern struct proc proc[NPROC];

/* The hart we are on. Only meaningful while interrupts are off. */
static inline struct cpu *
mycpu(void)
{
  struct cpu *c;
  __asm__ volatile("mv %0, tp" : "=r"(c));
  return c;
}

/* The current process, or null in the scheduler: one load, so that it is right even if we are moved to another hart. */
static inline struct proc *
myproc(void)
{
  struct proc *p;
  __asm__ volatile("ld %0, 0(tp)" : "=r"(p));
  return p;
}

/* This hart's number. Interrupts must be off. */
static inline int
cpuid(void)
{
  return mycpu()->hartid;
}

/* Is there anything for signal_deliver to do before p, the current process, returns to user mode? */
static inline int
signal_work(struct proc *p)
{
  return (p->sig_pending & ~p->sig_blocked) != 0 || p->call_interrupted;
}

#endif
