# The registers as in usertests.
#include "../usertests/fp_regs.S"
