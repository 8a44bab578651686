/*
 * The harts' TLBs: address-space numbers, and telling TLBs of changes.
 *
 * Address-space numbers (ASIDs) are given out in order and never twice within
 * a generation; when they run out a new generation begins, and each hart
 * flushes its TLB before it uses a number of it. So a switch flushes nothing,
 * and neither does the end of a process. The kernel's own table has number 0.
 *
 * Changes of an address space are numbered (pmap->changes), and pmap->seen
 * says up to which of them each hart's TLB is right. A hart catches up before
 * it runs the address space. Those that run it at the moment are interrupted,
 * and the one that made the change waits for them: that is a shootdown. A hart
 * that cannot take the interrupt because it waits for a lock or for a
 * shootdown of its own catches up in that waiting loop (pmap_interrupt), so
 * two harts can never wait for each other.
 *
 * A hart sets its bit in runs_on before it looks at `changes`; who changes
 * something raises `changes` before it looks at runs_on. So at least one of
 * the two sees the other.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"

#define FLUSH_EACH 16 /* more changed pages than this are flushed by a whole address space */

struct pmap_stats pmap_stats;

/* Guards next_asid; asid_generation is also read without. */
static struct spinlock asid_lock;
static uint64 next_asid = 1, max_asid;
static volatile uint64 asid_generation = 1;

/* Forget all translations of this hart. */
static inline void
flush_all(void)
{
  __asm__ volatile("sfence.vma" : : : "memory");
}

/* Forget this hart's translations of one address space. */
static inline void
flush_asid(uint64 satp)
{
  __asm__ volatile("sfence.vma zero, %0" : : "r"(satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) : "memory");
}

/* Forget this hart's translation of one page of an address space. */
static inline void
flush_page(uint64 satp, uint64 va)
{
  __asm__ volatile("sfence.vma %0, %1" : : "r"(va), "r"(satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) : "memory");
}

/* Count something; any hart, any time. */
static inline void
count(uint64 *counter)
{
  __sync_fetch_and_add(counter, 1);
}

/* Use fewer numbers than there are, for a test, when the boot argument vm.asids says how many: generations end early then. 0: as if there were none. */
static void
limit_asids(void)
{
  const char *text = bootarg("vm.asids");
  uint64 n = 0;

  if (text == 0)
    return;
  for (const char *s = text; *s >= '0' && *s <= '9' && n <= max_asid; s++)
    n = n * 10 + (*s - '0');
  if (n < max_asid)
    max_asid = n;
  printf("pagewalk: %ld address-space numbers\n", max_asid);
}

/* Called once, at boot, with the kernel's table in use: how many ASID bits satp has shows in which of them stay set. */
void
pmap_tlb_init(uint64 kernel_satp)
{
  initlock(&asid_lock, "ASIDs");
  csr_write(satp, kernel_satp | SATP_ASID_MASK << SATP_ASID_SHIFT);
  max_asid = csr_read(satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK;
  csr_write(satp, kernel_satp);
  flush_all();
  limit_asids();
}

/* The generation of address-space numbers that are given out now. */
uint64
pmap_asid_generation(void)
{
  return asid_generation;
}

/* Is the last change, of this number, a small one? Then forget just its pages. */
static int
flush_narrow(struct pmap *pm, uint64 satp, uint64 number)
{
  uint64 start, end;

  if (pm->narrow != number)
    return 0;
  __sync_synchronize();
  start = pm->change_start;
  end = pm->change_end;
  __sync_synchronize();
  if (pm->narrow != number) /* they are another change's by now */
    return 0;
  for (; start < end; start += PGSIZE)
    flush_page(satp, start);
  return 1;
}

/* Let this hart's TLB learn of all changes of pm so far. Interrupts are off. */
static void
catch_up(struct pmap *pm, struct cpu *c)
{
  uint64 number = pm->changes, satp = pm->satp;

  if (pm->seen[c->hartid] == number)
    return;
  __sync_synchronize();
  if (pm->asid_generation != c->asid_generation)
    flush_all(); /* a thread on another hart has renewed the number; we may still run with the old one */
  else if (pm->seen[c->hartid] + 1 != number || !flush_narrow(pm, satp, number))
    flush_asid(satp);
  __sync_synchronize();
  pm->seen[c->hartid] = number;
}

/*
 * Another hart may want us to catch up with a change. Called by the
 * interprocessor interrupt, and by loops that wait with interrupts off.
 */
void
pmap_interrupt(void)
{
  struct cpu *c = mycpu();

  if (c->pmap)
    catch_up(c->pmap, c);
}

/* Wait until hart h has learned of change `number` of pm, or runs something else. */
static void
await(struct pmap *pm, uint h, uint64 number)
{
  while (cpus[h].pmap == pm && pm->seen[h] < number) {
    pmap_interrupt(); /* it may be waiting for us */
    panic_stop_if_panicked();
  }
}

/* Interrupt the harts in the set, which run pm, and wait until each has learned of its last change. */
static void
shoot_down(struct pmap *pm, uint targets)
{
  count(&pmap_stats.shootdowns);
  for (uint h = 0; h < NCPU; h++)
    if (targets & (1u << h)) {
      count(&pmap_stats.ipis);
      ipi_send(h);
    }
  for (uint h = 0; h < NCPU; h++)
    if (targets & (1u << h))
      await(pm, h, pm->changes);
}

/*
 * Can no TLB but ours hold translations of pm? Who begins to run it now finds
 * the tables as they are: call this after a change.
 */
static inline int
alone(struct pmap *pm)
{
  struct cpu *c = mycpu();
  uint me = 1u << c->hartid;

  __sync_synchronize();
  return pm->ran_on == me && pm->runs_on == me && pm->asid_generation == c->asid_generation;
}

/* The entry for va has changed, and no TLB but ours can hold it: forget it there. 0, and nothing done, when others can. */
int
pmap_flush_alone(struct pmap *pm, uint64 va)
{
  if (!alone(pm))
    return 0;
  flush_page(pm->satp, va);
  count(&pmap_stats.local);
  return 1;
}

/* Changes that concern no TLB but ours. */
static void
flush_here(struct pmap *pm, struct pmap_changes *ch)
{
  count(&pmap_stats.local);
  if (ch->whole || ch->end - ch->start > FLUSH_EACH * PGSIZE) {
    flush_asid(pm->satp);
    return;
  }
  for (uint64 va = ch->start; va < ch->end; va += PGSIZE)
    flush_page(pm->satp, va);
}

/*
 * An operation has made these changes: when this returns no TLB holds what
 * they withdrew (unless they may be learned later), and the dead tables are
 * free. pm->lock is held.
 */
void
pmap_publish(struct pmap_changes *ch)
{
  struct pmap *pm = ch->pm;
  struct cpu *c = mycpu();
  uint me = 1u << c->hartid, others;
  struct vm_page *pg, *next;

  if (ch->start == ch->end && !ch->whole) {
    return; /* then there is no dead table either */
  } else if (alone(pm)) {
    flush_here(pm, ch);
  } else {
    pm->narrow = 0;
    if (!ch->whole && ch->end - ch->start <= FLUSH_EACH * PGSIZE) {
      __sync_synchronize();
      pm->change_start = ch->start;
      pm->change_end = ch->end;
      __sync_synchronize();
      pm->narrow = pm->changes + 1;
    }
    __sync_synchronize();
    pm->changes++;
    __sync_synchronize();
    if (pm->runs_on & me)
      catch_up(pm, c);
    others = pm->runs_on & ~me;
    if (others && !ch->later)
      shoot_down(pm, others);
    else
      count((pm->ran_on & ~(pm->runs_on & me)) == 0 ? &pmap_stats.local : &pmap_stats.lazy);
  }
  for (pg = ch->dead; pg; pg = next) {
    next = pg->list_next;
    vm_page_free(pg);
  }
}

/*
 * Wait until no hart can use what pmap_page_remove and pmap_page_protect
 * withdrew before. An address space that another hart runs cannot go away
 * while cpus[h].pmap says so, and its structure stays readable afterwards.
 */
void
pmap_shootdown_sync(void)
{
  struct pmap *behind[NCPU] = { 0 };
  uint64 number[NCPU];
  int sent = 0;

  push_off();
  __sync_synchronize();
  for (uint h = 0; h < NCPU; h++) {
    struct pmap *pm = cpus[h].pmap;
    if (pm == 0 || &cpus[h] == mycpu() || pm->seen[h] >= (number[h] = pm->changes))
      continue;
    behind[h] = pm;
    sent = 1;
    count(&pmap_stats.ipis);
    ipi_send(h);
  }
  if (sent)
    count(&pmap_stats.shootdowns);
  for (uint h = 0; h < NCPU; h++)
    if (behind[h])
      await(behind[h], h, number[h]);
  pop_off();
}

/* Give pm a number of the current generation, or the first of a new one, unless another thread of it just has. */
static void
new_asid(struct pmap *pm)
{
  uint64 asid = 0;

  acquire(&asid_lock);
  if (pm->asid_generation != asid_generation) {
    if (max_asid > 0) {
      if (next_asid > max_asid) {
        asid_generation++;
        count(&pmap_stats.generations);
        next_asid = 1;
      }
      asid = next_asid++;
    }
    pm->asid_generation = asid_generation; /* before satp: see catch_up, which reads them the other way round */
    __sync_synchronize();
    pm->satp = SATP_SV39 | asid << SATP_ASID_SHIFT | (uint64)pm->root >> PGSHIFT;
    pm->ran_on = pm->runs_on;
  }
  release(&asid_lock);
}

/* Make pm what this hart's next return to user mode will use. Interrupts are off. */
void
pmap_activate(struct pmap *pm)
{
  struct cpu *c = mycpu();
  uint me = 1u << c->hartid;

  if (c->pmap != pm) {
    pmap_deactivate();
    c->pmap = pm;
    __sync_fetch_and_or(&pm->runs_on, me);
  }
  if (pm->asid_generation != asid_generation)
    new_asid(pm);
  if (c->asid_generation != pm->asid_generation) {
    flush_all();
    c->asid_generation = pm->asid_generation;
  }
  __sync_synchronize();
  if (pm->ran_on & me) {
    catch_up(pm, c);
  } else {
    pm->seen[c->hartid] = pm->changes; /* this number is new to our TLB, so it is right */
    __sync_fetch_and_or(&pm->ran_on, me);
  }
}

/* This hart no longer runs the address space it ran. Interrupts are off. */
void
pmap_deactivate(void)
{
  struct cpu *c = mycpu();
  struct pmap *pm = c->pmap;

  if (pm == 0)
    return;
  c->pmap = 0;
  __sync_fetch_and_and(&pm->runs_on, ~(1u << c->hartid));
}

/* satp for the way back to user mode. Interrupts are off. */
uint64
pmap_user_satp(struct pmap *pm)
{
  if (__builtin_expect(mycpu()->asid_generation != pm->asid_generation, 0))
    pmap_activate(pm); /* a thread on another hart has begun a new generation */
  return pm->satp;
}
