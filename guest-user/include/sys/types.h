/* Short names for the integer types, as the kernel spells them (abi/types.h), and size_t. */
#ifndef PW_SYS_TYPES_H
#define PW_SYS_TYPES_H

#include <stddef.h>
#include <types.h>

typedef unsigned long ulong;
typedef long ssize_t;
typedef int pid_t;
typedef long off_t;

#endif
