/* xv6 spelling of our types. */
#include <sys/types.h>
typedef uint64 pde_t;
