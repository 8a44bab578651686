/* xv6 spelling of abi/syscall.h. */
#include <syscall.h>
