/* Swapping, page-out and the checker: vm_slots.c, vm_swap.c, vm_pageout.c, vmcheck.c. */
#ifndef VM_SWAP_H
#define VM_SWAP_H

#include "types.h"

struct spinlock;
struct vm_object;
struct vm_page;

/* "Locked": with the lock of the object's family held. vm_slots.c: */
#define SWAP_CLUSTER 8 /* pages that go out or come in together */

void vm_swap_init(uint64 first_block, uint64 blocks);
uint64 vm_swap_total(void);                                /* slots there are */
uint64 vm_swap_free(void);                                 /* of these, free */
int vm_swap_has(struct vm_object *, uint64 offset);        /* locked: does the page stand in a slot? */
void vm_swap_forget(struct vm_page *);                     /* locked: free the slot of a page in memory, if it has one */
uint32 vm_swap_find(struct vm_object *, uint64 offset);    /* locked: its number, or 0 */
uint32 vm_swap_first(struct vm_object *, uint64 *offset);  /* locked: a slot of the object and its page; 0 for none */
uint32 vm_swap_next(uint32 slot, uint64 *offset);          /* locked: the one after; to be asked for before that is freed */
void vm_swap_discard(uint32 slot);                         /* locked: free a slot of an object */
void vm_swap_drop(struct vm_object *, uint64 first);       /* locked: free the slots of pages from there on */
void vm_swap_move(uint32 slot, struct vm_object *to, uint64 offset); /* locked: make it the slot of another page */
int vm_swap_is_charged(uint32 slot);                       /* for vmcheck */

/* vm_swap.c */
int vm_swap_in(struct vm_object *, uint64 offset);         /* locked, but gives the lock back in between; look again after 0 */
void vm_swap_leave(struct vm_page *);                      /* locked: a page with a slot, in no page table, leaves memory */
int vm_swap_out(struct vm_page **, struct spinlock *, int n); /* write busy pages, in no page table, and free their frames. Sleeps. */

struct spinlock *vm_object_lock_of(struct vm_page *);      /* vm_object.c */

/* Counted since boot. */
struct vm_counts {
  uint64 pages_in, pages_out, clean_dropped, daemon_runs;
};
extern struct vm_counts vm_counts;

/* vm_pageout.c */
void vm_pageout_start(void);       /* begin, when the disk is mounted */
int vm_page_wait(uint8 use);       /* until there is a free frame for this use. 0, or -ENOMEM when none can be made. Sleeps. */
void vm_page_expel(struct vm_object *, uint64 offset); /* let a page leave memory, if it can. Sleeps */
int vm_page_allowed(uint8 use);    /* may a frame be taken for this use, or is the rest kept for more urgent ones? */
uint64 vm_commit_limit(void);      /* vm_page.c: frames that can be promised in all */
uint64 vm_reserved_frames(void);   /* never given to users' private pages: the kernel's, and a few for files */

/* vmcheck.c, and shm.c for it */
int shm_slot(int i, struct vm_object **);
int vm_check(void);       /* 0; -1 and a sentence on the console when an invariant is broken. May sleep. */
void vm_check_hold(void); /* a process that enters the kernel while vm_check_gate is set: wait until it is not */
extern volatile int vm_check_gate;
void vm_check_park(void); /* a hart in its software interrupt: stand still while a check runs */

#endif
