/* exec of every kind of file that is no program. */
#include "ut.h"

/* The parts of an ELF64 file that the tests damage. */
struct elf_header {
  uchar ident[16];
  ushort type, machine;
  uint version;
  uint64 entry, phoff, shoff;
  uint flags;
  ushort ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct program_header { uint type, flags; uint64 offset, vaddr, paddr, filesz, memsz, align; };

#define IMAGE (16 * 1024) /* more than /true */
static char image[IMAGE];
static int image_size;

static struct elf_header *elf(void) { return (struct elf_header *)image; }
static struct program_header *segment(int i) { return (struct program_header *)(image + elf()->phoff) + i; }

/** Reads the beginning of a good program. */
static void load_image(void) {
  int fd = must_open("/true", O_RDONLY), n;
  image_size = 0;
  while (image_size < IMAGE && (n = read(fd, image + image_size, IMAGE - image_size)) > 0)
    image_size += n;
  close(fd);
  CHECK(image_size > 4096 && elf()->phnum >= 1);
}

static int last_status; /* of the program that try_image ran */

/** Writes the image and tries to run it in a child. 0: it ran (status 0 or killed), else errno. */
static int try_image(int size) {
  int fd = must_open("program", O_WRONLY | O_CREATE | O_TRUNC), status;
  CHECK(write(fd, image, size) == size);
  close(fd);
  int pid = must_fork();
  if (pid == 0) {
    char *argv[] = { "program", NULL };
    exec("program", argv);
    exit(errno == 0 ? 200 : 100 + errno);
  }
  CHECK(wait(&status) == pid);
  last_status = status;
  return status >= 100 ? status - 100 : 0;
}

/** Writes the image and runs it in a child, whose status is the result. */
static int try_status(int size) {
  int error = try_image(size);
  return error ? error + 100 : last_status;
}

static void must_refuse(const char *what, int size) {
  int error = try_image(size);
  if (error == 0)
    fail("a program with %s was started", what);
  if (error != ENOEXEC && error != ENOMEM && error != EINVAL)
    fail("a program with %s: %s", what, strerror(error));
}

static void exec_not_elf(void) {
  load_image();
  CHECK(try_image(image_size) == 0);
  must_refuse("no bytes", 0);
  must_refuse("1 byte", 1);
  must_refuse("half a header", 40);
  must_refuse("a header and nothing else", 64);
  static const struct { int at; const char *what; } bytes[] = {
    { 0, "a wrong magic" }, { 3, "a wrong magic at the end" }, { 4, "32 bits" }, { 5, "big-endian numbers" }, { 16, "the type of an object file" }, { 18, "another machine" },
  };
  for (uint i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    load_image();
    image[bytes[i].at] ^= 3;
    must_refuse(bytes[i].what, image_size);
  }
  memset(image, 'x', 100);
  must_refuse("text in it", 100);
}

static void exec_bad_headers(void) {
  load_image();
  elf()->phoff = 1UL << 62;
  must_refuse("headers far beyond the file", image_size);
  load_image();
  elf()->phoff = -8UL;
  must_refuse("a negative header offset", image_size);
  load_image();
  elf()->phnum = 0xffff;
  must_refuse("65535 segments", image_size);
  load_image();
  elf()->phentsize = 1;
  must_refuse("tiny headers", image_size);
  load_image();
  elf()->phnum = 0;
  must_refuse("no segments", image_size);
}

static void exec_bad_segments(void) {
  static const uint64 places[] = {
    0, 0x800, USERTOP, USERTOP - 4096, 0x80000000, 0x4000000000, 0x8000000000000000, -4096UL, USERTOP - USERSTACK,
  };
  for (uint i = 1; i < sizeof places / sizeof places[0]; i++) {
    if (places[i] == 0x80000000) /* an ordinary user address here */
      continue;
    load_image();
    segment(0)->vaddr = places[i];
    char what[60];
    snprintf(what, sizeof what, "a segment at %lx", places[i]);
    must_refuse(what, image_size);
  }
  load_image();
  segment(0)->vaddr = 0;
  must_refuse("a segment on page 0", image_size);
  load_image();
  segment(0)->memsz = segment(0)->filesz - 1;
  must_refuse("a segment smaller than its file part", image_size);
  load_image();
  segment(0)->memsz = -4096UL;
  must_refuse("a segment that wraps around", image_size);
  load_image();
  segment(0)->memsz = 1UL << 40;
  must_refuse("a segment larger than user space", image_size);
  load_image();
  segment(0)->filesz = segment(0)->memsz = 1 << 24;
  must_refuse("a segment beyond the end of the file", image_size);
  load_image();
  segment(0)->offset = -4096UL;
  must_refuse("a negative file offset", image_size);
  load_image();
  segment(0)->vaddr += 8;
  must_refuse("a segment that disagrees with its file offset", image_size);
}

static void exec_bad_entry(void) {
  static const uint64 entries[] = { 0, 8, USERTOP, 0x80000000, 0x8000000000000000, -2UL, 0x11 };
  for (uint i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    load_image();
    elf()->entry = entries[i];
    try_image(image_size); /* refused or killed: anything but harm */
  }
}

/** Random damage in the headers: never more than an error or a dead child. */
static void exec_fuzz(void) {
  ulong seed = 12345;
  for (int round = 0; round < 150; round++) {
    load_image();
    int changes = 1 + rand_next(&seed) % 4;
    for (int i = 0; i < changes; i++)
      image[rand_next(&seed) % (64 + elf()->phnum % 8 * 56)] = (char)rand_next(&seed);
    int size = rand_next(&seed) % 4 ? image_size : (int)(rand_next(&seed) % image_size);
    int fd = must_open("program", O_WRONLY | O_CREATE | O_TRUNC), status;
    CHECK(write(fd, image, size) == size);
    close(fd);
    int pid = must_fork();
    if (pid == 0) {
      char *argv[] = { "program", NULL };
      close(0);
      exec("program", argv);
      exit(0);
    }
    for (int i = 0; i < 100 && uptime() >= 0; i++) { /* it may run for ever: it has 2 ticks */
      struct procinfo table[NPROC];
      int n = procinfo(table, NPROC), alive = 0;
      for (int k = 0; k < n; k++)
        alive |= table[k].pid == pid && table[k].state != PROC_ZOMBIE;
      if (!alive)
        break;
      if (i > 2)
        xv6_kill(pid);
      sleep(i > 0);
    }
    CHECK(wait(&status) == pid);
  }
}

static void exec_failure_leaks_nothing(void) {
  char *argv[] = { "x", NULL };
  load_image();
  segment(0)->memsz = 1UL << 40;
  int fd = must_open("program", O_WRONLY | O_CREATE);
  CHECK(write(fd, image, image_size) == image_size);
  close(fd);
  exec("program", argv);
  uint64 before = free_frames();
  for (int i = 0; i < 100; i++) {
    CHECK(exec("program", argv) == -1);
    CHECK(exec("nothere", argv) == -1);
    CHECK(exec(self_path, (char **)0x80000000) == -1);
  }
  CHECK(free_frames() >= before - 2);
}

/* A program for address 0: tries to map page 0 anew, which even here must fail, and exits with 33; 34 when it did not fail. */
extern const char zero_code[], zero_code_end[];
__asm__(".section .rodata\n.balign 4\nzero_code:\n"
        "  li a0, 0\n  li a1, 4096\n  li a2, 3\n  li a3, 0x32\n  li a4, -1\n  li a5, 0\n  li a7, 27\n  ecall\n"
        "  addi a0, a0, 1\n  snez a0, a0\n  addi a0, a0, 33\n  li a7, 2\n  ecall\n"
        "zero_code_end:\n.previous\n");

/** Puts a program of one segment for address `at` together: its code begins at byte 120 of the file, in no page's beginning. */
static void make_zero_program(uint64 at, uint flags) {
  load_image();
  memset(image + 64, 0, sizeof image - 64);
  elf()->phnum = 1;
  elf()->phoff = 64;
  elf()->entry = at;
  uint64 size = zero_code_end - zero_code;
  *segment(0) = (struct program_header){ .type = 1, .flags = flags, .offset = 120, .vaddr = at, .filesz = size, .memsz = size + 5000 };
  memcpy(image + 120, zero_code, size);
  image_size = 120 + (int)size;
}

/** Programs as xv6 links them: at address 0, and where the file's pages are not the program's. */
static void exec_at_zero(void) {
  make_zero_program(0, 7);
  CHECK(image_size < 4096 && try_status(image_size) == 33);
  make_zero_program(0, 5); /* not writable: a copy all the same */
  CHECK(try_status(image_size) == 33);
  make_zero_program(0x5000, 7);
  CHECK(try_status(image_size) == 33);
  make_zero_program(0x800, 7);
  must_refuse("a segment that is neither on a page nor in one of the file's", image_size);
  make_zero_program(0, 6);
  must_refuse("an entry that may not be executed", image_size);
  make_zero_program(0, 7);
  elf()->type = 3; /* it has no place of its own, so nothing of it is on page 0 */
  CHECK(try_status(image_size) == 33);
}

static void exec_unlinked(void) {
  char *argv[] = { "program", NULL };
  load_image();
  CHECK(try_image(image_size) == 0);
  int pid = must_fork();
  if (pid == 0) {
    unlink("program");
    exec("program", argv);
    exit(errno == ENOENT ? 0 : 5);
  }
  expect_status(0);
}

const struct test bad_program_tests[] = {
  { "exec_not_elf", exec_not_elf, 0 },
  { "exec_bad_headers", exec_bad_headers, 0 },
  { "exec_bad_segments", exec_bad_segments, 0 },
  { "exec_bad_entry", exec_bad_entry, 0 },
  { "exec_fuzz", exec_fuzz, 1 },
  { "exec_failure_leaks_nothing", exec_failure_leaks_nothing, 0 },
  { "exec_at_zero", exec_at_zero, 0 },
  { "exec_unlinked", exec_unlinked, 0 },
  { NULL, NULL, 0 },
};
