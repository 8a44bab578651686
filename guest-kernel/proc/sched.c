/*
 * Who runs: the queue of runnable processes, the per-hart scheduler, sleeping
 * and waking, and alarms.
 *
 * Lock order: a condition's own lock, a sleep queue's lock, p->lock, the run
 * queue's lock.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "fpu.h"
#include "vm.h"
#include "abi/errno.h"

/* Runnable processes, first come first served, for all harts. */
static struct {
  struct spinlock lock;
  struct proc *volatile head;
  struct proc *tail;
} runq;

/* Harts that wait in wfi for something to run, as a set of bits. */
static volatile uint idle_harts;

/* Sleeping processes, in lists by a hash of what they sleep on. */
#define NSLEEPQ 32
static struct sleepq {
  struct spinlock lock;
  struct proc *volatile head;
} sleepqs[NSLEEPQ];

/* Earliest mtime at which a process in sleep_ticks wants to wake; ~0 when none does. */
static struct spinlock alarm_lock;
static volatile uint64 alarm_at = ~0UL;

/* Make the queues. Called once, by hart 0. */
void
sched_init(void)
{
  initlock(&runq.lock, "run queue");
  initlock(&alarm_lock, "alarm");
  for (int i = 0; i < NSLEEPQ; i++)
    initlock(&sleepqs[i].lock, "sleep queue");
}

/* The longest-waiting runnable process, taken from the queue; null when there is none. */
static struct proc *
runq_take(void)
{
  struct proc *p;

  if (runq.head == 0)
    return 0;
  acquire(&runq.lock);
  p = runq.head;
  if (p) {
    runq.head = p->run_next;
    p->run_next = 0;
  }
  release(&runq.lock);
  return p;
}

/* Is a hart idle? Then end its wait, so that it looks for work. */
void
wake_idle_hart(void)
{
  uint others, h;

  __sync_synchronize();
  others = idle_harts & ~(1u << mycpu()->hartid);
  if (others == 0)
    return;
  h = lowest_bit(others);
  if (__sync_fetch_and_and(&idle_harts, ~(1u << h)) & (1u << h))
    ipi_send(h);
}

/* Let p run when its turn comes, and wake an idle hart for it. p->lock must be held. */
void
make_runnable(struct proc *p)
{
  p->state = RUNNABLE;
  acquire(&runq.lock);
  p->run_next = 0;
  if (runq.head)
    runq.tail->run_next = p;
  else
    runq.head = p;
  runq.tail = p;
  release(&runq.lock);

  wake_idle_hart();
}

/* Nothing to run: wait for an interrupt, and take it. */
static void
idle(struct cpu *c)
{
  uint me = 1u << c->hartid;

  while (runq.head == 0 && vm_page_zero_one()) /* work for later, while there is nothing better to do */
    ;
  c->slice_end = ~0UL;
  timer_set();
  __sync_fetch_and_or(&idle_harts, me);
  if (runq.head == 0)
    __asm__ volatile("wfi"); /* ends when an interrupt is pending, though they are off */
  __sync_fetch_and_and(&idle_harts, ~me);
  intr_on();
  intr_off();
}

/*
 * A hart's own loop: run a process until it gives the hart back (sched), then
 * the next one. A process keeps its p->lock while it switches in either
 * direction, so nobody else can run it before its context is saved.
 */
void
scheduler(void)
{
  struct cpu *c = mycpu();

  for (;;) {
    struct proc *p;
    uint64 now;

    intr_on(); /* processes that wait with interrupts off, and are killed, would keep them off for ever (sleep) */
    intr_off();
    p = runq_take();
    if (p == 0) {
      idle(c);
      continue;
    }
    acquire(&p->lock);
    KASSERT(p->state == RUNNABLE, "pid %d %s is in the run queue in state %d", p->pid, p->name, p->state);
    p->state = RUNNING;
    p->hart = c->hartid;
    if (p->map)
      pmap_activate(&p->map->pmap);
    c->proc = p;
    c->nswitches++;
    now = r_time();
    p->started = now;
    c->slice_end = now + SLICE_TIME;
    timer_set();
    swtch(&c->context, &p->context);
    pmap_deactivate();
    p->run_time += r_time() - p->started;
    c->proc = 0;
    c->intena = 0; /* the process's; the scheduler keeps interrupts off */
    release(&p->lock);
  }
}

/* Give the hart to the scheduler. p->lock must be held, no other spin lock, and the state no longer be RUNNING. */
void
sched(void)
{
  struct proc *p = myproc();
  struct cpu *c = mycpu();
  int intena;

  KASSERT(holding(&p->lock), "pid %d %s gives up its hart without p->lock", p->pid, p->name);
  KASSERT(c->noff == 1, "pid %d %s sleeps or yields with %d spin locks held", p->pid, p->name, c->noff - 1);
  KASSERT(p->state != RUNNING, "pid %d %s gives up its hart while RUNNING", p->pid, p->name);
  intena = c->intena;
  fpu_switch(p);
  swtch(&p->context, &c->context);
  mycpu()->intena = intena;
}

/* Let others run; we come back when our turn comes. */
void
yield(void)
{
  struct proc *p = myproc();

  acquire(&p->lock);
  make_runnable(p);
  sched();
  release(&p->lock);
}

/* The sleep queue for a channel. */
static struct sleepq *
sleepq_of(void *chan)
{
  uint64 h = (uint64)chan >> 3;

  return &sleepqs[(h ^ h >> 5 ^ h >> 10) % NSLEEPQ];
}

/* Must p break off a wait that may be broken off: is it killed, or is there a signal for it? */
int
interrupted(struct proc *p)
{
  return killed(p) || (*(volatile uint64 *)&p->sig_pending & ~p->sig_blocked) != 0;
}

/* The common part of sleep and sleep_intr. */
static void
sleep_on(void *chan, struct spinlock *lk, int interruptible)
{
  struct proc *p = myproc();
  struct sleepq *q = sleepq_of(chan);
  struct proc *volatile *tail;

  acquire(&q->lock);
  acquire(&p->lock);
  if (interruptible ? interrupted(p) : p->killed) {
    make_runnable(p);
  } else {
    p->chan = chan;
    p->state = SLEEPING;
    p->sleep_next = 0;
    for (tail = &q->head; *tail; tail = (struct proc *volatile *)&(*tail)->sleep_next)
      ;
    *tail = p;
  }
  release(lk); /* only now: wakeup looks whether the queue is empty without its lock */
  release(&q->lock);
  sched();
  release(&p->lock);
  acquire(lk);
}

/*
 * Sleep until wakeup(chan). lk guards the condition waited for; it is given
 * back while asleep and taken again. Check the condition in a loop: other
 * wake-ups come too. Who has been killed does not sleep but lets others run
 * and comes back, so that no kill is missed; a wait that may not be broken
 * off just goes round its loop.
 */
void
sleep(void *chan, struct spinlock *lk)
{
  sleep_on(chan, lk, 0);
}

/* The same, for a wait that a signal breaks off: the caller's loop ends, with -EINTR, when interrupted(myproc()). */
void
sleep_intr(void *chan, struct spinlock *lk)
{
  sleep_on(chan, lk, 1);
}

/* Wake all who sleep on chan. Callable anywhere, from interrupts too, but not with a p->lock held. */
void
wakeup(void *chan)
{
  struct sleepq *q = sleepq_of(chan);
  struct proc *volatile *link;
  struct proc *p;

  __sync_synchronize();
  if (q->head == 0)
    return;
  acquire(&q->lock);
  for (link = &q->head; (p = *link) != 0;) {
    if (p->chan != chan) {
      link = (struct proc *volatile *)&p->sleep_next;
      continue;
    }
    *link = p->sleep_next;
    acquire(&p->lock);
    p->chan = 0;
    make_runnable(p);
    release(&p->lock);
  }
  release(&q->lock);
}

/* If p sleeps, wake it, whatever it sleeps on. No p->lock may be held. */
void
unsleep(struct proc *p)
{
  void *chan = *(void *volatile *)&p->chan;
  struct sleepq *q;
  struct proc *volatile *link;

  if (chan == 0)
    return;
  q = sleepq_of(chan);
  acquire(&q->lock);
  for (link = &q->head; *link; link = (struct proc *volatile *)&(*link)->sleep_next) {
    if (*link != p)
      continue;
    *link = p->sleep_next;
    acquire(&p->lock);
    p->chan = 0;
    make_runnable(p);
    release(&p->lock);
    break;
  }
  release(&q->lock);
}

/* Ticks of 100 ms since the machine was switched on. */
uint64
ticks_now(void)
{
  return r_time() / TICK_TIME;
}

/*
 * Sleep until mtime is `until` (~0: for ever) or, unless flag is null,
 * set_flag sets *flag. -ETIMEDOUT, 0 for the flag, or -EINTR by a signal.
 */
int
sleep_until(uint64 until, volatile int *flag)
{
  struct proc *p = myproc();
  int result;

  acquire(&alarm_lock);
  for (;;) {
    result = flag && *flag ? 0 : r_time() >= until ? -ETIMEDOUT : interrupted(p) ? -EINTR : 1;
    if (result <= 0)
      break;
    if (until < alarm_at)
      alarm_at = until; /* this hart's timer is set for it when the scheduler gets control */
    sleep_intr((void *)&alarm_at, &alarm_lock);
  }
  release(&alarm_lock);
  return result;
}

/* Set the flag that p waits for in sleep_until, and wake it. */
void
set_flag(volatile int *flag, struct proc *p)
{
  acquire(&alarm_lock); /* p has seen it, or sleeps */
  *flag = 1;
  release(&alarm_lock);
  unsleep(p);
}

/* Sleep until n ticks have begun. 0, or -EINTR when killed or signalled. */
int
sleep_ticks(uint64 n)
{
  int result = sleep_until((ticks_now() + n) * TICK_TIME, 0);

  return result == -ETIMEDOUT ? 0 : result;
}

/* The mtime of the next alarm, ~0 when there is none. */
uint64
next_alarm(void)
{
  return alarm_at;
}

/* The timer has rung: wake the sleepers if an alarm is due. Each that is not yet due asks again. */
void
alarm_tick(uint64 now)
{
  if (now < alarm_at)
    return;
  acquire(&alarm_lock);
  if (now >= alarm_at) {
    alarm_at = ~0UL;
    wakeup((void *)&alarm_at);
  }
  release(&alarm_lock);
}
