/*
 * What the file system asks of the page cache: read, write, truncate, extend.
 * The inode is locked, so nothing here may fault: copies to and from user
 * memory only use pages that are there.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vnode.h"
#include "fs.h"
#include "vnode_parts.h"
#include "abi/errno.h"

#define READAHEAD 32 /* pages that are read ahead of a sequential reader */

/* How far to read ahead of a reader of bytes [off, off + n): as far as it goes, and more if it reads in sequence. */
static uint64
ahead_of(struct inode *ip, uint off, uint n)
{
  uint64 pages = (off + n - 1) / PGSIZE - off / PGSIZE;

  if (off / PGSIZE == ip->ra_next || off == 0)
    pages += READAHEAD;
  ip->ra_next = (off + n) / PGSIZE;
  return pages < 64 ? pages : 64;
}

/*
 * Read bytes [off, off + n) of a locked file; at most to its end. The number
 * of bytes. Ends early at a page of the user's memory that is not there:
 * -EFAULT when that is the first. -EIO, -ENOMEM.
 */
int
vnode_read(struct inode *ip, int user_dst, uint64 dst, uint off, uint n)
{
  uint64 ahead, bytes = ip->object.bytes;
  uint done = 0;
  int error = 0;

  if (off >= bytes || n == 0)
    return 0;
  if (n > bytes - off)
    n = bytes - off;
  ahead = ahead_of(ip, off, n);
  while (done < n) {
    uint at = (off + done) % PGSIZE;
    uint m = PGSIZE - at < n - done ? PGSIZE - at : n - done;
    struct vm_page *pg = vnode_ready_page(ip, (off + done) / PGSIZE, ahead, &error);
    uint64 copied = m;
    if (pg == 0)
      break;
    pg->flags |= PAGE_REFERENCED;
    if (user_dst)
      copied = copyout_present(myproc()->map, dst + done, (char *)page_kva(pg) + at, m);
    else
      memmove((void *)(dst + done), (char *)page_kva(pg) + at, m);
    release(ip->object.lock);
    done += copied;
    if (copied < m) {
      error = -EFAULT;
      break;
    }
  }
  return done > 0 ? (int)done : error;
}

/*
 * Write a whole page that is on the disk but not in memory: it need not be
 * read, and comes into the file with its new content or not at all, since a
 * mapping may show it from then on. 1, 0 when not all of the source is there,
 * or -ENOMEM.
 */
static int
replace_page(struct inode *ip, uint64 offset, int user_src, uint64 src, uint block)
{
  struct vm_object *o = &ip->object;
  struct vm_page *pg = vnode_frame();

  if (pg == 0)
    return -ENOMEM;
  if (!user_src) {
    memmove(page_kva(pg), (void *)src, PGSIZE);
  } else if (copyin_present(myproc()->map, page_kva(pg), src, PGSIZE) < PGSIZE) {
    vm_page_free(pg);
    return 0;
  }
  acquire(o->lock);
  vnode_insert_page(o, offset, pg, block, 0);
  vnode_mark_dirty(pg);
  if (offset * PGSIZE + PGSIZE > o->bytes)
    vnode_set_bytes(o, offset * PGSIZE + PGSIZE);
  release(o->lock);
  return 1;
}

/* Write m bytes into one page, at offset at. How many, or -errno. */
static int
write_page(struct inode *ip, uint64 offset, uint at, int user_src, uint64 src, uint m, uint block, int fresh)
{
  struct vm_object *o = &ip->object;
  int absent = !vnode_has_page(o, offset), error = 0;
  uint64 copied = m, end;
  struct vm_page *pg;

  if (absent && (fresh || offset * PGSIZE >= o->bytes))
    error = vnode_fresh_page(ip, offset, block);
  else if (absent && m == PGSIZE && (error = replace_page(ip, offset, user_src, src, block)) > 0)
    return PGSIZE;
  if (error < 0)
    return error;
  pg = vnode_ready_page(ip, offset, 0, &error);
  if (pg == 0)
    return error;
  pg->block = block;
  if (user_src)
    copied = copyin_present(myproc()->map, (char *)page_kva(pg) + at, src, m);
  else
    memmove((char *)page_kva(pg) + at, (void *)src, m);
  if (copied > 0 || fresh)
    vnode_mark_dirty(pg);
  end = offset * PGSIZE + at + copied;
  if (copied > 0 && end > o->bytes)
    vnode_set_bytes(o, end);
  release(o->lock);
  return copied > 0 ? (int)copied : -EFAULT;
}

/* Zeros from the end of a locked file to the end of its last page, if a mapping may have left something there. */
static void
clear_tail(struct vm_object *o)
{
  struct vm_page *pg;

  if (!o->tail)
    return;
  acquire(o->lock);
  if (o->bytes % PGSIZE && (pg = vm_object_lookup(o, o->bytes / PGSIZE)) != 0 &&
      !(pg->flags & PAGE_BUSY))
    memset((char *)page_kva(pg) + o->bytes % PGSIZE, 0, PGSIZE - o->bytes % PGSIZE);
  if (o->entry_count == 0)
    o->tail = 0;
  release(o->lock);
}

/*
 * Write bytes at offset off of a locked file, inside an operation; see writei.
 * The number of bytes. Ends early at a page of the user's memory that is not
 * there: -EFAULT when that is the first. -ENOSPC, -EIO, -ENOMEM.
 */
int
vnode_write(struct inode *ip, int user_src, uint64 src, uint off, uint n)
{
  struct vm_object *o = &ip->object;
  uint done = 0;
  int error = 0, changed = 0;

  if (off + n > o->bytes)
    clear_tail(o);
  while (done < n && error == 0) {
    uint at = (off + done) % PGSIZE;
    uint m = PGSIZE - at < n - done ? PGSIZE - at : n - done;
    int fresh, r;
    uint block;
    if (user_src && !user_present(myproc()->map, src + done, PROT_READ)) {
      error = -EFAULT; /* before anything is allocated for it */
      break;
    }
    block = bmap_alloc(ip, (off + done) / PGSIZE, &fresh);
    if (block == 0) {
      error = -ENOSPC;
      break;
    }
    changed |= fresh;
    r = write_page(ip, (off + done) / PGSIZE, at, user_src, src + done, m, block, fresh);
    if (r > 0)
      done += r;
    if (r < (int)m)
      error = r < 0 ? r : -EFAULT;
  }
  if (done > 0 && off + done > ip->size) {
    ip->size = off + done;
    changed = 1;
  }
  acquire(o->lock);
  vnode_set_bytes(o, o->bytes); /* size in pages may have run ahead */
  release(o->lock);
  if (error != 0)
    ishrink(ip, ip->size); /* give back what was allocated beyond the end */
  else if (changed)
    iupdate(ip);
  return done > 0 ? (int)done : error;
}

/* ---- truncation ---- */

/* Free the object's pages from `pages` on, wherever they are mapped. Sleeps; the family's lock is held and given back meanwhile. */
static void
cut_pages(struct vm_object *o, uint64 pages)
{
  struct vm_page *pg, *next;

  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset < pages)
      continue;
    if (pg->flags & (PAGE_BUSY | PAGE_CLEANING)) {
      sleep(pg, o->lock);
      next = o->pages; /* all may be different */
      continue;
    }
    if (o->entry_count + o->shadow_count > 0) {
      vm_page_unmap(pg);
      pmap_shootdown_sync();
    }
    vnode_drop_page(pg);
  }
}

/*
 * The file ends at size now: pages beyond go, also from address spaces, where
 * a touch is a bus error then. The rest of the last page becomes zeros, in
 * memory and, when it is written, on the disk.
 */
void
vnode_truncate(struct inode *ip, uint64 size)
{
  struct vm_object *o = &ip->object;
  int error;

  if (size % PGSIZE && size < o->bytes) {
    struct vm_page *pg = vnode_ready_page(ip, size / PGSIZE, 0, &error);
    if (pg) {
      memset((char *)page_kva(pg) + size % PGSIZE, 0, PGSIZE - size % PGSIZE);
      if (pg->block)
        vnode_mark_dirty(pg);
      release(o->lock);
    }
  }
  acquire(o->lock);
  if (size < o->bytes)
    vnode_set_bytes(o, size);
  if (o->pages)
    cut_pages(o, PGROUNDUP(size) / PGSIZE);
  vm_object_cut_copies(o, PGROUNDUP(size) / PGSIZE);
  release(o->lock);
}

/* The file ends at size now, further than before: what lies between is a hole. */
void
vnode_extend(struct inode *ip, uint64 size)
{
  struct vm_object *o = &ip->object;

  clear_tail(o);
  acquire(o->lock);
  if (size > o->bytes)
    vnode_set_bytes(o, size);
  release(o->lock);
}
