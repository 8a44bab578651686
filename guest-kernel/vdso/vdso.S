# The vDSO: a small ELF shared object in one page, which the kernel maps into
# every process at VDSO_CODE, before two pages of data that it keeps current
# (struct vdso_time and struct vdso_process in vdso.h). A program finds it by
# AT_SYSINFO_EHDR and calls its functions instead of trapping.
#
# The functions return 0 or their result, or -errno. There is no linker step:
# the ELF headers, symbol table and dynamic section are written out here.

#include "abi/syscall.h"

#define TIME_PAGE vdso_image + 0x1000
#define PROCESS_PAGE vdso_image + 0x2000
#define BILLION 1000000000

.section .rodata
.balign 4096
.globl vdso_image
vdso_image:
        .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0
        .quad   0
        .half   3                       # ET_DYN
        .half   243                     # EM_RISCV
        .word   1
        .quad   0                       # no entry
        .quad   headers - vdso_image
        .quad   0                       # no section headers
        .word   0
        .half   64, 56, 2, 0, 0, 0      # two program headers of 56 bytes
headers:
        .word   1, 5                    # PT_LOAD, R-X: the whole page
        .quad   0, 0, 0
        .quad   image_end - vdso_image, image_end - vdso_image
        .quad   0x1000
        .word   2, 4                    # PT_DYNAMIC, R--
        .quad   dynamic - vdso_image, dynamic - vdso_image, dynamic - vdso_image
        .quad   dynamic_end - dynamic, dynamic_end - dynamic
        .quad   8

.macro symbol label, name
        .word   \name - strings
        .byte   0x12, 0                 # global function
        .half   1
        .quad   \label - vdso_image
        .quad   \label\()_end - \label
.endm

.balign 8
symbols:
        .word   0, 0
        .quad   0, 0
        symbol  clock_gettime, name_clock_gettime
        symbol  gettimeofday, name_gettimeofday
        symbol  getpid, name_getpid
        symbol  sigreturn, name_sigreturn

# A hash table with a single bucket: the chain of all symbols.
hash:   .word   1, 5
        .word   1
        .word   0, 2, 3, 4, 0

strings:
        .byte   0
name_clock_gettime:
        .asciz  "__vdso_clock_gettime"
name_gettimeofday:
        .asciz  "__vdso_gettimeofday"
name_getpid:
        .asciz  "__vdso_getpid"
name_sigreturn:
        .asciz  "__vdso_rt_sigreturn"
soname: .asciz  "pagewalk-vdso.so.1"
strings_end:

.balign 8
dynamic:
        .quad   14, soname - strings            # DT_SONAME
        .quad   4, hash - vdso_image            # DT_HASH
        .quad   5, strings - vdso_image         # DT_STRTAB
        .quad   6, symbols - vdso_image         # DT_SYMTAB
        .quad   10, strings_end - strings       # DT_STRSZ
        .quad   11, 24                          # DT_SYMENT
        .quad   0, 0
dynamic_end:

# Read the clock: t4 = nanoseconds since power-on, t3 = what to add for the
# time of day. The kernel makes the first word odd while it changes the page.
.macro read_clock
        lla     a3, TIME_PAGE
1:      lw      t0, 0(a3)
        andi    t1, t0, 1
        bnez    t1, 1b
        fence   r, r
        ld      t1, 8(a3)               # clock at the last update
        ld      t2, 16(a3)              # nanoseconds then
        ld      t3, 24(a3)
        rdtime  t4
        fence   r, r
        lw      t5, 0(a3)
        bne     t0, t5, 1b
        sub     t4, t4, t1
        ld      t5, 32(a3)              # nanoseconds per count
        mul     t4, t4, t5
        add     t4, t4, t2
.endm

.balign 16
# int clock_gettime(int clock, struct timespec *)
clock_gettime:
        beqz    a0, 2f                  # CLOCK_REALTIME
        li      t0, 1                   # CLOCK_MONOTONIC
        beq     a0, t0, 2f
        li      a7, SYS_clock_gettime   # the others the kernel must tell
        ecall
        bgez    a0, 4f
        neg     a0, a1
4:      ret
2:      read_clock
        bnez    a0, 3f
        add     t4, t4, t3
3:      li      t5, BILLION
        divu    t6, t4, t5
        remu    t4, t4, t5
        sd      t6, 0(a1)
        sd      t4, 8(a1)
        li      a0, 0
        ret
clock_gettime_end:

# int gettimeofday(struct timeval *, void *)
gettimeofday:
        beqz    a0, 2f
        read_clock
        add     t4, t4, t3
        li      t5, BILLION
        divu    t6, t4, t5
        remu    t4, t4, t5
        li      t5, 1000
        divu    t4, t4, t5
        sd      t6, 0(a0)
        sd      t4, 8(a0)
2:      li      a0, 0
        ret
gettimeofday_end:

# int getpid(void)
getpid:
        lla     a3, PROCESS_PAGE
        lw      a0, 0(a3)
        ret
getpid_end:

# Where signal handlers return to: sp is at the frame.
.globl vdso_sigreturn_code
vdso_sigreturn_code:
sigreturn:
        li      a7, SYS_sigreturn
        ecall
sigreturn_end:
image_end:
.balign 4096
