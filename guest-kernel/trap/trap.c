/*
 * Traps: system calls, page faults and other exceptions of user programs,
 * and interrupts wherever they come.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "abi/errno.h"
#include "abi/signal.h"

extern char trampoline_start[], uservec[], userret[], kernelvec[];
void usertrap(void) __attribute__((noreturn));
void kerneltrap(void);
void kernel_stack_overflow(uint64 sp) __attribute__((noreturn));

/* Where uservec and userret run: at the same address in every address space. */
static uint64 user_vector, user_return;

static const char *const exception_names[] = {
  "instruction address misaligned", "instruction access fault", "illegal instruction", "breakpoint",
  "load address misaligned", "load access fault", "store address misaligned", "store access fault",
  "environment call from user mode", "environment call from supervisor mode", "exception 10",
  "environment call from machine mode", "instruction page fault", "load page fault", "exception 14",
  "store page fault",
};

/* The exception's name in words. */
static const char *
exception_name(uint64 cause)
{
  return cause < sizeof exception_names / sizeof exception_names[0] ? exception_names[cause] : "unknown exception";
}

/* Called once, by hart 0. */
void
trap_init(void)
{
  user_vector = TRAMPOLINE + (uservec - trampoline_start);
  user_return = TRAMPOLINE + (userret - trampoline_start);
}

/* Let this hart take interrupts (they stay off until the scheduler turns them on). */
void
trap_init_hart(void)
{
  csr_write(stvec, (uint64)kernelvec);
  csr_write(0x14d, ~0UL); /* stimecmp */
  csr_write(sie, IP_SEI | IP_STI | IP_SSI);
}

/* Set this hart's timer to the end of the running process's slice or the next alarm, whichever is earlier. */
void
timer_set(void)
{
  uint64 alarm = next_alarm(), slice = mycpu()->slice_end;

  csr_write(0x14d, alarm < slice ? alarm : slice); /* stimecmp */
}

/* Interrupt another hart. It need not do anything: the interrupt ends its wfi. */
void
ipi_send(uint hart)
{
  *(volatile uint32 *)CLINT_MSIP(hart) = 1;
}

/* Serve the interrupt of a device. */
static void
external_interrupt(void)
{
  int irq = plic_claim();

  if (irq == UART0_IRQ)
    uartintr();
  else if (irq == VIRTIO_IRQ(0))
    virtio_disk_intr();
  else if (irq)
    printf("pagewalk: an interrupt of an unknown device, number %d\n", irq);
  if (irq)
    plic_complete(irq);
}

/* Serve an interrupt. Should the process running here give way to others? */
static int
interrupt(uint64 cause)
{
  uint64 now;
  int slice_over;

  switch (cause & ~SCAUSE_INTERRUPT) {
  case IRQ_S_EXTERNAL:
    external_interrupt();
    return 0;
  case IRQ_S_TIMER:
    now = r_time();
    alarm_tick(now);
    if (mycpu()->hartid == 0)
      clock_tick(now);
    panic_stop_if_panicked();
    slice_over = now >= mycpu()->slice_end;
    if (slice_over)
      mycpu()->slice_end = ~0UL; /* or the timer would ring again at once; the scheduler sets the next */
    timer_set();
    return slice_over;
  case IRQ_S_SOFTWARE:
    csr_clear(sip, IP_SSI);
    pmap_interrupt();
    panic_stop_if_panicked();
    vm_check_park();
    return 0;
  default:
    panic("an interrupt of unknown cause 0x%lx", cause);
  }
}

/* The right that a page fault lacked. */
static int
fault_access(uint64 cause)
{
  return cause == CAUSE_STORE_PAGE_FAULT ? PROT_WRITE : cause == CAUSE_FETCH_PAGE_FAULT ? PROT_EXEC : PROT_READ;
}

/* The signal for an access that vm_fault has refused with this error, and its code. */
static int
fault_signal(int error, int *code)
{
  if (error == -ENXIO || error == -EIO) {
    *code = BUS_ADRERR;
    return SIGBUS;
  }
  *code = error == -EACCES ? SEGV_ACCERR : SEGV_MAPERR;
  return SIGSEGV;
}

/* Serve a user program's page fault; or let its handler run, or kill it. */
static void
user_page_fault(struct proc *p, uint64 cause, uint64 va)
{
  int access = fault_access(cause), sig, code, error;

  mycpu()->nfaults++;
  intr_on();
  error = vm_fault(p->map, va, access);
  if (error == 0 || killed(p))
    return;
  if (error == -ENOMEM) {
    setkilled(p); /* no handler could run without memory */
  } else {
    sig = fault_signal(error, &code);
    if (signal_fault(p, sig, code, va))
      return;
  }
  printf("pid %d %s: %s at 0x%lx (%s), pc 0x%lx: killed\n", p->pid, p->name, exception_name(cause), va,
         vm_fault_reason(p->map, va, access, error), p->trapframe->epc);
}

/* The signal for an exception other than a page fault, and its code. (Division does not trap on RISC-V: there is no SIGFPE.) */
static int
exception_signal(uint64 cause, int *code)
{
  switch (cause) {
  case CAUSE_ILLEGAL:
    *code = ILL_ILLOPC;
    return SIGILL;
  case CAUSE_BREAKPOINT:
    *code = TRAP_BRKPT;
    return SIGTRAP;
  case CAUSE_FETCH_MISALIGNED:
  case CAUSE_LOAD_MISALIGNED:
  case CAUSE_STORE_MISALIGNED:
    *code = BUS_ADRALN;
    return SIGBUS;
  default:
    *code = BUS_ADRERR;
    return SIGBUS;
  }
}

/* A user program did what it must not: let its handler run, or kill it with a sentence. */
static void
user_exception(struct proc *p, uint64 cause, uint64 value)
{
  int code, sig = exception_signal(cause, &code);
  uint64 pc = p->trapframe->epc;

  intr_on();
  if (signal_fault(p, sig, code, cause == CAUSE_ILLEGAL || cause == CAUSE_BREAKPOINT ? pc : value))
    return;
  if (cause == CAUSE_BREAKPOINT) /* machines differ in stval here */
    printf("pid %d %s: breakpoint, pc 0x%lx: killed\n", p->pid, p->name, pc);
  else if (cause == CAUSE_ILLEGAL)
    printf("pid %d %s: illegal instruction 0x%lx, pc 0x%lx: killed\n", p->pid, p->name, value, pc);
  else
    printf("pid %d %s: %s at 0x%lx, pc 0x%lx: killed\n", p->pid, p->name, exception_name(cause), value, pc);
}

/* A trap from user mode; uservec has saved the registers and switched to the kernel's table. */
void
usertrap(void)
{
  struct proc *p = myproc();
  uint64 cause = csr_read(scause), value = csr_read(stval);

  csr_write(stvec, (uint64)kernelvec);
  p->trapframe->epc = csr_read(sepc);
  if (vm_check_gate && !(cause & SCAUSE_INTERRUPT))
    vm_check_hold();

  if (cause == CAUSE_ECALL_U) {
    p->trapframe->epc += 4;
    mycpu()->nsyscalls++;
    intr_on();
    if (!killed(p))
      syscall();
  } else if (cause & SCAUSE_INTERRUPT) {
    if (interrupt(cause) && !killed(p))
      yield();
  } else if (cause == CAUSE_LOAD_PAGE_FAULT || cause == CAUSE_STORE_PAGE_FAULT || cause == CAUSE_FETCH_PAGE_FAULT) {
    user_page_fault(p, cause, value);
  } else if (cause != CAUSE_ILLEGAL || !fpu_trap(p)) {
    user_exception(p, cause, value);
  }

  if (signal_work(p) && !killed(p)) {
    intr_on();
    signal_deliver(p);
  }
  if (killed(p)) {
    intr_on();
    exit(-1);
  }
  usertrapret();
}

/* Go (back) to user mode. */
void
usertrapret(void)
{
  struct proc *p = myproc();
  struct trapframe *tf = p->trapframe;

  intr_off();
  csr_write(stvec, user_vector);
  tf->kernel_tp = (uint64)mycpu();
  csr_clear(sstatus, SSTATUS_SPP);
  csr_set(sstatus, SSTATUS_SPIE);
  csr_write(sepc, tf->epc);
  ((void (*)(uint64, uint64))user_return)(pmap_user_satp(&p->map->pmap), trapframe_address(p));
  __builtin_unreachable();
}

/* A trap in the kernel: an interrupt, or a bug. */
void
kerneltrap(void)
{
  uint64 sepc = csr_read(sepc), sstatus = csr_read(sstatus), cause = csr_read(scause);

  if (!(cause & SCAUSE_INTERRUPT)) {
    uint64 offset = 0;
    const char *name = ksym_lookup(sepc, &offset);
    panic("%s at address 0x%lx in the kernel, pc 0x%lx %s+%ld", exception_name(cause), csr_read(stval), sepc,
          name ? name : "", offset);
  }
  if (interrupt(cause) && myproc() && myproc()->state == RUNNING)
    yield();
  /* yield may have let other traps change these; whether floating point is on is not the trap's affair */
  csr_write(sepc, sepc);
  csr_write(sstatus, (sstatus & ~SSTATUS_FS) | (csr_read(sstatus) & SSTATUS_FS));
}

/* Called by kernelvec on an emergency stack, when the stack pointer sp has run into a guard. */
void
kernel_stack_overflow(uint64 sp)
{
  uint64 sepc = csr_read(sepc), offset = 0;
  const char *name = ksym_lookup(sepc, &offset);

  panic("the kernel stack has overflowed: sp 0x%lx is in the guard, pc 0x%lx %s+%ld", sp, sepc, name ? name : "",
        offset);
}
