/*
 * What vmstat(struct vmstat *) tells: the state of memory now, and events since
 * boot. Frames, pages and slots are 4 KiB each.
 */
#ifndef ABI_VMSTAT_H
#define ABI_VMSTAT_H

#include "types.h"

struct vmstat {
  /* Now. */
  uint64 total_frames;      /* that the kernel manages */
  uint64 free_frames;       /* not in use; clean cached file pages that nobody maps count as free */
  uint64 committed_frames;  /* promised to processes or in use by the kernel */
  uint64 commit_limit;      /* what can be promised: memory and swap */
  uint64 page_cache_frames; /* hold pages of files */
  uint64 swap_slots;        /* in all */
  uint64 swap_free;         /* of these, not in use */
  uint64 objects;           /* live vm_object structures */
  uint64 entries;           /* live vm_map_entry structures */
  uint64 superpages;        /* 2 MiB leaves in page tables of processes */

  /* Since boot: faults by what they needed. */
  uint64 faults_zero;       /* a zero-filled page */
  uint64 faults_cow_copy;   /* a copy of a page that others see */
  uint64 faults_cow_reuse;  /* nobody else saw the page any more: it was taken */
  uint64 faults_file;       /* a page of a file, cached or not */
  uint64 faults_swap;       /* a page out of swap */
  uint64 faults_map;        /* the page was in memory, only the page table did not show it */
  uint64 faults_refused;    /* nothing: EFAULT, or a signal */

  /* Since boot: pages moved. */
  uint64 pages_in;          /* from swap, read-ahead included */
  uint64 pages_out;         /* to swap */
  uint64 clean_dropped;     /* evicted without being written: their slot or file had them already */
  uint64 file_reads;        /* pages of files read from the disk */
  uint64 file_writes;       /* and written to it */
  uint64 daemon_runs;       /* times the page-out daemon had work */

  /* Since boot: page tables. */
  uint64 shootdowns;        /* interprocessor interrupts sent to flush TLBs */
  uint64 promotions;        /* superpages made of small pages */
  uint64 demotions;         /* and broken up */
  uint64 zero_page_maps;    /* reads answered with the shared zero page */
  uint64 collapses;         /* shadow objects folded into those in front of them */
  uint64 bypasses;          /* times one was made to look past the object behind it, which others need still */

  uint64 pad[15];
};

#endif
