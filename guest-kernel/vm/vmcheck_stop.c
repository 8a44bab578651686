/*
 * For the checker (vmcheck.c): the other harts stand still for the time of a
 * walk, and processes are held back from the kernel when a check needs rest.
 * A hart stands still only where interrupts are on, so it holds no spin lock.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "pmap.h"
#include "vm_swap.h"
#include "vmcheck_parts.h"

static volatile uint stop_wanted, parked; /* parked: bits of harts that stand still */

/* A hart in its software interrupt: stand still while a check runs. */
void
vm_check_park(void)
{
  uint me = 1u << mycpu()->hartid;

  if (!stop_wanted)
    return;
  __sync_fetch_and_or(&parked, me);
  while (stop_wanted) {
    panic_stop_if_panicked();
    pmap_interrupt(); /* who waits for us to flush cannot stop before we did */
  }
  __sync_fetch_and_and(&parked, ~me);
}

/* Stop the other harts. Interrupts are off from here to vm_check_restart. */
void
vm_check_stop(void)
{
  uint others;

  push_off();
  others = harts_running() & ~(1u << cpuid());
  stop_wanted = 1;
  __sync_synchronize();
  for (uint h = 0; h < NCPU; h++)
    if (others & (1u << h))
      ipi_send(h);
  while ((parked & others) != others) {
    panic_stop_if_panicked();
    pmap_interrupt();
  }
}

/* Let them go on. */
void
vm_check_restart(void)
{
  __sync_synchronize();
  stop_wanted = 0;
  while (parked)
    ;
  pop_off();
}

/* ---- holding processes back ---- */

/*
 * Where processes are always busy with their maps, hardly a walk finds them
 * all at rest. So after the first walk that finds something, processes that
 * enter the kernel from user mode wait until the check is over, and those that
 * are inside finish what they do.
 */
volatile int vm_check_gate;
static struct spinlock gate_lock = { .name = "vmcheck's gate" };

/* A process has entered the kernel while the gate is closed: wait. */
void
vm_check_hold(void)
{
  acquire(&gate_lock);
  while (vm_check_gate)
    sleep((void *)&vm_check_gate, &gate_lock);
  release(&gate_lock);
}

/* Close or open the gate. */
void
vm_check_set_gate(int closed)
{
  acquire(&gate_lock);
  vm_check_gate = closed;
  wakeup((void *)&vm_check_gate);
  release(&gate_lock);
}
