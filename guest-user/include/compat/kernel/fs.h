/* xv6 spelling of abi/fs.h. */
#include <sys/types.h>
#include <fs.h>
