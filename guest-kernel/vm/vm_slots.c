/*
 * The slots of the swap area: which page of which object each holds. vm_swap.c
 * moves pages between them and memory.
 *
 * A slot holds the content of one page of one object. Slots stand in a table
 * made once at boot; each knows its object and offset, and is found by a hash
 * of these and through the list of its object. So nothing is allocated to
 * swap a page out.
 *
 * A page of an object is in memory, in a slot, or both: a page that came in
 * keeps its slot (PAGE_SLOT) and is mapped read-only; the first write frees
 * the slot, and until then the page may leave memory again without being
 * written. object->swapped counts the slots whose page is not in memory. A
 * slot whose write is in flight belongs to no object yet.
 *
 * The lock of an object's family guards its slots' contents and list, as it
 * does its pages; swap.lock, taken after it, guards the hash and the free
 * slots. No slot stands in the hash but through its object.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "riscv.h"
#include "vm.h"
#include "vm_swap.h"
#include "swap_parts.h"

#define MAXTABLE 4096 /* pages of slots */
#define MAXHASH 64    /* pages of hash heads */

struct slot {
  struct vm_object *object; /* null: free, or being written */
  uint32 offset;            /* page of the object; IN_FLIGHT while being written */
  uint32 next, prev;        /* the object's list, by number */
  uint32 hash_next : 31;
  uint32 charged : 1;       /* the page was promised by itself (PAGE_CHARGED) and is not in memory */
};

#define SLOTS_A_PAGE (PGSIZE / sizeof(struct slot))
#define HEADS_A_PAGE (PGSIZE / sizeof(uint32))
#define IN_FLIGHT 1 /* offset of a slot without object: taken, but not yet an object's */

static struct {
  struct spinlock lock;
  uint64 first_block; /* of slot 1; slot numbers begin at 1 */
  uint32 total, free;
  uint32 rotor;       /* where to look for free slots next */
  uint32 hash_mask;
  struct slot *table[MAXTABLE];
  uint32 *heads[MAXHASH];
} swap = { .lock = { .name = "swap" } };

/* The slot with a number. */
static inline struct slot *
slot_at(uint32 n)
{
  return &swap.table[n / SLOTS_A_PAGE][n % SLOTS_A_PAGE];
}

/* The head of the hash chain for a page of an object. */
static inline uint32 *
head_of(struct vm_object *o, uint64 offset)
{
  uint32 h = (uint32)((uint64)o >> 4) * 0x9e3779b1u ^ (uint32)offset * 0x85ebca6bu;

  h = (h ^ h >> 15) & swap.hash_mask;
  return &swap.heads[h / HEADS_A_PAGE][h % HEADS_A_PAGE];
}

/* Make the table for so many blocks from first_block on. Called once; without memory the area is used in part. */
void
vm_swap_init(uint64 first_block, uint64 blocks)
{
  uint32 heads = 1, slots = 0;

  if (blocks == 0)
    return;
  while (heads < MAXHASH && heads * HEADS_A_PAGE < blocks / 2)
    heads *= 2;
  for (uint32 i = 0; i < heads; i++)
    if ((swap.heads[i] = kpage_alloc()) == 0)
      return;
  swap.hash_mask = heads * HEADS_A_PAGE - 1;
  for (uint32 i = 0; i < MAXTABLE && slots < blocks + 1; i++, slots += SLOTS_A_PAGE)
    if ((swap.table[i] = kpage_alloc()) == 0)
      break;
  swap.first_block = first_block;
  swap.rotor = 1;
  swap.total = slots < blocks + 1 ? (slots ? slots - 1 : 0) : blocks;
  swap.free = swap.total;
}

/* Slots there are. */
uint64
vm_swap_total(void)
{
  return swap.total;
}

/* Slots that are free. */
uint64
vm_swap_free(void)
{
  return swap.free;
}

/* ---- finding, entering, freeing; the family's lock is held ---- */

/* The slot of a page of an object, or 0. */
uint32
vm_swap_find(struct vm_object *o, uint64 offset)
{
  uint32 n;

  if (o->slots == 0)
    return 0;
  acquire(&swap.lock);
  for (n = *head_of(o, offset); n; n = slot_at(n)->hash_next)
    if (slot_at(n)->object == o && slot_at(n)->offset == offset)
      break;
  release(&swap.lock);
  return n;
}

/* Give a taken slot to a page of an object, which has none. */
void
slot_enter(uint32 n, struct vm_object *o, uint64 offset)
{
  struct slot *s = slot_at(n);
  uint32 *head = head_of(o, offset);

  acquire(&swap.lock);
  s->object = o;
  s->offset = offset;
  s->prev = 0;
  s->next = o->slots;
  if (o->slots)
    slot_at(o->slots)->prev = n;
  o->slots = n;
  s->hash_next = *head;
  *head = n;
  release(&swap.lock);
}

/* Take a slot from its object; it stays taken. */
static void
slot_leave(uint32 n)
{
  struct slot *s = slot_at(n);
  struct vm_object *o = s->object;
  uint32 *head = head_of(o, s->offset), i;

  acquire(&swap.lock);
  if (*head == n) {
    *head = s->hash_next;
  } else {
    for (i = *head; slot_at(i)->hash_next != n; i = slot_at(i)->hash_next)
      KASSERT(slot_at(i)->hash_next, "swap slot %d is not where its hash says", n);
    slot_at(i)->hash_next = s->hash_next;
  }
  if (s->prev)
    slot_at(s->prev)->next = s->next;
  else
    o->slots = s->next;
  if (s->next)
    slot_at(s->next)->prev = s->prev;
  s->object = 0;
  s->offset = IN_FLIGHT;
  release(&swap.lock);
}

/* Free a taken slot that belongs to no object. */
void
slot_give_back(uint32 n)
{
  struct slot *s = slot_at(n);
  int charged = s->charged;

  acquire(&swap.lock);
  KASSERT(s->object == 0 && s->offset == IN_FLIGHT, "swap slot %d is freed but is not taken", n);
  s->offset = 0;
  s->charged = 0;
  swap.free++;
  release(&swap.lock);
  if (charged)
    vm_uncommit(1);
}

/* Take up to n free slots that follow each other. How many, and the first. */
int
slot_take_run(int n, uint32 *first)
{
  int got = 0;

  if (kmem_fault_injected())
    return 0;
  acquire(&swap.lock);
  for (uint32 looked = 0; looked < swap.total && got == 0 && swap.free > 0; looked++) {
    uint32 i = swap.rotor;
    swap.rotor = i == swap.total ? 1 : i + 1;
    if (slot_at(i)->object || slot_at(i)->offset == IN_FLIGHT)
      continue;
    *first = i;
    while (got < n && i <= swap.total && slot_at(i)->object == 0 && slot_at(i)->offset != IN_FLIGHT) {
      slot_at(i)->offset = IN_FLIGHT;
      i++;
      got++;
    }
    swap.free -= got;
    swap.rotor = i > swap.total ? 1 : i;
  }
  release(&swap.lock);
  return got;
}

/* Free the slot of an object; its page may be in memory and stays. */
void
vm_swap_discard(uint32 n)
{
  struct slot *s = slot_at(n);
  struct vm_page *pg = vm_object_lookup(s->object, s->offset);

  if (pg && (pg->flags & PAGE_SLOT))
    pg->flags &= ~PAGE_SLOT;
  else
    s->object->swapped--;
  slot_leave(n);
  slot_give_back(n);
}

/* Does the page stand in a slot? */
int
vm_swap_has(struct vm_object *o, uint64 offset)
{
  return o->slots != 0 && vm_swap_find(o, offset) != 0;
}

/* A page in memory is going to be changed or freed: free its slot, if it has one. */
void
vm_swap_forget(struct vm_page *pg)
{
  if (pg->flags & PAGE_SLOT)
    vm_swap_discard(vm_swap_find(pg->object, pg->offset));
}

/* Free the slots of pages from `first` on. */
void
vm_swap_drop(struct vm_object *o, uint64 first)
{
  uint32 i, next;

  for (i = o->slots; i; i = next) {
    next = slot_at(i)->next;
    if (slot_at(i)->offset >= first)
      vm_swap_discard(i);
  }
}

/* Let a slot be that of another page, of an object of the same family that has none there. If its page is in memory that must be moved, too. */
void
vm_swap_move(uint32 n, struct vm_object *to, uint64 to_offset)
{
  struct vm_object *from = slot_at(n)->object;
  struct vm_page *pg = vm_object_lookup(from, slot_at(n)->offset);

  if (pg == 0 || !(pg->flags & PAGE_SLOT)) {
    from->swapped--;
    to->swapped++;
  }
  slot_leave(n);
  slot_enter(n, to, to_offset);
}

/* A slot of the object, and which page it holds; 0 when there is none. */
uint32
vm_swap_first(struct vm_object *o, uint64 *offset)
{
  if (o->slots)
    *offset = slot_at(o->slots)->offset;
  return o->slots;
}

/* The one after a slot, to be asked for before that one is freed. */
uint32
vm_swap_next(uint32 slot, uint64 *offset)
{
  uint32 next = slot_at(slot)->next;

  if (next)
    *offset = slot_at(next)->offset;
  return next;
}

/* Was the page in the slot promised by itself, and is it not in memory? */
int
vm_swap_is_charged(uint32 slot)
{
  return slot_at(slot)->charged;
}

/* Note that the page in a slot, which leaves memory, is promised by itself; or that it no longer is. Was it? */
int
slot_set_charged(uint32 n, int charged)
{
  int was = slot_at(n)->charged;

  slot_at(n)->charged = charged != 0;
  return was;
}

/* The block of the disk that a slot is. */
uint64
slot_block(uint32 n)
{
  return swap.first_block + n - 1;
}

/* Does the slot, if there is one of this number, hold that page? */
int
slot_holds(uint32 n, struct vm_object *o, uint64 offset)
{
  return n <= swap.total && slot_at(n)->object == o && slot_at(n)->offset == offset;
}
