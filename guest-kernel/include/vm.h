/*
 * Virtual memory: the structures of its five layers.
 *
 *   vm_map      what is mapped where, with what rights (sorted entries)
 *   vm_object   where pages come from; a shadow object holds the private
 *               copies of what it hides in the object behind it
 *   vm_page     one structure for each physical frame
 *   pmap        the Sv39 page table: a cache of the layers above
 *   vm_pager    how a page of an object is brought in or put out
 *
 * Lock order: map->lock (sleep lock), then an object family's lock (spin
 * lock; an object and all it shadows share one, so a walk down a chain takes
 * one lock), then the locks inside vm_page.c and kmem.c. A pmap is guarded by
 * its map's lock. Nothing here is called with a spin lock held that is not in
 * this list: a fault may sleep.
 *
 * Invariants:
 *   - ref_count of an object = entries + shadow objects pointing to it.
 *   - needs_copy on an entry: its object may be seen by others too, so no PTE
 *     of the entry is writable, and no page is ever added to the object
 *     through it; the first write puts a shadow object in between.
 *   - An entry without needs_copy is its object's only writer.
 *   - One page for each (object, offset), and offset < object->size.
 *   - An object's page is seen by some entry. The last one that sees a page
 *     and wants its own copy takes the page itself (object_last_viewer), and
 *     what nobody sees any more is freed (object_sweep). So the pages of
 *     anonymous objects never outnumber the pages promised to entries.
 *   - Every frame in use is paid for in the commitment (vm_commit) before it
 *     is taken; so a frame that was promised is always there.
 */
#ifndef VM_H
#define VM_H

#include "types.h"
#include "sleeplock.h"

struct trapframe;

/* Rights of a mapping. */
#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4

/* What a frame is used for. */
#define PAGE_FREE 0   /* on the free list */
#define PAGE_OBJECT 1 /* a page of page->object */
#define PAGE_TABLE 2  /* a page table; wire_count = valid entries in it */
#define PAGE_KERNEL 3 /* handed out by kpage_alloc */
#define PAGE_SLAB 4   /* holds small kernel structures */

/* One for each frame of RAM that the kernel manages; 64 bytes. */
struct vm_page {
  struct vm_object *object;    /* owner, for PAGE_OBJECT */
  uint32 offset;               /* page number in the object */
  uint8 use;                   /* PAGE_* */
  uint8 flags;
  uint16 wire_count;
  struct vm_page *left, *right; /* the object's splay tree */
  struct vm_page *list_next, *list_prev;   /* the object's or pmap's list */
  struct vm_page *queue_next, *queue_prev; /* the page-out daemon's queues */
};

struct vm_object {
  struct spinlock *lock;   /* the family's */
  uint ref_count;          /* entries and shadow objects that point here */
  uint shadow_count;       /* of these, shadow objects */
  uint64 size;             /* pages */
  uint64 resident;         /* pages in memory */
  struct vm_page *root;    /* splay tree of them by offset */
  struct vm_page *pages;   /* list of them */
  struct vm_object *shadow;       /* object behind this one, or null */
  uint64 shadow_offset;           /* page i here hides page i + shadow_offset there */
  uint64 shadow_limit;            /* pages from here on have nothing behind them */
  struct vm_object *shadowed_by;  /* first of the objects that shadow this one */
  struct vm_object *sibling_next; /* others that shadow what this one shadows */
  struct vm_object *sibling_prev;
  const struct vm_pager *pager;   /* null: anonymous, zero-filled */
  void *pager_data;
  uint64 commit;           /* frames promised to the object itself (read-only contents) */
};

#define ENTRY_NEEDS_COPY 1 /* copy before the first write */
#define ENTRY_SHARED 2     /* fork shares it instead of copying on write */
#define ENTRY_GUARD 4      /* a gap that must stay empty */
#define ENTRY_HEAP 8       /* grows and shrinks with the break */
#define ENTRY_STACK 16

struct vm_map_entry {
  struct vm_map_entry *prev, *next;
  uint64 start, end;         /* bytes, page-aligned, end excluded */
  struct vm_object *object;  /* null for a guard */
  uint64 offset;             /* page of the object at start */
  uint8 protection;          /* PROT_* now */
  uint8 max_protection;      /* PROT_* at most */
  uint16 flags;              /* ENTRY_* */
  uint64 commit;             /* frames promised for it, page tables included */
};

struct pmap {
  pagetable_t root;
  uint64 satp;               /* its value, while asid_generation is the current one */
  uint64 asid_generation;
  uint64 resident;           /* leaf entries */
  uint ran_on;               /* harts whose TLB may hold its translations */
  uint stale_on;             /* of these, harts that must flush before it runs there */
  struct vm_page *tables;    /* its page-table frames */
};

struct vm_map {
  struct sleeplock lock;
  struct vm_map_entry *first, *last;
  struct vm_map_entry *hint; /* last one found, or null */
  uint64 size;               /* bytes mapped */
  uint64 heap_start;         /* where the heap begins, page-aligned */
  uint64 brk;                /* the break: end of the heap, to the byte */
  uint64 commit;             /* frames promised beyond the entries' own */
  struct pmap pmap;
};

/* How an object's pages come and go. For files and swap; anonymous objects have none yet. */
struct vm_pager {
  const char *name;
  int (*get_page)(struct vm_object *, uint64 offset, struct vm_page *); /* fill the frame; 0 or -errno */
  int (*put_page)(struct vm_object *, uint64 offset, struct vm_page *); /* write it back; 0 or -errno */
  int (*has_page)(struct vm_object *, uint64 offset);                   /* could get_page find one? */
  void (*release)(struct vm_object *);                                  /* the object goes away */
};

/* vm_page.c */
extern struct vm_page *vm_pages; /* indexed by frame number from vm_first_frame */
extern uint64 vm_first_frame;
void vm_page_init(uint64 start, uint64 end);
struct vm_page *vm_page_alloc(uint8 use);
void vm_page_free(struct vm_page *);
void page_zero(void *);
void page_copy(void *to, const void *from);
int vm_commit(uint64 frames);
void vm_uncommit(uint64 frames);
uint64 vm_total_frames(void);
uint64 vm_free_frames(void);
uint64 vm_committed_frames(void);

/* Physical address of a frame, its kernel address (RAM is mapped at its own address), and back. */
static inline uint64
page_pa(const struct vm_page *pg)
{
  return (vm_first_frame + (uint64)(pg - vm_pages)) << 12;
}
static inline void *
page_kva(const struct vm_page *pg)
{
  return (void *)page_pa(pg);
}
static inline struct vm_page *
pa_page(uint64 pa)
{
  return &vm_pages[(pa >> 12) - vm_first_frame];
}

/* kmem.c */
struct kmem_cache {
  const char *name;
  uint size;            /* bytes of one structure */
  struct spinlock lock;
  struct slab *partial; /* slabs with room */
  uint64 inuse;         /* structures handed out */
  uint64 nfree;         /* structures ready in slabs */
  uint64 reserved;      /* of these, promised (kmem_reserve) */
  uint64 nslabs;
};
void kmem_cache_init(struct kmem_cache *, const char *name, uint size);
void *kmem_alloc(struct kmem_cache *);
void kmem_free(struct kmem_cache *, void *);
int kmem_reserve(struct kmem_cache *, uint n);
void kmem_unreserve(struct kmem_cache *, uint n);
void *kmem_alloc_reserved(struct kmem_cache *);
uint64 kmem_frames(void);

/* vm_object.c */
extern struct kmem_cache object_cache;
void vm_object_init(void);
struct vm_object *vm_object_create(uint64 pages);
void vm_object_reference(struct vm_object *);
void vm_object_release(struct vm_object *);
struct vm_page *vm_object_lookup(struct vm_object *, uint64 offset);
void vm_object_insert(struct vm_object *, uint64 offset, struct vm_page *);
void vm_object_remove(struct vm_page *);
struct vm_object *vm_object_shadow(struct vm_object *, uint64 offset, uint64 pages);
struct vm_object *vm_object_collapse(struct vm_object *, int only_ref);
int vm_object_last_viewer(struct vm_object *top, struct vm_page *);
void vm_object_truncate(struct vm_object *, uint64 pages);

/* vm_map.c */
extern struct kmem_cache entry_cache;
void vm_map_init(void);
struct vm_map *vm_map_create(struct trapframe *);
void vm_map_destroy(struct vm_map *);
struct vm_map_entry *vm_map_lookup(struct vm_map *, uint64 va);
int vm_map_insert(struct vm_map *, uint64 start, uint64 end, struct vm_object *, int prot, int max_prot, int flags);
int vm_map_set_brk(struct vm_map *, uint64 brk);
struct vm_map *vm_map_fork(struct vm_map *, struct trapframe *);
void vm_map_make_private(struct vm_map_entry *);

/* vm_fault.c */
int vm_fault(struct vm_map *, uint64 va, int access);
const char *vm_fault_reason(struct vm_map *, uint64 va, int access);

/* pmap.c */
void pmap_bootstrap(uint64 ram_end);
void pmap_init_hart(void);
uint64 pmap_kernel_satp(void);
int pmap_create(struct pmap *, struct trapframe *);
void pmap_destroy(struct pmap *);
int pmap_enter(struct pmap *, uint64 va, struct vm_page *, int prot, int access);
void pmap_remove(struct pmap *, uint64 start, uint64 end);
void pmap_protect(struct pmap *, uint64 start, uint64 end, int prot);
uint64 pmap_extract(struct pmap *, uint64 va, int access);
void pmap_activate(struct pmap *);
uint64 pmap_table_frames(uint64 start, uint64 end);

#endif
