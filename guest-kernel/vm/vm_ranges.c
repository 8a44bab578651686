/*
 * The system calls on ranges of existing mappings: munmap, mprotect, msync,
 * mincore, madvise, mlock and munlock; and brk. Rules and error numbers are
 * POSIX's, and Linux's where POSIX is silent.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vnode.h"
#include "mmap_parts.h"
#include "abi/errno.h"

/* Arguments 0 and 1 as a range of pages. 0; -EINVAL for an unaligned address or one that wraps around. */
static int
range_arguments(uint64 *start, uint64 *end)
{
  uint64 addr = argraw(0), length = argraw(1);

  if ((addr & (PGSIZE - 1)) || addr > USERTOP || length > USERTOP - addr)
    return -EINVAL;
  *start = addr;
  *end = addr + PGROUNDUP(length);
  return *end > USERTOP ? -EINVAL : 0;
}

/* The same, where addresses beyond user space count as not mapped. */
static int
mapped_range_arguments(uint64 *start, uint64 *end)
{
  uint64 addr = argraw(0);

  if (addr & (PGSIZE - 1))
    return -EINVAL;
  return range_arguments(start, end) < 0 ? -ENOMEM : 0;
}

/* Is all of [start, end) mapped? The map is locked. */
static int
all_mapped(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e = vm_map_first_from(map, start);

  for (; start < end; e = e->next) {
    if (e == 0 || e->start > start || (e->flags & ENTRY_GUARD))
      return 0;
    start = e->end;
  }
  return 1;
}

/* Is something in [start, end) of a locked map locked in memory? */
static int
some_wired(struct vm_map *map, uint64 start, uint64 end)
{
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
    if (e->flags & ENTRY_WIRED)
      return 1;
  return 0;
}

/* munmap(addr, length). */
long
sys_munmap(void)
{
  struct vm_map *map = myproc()->map;
  uint64 start, end;
  int error;

  if (range_arguments(&start, &end) < 0 || start == end)
    return -EINVAL;
  acquiresleep(&map->lock);
  error = vm_map_remove(map, start, end);
  vm_map_unlock(map);
  return error;
}

/* ---- mprotect ---- */

/* May all of [start, end) have these rights? 0, -ENOMEM or -EACCES. */
static int
check_protect(struct vm_map *map, uint64 start, uint64 end, int protection)
{
  if (!all_mapped(map, start, end))
    return -ENOMEM;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
    if (protection & ~e->max_protection)
      return -EACCES;
  return 0;
}

/* Must an entry that gets these rights be promised frames, since it may have private pages from then on? */
static int
needs_promise(struct vm_map_entry *e, int protection)
{
  return (protection & PROT_WRITE) && !(e->flags & (ENTRY_SHARED | ENTRY_NORESERVE | ENTRY_PROMISED));
}

/* Give the entries of a locked map in [start, end) these rights. 0; or -errno, and nothing has changed. */
static int
protect(struct vm_map *map, uint64 start, uint64 end, int protection)
{
  int error = check_protect(map, start, end, protection);
  uint64 promise = 0;

  if (error == 0)
    error = vm_map_clip_range(map, start, end);
  if (error)
    return error;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
    promise += needs_promise(e, protection) ? vm_entry_cost(e, e->flags | ENTRY_PROMISED) - e->commit : 0;
  error = promise ? vm_commit(promise) : 0;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); error == 0 && e && e->start < end; e = e->next) {
    if (needs_promise(e, protection)) {
      e->flags |= ENTRY_PROMISED;
      e->commit = vm_entry_cost(e, e->flags);
    }
    e->protection = protection;
  }
  if (error == 0 && protection == PROT_NONE)
    pmap_remove(&map->pmap, start, end);
  else if (error == 0)
    pmap_protect(&map->pmap, start, end, protection);
  vm_map_simplify(map, start, end);
  return error;
}

/* mprotect(addr, length, prot). */
long
sys_mprotect(void)
{
  struct vm_map *map = myproc()->map;
  int protection = (int)argraw(2), error;
  uint64 start, end;

  if (protection & ~PROT_ALL)
    return -EINVAL;
  error = mapped_range_arguments(&start, &end);
  if (error || start == end)
    return error;
  if (protection & PROT_WRITE)
    protection |= PROT_READ;
  acquiresleep(&map->lock);
  error = protect(map, start, end, protection);
  vm_map_unlock(map);
  return error;
}

/* ---- msync ---- */

/* Begin to write the dirty pages of files that are mapped shared in [start, end). Are there any such files? The map is locked. */
static int
push_range(struct vm_map *map, uint64 start, uint64 end)
{
  int files = 0;

  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next) {
    uint64 from = e->start > start ? e->start : start, to = e->end < end ? e->end : end;
    if ((e->flags & (ENTRY_FILE | ENTRY_SHARED)) != (ENTRY_FILE | ENTRY_SHARED))
      continue;
    e->object->pager->put(e->object, e->offset + (from - e->start) / PGSIZE, (to - from) / PGSIZE);
    files = 1;
  }
  return files;
}

/* msync(addr, length, flags). There is one copy of a file's pages, so MS_INVALIDATE has nothing to do. */
long
sys_msync(void)
{
  struct vm_map *map = myproc()->map;
  int flags = (int)argraw(2), error, files = 0;
  uint64 start, end;

  if ((flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
    return -EINVAL;
  error = mapped_range_arguments(&start, &end);
  if (error || start == end)
    return error;
  acquiresleep(&map->lock);
  error = all_mapped(map, start, end) ? 0 : -ENOMEM;
  if (flags & (MS_SYNC | MS_ASYNC))
    files = push_range(map, start, end);
  if ((flags & MS_INVALIDATE) && error == 0 && some_wired(map, start, end))
    error = -EBUSY;
  vm_map_unlock(map);
  if (error == 0 && files && (flags & MS_SYNC))
    error = fssync();
  return error;
}

/* ---- mincore ---- */

/* Is the page that the entry shows at va in memory? */
static int
in_memory(struct vm_map_entry *e, uint64 va)
{
  uint64 offset = e->offset + (va - e->start) / PGSIZE;
  struct vm_object *o = e->object;
  struct spinlock *lock;
  struct vm_page *pg = 0;

  if (o == 0)
    return 0;
  lock = o->lock;
  acquire(lock);
  for (o = e->object; o; o = o->shadow) {
    pg = vm_object_lookup(o, offset);
    if (pg || offset >= o->shadow_limit || vm_swap_has(o, offset)) /* the last: it hides what lies behind */
      break;
    offset += o->shadow_offset;
  }
  pg = pg && (pg->flags & PAGE_BUSY) ? 0 : pg;
  release(lock);
  return pg != 0;
}

/* mincore(addr, length, vector): one byte a page, 1 when it is in memory. */
long
sys_mincore(void)
{
  struct vm_map *map = myproc()->map;
  uint64 start, end, to = argraw(2);
  int error = mapped_range_arguments(&start, &end);
  uchar vector[128];

  if (error)
    return error;
  while (start < end) {
    uint n = 0;
    acquiresleep(&map->lock);
    if (!all_mapped(map, start, end))
      error = -ENOMEM;
    for (; error == 0 && n < sizeof vector && start < end; start += PGSIZE)
      vector[n++] = in_memory(vm_map_lookup(map, start), start);
    vm_map_unlock(map);
    if (error == 0)
      error = copyout(map, to, vector, n);
    if (error)
      return error;
    to += n;
  }
  return 0;
}

/* ---- madvise, mlock ---- */

/* Let the entries' own pages in [start, end) leave memory, as far as they can; those that others may see stay. The map is locked. */
static void
expel(struct vm_map *map, uint64 start, uint64 end)
{
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next) {
    uint64 from = e->start > start ? e->start : start, to = e->end < end ? e->end : end;
    for (uint64 va = from; va < to && e->object && !(e->flags & ENTRY_NEEDS_COPY); va += PGSIZE)
      vm_page_expel(e->object, e->offset + (va - e->start) / PGSIZE);
  }
}

/* madvise(addr, length, advice). */
long
sys_madvise(void)
{
  struct vm_map *map = myproc()->map;
  int advice = (int)argraw(2), error;
  uint64 start, end;

  if ((advice < MADV_NORMAL || advice > MADV_DONTNEED) && advice != MADV_PAGEOUT)
    return -EINVAL;
  error = mapped_range_arguments(&start, &end);
  if (error || start == end)
    return error;
  acquiresleep(&map->lock);
  error = all_mapped(map, start, end) ? 0 : -ENOMEM;
  if (error == 0 && (advice == MADV_DONTNEED || advice == MADV_PAGEOUT) && some_wired(map, start, end))
    error = -EINVAL;
  if (error == 0 && advice == MADV_DONTNEED)
    error = vm_map_forget(map, start, end);
  else if (error == 0 && advice == MADV_PAGEOUT)
    expel(map, start, end);
  vm_map_unlock(map);
  if (error == 0 && advice == MADV_WILLNEED)
    map_populate(map, start, end, PROT_READ);
  return error;
}

/* Lock or unlock [start, end). 0, -ENOMEM. */
static int
set_wired(struct vm_map *map, uint64 start, uint64 end, int wired)
{
  int error;

  acquiresleep(&map->lock);
  error = all_mapped(map, start, end) ? vm_map_set_wired(map, start, end, wired) : -ENOMEM;
  vm_map_unlock(map);
  for (uint64 va = start; wired && error == 0 && va < end; va += PGSIZE) {
    struct vm_map_entry *e;
    int access = 0;
    acquiresleep(&map->lock);
    e = vm_map_lookup(map, va);
    if (e)
      access = map_full_access(e->protection);
    releasesleep(&map->lock);
    if (access == 0 || vm_fault(map, va, access) < 0)
      error = -ENOMEM;
  }
  return error;
}

/* Arguments of mlock and munlock: any address, its whole page. 0 or -ENOMEM. */
static int
lock_arguments(uint64 *start, uint64 *end)
{
  uint64 addr = argraw(0), length = argraw(1);

  if (addr > USERTOP || length > USERTOP - addr)
    return -ENOMEM;
  *start = PGROUNDDOWN(addr);
  *end = PGROUNDUP(addr + length);
  return 0;
}

/* mlock(addr, length): the pages are in memory until munlock. -ENOMEM, also when more than half of the memory would be locked. */
long
sys_mlock(void)
{
  uint64 start, end;
  int error = lock_arguments(&start, &end);

  if (error || start == end)
    return error;
  error = set_wired(myproc()->map, start, end, 1);
  if (error)
    set_wired(myproc()->map, start, end, 0);
  return error;
}

/* munlock(addr, length). */
long
sys_munlock(void)
{
  uint64 start, end;
  int error = lock_arguments(&start, &end);

  return error || start == end ? error : set_wired(myproc()->map, start, end, 0);
}

/* brk(addr): move the break there. 0, or -ENOMEM. */
long
sys_brk(void)
{
  return vm_map_set_brk(myproc()->map, argraw(0));
}
