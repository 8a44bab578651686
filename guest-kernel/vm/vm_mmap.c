/*
 * The system calls on mappings: mmap, munmap, mprotect, msync, mincore,
 * mremap, madvise, mlock, munlock, brk. Rules and error numbers are POSIX's,
 * and Linux's where POSIX is silent.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vnode.h"
#include "file.h"
#include "abi/errno.h"

#define MMAP_TOP (USERTOP - STACKLIMIT - STACKGUARD) /* mappings without a fixed place go below, downwards */
#define GROWTH_ROOM (1UL << 20)                      /* kept free below what grows downwards */
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define MAP_KNOWN (MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE | \
                   MAP_POPULATE | MAP_HUGETLB | MAP_FIXED_NOREPLACE)

/* What a mapping is to be made of. */
struct request {
  uint64 addr, length; /* bytes; length page-aligned */
  int protection, max_protection;
  int flags;           /* MAP_* */
  struct file *file;   /* null: anonymous */
  uint64 offset;       /* bytes into the file */
};

/* ---- places ---- */

/* Is [start, end) inside user space and vacant? */
static int
vacant(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e = vm_map_first_from(map, start);

  return start >= USERBASE && end <= USERTOP && start < end && (e == 0 || e->start >= end);
}

/* The highest vacant place for length bytes below MMAP_TOP, aligned; 0 when there is none. */
static uint64
find_place(struct vm_map *map, uint64 length, uint64 align)
{
  uint64 end = MMAP_TOP, below, start;

  for (struct vm_map_entry *e = map->last;; e = e->prev) {
    below = e ? e->end : USERBASE;
    if (below <= end && end - below >= length) {
      start = (end - length) & ~(align - 1);
      if (start >= below)
        return start;
    }
    if (e == 0)
      return 0;
    if (e->start < end)
      end = e->start;
    if ((e->flags & ENTRY_GROWSDOWN) && !(e->flags & ENTRY_STACK))
      end = end > GROWTH_ROOM + USERBASE ? end - GROWTH_ROOM : USERBASE;
  }
}

/* Where the mapping goes: at its fixed place, at the hint if that is vacant, or anywhere. 0 and *start, or -errno. */
static int
choose_place(struct vm_map *map, struct request *r, uint64 *start)
{
  uint64 align = (r->flags & MAP_HUGETLB) || (!r->file && r->length >= 2 * HUGEPAGE_SIZE) ? HUGEPAGE_SIZE : PGSIZE;
  uint64 hint = PGROUNDDOWN(r->addr);

  if (r->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
    if ((r->addr & (PGSIZE - 1)) || r->addr < USERBASE)
      return -EINVAL;
    if (r->addr > USERTOP || r->length > USERTOP - r->addr)
      return -ENOMEM;
    *start = r->addr;
    if ((r->flags & MAP_FIXED_NOREPLACE) && !vacant(map, r->addr, r->addr + r->length))
      return -EEXIST;
    return r->flags & MAP_FIXED_NOREPLACE ? 0 : vm_map_remove(map, r->addr, r->addr + r->length);
  }
  if (hint >= USERBASE && hint < MMAP_TOP && r->length <= MMAP_TOP - hint && vacant(map, hint, hint + r->length)) {
    *start = hint;
    return 0;
  }
  *start = find_place(map, r->length, align);
  return *start ? 0 : -ENOMEM;
}

/* ---- mmap ---- */

/* Flags that the new entry has. */
static int
entry_flags(struct request *r)
{
  int flags = 0;

  if (r->flags & MAP_SHARED)
    flags |= ENTRY_SHARED;
  else if ((r->flags & MAP_NORESERVE) || vm_policy.overcommit)
    flags |= ENTRY_NORESERVE;
  else if (r->protection & PROT_WRITE)
    flags |= ENTRY_PROMISED;
  if ((r->flags & MAP_GROWSDOWN) && !r->file)
    flags |= ENTRY_GROWSDOWN;
  if (r->flags & MAP_HUGETLB)
    flags |= ENTRY_HUGE;
  return flags;
}

/* Map zeros that are shared: one object, which is promised its pages. */
static int
map_shared_zeros(struct vm_map *map, struct request *r, uint64 start)
{
  uint64 pages = r->length / PGSIZE, promise = (r->flags & MAP_NORESERVE) || vm_policy.overcommit ? 0 : pages;
  struct vm_object *o = vm_object_create(pages);
  int error;

  if (o == 0)
    return -ENOMEM;
  if (vm_commit(promise) < 0) {
    vm_object_release(o);
    return -ENOMEM;
  }
  o->commit = promise;
  error = vm_map_insert(map, start, start + r->length, o, 0, r->protection, r->max_protection, entry_flags(r));
  if (error)
    vm_object_release(o);
  return error;
}

/* Map zeros that grow downwards, with room for that in their object. */
static int
map_growing(struct vm_map *map, struct request *r, uint64 start)
{
  uint64 room = GROWTH_ROOM / PGSIZE;
  struct vm_object *o = vm_object_create(room + r->length / PGSIZE);
  int error;

  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, start, start + r->length, o, room, r->protection, r->max_protection, entry_flags(r));
  if (error)
    vm_object_release(o);
  return error;
}

/* Map a file: shared, its own pages; private, copies of those that are written. */
static int
map_file(struct vm_map *map, struct request *r, uint64 start)
{
  int flags = entry_flags(r), shm = r->file->type == FD_SHM, error;
  struct vm_object *o;

  o = shm ? shm_object(r->file) : vnode_map(r->file->ip);
  if (o == 0)
    return -ENOMEM;
  if (!shm)
    flags |= ENTRY_FILE;
  if (r->flags & MAP_PRIVATE)
    flags |= ENTRY_NEEDS_COPY;
  error = vm_map_insert(map, start, start + r->length, o, r->offset / PGSIZE, r->protection, r->max_protection, flags);
  if (error) {
    vm_object_release(o);
    map->files_gone = 1;
  }
  return error;
}

/* Make the mapping at its place. The map is locked. */
static int
map_at(struct vm_map *map, struct request *r, uint64 start)
{
  int error;

  if (r->file)
    error = map_file(map, r, start);
  else if (r->flags & MAP_SHARED)
    error = map_shared_zeros(map, r, start);
  else if (r->flags & MAP_GROWSDOWN)
    error = map_growing(map, r, start);
  else
    error = vm_map_anonymous(map, start, start + r->length, r->protection, entry_flags(r));
  if (error == 0)
    vm_map_simplify(map, start, start + r->length);
  return error == -EINVAL ? -ENOMEM : error;
}

/* May the file be mapped so? Sets r->max_protection. 0 or -errno. */
static int
check_file(struct request *r)
{
  struct file *f = r->file;

  if (f->type != FD_SHM && (f->type != FD_INODE || f->ip->type != T_FILE))
    return -ENODEV;
  if (!f->readable)
    return -EACCES;
  if ((r->flags & MAP_SHARED) && !f->writable) {
    if (r->protection & PROT_WRITE)
      return -EACCES;
    r->max_protection &= ~PROT_WRITE;
  }
  if (f->type == FD_INODE && (r->flags & MAP_SHARED) && (r->protection & PROT_WRITE) && vnode_is_text(f->ip))
    return -ETXTBSY;
  return 0;
}

/* Bring pages [start, end) in, as far as that goes. */
static void
populate(struct vm_map *map, uint64 start, uint64 end, int access)
{
  for (uint64 va = start; va < end; va += PGSIZE)
    if (vm_fault(map, va, access) < 0)
      break;
}

/* The access that brings a page in for good. */
static int
full_access(int protection)
{
  return protection & PROT_WRITE ? PROT_WRITE : protection & PROT_READ ? PROT_READ : protection & PROT_EXEC;
}

/* mmap(addr, length, prot, flags, fd, offset). */
long
sys_mmap(void)
{
  struct vm_map *map = myproc()->map;
  struct request r = { .addr = argraw(0), .length = argraw(1), .protection = argraw(2), .flags = argraw(3),
                       .offset = argraw(5), .max_protection = PROT_ALL };
  int fd = (int)argraw(4), error;
  uint64 start = 0;

  if (r.length == 0 || (r.offset & (PGSIZE - 1)) || (r.protection & ~PROT_ALL) || (r.flags & ~MAP_KNOWN) ||
      !(r.flags & MAP_SHARED) == !(r.flags & MAP_PRIVATE))
    return -EINVAL;
  if (r.length > USERTOP)
    return -ENOMEM;
  r.length = PGROUNDUP(r.length);
  if (r.protection & PROT_WRITE)
    r.protection |= PROT_READ; /* the hardware knows no other way */
  if (!(r.flags & MAP_ANONYMOUS)) {
    if (fd < 0 || fd >= NOFILE || (r.file = myproc()->ofile[fd]) == 0)
      return -EBADF;
    if (r.offset + r.length < r.offset || (r.offset + r.length) / PGSIZE > 0xffffffffUL)
      return -EOVERFLOW;
    error = check_file(&r);
    if (error)
      return error;
  }
  acquiresleep(&map->lock);
  error = choose_place(map, &r, &start);
  if (error == 0)
    error = map_at(map, &r, start);
  vm_map_unlock(map);
  if (error)
    return error;
  if ((r.flags & MAP_POPULATE) && r.protection)
    populate(map, start, start + r.length, full_access(r.protection));
  return start;
}

/* ---- ranges of existing mappings ---- */

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

/* Give the entries of a locked map in [start, end) these rights. 0 or -errno; on -ENOMEM some may have them already. */
static int
protect(struct vm_map *map, uint64 start, uint64 end, int protection)
{
  int error = check_protect(map, start, end, protection);

  if (error == 0 && (vm_map_clip(map, start) < 0 || vm_map_clip(map, end) < 0))
    error = -ENOMEM;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); error == 0 && e && e->start < end; e = e->next) {
    if ((protection & PROT_WRITE) && !(e->flags & (ENTRY_SHARED | ENTRY_NORESERVE | ENTRY_PROMISED)))
      error = vm_map_promise_entry(e); /* it may have private pages now */
    if (error == 0)
      e->protection = protection;
  }
  if (protection == PROT_NONE)
    pmap_remove(&map->pmap, start, end);
  else
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
    vnode_push_file(e->object->pager_data, e->offset + (from - e->start) / PGSIZE, (to - from) / PGSIZE);
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
  if ((flags & MS_INVALIDATE) && error == 0)
    for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
      if (e->flags & ENTRY_WIRED)
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
    if (pg || offset >= o->shadow_limit)
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

/* ---- mremap ---- */

/* Make the entry that ends at `end` longer by `more` bytes, in place. The map is locked. 0 or -errno. */
static int
grow_in_place(struct vm_map *map, struct vm_map_entry *e, uint64 more)
{
  int error;

  if (!vacant(map, e->end, e->end + more))
    return -ENOMEM;
  if (e->flags & (ENTRY_SHARED | ENTRY_FILE))
    return vm_map_lengthen(map, e, e->end + more);
  error = vm_map_extend(map, e, e->end + more);
  if (error == -EINVAL)
    error = vm_map_anonymous(map, e->end, e->end + more, e->protection, e->flags & ~ENTRY_NEEDS_COPY);
  return error;
}

/* Move pages [from, from + length), all of one entry, to `to`, which is vacant. The map is locked. 0 or -ENOMEM. */
static int
move_range(struct vm_map *map, uint64 from, uint64 length, uint64 to)
{
  if (vm_map_clip(map, from) < 0 || vm_map_clip(map, from + length) < 0)
    return -ENOMEM;
  return vm_map_move(map, vm_map_lookup(map, from), to);
}

/* mremap of a locked map, the arguments of which have been checked. The new address, or -errno. */
static long
remap(struct vm_map *map, uint64 from, uint64 length, uint64 new_length, int flags, uint64 to)
{
  struct vm_map_entry *e = vm_map_lookup(map, from);
  uint64 keep = length < new_length ? length : new_length;
  int error;

  if (e == 0 || (e->flags & ENTRY_GUARD) || e->end < from + length)
    return -EFAULT;
  if (flags & MREMAP_FIXED) {
    error = vm_map_remove(map, to, to + new_length);
    if (error)
      return error;
  }
  if (new_length < length) {
    error = vm_map_remove(map, from + new_length, from + length);
    if (error)
      return error;
  }
  if (!(flags & MREMAP_FIXED)) {
    if (new_length <= length)
      return from;
    e = vm_map_lookup(map, from);
    if (e->end == from + length && grow_in_place(map, e, new_length - length) == 0) {
      vm_map_simplify(map, from, from + new_length);
      return from;
    }
    if (!(flags & MREMAP_MAYMOVE))
      return -ENOMEM;
    to = find_place(map, new_length, PGSIZE);
    if (to == 0)
      return -ENOMEM;
  }
  error = move_range(map, from, keep, to);
  if (error)
    return error;
  if (new_length > keep) {
    error = grow_in_place(map, vm_map_lookup(map, to), new_length - keep);
    if (error) {
      move_range(map, to, keep, from);
      return error;
    }
  }
  vm_map_simplify(map, to, to + new_length);
  return to;
}

/* mremap(addr, length, new_length, flags, new_addr). */
long
sys_mremap(void)
{
  struct vm_map *map = myproc()->map;
  uint64 from = argraw(0), length = PGROUNDUP(argraw(1)), new_length = PGROUNDUP(argraw(2)), to = argraw(4);
  int flags = (int)argraw(3);
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
  vm_map_unlock(map);
  return result;
}

/* ---- madvise, mlock ---- */

/* madvise(addr, length, advice). */
long
sys_madvise(void)
{
  struct vm_map *map = myproc()->map;
  int advice = (int)argraw(2), error;
  uint64 start, end;

  if (advice < MADV_NORMAL || advice > MADV_DONTNEED)
    return -EINVAL;
  error = mapped_range_arguments(&start, &end);
  if (error || start == end)
    return error;
  acquiresleep(&map->lock);
  error = all_mapped(map, start, end) ? 0 : -ENOMEM;
  if (error == 0 && advice == MADV_DONTNEED) {
    for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
      if (e->flags & ENTRY_WIRED)
        error = -EINVAL;
    if (error == 0)
      error = vm_map_forget(map, start, end);
  }
  vm_map_unlock(map);
  if (error == 0 && advice == MADV_WILLNEED)
    populate(map, start, end, PROT_READ);
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
      access = full_access(e->protection);
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
  struct vm_map *map = myproc()->map;
  uint64 brk = argraw(0);

  if (brk < map->heap_start || brk > USERTOP)
    return -ENOMEM;
  return vm_map_set_brk(map, brk);
}
