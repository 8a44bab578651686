/*
 * The break: the end of the heap. Where it is and where it goes is looked at
 * and changed under the map's lock, so clones that move it at the same time
 * get a piece each.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

/* Touch every page of [start, end) as the policy vm.heap=eager wants it. 0 or -ENOMEM. */
static int
touch(struct vm_map *map, uint64 start, uint64 end)
{
  int error = 0;

  for (uint64 va = start; va < end && error == 0; va += PGSIZE)
    error = vm_fault(map, va, PROT_WRITE);
  return error;
}

/*
 * Move the break of a locked map to brk, which is not below heap_start;
 * `flags`: of the entry that is new. 0; or -ENOMEM, and nothing has changed.
 */
static int
move_to(struct vm_map *map, uint64 brk, int flags)
{
  uint64 old_end = PGROUNDUP(map->brk), new_end = PGROUNDUP(brk);
  struct vm_map_entry *next = vm_map_first_from(map, old_end);
  int error = 0;

  if (new_end > old_end) {
    if (new_end > USERTOP || (next && next->start < new_end))
      return -ENOMEM;
    error = vm_map_anonymous(map, old_end, new_end, PROT_READ | PROT_WRITE, ENTRY_HEAP | flags);
  } else if (new_end < old_end) {
    error = vm_map_remove(map, new_end, old_end);
  }
  if (error)
    return -ENOMEM;
  map->brk = brk;
  return 0;
}

/*
 * The policy vm.heap=eager: the break has moved from `from` to `to`, and each
 * page of that is given a frame. 0; or -ENOMEM, and the break is back, unless
 * somebody else has moved it meanwhile.
 */
static int
give_all(struct vm_map *map, uint64 from, uint64 to)
{
  if (touch(map, PGROUNDUP(from), PGROUNDUP(to)) == 0)
    return 0;
  acquiresleep(&map->lock);
  if (map->brk == to)
    move_to(map, from, 0); /* cannot fail: nothing must be split */
  vm_map_unlock(map);
  return -ENOMEM;
}

/* Move the break to brk. 0; or -ENOMEM, and no change. */
int
vm_map_set_brk(struct vm_map *map, uint64 brk)
{
  uint64 old;
  int error = -ENOMEM;

  acquiresleep(&map->lock);
  old = map->brk;
  if (brk >= map->heap_start && brk <= USERTOP)
    error = move_to(map, brk, vm_map_promise());
  vm_map_unlock(map);
  if (error == 0 && brk > old && !vm_policy.lazy_heap)
    error = give_all(map, old, brk);
  return error;
}

/*
 * Move the break by n bytes; `unreserved`: what is new is promised nothing,
 * and comes when it is touched. The old break; or, and no change, -EINVAL when
 * it would be below the heap's beginning, -ENOMEM.
 */
long
vm_map_move_brk(struct vm_map *map, int64 n, int unreserved)
{
  uint64 old;
  int error;

  acquiresleep(&map->lock);
  old = map->brk;
  if (n < 0 && -(uint64)n > old - map->heap_start)
    error = -EINVAL;
  else if (n > 0 && (uint64)n > USERTOP - old)
    error = -ENOMEM;
  else
    error = move_to(map, old + n, unreserved ? ENTRY_NORESERVE : vm_map_promise());
  vm_map_unlock(map);
  if (error == 0 && n > 0 && !unreserved && !vm_policy.lazy_heap)
    error = give_all(map, old, old + n);
  return error < 0 ? error : (long)old;
}
