/* What an xv6 user program expects of "user/user.h". */
#ifndef PW_COMPAT_USER_H
#define PW_COMPAT_USER_H

#define PW_FORMAT(string, first)
#include <sys/types.h>
#include <unistd.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <syscall.h>

/* xv6 kills with one argument. */
#define kill xv6_kill

#define SBRK_ERROR ((char *)-1)
static inline char *sbrklazy(int n) { return (char *)syscall(SYS_sbrk, n, SBRK_LAZY); }
static inline int pause(int ticks) { return sleep(ticks); }

#endif
