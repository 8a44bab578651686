/* abort: an end that wait() shows as -1, like a kill. */
#include <stdlib.h>

void abort(void) { exit(-1); }
