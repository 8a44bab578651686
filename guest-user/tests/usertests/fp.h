/* Floating-point registers, for the tests of them; the functions are in fp_regs.S unless it says otherwise.
 * The C compiler uses no such register here: what fp_set puts there is changed by nobody else. */
#ifndef FP_H
#define FP_H

#include "ut.h"

#include <signal.h>

/** The registers. */
struct fp { uint64 f[32], fcsr; };

void fp_set(const struct fp *);
void fp_get(struct fp *);
extern char fp_get_first[];
/** Stores a value through fs0. */
void fp_write(uint64 *, uint64);
/** Loads a value through ft0. */
uint64 fp_read(const uint64 *);
/** n + 0.5, rounded to an integer as fcsr says. */
uint64 fp_rounded(long n);
/** The bits of 1.0f / 0. */
uint64 fp_divide_by_zero(void);
/* One instruction of each kind; those with an operand in memory take its address. */
void fp_lone_fadd(long), fp_lone_flw(long), fp_lone_c_fld(long), fp_lone_fsd(long), fp_lone_fmadd(long), fp_lone_fmv(long), fp_lone_fcsr(long);

/* fp_help.c */
extern const struct fp fp_zeros;
/** Registers that differ from each other and from those of another seed. */
struct fp fp_pattern(uint64 seed);
void fp_must_be(const struct fp *wanted, const struct fp *found, const char *when);
/** This process's registers must be these. */
void fp_must_have(const struct fp *wanted, const char *when);
/** Has it the extensions F and D? So says AT_HWCAP. */
int machine_has_fp(void);
/** Runs the test in a child, if the machine has floating point; else sees that there is none. */
void with_fp(void (*test)(long));

/** The test `name` is do_name, which needs floating point. */
#define FP_TEST(name) static void name(void) { with_fp(do_##name); }

#endif
