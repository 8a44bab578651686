/* A process's registers as a signal handler sees them (and may change them): ucontext_t from abi/signal.h. */
#ifndef PW_UCONTEXT_H
#define PW_UCONTEXT_H

#include <signal.h>

#endif
