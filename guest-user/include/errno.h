/* errno, set by a failing system call; the numbers are the kernel's (abi/errno.h, Linux's values). */
#ifndef PW_ERRNO_H
#define PW_ERRNO_H

#include_next <errno.h>

extern int errno;

#endif
