# Where every program starts: exec() left argc in a0, argv in a1 and a 16-aligned sp.
# Statically linked or not, this part is the program's own; libc_start may be the C library's shared copy.
.section .text
.globl _start
.type _start, @function
_start:
        li      fp, 0           # the end of every frame chain
        mv      s1, a0
        mv      s2, a1
        call    libc_start
        mv      a0, s1
        mv      a1, s2
        addi    a2, s1, 1       # behind argv and its null: the environment
        slli    a2, a2, 3
        add     a2, s2, a2
        call    main
        call    exit
.size _start, .-_start
