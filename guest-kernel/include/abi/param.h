/* Limits that user programs may rely on. */
#ifndef ABI_PARAM_H
#define ABI_PARAM_H

#define NPROC 64   /* processes at one time */
#define NOFILE 32  /* open files of a process */
#define NCPU 8     /* harts the kernel will use */
#define MAXPATH 128 /* bytes of a path name, with its final NUL */
#define MAXARG 64  /* arguments of exec, without the final null pointer */
#define ARGBYTES (32 * 1024) /* bytes of exec's strings and pointers together */
#define TICKS_PER_SECOND 10 /* unit of sleep() and uptime() */

#ifndef PGSIZE
#define PGSIZE 4096
#endif

/*
 * User addresses lie in [USERBASE, USERTOP). The stack ends at USERTOP and has
 * USERSTACK bytes at first; it grows by use to STACKLIMIT bytes, and the gap
 * of STACKGUARD bytes below that is never mapped.
 */
#define USERBASE 0x1000UL
#define USERTOP 0x3ffffe0000UL
#define USERSTACK (64 * 1024UL)
#define STACKLIMIT (8UL << 20)
#define STACKGUARD (64 * 1024UL)

#endif
