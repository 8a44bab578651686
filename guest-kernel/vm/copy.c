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

/*
 * The kernel's address for user address va, good up to the page's end; null
 * when it may not be accessed so. The page cannot go away, nor its rights
 * change, until pmap_let_go(&map->pmap): nothing may sleep till then.
 */
static char *
user_page(struct vm_map *map, uint64 va, int access)
{
  char *page;

  if (va >= USERTOP)
    return 0;
  while ((page = pmap_hold(&map->pmap, va, access)) == 0) { /* again if the page is taken away at once */
    __sync_fetch_and_add(&mycpu()->nfaults, 1);
    if (vm_fault(map, va, access) < 0)
      return 0;
  }
  return page;
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
    pmap_let_go(&map->pmap);
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
    pmap_let_go(&map->pmap);
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
      if ((to[done + i] = from[i]) == 0) {
        pmap_let_go(&map->pmap);
        return done + i;
      }
    }
    pmap_let_go(&map->pmap);
    done += part;
    from_va += part;
  }
  return -ENAMETOOLONG;
}

/* Is the page of va there for this access, so that a copy by the functions below will do something? */
int
user_present(struct vm_map *map, uint64 va, int access)
{
  return va < USERTOP && pmap_extract(&map->pmap, va, access) != 0;
}

/* Like copyout, but never faults, so a family's lock may be held: how many bytes were copied before the first page that is not there. */
uint64
copyout_present(struct vm_map *map, uint64 to_va, const void *from, uint64 n)
{
  uint64 done = 0;

  while (done < n) {
    uint64 part = in_page(to_va + done, n - done);
    char *to = to_va + done < USERTOP ? pmap_hold(&map->pmap, to_va + done, PROT_WRITE) : 0;
    if (to == 0)
      break;
    memmove(to, (const char *)from + done, part);
    pmap_let_go(&map->pmap);
    done += part;
  }
  return done;
}

/* The same for copyin. */
uint64
copyin_present(struct vm_map *map, void *to, uint64 from_va, uint64 n)
{
  uint64 done = 0;

  while (done < n) {
    uint64 part = in_page(from_va + done, n - done);
    const char *from = from_va + done < USERTOP ? pmap_hold(&map->pmap, from_va + done, PROT_READ) : 0;
    if (from == 0)
      break;
    memmove((char *)to + done, from, part);
    pmap_let_go(&map->pmap);
    done += part;
  }
  return done;
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
