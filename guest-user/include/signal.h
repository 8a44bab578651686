/* Signals. Numbers and structures are the kernel's (abi/signal.h, Linux's values). */
#ifndef PW_SIGNAL_H
#define PW_SIGNAL_H

#include <sys/types.h>
#include_next <signal.h>

/** Says what `signal` does from now on, and what it did before (either may be NULL). */
int sigaction(int signal, const struct sigaction *action, struct sigaction *before);
/** The short form: handler with SA_RESTART. What was there before, or SIG_ERR. */
sighandler_t signal(int signal, sighandler_t handler);
int sigprocmask(int how, const sigset_t *set, sigset_t *before);
/** The stack on which handlers with SA_ONSTACK run. */
int sigaltstack(const stack_t *stack, stack_t *before);
int sigpending(sigset_t *set);
/** Waits with `mask` blocked until a handler has run: always -1 with errno EINTR. */
int sigsuspend(const sigset_t *mask);

/** Sends a signal; 0 only asks whether the process is there. (xv6's kill(pid) is xv6_kill.) */
int kill(int pid, int signal);
int raise(int signal);

static inline int sigemptyset(sigset_t *set) { *set = 0; return 0; }
static inline int sigfillset(sigset_t *set) { *set = ~0UL; return 0; }
static inline int sigaddset(sigset_t *set, int signal) { *set |= SIGBIT(signal); return 0; }
static inline int sigdelset(sigset_t *set, int signal) { *set &= ~SIGBIT(signal); return 0; }
static inline int sigismember(const sigset_t *set, int signal) { return (*set & SIGBIT(signal)) != 0; }

/** "Segmentation fault" and the like; never NULL. */
const char *strsignal(int signal);

#endif
