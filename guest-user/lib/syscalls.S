# System call stubs. The number goes in a7; the kernel answers in a0, and when that
# is -1 the reason (errno) is in a1.
#include <syscall.h>

.section .text

# All stubs are weak, so that a program may have a function of the same name.
# `first` is an instruction that prepares a register for the call.
.macro stub name, number, first
        .weak   \name
        .type   \name, @function
\name:  \first
        li      a7, \number
        ecall
        li      t0, -1
        beq     a0, t0, syscall_failed
        ret
        .size   \name, .-\name
.endm

syscall_failed:
        la      t0, errno
        sw      a1, 0(t0)
        ret

stub fork,     SYS_fork
stub exit,     SYS_exit
stub wait,     SYS_wait
stub pipe,     SYS_pipe
stub read,     SYS_read
stub xv6_kill, SYS_kill
stub xv6_exec, SYS_exec
stub fstat,    SYS_fstat
stub chdir,    SYS_chdir
stub dup,      SYS_dup
stub sbrk,     SYS_sbrk, "li a1, 1" # SBRK_EAGER, not what happens to be there
stub sleep,    SYS_sleep
stub uptime,   SYS_uptime
stub open,     SYS_open
stub write,    SYS_write
stub mknod,    SYS_mknod
stub unlink,   SYS_unlink
stub link,     SYS_link
stub mkdir,    SYS_mkdir
stub close,    SYS_close
stub sysinfo,  SYS_sysinfo
stub procinfo, SYS_procinfo
stub poweroff, SYS_poweroff
stub rename,   SYS_rename
stub sync,     SYS_sync
stub mmap,     SYS_mmap
stub munmap,   SYS_munmap
stub mprotect, SYS_mprotect
stub msync,    SYS_msync
stub mincore,  SYS_mincore
stub mremap,   SYS_mremap
stub madvise,  SYS_madvise
stub mlock,    SYS_mlock
stub munlock,  SYS_munlock
stub ftruncate, SYS_ftruncate
stub fsync,    SYS_fsync
stub lseek,    SYS_lseek
stub brk,      SYS_brk
stub sigaction, SYS_sigaction
stub sigprocmask, SYS_sigprocmask
stub sigaltstack, SYS_sigaltstack
stub sigpending, SYS_sigpending
stub sigsuspend, SYS_sigsuspend
stub futex,    SYS_futex
stub shm_open, SYS_shm_open
stub shm_unlink, SYS_shm_unlink
stub execve,   SYS_execve
stub vmprint,  SYS_vmprint
stub vmcheck,  SYS_vmcheck
stub vmstat,   SYS_vmstat
stub sched_yield, SYS_sched_yield
stub getppid,  SYS_getppid
stub nanosleep, SYS_nanosleep
stub faultinject, SYS_faultinject
stub vmpolicy, SYS_vmpolicy
stub kill,     SYS_sigkill

# long syscall(long number, ...): shifts the arguments down and calls.
        .weak   syscall
        .type   syscall, @function
syscall:
        mv      a7, a0
        mv      a0, a1
        mv      a1, a2
        mv      a2, a3
        mv      a3, a4
        mv      a4, a5
        mv      a5, a6
        ecall
        li      t0, -1
        beq     a0, t0, syscall_failed
        ret
        .size   syscall, .-syscall
