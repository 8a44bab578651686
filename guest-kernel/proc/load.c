/*
 * Programs from ELF files: which part of the file is mapped where.
 *
 * Nothing is read but the headers (and the page that data and bss share, so
 * that its bss half can be made zero): pages come by faults, out of the file's
 * own pages, which are those of all processes that run it. A program may name
 * an interpreter, the dynamic linker; that is mapped beside it, and started in
 * its place.
 *
 * Programs as xv6 links them run, too. They may begin at address 0: page 0 is
 * mapped where an ET_EXEC file itself has a segment, and nowhere else. And a
 * segment may begin in the middle of a page of the file (ld -N); no page of
 * the file can show that, so it is copied into memory of its own.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vnode.h"
#include "elf.h"
#include "fs.h"
#include "exec.h"
#include "abi/errno.h"
#include "abi/stat.h"

#define MAXSEGMENTS 16
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Where files go that do not say where they want to be: a program of its own (the dynamic linker run by hand), and an interpreter. */
#define PROGRAM_BASE 0x1000000000UL
#define INTERPRETER_BASE (USERTOP - STACKLIMIT - STACKGUARD - (1UL << 20))

/* A file that is being loaded. */
struct program {
  struct inode *ip;
  struct elf_header h;
  struct program_header ph[MAXSEGMENTS];
  uint64 base;                /* is added to the file's addresses */
  char interpreter[MAXPATH];  /* its path; empty when there is none */
};

/* Let go of the file. */
static void
close_program(struct program *p)
{
  begin_op();
  iput(p->ip);
  end_op();
}

/* Read the headers of a locked file. 0, or -ENOEXEC and the like. */
static int
read_headers(struct program *p)
{
  struct elf_header *h = &p->h;
  int n = readi(p->ip, 0, (uint64)h, 0, sizeof *h), bytes;

  if (n < 0)
    return n;
  if (n != sizeof *h || memcmp(h->magic, "\177ELF\2\1\1", 7) != 0 || (h->type != ELF_EXEC && h->type != ELF_DYN) ||
      h->machine != ELF_RISCV || h->phentsize != sizeof *p->ph || h->phnum == 0 || h->phnum > MAXSEGMENTS ||
      h->phoff > (1UL << 30))
    return -ENOEXEC;
  bytes = h->phnum * sizeof *p->ph;
  n = readi(p->ip, 0, (uint64)p->ph, h->phoff, bytes);
  return n < 0 ? n : n == bytes ? 0 : -ENOEXEC;
}

/* Read the interpreter's path from a locked file. 0 or -errno. */
static int
read_interpreter(struct program *p)
{
  for (int i = 0; i < p->h.phnum; i++) {
    struct program_header *ph = &p->ph[i];
    int n;
    if (ph->type != PT_INTERP)
      continue;
    if (ph->filesz < 2 || ph->filesz > sizeof p->interpreter || ph->offset > (1UL << 30))
      return -ENOEXEC;
    n = readi(p->ip, 0, (uint64)p->interpreter, ph->offset, ph->filesz);
    if (n < 0)
      return n;
    if (n != (int)ph->filesz || p->interpreter[n - 1] != 0 || p->interpreter[0] == 0)
      return -ENOEXEC;
  }
  return 0;
}

/* Look path up and read its headers. 0, and the file is to be closed; or -errno. */
static int
open_program(struct program *p, const char *path)
{
  int error = 0;

  p->interpreter[0] = 0;
  p->base = 0;
  begin_op();
  p->ip = namei_errno((char *)path, &error);
  if (p->ip == 0) {
    end_op();
    return error == -EROFS ? -EACCES : error; /* in /proc */
  }
  ilock(p->ip);
  error = p->ip->type == T_FILE ? read_headers(p) : -ENOEXEC;
  if (error == 0)
    error = read_interpreter(p);
  iunlock(p->ip);
  if (error)
    iput(p->ip);
  end_op();
  return error;
}

/* Can pages of the file show this segment? They can if it lies in its first page as in the file's. */
static int
segment_fits_pages(struct program_header *ph)
{
  return (ph->offset & (PGSIZE - 1)) == (ph->vaddr & (PGSIZE - 1));
}

/*
 * Is this segment one that can be loaded? The file must hold all that it says;
 * only a program with a place of its own may have one on page 0; and what is
 * copied must begin on a page, as xv6 wants it of every segment.
 */
static int
segment_ok(struct program *p, struct program_header *ph)
{
  uint64 vaddr = p->base + ph->vaddr;

  return ph->filesz <= ph->memsz && vaddr >= ph->vaddr && (vaddr >= USERBASE || p->h.type == ELF_EXEC) &&
         ph->memsz <= USERTOP && vaddr <= USERTOP - ph->memsz && ph->offset <= (1UL << 31) &&
         ph->filesz <= (1UL << 31) && (segment_fits_pages(ph) || (ph->vaddr & (PGSIZE - 1)) == 0) &&
         (ph->flags & (PF_R | PF_W | PF_X)) != 0 && ph->offset + ph->filesz <= vnode_size(p->ip);
}

/* Rights that a segment asks for. */
static int
segment_rights(struct program_header *ph)
{
  return (ph->flags & PF_R ? PROT_READ : 0) | (ph->flags & PF_W ? PROT_READ | PROT_WRITE : 0) |
         (ph->flags & PF_X ? PROT_EXEC : 0);
}

/* Map [start, end) to the file from `offset` on, privately. 0 or -errno. */
static int
map_file(struct vm_map *map, struct program *p, uint64 start, uint64 end, uint64 offset, int rights)
{
  int flags = ENTRY_FILE | ENTRY_NEEDS_COPY | (rights & PROT_WRITE ? vm_map_promise() : 0);
  struct vm_object *o = vnode_map(p->ip);
  int error;

  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, start, end, o, offset / PGSIZE, rights, PROT_ALL, flags);
  if (error)
    vnode_unmap(o);
  return error;
}

/* Write zeros at [va, end), which lies in one page. 0 or -errno. */
static int
zero_tail(struct vm_map *map, uint64 va, uint64 end)
{
  static const char zeros[256];
  int error = 0;

  for (; va < end && error == 0; va += sizeof zeros)
    error = copyout(map, va, zeros, end - va < sizeof zeros ? end - va : sizeof zeros);
  return error;
}

/* The policy vm.exec=load: bring all of [start, end) in now, private pages as copies. 0 or -errno. */
static int
load_now(struct vm_map *map, uint64 start, uint64 end, int rights)
{
  int error = 0;

  for (uint64 va = start; va < end && error == 0; va += PGSIZE)
    error = vm_fault(map, va, rights & PROT_WRITE ? PROT_WRITE : rights & PROT_READ ? PROT_READ : PROT_EXEC);
  return error;
}

/* Give [start, end), whole and private, these rights. The map is nobody's yet. 0 or -ENOMEM. */
static int
set_rights(struct vm_map *map, uint64 start, uint64 end, int rights)
{
  if (vm_map_clip(map, start) < 0 || vm_map_clip(map, end) < 0)
    return -ENOMEM;
  for (struct vm_map_entry *e = vm_map_first_from(map, start); e && e->start < end; e = e->next)
    e->protection = rights;
  pmap_protect(&map->pmap, start, end, rights);
  return 0;
}

/* Copy n bytes of the file from `offset` on to address va, by way of one page. 0 or -errno. */
static int
copy_file(struct vm_map *map, struct program *p, uint64 va, uint64 offset, uint64 n)
{
  char *page = kpage_alloc();
  int error = page ? 0 : -ENOMEM;

  for (uint64 done = 0; done < n && error == 0; done += PGSIZE) {
    int part = n - done < PGSIZE ? n - done : PGSIZE, got;
    ilock(p->ip);
    got = readi(p->ip, 0, (uint64)page, offset + done, part);
    iunlock(p->ip);
    error = got < 0 ? got : got < part ? -ENOEXEC : copyout(map, va + done, page, part);
  }
  if (page)
    kpage_free(page);
  return error;
}

/* Put a segment that pages of the file cannot show into memory of its own. It begins on a page. 0 or -errno. */
static int
copy_segment(struct vm_map *map, struct program *p, struct program_header *ph)
{
  uint64 start = p->base + ph->vaddr, end = PGROUNDUP(start + ph->memsz);
  int error = vm_map_anonymous(map, start, end, PROT_READ | PROT_WRITE, vm_map_promise());

  if (error == 0)
    error = copy_file(map, p, start, ph->offset, ph->filesz);
  return error ? error : set_rights(map, start, end, segment_rights(ph));
}

/* Put one segment that pages of the file can show into the map: its part in the file, then zeros. 0 or -errno. */
static int
map_segment(struct vm_map *map, struct program *p, struct program_header *ph)
{
  uint64 vaddr = p->base + ph->vaddr, start = PGROUNDDOWN(vaddr), end = PGROUNDUP(vaddr + ph->memsz);
  uint64 bss = vaddr + ph->filesz, file_end = ph->filesz ? PGROUNDUP(bss) : start;
  int rights = segment_rights(ph), error = 0;

  if (start < file_end)
    error = map_file(map, p, start, file_end, PGROUNDDOWN(ph->offset), rights);
  if (error == 0 && file_end < end)
    error = vm_map_anonymous(map, file_end, end, rights, rights & PROT_WRITE ? vm_map_promise() : 0);
  if (error == 0 && ph->filesz < ph->memsz && (rights & PROT_WRITE))
    error = zero_tail(map, bss, file_end < vaddr + ph->memsz ? file_end : vaddr + ph->memsz);
  if (error == 0 && !vm_policy.demand_exec)
    error = load_now(map, start, end, rights);
  return error;
}

/* Map all segments of a file. 0 or -errno; -ENOEXEC also for segments that share a page: they cannot both have their rights. */
static int
map_program(struct vm_map *map, struct program *p)
{
  int error = 0;

  for (int i = 0; i < p->h.phnum && error == 0; i++) {
    struct program_header *ph = &p->ph[i];
    if (ph->type != PT_LOAD || ph->memsz == 0)
      continue;
    if (!segment_ok(p, ph))
      return -ENOEXEC;
    if (p->base + ph->vaddr < USERBASE)
      map->base = 0;
    error = segment_fits_pages(ph) ? map_segment(map, p, ph) : copy_segment(map, p, ph);
  }
  return error == -EINVAL ? -ENOEXEC : error == -EFAULT ? -ENOMEM : error;
}

/* The file's entry point in memory, which may well be 0. 0, or -ENOEXEC when no program can start there. */
static int
entry_of(struct vm_map *map, struct program *p, uint64 *entry)
{
  struct vm_map_entry *e = vm_map_lookup(map, p->base + p->h.entry);

  *entry = p->base + p->h.entry;
  return e && (e->protection & PROT_EXEC) && !(p->h.entry & 1) ? 0 : -ENOEXEC;
}

/* Where the program headers are in memory, or 0. */
static uint64
headers_of(struct program *p)
{
  uint64 end = p->h.phoff + p->h.phnum * sizeof *p->ph;

  for (int i = 0; i < p->h.phnum; i++)
    if (p->ph[i].type == PT_LOAD && p->ph[i].offset <= p->h.phoff && end <= p->ph[i].offset + p->ph[i].filesz)
      return p->base + p->ph[i].vaddr + (p->h.phoff - p->ph[i].offset);
  return 0;
}

/* Map the interpreter. 0, with image->start and ->interpreter, or -errno. */
static int
load_interpreter(struct vm_map *map, struct program *p, struct image *image)
{
  char path[MAXPATH];
  int error;

  safestrcpy(path, p->interpreter, sizeof path);
  error = open_program(p, path);
  if (error)
    return error;
  p->base = INTERPRETER_BASE;
  error = p->h.type == ELF_DYN && p->interpreter[0] == 0 ? map_program(map, p) : -ENOEXEC;
  close_program(p);
  image->interpreter = p->base;
  return error ? error : entry_of(map, p, &image->start);
}

/*
 * Map the program at path, and its interpreter, into an empty address space,
 * and place the heap after it. 0 and *image; -ENOENT (the interpreter's, too),
 * -ENOEXEC, -ENOMEM or -EIO. May sleep; no inode is locked.
 */
int
load_image(struct vm_map *map, const char *path, struct image *image)
{
  struct program *p = kpage_alloc(); /* too large for a kernel stack */
  int error;

  if (p == 0)
    return -ENOMEM;
  error = open_program(p, path);
  if (error == 0) {
    p->base = p->h.type == ELF_DYN ? PROGRAM_BASE : 0;
    error = map_program(map, p);
    close_program(p);
    if (error == 0)
      error = entry_of(map, p, &image->entry);
    if (error == 0) {
      map->heap_start = map->brk = map->last->end;
      image->start = image->entry;
      image->headers = headers_of(p);
      image->nheaders = p->h.phnum;
      image->interpreter = 0;
      if (p->interpreter[0])
        error = load_interpreter(map, p, image);
    }
  }
  kpage_free(p);
  return error;
}
