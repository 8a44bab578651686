/* Error numbers (Linux's values). The kernel returns them in a1 beside a0 = -1. */
#ifndef ABI_ERRNO_H
#define ABI_ERRNO_H

#define EPERM 1         /* not allowed */
#define ENOENT 2        /* no such file or directory */
#define ESRCH 3         /* no such process */
#define EINTR 4         /* killed while waiting */
#define EIO 5           /* the disk failed */
#define ENXIO 6         /* no such device */
#define E2BIG 7         /* argument list too long */
#define ENOEXEC 8       /* not a program this kernel can run */
#define EBADF 9         /* not an open file, or not open for this */
#define ECHILD 10       /* no children */
#define EAGAIN 11       /* out of processes; try again */
#define ENOMEM 12       /* memory could not be promised */
#define EACCES 13       /* permission denied */
#define EFAULT 14       /* bad address */
#define EBUSY 16        /* in use */
#define EEXIST 17       /* exists */
#define EXDEV 18        /* on another disk */
#define ENODEV 19       /* device cannot do this */
#define ENOTDIR 20      /* not a directory */
#define EISDIR 21       /* is a directory */
#define EINVAL 22       /* invalid argument */
#define ENFILE 23       /* open-file table full */
#define EMFILE 24       /* too many open files in this process */
#define ENOTTY 25       /* not a terminal */
#define ETXTBSY 26      /* a program runs from this file */
#define EFBIG 27        /* file too large */
#define ENOSPC 28       /* no space on the disk */
#define ESPIPE 29       /* cannot seek */
#define EROFS 30        /* read-only file system */
#define EMLINK 31       /* too many links */
#define EPIPE 32        /* nobody reads this pipe */
#define ERANGE 34       /* result too large */
#define ENAMETOOLONG 36 /* name too long */
#define ENOSYS 38       /* no such system call */
#define ENOTEMPTY 39    /* directory not empty */
#define EOVERFLOW 75    /* value too large for its type */
#define ETIMEDOUT 110   /* the time given has passed */

#endif
