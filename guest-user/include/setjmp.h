/* Jumps out of functions, and out of signal handlers. */
#ifndef PW_SETJMP_H
#define PW_SETJMP_H

#include <sys/types.h>

/* ra, sp, s0..s11; then whether a signal mask was saved, and the mask. */
typedef struct { uint64 registers[14], masked, mask; } jmp_buf[1], sigjmp_buf[1];

/** 0 when it marks the place; what longjmp was given (1 for 0) when it comes back there. */
int setjmp(jmp_buf place) __attribute__((returns_twice));
void longjmp(jmp_buf place, int value) __attribute__((noreturn));

/** The same with the set of blocked signals, if `masked` is not 0. */
int sigsetjmp(sigjmp_buf place, int masked) __attribute__((returns_twice));
void siglongjmp(sigjmp_buf place, int value) __attribute__((noreturn));

#endif
