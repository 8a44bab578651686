/* The time of day and clocks; struct timespec and CLOCK_* are the kernel's (abi/time.h). */
#ifndef PW_TIME_H
#define PW_TIME_H

#include <sys/types.h>
#include_next <time.h>

typedef int clockid_t;
typedef long time_t;

/** Without a trap where the kernel offers it (vDSO). 0, or -1 with errno EINVAL. */
int clock_gettime(clockid_t clock, struct timespec *now);
/** Sleeps; with EINTR *rest is what is left (if rest is not NULL). */
int nanosleep(const struct timespec *duration, struct timespec *rest);
/** Seconds since 1970, also into *now unless NULL. */
time_t time(time_t *now);

#endif
