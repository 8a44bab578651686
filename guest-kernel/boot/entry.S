# Every hart starts here in machine mode: a0 = hart number, a1 = device tree.
# Also the only machine-mode trap handler: it passes interprocessor interrupts
# on to supervisor mode.

.section .text.entry, "ax"
.globl _entry
_entry:
        li      t0, 8                   # NCPU
        bgeu    a0, t0, park
        la      sp, boot_stacks
        addi    t0, a0, 1
        slli    t0, t0, 12
        add     sp, sp, t0
        li      s0, 0                   # backtraces end here
        call    start                   # start(hart, device tree)
park:   wfi
        j       park

# A machine-level software interrupt means that another hart wrote our MSIP:
# clear it and raise the supervisor's. Nothing else is expected in machine
# mode. mscratch points to four words of this hart: room for t0 and t1, and
# the address of our MSIP.
.section .text
.balign 4
.globl machinevec
machinevec:
        csrrw   t0, mscratch, t0
        sd      t1, 0(t0)
        csrr    t1, mcause
        bgez    t1, machine_fault
        ld      t1, 8(t0)
        sw      zero, 0(t1)
        csrsi   mip, 2                  # SSIP
        ld      t1, 0(t0)
        csrrw   t0, mscratch, t0
        mret

# An exception in machine mode can only be a bug of start.c or a machine that
# lacks something: stop with status 133.
machine_fault:
        li      t0, 0x100000
        li      t1, (133 << 16) | 0x3333
        sw      t1, 0(t0)
        j       park

.section .bss
.balign 4096
.globl boot_stacks
boot_stacks:
        .zero   8 * 4096
