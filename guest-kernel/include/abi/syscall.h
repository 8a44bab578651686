/* System-call numbers (a7). 1 to 21 are xv6's; proc/syscall.c has the table. */
#ifndef ABI_SYSCALL_H
#define ABI_SYSCALL_H

#define SYS_fork 1
#define SYS_exit 2
#define SYS_wait 3
#define SYS_pipe 4
#define SYS_read 5
#define SYS_kill 6
#define SYS_exec 7
#define SYS_fstat 8
#define SYS_chdir 9
#define SYS_dup 10
#define SYS_getpid 11
#define SYS_sbrk 12
#define SYS_sleep 13
#define SYS_uptime 14
#define SYS_open 15
#define SYS_write 16
#define SYS_mknod 17
#define SYS_unlink 18
#define SYS_link 19
#define SYS_mkdir 20
#define SYS_close 21
#define SYS_sysinfo 22
#define SYS_procinfo 23
#define SYS_poweroff 24
#define SYS_rename 25
#define SYS_sync 26
#define SYS_mmap 27
#define SYS_munmap 28
#define SYS_mprotect 29
#define SYS_msync 30
#define SYS_mincore 31
#define SYS_mremap 32
#define SYS_madvise 33
#define SYS_mlock 34
#define SYS_munlock 35
#define SYS_ftruncate 36
#define SYS_fsync 37
#define SYS_lseek 38
#define SYS_brk 39
#define SYS_sigaction 40
#define SYS_sigprocmask 41
#define SYS_sigaltstack 42
#define SYS_sigreturn 43
#define SYS_sigpending 44
#define SYS_sigsuspend 45
#define SYS_clock_gettime 46
#define SYS_gettimeofday 47
#define SYS_futex 48
#define SYS_shm_open 49
#define SYS_shm_unlink 50
#define SYS_execve 51
#define SYS_vmprint 52
#define SYS_vmcheck 53
#define SYS_vmstat 54
#define SYS_clone 55
#define SYS_sched_yield 56
#define SYS_getppid 57
#define SYS_nanosleep 58
#define SYS_faultinject 59
#define SYS_vmpolicy 60
#define SYS_sigkill 61

#endif
