/* Free frames: between vm_regions.c and vm_frames.c. */
#ifndef FRAMES_PARTS_H
#define FRAMES_PARTS_H

#include "types.h"
#include "riscv.h"

struct vm_page;

#define JUNK 0x0101010101010101UL
#define REGION_FRAMES SUPERPAGE_PAGES

/* A free frame. In the store of zeroed frames all but the first word is zero instead. */
struct free_frame {
  struct free_frame *next;
  uint64 junk;
  uint64 rest[PGSIZE / 8 - 3];
  uint64 last_junk;
};

/* vm_regions.c; these take the lock of the regions themselves */
uint regions_take(struct free_frame **list, uint n);
void regions_give(struct free_frame **list, volatile uint *n, uint keep);
struct free_frame *regions_take_window(uint64 owner, uint64 window, uint64 i, int reserve);
int regions_whole(void);
uint64 regions_free(void);
int regions_scarce(void);
uint64 regions_returned(void);
int regions_know(struct vm_page *);

/* vm_frames.c */
void vm_caches_init(void);

#endif
