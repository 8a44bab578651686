/* Supervisor mode begins here: bring up the parts of the kernel in order, then run processes. */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "file.h"

void main(const void *fdt);
void run_on_stack(uint64 sp, void (*f)(void)) __attribute__((noreturn));

extern char kernel_end[], boot_stacks[];
extern volatile uint harts_may_start;

static volatile uint running; /* bit h: hart h schedules */

/* Harts that schedule, as a set of bits. */
uint
harts_running(void)
{
  return running;
}

/* The part that every hart does for itself; then it schedules for ever, on a stack with a guard. */
static void
start_hart(void)
{
  struct cpu *c = mycpu();

  pmap_init_hart();
  trap_init_hart();
  plicinithart();
  c->emergency_sp = (uint64)boot_stacks + 4096UL * (c->hartid + 1);
  __sync_fetch_and_or(&running, 1u << c->hartid);
  run_on_stack(KSTACK(NPROC + c->hartid) + KSTACKSIZE, scheduler);
}

/* Wake the harts that wait in start.c. */
static void
release_harts(void)
{
  __sync_synchronize();
  harts_may_start = 1;
  for (uint h = 1; h < NCPU; h++)
    if (machine.harts & (1u << h))
      ipi_send(h);
}

/* Hart 0 brings the kernel up; the others join when it is done. Interrupts are off. */
void
main(const void *fdt)
{
  uint64 ram_end;

  if (mycpu()->hartid != 0)
    start_hart();

  consoleinit();
  printf_init();
  fdt_read(fdt);
  ram_end = KERNBASE + machine.ram_size;
  printf("pagewalk: %ld MiB of memory, %d hart%s\n", machine.ram_size >> 20, count_bits(machine.harts),
         machine.harts == 1 ? "" : "s");

  vm_page_init((uint64)kernel_end, ram_end);
  vm_policy_init();
  vm_object_init();
  vm_map_init();
  pmap_bootstrap(ram_end);
  vm_zero_page_init();
  trap_init();
  proc_init();
  signal_init();
  clone_init();
  futex_init();
  shm_init();
  clock_init();
  plicinit();
  pmap_init_hart(); /* drivers use the kernel's own map */
  trap_init_hart();
  binit();
  iinit();
  fileinit();
  virtio_disk_init();
  proc_start_init();
  release_harts();
  start_hart();
}
