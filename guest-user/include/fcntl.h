/* Flags for open(), from the kernel's abi/fcntl.h. */
#ifndef PW_FCNTL_H
#define PW_FCNTL_H

#include <sys/types.h>
#include_next <fcntl.h>

#ifndef O_CREAT
#define O_CREAT O_CREATE
#endif

#endif
