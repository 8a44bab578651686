/*
 * pmap: Sv39 page tables and the TLBs that cache them. The only layer that
 * writes a page-table entry or executes sfence.vma.
 *
 * Every function here takes pmap->lock itself, and none sleeps, so they may be
 * called with an object family's lock held, and for another process's pmap: a
 * destroyed one has no translations. When a function that withdraws something
 * returns, no hart can use what it withdrew, except for the three for single
 * pages (pmap_page_...): after those, pmap_shootdown_sync once.
 */
#ifndef PMAP_H
#define PMAP_H

#include "types.h"
#include "param.h"
#include "spinlock.h"

struct trapframe;
struct vm_page;

#define SUPERPAGE (2UL << 20)
#define SUPERPAGE_PAGES 512
#define PMAP_FIXED_FRAMES 5 /* promised to every page table: root, and a path of two tables each to the lowest and the highest 2 MiB */

struct pmap {
  struct spinlock lock;
  pagetable_t root;
  uint64 satp;               /* its value, while asid_generation is the current one */
  volatile uint64 asid_generation;
  uint64 resident;           /* pages of 4 KiB that it shows */
  uint64 superpages;         /* leaves of 2 MiB among them */
  volatile uint ran_on;      /* harts whose TLB may hold its translations */
  volatile uint runs_on;     /* of these, harts that run it now */
  volatile uint64 changes;   /* number of the last change that a TLB must learn of */
  volatile uint64 seen[NCPU]; /* the last change that each hart's TLB has learned of */
  volatile uint64 narrow;    /* the change that these addresses are of, if it was a small one */
  volatile uint64 change_start, change_end;
  struct vm_page *tables;    /* its page-table frames */
};

/* Counted since boot. */
struct pmap_stats {
  uint64 shootdowns;   /* changes that other harts had to learn of at once */
  uint64 ipis;         /* interrupts sent for them */
  uint64 lazy;         /* changes that some hart learns of when it runs the address space again */
  uint64 local;        /* changes that concerned this hart alone */
  uint64 generations;  /* times the address-space numbers ran out */
  uint64 promotions;   /* superpages entered */
  uint64 demotions;    /* superpages cut into small pages */
  uint64 superpages;   /* mapped now, in all address spaces */
};
extern struct pmap_stats pmap_stats;

/* pmap_kernel.c */
void pmap_bootstrap(uint64 ram_end);
void pmap_init_hart(void);
uint64 pmap_kernel_satp(void);

/* pmap_tables.c */
int pmap_create(struct pmap *, struct trapframe *);
void pmap_destroy(struct pmap *);
void pmap_set_trapframe(struct pmap *, uint64 va, struct trapframe *);
uint64 pmap_table_frames(uint64 start, uint64 end);

/* pmap.c */
int pmap_enter(struct pmap *, uint64 va, struct vm_page *, int prot, int access);
int pmap_enter_super(struct pmap *, uint64 va, struct vm_page *first, int prot);
void pmap_remove(struct pmap *, uint64 start, uint64 end);
void pmap_protect(struct pmap *, uint64 start, uint64 end, int prot);

/* pmap_page.c */
int pmap_page_referenced(struct pmap *, uint64 va, struct vm_page *);
void pmap_page_remove(struct pmap *, uint64 va, struct vm_page *);
void pmap_page_protect(struct pmap *, uint64 va, struct vm_page *);
char *pmap_hold(struct pmap *, uint64 va, int access);
void pmap_let_go(struct pmap *);
uint64 pmap_extract(struct pmap *, uint64 va, int access);
uint64 pmap_entry(struct pmap *, uint64 va, uint64 *size);

/* pmap_tlb.c */
void pmap_tlb_init(uint64 kernel_satp);
void pmap_activate(struct pmap *);
void pmap_deactivate(void);
uint64 pmap_user_satp(struct pmap *);
void pmap_interrupt(void);
void pmap_shootdown_sync(void);
uint64 pmap_asid_generation(void);

/* Changes of one operation, which the TLBs learn of together. Between pmap*.c and pmap_tlb.c. */
struct pmap_changes {
  struct pmap *pm;
  uint64 start, end;    /* what has changed; nothing when equal */
  int whole;            /* a table went or a leaf was cut: only a flush without address covers that */
  int later;            /* do not wait for other harts: pmap_shootdown_sync does, or they need not learn of it soon */
  struct vm_page *dead; /* table frames to free when no TLB knows them any more */
};
void pmap_publish(struct pmap_changes *);
int pmap_flush_alone(struct pmap *, uint64 va);

#endif
