/* Memory mappings. Constants are the kernel's (abi/mman.h, Linux's values). */
#ifndef PW_SYS_MMAN_H
#define PW_SYS_MMAN_H

#include <sys/types.h>
#include <mman.h>

#define MAP_FAILED ((void *)-1)

/** Maps `length` bytes of descriptor fd from `offset` (a multiple of the page size), or zeros with MAP_ANONYMOUS.
 *  The address, or MAP_FAILED with errno. */
void *mmap(void *address, size_t length, int rights, int flags, int fd, off_t offset);
int munmap(void *address, size_t length);
int mprotect(void *address, size_t length, int rights);
int msync(void *address, size_t length, int flags);
/** One byte a page into `residency`; its bit 0 says whether the page is in memory. */
int mincore(void *address, size_t length, uchar *residency);
/** Moves or resizes a mapping; the new address goes in a fifth argument with MREMAP_FIXED. MAP_FAILED on failure. */
void *mremap(void *address, size_t length, size_t new_length, int flags, ...);
int madvise(void *address, size_t length, int advice);
int mlock(const void *address, size_t length);
int munlock(const void *address, size_t length);

/** A descriptor of the shared memory object `name` ("/name"), or -1. */
int shm_open(const char *name, int flags, int mode);
int shm_unlink(const char *name);

#endif
