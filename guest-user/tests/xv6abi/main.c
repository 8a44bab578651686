/* xv6abi: every system call of xv6 (1 to 21), from a program that is linked as xv6 links its own and knows nothing of this
 * system: the numbers, structures and flags below are xv6's, written down here once more. Prints "ok NAME" for each test
 * and ends with 0, or says what is wrong and ends with 1. */

typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long uint64;

enum { FORK = 1, EXIT, WAIT, PIPE, READ, KILL, EXEC, FSTAT, CHDIR, DUP, GETPID, SBRK, SLEEP, UPTIME, OPEN, WRITE, MKNOD,
       UNLINK, LINK, MKDIR, CLOSE };
enum { RDONLY = 0, WRONLY = 1, RDWR = 2, CREATE = 0x200, TRUNC = 0x400 };
enum { DIRECTORY = 1, REGULAR = 2, DEVICE = 3 };

struct stat { int dev; uint ino; short type; short nlink; uint64 size; };
struct dirent { ushort inum; char name[14]; };

extern long call(long number, ...);
extern long exec_with_rubbish(const char *path, char **argv);
extern void start(void);

static volatile int data = 4711; /* in the file */
static volatile int bss[3000];   /* not in the file, and more than a page */

static long length(const char *s) {
  long n = 0;
  while (s[n])
    n++;
  return n;
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}

static void say(const char *s) { call(WRITE, 1, s, length(s)); }

static void end(int status) {
  call(EXIT, status);
  for (;;)
    ;
}

static void check(int right, const char *what) {
  if (right)
    return;
  say("not ok: ");
  say(what);
  say("\n");
  end(1);
}

#define CHECK(condition) check(condition, #condition)

/** Waits for one child, which must be `pid`; its status. */
static int status_of(long pid) {
  int status = 12345;
  CHECK(call(WAIT, &status) == pid);
  return status;
}

static void test_memory(void) {
  volatile uint *first_page = (volatile uint *)((uint64)start & ~4095UL);
  CHECK((uint64)first_page == 0 && first_page[1] != 0); /* page 0 is ours: the program stands there */
  CHECK(data == 4711 && bss[0] == 0 && bss[2999] == 0);
  char *old = (char *)call(SBRK, 10000), *end_of_bss = (char *)&bss[3000];
  CHECK(old >= end_of_bss && (char *)call(SBRK, 0) == old + 10000);
  CHECK(old[0] == 0 && old[9999] == 0);
  old[9999] = 7;
  CHECK((char *)call(SBRK, -10000) == old + 10000 && (char *)call(SBRK, 0) == old);
  CHECK(call(SBRK, 1L << 40) == -1);
}

static void test_processes(void) {
  long me = call(GETPID), pid = call(FORK);
  if (pid == 0) {
    data = 1;
    end(call(GETPID) == me ? 99 : 42);
  }
  CHECK(pid > me && status_of(pid) == 42 && data == 4711);
  pid = call(FORK);
  if (pid == 0)
    for (;;)
      ;
  CHECK(call(KILL, pid) == 0 && status_of(pid) == -1);
  pid = call(FORK);
  if (pid == 0) {
    *(volatile char *)0x80000000 = 1;
    end(0);
  }
  CHECK(status_of(pid) == -1);
  pid = call(FORK);
  if (pid == 0)
    end(3);
  CHECK(call(WAIT, 0) == pid); /* no status wanted: address 0 is none, although something is mapped there */
  CHECK(call(WAIT, 0) == -1 && call(KILL, 99999) == -1);
}

static void test_time(void) {
  long before = call(UPTIME);
  CHECK(before >= 0 && call(SLEEP, 2) == 0);
  CHECK(call(UPTIME) >= before + 2);
}

static void test_pipes(void) {
  int fds[2];
  char buffer[8] = "", *none = (char *)0x3fffffe000;
  CHECK(call(PIPE, fds) == 0 && fds[0] == 3 && fds[1] == 4);
  long pid = call(FORK);
  if (pid == 0) {
    call(CLOSE, 1);
    CHECK(call(DUP, fds[1]) == 1);
    say("hello");
    end(0);
  }
  call(CLOSE, fds[1]);
  CHECK(call(READ, fds[0], buffer, 8) == 5 && same(buffer, "hello"));
  CHECK(call(READ, fds[0], buffer, 8) == 0 && status_of(pid) == 0);
  CHECK(call(CLOSE, fds[0]) == 0 && call(CLOSE, fds[0]) == -1);
  CHECK(call(PIPE, none) == -1 && call(READ, 77, buffer, 1) == -1 && call(DUP, 77) == -1);
}

static void test_files(void) {
  struct stat st;
  char buffer[16] = "";
  long fd = call(OPEN, "abi-f", CREATE | RDWR);
  CHECK(fd == 3 && call(WRITE, fd, "0123456789", 10) == 10);
  CHECK(call(FSTAT, fd, &st) == 0 && st.type == REGULAR && st.nlink == 1 && st.size == 10 && st.ino > 1);
  uint number = st.ino;
  CHECK(call(CLOSE, fd) == 0 && call(LINK, "abi-f", "abi-g") == 0 && call(UNLINK, "abi-f") == 0);
  CHECK(call(OPEN, "abi-f", RDONLY) == -1);
  fd = call(OPEN, "abi-g", RDONLY);
  CHECK(call(READ, fd, buffer, 16) == 10 && same(buffer, "0123456789") && call(READ, fd, buffer, 16) == 0);
  CHECK(call(WRITE, fd, "x", 1) == -1 && call(FSTAT, fd, &st) == 0 && st.ino == number);
  CHECK(call(READ, fd, 0x80000000L, 10) <= 0);
  call(CLOSE, fd);
  fd = call(OPEN, "abi-g", WRONLY | TRUNC);
  CHECK(call(FSTAT, fd, &st) == 0 && st.size == 0 && call(READ, fd, buffer, 1) == -1);
  call(CLOSE, fd);
  CHECK(call(UNLINK, "abi-g") == 0 && call(UNLINK, "abi-g") == -1 && call(LINK, "abi-g", "abi-h") == -1);
}

static void test_directories(void) {
  struct stat st;
  struct dirent entry;
  int found = 0;
  CHECK(call(MKDIR, "abi-dir") == 0 && call(MKDIR, "abi-dir") == -1 && call(CHDIR, "abi-dir") == 0);
  long fd = call(OPEN, "inside", CREATE | WRONLY);
  CHECK(fd >= 0 && call(CLOSE, fd) == 0);
  fd = call(OPEN, ".", RDONLY);
  CHECK(call(FSTAT, fd, &st) == 0 && st.type == DIRECTORY && st.size % sizeof entry == 0);
  while (call(READ, fd, &entry, sizeof entry) == sizeof entry)
    found += entry.inum != 0 && same(entry.name, "inside");
  CHECK(found == 1 && call(CLOSE, fd) == 0);
  CHECK(call(OPEN, ".", RDWR) == -1 && call(CHDIR, "inside") == -1 && call(UNLINK, "../abi-dir") == -1);
  CHECK(call(UNLINK, "inside") == 0 && call(CHDIR, "..") == 0 && call(UNLINK, "abi-dir") == 0);
  CHECK(call(CHDIR, "abi-dir") == -1);
}

static void test_devices(void) {
  struct stat st;
  CHECK(call(MKNOD, "abi-con", 1, 0) == 0);
  long fd = call(OPEN, "abi-con", RDWR);
  CHECK(fd >= 0 && call(FSTAT, fd, &st) == 0 && st.type == DEVICE);
  CHECK(call(WRITE, fd, "device: written\n", 16) == 16 && call(CLOSE, fd) == 0 && call(UNLINK, "abi-con") == 0);
}

static void test_exec(char *self) {
  char *argv[] = { "child", "one", "two words", 0 }, *wrong[] = { (char *)0x80000000, 0 };
  CHECK(call(EXEC, "abi-none", argv) == -1 && call(EXEC, self, wrong) == -1);
  long pid = call(FORK);
  if (pid == 0) {
    exec_with_rubbish(self, argv);
    end(99);
  }
  CHECK(status_of(pid) == 7);
}

/** The program that test_exec starts. */
static int started(int argc, char **argv, uint64 sp) {
  CHECK(argc == 3 && same(argv[1], "one") && same(argv[2], "two words") && argv[3] == 0);
  CHECK(sp % 16 == 0 && (uint64)argv >= sp && data == 4711);
  CHECK(argv[4] == 0); /* xv6's call gives no environment */
  return 7;
}

int main(int argc, char **argv, uint64 sp) {
  if (same(argv[0], "child"))
    return started(argc, argv, sp);
  static void (*const tests[])(void) = { test_memory, test_processes, test_time, test_pipes, test_files, test_directories, test_devices };
  static const char *const names[] = { "memory", "processes", "time", "pipes", "files", "directories", "devices" };
  for (uint i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    tests[i]();
    say("ok ");
    say(names[i]);
    say("\n");
  }
  test_exec(argv[0]);
  say("ok exec\n");
  return 0;
}
