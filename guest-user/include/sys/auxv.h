/* The auxiliary vector: AT_* numbers from the kernel's abi/auxv.h. */
#ifndef PW_SYS_AUXV_H
#define PW_SYS_AUXV_H

#include <sys/types.h>
#include <auxv.h>

/** The value that exec gave for `type`; 0 with errno ENOENT when it gave none. */
ulong getauxval(ulong type);

#endif
