# Where every program starts: exec() left argc in a0, argv in a1 and a 16-aligned sp.
.section .text
.globl _start
.type _start, @function
_start:
        li      fp, 0           # the end of every frame chain
        call    main
        call    exit
.size _start, .-_start
