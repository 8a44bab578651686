# int clone(int (*work)(void *), void *stack_top, int flags, void *argument): see sched.h.
# The system call returns twice, the second time on the new stack, where nothing of the caller's can be found again:
# so the function and its argument wait there.
#include <syscall.h>

        .section .text
        .weak   clone
        .type   clone, @function
clone:
        andi    a1, a1, -16
        addi    a1, a1, -16
        sd      a0, 0(a1)
        sd      a3, 8(a1)
        mv      a0, a2
        li      a7, SYS_clone
        ecall
        beqz    a0, 1f
        li      t0, -1
        bne     a0, t0, 2f
        la      t0, errno
        sw      a1, 0(t0)
2:      ret
1:      li      fp, 0
        ld      t0, 0(sp)
        ld      a0, 8(sp)
        jalr    t0
        li      a7, SYS_exit
        ecall
        .size   clone, .-clone
