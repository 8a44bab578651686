/* xv6 spelling of sys/stat.h. */
#include <sys/stat.h>
