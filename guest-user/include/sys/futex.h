/* Waiting on a word of memory, shared memory too: FUTEX_* and their meaning are in the kernel's abi/futex.h. */
#ifndef PW_SYS_FUTEX_H
#define PW_SYS_FUTEX_H

#include <time.h>
#include <futex.h>

int futex(void *word, int operation, uint value, const struct timespec *timeout);

#endif
