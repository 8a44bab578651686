/* extreme_*: the calls that take a range of memory, with every pair of an odd address and an odd length: none does anything beyond
 * user space, and none harms the kernel (the runner's vmcheck says so). */
#include "vt.h"

#include <syscall.h>

#define OWN_PAGES 8L
#define TOP_PAGE (USERTOP - 4096)

/* One call of a kind for the range [a, a + n); `own` are OWN_PAGES pages that may be lost. The system call's result. */
typedef long range_call(uint64 a, uint64 n, uint64 own);

static long do_munmap(uint64 a, uint64 n, uint64 own) { return syscall(SYS_munmap, a, n) + 0 * (long)own; }
static long do_protect(uint64 a, uint64 n, uint64 own) { return syscall(SYS_mprotect, a, n, (long)(own >> 12 & 7)); }
static long do_msync(uint64 a, uint64 n, uint64 own) { return syscall(SYS_msync, a, n, MS_SYNC) + 0 * (long)own; }
static long do_dontneed(uint64 a, uint64 n, uint64 own) { return syscall(SYS_madvise, a, n, MADV_DONTNEED) + 0 * (long)own; }
static long do_pageout(uint64 a, uint64 n, uint64 own) { return syscall(SYS_madvise, a, n, MADV_PAGEOUT) + 0 * (long)own; }
static long do_lock(uint64 a, uint64 n, uint64 own) { return syscall(SYS_mlock, a, n) + 0 * (long)own; }
static long do_unlock(uint64 a, uint64 n, uint64 own) { return syscall(SYS_munlock, a, n) + 0 * (long)own; }
static long do_mincore(uint64 a, uint64 n, uint64 own) { return syscall(SYS_mincore, a, n, own); }
static long do_fixed(uint64 a, uint64 n, uint64 own) {
  (void)own;
  return syscall(SYS_mmap, a, n, RW, PRIVATE_ANON | MAP_FIXED | MAP_NORESERVE, -1L, 0L);
}
static long do_shared(uint64 a, uint64 n, uint64 own) {
  (void)own;
  return syscall(SYS_mmap, a, n, RW, SHARED_ANON | MAP_FIXED | MAP_NORESERVE, -1L, 0L);
}
static long do_file(uint64 a, uint64 n, uint64 own) {
  (void)own;
  int fd = open("f", O_RDWR);
  long result = syscall(SYS_mmap, a, n, RW, (long)(MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE), (long)fd, 0L);
  close(fd);
  return result;
}
static long do_grow(uint64 a, uint64 n, uint64 own) { return syscall(SYS_mremap, a, PAGE, n, (long)MREMAP_MAYMOVE, own); }
static long do_shrink(uint64 a, uint64 n, uint64 own) { return syscall(SYS_mremap, a, n, PAGE, (long)MREMAP_MAYMOVE, own); }
static long do_move(uint64 a, uint64 n, uint64 own) {
  return syscall(SYS_mremap, own, PAGE, n, (long)(MREMAP_MAYMOVE | MREMAP_FIXED), a);
}

/** Tries the call at address `a` with every length, the small ones first: the large ones may take our own memory away. */
static void with_all_lengths(range_call *call, uint64 a, uint64 own, const char *name) {
  const uint64 lengths[] = {
    1, PAGE - 1, PAGE, PAGE + 1, OWN_PAGES * PAGE, OWN_PAGES * PAGE + 1, SUPERPAGE, 1UL << 30, 1UL << 38, USERTOP - a, USERTOP - a + 1,
    USERTOP, 1UL << 39, 1UL << 63, -own, -a, (1UL << 63) - 1, -PAGE, -PAGE + 1, ~0UL,
  };
  for (uint i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    uint64 n = lengths[i];
    if (n == 0)
      continue;
    long result = call(a, n, own);
    if (result != -1 && (a >= USERTOP || n > USERTOP))
      fail("%s at %lx with length %lx gave %lx", name, a, n, result);
  }
}

/** The same at every address, each in a process of its own, which may end for what it has lost. */
static void at_all_addresses(range_call *call, const char *name) {
  pattern_file("f", 2 * PAGE, 1);
  char *own = map_anon(OWN_PAGES * PAGE, RW, MAP_PRIVATE);
  memset(own, 'o', OWN_PAGES * PAGE);
  const uint64 addresses[] = {
    0, 1, PAGE - 1, PAGE, (uint64)own, (uint64)own + 1, (uint64)own + (OWN_PAGES - 1) * PAGE, SUPERPAGE, (1UL << 30) - PAGE, 1UL << 30,
    TOP_PAGE - 64 * MIB, TOP_PAGE, TOP_PAGE + 1, USERTOP, USERTOP + PAGE, 0x3fffffe000, 0x3ffffff000, 1UL << 38, 1UL << 39, 0x80000000,
    1UL << 63, 0xffffffc000000000, -(uint64)PAGE, ~0UL,
  };
  for (uint i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
    int status, pid = must_fork();
    if (pid == 0) {
      with_all_lengths(call, addresses[i], (uint64)own, name);
      exit(0);
    }
    CHECK(wait(&status) == pid);
    if (status == 1)
      exit(1);
    if (status != 0 && status != -1)
      fail("%s at %lx: the process ended with %d", name, addresses[i], status);
  }
  for (long i = 0; i < OWN_PAGES * PAGE; i++)
    CHECK(own[i] == 'o');
}

#define KINDS(X) X(munmap) X(protect) X(msync) X(dontneed) X(pageout) X(lock) X(unlock) X(mincore) X(fixed) X(shared) X(file) X(grow) X(shrink) X(move)
#define RUN(kind) static void extreme_##kind(void) { at_all_addresses(do_##kind, #kind); }
KINDS(RUN)

#define ROW(kind) { "extreme_" #kind, extreme_##kind, 0 },
const struct test extreme_tests[] = { KINDS(ROW) { NULL, NULL, 0 } };
