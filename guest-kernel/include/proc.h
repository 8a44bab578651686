/* Processes, harts, and what is saved of them. */
#ifndef PROC_H
#define PROC_H

#include "types.h"
#include "param.h"
#include "spinlock.h"
#include "abi/sysinfo.h"

struct vm_map;
struct pmap;
struct file;
struct inode;
struct sleeplock;

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

/* A user process's registers while it is in the kernel. Mapped at TRAPFRAME; trampoline.S knows the offsets. */
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
};

enum procstate {
  UNUSED = PROC_UNUSED,
  USED = PROC_USED,
  SLEEPING = PROC_SLEEPING,
  RUNNABLE = PROC_RUNNABLE,
  RUNNING = PROC_RUNNING,
  ZOMBIE = PROC_ZOMBIE
};

struct proc {
  struct spinlock lock;

  /* p->lock protects these. */
  enum procstate state;
  void *chan;        /* slept on, when SLEEPING */
  int killed;        /* die at the next return to user mode */
  int xstate;        /* exit status for the parent */
  int pid;
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
  struct trapframe *trapframe; /* its registers, at its kernel address */
  struct context context;      /* swtch here to run it */
  struct file *ofile[NOFILE];
  struct inode *cwd;
  void (*kthread)(void);       /* body of a kernel thread */
  struct sleeplock *waits_for; /* sleep lock it is blocked on, for the deadlock check */
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

#endif
