/* xv6 spelling of fcntl.h. */
#include <fcntl.h>
