/*
 * Clocks: time since power-on from the hart's counter, time of day from the
 * real-time clock read once at boot, both also in the vDSO's time page.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vdso.h"
#include "abi/errno.h"
#include "abi/time.h"

#define BILLION 1000000000UL
#define COUNT_NS (BILLION / TIMEBASE_HZ)

extern char vdso_image[], vdso_sigreturn_code[];

static union {
  struct vdso_time time;
  char page[4096];
} vdso_page __attribute__((aligned(4096)));

/* Called once, at boot. */
void
clock_init(void)
{
  struct vdso_time *t = &vdso_page.time;

  t->per_count = COUNT_NS;
  t->epoch = rtc_seconds() * BILLION - r_time() * COUNT_NS;
}

/*
 * Bring the vDSO's page up to date: its readers add to what it says, so that
 * is right at any age, but the product of counts and nanoseconds must not
 * overflow. Hart 0's timer interrupt calls this.
 */
void
clock_tick(uint64 now)
{
  struct vdso_time *t = &vdso_page.time;

  if (now - t->count < TIMEBASE_HZ)
    return;
  t->sequence++;
  __sync_synchronize();
  t->nanoseconds += (now - t->count) * COUNT_NS;
  t->count = now;
  __sync_synchronize();
  t->sequence++;
}

/* The kernel's address of the vDSO's page of code. */
const void *
vdso_code_page(void)
{
  return vdso_image;
}

/* The kernel's address of the page that tells the time. */
const void *
vdso_time_page(void)
{
  return &vdso_page;
}

/* The user address where a signal handler returns to. */
uint64
vdso_sigreturn(void)
{
  return VDSO_CODE + (vdso_sigreturn_code - vdso_image);
}

/* Nanoseconds on a clock, or -EINVAL. */
static int64
clock_now(int clock)
{
  struct proc *p = myproc();

  switch (clock) {
  case CLOCK_REALTIME:
    return vdso_page.time.epoch + r_time() * COUNT_NS;
  case CLOCK_MONOTONIC:
  case CLOCK_BOOTTIME:
    return r_time() * COUNT_NS;
  case CLOCK_PROCESS_CPUTIME_ID:
    return (p->run_time + (r_time() - p->started)) * COUNT_NS;
  default:
    return -EINVAL;
  }
}

/* clock_gettime(clock, struct timespec *). */
long
sys_clock_gettime(void)
{
  int64 now = clock_now((int)argraw(0));
  struct timespec ts = { now / (long)BILLION, now % (long)BILLION };

  return now < 0 ? now : copyout(myproc()->map, argraw(1), &ts, sizeof ts);
}

/* gettimeofday(struct timeval *, null). */
long
sys_gettimeofday(void)
{
  int64 now = clock_now(CLOCK_REALTIME);
  struct timeval tv = { now / (long)BILLION, now % (long)BILLION / 1000 };

  return argraw(0) == 0 ? 0 : copyout(myproc()->map, argraw(0), &tv, sizeof tv);
}

/* Fetch a span of time at user address va as counts of the clock, rounded up and at most some centuries. 0, -EFAULT or -EINVAL. */
int
fetch_timespec(uint64 va, uint64 *counts)
{
  struct timespec ts;

  if (copyin(myproc()->map, &ts, va, sizeof ts) < 0)
    return -EFAULT;
  if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= (long)BILLION)
    return -EINVAL;
  if (ts.tv_sec > (1L << 34))
    ts.tv_sec = 1L << 34;
  *counts = ts.tv_sec * TIMEBASE_HZ + (ts.tv_nsec + COUNT_NS - 1) / COUNT_NS;
  return 0;
}

/* nanosleep(const struct timespec *, struct timespec *left): left, unless null, gets what a signal has cut off. */
long
sys_nanosleep(void)
{
  uint64 counts, until, now, left_va = argraw(1);
  int error = fetch_timespec(argraw(0), &counts);

  if (error)
    return error;
  until = r_time() + counts;
  error = sleep_until(until, 0);
  now = r_time();
  if (error == -EINTR && left_va && !killed(myproc())) {
    uint64 left = until > now ? until - now : 0;
    struct timespec ts = { left / TIMEBASE_HZ, left % TIMEBASE_HZ * COUNT_NS };
    if (copyout(myproc()->map, left_va, &ts, sizeof ts) < 0)
      return -EFAULT;
  }
  return error == -ETIMEDOUT ? 0 : error;
}
