# Floating-point registers for fp.c. As in guest-kernel/proc/fpu_regs.S, the one way to have D that all assemblers know.
        .attribute arch, "rv64imafdc"

        .macro  each op
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op     f\n, 8 * \n(a0)
        .endr
        .endm

        .section .text
# void fp_set(const struct fp *): load f0 to f31 and fcsr.
        .globl  fp_set
fp_set:
        each    fld
        ld      t0, 256(a0)
        fscsr   t0
        ret

# void fp_get(struct fp *): store them. fp_get_first is its first instruction.
        .globl  fp_get
        .globl  fp_get_first
fp_get:
fp_get_first:
        each    fsd
        frcsr   t0
        sd      t0, 256(a0)
        ret

# void fp_write(uint64 *, uint64): store a value through fs0.
        .globl  fp_write
fp_write:
        fmv.d.x f8, a1
        fsd     f8, 0(a0)
        ret

# uint64 fp_read(const uint64 *): load a value through ft0.
        .globl  fp_read
fp_read:
        fld     f0, 0(a0)
        fmv.x.d a0, f0
        ret

# uint64 fp_rounded(long n): the double n + 0.5, rounded to an integer by frm.
        .globl  fp_rounded
fp_rounded:
        fcvt.d.l f1, a0
        li      t0, 1
        fcvt.d.l f2, t0
        fadd.d  f3, f2, f2
        fdiv.d  f2, f2, f3
        fadd.d  f1, f1, f2
        fcvt.l.d a0, f1, dyn
        ret

# uint64 fp_divide_by_zero(void): the bits of 1.0f / 0.
        .globl  fp_divide_by_zero
fp_divide_by_zero:
        li      t0, 1
        fcvt.s.l f1, t0
        fmv.w.x f2, zero
        fdiv.s  f1, f1, f2
        fmv.x.w a0, f1
        ret

# One instruction of each kind, for a machine that has none of them.
        .macro  lone name, op:vararg
        .globl  \name
\name:
        \op
        ret
        .endm
        lone    fp_lone_fadd, fadd.d f0, f0, f0
        lone    fp_lone_flw, flw f1, 0(a0)
        lone    fp_lone_c_fld, c.fld f8, 0(a0)
        lone    fp_lone_fsd, fsd f1, 0(a0)
        lone    fp_lone_fmadd, fmadd.s f0, f1, f2, f3
        lone    fp_lone_fmv, fmv.x.d a0, f0
        lone    fp_lone_fcsr, fscsr zero, zero
