/* The helpers are those of usertests. */
#include "../usertests/fp_help.c"
