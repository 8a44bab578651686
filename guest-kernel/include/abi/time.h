/* Clocks and times, as Linux has them. */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#define CLOCK_REALTIME 0           /* since 1970-01-01 00:00 UTC */
#define CLOCK_MONOTONIC 1          /* since the machine was switched on */
#define CLOCK_PROCESS_CPUTIME_ID 2 /* time this process has spent on harts (a system call, never in the vDSO) */
#define CLOCK_BOOTTIME 7           /* the same as CLOCK_MONOTONIC here */

struct timespec {
  long tv_sec;
  long tv_nsec; /* 0 to 999999999 */
};

struct timeval {
  long tv_sec;
  long tv_usec; /* 0 to 999999 */
};

#endif
