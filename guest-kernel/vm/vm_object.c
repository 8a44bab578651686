/*
 * Objects: where pages come from.
 *
 * An anonymous object has the pages that were written, and zeros elsewhere. A
 * shadow object has private copies; what it lacks is looked for in the object
 * behind it. All objects of such a family share one spin lock, which every
 * function here expects to be held unless it says otherwise.
 *
 * Memory is kept exact: a page that no entry can see any more is freed at
 * once. That is why a commitment of one frame for each page of each entry is
 * enough. See object_visible.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmstat.h"
#include "vnode.h"

struct kmem_cache object_cache;

/* Families take these in turn; two that share one only wait for each other now and then. */
#define NFAMILY 64
static struct spinlock family_locks[NFAMILY];
static uint next_family;

#define FREE_AT_ONCE 64 /* pages freed without giving the lock back */

/* Called once, at boot. */
void
vm_object_init(void)
{
  kmem_cache_init(&object_cache, "vm_object", sizeof(struct vm_object));
  for (int i = 0; i < NFAMILY; i++)
    initlock(&family_locks[i], "object family");
}

/* Prepare an object that is embedded in something else: so many pages, one reference, a family of its own. */
void
vm_object_setup(struct vm_object *o, uint64 pages)
{
  o->lock = &family_locks[__sync_fetch_and_add(&next_family, 1) % NFAMILY];
  o->ref_count = 1;
  o->size = pages;
}

/* A new anonymous object of so many pages, with one reference, of a family of its own. Null without memory. Needs no lock. */
struct vm_object *
vm_object_create(uint64 pages)
{
  struct vm_object *o = kmem_alloc(&object_cache);

  if (o == 0)
    return 0;
  vm_object_setup(o, pages);
  return o;
}

/* One more reference to an object. Takes the lock itself. */
void
vm_object_reference(struct vm_object *o)
{
  acquire(o->lock);
  o->ref_count++;
  release(o->lock);
}

/*
 * Take the lock of the family to which a page of an object belongs; return it,
 * or null when the page has no object now. For who comes from the frame: only
 * with the lock is it certain that the object still exists. No page has one
 * that is not in family_locks, whatever the structure has become meanwhile.
 */
struct spinlock *
vm_object_lock_of(struct vm_page *pg)
{
  struct vm_object *o = *(struct vm_object *volatile *)&pg->object;
  struct spinlock *lock = o ? *(struct spinlock *volatile *)&o->lock : 0;

  if (lock < family_locks || lock >= family_locks + NFAMILY ||
      ((uint64)lock - (uint64)family_locks) % sizeof *lock != 0)
    return 0;
  acquire(lock);
  if (pg->object == o && o->lock == lock && (pg->use == PAGE_OBJECT || pg->use == PAGE_FILE))
    return lock;
  release(lock);
  return 0;
}

/* ---- the pages of an object: a splay tree, and a list in no order ---- */

/* Bring the page nearest to offset to the root, so that runs of neighbouring offsets are found at once. */
static struct vm_page *
splay(struct vm_page *root, uint32 offset)
{
  struct vm_page side, *less = &side, *more = &side, *child;

  side.left = side.right = 0;
  for (;;) {
    if (offset < root->offset) {
      child = root->left;
      if (child && offset < child->offset) { /* rotate right */
        root->left = child->right;
        child->right = root;
        root = child;
      }
      if (root->left == 0)
        break;
      more->left = root;
      more = root;
      root = root->left;
    } else if (offset > root->offset) {
      child = root->right;
      if (child && offset > child->offset) { /* rotate left */
        root->right = child->left;
        child->left = root;
        root = child;
      }
      if (root->right == 0)
        break;
      less->right = root;
      less = root;
      root = root->right;
    } else {
      break;
    }
  }
  less->right = root->left;
  more->left = root->right;
  root->left = side.right;
  root->right = side.left;
  return root;
}

/* The object's own page at offset, or null. */
struct vm_page *
vm_object_lookup(struct vm_object *o, uint64 offset)
{
  struct vm_page *root = o->root;

  if (root == 0)
    return 0;
  if (root->offset != offset)
    o->root = root = splay(root, offset);
  return root->offset == offset ? root : 0;
}

/* Put a page that has no owner into the object at offset, which must be vacant. */
void
vm_object_insert(struct vm_object *o, uint64 offset, struct vm_page *pg)
{
  struct vm_page *root = o->root;

  KASSERT(offset < o->size, "page %ld is put into an object of %ld pages", offset, o->size);
  pg->object = o;
  pg->offset = offset;
  if (root == 0) {
    pg->left = pg->right = 0;
  } else {
    root = splay(root, offset);
    KASSERT(root->offset != offset, "page %ld of object %p exists already", offset, (void *)o);
    if (offset < root->offset) {
      pg->left = root->left;
      pg->right = root;
      root->left = 0;
    } else {
      pg->right = root->right;
      pg->left = root;
      root->right = 0;
    }
  }
  o->root = pg;
  pg->list_prev = 0;
  pg->list_next = o->pages;
  if (o->pages)
    o->pages->list_prev = pg;
  o->pages = pg;
  o->resident++;
}

/* Take a page out of its object, and free its slot if it has one; it has no owner then. */
void
vm_object_remove(struct vm_page *pg)
{
  struct vm_object *o = pg->object;

  if (pg->flags & PAGE_SLOT)
    vm_swap_forget(pg);
  o->root = splay(o->root, pg->offset);
  KASSERT(o->root == pg, "page %d is not in the tree of its object %p", pg->offset, (void *)o);
  if (pg->left == 0) {
    o->root = pg->right;
  } else {
    o->root = splay(pg->left, pg->offset); /* its greatest: has no right child */
    o->root->right = pg->right;
  }
  if (pg->list_prev)
    pg->list_prev->list_next = pg->list_next;
  else
    o->pages = pg->list_next;
  if (pg->list_next)
    pg->list_next->list_prev = pg->list_prev;
  o->resident--;
  pg->object = 0;
}

/* A page that has just left its object is not needed: free it, or let the one who has made it busy do so. */
static void
discard(struct vm_page *pg)
{
  if (pg->flags & PAGE_BUSY) {
    pg->flags |= PAGE_DOOMED;
    pg->object = 0;
  } else {
    vm_page_free(pg);
  }
}

/* Free one of an object's pages. */
static void
free_page(struct vm_page *pg)
{
  vm_object_remove(pg);
  discard(pg);
}

/* Free all pages and slots of an object to which nothing refers. Takes the lock itself, a few pages at a time. */
static void
free_all_pages(struct vm_object *o)
{
  uint32 slot;
  uint64 offset;

  while (o->pages || o->slots) {
    acquire(o->lock);
    for (int i = 0; i < FREE_AT_ONCE && (slot = vm_swap_first(o, &offset)) != 0; i++)
      vm_swap_discard(slot);
    for (int i = 0; i < FREE_AT_ONCE && o->slots == 0 && o->root; i++)
      free_page(o->root);
    release(o->lock);
  }
}

/* The page in memory or slot of o that a slot's owner must give way to: free it. */
static void
free_content(struct vm_object *o, uint64 offset)
{
  struct vm_page *pg = vm_object_lookup(o, offset);
  uint32 slot;

  if (pg)
    free_page(pg);
  else if ((slot = vm_swap_find(o, offset)) != 0)
    vm_swap_discard(slot);
}

/* Has the object a page of its own at offset, in memory or in a slot? */
static int
has_content(struct vm_object *o, uint64 offset)
{
  return vm_object_lookup(o, offset) != 0 || vm_swap_has(o, offset);
}

/* Pages of its own. */
static uint64
content(struct vm_object *o)
{
  return o->resident + o->swapped;
}

/* ---- shadow chains ---- */

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
static void
unlink_shadow(struct vm_object *o)
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
  if (behind->pager == 0 && behind->size < offset + pages) /* a file may grow */
    o->shadow_limit = behind->size > offset ? behind->size - offset : 0;
  link_shadow(o, behind);
  behind->shadow_count++;
  return o;
}

/* Would page `offset` of the object behind o be seen through o, if it is seen at all? */
static int
lets_through(struct vm_object *o, uint64 offset)
{
  return offset >= o->shadow_offset && offset - o->shadow_offset < o->shadow_limit &&
         !has_content(o, offset - o->shadow_offset);
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
 * Does an entry see page `offset` of object o? It does through a reference of
 * its own, or through a shadow object without a page of its own there. The
 * shadow object `except` does not count. Walks the tree of shadow objects in
 * order, by their links, without a stack.
 */
static int
object_visible(struct vm_object *o, uint64 offset, struct vm_object *except)
{
  struct vm_object *at = o, *next;

  for (;;) {
    if (seen_directly(at, offset))
      return 1;
    next = at->shadowed_by; /* first down ... */
    for (;;) {
      while (next && (next == except || !lets_through(next, offset)))
        next = next->sibling_next; /* ... then sideways ... */
      if (next)
        break;
      if (at == o)
        return 0;
      next = at->sibling_next; /* ... then up */
      offset += at->shadow_offset;
      at = at->shadow;
    }
    at = next;
    offset -= at->shadow_offset;
  }
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

/*
 * Call f for each entry that can show page pg, with the address where it does.
 * Walks the tree of shadow objects like object_visible.
 */
void
vm_page_for_each_mapping(struct vm_page *pg, void (*f)(struct vm_map_entry *, uint64 va, struct vm_page *))
{
  struct vm_object *o = pg->object, *at = o, *next;
  uint64 offset = pg->offset;

  for (;;) {
    for (struct vm_map_entry *e = at->entries; e; e = e->object_next)
      if (entry_shows(e, offset))
        f(e, e->start + (offset - e->offset) * PGSIZE, pg);
    next = at->shadowed_by;
    for (;;) {
      while (next && !lets_through(next, offset))
        next = next->sibling_next;
      if (next)
        break;
      if (at == o)
        return;
      next = at->sibling_next;
      offset += at->shadow_offset;
      at = at->shadow;
    }
    at = next;
    offset -= at->shadow_offset;
  }
}

/* Free the pages [first, first + n) of o that nobody sees. */
static void
free_unseen(struct vm_object *o, uint64 first, uint64 n)
{
  struct vm_page *pg, *next;
  uint64 offset, next_offset = 0;

  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset >= first && pg->offset - first < n && !object_visible(o, pg->offset, 0))
      free_page(pg);
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
    if (n < content(o)) {
      for (uint64 i = first; i < first + n; i++)
        if (has_content(o, i) && !object_visible(o, i, 0))
          free_content(o, i);
    } else {
      free_unseen(o, first, n);
    }
    if (first >= o->shadow_limit)
      return;
    if (n > o->shadow_limit - first)
      n = o->shadow_limit - first;
    first += o->shadow_offset;
    o = o->shadow;
  }
}

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
    if (lets_through(o, offset))
      vm_swap_move(slot, o, offset - o->shadow_offset);
    else
      vm_swap_discard(slot);
  }
  for (pg = behind->pages; pg; pg = following) {
    following = pg->list_next;
    if ((pg->flags & PAGE_SLOT) || lets_through(o, pg->offset)) /* its slot has moved already */
      vm_object_insert(o, pg->offset - o->shadow_offset, pg);
    else
      discard(pg);
  }
  unlink_shadow(o);
  skip_behind(o, behind);
  if (next) {
    unlink_shadow(behind);
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

  return o->ref_count == 1 && content(o) < content(behind) && o->shadow_offset == 0 &&
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
    free_content(behind, offset);
    vm_swap_move(slot, behind, offset);
  }
  for (pg = o->pages; pg; pg = following) {
    following = pg->list_next;
    if (!(pg->flags & PAGE_SLOT)) /* else that was done with its slot */
      free_content(behind, pg->offset);
    vm_object_insert(behind, pg->offset, pg);
  }
  unlink_shadow(o);
  behind->shadow_count--;
  behind->entries = o->entries;
  behind->entry_count = o->entry_count;
  for (struct vm_map_entry *e = behind->entries; e; e = e->object_next)
    e->object = behind;
  kmem_free(&object_cache, o);
  VM_COUNT(collapses);
  return behind;
}

static void object_settle(struct vm_object *);

/* Can o do without the object behind it: has it all pages itself, or has that one none and is only in the way? */
static int
can_bypass(struct vm_object *o)
{
  return content(o) >= o->size || o->shadow_limit == 0 || (content(o->shadow) == 0 && o->shadow->pager == 0);
}

/* Let o refer past the object behind it, which has other references too. */
static void
bypass(struct vm_object *o)
{
  struct vm_object *behind = o->shadow, *next = behind->shadow;

  if (content(o) >= o->size || o->shadow_limit == 0)
    next = 0;
  unlink_shadow(o);
  behind->ref_count--;
  if (behind->pager)
    vnode_released(behind);
  behind->shadow_count--;
  if (next) {
    skip_behind(o, behind);
    link_shadow(o, next);
    next->ref_count++;
    next->shadow_count++;
  } else {
    o->shadow_offset = o->shadow_limit = 0;
  }
  object_settle(behind);
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
    if (o->shadow->ref_count == 1 && o->shadow->pager == 0) {
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

/* o is all that refers to the object behind it, and is much smaller: just free what it hides there. */
static void
free_hidden(struct vm_object *o)
{
  uint64 offset;

  for (struct vm_page *pg = o->pages; pg; pg = pg->list_next)
    if (pg->offset < o->shadow_limit)
      free_content(o->shadow, pg->offset + o->shadow_offset);
  for (uint32 slot = vm_swap_first(o, &offset); slot; slot = vm_swap_next(slot, &offset))
    if (offset < o->shadow_limit)
      free_content(o->shadow, offset + o->shadow_offset);
}

/*
 * A view of o has ended and others remain: free what nobody sees now, in o
 * and behind it, and merge it with the one object that still refers to it. A
 * merge that would move many pages is left to the next fault or fork there,
 * which can do it from the other side (merge_down).
 */
static void
object_settle(struct vm_object *o)
{
  while (o && o->ref_count == o->shadow_count && o->pager == 0) {
    struct vm_object *user = o->shadowed_by;

    if (o->ref_count > 1) {
      free_unseen(o, 0, ~0UL);
      o = o->shadow;
    } else if (content(o) > content(user) + 32 && user->shadow_offset == 0 && user->shadow_limit >= o->size) {
      free_hidden(user);
      o = o->shadow;
    } else {
      merge_up(user);
      o = user->shadow;
    }
  }
}

/*
 * One reference less, through which pages [first, first + n) were seen. The
 * last one frees the object and its reference to the one behind it. Takes the
 * lock itself.
 */
void
vm_object_release_range(struct vm_object *o, uint64 first, uint64 n)
{
  struct spinlock *lock = o->lock;

  while (o) {
    struct vm_object *behind = 0;

    acquire(lock);
    o->ref_count--;
    if (o->ref_count > 0) {
      if (o->pager)
        vnode_released(o);
      vm_object_forget(o, first, n);
      object_settle(o);
      release(lock);
      return;
    }
    if (o->shadow) {
      behind = o->shadow;
      unlink_shadow(o);
      behind->shadow_count--;
      n = first >= o->shadow_limit ? 0 : n < o->shadow_limit - first ? n : o->shadow_limit - first;
      first += o->shadow_offset;
    }
    release(lock);

    free_all_pages(o); /* only the page-out daemon can reach o now, through its pages */
    if (o->commit)
      vm_uncommit(o->commit);
    kmem_free(&object_cache, o);
    o = behind; /* and its reference goes next */
  }
}

/* The same for a reference that saw all of the object. */
void
vm_object_release(struct vm_object *o)
{
  vm_object_release_range(o, 0, o->size);
}

/*
 * The only entry that uses o ends at page `pages` now: free what lies beyond,
 * and see nothing there of the objects behind it. Takes the lock itself.
 */
void
vm_object_truncate(struct vm_object *o, uint64 pages)
{
  struct vm_page *pg, *next;

  acquire(o->lock);
  if (o->resident > 0 && pages < o->size)
    for (pg = o->pages; pg; pg = next) {
      next = pg->list_next;
      if (pg->offset >= pages)
        free_page(pg);
    }
  if (o->slots && pages < o->size)
    vm_swap_drop(o, pages);
  o->size = pages;
  if (o->shadow_limit > pages) {
    o->shadow_limit = pages;
    if (o->shadow)
      object_settle(o->shadow);
  }
  release(o->lock);
}
