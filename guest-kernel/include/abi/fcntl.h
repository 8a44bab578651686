/* Flags of open. */
#ifndef ABI_FCNTL_H
#define ABI_FCNTL_H

#define O_RDONLY 0x000
#define O_WRONLY 0x001
#define O_RDWR 0x002
#define O_CREATE 0x200
#define O_TRUNC 0x400
#define O_APPEND 0x800
#define O_EXCL 0x4000 /* shm_open with O_CREATE: only if there is none yet */

#endif
