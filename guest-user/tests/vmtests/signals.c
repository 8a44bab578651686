/* signal_*: signals for faults: address and code, resuming, nesting, the alternate stack. */
#include "vt.h"

static volatile int count, last_code, last_signal;
static void *volatile last_address;
static volatile char *volatile null_page = (volatile char *)8; /* so that the compiler does not know better */

static void note(int signal, siginfo_t *info) {
  count++;
  last_signal = signal;
  last_code = info->si_code;
  last_address = info->si_addr;
}

/** Notes the fault, then makes the page accessible, so that the instruction runs again and succeeds. */
static void note_and_fix(int signal, siginfo_t *info, void *context) {
  (void)context;
  note(signal, info);
  if (count > 100)
    fail("the same fault came 100 times");
  char *page = (char *)((uint64)info->si_addr & -PAGE);
  if (mmap(page, PAGE, RW, PRIVATE_ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && mprotect(page, PAGE, RW) < 0)
    fail("cannot make %p accessible: %s", page, strerror(errno));
}

/** Notes the fault and steps over the instruction (a compressed one is 2 bytes long). */
static void note_and_skip(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  note(signal, info);
  uint16 *pc = (uint16 *)c->uc_mcontext.gregs[REG_PC];
  c->uc_mcontext.gregs[REG_PC] += (*pc & 3) == 3 ? 4 : 2;
}

/** Touches p with the handler that steps over, and checks what it was told. */
static void expect_fault(char *p, int write, int signal, int code, const char *what) {
  count = 0;
  if (write)
    *(volatile char *)p = 1;
  else
    (void)*(volatile char *)p;
  if (count != 1)
    fail("%s: the handler ran %d times", what, count);
  if (last_signal != signal || last_code != code || last_address != p)
    fail("%s at %p: signal %d, code %d, address %p", what, p, last_signal, last_code, last_address);
}

static void addresses_and_codes(void) {
  catch_signal(SIGSEGV, note_and_skip, 0);
  catch_signal(SIGBUS, note_and_skip, 0);
  char *readable = map_anon(2 * PAGE, PROT_READ, MAP_PRIVATE), *no_rights = map_anon(PAGE, PROT_NONE, MAP_PRIVATE);
  char *none = empty_range(2 * PAGE, PAGE); /* last, so that nothing takes the place */
  expect_fault(none + 123, 0, SIGSEGV, SEGV_MAPERR, "reading what is not mapped");
  expect_fault(none + PAGE + 4095, 1, SIGSEGV, SEGV_MAPERR, "writing to what is not mapped");
  expect_fault(readable + 77, 1, SIGSEGV, SEGV_ACCERR, "writing to a read-only page");
  expect_fault(no_rights + 5, 0, SIGSEGV, SEGV_ACCERR, "reading a PROT_NONE page");
  expect_fault((char *)8, 0, SIGSEGV, SEGV_MAPERR, "reading page 0");
  expect_fault((char *)USERTOP + 100 * PAGE, 1, SIGSEGV, SEGV_MAPERR, "writing above the top");
  expect_fault((char *)0x80000000, 0, SIGSEGV, SEGV_MAPERR, "reading the kernel");
  expect_fault((char *)(long)addresses_and_codes, 1, SIGSEGV, SEGV_ACCERR, "writing to text");
  expect_fault((char *)sbrk(0) + 2 * PAGE, 1, SIGSEGV, SEGV_MAPERR, "writing beyond the break");
}

static void past_end_of_file(void) {
  catch_signal(SIGSEGV, note_and_skip, 0);
  catch_signal(SIGBUS, note_and_skip, 0);
  int fd = pattern_file("f", 100, 1);
  char *p = map_file(fd, 3 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, 3 * PAGE, RW, MAP_PRIVATE, 0);
  CHECK(p[200] == 0);
  expect_fault(p + PAGE + 9, 0, SIGBUS, BUS_ADRERR, "reading past the end of a shared file");
  expect_fault(p + 2 * PAGE, 1, SIGBUS, BUS_ADRERR, "writing past the end of a shared file");
  expect_fault(q + PAGE, 0, SIGBUS, BUS_ADRERR, "reading past the end of a private mapping");
  expect_fault(q + PAGE, 1, SIGBUS, BUS_ADRERR, "writing past the end of a private mapping");
}

/** The first byte that cannot be accessed is reported, also when an access begins on a good page. */
static void crossing_access(void) {
  catch_signal(SIGSEGV, note_and_skip, 0);
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  unmap(p + PAGE, PAGE);
  count = 0;
  *(volatile uint64 *)(p + PAGE - 3) = ~0UL;
  CHECK(count == 1 && last_signal == SIGSEGV);
  CHECK((char *)last_address >= p + PAGE - 3 && (char *)last_address < p + PAGE + 5);
}

static void resumes_after_mprotect(void) {
  catch_signal(SIGSEGV, note_and_fix, 0);
  char *p = map_anon(8 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 8, 1);
  CHECK(mprotect(p, 8 * PAGE, PROT_NONE) == 0);
  count = 0;
  check_pages(p, 8, 1, "read through the handler");
  CHECK(count == 8);
  CHECK(mprotect(p, 8 * PAGE, PROT_READ) == 0);
  number_pages(p, 8, 2);
  CHECK(count == 16 && last_code == SEGV_ACCERR);
  check_pages(p, 8, 2, "written through the handler");
}

static void resumes_after_mmap(void) {
  catch_signal(SIGSEGV, note_and_fix, 0);
  char *p = empty_range(4 * PAGE, PAGE);
  count = 0;
  number_pages(p, 4, 3);
  check_pages(p, 4, 3, "memory made by the handler");
  CHECK(count == 4 && last_code == SEGV_MAPERR);
}

/** A handler that changes registers: the value that a faulting load "found". */
static void give_value(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  note(signal, info);
  c->uc_mcontext.gregs[REG_A0] = 4711;
  c->uc_mcontext.gregs[REG_PC] += 4;
}

static void changes_registers(void) {
  long value;
  catch_signal(SIGSEGV, give_value, 0);
  __asm__ volatile(".option push\n.option norvc\nmv a0, zero\nld a0, 8(a0)\nmv %0, a0\n.option pop" : "=r"(value) : : "a0", "memory");
  CHECK(value == 4711);
}

/** Every register is after the handler what it was before, also those that C code may spoil. */
static void spoil(int signal, siginfo_t *info, void *context) {
  note_and_skip(signal, info, context);
  __asm__ volatile("li t0, 1\nli t1, 2\nli t2, 3\nli t3, 4\nli t4, 5\nli t5, 6\nli t6, 7\nli a0, 8\nli a1, 9\nli a2, 10\nli a3, 11\nli a4, 12\nli a5, 13\nli a6, 14\nli a7, 15"
                   ::: "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7");
}

static void keeps_registers(void) {
  uint64 sum;
  catch_signal(SIGSEGV, spoil, 0);
  __asm__ volatile(
      "li t0, 101\nli t1, 102\nli t2, 103\nli t3, 104\nli t4, 105\nli t5, 106\nli t6, 107\n"
      "li a0, 108\nli a1, 109\nli a2, 110\nli a3, 111\nli a4, 112\nli a5, 113\nli a6, 114\nli a7, 115\n"
      "sd zero, 0(zero)\n"
      "slli t1, t1, 1\nslli t2, t2, 2\nslli t3, t3, 3\nslli t4, t4, 4\nslli t5, t5, 5\nslli t6, t6, 6\n"
      "add t0, t0, t1\nadd t0, t0, t2\nadd t0, t0, t3\nadd t0, t0, t4\nadd t0, t0, t5\nadd t0, t0, t6\n"
      "slli a1, a1, 1\nslli a2, a2, 2\nslli a3, a3, 3\nslli a4, a4, 4\nslli a5, a5, 5\nslli a6, a6, 6\nslli a7, a7, 7\n"
      "add a0, a0, a1\nadd a0, a0, a2\nadd a0, a0, a3\nadd a0, a0, a4\nadd a0, a0, a5\nadd a0, a0, a6\nadd a0, a0, a7\n"
      "add %0, t0, a0\n"
      : "=r"(sum) : : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
  uint64 wanted = 0;
  for (uint64 i = 0; i < 7; i++)
    wanted += (101 + i) << i;
  for (uint64 i = 0; i < 8; i++)
    wanted += (108 + i) << i;
  CHECK(count == 1 && sum == wanted);
}

/** A fault of another kind inside a handler is handled, then the first goes on. */
static char *volatile inner_page, *volatile outer_page;
static volatile int order[4], steps;

static void inner_handler(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  order[steps++] = 2;
  CHECK(info->si_addr == inner_page);
  CHECK(mmap(inner_page, PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == inner_page);
}

static void outer_handler(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  order[steps++] = 1;
  CHECK(info->si_addr == outer_page);
  *(volatile char *)inner_page = 'i'; /* SIGBUS here */
  order[steps++] = 3;
  CHECK(mprotect(outer_page, PAGE, RW) == 0);
}

static void nested(void) {
  catch_signal(SIGSEGV, outer_handler, 0);
  catch_signal(SIGBUS, inner_handler, 0);
  int fd = pattern_file("f", 10, 1);
  inner_page = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0) + PAGE;
  outer_page = map_anon(PAGE, PROT_NONE, MAP_PRIVATE);
  *(volatile char *)outer_page = 'o';
  if (steps != 3 || order[0] != 1 || order[1] != 2 || order[2] != 3)
    fail("%d steps: %d %d %d %d", steps, order[0], order[1], order[2], order[3]);
  CHECK(*inner_page == 'i' && *outer_page == 'o');
}

static void faulting_handler(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info, (void)context;
  *null_page = 1;
}

static void fault_in_handler(long flags) {
  catch_signal(SIGSEGV, faulting_handler, (int)flags);
  *null_page = 1;
}

static void fault_in_handler_kills(void) { expect_killed(fault_in_handler, 0, "a fault in the fault handler"); }

/** With SA_NODEFER it may nest; then the stack runs out, and that kills. */
static void endless_nesting_kills(void) { expect_killed(fault_in_handler, SA_NODEFER, "an endless row of faults"); }

static void ignored_fault(long how) {
  if (how == 0) {
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    CHECK(sigaction(SIGSEGV, &ignore, NULL) == 0);
  } else {
    sigset_t set = SIGBIT(SIGSEGV);
    catch_signal(SIGSEGV, note_and_skip, 0);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  }
  *null_page = 1;
}

static void ignoring_or_blocking_kills(void) {
  expect_killed(ignored_fault, 0, "a fault with SIGSEGV ignored");
  expect_killed(ignored_fault, 1, "a fault with SIGSEGV blocked");
}

static char other_stack[16384] __attribute__((aligned(16)));
static volatile uint64 handler_frame;

static void on_other_stack(int signal, siginfo_t *info, void *context) {
  (void)context;
  note(signal, info);
  handler_frame = (uint64)__builtin_frame_address(0);
}

static int ran_on_other_stack(void) {
  return handler_frame >= (uint64)other_stack && handler_frame <= (uint64)other_stack + sizeof other_stack;
}

static void overflow_handler(int signal, siginfo_t *info, void *context) {
  on_other_stack(signal, info, context);
  exit(ran_on_other_stack() ? 42 : 43);
}

static int recurse(int depth) {
  volatile char room[300];
  room[depth % 300] = (char)depth;
  return depth < 0 ? 0 : recurse(depth + 1) + room[depth % 300];
}

static void overflow_on(long other) {
  stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof other_stack };
  if (other)
    CHECK(sigaltstack(&stack, NULL) == 0);
  catch_signal(SIGSEGV, overflow_handler, SA_ONSTACK);
  exit(recurse((int)other) == 1 ? 2 : 3);
}

static void stack_overflow(void) {
  int status = status_of(overflow_on, 1);
  if (status != 42)
    fail("the handler of a stack overflow ended with %d", status);
  expect_killed(overflow_on, 0, "a stack overflow without another stack");
}

static void alternate_stack(void) {
  stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof other_stack }, now;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
  CHECK(sigaltstack(&stack, NULL) == 0 && sigaltstack(NULL, &now) == 0);
  CHECK(now.ss_sp == other_stack && now.ss_size == sizeof other_stack && now.ss_flags == 0);
  catch_signal(SIGUSR1, on_other_stack, SA_ONSTACK);
  CHECK(raise(SIGUSR1) == 0 && count == 1);
  CHECK(ran_on_other_stack());
  catch_signal(SIGUSR1, on_other_stack, 0); /* not asked for: the usual stack */
  CHECK(raise(SIGUSR1) == 0 && count == 2);
  CHECK(!ran_on_other_stack());
  stack.ss_size = 100;
  FAILS(sigaltstack(&stack, NULL), ENOMEM);
  stack.ss_flags = 77;
  FAILS(sigaltstack(&stack, NULL), EINVAL);
}

/** In a system call a bad address is an error, no signal. */
static void system_calls_do_not_signal(void) {
  catch_signal(SIGSEGV, note_and_skip, 0);
  char *p = map_anon(PAGE, PROT_NONE, MAP_PRIVATE);
  int fd = pattern_file("f", 100, 1);
  FAILS(read(fd, p, 10), EFAULT);
  FAILS(write(fd, (char *)8, 10), EFAULT);
  FAILS(open(p, O_RDONLY), EFAULT);
  CHECK(count == 0);
}

static void wild_jump(void) {
  catch_signal(SIGSEGV, overflow_handler, 0); /* exits 43: we are on the usual stack */
  ((void (*)(void))0x7000)();
}

static void jump(long kind) {
  if (kind == 0)
    wild_jump();
  catch_signal(SIGSEGV, overflow_handler, 0);
  char *page = map_anon(PAGE, RW, MAP_PRIVATE);
  ((void (*)(void))(void *)page)();
}

static void bad_jumps(void) {
  CHECK(status_of(jump, 0) == 43);
  CHECK(status_of(jump, 1) == 43);
}

static void bad_stack_pointer(long arg) {
  (void)arg;
  catch_signal(SIGSEGV, note_and_skip, 0);
  __asm__ volatile("li sp, 64\nsd zero, 0(sp)" ::: "memory");
}

/** No room for the handler's frame: the process dies, the kernel does not. */
static void no_room_for_the_frame(void) { expect_killed(bad_stack_pointer, 0, "a fault with a wild stack pointer"); }

static void illegal_handler(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  note(signal, info);
  c->uc_mcontext.gregs[REG_PC] += 4;
}

static void illegal_instruction(void) {
  catch_signal(SIGILL, illegal_handler, 0);
  __asm__ volatile(".4byte 0xffffffff");
  CHECK(count == 1 && last_signal == SIGILL);
}

static void break_handler(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  uint16 *pc = (uint16 *)c->uc_mcontext.gregs[REG_PC];
  note(signal, info);
  c->uc_mcontext.gregs[REG_PC] += (*pc & 3) == 3 ? 4 : 2;
}

static void breakpoint(void) {
  catch_signal(SIGTRAP, break_handler, 0);
  __asm__ volatile("ebreak");
  CHECK(count == 1 && last_signal == SIGTRAP);
}

/** The handler works on what the faulting page holds, in a child that shares it: only the child's changes. */
static void handler_after_fork(void) {
  catch_signal(SIGSEGV, note_and_fix, 0);
  char *p = map_anon(2 * PAGE, RW, MAP_PRIVATE);
  number_pages(p, 2, 1);
  CHECK(mprotect(p, 2 * PAGE, PROT_READ) == 0);
  if (must_fork() == 0) {
    number_pages(p, 2, 2);
    CHECK(count == 2);
    exit(0);
  }
  expect_status(0);
  CHECK(count == 0);
  check_pages(p, 2, 1, "the parent's pages");
  CHECK(!can_write((char *)(long)handler_after_fork) || count == 0);
}

const struct test signal_fault_tests[] = {
  { "signal_addresses_and_codes", addresses_and_codes, 0 },
  { "signal_past_end_of_file", past_end_of_file, 0 },
  { "signal_crossing_access", crossing_access, 0 },
  { "signal_resumes_after_mprotect", resumes_after_mprotect, 0 },
  { "signal_resumes_after_mmap", resumes_after_mmap, 0 },
  { "signal_changes_registers", changes_registers, 0 },
  { "signal_keeps_registers", keeps_registers, 0 },
  { "signal_nested", nested, 0 },
  { "signal_fault_in_handler_kills", fault_in_handler_kills, 0 },
  { "signal_endless_nesting_kills", endless_nesting_kills, 0 },
  { "signal_ignored_or_blocked_kills", ignoring_or_blocking_kills, 0 },
  { "signal_stack_overflow", stack_overflow, 0 },
  { "signal_alternate_stack", alternate_stack, 0 },
  { "signal_not_from_system_calls", system_calls_do_not_signal, 0 },
  { "signal_bad_jumps", bad_jumps, 0 },
  { "signal_no_room_for_the_frame", no_room_for_the_frame, 0 },
  { "signal_illegal_instruction", illegal_instruction, 0 },
  { "signal_breakpoint", breakpoint, 0 },
  { "signal_handler_after_fork", handler_after_fork, 0 },
  { NULL, NULL, 0 },
};
