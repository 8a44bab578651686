/*
 * /proc: what the kernel knows, as files.
 *
 *   /proc/meminfo, /proc/vmstat
 *   /proc/PID/maps, smaps, status      (self: the reader's own)
 *
 * There is nothing on the disk and there are no inodes: dir.c follows a path
 * to the root directory's "proc" and from there on asks procfs_step. open
 * writes the text into pages of its own (file->data), which read copies out
 * and close frees; so a reader sees one moment.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "file.h"
#include "procfs.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/fs.h"
#include "abi/stat.h"

/* The files, each in the root of /proc or in every process's directory. */
static const struct {
  const char *name;
  int of_process;
  void (*of_all)(struct text *);                  /* writes a file of the root */
  void (*of_map)(struct text *, struct vm_map *); /* writes a file about an address space; null: print_status does */
} files[] = {
  { "meminfo", 0, print_meminfo, 0 }, { "vmstat", 0, print_vmstat, 0 },
  { "maps", 1, 0, print_maps },       { "smaps", 1, 0, print_smaps },
  { "status", 1, 0, 0 },
};

#define NFILES (int)(sizeof files / sizeof files[0])

/* ---- places ---- */

/* The process that a directory's name stands for: its number, or 0. */
static int
named_process(const char *name)
{
  int pid = 0, i;

  if (strncmp(name, "self", DIRSIZ) == 0)
    return myproc()->pid;
  for (i = 0; i < DIRSIZ && name[i] >= '0' && name[i] <= '9' && pid < 100000000; i++)
    pid = pid * 10 + name[i] - '0';
  if (i < DIRSIZ && name[i] != 0)
    return 0;
  for (struct proc *p = proc; p < &proc[NPROC] && pid > 0; p++)
    if (p->pid == pid && p->state != UNUSED)
      return pid;
  return 0;
}

/* From a directory in /proc to what it calls name. 0, or -ENOENT. */
static int
step_down(struct proc_place *at, const char *name)
{
  int in_process = at->kind == PLACE_PROCESS, pid = in_process ? 0 : named_process(name);

  if (pid > 0) {
    *at = (struct proc_place){ PLACE_PROCESS, pid, 0 };
    return 0;
  }
  for (int i = 0; i < NFILES; i++) {
    if (files[i].of_process == in_process && strncmp(name, files[i].name, DIRSIZ) == 0) {
      at->kind = PLACE_FILE;
      at->file = i;
      return 0;
    }
  }
  return -ENOENT;
}

/*
 * One step of a path, by an element of DIRSIZ bytes: from *at, where
 * PLACE_NONE is the disk's root directory, to what name means there. 0,
 * -ENOENT or -ENOTDIR.
 */
int
procfs_step(struct proc_place *at, const char *name)
{
  int up = strncmp(name, "..", DIRSIZ) == 0;

  if (at->kind == PLACE_FILE)
    return -ENOTDIR;
  if (at->kind == PLACE_NONE)
    at->kind = PLACE_ROOT;
  else if (up && at->kind == PLACE_ROOT)
    at->kind = PLACE_NONE;
  else if (up)
    *at = (struct proc_place){ PLACE_ROOT, 0, 0 };
  else if (strncmp(name, ".", DIRSIZ) != 0)
    return step_down(at, name);
  return 0;
}

/* ---- text ---- */

/* A directory's entries: itself, the one above, and the files that it has. */
static void
print_directory(struct text *t, int of_process)
{
  t->type = T_DIR;
  text_entry(t, ".");
  text_entry(t, "..");
  for (int i = 0; i < NFILES; i++)
    if (files[i].of_process == of_process)
      text_entry(t, files[i].name);
  if (!of_process) {
    text_entry(t, "self");
    print_pids(t);
  }
}

/* Write the text of a process's directory or of a file in it. 0, or -ENOENT when the process has gone. */
static int
print_process(struct text *t, const struct proc_place *place)
{
  struct proc *p = inspect(place->pid);
  struct vm_map *map;

  if (p == 0)
    return -ENOENT;
  acquire(&p->lock);
  map = p->map; /* null for a kernel thread and a zombie */
  release(&p->lock);
  if (place->kind == PLACE_PROCESS)
    print_directory(t, 1);
  else if (files[place->file].of_map == 0)
    print_status(t, p, map);
  else if (map)
    files[place->file].of_map(t, map);
  inspect_end(p);
  return 0;
}

/* Write the text that belongs to a place. 0, -ENOENT, or what kept the text from being complete. */
static int
print_place(struct text *t, const struct proc_place *place)
{
  int error = 0;

  if (place->pid)
    error = print_process(t, place);
  else if (place->kind == PLACE_ROOT)
    print_directory(t, 0);
  else
    files[place->file].of_all(t);
  return error ? error : t->error;
}

/* ---- open files ---- */

/* Make f, fresh from filealloc, the open file or directory at a place. 0, or -errno and f is as it was. */
int
procfs_open(struct file *f, const struct proc_place *place, int mode)
{
  struct text *t;
  int error;

  if (mode & (O_WRONLY | O_RDWR | O_CREATE | O_TRUNC))
    return -EACCES;
  t = kpage_alloc();
  if (t == 0)
    return -ENOMEM;
  text_init(t);
  error = print_place(t, place);
  if (error) {
    text_free(t);
    return error;
  }
  f->type = FD_PROC;
  f->data = t;
  f->readable = 1;
  return 0;
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
  text_free(f->data);
}
