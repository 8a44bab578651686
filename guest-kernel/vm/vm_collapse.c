/*
 * Chains of shadow objects, and how they stay short: an object that only one
 * other refers to is merged with it, and one that is only in the way is passed
 * over. A chain's last object, if it is a file's or a shared memory's, stays.
 * The family's lock is held throughout.
 */
#include "types.h"
#include "defs.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmstat.h"
#include "object_parts.h"

/* Put o into the list of objects that shadow `behind`. Counts are the caller's. */
static void
link_shadow(struct vm_object *o, struct vm_object *behind)
{
  o->shadow = behind;
  o->sibling_prev = 0;
  o->sibling_next = behind->shadowed_by;
  if (behind->shadowed_by)
    behind->shadowed_by->sibling_prev = o;
  behind->shadowed_by = o;
}

/* Take o out of that list. */
void
object_unlink(struct vm_object *o)
{
  if (o->sibling_prev)
    o->sibling_prev->sibling_next = o->sibling_next;
  else
    o->shadow->shadowed_by = o->sibling_next;
  if (o->sibling_next)
    o->sibling_next->sibling_prev = o->sibling_prev;
  o->shadow = o->sibling_next = o->sibling_prev = 0;
}

/*
 * A new object that shadows pages [offset, offset + pages) of `behind` and
 * takes over one reference to it. Its structure was reserved before
 * (kmem_reserve), so this cannot fail.
 */
struct vm_object *
vm_object_shadow(struct vm_object *behind, uint64 offset, uint64 pages)
{
  struct vm_object *o = kmem_alloc_reserved(&object_cache);

  o->lock = behind->lock;
  o->ref_count = 1;
  o->size = pages;
  o->shadow_offset = offset;
  o->shadow_limit = pages;
  if (!is_bottom(behind) && behind->size < offset + pages) /* a file may grow */
    o->shadow_limit = behind->size > offset ? behind->size - offset : 0;
  link_shadow(o, behind);
  behind->shadow_count++;
  return o;
}

/* ---- merging ---- */

/* Make o shadow what the object behind it shadows, at the right offsets. References are the caller's. */
static void
skip_behind(struct vm_object *o, struct vm_object *behind)
{
  struct vm_object *next = behind->shadow;
  uint64 limit = behind->shadow_limit > o->shadow_offset ? behind->shadow_limit - o->shadow_offset : 0;

  if (limit < o->shadow_limit)
    o->shadow_limit = limit;
  o->shadow_offset += behind->shadow_offset;
  if (next == 0)
    o->shadow_offset = o->shadow_limit = 0;
}

/* o is the only one that refers to the object behind it: take its pages, free those that o hides, and take its place. */
static void
merge_up(struct vm_object *o)
{
  struct vm_object *behind = o->shadow, *next = behind->shadow;
  struct vm_page *pg, *following;
  uint64 offset, next_offset = 0;

  for (uint32 slot = vm_swap_first(behind, &offset), after; slot; slot = after, offset = next_offset) {
    after = vm_swap_next(slot, &next_offset);
    if (object_lets_through(o, offset))
      vm_swap_move(slot, o, offset - o->shadow_offset);
    else
      vm_swap_discard(slot);
  }
  for (pg = behind->pages; pg; pg = following) {
    following = pg->list_next;
    if ((pg->flags & PAGE_SLOT) || object_lets_through(o, pg->offset)) /* its slot has moved already */
      vm_object_insert(o, pg->offset - o->shadow_offset, pg);
    else
      object_discard(pg);
  }
  object_unlink(o);
  skip_behind(o, behind);
  if (next) {
    object_unlink(behind);
    link_shadow(o, next);
  }
  if (behind->commit)
    vm_uncommit(behind->commit); /* who may write pays in its entry */
  kmem_free(&object_cache, behind);
  VM_COUNT(collapses);
}

/* May o's pages rather move into the object behind it? Then o must hide nothing but what it has pages for. */
static int
can_merge_down(struct vm_object *o)
{
  struct vm_object *behind = o->shadow;

  return o->ref_count == 1 && object_content(o) < object_content(behind) && o->shadow_offset == 0 &&
         o->shadow_limit >= behind->size && behind->commit == 0;
}

/* The other way round: o's pages replace those of the object behind it, which takes o's place. It is returned. */
static struct vm_object *
merge_down(struct vm_object *o)
{
  struct vm_object *behind = o->shadow;
  struct vm_page *pg, *following;
  uint64 offset, next_offset = 0;

  if (behind->shadow && behind->shadow_limit > o->shadow_limit)
    behind->shadow_limit = o->shadow_limit;
  behind->size = o->size;
  for (uint32 slot = vm_swap_first(o, &offset), after; slot; slot = after, offset = next_offset) {
    after = vm_swap_next(slot, &next_offset);
    object_free_at(behind, offset);
    vm_swap_move(slot, behind, offset);
  }
  for (pg = o->pages; pg; pg = following) {
    following = pg->list_next;
    if (!(pg->flags & PAGE_SLOT)) /* else that was done with its slot */
      object_free_at(behind, pg->offset);
    vm_object_insert(behind, pg->offset, pg);
  }
  object_unlink(o);
  behind->shadow_count--;
  behind->entries = o->entries;
  behind->entry_count = o->entry_count;
  for (struct vm_map_entry *e = behind->entries; e; e = e->object_next)
    e->object = behind;
  kmem_free(&object_cache, o);
  VM_COUNT(collapses);
  return behind;
}

/* ---- passing over ---- */

/* Can o do without the object behind it, which is not the last: has it all pages itself, or has that one none and is only in the way? */
static int
can_bypass(struct vm_object *o)
{
  return !is_bottom(o->shadow) && (object_content(o) >= o->size || o->shadow_limit == 0 || object_content(o->shadow) == 0);
}

/* Let o refer past the object behind it, which has other references too. */
static void
bypass(struct vm_object *o)
{
  struct vm_object *behind = o->shadow, *next = behind->shadow;

  object_unlink(o);
  behind->ref_count--;
  behind->shadow_count--;
  skip_behind(o, behind);
  if (next) {
    link_shadow(o, next);
    next->ref_count++;
    next->shadow_count++;
  }
  object_settle(behind);
  VM_COUNT(bypasses);
}

/*
 * Shorten the chain behind an object. With only_ref the caller owns its only
 * reference and will use the object returned instead, at the same offsets: a
 * big object behind then stays and takes the few pages of the one before it.
 */
struct vm_object *
vm_object_collapse(struct vm_object *o, int only_ref)
{
  while (o->shadow) {
    if (o->shadow->ref_count == 1 && !is_bottom(o->shadow)) {
      if (only_ref && can_merge_down(o))
        o = merge_down(o);
      else
        merge_up(o);
    } else if (can_bypass(o)) {
      bypass(o);
    } else {
      break;
    }
  }
  return o;
}

/* ---- when a reference has gone ---- */

/* o is all that refers to the object behind it, and is much smaller: just free what it hides there. */
static void
free_hidden(struct vm_object *o)
{
  uint64 offset;

  for (struct vm_page *pg = o->pages; pg; pg = pg->list_next)
    if (pg->offset < o->shadow_limit)
      object_free_at(o->shadow, pg->offset + o->shadow_offset);
  for (uint32 slot = vm_swap_first(o, &offset); slot; slot = vm_swap_next(slot, &offset))
    if (offset < o->shadow_limit)
      object_free_at(o->shadow, offset + o->shadow_offset);
}

/*
 * A view of o has ended and others remain: free what nobody sees now, in o
 * and behind it, and merge it with the one object that still refers to it. A
 * merge that would move many pages is left to the next fault or fork there,
 * which can do it from the other side (merge_down).
 */
void
object_settle(struct vm_object *o)
{
  while (o && o->ref_count == o->shadow_count && !is_bottom(o)) {
    struct vm_object *user = o->shadowed_by;

    if (o->ref_count > 1) {
      object_free_unseen(o, 0, ~0UL);
      o = o->shadow;
    } else if (object_content(o) > object_content(user) + 32 && user->shadow_offset == 0 && user->shadow_limit >= o->size) {
      free_hidden(user);
      o = o->shadow;
    } else {
      merge_up(user);
      o = user->shadow;
    }
  }
}
