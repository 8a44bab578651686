/* Policies that a class can compare: chosen by boot arguments, asked for by vmpolicy(). */
#include "types.h"
#include "defs.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"

struct vm_policy vm_policy;

/* The boot arguments, their values (the usual one first), and the flag that is set when the `on` one is in force. */
static const struct policy {
  const char *name, *usual, *other;
  uint8 *flag;
  uint8 usual_is; /* the flag's value under the usual one */
} policies[] = {
  { "vm.heap", "lazy", "eager", &vm_policy.lazy_heap, 1 },
  { "vm.fork", "cow", "copy", &vm_policy.cow_fork, 1 },
  { "vm.exec", "demand", "load", &vm_policy.demand_exec, 1 },
  { "vm.zeropage", "on", "off", &vm_policy.zeropage, 1 },
  { "vm.superpages", "on", "off", &vm_policy.superpages, 1 },
  { "vm.commit", "strict", "overcommit", &vm_policy.overcommit, 0 },
};

#define NPOLICIES (sizeof policies / sizeof policies[0])

/* Read the boot arguments. Once, before the first process. */
void
vm_policy_init(void)
{
  for (uint i = 0; i < NPOLICIES; i++) {
    const struct policy *p = &policies[i];
    const char *value = bootarg(p->name);
    int usual = value == 0 || strcmp(value, p->usual) == 0;
    if (!usual && strcmp(value, p->other) != 0) {
      printf("pagewalk: %s=%s is not a policy: it is %s or %s; %s it is\n", p->name, value, p->usual, p->other, p->usual);
      usual = 1;
    }
    *p->flag = usual ? p->usual_is : !p->usual_is;
  }
}

/* vmpolicy(name, buf, n): the policy in force, as the boot argument would say it ("lazy" for "vm.heap"). Its length; -EINVAL for another name, -ERANGE. */
long
sys_vmpolicy(void)
{
  char name[32];
  int n = argstr(0, name, sizeof name);
  uint64 room = argraw(2);

  if (n < 0)
    return n == -ENAMETOOLONG ? -EINVAL : n;
  for (uint i = 0; i < NPOLICIES; i++) {
    const struct policy *p = &policies[i];
    const char *value = *p->flag == p->usual_is ? p->usual : p->other;
    if (strcmp(name, p->name) != 0)
      continue;
    if (strlen(value) + 1 > room)
      return -ERANGE;
    return copyout(myproc()->map, argraw(1), value, strlen(value) + 1) < 0 ? -EFAULT : (long)strlen(value);
  }
  return -EINVAL;
}
