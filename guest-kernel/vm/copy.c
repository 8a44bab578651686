/*
 * Copies between kernel and user memory: the only way to user memory. Each
 * page is looked up in the user's page table and reached through the kernel's
 * direct map; an absent or write-protected page takes the page fault's path.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"

/* The kernel's address for user address va, good up to the page's end; null when it may not be accessed so. */
static char *
user_page(struct vm_map *map, uint64 va, int access)
{
  uint64 pa;

  if (va >= USERTOP)
    return 0;
  pa = pmap_extract(&map->pmap, va, access);
  if (pa == 0) {
    __sync_fetch_and_add(&mycpu()->nfaults, 1);
    if (vm_fault(map, va, access) < 0)
      return 0;
    pa = pmap_extract(&map->pmap, va, access);
  }
  return (char *)pa;
}

/* A fault may sleep, and who holds a spin lock must not. */
static inline void
check_may_sleep(void)
{
  KASSERT(mycpu()->noff == 0, "user memory is accessed with %d spin locks held", mycpu()->noff);
}

/* How much of n bytes lies in the page of va. */
static inline uint64
in_page(uint64 va, uint64 n)
{
  uint64 room = PGSIZE - (va & (PGSIZE - 1));

  return n < room ? n : room;
}

/* Copy n bytes to user address to_va. 0 or -EFAULT; then a part may have been copied. */
int
copyout(struct vm_map *map, uint64 to_va, const void *from, uint64 n)
{
  const char *source = from;

  check_may_sleep();
  while (n > 0) {
    uint64 part = in_page(to_va, n);
    char *to = user_page(map, to_va, PROT_WRITE);
    if (to == 0)
      return -EFAULT;
    memmove(to, source, part);
    n -= part;
    source += part;
    to_va += part;
  }
  return 0;
}

/* Copy n bytes from user address from_va. 0 or -EFAULT. */
int
copyin(struct vm_map *map, void *to, uint64 from_va, uint64 n)
{
  char *target = to;

  check_may_sleep();
  while (n > 0) {
    uint64 part = in_page(from_va, n);
    const char *from = user_page(map, from_va, PROT_READ);
    if (from == 0)
      return -EFAULT;
    memmove(target, from, part);
    n -= part;
    target += part;
    from_va += part;
  }
  return 0;
}

/* Copy a string with its NUL from user address from_va into max bytes. Its length; -EFAULT, or -ENAMETOOLONG without a NUL in max bytes. */
int
copyinstr(struct vm_map *map, char *to, uint64 from_va, uint64 max)
{
  uint64 done = 0;

  check_may_sleep();
  while (done < max) {
    uint64 part = in_page(from_va, max - done);
    const char *from = user_page(map, from_va, PROT_READ);
    if (from == 0)
      return -EFAULT;
    for (uint64 i = 0; i < part; i++) {
      if ((to[done + i] = from[i]) == 0)
        return done + i;
    }
    done += part;
    from_va += part;
  }
  return -ENAMETOOLONG;
}

/* Copy n bytes to a user address of the current process, or to a kernel address. 0 or -EFAULT. */
int
either_copyout(int user_dst, uint64 to, const void *from, uint64 n)
{
  if (user_dst)
    return copyout(myproc()->map, to, from, n);
  memmove((void *)to, from, n);
  return 0;
}

/* Copy n bytes from a user address of the current process, or from a kernel address. 0 or -EFAULT. */
int
either_copyin(void *to, int user_src, uint64 from, uint64 n)
{
  if (user_src)
    return copyin(myproc()->map, to, from, n);
  memmove(to, (const void *)from, n);
  return 0;
}
