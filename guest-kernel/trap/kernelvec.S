# A trap in supervisor mode: interrupts, and exceptions that are bugs.

.text
.balign 4
.globl kernelvec
kernelvec:
        # Kernel stacks lie in the upper half of the address space (bit 37
        # set) with bit 13 set; bit 13 clear is the guard below one. The
        # frame must fit, or the stores here would fault for ever.
        csrw    sscratch, t0
        addi    sp, sp, -144
        slli    t0, sp, 63 - 37
        bgez    t0, 1f                  # a boot stack: has no guard
        slli    t0, sp, 63 - 13
        bgez    t0, overflow
1:      csrr    t0, sscratch
        sd      ra, 0(sp)
        sd      t0, 8(sp)
        sd      t1, 16(sp)
        sd      t2, 24(sp)
        sd      a0, 32(sp)
        sd      a1, 40(sp)
        sd      a2, 48(sp)
        sd      a3, 56(sp)
        sd      a4, 64(sp)
        sd      a5, 72(sp)
        sd      a6, 80(sp)
        sd      a7, 88(sp)
        sd      t3, 96(sp)
        sd      t4, 104(sp)
        sd      t5, 112(sp)
        sd      t6, 120(sp)
        call    kerneltrap
        ld      ra, 0(sp)
        ld      t0, 8(sp)
        ld      t1, 16(sp)
        ld      t2, 24(sp)
        ld      a0, 32(sp)
        ld      a1, 40(sp)
        ld      a2, 48(sp)
        ld      a3, 56(sp)
        ld      a4, 64(sp)
        ld      a5, 72(sp)
        ld      a6, 80(sp)
        ld      a7, 88(sp)
        ld      t3, 96(sp)
        ld      t4, 104(sp)
        ld      t5, 112(sp)
        ld      t6, 120(sp)
        addi    sp, sp, 144
        sret

# The stack has run into its guard: report it on this hart's emergency stack.
overflow:
        addi    a0, sp, 144
        ld      sp, 8(tp)
        call    kernel_stack_overflow
