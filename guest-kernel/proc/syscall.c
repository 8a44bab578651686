/* System calls: finding the handler, fetching arguments. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/syscall.h"

long sys_fork(void), sys_exit(void), sys_wait(void), sys_pipe(void), sys_read(void), sys_kill(void), sys_exec(void),
  sys_fstat(void), sys_chdir(void), sys_dup(void), sys_getpid(void), sys_sbrk(void), sys_sleep(void), sys_uptime(void),
  sys_open(void), sys_write(void), sys_mknod(void), sys_unlink(void), sys_link(void), sys_mkdir(void), sys_close(void),
  sys_sysinfo(void), sys_procinfo(void), sys_poweroff(void), sys_rename(void), sys_sync(void);

/* Each handler returns its result, >= 0, or -errno. */
static long (*const handlers[])(void) = {
  [SYS_fork] = sys_fork,         [SYS_exit] = sys_exit,         [SYS_wait] = sys_wait,     [SYS_pipe] = sys_pipe,
  [SYS_read] = sys_read,         [SYS_kill] = sys_kill,         [SYS_exec] = sys_exec,     [SYS_fstat] = sys_fstat,
  [SYS_chdir] = sys_chdir,       [SYS_dup] = sys_dup,           [SYS_getpid] = sys_getpid, [SYS_sbrk] = sys_sbrk,
  [SYS_sleep] = sys_sleep,       [SYS_uptime] = sys_uptime,     [SYS_open] = sys_open,     [SYS_write] = sys_write,
  [SYS_mknod] = sys_mknod,       [SYS_unlink] = sys_unlink,     [SYS_link] = sys_link,     [SYS_mkdir] = sys_mkdir,
  [SYS_close] = sys_close,       [SYS_sysinfo] = sys_sysinfo,   [SYS_procinfo] = sys_procinfo,
  [SYS_poweroff] = sys_poweroff, [SYS_rename] = sys_rename,     [SYS_sync] = sys_sync,
};

/* Run the call that the current process's registers ask for; the result goes to a0, an error to a0 = -1 and a1 = errno. */
void
syscall(void)
{
  struct trapframe *tf = myproc()->trapframe;
  uint64 number = tf->a7;
  long result = -ENOSYS;

  if (number < sizeof handlers / sizeof handlers[0] && handlers[number])
    result = handlers[number]();
  if (result < 0) {
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
