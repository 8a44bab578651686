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
 * one lock), then pmap->lock, then the locks inside vm_frames.c, vm_regions.c,
 * vm_page.c and kmem.c. An entry's start, end, offset and object change only
 * with both the map's and the family's lock held, since the reverse map reads
 * them. Whoever needs the disk or memory that is not there drops the spin
 * locks, waits, and looks again from the top.
 *
 * Invariants (vmcheck.c looks whether they hold):
 *   - ref_count of an object = entries + shadow objects pointing to it.
 *   - needs_copy on an entry: its object may be seen by others too, so no PTE
 *     of the entry is writable, and no page is ever added to the object
 *     through it; the first write puts a shadow object in between.
 *   - One page for each (object, offset), and offset < object->size.
 *   - An anonymous object's page, in memory or in a swap slot, is seen by some
 *     entry. The last one that sees a page and wants its own copy takes the
 *     page itself (vm_object_last_viewer), and what nobody sees any more is
 *     freed at once. So these pages never outnumber the promises.
 *   - Every frame in use is promised (vm_commit), by an entry, an object or
 *     for itself (PAGE_CHARGED); but not those of the page cache, which are
 *     taken back when memory is short. Promises stay within memory and swap.
 *   - A file's page that is not dirty, and a page that also stands in a swap
 *     slot, has no writable PTE.
 */
#ifndef VM_H
#define VM_H

#include "types.h"
#include "spinlock.h"
#include "pmap.h"
#include "sleeplock.h"
#include "abi/mman.h" /* PROT_*: rights of a mapping */

struct trapframe;
struct inode;
struct vm_map;

/* What a frame is used for. */
#define PAGE_FREE 0   /* on the free list */
#define PAGE_OBJECT 1 /* a page of page->object */
#define PAGE_TABLE 2  /* a page table; wire_count = valid entries in it */
#define PAGE_KERNEL 3 /* handed out by kpage_alloc */
#define PAGE_SLAB 4   /* holds small kernel structures */
#define PAGE_FILE 5   /* a page of a file's object: promised to nobody, can be dropped when clean */

/* vm_page.flags; the lock of the page's family guards them. */
#define PAGE_BUSY 1       /* being filled, or on its way to swap: no PTE shows it; sleep on the page */
#define PAGE_DIRTY 2      /* newer than on the disk. A file's page is mapped writable only while it is dirty */
#define PAGE_REFERENCED 4 /* used since the clock's hand came by */
#define PAGE_CLEANING 8   /* being written: readable, but it stays where it is; sleep on the page */
#define PAGE_CHARGED 16   /* promised when it was taken (no entry promised it); vm_page_free takes the promise back */
#define PAGE_ERROR 32     /* the disk could not read it */
#define PAGE_SLOT 64      /* an anonymous page that stands in a swap slot too. It has no writable PTE */
#define PAGE_DOOMED 128   /* has left its object while busy: freed by who made it busy */

/* One for each frame of RAM that the kernel manages; 64 bytes. */
struct vm_page {
  struct vm_object *object;    /* owner, for PAGE_OBJECT */
  uint32 offset;               /* page number in the object */
  uint8 use;                   /* PAGE_* */
  uint8 flags;
  uint16 wire_count;
  struct vm_page *left, *right; /* the object's splay tree */
  struct vm_page *list_next, *list_prev; /* the object's or pmap's list */
  uint32 block;                /* disk block of a file's page (0: a hole); swap's for others */
  uint32 spare;
  uint64 spare2;               /* free for the page-out daemon */
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
  uint32 slots;                   /* first of these slots, see vm_swap.c; 0 for none */
  uint16 named;                   /* references that are names': an inode's, a shared memory's */
  uint16 stamp;                   /* vmcheck's: the round that has seen it */
  uint8 tail;                     /* a file's: mappings may have left something behind its end, in its last page */
  uint8 bounded;                  /* a shared memory with a name: beyond its size is nothing, not zeros. It stays the last of a chain, as files do */
  struct vm_map_entry *entries;   /* list of the entries that refer to this one */
  uint entry_count;               /* of ref_count, those; what is left beside shadows is its inode's, or a passer-by's */
  uint64 swapped;                 /* pages on swap (vm_swap.c) */
  uint64 bytes;                   /* a file's length; what its last page has beyond is zeros */
  uint64 dirty;                   /* of the pages in memory, those with PAGE_DIRTY (files only) */
  const struct vm_pager *pager;   /* a file's; null: anonymous, zero-filled, and swapped (vm_object_pager) */
  void *pager_data;
  uint64 commit;           /* frames promised to the object itself (read-only contents) */
  uint64 number;           /* for reservations of frames (vm_super.c); no other object ever has it. 0: none yet */
};

#define ENTRY_NEEDS_COPY 1 /* copy before the first write */
#define ENTRY_SHARED 2     /* fork shares it instead of copying on write */
#define ENTRY_GUARD 4      /* a gap that must stay empty */
#define ENTRY_HEAP 8       /* grows and shrinks with the break */
#define ENTRY_STACK 16
#define ENTRY_GROWSDOWN 32 /* a fault below it may enlarge it; the stack has this, too */
#define ENTRY_NORESERVE 64 /* only its page tables are promised */
#define ENTRY_HUGE 128     /* wants superpages */
#define ENTRY_WIRED 256    /* locked: its pages are in memory and wired */
#define ENTRY_FILE 512     /* maps a file, perhaps through private copies */
#define ENTRY_PROMISED 1024 /* a frame is promised for each of its pages */
#define ENTRY_SHM 2048     /* maps a shared memory with a name, perhaps through private copies */
#define ENTRY_BACKED (ENTRY_FILE | ENTRY_SHM) /* behind private copies lies a content, not zeros */

struct vm_map_entry {
  struct vm_map_entry *prev, *next;
  uint64 start, end;         /* bytes, page-aligned, end excluded */
  struct vm_object *object;  /* null for a guard */
  uint64 offset;             /* page of the object at start */
  struct vm_map *map;        /* whose entry it is */
  struct vm_map_entry *object_next, *object_prev; /* the object's list; its family's lock guards these, and any change of start, end, offset */
  uint8 protection;          /* PROT_* now */
  uint8 max_protection;      /* PROT_* at most */
  uint16 flags;              /* ENTRY_* */
  uint64 commit;             /* frames promised for it, page tables included */
};

struct vm_map {
  struct sleeplock lock;
  struct vm_map_entry *first, *last;
  struct vm_map_entry *hint; /* last one found, or null */
  uint64 size;               /* bytes mapped */
  uint64 base;               /* no entry begins below: USERBASE; 0 where exec maps a program that is linked there (mmap never does) */
  uint64 heap_start;         /* where the heap begins, page-aligned */
  uint64 brk;                /* the break: end of the heap, to the byte */
  uint64 commit;             /* frames promised beyond the entries' own: taken back from them while `holding` */
  int holding;               /* a change that may have to be undone is going on (vm_map_replace.c) */
  int files_gone;            /* a file was unmapped: vm_map_unlock looks after it */
  uint clones;               /* bits: processes beside the owner that run in it (clone.c) */
  int ending;                /* takes no more of them */
  struct pmap pmap;
};

/* What the boot arguments chose (vm.heap=lazy|eager and so on): one flag each, set before the first process. */
struct vm_policy {
  uint8 lazy_heap;   /* vm.heap=lazy: sbrk only moves the break */
  uint8 cow_fork;    /* vm.fork=cow: fork copies no page */
  uint8 demand_exec; /* vm.exec=demand: exec maps the file */
  uint8 zeropage;    /* vm.zeropage=on: reads of untouched memory share one page of zeros */
  uint8 superpages;  /* vm.superpages=on: 2 MiB mappings */
  uint8 overcommit;  /* vm.commit=overcommit: promise anything */
};
extern struct vm_policy vm_policy;
void vm_policy_init(void);

/*
 * How pages of an object are brought in and put out: vnode_pager for files
 * (vnode_map.c), swap_pager for all others (vm_swap.c). The lock of the
 * object's family is held when these are called, but for put, and when they
 * return; those that sleep give it back meanwhile, so that after 0 all must be
 * looked at again. Another kind of object (a device's, say) would need a table
 * of its own, and nothing else in vm_fault.c.
 */
struct vm_pager {
  const char *name;
  int (*has)(struct vm_object *, uint64 offset);           /* can it bring the page? offset < size, and the page is not in memory */
  int (*get)(struct vm_object *, uint64 offset);           /* bring it. 0, -EIO, -ENOMEM. Sleeps */
  int (*allocate)(struct vm_object *, uint64 offset);      /* a page of a hole is to be written: give it its place. As get. Null: there are no holes */
  void (*put)(struct vm_object *, uint64 first, uint64 n); /* msync: begin to write these pages, where they are dirty. Sleeps. Null: memory is their home */
  void (*released)(struct vm_object *);                    /* the object has lost a reference. Null: need not know */
};
extern const struct vm_pager vnode_pager, swap_pager;

/* vm_regions.c */
extern struct vm_page *vm_pages; /* indexed by frame number from vm_first_frame */
extern uint64 vm_first_frame;
void vm_page_init(uint64 start, uint64 end);
int vm_page_region_full(struct vm_page *);
uint64 vm_total_frames(void);

/* vm_frames.c */
extern struct vm_page *vm_zero_page; /* one page of zeros, to be mapped for reading only */
void vm_zero_page_init(void);
struct vm_page *vm_page_alloc(uint8 use);
struct vm_page *vm_page_alloc_zeroed(uint8 use);
struct vm_page *vm_page_alloc_window(uint64 owner, uint64 offset, uint64 va, int reserve, uint8 use);
void vm_page_free(struct vm_page *);
int vm_page_zero_one(void);
uint64 vm_free_frames(void);
uint64 vm_file_frames(void);

/* vm_page.c */
void page_zero(void *);
void page_copy(void *to, const void *from);
int vm_commit(uint64 frames);
int vm_commit_urgent(uint64 frames);
void vm_uncommit(uint64 frames);
uint64 vm_committed_frames(void);

/* vm_super.c */
struct vm_page *vm_super_alloc(struct vm_map_entry *, struct vm_object *, uint64 offset, uint64 va, int charge);
int vm_super_enter(struct vm_map *, struct vm_map_entry *, uint64 va, struct vm_page *, int rights, int access);

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
extern int kmem_inject_pid;
int kmem_inject(void);

/* Must this allocation fail, for a test (faultinject)? */
static inline int
kmem_fault_injected(void)
{
  return __builtin_expect(kmem_inject_pid != 0, 0) && kmem_inject();
}

/* vm_object.c */
extern struct kmem_cache object_cache;
void vm_object_init(void);
struct vm_object *vm_object_create(uint64 pages);
void vm_object_setup(struct vm_object *, uint64 pages);
void vm_object_reference(struct vm_object *);
void vm_object_release(struct vm_object *);
void vm_object_release_range(struct vm_object *, uint64 first, uint64 n);
struct vm_page *vm_object_lookup(struct vm_object *, uint64 offset);
void vm_object_insert(struct vm_object *, uint64 offset, struct vm_page *);
void vm_object_remove(struct vm_page *);
void vm_object_empty(struct vm_object *, uint64 first, uint64 n);

/* vm_visible.c */
int vm_object_last_viewer(struct vm_object *top, struct vm_page *);
void vm_page_for_each_mapping(struct vm_page *, void (*)(struct vm_map_entry *, uint64 va, struct vm_page *, void *arg), void *arg);
void vm_page_unmap(struct vm_page *);
void vm_object_forget(struct vm_object *, uint64 first, uint64 n);
void vm_object_cut_copies(struct vm_object *, uint64 pages);

/* vm_collapse.c */
struct vm_object *vm_object_shadow(struct vm_object *, uint64 offset, uint64 pages);
struct vm_object *vm_object_collapse(struct vm_object *, int only_ref);

/* vm_map.c */
extern struct kmem_cache entry_cache;
void vm_map_init(void);
struct vm_map *vm_map_create(struct trapframe *);
void vm_map_destroy(struct vm_map *);
struct vm_map_entry *vm_map_lookup(struct vm_map *, uint64 va);
struct vm_map_entry *vm_map_first_from(struct vm_map *, uint64 va);
int vm_map_insert(struct vm_map *, uint64 start, uint64 end, struct vm_object *, uint64 offset, int prot, int max_prot,
                  int flags);
int vm_map_remove(struct vm_map *, uint64 start, uint64 end);
int vm_map_commit(struct vm_map *, uint64 n);
void vm_map_uncommit(struct vm_map *, uint64 n);
void vm_map_unlock(struct vm_map *);

/* vm_entry.c */
int vm_map_clip(struct vm_map *, uint64 va);
int vm_map_clip_range(struct vm_map *, uint64 start, uint64 end);
void vm_map_simplify(struct vm_map *, uint64 start, uint64 end);
void vm_map_make_private(struct vm_map_entry *);
void vm_entry_attach(struct vm_map_entry *, struct vm_object *);
void vm_entry_detach(struct vm_map_entry *);
void vm_entry_drop_object(struct vm_map_entry *);
void vm_entry_link(struct vm_map *, struct vm_map_entry *prev, struct vm_map_entry *);
void vm_entry_unlink(struct vm_map *, struct vm_map_entry *);
void vm_entry_free(struct vm_map_entry *);
uint64 vm_entry_cost(struct vm_map_entry *, int flags);
int vm_entry_recommit(struct vm_map_entry *, uint64 start, uint64 end, int flags);

/* Is it an object behind which a chain ends: a file's, or a shared memory's with a name? It is never merged with those in front. */
static inline int
is_bottom(const struct vm_object *o)
{
  return o->pager != 0 || o->bounded;
}

/* Who has pages of the object that are not in memory; null: nobody. The family's lock is held. */
static inline const struct vm_pager *
vm_object_pager(const struct vm_object *o)
{
  return o->pager ? o->pager : o->swapped ? &swap_pager : 0;
}

/* Pages of an entry. */
static inline uint64
vm_entry_pages(const struct vm_map_entry *e)
{
  return (e->end - e->start) >> 12;
}

/* vm_map_change.c */
int vm_map_extend(struct vm_map *, struct vm_map_entry *, uint64 end);
int vm_map_anonymous(struct vm_map *, uint64 start, uint64 end, int protection, int flags);
int vm_map_promise(void);
struct vm_map_entry *vm_map_grow_down(struct vm_map *, uint64 va, uint64 sp);
int vm_map_lengthen(struct vm_map *, struct vm_map_entry *, uint64 end);
int vm_map_move(struct vm_map *, struct vm_map_entry *, uint64 to);
int vm_map_forget(struct vm_map *, uint64 start, uint64 end);
int vm_map_set_wired(struct vm_map *, uint64 start, uint64 end, int wired);
void vm_wired_add(uint64 n);

/* vm_brk.c */
int vm_map_set_brk(struct vm_map *, uint64 brk);
long vm_map_move_brk(struct vm_map *, int64 n, int unreserved);

/* vm_map_replace.c */
struct vm_aside {
  struct vm_map_entry *first, *last; /* entries taken out of a map, linked by `next` */
  uint64 start, end;                 /* the range that they were taken from */
};
int vm_map_set_aside(struct vm_map *, uint64 start, uint64 end, struct vm_aside *);
void vm_map_replaced(struct vm_map *, struct vm_aside *, int success);

/* vm_map_fork.c */
struct vm_map *vm_map_fork(struct vm_map *, struct trapframe *);

/* vm_fault.c */
int vm_fault(struct vm_map *, uint64 va, int access);
const char *vm_fault_reason(struct vm_map *, uint64 va, int access, int error);

#endif
