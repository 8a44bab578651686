/* signal_*: the frame that the kernel writes for a handler, and takes back: it never leaves the alternate stack, and
 * whatever a program puts into it, sigreturn gives user registers and no more. */
#include "vt.h"

#include <syscall.h>

/* As on the stack (guest-kernel/include/sigstate.h); floating-point registers are there where they are in use. */
struct frame {
  siginfo_t info;
  ucontext_t context;
};
#define WITHOUT_FP (long)__builtin_offsetof(struct frame, context.uc_mcontext.fpregs)

/* ---- the alternate stack ---- */

#define STACK_ROOM (8 * PAGE) /* the alternate stack is at its upper end */
#define HANDLER_NEEDS 256     /* what the handler itself may put on its stack */

/* In shared memory, so that it can be looked at after the process was killed. */
static char *room;
static volatile int *runs;

static int wanted_runs, by_fault;
static char *lowest; /* address of the alternate stack */
enum { FRAME_BELOW = 40, USED_UP }; /* how a handler ends that finds its frame below the stack, or no room for itself */
static volatile char *volatile null_page = (volatile char *)8; /* so that the compiler does not know better */

/** Raises its signal again, or faults again, until it has run so often. */
static void nesting(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  (void)info;
  long left = (char *)__builtin_frame_address(0) - lowest;
  if (left < HANDLER_NEEDS)
    exit(left < 0 ? FRAME_BELOW : USED_UP);
  if (++*runs < wanted_runs) {
    if (by_fault)
      *null_page = 1;
    else
      raise(signal);
  }
  if (by_fault) {
    uint16 *pc = (uint16 *)c->uc_mcontext.gregs[REG_PC];
    c->uc_mcontext.gregs[REG_PC] += (*pc & 3) == 3 ? 4 : 2;
  }
}

/** Handlers nest `times` deep on an alternate stack of `size` bytes. */
static void nest(long size) {
  stack_t stack = { .ss_sp = room + STACK_ROOM - size, .ss_size = (uint64)size };
  CHECK(sigaltstack(&stack, NULL) == 0);
  lowest = stack.ss_sp;
  catch_signal(by_fault ? SIGSEGV : SIGUSR1, nesting, SA_ONSTACK | SA_NODEFER);
  if (by_fault)
    *null_page = 1;
  else
    raise(SIGUSR1);
}

/** Small alternate stacks run over: the process dies, and nothing below them was written; a large one holds a nest of 8. */
static void overflows(int fault) {
  room = map_anon(STACK_ROOM, RW, MAP_SHARED);
  runs = (volatile int *)map_anon(PAGE, RW, MAP_SHARED);
  int killed = 0;
  by_fault = fault;
  wanted_runs = 8;
  child_ok(nest, STACK_ROOM);
  if (*runs != 8)
    fail("on a large stack %d of 8 handlers ran", *runs);
  for (long size = MINSIGSTKSZ; size <= 2 * PAGE; size += 256) {
    wanted_runs = 1000;
    *runs = 0;
    memset(room, 's', STACK_ROOM);
    int status = status_of(nest, size);
    if (status != -1 && status != USED_UP)
      fail("a nest of handlers deeper than an alternate stack of %ld bytes ended with %d after %d", size, status, *runs);
    killed += status == -1;
    for (long i = 0; i < STACK_ROOM - size; i++)
      if (room[i] != 's')
        fail("a stack of %ld bytes: after %d handlers %ld bytes below it were written", size, *runs, STACK_ROOM - size - i);
    if (*runs < 1 || *runs > size / WITHOUT_FP)
      fail("on a stack of %ld bytes %d handlers ran", size, *runs);
  }
  CHECK(killed > 0);
}

static void alternate_stack_overflow(void) { overflows(0); }
static void alternate_stack_overflow_by_faults(void) { overflows(1); }

/* ---- forged frames ---- */

/** sigreturn with this stack pointer; then exit(0). */
static void __attribute__((noreturn)) return_from(const void *sp) {
  __asm__ volatile("mv sp, %0\nli a7, %1\necall\nli a0, 0\nli a7, 2\necall" : : "r"(sp), "i"(SYS_sigreturn) : "a0", "a7", "memory");
  __builtin_unreachable();
}

/** Frames of one value throughout, and none. */
static void forged_return(long how) {
  char *p = map_anon(4 * PAGE, RW, MAP_PRIVATE);
  memset(p, how == 0 ? 0 : 0xff, 4 * PAGE);
  if (how == 2)
    for (int i = 0; i < 4 * PAGE; i += 8)
      *(uint64 *)(p + i) = 0x80000000; /* pc in the kernel, whatever the layout */
  return_from(how == 3 ? (char *)16 : p + PAGE);
}

static void forged_frames(void) {
  for (long how = 0; how < 4; how++)
    expect_killed(forged_return, how, "a return into the kernel or to nothing");
  CHECK(getpid() > 0);
}

/** Stack pointers where no frame can be read, of every kind. */
static const uint64 wild_places[] = {
  0, 8, 0xfff0, 0x80000000, 0x80200000, 0x10000000, 0x2000000, USERTOP - 16, USERTOP, USERTOP + 16, 0x3fffff0000, 0x3fffff2000,
  (1UL << 38) - 4096, (1UL << 38) - 8192, 1UL << 38, 1UL << 63, -4096UL, -16UL, -8UL, 0x5555555555555550,
};

static struct frame frame __attribute__((aligned(16)));

/** Everything random, but pc and sp. */
static void randomise(uint64 seed, uint64 pc, uint64 sp) {
  for (uint64 *p = (uint64 *)&frame; p < (uint64 *)(&frame + 1); p++)
    *p = rand_next(&seed);
  frame.context.uc_mcontext.gregs[REG_PC] = pc;
  frame.context.uc_mcontext.gregs[REG_SP] = sp;
}

/** Program counters where a user has no business: each faults in user mode, whatever the other registers are. */
static void return_to_pc(long pc) {
  randomise((uint64)pc + 1, (uint64)pc, 0x80001000);
  return_from(&frame);
}

static void wild_program_counters(void) {
  for (uint i = 0; i < sizeof wild_places / sizeof wild_places[0]; i++)
    if (wild_places[i] < 0x3fffff0000 || wild_places[i] >= 0x3fffff1000) /* the vDSO's code may run */
      expect_killed(return_to_pc, (long)wild_places[i], "a return to a wild place");
  extern char etext[];
  expect_killed(return_to_pc, (long)&frame, "a return into data");
  expect_killed(return_to_pc, ((long)etext + 8 * PAGE) & -PAGE, "a return behind the text");
}

/* Where the registers are stored by `landing`, which finds it in tp. */
static uint64 landed[32];

void landing(void);
__asm__(
    ".pushsection .text\n.globl landing\nlanding:\n"
    ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "sd x\\n, 8*\\n(tp)\n"
    ".endr\n"
    ".option push\n.option norelax\nla sp, landing_stack_top\n.option pop\n"
    "mv a0, tp\n"
    "j landing_done\n"
    ".popsection\n");
char landing_stack[4 * 4096] __attribute__((aligned(16)));
__asm__(".globl landing_stack_top\n.set landing_stack_top, landing_stack + 4 * 4096\n");

void landing_done(uint64 *found);
void __attribute__((noreturn)) landing_done(uint64 *found) {
  for (int n = 1; n < 32; n++)
    if (found[n] != frame.context.uc_mcontext.gregs[n])
      fail("x%d is %lx after sigreturn, in the frame it was %lx", n, found[n], frame.context.uc_mcontext.gregs[n]);
  sigset_t mask = 0, wanted = frame.context.uc_sigmask & (SIGBIT(NSIG) - 1) & ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
  CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
  if (mask != wanted)
    fail("mask %lx has become %lx", frame.context.uc_sigmask, mask);
  exit(0);
}

/** A frame with random values in all registers that a program can go on with. */
static void good_frame(long seed) {
  randomise((uint64)seed, (uint64)landing, (uint64)seed * 0x9e3779b97f4a7c15);
  frame.context.uc_mcontext.gregs[REG_TP] = (uint64)landed;
}

static void return_with_registers(long seed) {
  good_frame(seed);
  return_from(&frame);
}

/** The program has exactly these registers, and a mask that leaves SIGKILL and SIGSTOP alone. */
static void forged_registers(void) {
  for (long seed = 1; seed <= 24; seed++)
    child_ok(return_with_registers, seed);
}

static void return_to_place(long place) { return_from((void *)place); }

static char *edge; /* a page, then nothing */

/** A good frame so many bytes behind the place for one. */
static void return_to_odd_place(long odd) {
  good_frame(1);
  memcpy(edge + odd, &frame, sizeof frame);
  return_from(edge + odd);
}

static void wild_stack_pointers(void) {
  for (uint i = 0; i < sizeof wild_places / sizeof wild_places[0]; i++)
    expect_killed(return_to_place, (long)wild_places[i], "a frame at a wild place");
  edge = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  unmap(edge + PAGE, PAGE);
  for (long back = 16; back < WITHOUT_FP; back += 48)
    expect_killed(return_to_place, (long)(edge + PAGE - back), "a frame that goes beyond what is mapped");
  child_ok(return_to_odd_place, 0);
  for (long odd = 1; odd < 16; odd++)
    expect_killed(return_to_odd_place, odd, "a good frame at an odd place");
}

/** What only the kernel may do is still refused after a return with a forged frame. */
static long forbidden;

void __attribute__((noreturn)) try_forbidden(void);
void __attribute__((noreturn)) try_forbidden(void) {
  switch (forbidden) {
  case 0: __asm__ volatile("csrr a0, sstatus"); break;
  case 1: __asm__ volatile("csrw sepc, zero"); break;
  case 2: __asm__ volatile("csrr a0, satp"); break;
  case 3: __asm__ volatile("sret"); break;
  case 4: __asm__ volatile("sfence.vma"); break;
  case 5: (void)*(volatile char *)0x80000000; break;
  case 6: *(volatile char *)0x10000000 = '!'; break;
  case 7: (void)*(volatile char *)((1UL << 38) - 8192); break;
  }
  exit(0);
}

static void return_and_try(long what) {
  forbidden = what;
  randomise((uint64)what + 100, (uint64)try_forbidden, (uint64)landing_stack + sizeof landing_stack);
  frame.context.uc_sigmask = 0;
  return_from(&frame);
}

static void forged_privileges(void) {
  for (long what = 0; what < 8; what++)
    expect_killed(return_and_try, what, "what only the kernel may do");
}

const struct test signal_frame_tests[] = {
  { "signal_alternate_stack_overflow", alternate_stack_overflow, 0 },
  { "signal_alternate_stack_overflow_by_faults", alternate_stack_overflow_by_faults, 0 },
  { "signal_forged_frames", forged_frames, 0 },
  { "signal_forged_stack_pointers", wild_stack_pointers, 0 },
  { "signal_forged_program_counters", wild_program_counters, 0 },
  { "signal_forged_registers", forged_registers, 0 },
  { "signal_forged_privileges", forged_privileges, 0 },
  { NULL, NULL, 0 },
};
