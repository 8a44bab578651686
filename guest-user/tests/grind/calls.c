/* grind's calls of the kinds that xv6 has: files, pipes, processes, the heap. */
#include "grind.h"

#include <sysinfo.h>

#define HEAP_LIMIT (1 << 20)

static char block[3 * 4096];
static char *heap_start;

/* From a small set, so that calls meet: files, directories, forms with dots, some wrong ones. */
const char *path(void) {
  static const char *const paths[] = {
    "a", "b", "c", "d", "d/a", "d/b", "e", "e/d", "e/d/a", "d/../a", "./b", "e/./d", "..", ".", "d/.", "nowhere/x", "",
    "a/b", "d/../e/../c", "averylongname-indeed", ROOM "/d/a", "//grind.room//b",
  };
  return paths[pick(sizeof paths / sizeof paths[0])];
}

void *address(void) {
  static const ulong bad[] = { 0, 0x1000, 0x10000, 0x80000000, USERTOP - 4, USERTOP, 1UL << 40, -8UL };
  if (pick(12) == 0)
    return (void *)bad[pick(sizeof bad / sizeof bad[0])];
  if (pick(8) == 0)
    return sbrk(0) - pick(5000);
  if (pick(4) == 0)
    return arena_address();
  return block + pick(4096);
}

static int descriptor(void) { return (int)pick(12) - 1; }

static void call_fork(void) {
  int pid = fork();
  if (pid == 0)
    some_child();
  if (pid > 0 && pick(4) == 0)
    xv6_kill(pid);
  if (pid > 0)
    wait(pick(2) ? NULL : (int *)block);
}

static void call_exec(void) {
  char *argv[] = { "true", "x", NULL };
  int pid = fork();
  if (pid == 0) {
    if (pick(3))
      exec("/true", argv);
    else
      exec(path(), pick(4) ? argv : address());
    exit(0);
  }
  if (pid > 0)
    wait(NULL);
}

static void call_pipeline(void) {
  int fds[2];
  if (pipe(fds) < 0)
    return;
  int pid = fork();
  if (pid == 0) {
    close(fds[0]);
    for (uint i = pick(4); i > 0; i--)
      write(fds[1], block, pick(sizeof block));
    exit(0);
  }
  close(fds[1]);
  while (pid > 0 && pick(20) && read(fds[0], block, 1 + pick(4096)) > 0)
    ;
  close(fds[0]);
  if (pid > 0)
    wait(NULL);
}

static void call_sbrk(void) {
  long size = sbrk(0) - heap_start;
  if (size > HEAP_LIMIT)
    sbrk(-size);
  else if (pick(3) == 0)
    sbrk(-(long)pick((uint)size + 1));
  else
    sbrk(pick(20000));
  size = sbrk(0) - heap_start;
  if (size > 0)
    heap_start[pick((uint)size)] = 1;
}

static void call_open(void) {
  static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_CREATE | O_RDWR, O_CREATE | O_RDWR, O_CREATE | O_TRUNC | O_WRONLY, O_RDWR | O_APPEND, 0xfff };
  int fd = open(path(), flags[pick(sizeof flags / sizeof flags[0])]);
  if (fd > 8 || (fd >= 0 && pick(2)))
    close(fd);
}

static void call_pipe(void) {
  int fds[2];
  if (pick(5) == 0) { /* into a bad address perhaps: what it opened is then closed again by the kernel */
    int *at = address();
    if (pipe(at) == 0) {
      close(at[0]);
      close(at[1]);
    }
    return;
  }
  if (pipe(fds) == 0) {
    write(fds[1], block, pick(200));
    close(fds[1]);
    read(fds[0], address(), pick(300));
    close(fds[0]);
  }
}

static void call_dup(void) {
  int fd = dup(descriptor());
  if (fd > 2)
    close(fd);
}

/* One of ours to use: never the console, whose input would block us. */
int own_descriptor(void) {
  int fd = 3 + (int)pick(8);
  struct stat st;
  return fstat(fd, &st) == 0 && st.type == T_DEVICE ? -1 : fd;
}

static void one_call(void) {
  switch (pick(48)) {
  case 0: case 1: case 2: case 3: call_open(); break;
  case 4: case 5: write(own_descriptor(), address(), (int)pick(sizeof block - 4096)); break;
  case 6: case 7: read(own_descriptor(), address(), (int)pick(sizeof block - 4096)); break;
  case 8: close(own_descriptor()); break;
  case 9: mkdir(path()); break;
  case 10: case 11: unlink(path()); break;
  case 12: case 13: link(path(), path()); break;
  case 14: case 15: rename(path(), path()); break;
  case 16: if (pick(8) == 0) chdir(pick(3) ? ROOM : pick(2) ? "d" : "e/d"); break;
  case 17: case 18: call_sbrk(); break;
  case 19: call_dup(); break;
  case 20: fstat(descriptor(), address()); break;
  case 21: call_pipe(); break;
  case 22: call_pipeline(); break;
  case 23: call_fork(); break;
  case 24: if (pick(3) == 0) call_exec(); break;
  case 25: sysinfo(address()); break;
  case 26: procinfo(address(), (int)pick(5) - 1); break;
  case 27: getpid(); uptime(); break;
  case 28: if (pick(60) == 0) sleep(1); break;
  case 29: if (pick(20) == 0) sync(); break;
  case 30: xv6_kill(-(int)pick(10)); xv6_kill(100000000 + (int)pick(100)); break;
  case 31: mknod(path(), (short)pick(20), (short)pick(3)); break;
  case 32: if (pick(4) == 0) wait(address()); break;
  case 33: syscall(1000 + pick(100), pick(100), pick(100)); break;
  default: memory_call(); break;
  }
}

void make_call(void) {
  one_call();
  ulong n = __atomic_add_fetch(&tally->calls, 1, __ATOMIC_RELAXED);
  if (tally->check_every == 0 || n % tally->check_every != 0)
    return;
  if (vmcheck() == 0) {
    __atomic_add_fetch(&tally->checks, 1, __ATOMIC_RELAXED);
  } else {
    printf("grind: vmcheck complains after %lu calls\n", n);
    tally->stop = 1;
  }
}

/* It makes a few calls, some with the kernel's memory running out at one of its allocations. */
void some_child(void) {
  expendable = 1;
  random_state ^= (ulong)getpid() * 0x9e3779b97f4a7c15UL;
  random_state |= 1;
  if (pick(4) == 0)
    faultinject(1 + pick(60));
  for (uint i = pick(30); i > 0 && !tally->stop; i--)
    make_call();
  if (pick(100) == 0)
    *(volatile char *)0 = 1;
  exit((int)pick(256));
}

void calls_begin(void) {
  sbrk(8192); /* address() reaches below the break: this must not be our variables */
  heap_start = sbrk(0);
}
