/*
 * Replacing a part of an address space, all or nothing: what is mapped there
 * is set aside, the new mapping is tried, and then the old one is freed or put
 * back.
 *
 * Meanwhile the map is `holding`: promises that its entries give back stay in
 * map->commit, where the new mapping finds them, and where they still are
 * when all has to be as before. So a mapping can be replaced by an equal one
 * when nothing else could be promised, and putting back cannot fail.
 */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "vm.h"
#include "abi/errno.h"

/*
 * Take what lies in [start, end) of a locked map out of it, so that the range
 * is vacant; vm_map_replaced must follow. 0; or -ENOMEM, and nothing has
 * changed.
 */
int
vm_map_set_aside(struct vm_map *map, uint64 start, uint64 end, struct vm_aside *aside)
{
  struct vm_map_entry *e, *next;

  aside->first = aside->last = 0;
  aside->start = start;
  aside->end = end;
  if (vm_map_clip_range(map, start, end) < 0)
    return -ENOMEM;
  map->holding = 1;
  e = vm_map_first_from(map, start);
  if (e == 0 || e->start >= end)
    return 0;
  pmap_remove(&map->pmap, start, end);
  for (; e && e->start < end; e = next) {
    next = e->next;
    vm_entry_unlink(map, e);
    if (!(e->flags & ENTRY_GUARD))
      map->size -= e->end - e->start;
    map->commit += e->commit;
    e->commit = 0;
    e->next = 0;
    if (aside->last)
      aside->last->next = e;
    else
      aside->first = e;
    aside->last = e;
  }
  return 0;
}

/* Give an entry that was set aside back to its place, and its promises out of those that the map holds. */
static void
put_back(struct vm_map *map, struct vm_map_entry *e)
{
  struct vm_map_entry *after = vm_map_first_from(map, e->start);
  int error = vm_entry_recommit(e, e->start, e->end, e->flags);

  KASSERT(error == 0, "an address space has lost promises for 0x%lx-0x%lx while it was changed", e->start, e->end);
  vm_entry_link(map, after ? after->prev : map->last, e);
  if (!(e->flags & ENTRY_GUARD))
    map->size += e->end - e->start;
}

/*
 * The change is over: free what was set aside if it succeeded, or put it back,
 * when the range must be vacant. The map is still locked.
 */
void
vm_map_replaced(struct vm_map *map, struct vm_aside *aside, int success)
{
  struct vm_map_entry *e, *next;

  for (e = aside->first; e; e = next) {
    next = e->next;
    if (!success) {
      put_back(map, e);
      continue;
    }
    if (e->flags & ENTRY_FILE)
      map->files_gone = 1; /* vm_map_unlock looks after the files */
    vm_entry_free(e);
  }
  map->holding = 0;
  if (map->commit > 0)
    vm_uncommit(map->commit);
  map->commit = 0;
  vm_map_simplify(map, aside->start, aside->end);
}
