/* Memory mappings: constants of mmap and its relatives (Linux's values). */
#ifndef ABI_MMAN_H
#define ABI_MMAN_H

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4

#define MAP_SHARED 1             /* stores are seen by others, and reach the file */
#define MAP_PRIVATE 2            /* stores make private copies */
#define MAP_FIXED 0x10           /* exactly here; what is there goes */
#define MAP_ANONYMOUS 0x20       /* zeros instead of a file */
#define MAP_ANON MAP_ANONYMOUS
#define MAP_GROWSDOWN 0x100      /* grows downwards by faults, like the stack */
#define MAP_NORESERVE 0x4000     /* promise no memory for it */
#define MAP_POPULATE 0x8000      /* bring all pages in now */
#define MAP_HUGETLB 0x40000      /* in pages of 2 MiB */
#define MAP_FIXED_NOREPLACE 0x100000 /* exactly here, or EEXIST */

#define MS_ASYNC 1               /* begin to write */
#define MS_INVALIDATE 2          /* other copies are out of date; here there are none */
#define MS_SYNC 4                /* write and wait */

#define MADV_NORMAL 0
#define MADV_RANDOM 1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED 3          /* bring in soon */
#define MADV_DONTNEED 4          /* drop: anonymous pages read as zeros again */
#define MADV_PAGEOUT 21          /* let them leave memory now: to swap, or to their file */

#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2

/* sbrk's second argument, as newer xv6 has it; any other is SBRK_EAGER. Here both are lazy: what differs is the promise. */
#define SBRK_EAGER 1             /* what is granted is there when it is touched */
#define SBRK_LAZY 2              /* promise nothing */

#define HUGEPAGE_SIZE (2UL << 20)

#endif
