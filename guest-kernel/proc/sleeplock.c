/*
 * Sleep locks: a waiter leaves the hart to others.
 *
 * Taking a free lock and giving back one that nobody waits for are a single
 * atomic operation each: state goes 0 -> 1 -> 0. A waiter sets 2, which
 * obliges the holder to wake it.
 */
#include "types.h"
#include "defs.h"
#include "proc.h"
#include "sleeplock.h"

/* Make a lock, free. The name must stay. */
void
initsleeplock(struct sleeplock *lk, const char *name)
{
  initlock(&lk->lk, name);
  lk->name = name;
  lk->state = 0;
  lk->owner = 0;
}

/*
 * We are about to wait for lk. Follow who waits for whom; if that leads back
 * to us nobody will ever move. The links are read without locks: a ring of
 * waiters does not change, so a true ring is always seen by its last member.
 */
static void
check_ring(struct sleeplock *lk, struct proc *me)
{
  struct proc *p = *(struct proc *volatile *)&lk->owner;

  for (int i = 0; i < NPROC && p; i++) {
    struct sleeplock *next = *(struct sleeplock *volatile *)&p->waits_for;
    if (p == me) {
      KASSERT(lk->owner != me, "sleep lock \"%s\" is acquired a second time by pid %d %s", lk->name, me->pid, me->name);
      panic("deadlock: pid %d %s waits for sleep lock \"%s\" of pid %d %s, who waits for \"%s\" in a ring back to pid %d",
            me->pid, me->name, lk->name, lk->owner->pid, lk->owner->name,
            lk->owner->waits_for ? lk->owner->waits_for->name : "?", me->pid);
    }
    if (next == 0)
      return;
    p = *(struct proc *volatile *)&next->owner;
  }
}

/* Take the lock, sleeping while somebody else holds it. */
static void __attribute__((noinline))
wait_for(struct sleeplock *lk, struct proc *p)
{
  acquire(&lk->lk);
  while (__atomic_exchange_n(&lk->state, 2, __ATOMIC_ACQUIRE) != 0) {
    p->waits_for = lk;
    __sync_synchronize();
    check_ring(lk, p);
    sleep(lk, &lk->lk);
  }
  p->waits_for = 0;
  release(&lk->lk);
}

/* Take the lock; the caller must be a process and hold no spin lock. */
void
acquiresleep(struct sleeplock *lk)
{
  struct proc *p = myproc();
  uint free = 0;

  if (!__atomic_compare_exchange_n(&lk->state, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    wait_for(lk, p);
  lk->owner = p;
}

/* Give the lock back and wake who waits for it. */
void
releasesleep(struct sleeplock *lk)
{
  KASSERT(lk->owner == myproc(), "sleep lock \"%s\" is released by pid %d but held by pid %d", lk->name,
          myproc() ? myproc()->pid : 0, lk->owner ? lk->owner->pid : 0);
  lk->owner = 0;
  if (__atomic_exchange_n(&lk->state, 0, __ATOMIC_RELEASE) == 2) {
    acquire(&lk->lk);
    wakeup(lk);
    release(&lk->lk);
  }
}

/* Does the current process hold the lock? */
int
holdingsleep(struct sleeplock *lk)
{
  return lk->owner == myproc();
}
