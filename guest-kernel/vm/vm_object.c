/*
 * Objects: where pages come from.
 *
 * An anonymous object has the pages that were written, and zeros elsewhere. A
 * shadow object has private copies; what it lacks is looked for in the object
 * behind it. All objects of such a family share one spin lock, which every
 * function here expects to be held unless it says otherwise.
 *
 * Here: an object's life, and its own pages. vm_visible.c: who sees a page.
 * vm_collapse.c: chains of shadow objects, and how they stay short.
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
#include "vnode.h"
#include "object_parts.h"

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
void
object_discard(struct vm_page *pg)
{
  if (pg->flags & PAGE_BUSY) {
    pg->flags |= PAGE_DOOMED;
    pg->object = 0;
  } else {
    vm_page_free(pg);
  }
}

/* Free one of an object's pages. */
void
object_free_page(struct vm_page *pg)
{
  vm_object_remove(pg);
  object_discard(pg);
}

/*
 * Free all pages and slots of an object to which nothing refers. Takes the
 * lock itself, a few pages at a time. Only with the lock can one see that
 * nothing is left: a page that goes to swap is in neither list for a moment.
 */
static void
free_all_pages(struct vm_object *o)
{
  uint32 slot;
  uint64 offset;
  int more;

  do {
    acquire(o->lock);
    for (int i = 0; i < FREE_AT_ONCE && (slot = vm_swap_first(o, &offset)) != 0; i++)
      vm_swap_discard(slot);
    for (int i = 0; i < FREE_AT_ONCE && o->slots == 0 && o->root; i++)
      object_free_page(o->root);
    more = o->pages || o->slots;
    release(o->lock);
  } while (more);
}

/* The page in memory or slot of o that a slot's owner must give way to: free it. */
void
object_free_at(struct vm_object *o, uint64 offset)
{
  struct vm_page *pg = vm_object_lookup(o, offset);
  uint32 slot;

  if (pg)
    object_free_page(pg);
  else if ((slot = vm_swap_find(o, offset)) != 0)
    vm_swap_discard(slot);
}

/* Free an object's own pages [first, first + n), which no page table shows. */
void
vm_object_empty(struct vm_object *o, uint64 first, uint64 n)
{
  struct vm_page *pg, *next;
  uint64 offset, next_offset = 0;

  for (pg = o->pages; pg; pg = next) {
    next = pg->list_next;
    if (pg->offset >= first && pg->offset - first < n)
      object_free_page(pg);
  }
  for (uint32 slot = vm_swap_first(o, &offset), after; slot; slot = after, offset = next_offset) {
    after = vm_swap_next(slot, &next_offset);
    if (offset >= first && offset - first < n)
      vm_swap_discard(slot);
  }
}

/* ---- the end of a reference ---- */

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
        o->pager->released(o);
      vm_object_forget(o, first, n);
      object_settle(o);
      release(lock);
      return;
    }
    if (o->shadow) {
      behind = o->shadow;
      object_unlink(o);
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
