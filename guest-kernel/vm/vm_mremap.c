/* The system call mremap: a mapping becomes longer or shorter, and moves if it must; wholly or not at all. */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "mmap_parts.h"
#include "abi/errno.h"

/* Make the entry that ends at `end` longer by `more` bytes, in place. The map is locked. 0 or -errno. */
static int
grow_in_place(struct vm_map *map, struct vm_map_entry *e, uint64 more)
{
  int error;

  if (!place_vacant(map, e->end, e->end + more))
    return -ENOMEM;
  if (e->flags & (ENTRY_SHARED | ENTRY_BACKED))
    return vm_map_lengthen(map, e, e->end + more);
  error = vm_map_extend(map, e, e->end + more);
  if (error == -EINVAL)
    error = vm_map_anonymous(map, e->end, e->end + more, e->protection, e->flags & ~ENTRY_NEEDS_COPY);
  return error;
}

/*
 * Move the part [from, from + length) of an entry to `to`, where nothing is
 * mapped, and make it new_length bytes long. The map is locked and `holding`.
 * 0; or -ENOMEM, and nothing has changed.
 */
static int
move_part(struct vm_map *map, uint64 from, uint64 length, uint64 to, uint64 new_length)
{
  uint64 keep = length < new_length ? length : new_length;
  struct vm_map_entry *e;
  int error, flags;

  if (vm_map_clip_range(map, from, from + length) < 0)
    return -ENOMEM;
  error = vm_map_clip(map, from + keep);
  e = vm_map_lookup(map, from);
  flags = e->flags;
  if (error == 0)
    error = vm_map_move(map, e, to);
  if (error == 0 && new_length > keep && (error = grow_in_place(map, e, new_length - keep)) < 0) {
    vm_map_move(map, e, from); /* cannot fail: what is promised for it is held */
    e->flags |= flags & (ENTRY_HEAP | ENTRY_STACK | ENTRY_GROWSDOWN);
  }
  if (error == 0 && length > keep)
    vm_map_remove(map, from + keep, from + length); /* cannot fail: nothing must be split */
  vm_map_simplify(map, from, from + length);
  return error;
}

/* mremap where the mapping is: shorter, or longer if there is room. The map is locked. 0; or -ENOMEM, and nothing has changed. */
static int
resize(struct vm_map *map, struct vm_map_entry *e, uint64 from, uint64 length, uint64 new_length)
{
  int error;

  if (new_length <= length)
    return new_length < length ? vm_map_remove(map, from + new_length, from + length) : 0;
  error = e->end == from + length ? grow_in_place(map, e, new_length - length) : -ENOMEM;
  if (error == 0)
    vm_map_simplify(map, from, from + new_length);
  return error;
}

/* mremap of a locked map, the arguments of which have been checked. The new address; or -errno, and nothing has changed. */
static long
remap(struct vm_map *map, uint64 from, uint64 length, uint64 new_length, int flags, uint64 to)
{
  struct vm_map_entry *e = vm_map_lookup(map, from);
  struct vm_aside old;
  int error;

  if (e == 0 || (e->flags & ENTRY_GUARD) || e->end < from + length)
    return -EFAULT;
  if (!(flags & MREMAP_FIXED)) {
    if (resize(map, e, from, length, new_length) == 0)
      return from;
    to = new_length > length && (flags & MREMAP_MAYMOVE) ? place_find(map, new_length, PGSIZE) : 0;
    if (to == 0)
      return -ENOMEM;
  }
  error = vm_map_set_aside(map, to, to + new_length, &old);
  if (error)
    return error;
  error = move_part(map, from, length, to, new_length);
  vm_map_replaced(map, &old, error == 0);
  return error ? error : (long)to;
}

/* mremap(addr, length, new_length, flags, new_addr). */
long
sys_mremap(void)
{
  struct vm_map *map = myproc()->map;
  uint64 from = argraw(0), length = PGROUNDUP(argraw(1)), new_length = PGROUNDUP(argraw(2)), to = argraw(4);
  int flags = (int)argraw(3), access = 0;
  struct vm_map_entry *e;
  long result;

  if ((from & (PGSIZE - 1)) || (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) || new_length == 0 || length == 0 ||
      ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE)))
    return -EINVAL;
  if (from >= USERTOP || length > USERTOP - from)
    return -EFAULT;
  if (new_length > USERTOP)
    return -ENOMEM;
  if (flags & MREMAP_FIXED)
    if ((to & (PGSIZE - 1)) || to < USERBASE || to > USERTOP || new_length > USERTOP - to ||
        (to < from + length && from < to + new_length))
      return -EINVAL;
  acquiresleep(&map->lock);
  result = remap(map, from, length, new_length, flags, to);
  if (result > 0 && new_length > length && (e = vm_map_lookup(map, result)) != 0 && (e->flags & ENTRY_WIRED))
    access = map_full_access(e->protection);
  vm_map_unlock(map);
  if (access)
    map_populate(map, result + length, result + new_length, access); /* what is locked is in memory */
  return result;
}
