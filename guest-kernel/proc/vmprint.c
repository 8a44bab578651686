/* vmprint: a process's page table on the console. */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "pmap.h"
#include "abi/errno.h"

/* Bytes that an entry of a table of this level shows. */
#define SPAN(level) (1UL << (12 + 9 * (level)))

/* Take a picture of the table that shows va at this level, level 2 being the root. 0 when there is none (any more). */
static int
copy_table(struct pmap *pm, uint64 va, int level, pte_t *to)
{
  pagetable_t table;
  int found = 1;

  acquire(&pm->lock);
  table = pm->root;
  for (int l = 2; table && l > level; l--) {
    pte_t pte = table[PX(l, va)];
    table = (pte & PTE_V) && !(pte & (PTE_R | PTE_W | PTE_X)) ? (pagetable_t)PTE2PA(pte) : 0;
  }
  if (table)
    memmove(to, table, PGSIZE);
  else
    found = 0;
  release(&pm->lock);
  return found;
}

/* Print an entry: dots for its depth, index, addresses, rights. */
static void
print_pte(pte_t pte, int level, uint64 index, uint64 va)
{
  static const struct {
    uint64 bit;
    char letter;
  } flags[] = { { PTE_R, 'r' }, { PTE_W, 'w' }, { PTE_X, 'x' }, { PTE_U, 'u' }, { PTE_G, 'g' }, { PTE_A, 'a' }, { PTE_D, 'd' } };
  char text[8];

  for (uint i = 0; i < 7; i++)
    text[i] = pte & flags[i].bit ? flags[i].letter : '-';
  text[7] = 0;
  printf("%s%lu: va 0x%lx pte 0x%lx pa 0x%lx %s\n", level == 2 ? " .." : level == 1 ? " .. .." : " .. .. ..", index, va, pte,
         PTE2PA(pte), pte & (PTE_R | PTE_W | PTE_X) ? text : "table");
}

/* Print the table that shows va at this level, and those below. pages are three frames for pictures. 0 or -EINTR. */
static int
print_table(struct pmap *pm, uint64 va, int level, pte_t *pages[3])
{
  pte_t *table = pages[level];

  if (!copy_table(pm, va, level, table))
    return 0;
  for (uint64 i = 0; i < 512; i++) {
    uint64 at = va + i * SPAN(level);
    if (!(table[i] & PTE_V))
      continue;
    if (killed(myproc()))
      return -EINTR;
    print_pte(table[i], level, i, at);
    if (level > 0 && !(table[i] & (PTE_R | PTE_W | PTE_X)) && print_table(pm, at, level - 1, pages) < 0)
      return -EINTR;
  }
  return 0;
}

/* vmprint(pid): the page table of a process (0: of the caller). 0, -ESRCH or -ENOMEM. */
long
sys_vmprint(void)
{
  int pid = (int)argraw(0), error = 0;
  pte_t *pages[3];
  struct vm_map *map;
  struct proc *p;

  for (int i = 0; i < 3; i++)
    if ((pages[i] = kpage_alloc()) == 0)
      error = -ENOMEM;
  p = error ? 0 : inspect(pid ? pid : myproc()->pid);
  if (p) {
    acquire(&p->lock);
    map = p->map;
    release(&p->lock);
    printf("page table of pid %d %s\n", p->pid, p->name);
    if (map)
      error = print_table(&map->pmap, 0, 2, pages);
    inspect_end(p);
  } else if (error == 0) {
    error = -ESRCH;
  }
  for (int i = 0; i < 3; i++)
    if (pages[i])
      kpage_free(pages[i]);
  return error;
}
