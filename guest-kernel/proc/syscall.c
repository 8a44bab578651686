/* System calls: finding the handler, fetching arguments. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/syscall.h"
#include "abi/signal.h"

/* Every system call by name; SYS_name is its number, sys_name its handler. */
#define SYSTEM_CALLS(X) \
  X(fork) X(exit) X(wait) X(pipe) X(read) X(kill) X(exec) X(fstat) X(chdir) X(dup) X(getpid) X(sbrk) X(sleep) \
  X(uptime) X(open) X(write) X(mknod) X(unlink) X(link) X(mkdir) X(close) X(sysinfo) X(procinfo) X(poweroff) \
  X(rename) X(sync) X(mmap) X(munmap) X(mprotect) X(msync) X(mincore) X(mremap) X(madvise) X(mlock) X(munlock) \
  X(ftruncate) X(fsync) X(lseek) X(brk) X(sigaction) X(sigprocmask) X(sigaltstack) X(sigreturn) X(sigpending) \
  X(sigsuspend) X(clock_gettime) X(gettimeofday) X(futex) X(shm_open) X(shm_unlink) X(execve) X(vmprint) X(vmcheck) \
  X(vmstat) X(clone) X(sched_yield) X(getppid) X(nanosleep) X(faultinject) X(vmpolicy) X(sigkill)

long sys_unimplemented(void);

/* The handler of a system call that this kernel has a number for, but no code. */
long
sys_unimplemented(void)
{
  return -ENOSYS;
}

/* A handler that no file defines is sys_unimplemented. */
#define DECLARE(name) long sys_##name(void) __attribute__((weak, alias("sys_unimplemented")));
SYSTEM_CALLS(DECLARE)

/* Each handler returns its result, >= 0, or -errno. */
#define ENTRY(name) [SYS_##name] = sys_##name,
static long (*const handlers[])(void) = { SYSTEM_CALLS(ENTRY) };

/*
 * Run the call that the current process's registers ask for; the result goes
 * to a0, an error to a0 = -1 and a1 = errno. sigreturn has no result: it sets
 * all registers.
 */
void
syscall(void)
{
  struct proc *p = myproc();
  struct trapframe *tf = p->trapframe;
  uint64 number = tf->a7;
  long result = -ENOSYS;

  if (number < sizeof handlers / sizeof handlers[0] && handlers[number]) {
    p->call_a0 = tf->a0;
    p->call_a1 = tf->a1;
    result = handlers[number]();
  }
  if (number == SYS_sigreturn)
    return;
  if (result < 0) {
    if (result == -EINTR)
      p->call_interrupted = 1;
    else if (result == -EPIPE && number == SYS_write)
      signal_broken_pipe(p);
    tf->a1 = -result;
    result = -1;
  }
  tf->a0 = result;
}

/* Argument n, 0 to 5, as it stands in its register. */
uint64
argraw(int n)
{
  return (&myproc()->trapframe->a0)[n];
}

/* Argument n as an int: the low 32 bits. */
void
argint(int n, int *value)
{
  *value = (int)argraw(n);
}

/* Argument n as an address; whether it is good shows when it is used. */
void
argaddr(int n, uint64 *value)
{
  *value = argraw(n);
}

/* Copy the string that argument n points to into buf. Its length; -EFAULT, or -ENAMETOOLONG when it has no NUL in max bytes. */
int
argstr(int n, char *buf, int max)
{
  return fetchstr(argraw(n), buf, max);
}

/* Fetch the 64-bit word at user address va. 0 or -EFAULT. */
int
fetchaddr(uint64 va, uint64 *value)
{
  return copyin(myproc()->map, value, va, sizeof *value);
}

/* Fetch the string at user address va, as argstr does. */
int
fetchstr(uint64 va, char *buf, int max)
{
  return copyinstr(myproc()->map, buf, va, max);
}
