/* xv6 spelling of abi/param.h. */
#include <param.h>
