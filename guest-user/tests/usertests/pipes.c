/* Pipes: order, ends, blocking, many processes. */
#include "ut.h"

#define PIECE 20000

static void pipe_basic(void) {
  int fds[2];
  char text[20];
  CHECK(pipe(fds) == 0);
  CHECK(write(fds[1], "hello", 5) == 5);
  CHECK(read(fds[0], text, 3) == 3 && memcmp(text, "hel", 3) == 0);
  CHECK(read(fds[0], text, 20) == 2 && memcmp(text, "lo", 2) == 0);
  FAILS(read(fds[1], text, 1), EBADF);
  FAILS(write(fds[0], text, 1), EBADF);
  close(fds[1]);
  CHECK(read(fds[0], text, 20) == 0);
  CHECK(read(fds[0], text, 20) == 0);
}

static void pipe_no_reader(void) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  close(fds[0]);
  FAILS(write(fds[1], "x", 1), EPIPE);
}

static void pipe_reader_leaves(void) {
  int fds[2];
  static char block[BLOCK];
  char c;
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    close(fds[0]);
    int n;
    while ((n = write(fds[1], block, BLOCK)) > 0)
      ;
    exit(n == -1 && errno == EPIPE ? 0 : 4);
  }
  close(fds[1]);
  for (int i = 0; i < 100; i++)
    CHECK(read(fds[0], &c, 1) == 1);
  close(fds[0]);
  expect_status(0);
}

/** Sends `total` bytes in pieces of growing odd sizes and receives them in others. */
static void transfer(int total, int step_out, int step_in) {
  int fds[2], n;
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    close(fds[0]);
    for (int at = 0; at < total; at += n) {
      n = (at / 7 + step_out) % PIECE + 1;
      n = n < total - at ? n : total - at;
      fill_pattern(scratch, n, at, 5);
      CHECK(write(fds[1], scratch, n) == n);
    }
    exit(0);
  }
  close(fds[1]);
  int at = 0;
  while ((n = read(fds[0], scratch, (at / 3 + step_in) % PIECE + 1)) > 0) {
    if (!check_pattern(scratch, n, at, 5))
      fail("wrong content between %d and %d", at, at + n);
    at += n;
  }
  CHECK(n == 0 && at == total);
  expect_status(0);
  close(fds[0]);
}

static void pipe_transfer(void) {
  transfer(1 << 20, 1000, 777);
  transfer(200000, 1, 19999);
  transfer(200000, 19998, 1);
  transfer(3000, 4096, 4096);
}

/** Several writers: each one's bytes arrive in its order, none is lost, short writes are not mixed. */
static void pipe_writers(void) {
  int fds[2], next[4] = { 0 };
  CHECK(pipe(fds) == 0);
  for (int i = 0; i < 4; i++)
    if (must_fork() == 0) {
      close(fds[0]);
      for (int k = 0; k < 500; k++) {
        int record[4] = { i, k, i * 1000 + k, 0x1234 };
        CHECK(write(fds[1], record, sizeof record) == sizeof record);
      }
      exit(0);
    }
  close(fds[1]);
  int record[4], got = 0, n;
  while ((n = read(fds[0], (char *)record + got, sizeof record - got)) > 0) {
    got += n;
    if (got < (int)sizeof record)
      continue;
    got = 0;
    CHECK(record[0] >= 0 && record[0] < 4 && record[3] == 0x1234);
    CHECK(record[1] == next[record[0]] && record[2] == record[0] * 1000 + record[1]);
    next[record[0]]++;
  }
  for (int i = 0; i < 4; i++) {
    CHECK(next[i] == 500);
    expect_status(0);
  }
}

static void pipe_readers(void) {
  int fds[2], sums[2];
  CHECK(pipe(fds) == 0 && pipe(sums) == 0);
  for (int i = 0; i < 3; i++)
    if (must_fork() == 0) {
      uchar c;
      int sum = 0;
      close(fds[1]);
      while (read(fds[0], &c, 1) == 1)
        sum += c;
      CHECK(write(sums[1], &sum, sizeof sum) == sizeof sum);
      exit(0);
    }
  close(fds[0]);
  int total = 0;
  for (int i = 0; i < 3000; i++) {
    uchar c = (uchar)(i * 7);
    total += c;
    CHECK(write(fds[1], &c, 1) == 1);
  }
  close(fds[1]);
  for (int i = 0; i < 3; i++) {
    int sum;
    CHECK(read(sums[0], &sum, sizeof sum) == sizeof sum);
    total -= sum;
    expect_status(0);
  }
  CHECK(total == 0);
}

static void pipe_ring(void) {
  int first[2], in, out;
  CHECK(pipe(first) == 0);
  in = first[0];
  for (int i = 0; i < 8; i++) { /* a chain of processes, each adding one */
    int next[2];
    CHECK(pipe(next) == 0);
    if (must_fork() == 0) {
      uchar c;
      close(first[1]);
      close(next[0]);
      while (read(in, &c, 1) == 1) {
        c++;
        CHECK(write(next[1], &c, 1) == 1);
      }
      exit(0);
    }
    close(in);
    close(next[1]);
    in = next[0];
  }
  out = first[1];
  for (int i = 0; i < 200; i++) {
    uchar c = (uchar)i;
    CHECK(write(out, &c, 1) == 1);
    CHECK(read(in, &c, 1) == 1 && c == (uchar)(i + 8));
  }
  close(out);
  for (int i = 0; i < 8; i++)
    expect_status(0);
}

static void pipe_many(void) {
  int fds[2];
  for (int i = 0; i < 500; i++) {
    CHECK(pipe(fds) == 0);
    CHECK(write(fds[1], "abc", 3) == 3);
    close(fds[i & 1]);
    close(fds[!(i & 1)]);
  }
}

static void pipe_survives_exit(void) {
  int fds[2];
  char text[10];
  CHECK(pipe(fds) == 0);
  if (must_fork() == 0) {
    CHECK(write(fds[1], "left", 4) == 4);
    exit(0);
  }
  close(fds[1]);
  expect_status(0);
  CHECK(read(fds[0], text, 10) == 4 && memcmp(text, "left", 4) == 0);
  CHECK(read(fds[0], text, 10) == 0);
}

static void pipe_ping_pong(void) {
  int there[2], back[2];
  char c = 0;
  CHECK(pipe(there) == 0 && pipe(back) == 0);
  if (must_fork() == 0) {
    close(there[1]);
    while (read(there[0], &c, 1) == 1)
      write(back[1], &c, 1);
    exit(0);
  }
  for (int i = 0; i < 2000; i++)
    CHECK(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
  close(there[1]);
  expect_status(0);
}

const struct test pipe_tests[] = {
  { "pipe_basic", pipe_basic, 0 },
  { "pipe_no_reader", pipe_no_reader, 0 },
  { "pipe_reader_leaves", pipe_reader_leaves, 0 },
  { "pipe_transfer", pipe_transfer, 0 },
  { "pipe_writers", pipe_writers, 0 },
  { "pipe_readers", pipe_readers, 0 },
  { "pipe_ring", pipe_ring, 0 },
  { "pipe_many", pipe_many, 0 },
  { "pipe_survives_exit", pipe_survives_exit, 0 },
  { "pipe_ping_pong", pipe_ping_pong, 0 },
  { NULL, NULL, 0 },
};
