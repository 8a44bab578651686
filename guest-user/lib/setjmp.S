# setjmp and longjmp: ra, sp and the registers that a function must preserve; the signal mask behind them.
.section .text

.macro each operation
        \operation ra, 0(a0)
        \operation sp, 8(a0)
        \operation s0, 16(a0)
        \operation s1, 24(a0)
        \operation s2, 32(a0)
        \operation s3, 40(a0)
        \operation s4, 48(a0)
        \operation s5, 56(a0)
        \operation s6, 64(a0)
        \operation s7, 72(a0)
        \operation s8, 80(a0)
        \operation s9, 88(a0)
        \operation s10, 96(a0)
        \operation s11, 104(a0)
.endm

        .globl  setjmp
        .type   setjmp, @function
setjmp: li      a1, 0
        .size   setjmp, .-setjmp
        # and on as
        .globl  sigsetjmp
        .type   sigsetjmp, @function
sigsetjmp:
        each    sd
        sd      a1, 112(a0)
        bnez    a1, 1f
        li      a0, 0
        ret
1:      mv      s0, a0                  # saved above; restored below
        addi    a2, a0, 120
        li      a1, 0
        li      a0, 0                   # SIG_BLOCK nothing: only ask
        call    sigprocmask
        mv      a0, s0
        ld      ra, 0(a0)
        ld      s0, 16(a0)
        li      a0, 0
        ret
        .size   sigsetjmp, .-sigsetjmp

        .globl  longjmp
        .type   longjmp, @function
        .globl  siglongjmp
        .type   siglongjmp, @function
longjmp:
siglongjmp:
        ld      t0, 112(a0)
        beqz    t0, 1f
        mv      s0, a0
        mv      s1, a1
        addi    a1, a0, 120
        li      a2, 0
        li      a0, 2                   # SIG_SETMASK
        call    sigprocmask
        mv      a0, s0
        mv      a1, s1
1:      each    ld
        seqz    a0, a1
        add     a0, a0, a1
        ret
        .size   siglongjmp, .-siglongjmp
        .size   longjmp, .-longjmp
