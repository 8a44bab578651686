# uint64 sum(const uint64 *numbers, uint64 count): the sum of count numbers, modulo 2^64.
#
# The same lines serve the statically linked programs and, assembled once more, /lib/libsum.so: they name no
# address, so they run wherever they are put.
        .section .text
        .globl  sum
        .type   sum, @function
sum:
        slli    a1, a1, 3               # count -> bytes
        add     a1, a0, a1              # the end
        li      a2, 0
        beq     a0, a1, 2f
1:      ld      a3, 0(a0)
        addi    a0, a0, 8
        add     a2, a2, a3
        bne     a0, a1, 1b
2:      mv      a0, a2
        ret
        .size   sum, .-sum
