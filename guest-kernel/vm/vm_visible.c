/*
 * Who sees a page of an object: the reverse map from a page to the entries
 * that can show it, which needs no storage of its own; and what becomes of
 * pages that nobody sees. The family's lock is held throughout.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "vm.h"
#include "vm_swap.h"
#include "object_parts.h"

/* Would page `offset` of the object behind o be seen through o, if it is seen at all? */
int
object_lets_through(struct vm_object *o, uint64 offset)
{
  return offset >= o->shadow_offset && offset - o->shadow_offset < o->shadow_limit &&
         !object_has(o, offset - o->shadow_offset);
}

/* Does entry e show page `offset` of its object? */
static int
entry_shows(struct vm_map_entry *e, uint64 offset)
{
  return offset >= e->offset && offset - e->offset < (e->end - e->start) / PGSIZE;
}

/* Is page `offset` of o seen through a reference that is no shadow object: an entry's, or its inode's? */
static int
seen_directly(struct vm_object *o, uint64 offset)
{
  if (o->ref_count > o->shadow_count + o->entry_count)
    return 1;
  for (struct vm_map_entry *e = o->entries; e; e = e->object_next)
    if (entry_shows(e, offset))
      return 1;
  return 0;
}

/*
 * Of the objects in front of o, the one after `at` through which page *offset
 * of `at` is seen; *offset becomes its number there. Goes first down, then
 * sideways, then up, by the objects' own links. `except` and what is in front
 * of it do not count. Null after the last.
 */
static struct vm_object *
next_through(struct vm_object *o, struct vm_object *at, uint64 *offset, struct vm_object *except)
{
  struct vm_object *next = at->shadowed_by;

  for (;;) {
    while (next && (next == except || !object_lets_through(next, *offset)))
      next = next->sibling_next;
    if (next) {
      *offset -= next->shadow_offset;
      return next;
    }
    if (at == o)
      return 0;
    next = at->sibling_next;
    *offset += at->shadow_offset;
    at = at->shadow;
  }
}

/*
 * Does an entry see page `offset` of object o? It does through a reference of
 * its own, or through a shadow object without a page of its own there. The
 * shadow object `except` does not count.
 */
static int
object_visible(struct vm_object *o, uint64 offset, struct vm_object *except)
{
  for (struct vm_object *at = o; at; at = next_through(o, at, &offset, except))
    if (seen_directly(at, offset))
      return 1;
  return 0;
}

/*
 * The object `top` is about to copy page pg, found in an object behind it. If
 * nobody else sees pg, it can have the page itself.
 */
int
vm_object_last_viewer(struct vm_object *top, struct vm_page *pg)
{
  return !object_visible(pg->object, pg->offset, top);
}

/* The reverse map: call f for each entry that can show page pg, with the address where it does. */
void
vm_page_for_each_mapping(struct vm_page *pg, void (*f)(struct vm_map_entry *, uint64 va, struct vm_page *, void *), void *arg)
{
  struct vm_object *o = pg->object;
  uint64 offset = pg->offset;

  for (struct vm_object *at = o; at; at = next_through(o, at, &offset, 0))
    for (struct vm_map_entry *e = at->entries; e; e = e->object_next)
      if (entry_shows(e, offset))
        f(e, e->start + (offset - e->offset) * PGSIZE, pg, arg);
}

/* A mapping of a page that is to be shown no more. */
static void
unmap_from(struct vm_map_entry *e, uint64 va, struct vm_page *pg, void *unused)
{
  (void)unused;
  pmap_page_remove(&e->map->pmap, va, pg);
}

/* Take a page out of all address spaces; done when pmap_shootdown_sync has returned. */
void
vm_page_unmap(struct vm_page *pg)
{
  vm_page_for_each_mapping(pg, unmap_from, 0);
}

/* ---- pages that nobody sees ---- */

/* Free the pages [first, first + n) of o that nobody sees. */
void
object_free_unseen(struct vm_object *o, uint64 first, uint64 n)
{
  struct vm_page *pg, *next;
  uint64 offset, next_offset = 0;

  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset >= first && pg->offset - first < n && !object_visible(o, pg->offset, 0))
      object_free_page(pg);
  }
  for (uint32 slot = vm_swap_first(o, &offset), following; slot; slot = following, offset = next_offset) {
    following = vm_swap_next(slot, &next_offset);
    if (offset >= first && offset - first < n && !object_visible(o, offset, 0))
      vm_swap_discard(slot);
  }
}

/* Is there an entry that shows all of [first, first + n) of o, or a reference that is neither entry nor shadow? */
static int
seen_whole(struct vm_object *o, uint64 first, uint64 n)
{
  if (o->ref_count > o->shadow_count + o->entry_count)
    return 1;
  for (struct vm_map_entry *e = o->entries; e; e = e->object_next)
    if (first >= e->offset && first + n <= e->offset + (e->end - e->start) / PGSIZE)
      return 1;
  return 0;
}

/*
 * Something that saw pages [first, first + n) of o sees them no longer: free
 * those that nobody sees now, there and in the objects behind.
 */
void
vm_object_forget(struct vm_object *o, uint64 first, uint64 n)
{
  while (o && o->pager == 0 && n > 0 && !seen_whole(o, first, n)) {
    if (n < object_content(o)) {
      for (uint64 i = first; i < first + n; i++)
        if (object_has(o, i) && !object_visible(o, i, 0))
          object_free_at(o, i);
    } else {
      object_free_unseen(o, first, n);
    }
    if (first >= o->shadow_limit)
      return;
    if (n > o->shadow_limit - first)
      n = o->shadow_limit - first;
    first += o->shadow_offset;
    o = o->shadow;
  }
}

/* ---- private copies of what a file has no longer ---- */

/* The page of the object at the end of the chain that page 0 of o hides. */
static uint64
offset_in_bottom(struct vm_object *o)
{
  uint64 offset = 0;

  for (; o->shadow; o = o->shadow)
    offset += o->shadow_offset;
  return offset;
}

/* The object after `at`, of those that shadow o or shadow one that does; null after the last. */
static struct vm_object *
next_in_front(struct vm_object *o, struct vm_object *at)
{
  if (at->shadowed_by)
    return at->shadowed_by;
  while (at != o && at->sibling_next == 0)
    at = at->shadow;
  return at == o ? 0 : at->sibling_next;
}

/*
 * o, a file or a shared memory, ends at page `pages` now: what private
 * mappings have as copies of its pages beyond goes as well, from all address
 * spaces. A touch there finds the end of o then.
 */
void
vm_object_cut_copies(struct vm_object *o, uint64 pages)
{
  for (struct vm_object *s = next_in_front(o, o); s; s = next_in_front(o, s)) {
    uint64 before = offset_in_bottom(s), first = pages > before ? pages - before : 0;
    for (struct vm_page *pg = s->pages; pg; pg = pg->list_next)
      if (pg->offset >= first)
        vm_page_unmap(pg);
    pmap_shootdown_sync();
    vm_object_empty(s, first, ~0UL);
  }
}
