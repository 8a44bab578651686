/*
 * Shared memory by name: shm_open, shm_unlink, and what ftruncate, mmap and
 * close do with its descriptors (type FD_SHM, file->data is the struct shm).
 *
 * Its pages are those of an anonymous object, to which the struct shm has a
 * reference of its own (object->named). They are promised when ftruncate
 * makes it larger. It lives while it has a name, a descriptor or a mapping;
 * after the first two, mappings keep the object alone.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "file.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"

#define NSHM 64
#define SHMNAME 32 /* bytes of a name, with its NUL */

struct shm {
  char name[SHMNAME];       /* "" when it has lost its name */
  uint refs;                /* open files, and one for the name; 0: the slot is free */
  struct vm_object *object;
  uint64 size;              /* bytes, as ftruncate was told */
  struct sleeplock lock;    /* one ftruncate at a time; guards size */
};

/* Guards names and refs. */
static struct spinlock shm_lock;
static struct shm table[NSHM];

/* Called once, at boot. */
void
shm_init(void)
{
  initlock(&shm_lock, "shared memory");
  for (int i = 0; i < NSHM; i++)
    initsleeplock(&table[i].lock, "shared memory");
}

/* The object with this name, or null. shm_lock is held. */
static struct shm *
find(const char *name)
{
  for (int i = 0; i < NSHM; i++)
    if (table[i].refs > 0 && strcmp(table[i].name, name) == 0)
      return &table[i];
  return 0;
}

/* Give a reference back; the last one frees the slot. */
static void
drop(struct shm *s)
{
  struct vm_object *o = 0;

  acquire(&shm_lock);
  if (--s->refs == 0)
    o = s->object;
  release(&shm_lock);
  if (o == 0)
    return;
  acquire(o->lock);
  o->named--;
  release(o->lock);
  vm_object_release(o);
}

/* Take a free slot for a name that nobody has; the object comes with it. It has two references. Null and *error, or the one that has the name. */
static struct shm *
create(const char *name, int flags, int *error)
{
  struct vm_object *o = vm_object_create(0);
  struct shm *s;

  if (o == 0) {
    *error = -ENOMEM;
    return 0;
  }
  acquire(&shm_lock);
  s = find(name);
  *error = s && (flags & O_EXCL) ? -EEXIST : 0;
  if (s && *error == 0)
    s->refs++;
  for (int i = 0; i < NSHM && s == 0; i++)
    if (table[i].refs == 0) {
      s = &table[i];
      safestrcpy(s->name, name, sizeof s->name);
      s->refs = 2;
      s->size = 0;
      s->object = o;
      o->named = 1;
      o->bounded = 1;
      o = 0;
    }
  release(&shm_lock);
  if (o)
    vm_object_release(o);
  if (s == 0)
    *error = -ENFILE;
  return *error ? 0 : s;
}

/* The object with this name, made if flags say so, with one more reference. Null and *error. */
static struct shm *
open_name(const char *name, int flags, int *error)
{
  struct shm *s;

  if (flags & O_CREATE)
    return create(name, flags, error);
  acquire(&shm_lock);
  s = find(name);
  if (s)
    s->refs++;
  release(&shm_lock);
  *error = -ENOENT;
  return s;
}

/* Fetch a name: "/" and 1 to 30 characters that are none, or those without the "/". 0 or -errno. */
static int
fetch_name(uint64 va, char *name)
{
  char given[SHMNAME];
  int n = fetchstr(va, given, sizeof given);
  const char *s = given;

  if (n < 0)
    return n;
  if (*s == '/')
    s++;
  if (*s == 0)
    return -EINVAL;
  safestrcpy(name, s, SHMNAME);
  for (; *s; s++)
    if (*s == '/')
      return -EINVAL;
  return 0;
}

/* shm_open(name, flags, mode): a descriptor for the shared memory with this name. flags as for open; mode is ignored. */
long
sys_shm_open(void)
{
  struct proc *p = myproc();
  char name[SHMNAME];
  int flags = (int)argraw(1), error = fetch_name(argraw(0), name), fd;
  struct file *f;
  struct shm *s;

  if (error)
    return error;
  for (fd = 0; fd < NOFILE && p->ofile[fd]; fd++)
    ;
  if (fd == NOFILE)
    return -EMFILE;
  f = filealloc();
  if (f == 0)
    return -ENFILE;
  s = open_name(name, flags, &error);
  if (s == 0) {
    fileclose(f);
    return error;
  }
  f->type = FD_SHM;
  f->data = s;
  f->readable = 1;
  f->writable = (flags & O_RDWR) != 0;
  if (f->writable && (flags & O_TRUNC))
    shm_truncate(f, 0);
  p->ofile[fd] = f;
  return fd;
}

/* shm_unlink(name): the name goes; who has it open or mapped keeps it. */
long
sys_shm_unlink(void)
{
  char name[SHMNAME];
  int error = fetch_name(argraw(0), name);
  struct shm *s;

  if (error)
    return error;
  acquire(&shm_lock);
  s = find(name);
  if (s)
    s->name[0] = 0;
  release(&shm_lock);
  if (s == 0)
    return -ENOENT;
  drop(s);
  return 0;
}

/* The last descriptor of an open file is closed. */
void
shm_close(struct file *f)
{
  drop(f->data);
}

/* The object whose pages a mapping of the file shows, with one more reference for it. */
struct vm_object *
shm_object(struct file *f)
{
  struct shm *s = f->data;

  vm_object_reference(s->object);
  return s->object;
}

/* Bytes of it, for fstat and for mmap's limits. */
uint64
shm_size(struct file *f)
{
  return ((struct shm *)f->data)->size;
}

/* Make it larger: promise its pages. 0 or -ENOMEM. */
static int
grow(struct vm_object *o, uint64 pages)
{
  uint64 more = pages - o->size;

  if (vm_commit(more) < 0)
    return -ENOMEM;
  acquire(o->lock);
  o->commit += more;
  o->size = pages;
  release(o->lock);
  return 0;
}

/*
 * Take the pages of o from number `first` on out of all address spaces and
 * free them, but for those that are on their way to or from the disk. One of
 * these, or null. Between the two steps the lock is not given back: a fault
 * would bring the page back.
 */
static struct vm_page *
free_pages(struct vm_object *o, uint64 first)
{
  struct vm_page *pg, *next, *moving = 0;

  for (pg = o->pages; pg; pg = pg->list_next)
    if (pg->offset >= first)
      vm_page_unmap(pg);
  pmap_shootdown_sync();
  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset < first)
      continue;
    if (pg->flags & (PAGE_BUSY | PAGE_CLEANING)) {
      moving = pg;
      continue;
    }
    vm_object_remove(pg);
    vm_page_free(pg);
  }
  return moving;
}

/* Make it smaller: no mapping shows what lies beyond any more, and it is freed. */
static void
shrink(struct vm_object *o, uint64 pages)
{
  uint64 less = o->size - pages;
  struct vm_page *moving;

  acquire(o->lock);
  o->size = pages; /* from now on faults beyond are refused */
  while ((moving = free_pages(o, pages)) != 0)
    sleep(moving, o->lock);
  vm_swap_drop(o, pages);
  vm_object_cut_copies(o, pages);
  o->commit -= less;
  release(o->lock);
  vm_uncommit(less);
}

/* Zero what lies behind `size` in its last page, so that a larger size shows zeros there. */
static void
clear_tail(struct vm_object *o, uint64 size)
{
  struct vm_page *pg;

  acquire(o->lock);
  for (;;) {
    pg = vm_object_lookup(o, size / PGSIZE);
    if (pg && (pg->flags & PAGE_BUSY)) {
      sleep(pg, o->lock);
      continue;
    }
    if (pg || !vm_swap_has(o, size / PGSIZE))
      break;
    if (vm_swap_in(o, size / PGSIZE) < 0)
      break;
  }
  if (pg) {
    vm_swap_forget(pg);
    memset((char *)page_kva(pg) + size % PGSIZE, 0, PGSIZE - size % PGSIZE);
  }
  release(o->lock);
}

/* ftruncate for a descriptor of shared memory: set its size in bytes. 0, -EINVAL or -ENOMEM. */
int
shm_truncate(struct file *f, uint64 size)
{
  struct shm *s = f->data;
  uint64 pages = PGROUNDUP(size) / PGSIZE;
  int error = 0;

  if (!f->writable || size > USERTOP)
    return -EINVAL;
  acquiresleep(&s->lock);
  if (pages > s->object->size)
    error = grow(s->object, pages);
  else if (pages < s->object->size)
    shrink(s->object, pages);
  if (error == 0) {
    if (size < s->size && size % PGSIZE)
      clear_tail(s->object, size);
    s->size = size;
  }
  releasesleep(&s->lock);
  return error;
}

/* For vmcheck: the object of table slot i, null for a free slot. 0 beyond the table. */
int
shm_slot(int i, struct vm_object **o)
{
  if (i < 0 || i >= NSHM)
    return 0;
  *o = table[i].refs > 0 ? table[i].object : 0;
  return 1;
}
