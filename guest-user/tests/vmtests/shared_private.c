/* shared_private_*: private mappings of a named shared memory; behind their copies lie its pages, not zeros. */
#include "vt.h"

static void private_view(void) {
  int fd = make_shm("/vt.e", 2 * PAGE);
  char *p = map_file(fd, 2 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, 2 * PAGE, RW, MAP_PRIVATE, 0);
  p[0] = 's';
  CHECK(q[0] == 's');
  q[0] = 'p';
  p[1] = 't';
  CHECK(p[0] == 's' && q[0] == 'p' && q[1] == 0);
  CHECK(shm_unlink("/vt.e") == 0);
}

/** Where a named memory has become smaller its private copies are gone, too; where it grows its zeros show. */
static void private_view_cut(void) {
  int fd = make_shm("/vt.cut", 3 * PAGE);
  char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
  CHECK(p != MAP_FAILED);
  memset(p, 'p', 3 * PAGE);
  CHECK(mprotect(p, 3 * PAGE, PROT_NONE) == 0 && mprotect(p, 3 * PAGE, RW) == 0);
  CHECK(p[0] == 'p' && ftruncate(fd, PAGE) == 0);
  CHECK(p[0] == 'p' && !can_read(p + PAGE) && !can_write(p + 2 * PAGE));
  CHECK(ftruncate(fd, 2 * PAGE) == 0);
  CHECK(all_zero(p + PAGE, PAGE) && !can_read(p + 2 * PAGE));
  shm_unlink("/vt.cut");
}

/** What is discarded shows the shared memory again, also where a fork has put layers in between. */
static void discarded(void) {
  int fd = make_shm("/vt.gone", 4 * PAGE);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0);
  struct gate end;
  gate_make(&end);
  memset(p, 's', 4 * PAGE);
  memset(q, 'p', 2 * PAGE);
  CHECK(madvise(q, PAGE, MADV_DONTNEED) == 0 && q[0] == 's');
  if (must_fork() == 0) {
    gate_wait(&end);
    CHECK(q[0] == 's' && q[PAGE] == 'p' && q[2 * PAGE] == 's');
    exit(0);
  }
  CHECK(madvise(q, 3 * PAGE, MADV_DONTNEED) == 0);
  for (int i = 0; i < 4; i++)
    if (q[i * PAGE] != 's')
      fail("page %d shows %d after it was discarded, not what the shared memory has there", i, q[i * PAGE]);
  gate_open(&end, 1);
  expect_status(0);
  CHECK(shm_unlink("/vt.gone") == 0);
}

/** A longer mapping shows more of it, in place or moved, before and after the first copy. */
static void lengthened(void) {
  int fd = make_shm("/vt.long", 4 * PAGE);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0);
  memset(p, 's', 4 * PAGE);
  for (int copied = 0; copied < 2; copied++) {
    char *q = map_file(fd, PAGE, RW, MAP_PRIVATE, 0), *room = empty_range(8 * PAGE, PAGE);
    if (copied)
      q[0] = 'p';
    CHECK(mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    CHECK(mremap(room, 2 * PAGE, 3 * PAGE, 0) == room || mremap(room + PAGE, PAGE, 2 * PAGE, 0) == room + PAGE);
    CHECK(room[0] == (copied ? 'p' : 's'));
    if (room[PAGE] != 's' || room[2 * PAGE] != 's')
      fail("the new pages show %d and %d, not what the shared memory has there", room[PAGE], room[2 * PAGE]);
    unmap(room, 3 * PAGE);
  }
  CHECK(shm_unlink("/vt.long") == 0);
}

/** The end stays where ftruncate has put it, when name and descriptor are gone and one mapping is all that is left. */
static void end_stays(void) {
  for (int shared = 0; shared < 2; shared++) {
    int fd = make_shm("/vt.end", PAGE);
    char *q = map_file(fd, 2 * PAGE, RW, shared ? MAP_SHARED : MAP_PRIVATE, 0);
    close(fd);
    CHECK(shm_unlink("/vt.end") == 0);
    CHECK(!can_write(q + PAGE));
    q[0] = 'p';
    if (can_read(q + PAGE) || can_write(q + PAGE))
      fail("a %s mapping shows memory beyond the end", shared ? "shared" : "private");
    q = mremap(q, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q[0] == 'p');
    if (can_read(q + PAGE) || can_read(q + 2 * PAGE))
      fail("a %s mapping that was made longer shows memory beyond the end", shared ? "shared" : "private");
    unmap(q, 3 * PAGE);
  }
}

/** Where nothing was written yet a private mapping shows the memory all the same: what others store there later, and its end. */
static void hole_is_the_memory(void) {
  int fd = make_shm("/vt.hole", 4 * PAGE);
  char *p = map_file(fd, 4 * PAGE, RW, MAP_SHARED, 0), *q = map_file(fd, 4 * PAGE, RW, MAP_PRIVATE, 0);
  q[3 * PAGE] = 'p'; /* so that the next are behind a copy's object, too */
  CHECK(q[0] == 0 && q[PAGE] == 0 && q[2 * PAGE] == 0);
  p[0] = 's';
  if (q[0] != 's')
    fail("a private mapping that has read zeros does not see what was stored there since");
  CHECK(ftruncate(fd, PAGE) == 0);
  if (can_read(q + PAGE) || can_read(q + 2 * PAGE))
    fail("a private mapping that has read zeros shows them beyond the end");
  CHECK(ftruncate(fd, 2 * PAGE) == 0 && q[PAGE] == 0);
  p[PAGE] = 't';
  CHECK(q[0] == 's' && q[PAGE] == 't');
  CHECK(shm_unlink("/vt.hole") == 0);
}

/** Memory of one's own that lies behind such a mapping does not become part of it: it stays when the end moves. */
static void neighbour_stays(void) {
  int fd = make_shm("/vt.near", 2 * PAGE);
  char *room = empty_range(4 * PAGE, PAGE);
  CHECK(mmap(room, 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0) == room);
  memset(room, 'p', 2 * PAGE);
  CHECK(mmap(room + 2 * PAGE, 2 * PAGE, RW, PRIVATE_ANON | MAP_FIXED, -1, 0) == room + 2 * PAGE);
  memset(room + 2 * PAGE, 'o', 2 * PAGE);
  CHECK(ftruncate(fd, PAGE) == 0);
  CHECK(room[0] == 'p' && !can_read(room + PAGE));
  if (room[2 * PAGE] != 'o' || room[3 * PAGE] != 'o')
    fail("the memory behind was cut off with the shared memory's pages");
  CHECK(shm_unlink("/vt.near") == 0);
}

const struct test shared_private_tests[] = {
  { "shared_private_view", private_view, 0 },
  { "shared_private_view_cut", private_view_cut, 0 },
  { "shared_private_discarded", discarded, 0 },
  { "shared_private_lengthened", lengthened, 0 },
  { "shared_private_end_stays", end_stays, 0 },
  { "shared_private_hole", hole_is_the_memory, 0 },
  { "shared_private_neighbour_stays", neighbour_stays, 0 },
  { NULL, NULL, 0 },
};
