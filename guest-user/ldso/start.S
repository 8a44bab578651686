# The dynamic linker's two doors: where the kernel starts it, and where a PLT entry that is not bound yet jumps.
        .hidden _DYNAMIC, __ehdr_start, ldso_bootstrap, ldso_main, bind_slot
        .section .text

# As in crt0.S: a0 = argc, a1 = argv = sp. Nothing is relocated yet, so only pc-relative addresses may be used.
        .globl  _start
        .type   _start, @function
_start:
        li      fp, 0
        mv      s1, a0
        mv      s2, a1
        lla     a2, _DYNAMIC
        lla     a3, __ehdr_start        # where we were put: our own addresses start at 0
        call    ldso_bootstrap
        mv      a0, s1
        mv      a1, s2
        lla     a2, __ehdr_start
        call    ldso_main               # returns where the program starts, and how many arguments were ours
        mv      t0, a0
        sub     a0, s1, a1
        slli    a1, a1, 3
        add     a1, s2, a1
        jr      t0
        .size   _start, .-_start

# From the PLT's first entry: t0 = the object (second word of its .got.plt), t1 = 8 * the number of the slot.
# The function's own arguments are in a0..a7 and must arrive there.
        .globl  plt_resolve
        .hidden plt_resolve
        .type   plt_resolve, @function
plt_resolve:
        addi    sp, sp, -80
        sd      ra, 72(sp)
        sd      a0, 0(sp)
        sd      a1, 8(sp)
        sd      a2, 16(sp)
        sd      a3, 24(sp)
        sd      a4, 32(sp)
        sd      a5, 40(sp)
        sd      a6, 48(sp)
        sd      a7, 56(sp)
        mv      a0, t0
        mv      a1, t1
        call    bind_slot
        mv      t1, a0
        ld      ra, 72(sp)
        ld      a0, 0(sp)
        ld      a1, 8(sp)
        ld      a2, 16(sp)
        ld      a3, 24(sp)
        ld      a4, 32(sp)
        ld      a5, 40(sp)
        ld      a6, 48(sp)
        ld      a7, 56(sp)
        addi    sp, sp, 80
        jr      t1
        .size   plt_resolve, .-plt_resolve
