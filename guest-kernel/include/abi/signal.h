/*
 * Signals: numbers, and the structures that a handler is given, with Linux's
 * values and riscv64's layout. User programs include this through <signal.h>.
 */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include "types.h"

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define NSIG 32 /* numbers from 1 to NSIG - 1 */

/* A set of signals: signal s is bit s - 1. */
typedef uint64 sigset_t;
#define SIGBIT(sig) (1UL << ((sig) - 1))

/* sigprocmask's first argument. */
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* sa_flags */
#define SA_NOCLDSTOP 0x00000001 /* accepted: SIGCHLD tells of ends only */
#define SA_NOCLDWAIT 0x00000002 /* of SIGCHLD: children leave no zombies, as when it is ignored */
#define SA_SIGINFO 0x00000004   /* the handler takes (int, siginfo_t *, void *ucontext); it always gets them */
#define SA_RESTORER 0x04000000  /* return through sa_restorer instead of the vDSO */
#define SA_ONSTACK 0x08000000   /* run on the alternate stack, if there is one */
#define SA_RESTART 0x10000000   /* make a system call that it interrupts begin again */
#define SA_NODEFER 0x40000000   /* do not block the signal in its handler */
#define SA_RESETHAND 0x80000000 /* SIG_DFL from the first delivery on */

typedef union sigval {
  int sival_int;
  void *sival_ptr;
} sigval_t;

/* Why a signal came. 128 bytes. */
typedef struct siginfo {
  int si_signo;
  int si_errno; /* always 0 */
  int si_code;
  int si_pad0;
  union {
    int pad[28];
    struct { /* SI_USER, SI_TKILL */
      int pid;
      uint uid;
    } kill;
    struct { /* SIGCHLD */
      int pid;
      uint uid;
      int status;
    } child;
    struct { /* SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
      void *addr;
    } fault;
  } si_fields;
} siginfo_t;

#define si_pid si_fields.kill.pid
#define si_uid si_fields.kill.uid
#define si_status si_fields.child.status
#define si_addr si_fields.fault.addr

/* si_code */
#define SI_USER 0      /* sent by sigkill or kill */
#define SI_KERNEL 0x80 /* sent by the kernel: ^C, a broken pipe */
#define ILL_ILLOPC 1
#define FPE_INTDIV 1
#define SEGV_MAPERR 1 /* nothing is mapped there */
#define SEGV_ACCERR 2 /* mapped, but not with that right */
#define BUS_ADRALN 1  /* misaligned */
#define BUS_ADRERR 2  /* no such memory: beyond the end of a mapped file, or it could not be read */
#define TRAP_BRKPT 1
#define CLD_EXITED 1
#define CLD_KILLED 2

typedef struct sigaltstack {
  void *ss_sp; /* lowest address */
  int ss_flags;
  int ss_pad;
  uint64 ss_size;
} stack_t;

#define SS_ONSTACK 1 /* in use now (only reported) */
#define SS_DISABLE 2 /* there is none */
#define MINSIGSTKSZ 2048
#define SIGSTKSZ 8192

/* The registers: element 0 is pc, element n is xn. */
#define REG_PC 0
#define REG_RA 1
#define REG_SP 2
#define REG_TP 4
#define REG_S0 8
#define REG_A0 10
typedef unsigned long gregset_t[32];

/* fpregs: element n is fn, of 64 bits; REG_FCSR is fcsr. The rest is room for registers of 128 bits. */
#define REG_FCSR 32

/* uc_flags */
#define UC_FP 1 /* fpregs is meant: the program has used floating point. Without it all those registers are zero */

typedef struct mcontext {
  gregset_t gregs;
  uint64 fpregs[66] __attribute__((aligned(16)));
} mcontext_t;

typedef struct ucontext {
  unsigned long uc_flags;
  struct ucontext *uc_link;
  stack_t uc_stack;    /* the alternate stack's settings */
  sigset_t uc_sigmask; /* blocked before the handler, and again after it */
  uint8 uc_pad[120];   /* room for a larger set */
  mcontext_t uc_mcontext;
} ucontext_t;

typedef void (*sighandler_t)(int);
#define SIG_DFL ((sighandler_t)0)
#define SIG_IGN ((sighandler_t)1)
#define SIG_ERR ((sighandler_t)-1)

struct sigaction {
  union {
    void (*handler)(int);
    void (*action)(int, siginfo_t *, void *);
  } sa_call;
  unsigned long sa_flags;
  sigset_t sa_mask; /* blocked as well while the handler runs */
  void (*sa_restorer)(void);
};

#define sa_handler sa_call.handler
#define sa_sigaction sa_call.action

#endif
