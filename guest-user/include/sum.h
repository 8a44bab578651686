/* libsum: adding up, in assembly. Statically linked in, or /lib/libsum.so. */
#ifndef PW_SUM_H
#define PW_SUM_H

#include <sys/types.h>

/** The sum of `count` numbers, modulo 2^64. */
uint64 sum(const uint64 *numbers, uint64 count);

#endif
