/* System calls about processes, memory and the machine. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/sysinfo.h"

long
sys_fork(void)
{
  return fork();
}

/* exit(status). */
long
sys_exit(void)
{
  exit((int)argraw(0));
}

/* wait(int *status). */
long
sys_wait(void)
{
  return wait(argraw(0));
}

/* kill(pid). */
long
sys_kill(void)
{
  return kill((int)argraw(0));
}

long
sys_getpid(void)
{
  return myproc()->pid;
}

/* getppid(): the parent's number; 0 in init. */
long
sys_getppid(void)
{
  return parent_number(myproc());
}

/* sched_yield(): let others run first. */
long
sys_sched_yield(void)
{
  yield();
  return 0;
}

/* sbrk(n): move the break by n bytes, either way. The old break; -ENOMEM, or -EINVAL below the heap's beginning. */
long
sys_sbrk(void)
{
  int64 n = argraw(0);

  return vm_map_move_brk(myproc()->map, n, n > 0 && argraw(1) == SBRK_LAZY);
}

/* sleep(n) for n ticks. */
long
sys_sleep(void)
{
  int n = (int)argraw(0);

  return sleep_ticks(n < 0 ? 0 : n);
}

/* Ticks since the machine was switched on. */
long
sys_uptime(void)
{
  return ticks_now();
}

/* sysinfo(struct sysinfo *). */
long
sys_sysinfo(void)
{
  struct sysinfo info;

  memset(&info, 0, sizeof info);
  info.uptime_ms = r_time() / (TIMEBASE_HZ / 1000);
  info.total_frames = vm_total_frames();
  info.free_frames = vm_free_frames() + kmem_frames() + vm_file_frames();
  info.nproc = proc_count();
  info.nharts = count_bits(harts_running());
  for (int h = 0; h < NCPU; h++) {
    info.ncontext_switches += cpus[h].nswitches;
    info.nfaults += cpus[h].nfaults;
    info.nsyscalls += cpus[h].nsyscalls;
  }
  info.committed_frames = vm_committed_frames();
  info.vm_objects = object_cache.inuse;
  info.vm_entries = entry_cache.inuse;
  return copyout(myproc()->map, argraw(0), &info, sizeof info);
}

/* procinfo(struct procinfo *buf, int max): describe up to max processes; how many. */
long
sys_procinfo(void)
{
  uint64 to = argraw(0);
  int max = (int)argraw(1), n = 0;
  struct procinfo info;

  if (max < 0)
    return -EINVAL;
  for (int slot = 0; slot < NPROC && n < max; slot++) {
    if (!proc_info(&info, slot))
      continue;
    if (copyout(myproc()->map, to + n * sizeof info, &info, sizeof info) < 0)
      return -EFAULT;
    n++;
  }
  return n;
}

/* poweroff(status): write everything to disk and switch the machine off. */
long
sys_poweroff(void)
{
  int status = (int)argraw(0);

  fssync();
  poweroff(status != 0 && (status & 0xff) == 0 ? 1 : status & 0xff);
}
