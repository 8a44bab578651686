/*
 * The checker: walks all maps, objects, pages and page tables and says in a
 * sentence which invariant of vm.h is broken.
 *
 * It stops the other harts for the time of a walk (vmcheck_stop.c). A hart
 * stands still only where interrupts are on, so it holds no spin lock; but it
 * may be in the middle of an operation on a map or of a promise and its use.
 * What is broken for good is still broken at the next walk, so a walk that
 * finds something is repeated, after others had time to finish what they do,
 * and only what is found in each of many walks is reported.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmcheck_parts.h"
#include "abi/errno.h"

#define WALKS 40       /* a fault must be found in so many walks */
#define EAGER_WALKS 20 /* of these, so many without a rest in between */

static struct sleeplock check_lock = { .lk = { .name = "vmcheck" }, .name = "vmcheck" };
static uint16 round;    /* number of this walk: object->stamp of what it has seen */
static int say;         /* report what is found */
static uint64 promised; /* frames that the walk has found a promise for */
static uint64 slots_seen; /* swap slots of the objects that it has seen */

/* Leave the function because an invariant is broken. */
#define BROKEN(...) \
  do { \
    if (say) { \
      printf("vmcheck: " __VA_ARGS__); \
      printf("\n"); \
    } \
    return -1; \
  } while (0)
#define REQUIRE(cond, ...) \
  do { \
    if (!(cond)) \
      BROKEN(__VA_ARGS__); \
  } while (0)

/* ---- objects ---- */

/* Is p a structure in a slab? */
static int
in_slab(const void *p)
{
  uint64 a = (uint64)p;

  return (a & 7) == 0 && a >= vm_first_frame << PGSHIFT && a < KERNBASE + machine.ram_size && pa_page(a)->use == PAGE_SLAB;
}

/* Is o an object: in a slab, or a file's, in its inode? */
static int
is_object(const struct vm_object *o)
{
  uint64 a = (uint64)o;

  return in_slab(o) || ((a & 7) == 0 && a >= KERNBASE && a < vm_first_frame << PGSHIFT && o->pager);
}

/* Check the pages of an object: its tree and its list hold the same, each once, in bounds, and point back. */
static int
check_pages(struct vm_object *o)
{
  uint64 n = 0;

  for (struct vm_page *pg = o->pages; pg; pg = pg->list_next) {
    REQUIRE(pg->use == PAGE_OBJECT || pg->use == PAGE_FILE, "object %p lists frame 0x%lx, whose use is %d", (void *)o,
            page_pa(pg), pg->use);
    REQUIRE(pg->object == o, "object %p lists frame 0x%lx, which belongs to object %p", (void *)o, page_pa(pg),
            (void *)pg->object);
    REQUIRE(pg->offset < o->size, "object %p has %ld pages but frame 0x%lx is its page %d", (void *)o, o->size,
            page_pa(pg), pg->offset);
    REQUIRE(vm_object_lookup(o, pg->offset) == pg, "object %p has two pages %d, or its tree lacks frame 0x%lx",
            (void *)o, pg->offset, page_pa(pg));
    REQUIRE(!(pg->flags & PAGE_SLOT) || vm_swap_has(o, pg->offset), "page %d of object %p is marked to have a swap slot, but has none",
            pg->offset, (void *)o);
    REQUIRE(!(pg->flags & PAGE_DOOMED), "frame 0x%lx is doomed but still a page of object %p", page_pa(pg), (void *)o);
    REQUIRE(++n <= o->resident, "object %p lists more than its %ld pages", (void *)o, o->resident);
  }
  REQUIRE(n == o->resident, "object %p counts %ld pages in memory but lists %ld", (void *)o, o->resident, n);
  return 0;
}

/* Check the slots of an object: in bounds, found, and counted when their page is not in memory. */
static int
check_slots(struct vm_object *o)
{
  uint64 offset, away = 0, listed = 0;

  for (uint32 slot = vm_swap_first(o, &offset); slot; slot = vm_swap_next(slot, &offset)) {
    struct vm_page *pg = vm_object_lookup(o, offset);
    REQUIRE(++listed <= vm_swap_total(), "the list of swap slots of object %p has no end", (void *)o);
    REQUIRE(offset < o->size, "object %p has %ld pages but swap slot %d holds its page %ld", (void *)o, o->size, slot, offset);
    REQUIRE(vm_swap_find(o, offset) == slot, "page %ld of object %p has swap slot %d, but another is found", offset, (void *)o, slot);
    REQUIRE(pg == 0 || (pg->flags & PAGE_SLOT), "page %ld of object %p is in frame 0x%lx and in swap slot %d", offset,
            (void *)o, page_pa(pg), slot);
    away += pg == 0;
    promised += vm_swap_is_charged(slot);
  }
  REQUIRE(away == o->swapped, "object %p counts %ld pages in swap but has %ld there", (void *)o, o->swapped, away);
  slots_seen += listed;
  return 0;
}

/* Check an object's links to what refers to it, and the count of these. */
static int
check_references(struct vm_object *o)
{
  uint entries = 0, shadows = 0;

  for (struct vm_map_entry *e = o->entries; e; e = e->object_next, entries++) {
    REQUIRE(entries < o->ref_count, "object %p lists more entries than its %d references", (void *)o, o->ref_count);
    REQUIRE(in_slab(e) && e->object == o && e->map, "object %p lists entry %p, which refers to object %p", (void *)o,
            (void *)e, (void *)e->object);
  }
  for (struct vm_object *s = o->shadowed_by; s; s = s->sibling_next, shadows++) {
    REQUIRE(shadows < o->ref_count, "object %p lists more shadows than its %d references", (void *)o, o->ref_count);
    REQUIRE(in_slab(s) && s->shadow == o && s->lock == o->lock, "object %p lists %p as its shadow, which shadows %p",
            (void *)o, (void *)s, (void *)s->shadow);
  }
  REQUIRE(shadows == o->shadow_count, "object %p counts %d shadows but lists %d", (void *)o, o->shadow_count, shadows);
  REQUIRE(entries == o->entry_count, "object %p counts %d entries but lists %d", (void *)o, o->entry_count, entries);
  REQUIRE(o->ref_count == entries + shadows + o->named || (o->pager && o->ref_count > entries + shadows),
          "object %p has ref_count %d but %d entries, %d shadows and %d names refer to it", (void *)o, o->ref_count,
          entries, shadows, o->named);
  return 0;
}

/* Check an object that has not been seen in this walk, and all it shadows. */
static int
check_object(struct vm_object *o)
{
  for (; o; o = o->shadow) {
    REQUIRE(is_object(o), "%p stands where an object should, but is none", (void *)o);
    if (o->stamp == round)
      return 0;
    o->stamp = round;
    REQUIRE(o->ref_count > 0, "object %p is in use without a reference", (void *)o);
    REQUIRE(o->shadow_limit <= o->size, "object %p has %ld pages but lets %ld through", (void *)o, o->size,
            o->shadow_limit);
    REQUIRE(o->shadow == 0 || o->shadow_limit == 0 || is_bottom(o->shadow) ||
              o->shadow_offset + o->shadow_limit <= o->shadow->size,
            "object %p shows pages up to %ld of object %p, which has %ld", (void *)o,
            o->shadow_offset + o->shadow_limit, (void *)o->shadow, o->shadow->size);
    if (check_pages(o) < 0 || check_slots(o) < 0 || check_references(o) < 0)
      return -1;
    promised += o->commit;
  }
  return 0;
}

/* The page that entry e shows at page number `page` of the entry, or null. */
static struct vm_page *
page_seen(struct vm_map_entry *e, uint64 page)
{
  struct vm_object *o = e->object;
  uint64 offset = e->offset + page;

  for (;;) {
    struct vm_page *pg = vm_object_lookup(o, offset);
    if (pg || o->shadow == 0 || offset >= o->shadow_limit)
      return pg;
    offset += o->shadow_offset;
    o = o->shadow;
  }
}

/* ---- page tables ---- */

/* Check one leaf for va in map: what it shows must be what the map says, with no more rights. */
static int
check_leaf(struct vm_map *map, uint64 va, uint64 pa, pte_t pte)
{
  struct vm_map_entry *e = vm_map_lookup(map, va);
  struct vm_page *pg = pa_page(pa);

  REQUIRE(e && e->object, "address 0x%lx is in a page table but not in the map", va);
  REQUIRE(pa >= vm_first_frame << PGSHIFT && pa < KERNBASE + machine.ram_size,
          "address 0x%lx shows 0x%lx, which is no frame of the kernel's", va, pa);
  REQUIRE(!(pte & PTE_W) || (e->protection & PROT_WRITE), "address 0x%lx can be written but its entry forbids it", va);
  REQUIRE(!(pte & PTE_X) || (e->protection & PROT_EXEC), "address 0x%lx can be executed but its entry forbids it", va);
  REQUIRE(!(pte & PTE_W) || !(e->flags & ENTRY_NEEDS_COPY), "address 0x%lx can be written but its entry needs a copy", va);
  REQUIRE(pg->use != PAGE_FREE, "address 0x%lx shows frame 0x%lx, which is free", va, pa);
  if (pg->use != PAGE_OBJECT && pg->use != PAGE_FILE) {
    REQUIRE(!(pte & PTE_W), "address 0x%lx can be written and shows frame 0x%lx, which belongs to no object (use %d)",
            va, pa, pg->use);
    return 0; /* the page of zeros */
  }
  REQUIRE(page_seen(e, (va - e->start) / PGSIZE) == pg,
          "address 0x%lx shows frame 0x%lx (page %d of object %p), but the map has another there", va, pa, pg->offset,
          (void *)pg->object);
  REQUIRE(!(pte & PTE_W) || pg->object == e->object, "address 0x%lx can be written but its page belongs to object %p behind",
          va, (void *)pg->object);
  REQUIRE(!(pg->flags & PAGE_BUSY), "address 0x%lx shows frame 0x%lx, which is busy", va, pa);
  REQUIRE(!(pte & PTE_W) || !(pg->flags & PAGE_SLOT), "address 0x%lx can be written but frame 0x%lx has a swap slot", va, pa);
  REQUIRE(!(pte & PTE_W) || pg->use != PAGE_FILE || (pg->flags & PAGE_DIRTY),
          "address 0x%lx can be written but the file's page in frame 0x%lx is clean", va, pa);
  return 0;
}

/* Check a table of a level (2: root) that covers addresses from va on; *leaves and *tables count what is found. */
static int
check_table(struct vm_map *map, pagetable_t table, int level, uint64 va, uint64 *leaves, uint64 *tables)
{
  struct vm_page *table_page = pa_page((uint64)table);
  uint64 span = 1UL << (PGSHIFT + 9 * level);
  uint valid = 0;

  REQUIRE(table_page->use == PAGE_TABLE, "the page table at 0x%lx stands in a frame of use %d", (uint64)table,
          table_page->use);
  ++*tables;
  for (int i = 0; i < 512; i++, va += span) {
    pte_t pte = table[i];
    if (!(pte & PTE_V))
      continue;
    valid++;
    if (level > 0 && !(pte & (PTE_R | PTE_W | PTE_X))) {
      if (check_table(map, (pagetable_t)PTE2PA(pte), level - 1, va, leaves, tables) < 0)
        return -1;
      continue;
    }
    if (va >= USERTOP)
      continue; /* vDSO, trapframe, trampoline */
    for (uint64 at = 0; at < span; at += PGSIZE, ++*leaves)
      if (check_leaf(map, va + at, PTE2PA(pte) + at, pte) < 0)
        return -1;
  }
  REQUIRE(table_page->wire_count == valid, "the page table at 0x%lx counts %d entries but has %d", (uint64)table,
          table_page->wire_count, valid);
  return 0;
}

/* ---- maps ---- */

/* Check a map's entries, what they refer to, and its page table. */
static int
check_map(struct vm_map *map)
{
  struct vm_map_entry *prev = 0;
  uint64 leaves = 0, tables = 0, listed = 0, size = 0;

  for (struct vm_map_entry *e = map->first; e; prev = e, e = e->next) {
    REQUIRE(in_slab(e), "map %p lists entry %p, which is in no slab", (void *)map, (void *)e);
    REQUIRE(e->prev == prev && e->map == map, "entry 0x%lx-0x%lx is wrongly linked", e->start, e->end);
    REQUIRE(e->start < e->end && ((e->start | e->end) & (PGSIZE - 1)) == 0 && e->start >= map->base && e->end <= USERTOP,
            "entry 0x%lx-0x%lx has bad bounds", e->start, e->end);
    REQUIRE(prev == 0 || prev->end <= e->start, "entries 0x%lx-0x%lx and 0x%lx-0x%lx overlap", prev->start, prev->end,
            e->start, e->end);
    REQUIRE((e->protection & ~e->max_protection) == 0, "entry 0x%lx-0x%lx has more rights than it may", e->start, e->end);
    promised += e->commit;
    size += e->flags & ENTRY_GUARD ? 0 : e->end - e->start;
    if (e->object && check_object(e->object) < 0)
      return -1;
  }
  REQUIRE(map->last == prev, "the last entry of map %p is not the end of its list", (void *)map);
  REQUIRE(map->size == size, "map %p counts %ld bytes but its entries have %ld", (void *)map, map->size, size);
  promised += map->commit + PMAP_FIXED_FRAMES;
  if (check_table(map, map->pmap.root, 2, 0, &leaves, &tables) < 0)
    return -1;
  for (struct vm_page *pg = map->pmap.tables; pg; pg = pg->list_next)
    listed++;
  REQUIRE(map->pmap.resident == leaves, "a page table counts %ld pages but shows %ld", map->pmap.resident, leaves);
  REQUIRE(tables == listed, "a page table lists %ld frames but consists of %ld", listed, tables);
  return 0;
}

/* Is the map in the middle of an operation: locked by somebody who does not sleep? */
static int
in_motion(struct vm_map *map)
{
  struct proc *owner = map->lock.owner;

  return map->lock.state != 0 && (owner == 0 || owner->state != SLEEPING);
}

/* Check the maps of all processes, each once. */
static int
check_maps(void)
{
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    int seen = 0;
    if (p->map == 0)
      continue;
    for (struct proc *q = proc; q < p; q++)
      seen |= q->map == p->map;
    if (seen)
      continue;
    REQUIRE(!in_motion(p->map), "the address space of pid %d stays locked", p->pid);
    if (check_map(p->map) < 0) {
      if (say)
        printf("vmcheck: ... in the address space of pid %d %s\n", p->pid, p->name);
      return -1;
    }
  }
  return 0;
}

/* ---- frames ---- */

/* Check every frame's owner, and add up what is promised. */
static int
check_frames(void)
{
  uint64 free = 0, end = (KERNBASE + machine.ram_size) >> PGSHIFT;

  for (uint64 n = 0; n < end - vm_first_frame; n++) {
    struct vm_page *pg = &vm_pages[n];
    if (pg->use == PAGE_FREE)
      free++;
    if (pg->use == PAGE_KERNEL || pg->use == PAGE_SLAB)
      promised += page_pa(pg) + PGSIZE <= machine.initrd_start || page_pa(pg) >= machine.initrd_end;
    if (pg->use != PAGE_OBJECT && pg->use != PAGE_FILE)
      continue;
    promised += (pg->flags & PAGE_CHARGED) != 0;
    if (pg->object == 0) {
      REQUIRE(pg->flags & PAGE_DOOMED, "frame 0x%lx is in use but belongs to no object", page_pa(pg));
      continue;
    }
    if (check_object(pg->object) < 0)
      return -1;
    REQUIRE(vm_object_lookup(pg->object, pg->offset) == pg, "frame 0x%lx says it is page %d of object %p, which has another",
            page_pa(pg), pg->offset, (void *)pg->object);
  }
  REQUIRE(free == vm_free_frames(), "%ld frames are free but %ld are counted", free, vm_free_frames());
  return 0;
}

/* Check the shared memory that has names; there may be no entry and no page of it. */
static int
check_shm(void)
{
  struct vm_object *o;

  for (int i = 0; shm_slot(i, &o); i++)
    if (o && check_object(o) < 0)
      return -1;
  return 0;
}

/* One walk, with the other harts stopped. 0 or -1. */
static int
walk(void)
{
  promised = 0;
  slots_seen = 0;
  round = round % 0xffff + 1;
  if (check_maps() < 0 || check_frames() < 0 || check_shm() < 0)
    return -1;
  REQUIRE(slots_seen + vm_swap_free() <= vm_swap_total() && slots_seen + vm_swap_free() + SWAP_CLUSTER >= vm_swap_total(),
          "of %ld swap slots %ld are free and %ld hold pages", vm_swap_total(), vm_swap_free(), slots_seen);
  REQUIRE(promised == vm_committed_frames(), "%ld frames are committed, but the promises found add up to %ld",
          vm_committed_frames(), promised);
  return 0;
}

/* Check everything. 0; or -1 and a sentence on the console. May sleep. */
int
vm_check(void)
{
  int result = -1;

  acquiresleep(&check_lock);
  for (int i = 1; i <= WALKS && result < 0; i++) {
    say = i == WALKS;
    vm_check_stop();
    result = walk();
    vm_check_restart();
    if (result < 0 && i == 1)
      vm_check_set_gate(1);
    if (result < 0 && i < EAGER_WALKS)
      yield();
    else if (result < 0 && i < WALKS)
      sleep_ticks(1);
  }
  if (vm_check_gate)
    vm_check_set_gate(0);
  releasesleep(&check_lock);
  return result;
}

/* vmcheck(): 0, or -EINVAL and a sentence on the console about the broken invariant. */
long
sys_vmcheck(void)
{
  return vm_check() < 0 ? -EINVAL : 0;
}
