/* gettimeofday; struct timeval is the kernel's (abi/time.h). */
#ifndef PW_SYS_TIME_H
#define PW_SYS_TIME_H

#include <time.h>

/** The time since 1970; without a trap where the kernel offers it (vDSO). `zone` is ignored. 0. */
int gettimeofday(struct timeval *now, void *zone);

#endif
