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

/* Let p run when its turn comes, and wake an idle hart for it. p->lock must be held. */
void
make_runnable(struct proc *p)
{
  uint others;

  p->state = RUNNABLE;
  acquire(&runq.lock);
  p->run_next = 0;
  if (runq.head)
    runq.tail->run_next = p;
  else
    runq.head = p;
  runq.tail = p;
  release(&runq.lock);

  __sync_synchronize();
  others = idle_harts & ~(1u << cpuid());
  if (others) {
    uint h = lowest_bit(others);
    if (__sync_fetch_and_and(&idle_harts, ~(1u << h)) & (1u << h))
      ipi_send(h);
  }
}

/* Nothing to run: wait for an interrupt, and take it. */
static void
idle(struct cpu *c)
{
  uint me = 1u << c->hartid;

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

  intr_off();
  for (;;) {
    struct proc *p = runq_take();
    uint64 now;

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
  struct proc *p = myproc();
  struct sleepq *q = sleepq_of(chan);
  struct proc *volatile *tail;

  acquire(&q->lock);
  acquire(&p->lock);
  if (p->killed) {
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

/* Sleep until n ticks have begun. 0, or -EINTR when killed. */
int
sleep_ticks(uint64 n)
{
  uint64 until = (ticks_now() + n) * TICK_TIME;
  struct proc *p = myproc();
  int result = 0;

  acquire(&alarm_lock);
  while (r_time() < until && result == 0) {
    if (until < alarm_at)
      alarm_at = until; /* this hart's timer is set for it when the scheduler gets control */
    sleep((void *)&alarm_at, &alarm_lock);
    if (killed(p))
      result = -EINTR;
  }
  release(&alarm_lock);
  return result;
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
