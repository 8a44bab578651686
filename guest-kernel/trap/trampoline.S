# The way between user and kernel. This page is mapped at TRAMPOLINE in every
# address space, so that satp can be switched while running on it.
#
# In user mode sscratch holds the address where the process's trapframe page is
# mapped: TRAPFRAME, or for a clone one below (struct trapframe in proc.h).

.section trampsec, "ax"
.balign 4
.globl uservec
uservec:
        csrrw   a0, sscratch, a0        # a0 = trapframe, sscratch = user a0
        sd      ra, 40(a0)
        sd      sp, 48(a0)
        sd      gp, 56(a0)
        sd      tp, 64(a0)
        sd      t0, 72(a0)
        sd      t1, 80(a0)
        sd      t2, 88(a0)
        sd      s0, 96(a0)
        sd      s1, 104(a0)
        sd      a1, 120(a0)
        sd      a2, 128(a0)
        sd      a3, 136(a0)
        sd      a4, 144(a0)
        sd      a5, 152(a0)
        sd      a6, 160(a0)
        sd      a7, 168(a0)
        sd      s2, 176(a0)
        sd      s3, 184(a0)
        sd      s4, 192(a0)
        sd      s5, 200(a0)
        sd      s6, 208(a0)
        sd      s7, 216(a0)
        sd      s8, 224(a0)
        sd      s9, 232(a0)
        sd      s10, 240(a0)
        sd      s11, 248(a0)
        sd      t3, 256(a0)
        sd      t4, 264(a0)
        sd      t5, 272(a0)
        sd      t6, 280(a0)
        csrr    t0, sscratch
        sd      t0, 112(a0)             # user a0

        ld      t1, 0(a0)               # kernel satp
        ld      sp, 8(a0)
        ld      t0, 16(a0)              # usertrap
        ld      tp, 32(a0)
        csrrw   t2, satp, t1
        slli    t2, t2, 4               # the ASID that was in use:
        srli    t2, t2, 48              # 0 means the machine has none
        bnez    t2, 1f
        sfence.vma
1:      jr      t0

# userret(satp of the process, address of its trapframe there): restore its
# registers and go. Never returns.
.globl userret
userret:
        mv      t0, a0
        slli    t1, t0, 4
        srli    t1, t1, 48
        csrw    satp, t0
        bnez    t1, 1f
        sfence.vma
1:      mv      a0, a1
        csrw    sscratch, a0
        ld      ra, 40(a0)
        ld      sp, 48(a0)
        ld      gp, 56(a0)
        ld      tp, 64(a0)
        ld      t0, 72(a0)
        ld      t1, 80(a0)
        ld      t2, 88(a0)
        ld      s0, 96(a0)
        ld      s1, 104(a0)
        ld      a1, 120(a0)
        ld      a2, 128(a0)
        ld      a3, 136(a0)
        ld      a4, 144(a0)
        ld      a5, 152(a0)
        ld      a6, 160(a0)
        ld      a7, 168(a0)
        ld      s2, 176(a0)
        ld      s3, 184(a0)
        ld      s4, 192(a0)
        ld      s5, 200(a0)
        ld      s6, 208(a0)
        ld      s7, 216(a0)
        ld      s8, 224(a0)
        ld      s9, 232(a0)
        ld      s10, 240(a0)
        ld      s11, 248(a0)
        ld      t3, 256(a0)
        ld      t4, 264(a0)
        ld      t5, 272(a0)
        ld      t6, 280(a0)
        ld      a0, 112(a0)
        sret
