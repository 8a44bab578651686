/* Files that need the single and the double indirect block. They grow block by block (there is no
 * seeking), so the tests go as far as the disk has room and a little beyond each border. */
#include "ut.h"

#include <fs.h>

#define BORDER1 NDIRECT                  /* first block under the indirect block */
#define BORDER2 (NDIRECT + NINDIRECT)    /* first block under the double indirect one */

static char block[BLOCK];

/** Writes blocks first..last-1, each full of its number. The number of the block that found no space, or last. */
static int write_blocks(int fd, int first, int last) {
  for (int i = first; i < last; i++) {
    for (int k = 0; k < BLOCK; k += 4)
      *(int *)(block + k) = i * 2654435761u + k;
    int n = write(fd, block, BLOCK);
    if (n == BLOCK)
      continue;
    if (n >= 0 || errno == ENOSPC)
      return i;
    fail("write of block %d: %s", i, strerror(errno));
  }
  return last;
}

static void read_blocks(int fd, int first, int last) {
  for (int i = first; i < last; i++) {
    int n = read(fd, block, BLOCK);
    if (n != BLOCK)
      fail("read of block %d gave %d: %s", i, n, strerror(errno));
    for (int k = 0; k < BLOCK; k += 4)
      if (*(uint *)(block + k) != i * 2654435761u + k)
        fail("block %d has wrong content at byte %d", i, k);
  }
}

static void file_indirect(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  CHECK(write_blocks(fd, 0, BORDER1 + 20) == BORDER1 + 20);
  close(fd);
  fd = must_open("f", O_RDONLY);
  read_blocks(fd, 0, BORDER1 + 20);
  CHECK(read(fd, block, BLOCK) == 0);
}

static void file_double_indirect(void) {
  int fd = must_open("f", O_CREATE | O_RDWR);
  int last = write_blocks(fd, 0, BORDER2 + 30);
  close(fd);
  fd = must_open("f", O_RDONLY);
  read_blocks(fd, 0, last);
  CHECK(read(fd, block, BLOCK) == 0);
  if (last < BORDER2 + 1)
    fail("the disk is too small to reach the double indirect block (%d of %d blocks)", last, BORDER2 + 1);
}

/** A second indirect block under the double indirect one. */
static void file_second_indirect(void) {
  int end = BORDER2 + NINDIRECT + 10;
  int fd = must_open("f", O_CREATE | O_RDWR);
  int last = write_blocks(fd, 0, end);
  close(fd);
  fd = must_open("f", O_RDONLY);
  read_blocks(fd, 0, last);
  close(fd);
  close(must_open("f", O_WRONLY | O_TRUNC)); /* frees them in several transactions */
  fd = must_open("f", O_RDWR);
  CHECK(read(fd, block, BLOCK) == 0);
  CHECK(write_blocks(fd, 0, 20) == 20);
}

/** Two files grow together, so that their blocks lie mixed on the disk. */
static void files_interleaved(void) {
  int a = must_open("a", O_CREATE | O_RDWR), b = must_open("b", O_CREATE | O_RDWR);
  for (int i = 0; i < 300; i++) {
    CHECK(write_blocks(a, i, i + 1) == i + 1);
    CHECK(write_blocks(b, i, i + 1) == i + 1);
  }
  close(a);
  CHECK(unlink("a") == 0);
  close(b);
  b = must_open("b", O_RDONLY);
  read_blocks(b, 0, 300);
}

static void files_in_parallel(void) {
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      char name[] = { 'p', (char)('0' + i), 0 };
      for (int round = 0; round < 3; round++) {
        make_file(name, 200 * BLOCK + i * 100, i + round);
        check_file(name, 200 * BLOCK + i * 100, i + round);
        CHECK(unlink(name) == 0);
      }
      exit(0);
    }
  for (int i = 0; i < 4; i++)
    expect_status(0);
}

const struct test large_file_tests[] = {
  { "file_indirect", file_indirect, 0 },
  { "file_double_indirect", file_double_indirect, 1 },
  { "file_second_indirect", file_second_indirect, 1 },
  { "files_interleaved", files_interleaved, 1 },
  { "files_in_parallel", files_in_parallel, 1 },
  { NULL, NULL, 0 },
};
