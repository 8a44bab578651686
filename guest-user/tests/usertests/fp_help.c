/* Helpers of the floating-point tests. */
#include "fp.h"

#include <sys/auxv.h>

const struct fp fp_zeros;

struct fp fp_pattern(uint64 seed) {
  struct fp r;
  for (int i = 0; i < 32; i++)
    r.f[i] = (seed * 32 + (uint64)i + 1) * 0x9e3779b97f4a7c15;
  r.fcsr = seed % 5 << 5 | seed % 31; /* a rounding mode that exists, and some flags */
  return r;
}

void fp_must_be(const struct fp *wanted, const struct fp *found, const char *when) {
  for (int i = 0; i < 32; i++)
    if (found->f[i] != wanted->f[i])
      fail("%s: f%d is %lx, wanted %lx", when, i, found->f[i], wanted->f[i]);
  if (found->fcsr != wanted->fcsr)
    fail("%s: fcsr is %lx, wanted %lx", when, found->fcsr, wanted->fcsr);
}

void fp_must_have(const struct fp *wanted, const char *when) {
  struct fp now;
  fp_get(&now);
  fp_must_be(wanted, &now, when);
}

int machine_has_fp(void) {
  ulong d = 1UL << ('D' - 'A'), f = 1UL << ('F' - 'A'), found = getauxval(AT_HWCAP) & (d | f);
  CHECK(found == 0 || found == (d | f));
  return found != 0;
}

/** The handler of an illegal instruction, which must be the first of fp_get. */
static void refused(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  CHECK(signal == SIGILL && info->si_code == ILL_ILLOPC && info->si_addr == fp_get_first);
  CHECK(c->uc_mcontext.gregs[REG_PC] == (uint64)fp_get_first && c->uc_flags == 0);
  exit(44);
}

static void get_registers(long arg) {
  struct fp r;
  struct sigaction action = { .sa_call.action = refused, .sa_flags = SA_SIGINFO };
  CHECK(sigaction(SIGILL, &action, NULL) == 0);
  fp_get(&r);
  exit((int)arg);
}

void with_fp(void (*test)(long)) {
  if (machine_has_fp())
    child_ok(test, 0);
  else
    CHECK(status_of(get_registers, 3) == 44);
}
