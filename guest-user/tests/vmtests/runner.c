/* The runner is that of usertests. */
#include "../usertests/runner.c"
