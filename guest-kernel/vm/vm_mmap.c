/*
 * The system call mmap: where a mapping goes, whether it is allowed, and what
 * it is made of. Rules and error numbers are POSIX's, and Linux's where POSIX
 * is silent. vm_mremap.c: mremap. vm_ranges.c: the calls on ranges of existing
 * mappings, from munmap to mlock.
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
#include "mmap_parts.h"
#include "abi/errno.h"

#define MMAP_TOP (USERTOP - STACKLIMIT - STACKGUARD) /* mappings without a fixed place go below, downwards */
#define GROWTH_ROOM (1UL << 20)                      /* kept free below what grows downwards */
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
int
place_vacant(struct vm_map *map, uint64 start, uint64 end)
{
  struct vm_map_entry *e = vm_map_first_from(map, start);

  return start >= USERBASE && end <= USERTOP && start < end && (e == 0 || e->start >= end);
}

/* The highest vacant place for length bytes below MMAP_TOP, aligned; 0 when there is none. */
uint64
place_find(struct vm_map *map, uint64 length, uint64 align)
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
    if ((r->flags & MAP_FIXED_NOREPLACE) && !place_vacant(map, r->addr, r->addr + r->length))
      return -EEXIST;
    return 0;
  }
  if (hint >= USERBASE && hint < MMAP_TOP && r->length <= MMAP_TOP - hint && place_vacant(map, hint, hint + r->length)) {
    *start = hint;
    return 0;
  }
  *start = place_find(map, r->length, align);
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
  if (r->flags & MAP_GROWSDOWN)
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
  error = vm_map_commit(map, promise);
  if (error == 0) {
    error = vm_map_insert(map, start, start + r->length, o, 0, r->protection, r->max_protection, entry_flags(r));
    if (error)
      vm_map_uncommit(map, promise);
    else
      o->commit = promise;
  }
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
  flags |= shm ? ENTRY_SHM : ENTRY_FILE;
  if (r->flags & MAP_PRIVATE)
    flags |= ENTRY_NEEDS_COPY;
  error = vm_map_insert(map, start, start + r->length, o, r->offset / PGSIZE, r->protection, r->max_protection, flags);
  if (error) {
    vm_object_release(o);
    map->files_gone = 1;
  }
  return error;
}

/* Make the mapping at its place, instead of what is there. The map is locked. 0; or -ENOMEM, and nothing has changed. */
static int
map_at(struct vm_map *map, struct request *r, uint64 start)
{
  struct vm_aside old;
  int error = vm_map_set_aside(map, start, start + r->length, &old);

  if (error)
    return error;
  if (r->file)
    error = map_file(map, r, start);
  else if (r->flags & MAP_SHARED)
    error = map_shared_zeros(map, r, start);
  else if (r->flags & MAP_GROWSDOWN)
    error = map_growing(map, r, start);
  else
    error = vm_map_anonymous(map, start, start + r->length, r->protection, entry_flags(r));
  vm_map_replaced(map, &old, error == 0);
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
void
map_populate(struct vm_map *map, uint64 start, uint64 end, int access)
{
  for (uint64 va = start; va < end; va += PGSIZE)
    if (vm_fault(map, va, access) < 0)
      break;
}

/* The access that brings a page in for good. */
int
map_full_access(int protection)
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
  if ((r.flags & MAP_GROWSDOWN) && (r.flags & (MAP_ANONYMOUS | MAP_PRIVATE)) != (MAP_ANONYMOUS | MAP_PRIVATE))
    return -EINVAL; /* only private zeros grow */
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
    map_populate(map, start, start + r.length, map_full_access(r.protection));
  return start;
}
