/*
 * exec: replace the current process's memory by a program from a file.
 *
 * The new address space is built beside the old one, and takes its place only
 * when nothing can fail any more.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "elf.h"
#include "fs.h"
#include "abi/errno.h"

#define MAXSEGMENTS 16
#define ARGPAGES (ARGBYTES / PGSIZE)

/* The argument strings on their way, one after the other, each with its NUL. */
struct arguments {
  int count;
  uint64 bytes;
  char *pages[ARGPAGES];
};

/* Free what get_arguments has taken. */
static void
free_arguments(struct arguments *a)
{
  for (int i = 0; i < ARGPAGES && a->pages[i]; i++)
    kpage_free(a->pages[i]);
}

/* Append the string at user address va, or the kernel's string when kernel is set. 0 or -errno. */
static int
add_argument(struct arguments *a, uint64 va, const char *kernel)
{
  for (;;) {
    uint64 page = a->bytes / PGSIZE, at = a->bytes % PGSIZE, room = PGSIZE - at;
    int n;

    if (page == ARGPAGES)
      return -E2BIG;
    if (a->pages[page] == 0 && (a->pages[page] = kpage_alloc()) == 0)
      return -ENOMEM;
    if (kernel) {
      n = strlen(kernel) < room ? (int)strlen(kernel) : -ENAMETOOLONG;
      memmove(a->pages[page] + at, kernel, n >= 0 ? (uint64)n + 1 : room);
      kernel += room;
    } else {
      n = copyinstr(myproc()->map, a->pages[page] + at, va, room);
      va += room;
    }
    if (n >= 0) {
      a->bytes += n + 1;
      a->count++;
      return 0;
    }
    if (n != -ENAMETOOLONG)
      return n;
    a->bytes += room;
  }
}

/* Collect the strings of the user's null-terminated array at argv_va, or of the kernel's. 0, -E2BIG, -EFAULT or -ENOMEM. */
static int
get_arguments(struct arguments *a, uint64 argv_va, const char *const *kernel_argv)
{
  int error = 0;

  memset(a, 0, sizeof *a);
  while (error == 0) {
    uint64 va = 0;
    const char *kernel = kernel_argv ? kernel_argv[a->count] : 0;
    if (!kernel_argv)
      error = fetchaddr(argv_va + 8 * a->count, &va);
    if (error || (va == 0 && kernel == 0))
      break;
    error = a->count == MAXARG ? -E2BIG : add_argument(a, va, kernel);
  }
  /* The pointers to the strings count as well. */
  if (error == 0 && a->bytes + 8 * (a->count + 1) + 16 > ARGBYTES)
    error = -E2BIG;
  if (error)
    free_arguments(a);
  return error;
}

/* Read the ELF header and program headers of a locked file. The number of headers, or -ENOEXEC and the like. */
static int
read_headers(struct inode *ip, struct elf_header *h, struct program_header *ph)
{
  int n = readi(ip, 0, (uint64)h, 0, sizeof *h);

  if (n < 0)
    return n;
  if (n != sizeof *h || memcmp(h->magic, "\177ELF\2\1\1", 7) != 0 || h->type != ELF_EXEC ||
      h->machine != ELF_RISCV || h->phentsize != sizeof *ph || h->phnum == 0 || h->phnum > MAXSEGMENTS ||
      h->phoff > (1UL << 30))
    return -ENOEXEC;
  n = readi(ip, 0, (uint64)ph, h->phoff, h->phnum * sizeof *ph);
  if (n < 0)
    return n;
  return n == (int)(h->phnum * sizeof *ph) ? h->phnum : -ENOEXEC;
}

/* Is this segment one that can be loaded? */
static int
segment_ok(struct program_header *ph)
{
  return ph->filesz <= ph->memsz && ph->vaddr >= USERBASE && ph->memsz <= USERTOP &&
         ph->vaddr <= USERTOP - ph->memsz && ph->offset <= (1UL << 31) && ph->filesz <= (1UL << 31) &&
         (ph->offset & (PGSIZE - 1)) == (ph->vaddr & (PGSIZE - 1)) && (ph->flags & (PF_R | PF_W | PF_X)) != 0;
}

/* Rights that a segment asks for. */
static int
segment_rights(struct program_header *ph)
{
  return (ph->flags & PF_R ? PROT_READ : 0) | (ph->flags & PF_W ? PROT_READ | PROT_WRITE : 0) |
         (ph->flags & PF_X ? PROT_EXEC : 0);
}

/* Read the file's part of a segment into pages of its object. 0 or -errno; -ENOEXEC when the file is too short. */
static int
load_pages(struct inode *ip, struct program_header *ph, struct vm_object *o)
{
  uint64 lead = ph->vaddr & (PGSIZE - 1); /* bytes of the first page before the segment */
  uint64 done = 0;

  while (done < ph->filesz) {
    uint64 at = done == 0 ? lead : 0, n = PGSIZE - at;
    struct vm_page *pg = vm_page_alloc(PAGE_OBJECT);
    char *page;
    int got;

    if (pg == 0)
      return -ENOMEM;
    if (n > ph->filesz - done)
      n = ph->filesz - done;
    page = page_kva(pg);
    memset(page, 0, at);
    got = readi(ip, 0, (uint64)page + at, ph->offset + done, n);
    if (got != (int)n) {
      vm_page_free(pg);
      return got < 0 ? got : -ENOEXEC;
    }
    memset(page + at + n, 0, PGSIZE - at - n);
    acquire(o->lock);
    vm_object_insert(o, (lead + done) / PGSIZE, pg);
    release(o->lock);
    done += n;
  }
  return 0;
}

/*
 * Load one segment into a map. The file's contents are read now; the rest is
 * zero-filled when touched. Read-only contents are paid for by the object, so
 * that forks share it; writable ones by the entry. 0 or -errno.
 */
static int
load_segment(struct vm_map *map, struct inode *ip, struct program_header *ph)
{
  uint64 start = PGROUNDDOWN(ph->vaddr), end = PGROUNDUP(ph->vaddr + ph->memsz);
  uint64 pages = (end - start) / PGSIZE;
  int rights = segment_rights(ph), error;
  struct vm_object *o = vm_object_create(pages);

  if (o == 0)
    return -ENOMEM;
  if (!(rights & PROT_WRITE)) {
    if (vm_commit(pages) < 0) {
      vm_object_release(o);
      return -ENOMEM;
    }
    o->commit = pages;
  }
  error = vm_map_insert(map, start, end, o, rights, rights, 0);
  if (error) {
    vm_object_release(o);
    return error == -EINVAL ? -ENOEXEC : error; /* segments that share a page cannot both have their rights */
  }
  return load_pages(ip, ph, o);
}

/* Load all segments of a locked file, and place the heap after them. 0 and *entry, or -errno. */
static int
load_program(struct vm_map *map, struct inode *ip, uint64 *entry)
{
  struct elf_header h;
  struct program_header ph[MAXSEGMENTS];
  struct vm_map_entry *e;
  int n = read_headers(ip, &h, ph), error;

  if (n < 0)
    return n;
  for (int i = 0; i < n; i++) {
    if (ph[i].type == PT_INTERP || ph[i].type == PT_DYNAMIC)
      return -ENOEXEC; /* wants a dynamic linker */
    if (ph[i].type != PT_LOAD || ph[i].memsz == 0)
      continue;
    if (!segment_ok(&ph[i]))
      return -ENOEXEC;
    error = load_segment(map, ip, &ph[i]);
    if (error)
      return error;
  }
  e = vm_map_lookup(map, h.entry);
  if (e == 0 || !(e->protection & PROT_EXEC) || (h.entry & 1))
    return -ENOEXEC;
  *entry = h.entry;
  map->heap_start = map->brk = map->last->end;
  return 0;
}

/* Map the stack at the top of user space, above its guard. 0 or -ENOMEM; -ENOEXEC when the program lies there. */
static int
map_stack(struct vm_map *map)
{
  uint64 bottom = USERTOP - USERSTACK;
  struct vm_object *o;
  int error = vm_map_insert(map, bottom - STACKGUARD, bottom, 0, PROT_NONE, PROT_NONE, ENTRY_GUARD);

  if (error)
    return error == -EINVAL ? -ENOEXEC : error;
  o = vm_object_create(USERSTACK / PGSIZE);
  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, bottom, USERTOP, o, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
                        ENTRY_STACK);
  if (error)
    vm_object_release(o);
  return error == -EINVAL ? -ENOEXEC : error;
}

/* Put the strings at the top of the stack and the array of pointers to them below. 0 and the stack pointer, or -errno. */
static int
push_arguments(struct vm_map *map, struct arguments *a, uint64 *sp)
{
  uint64 strings = USERTOP - a->bytes, array = (strings - 8 * (a->count + 1)) & ~15UL, at = 0;
  int error = 0;

  for (uint64 done = 0; done < a->bytes && error == 0; done += PGSIZE)
    error = copyout(map, strings + done, a->pages[done / PGSIZE],
                    a->bytes - done < PGSIZE ? a->bytes - done : PGSIZE);
  for (int i = 0; i < a->count && error == 0; i++) {
    uint64 pointer = strings + at;
    error = copyout(map, array + 8 * i, &pointer, sizeof pointer);
    while (a->pages[at / PGSIZE][at % PGSIZE])
      at++;
    at++;
  }
  if (error == 0) {
    uint64 null = 0;
    error = copyout(map, array + 8 * a->count, &null, sizeof null);
  }
  *sp = array;
  return error;
}

/* Build an address space with the program at path and its arguments. 0, or -errno. */
static int
build(struct vm_map *map, const char *path, struct arguments *a, uint64 *entry, uint64 *sp)
{
  struct inode *ip;
  int error = 0;

  begin_op();
  ip = namei_errno((char *)path, &error);
  if (ip == 0) {
    end_op();
    return error;
  }
  ilock(ip);
  error = load_program(map, ip, entry);
  iunlockput(ip);
  end_op();
  if (error == 0)
    error = map_stack(map);
  if (error == 0)
    error = push_arguments(map, a, sp);
  return error;
}

/* Let the current process use map from now on, and start at entry. The old address space, if any, goes. */
static void
take_over(struct proc *p, struct vm_map *map, const char *path, uint64 entry, uint64 sp)
{
  struct vm_map *old = p->map;
  const char *name = path;

  for (const char *s = path; *s; s++)
    if (*s == '/' && s[1])
      name = s + 1;
  acquire(&p->lock); /* proc_info looks at these */
  safestrcpy(p->name, name, sizeof p->name);
  p->map = map;
  pmap_activate(&map->pmap);
  release(&p->lock);
  if (old)
    vm_map_destroy(old);
  p->trapframe->epc = entry;
  p->trapframe->sp = sp;
  p->trapframe->a1 = sp;
}

/* Run the program at path in the current process, with arguments from user or kernel. argc, or -errno and nothing has changed. */
static int
exec_with(const char *path, uint64 argv_va, const char *const *kernel_argv)
{
  struct proc *p = myproc();
  struct arguments a;
  struct vm_map *map;
  uint64 entry = 0, sp = 0;
  int error = get_arguments(&a, argv_va, kernel_argv);

  if (error)
    return error;
  map = vm_map_create(p->trapframe);
  error = map ? build(map, path, &a, &entry, &sp) : -ENOMEM;
  free_arguments(&a);
  if (error) {
    if (map)
      vm_map_destroy(map);
    return error;
  }
  take_over(p, map, path, entry, sp);
  return a.count;
}

/*
 * exec(path, argv): start the program at path in place of the caller. It
 * finds argc in a0 and argv in a1. -ENOENT, -ENOEXEC, -E2BIG, -ENOMEM,
 * -EFAULT or -EIO, and the caller goes on.
 */
int
exec(const char *path, uint64 argv_va)
{
  return exec_with(path, argv_va, 0);
}

/* The same for the first process, with a path and arguments of the kernel. */
int
exec_init(const char *path, const char *const *argv)
{
  int argc = exec_with(path, 0, argv);

  if (argc >= 0)
    myproc()->trapframe->a0 = argc;
  return argc;
}
