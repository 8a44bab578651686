/*
 * /proc/PID/maps and smaps: an address space in text.
 *
 * The kernel keeps no names with inodes, so the names of the files that are
 * mapped are looked for in the directories (find_paths), with nothing locked:
 * first the inodes are noted, then their names found, then the lines written.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "fs.h"
#include "vm.h"
#include "procfs.h"
#include "abi/errno.h"

/* So many files of an address space are shown with their names. */
#define MAXFILES 16

/* The files of an address space; a page holds this. */
struct files {
  int n;
  uint inums[MAXFILES];
  int unlinked[MAXFILES];
  char paths[MAXFILES][MAXPATH];
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
count_entry(struct vm_map *map, struct vm_map_entry *e, struct page_counts *n)
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

/* Count the pages of an address space; guards have none. */
void
count_pages(struct vm_map *map, struct page_counts *n)
{
  acquiresleep(&map->lock);
  for (struct vm_map_entry *e = map->first; e; e = e->next)
    if (e->object)
      count_entry(map, e, n);
  releasesleep(&map->lock);
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

/* Note the files that entries show. The map's lock is held. */
static void
note_files(struct vm_map *map, struct files *files)
{
  uint64 offset;

  for (struct vm_map_entry *e = map->first; e; e = e->next) {
    struct inode *ip = entry_file(e, &offset);
    int i = 0;
    if (ip == 0)
      continue;
    while (i < files->n && files->inums[i] != ip->inum)
      i++;
    if (i < files->n || i == MAXFILES)
      continue;
    files->inums[i] = ip->inum;
    files->unlinked[i] = ip->nlink == 0; /* it is mapped, so it stays; unlink may come at any time */
    files->n++;
  }
}

/* What stands at the end of an entry's line; ip is the file that it shows, or null. */
static const char *
entry_name(struct vm_map_entry *e, struct inode *ip, struct files *files)
{
  if (e->flags & ENTRY_HEAP)
    return "[heap]";
  if (e->flags & ENTRY_STACK)
    return "[stack]";
  if (e->flags & ENTRY_GUARD)
    return "[guard]";
  for (int i = 0; ip && i < files->n; i++)
    if (files->inums[i] == ip->inum)
      return files->unlinked[i] ? "(deleted)" : files->paths[i];
  return "";
}

/* A line of maps. */
static void
print_line(struct text *t, struct vm_map_entry *e, struct files *files)
{
  uint64 offset;
  struct inode *ip = entry_file(e, &offset);

  text_print(t, "%010lx-%010lx %c%c%c%c %08lx 00:%02x %u %s\n", e->start, e->end, e->protection & PROT_READ ? 'r' : '-',
             e->protection & PROT_WRITE ? 'w' : '-', e->protection & PROT_EXEC ? 'x' : '-',
             e->flags & ENTRY_SHARED ? 's' : 'p', offset, ip ? ip->dev : 0, ip ? ip->inum : 0,
             entry_name(e, ip, files));
}

/* What smaps has below each line. */
static void
print_pages(struct text *t, struct vm_map *map, struct vm_map_entry *e)
{
  struct page_counts n;

  memset(&n, 0, sizeof n);
  count_entry(map, e, &n);
  text_print(t, "Size:   %8lu kB\nRss:    %8lu kB\nShared: %8lu kB\n", n.size * 4, n.resident * 4, n.shared * 4);
  text_print(t, "Dirty:  %8lu kB\nSwap:   %8lu kB\nHuge:   %8lu kB\n", n.dirty * 4, n.swapped * 4, n.super * (SUPERPAGE / 1024));
}

/* The lines of an address space, each with its pages below if wanted. */
static void
print_entries(struct text *t, struct vm_map *map, int with_pages)
{
  struct files *files = kpage_alloc();

  _Static_assert(sizeof *files <= PGSIZE, "the files' names fit into a page");
  if (files == 0) {
    t->error = -ENOMEM;
    return;
  }
  acquiresleep(&map->lock);
  note_files(map, files);
  releasesleep(&map->lock);
  find_paths(files->n, files->inums, files->paths);
  acquiresleep(&map->lock);
  for (struct vm_map_entry *e = map->first; e; e = e->next) {
    print_line(t, e, files);
    if (with_pages)
      print_pages(t, map, e);
  }
  releasesleep(&map->lock);
  kpage_free(files);
}

/* /proc/PID/maps */
void
print_maps(struct text *t, struct vm_map *map)
{
  print_entries(t, map, 0);
  text_print(t, "%010lx-%010lx r-xp 00000000 00:00 0 [vdso]\n%010lx-%010lx r--p 00000000 00:00 0 [vvar]\n", VDSO_CODE,
             VDSO_TIME, VDSO_TIME, VDSO_PROCESS + PGSIZE);
}

/* /proc/PID/smaps */
void
print_smaps(struct text *t, struct vm_map *map)
{
  print_entries(t, map, 1);
}
