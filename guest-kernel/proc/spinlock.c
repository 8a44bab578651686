/* Spin locks, with checks for the ways in which they deadlock. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"

/* A wait longer than both of these is reported as a deadlock: mtime counts and turns of the loop. */
#define TOO_LONG (20 * TIMEBASE_HZ)
#define TOO_MANY 50000000UL

/* Make a lock, free. The name must stay. */
void
initlock(struct spinlock *lk, const char *name)
{
  lk->locked = 0;
  lk->name = name;
  lk->cpu = 0;
  lk->pc = 0;
}

/* Does this hart hold the lock? Interrupts must be off for the answer to last. */
int
holding(struct spinlock *lk)
{
  return lk->locked && lk->cpu == mycpu();
}

/* Interrupts off, nestable: they come back with the last pop_off if they were on before the first push_off. */
void
push_off(void)
{
  int old = intr_off();
  struct cpu *c = mycpu();

  if (c->noff++ == 0)
    c->intena = old;
}

/* The work of pop_off, without its checks. */
static inline void
pop(struct cpu *c)
{
  if (--c->noff == 0 && c->intena)
    intr_on();
}

/* Undo one push_off. */
void
pop_off(void)
{
  struct cpu *c = mycpu();

  KASSERT(!intr_get(), "pop_off with interrupts on");
  KASSERT(c->noff > 0, "pop_off without push_off");
  pop(c);
}

/* Wait for a lock that somebody else holds. Stops with a sentence if it lasts for ever. */
static void __attribute__((noinline))
spin(struct spinlock *lk)
{
  uint64 turns = 0, began = r_time();

  KASSERT(lk->cpu != mycpu(), "spin lock \"%s\" is acquired a second time by hart %d, which took it at pc 0x%lx",
          lk->name, cpuid(), lk->pc);
  do {
    while (*(volatile uint *)&lk->locked) {
      pmap_interrupt(); /* its owner may wait for this hart's TLB, and interrupts are off */
      if ((++turns & 0xfffff) == 0)
        panic_stop_if_panicked();
      if (turns > TOO_MANY && r_time() - began > TOO_LONG) {
        struct cpu *owner = lk->cpu;
        panic("deadlock: hart %d has waited %ld seconds for spin lock \"%s\", held by hart %d since pc 0x%lx", cpuid(),
              (r_time() - began) / TIMEBASE_HZ, lk->name, owner ? (int)owner->hartid : -1, lk->pc);
      }
    }
  } while (__sync_lock_test_and_set(&lk->locked, 1) != 0);
}

/* Take the lock; interrupts stay off on this hart until release. */
void
acquire(struct spinlock *lk)
{
  push_off();
  if (__builtin_expect(__sync_lock_test_and_set(&lk->locked, 1) != 0, 0))
    spin(lk);
  lk->cpu = mycpu();
  lk->pc = (uint64)__builtin_return_address(0);
}

/* Give the lock back. */
void
release(struct spinlock *lk)
{
  struct cpu *c = mycpu();

  KASSERT(lk->locked && lk->cpu == c, "spin lock \"%s\" is released by hart %d, which does not hold it", lk->name, cpuid());
  lk->cpu = 0;
  __sync_lock_release(&lk->locked);
  pop(c);
}
