/* errno itself. */
#include <errno.h>

int errno;
