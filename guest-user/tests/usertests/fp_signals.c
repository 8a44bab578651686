/* fp_handler*, fp_illegal: floating point and signals. */
#include "fp.h"

#define FCSR_FLAGS_AND_MODE 0xff

static volatile int handled;
static struct fp at_handler; /* what the handler has found */
static void (*in_handler)(ucontext_t *);

static void handler(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  in_handler(context);
  handled++;
}

/** Sends this process a signal, whose handler calls fn. */
static void interrupt_with(void (*fn)(ucontext_t *), int signal) {
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO };
  int before = handled;
  in_handler = fn;
  CHECK(sigaction(signal, &action, NULL) == 0 && kill(getpid(), signal) == 0);
  CHECK(handled > before);
}

/** Is what the kernel has saved the interrupted registers? */
static void check_saved(const ucontext_t *c, const struct fp *wanted) {
  struct fp saved;
  CHECK(c->uc_flags == UC_FP);
  memcpy(&saved, c->uc_mcontext.fpregs, sizeof saved);
  fp_must_be(wanted, &saved, "in the handler's ucontext");
}

static void clobber_inner(ucontext_t *c) {
  struct fp third = fp_pattern(22);
  struct fp second = fp_pattern(21);
  check_saved(c, &second);
  fp_set(&third);
}

/** Finds the interrupted registers, clobbers them, and is interrupted itself. */
static void clobber(ucontext_t *c) {
  struct fp first = fp_pattern(20), second = fp_pattern(21);
  fp_get(&at_handler);
  check_saved(c, &first);
  fp_set(&second);
  sleep(1);
  interrupt_with(clobber_inner, SIGUSR2);
  fp_must_have(&second, "after the inner handler");
}

static void do_fp_handler(long arg) {
  (void)arg;
  struct fp first = fp_pattern(20);
  fp_set(&first);
  interrupt_with(clobber, SIGUSR1);
  fp_must_have(&first, "after the handler");
  fp_must_be(&first, &at_handler, "when the handler begins");
  CHECK(handled == 2);
}
FP_TEST(fp_handler)

static void change_saved(ucontext_t *c) {
  struct fp other = fp_pattern(24);
  fp_set(&other);
  c->uc_mcontext.fpregs[5] = 0x4045000000000000;
  c->uc_mcontext.fpregs[REG_FCSR] = -1UL;
}

static struct fp changed; /* what change_saved has made of the registers */

static void see_changed(ucontext_t *c) { check_saved(c, &changed); }

static void drop_saved(ucontext_t *c) { c->uc_flags &= ~(ulong)UC_FP; }

/** What a handler writes into its ucontext is what the interrupted program goes on with. */
static void do_fp_handler_changes(long arg) {
  (void)arg;
  struct fp wanted = fp_pattern(23);
  fp_set(&wanted);
  interrupt_with(change_saved, SIGUSR1);
  wanted.f[5] = 0x4045000000000000;
  wanted.fcsr = FCSR_FLAGS_AND_MODE; /* no more bits than there are */
  changed = wanted;
  interrupt_with(see_changed, SIGUSR2); /* before a floating-point instruction has taken them */
  fp_must_have(&wanted, "after the handler has changed the saved registers");
  interrupt_with(drop_saved, SIGUSR1);
  fp_must_have(&fp_zeros, "after the handler has taken UC_FP away");
}
FP_TEST(fp_handler_changes)

static void only_here(ucontext_t *c) {
  struct fp other = fp_pattern(25);
  CHECK(c->uc_flags == 0);
  fp_must_have(&fp_zeros, "in the first handler");
  fp_set(&other);
}

static void first_values(ucontext_t *c) {
  struct fp wanted = fp_pattern(26);
  CHECK(c->uc_flags == 0);
  memcpy(c->uc_mcontext.fpregs, &wanted, sizeof wanted);
  c->uc_flags = UC_FP;
}

/** A handler's use leaves no trace in a program that uses none; but the handler may give it registers. */
static void do_fp_handler_first(long arg) {
  (void)arg;
  struct fp wanted = fp_pattern(26);
  interrupt_with(only_here, SIGUSR1);
  interrupt_with(only_here, SIGUSR2);
  interrupt_with(first_values, SIGUSR1);
  fp_must_have(&wanted, "after a handler that gave them");
}
FP_TEST(fp_handler_first)

static void bad_rounding(long arg) {
  struct fp r = fp_zeros;
  r.fcsr = 5 << 5;
  fp_set(&r);
  exit((int)(arg + (long)fp_rounded(2)));
}

static void all_ones(long arg) {
  struct fp r = fp_pattern(27);
  fp_set(&r);
  (void)arg;
  __asm__ volatile(".4byte 0xffffffff");
}

/** Floating point makes no illegal instruction legal: neither one of its own nor another. */
static void do_fp_illegal(long arg) {
  expect_killed(bad_rounding, arg, "a rounding mode that does not exist");
  expect_killed(all_ones, 0, "an instruction of ones");
}
FP_TEST(fp_illegal)

const struct test fp_signal_tests[] = {
  { "fp_handler", fp_handler, 0 },
  { "fp_handler_changes", fp_handler_changes, 0 },
  { "fp_handler_first", fp_handler_first, 0 },
  { "fp_illegal", fp_illegal, 0 },
  { NULL, NULL, 0 },
};
