/*
 * /proc: what the kernel knows, as files.
 *
 *   /proc/meminfo, /proc/vmstat
 *   /proc/PID/maps, smaps, status      (self: the reader's own)
 *
 * There is nothing on the disk: open writes the text into pages of its own
 * (file->data), which read copies out and close frees; so a reader sees one
 * moment. Formats are like Linux's.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "file.h"
#include "vmstat.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"

#define MAXPAGES 64

/* The text of an open file; one page holds this. */
struct text {
  struct sink sink;
  uint64 length;
  int error; /* 0, or -ENOMEM or -EFBIG: it is not complete */
  short type; /* T_FILE, or T_DIR: struct dirents */
  char *pages[MAXPAGES];
};

/* ---- text ---- */

/* The sink's function: append a byte. */
static void
put(struct sink *to, int c)
{
  struct text *t = (struct text *)to;
  uint64 page = t->length / PGSIZE;

  if (t->error)
    return;
  if (page == MAXPAGES)
    t->error = -EFBIG;
  else if (t->pages[page] == 0 && (t->pages[page] = kpage_alloc()) == 0)
    t->error = -ENOMEM;
  else
    t->pages[page][t->length++ % PGSIZE] = c;
}

/* Append formatted text. */
static void __attribute__((format(printf, 2, 3)))
print(struct text *t, const char *fmt, ...)
{
  va_list ap;

  va_start(ap, fmt);
  format(&t->sink, fmt, ap);
  va_end(ap);
}

static void
free_text(struct text *t)
{
  for (int i = 0; i < MAXPAGES && t->pages[i]; i++)
    kpage_free(t->pages[i]);
  kpage_free(t);
}

/* Append a directory entry. */
static void
print_entry(struct text *t, const char *name)
{
  struct dirent d;

  memset(&d, 0, sizeof d);
  d.inum = 1;
  strncpy(d.name, name, DIRSIZ);
  for (uint i = 0; i < sizeof d; i++)
    put(&t->sink, ((char *)&d)[i]);
}

/* ---- the files ---- */

static void
print_meminfo(struct text *t)
{
  struct vmstat s;

  vmstat_collect(&s);
  print(t, "MemTotal:     %8lu kB\n", s.total_frames * 4);
  print(t, "MemFree:      %8lu kB\n", vm_free_frames() * 4);
  print(t, "MemAvailable: %8lu kB\n", s.free_frames * 4);
  print(t, "Cached:       %8lu kB\n", s.page_cache_frames * 4);
  print(t, "SwapTotal:    %8lu kB\n", s.swap_slots * 4);
  print(t, "SwapFree:     %8lu kB\n", s.swap_free * 4);
  print(t, "CommitLimit:  %8lu kB\n", s.commit_limit * 4);
  print(t, "Committed_AS: %8lu kB\n", s.committed_frames * 4);
  print(t, "AnonHugePages:%8lu kB\n", s.superpages * (SUPERPAGE / 1024));
}

static void
print_vmstat(struct text *t)
{
  struct vmstat s;

  vmstat_collect(&s);
#define LINE(field) print(t, #field " %lu\n", s.field)
  LINE(total_frames);
  LINE(free_frames);
  LINE(committed_frames);
  LINE(commit_limit);
  LINE(page_cache_frames);
  LINE(swap_slots);
  LINE(swap_free);
  LINE(objects);
  LINE(entries);
  LINE(superpages);
  LINE(faults_zero);
  LINE(faults_cow_copy);
  LINE(faults_cow_reuse);
  LINE(faults_file);
  LINE(faults_swap);
  LINE(faults_map);
  LINE(faults_refused);
  LINE(pages_in);
  LINE(pages_out);
  LINE(clean_dropped);
  LINE(file_reads);
  LINE(file_writes);
  LINE(daemon_runs);
  LINE(shootdowns);
  LINE(promotions);
  LINE(demotions);
  LINE(zero_page_maps);
  LINE(collapses);
#undef LINE
}

/* Pages of an entry or of several. */
struct pages {
  uint64 size, resident, shared, dirty, swapped, super;
};

/* Does the page at pa belong to others as well, or to a file? The zero page and the like count as shared. */
static int
is_shared(struct vm_map_entry *e, uint64 pa)
{
  struct vm_page *pg = pa_page(pa);

  return pg->use != PAGE_OBJECT || pg->object != e->object || e->object->ref_count > 1;
}

/* Count the pages of an entry. The map's lock is held. */
static void
count_entry(struct vm_map *map, struct vm_map_entry *e, struct pages *n)
{
  uint64 size;

  n->size += (e->end - e->start) / PGSIZE;
  if (e->object == 0)
    return;
  acquire(e->object->lock);
  for (uint64 va = e->start; va < e->end; va = (va & ~(size - 1)) + size) {
    uint64 pte = pmap_entry(&map->pmap, va, &size), pages = size / PGSIZE;
    if (pte == 0)
      continue;
    n->resident += pages;
    n->super += size == SUPERPAGE;
    if (is_shared(e, PTE2PA(pte)))
      n->shared += pages;
    if (pte & PTE_D)
      n->dirty += pages;
  }
  n->swapped += e->object->swapped;
  release(e->object->lock);
}

/* The file that an entry shows, perhaps through private copies, or null; *offset becomes the byte where it begins. */
static struct inode *
entry_file(struct vm_map_entry *e, uint64 *offset)
{
  struct vm_object *o = e->object;
  struct inode *ip = 0;

  *offset = 0;
  if (o == 0)
    return 0;
  acquire(o->lock);
  *offset = e->offset;
  for (; o->shadow; o = o->shadow)
    *offset += o->shadow_offset;
  if (o->pager)
    ip = o->pager_data;
  release(e->object->lock);
  *offset = ip ? *offset * PGSIZE : 0;
  return ip;
}

/* A line of maps. */
static void
print_map_line(struct text *t, struct vm_map_entry *e)
{
  uint64 offset;
  struct inode *ip = entry_file(e, &offset);
  const char *name = e->flags & ENTRY_HEAP    ? "[heap]"
                     : e->flags & ENTRY_STACK ? "[stack]"
                     : e->flags & ENTRY_GUARD ? "[guard]"
                                              : "";

  print(t, "%010lx-%010lx %c%c%c%c %08lx 00:%02x %u %s\n", e->start, e->end, e->protection & PROT_READ ? 'r' : '-',
        e->protection & PROT_WRITE ? 'w' : '-', e->protection & PROT_EXEC ? 'x' : '-',
        e->flags & ENTRY_SHARED ? 's' : 'p', offset, ip ? ip->dev : 0, ip ? ip->inum : 0, name);
}

/* What smaps has below each line. */
static void
print_map_pages(struct text *t, struct vm_map *map, struct vm_map_entry *e)
{
  struct pages n;

  memset(&n, 0, sizeof n);
  count_entry(map, e, &n);
  print(t, "Size:   %8lu kB\nRss:    %8lu kB\nShared: %8lu kB\n", n.size * 4, n.resident * 4, n.shared * 4);
  print(t, "Dirty:  %8lu kB\nSwap:   %8lu kB\nHuge:   %8lu kB\n", n.dirty * 4, n.swapped * 4, n.super * (SUPERPAGE / 1024));
}

/* Text about a process's address space. */
static void
print_maps(struct text *t, struct vm_map *map, int with_pages)
{
  acquiresleep(&map->lock);
  for (struct vm_map_entry *e = map->first; e; e = e->next) {
    print_map_line(t, e);
    if (with_pages)
      print_map_pages(t, map, e);
  }
  releasesleep(&map->lock);
  if (!with_pages)
    print(t, "%010lx-%010lx r-xp 00000000 00:00 0 [vdso]\n%010lx-%010lx r--p 00000000 00:00 0 [vvar]\n",
          VDSO_CODE, VDSO_TIME, VDSO_TIME, VDSO_PROCESS + PGSIZE);
}

/* /proc/PID/status. map is null for a kernel thread and a zombie. */
static void
print_status(struct text *t, struct proc *p, struct vm_map *map)
{
  static const char *const states[] = { "U (unused)", "N (new)", "S (sleeping)", "R (runnable)", "R (running)", "Z (zombie)" };
  struct pages n;

  memset(&n, 0, sizeof n);
  if (map) {
    acquiresleep(&map->lock);
    for (struct vm_map_entry *e = map->first; e; e = e->next)
      if (e->object)
        count_entry(map, e, &n);
    releasesleep(&map->lock);
  }
  print(t, "Name:\t%s\nState:\t%s\nPid:\t%d\nPPid:\t%d\n", p->name, p->stopped ? "T (stopped)" : states[p->state], p->pid,
        parent_number(p));
  print(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", n.size * 4, n.resident * 4);
  print(t, "RssShared:\t%8lu kB\nRssPrivate:\t%8lu kB\nVmSwap:\t%8lu kB\n", n.shared * 4, (n.resident - n.shared) * 4,
        n.swapped * 4);
  print(t, "HugePages:\t%8lu kB\n", n.super * (SUPERPAGE / 1024));
  print(t, "Faults:\tzero %lu, copied %lu, reused %lu, file %lu, swap %lu, map %lu, refused %lu\n", p->faults.zero,
        p->faults.cow_copy, p->faults.cow_reuse, p->faults.file, p->faults.swap, p->faults.map, p->faults.refused);
  print(t, "SigPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", p->sig_pending, p->sig_blocked,
        p->sig_ignored, p->sig_caught);
}

/* Write a decimal number's digits, with a NUL. */
static void
number_name(int n, char *to)
{
  char digits[12];
  int count = 0;

  do
    digits[count++] = '0' + n % 10;
  while ((n /= 10) > 0);
  while (count > 0)
    *to++ = digits[--count];
  *to = 0;
}

/* The directory /proc. */
static void
print_root(struct text *t)
{
  char name[12];

  t->type = T_DIR;
  print_entry(t, ".");
  print_entry(t, "..");
  print_entry(t, "meminfo");
  print_entry(t, "vmstat");
  print_entry(t, "self");
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    int pid = p->pid;
    if (pid > 0 && p->state != UNUSED) {
      number_name(pid, name);
      print_entry(t, name);
    }
  }
}

/* ---- finding and opening ---- */

/* Does s begin with the path component `name`? What follows it and its slashes, or null. */
static const char *
after(const char *s, const char *name)
{
  uint64 n = strlen(name);

  if (strncmp(s, name, n) != 0 || (s[n] != 0 && s[n] != '/'))
    return 0;
  for (s += n; *s == '/'; s++)
    ;
  return s;
}

/* Is the path in /proc? */
int
procfs_path(const char *path)
{
  return after(path, "/proc") != 0;
}

/* A process number or "self" at the beginning of s: the number, and *rest is what follows; 0 when there is none. */
static int
process_number(const char *s, const char **rest)
{
  int pid = 0;

  if ((*rest = after(s, "self")) != 0)
    return myproc()->pid;
  for (; *s >= '0' && *s <= '9' && pid < 100000000; s++)
    pid = pid * 10 + *s - '0';
  if (*s != 0 && *s != '/')
    return 0;
  for (; *s == '/'; s++)
    ;
  *rest = s;
  return pid;
}

/* Write the text of /proc/PID/name. 0 or -ENOENT. */
static int
print_process(struct text *t, int pid, const char *name)
{
  struct proc *p = inspect(pid);
  struct vm_map *map;
  int error = 0;

  if (p == 0)
    return -ENOENT;
  acquire(&p->lock);
  map = p->map;
  release(&p->lock);
  if (*name == 0) {
    t->type = T_DIR;
    print_entry(t, ".");
    print_entry(t, "..");
    print_entry(t, "maps");
    print_entry(t, "smaps");
    print_entry(t, "status");
  } else if (strcmp(name, "status") == 0) {
    print_status(t, p, map);
  } else if (strcmp(name, "maps") == 0 || strcmp(name, "smaps") == 0) {
    if (map)
      print_maps(t, map, name[0] == 's');
  } else {
    error = -ENOENT;
  }
  inspect_end(p);
  return error;
}

/* Write the text of the file with this path. 0, -ENOENT, or what kept the text from being complete. */
static int
print_file(struct text *t, const char *path)
{
  const char *name = after(path, "/proc"), *rest;
  int pid, error = 0;

  if (*name == 0)
    print_root(t);
  else if (strcmp(name, "meminfo") == 0)
    print_meminfo(t);
  else if (strcmp(name, "vmstat") == 0)
    print_vmstat(t);
  else if ((pid = process_number(name, &rest)) > 0)
    error = print_process(t, pid, rest);
  else
    error = -ENOENT;
  return error ? error : t->error;
}

/* open for a path in /proc: a descriptor, or -errno. */
int
procfs_open(const char *path, int mode)
{
  struct proc *p = myproc();
  struct text *t;
  struct file *f;
  int fd, error;

  if (mode & (O_WRONLY | O_RDWR | O_CREATE | O_TRUNC))
    return -EACCES;
  for (fd = 0; fd < NOFILE && p->ofile[fd]; fd++)
    ;
  if (fd == NOFILE)
    return -EMFILE;
  t = kpage_alloc();
  if (t == 0)
    return -ENOMEM;
  t->sink.put = put;
  t->type = T_FILE;
  error = print_file(t, path);
  f = error ? 0 : filealloc();
  if (f == 0) {
    free_text(t);
    return error ? error : -ENFILE;
  }
  f->type = FD_PROC;
  f->data = t;
  f->readable = 1;
  p->ofile[fd] = f;
  return fd;
}

/* Copy out up to n bytes from where the last read ended. How many, or -EFAULT. */
int
procfs_read(struct file *f, uint64 addr, int n)
{
  struct text *t = f->data;
  int done = 0;

  while (done < n && f->off < t->length) {
    uint64 at = f->off % PGSIZE, part = PGSIZE - at;
    if (part > (uint64)(n - done))
      part = n - done;
    if (part > t->length - f->off)
      part = t->length - f->off;
    if (copyout(myproc()->map, addr + done, t->pages[f->off / PGSIZE] + at, part) < 0)
      return -EFAULT;
    f->off += part;
    done += part;
  }
  return done;
}

/* What fstat tells. */
void
procfs_stat(struct file *f, struct stat *st)
{
  struct text *t = f->data;

  memset(st, 0, sizeof *st);
  st->type = t->type;
  st->nlink = 1;
  st->size = t->length;
}

/* The last descriptor is closed. */
void
procfs_close(struct file *f)
{
  free_text(f->data);
}
