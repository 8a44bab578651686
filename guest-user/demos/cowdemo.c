/* cowdemo [MIB]: fork copies no memory. Parent and child see the same frames until one of them writes. */
#include "demo.h"
#include <sys/mman.h>

int main(int argc, char **argv) {
  uint64 mib = argc > 1 ? (uint64)atoi(argv[1]) : 8, pages = mib * MIB / PAGE;
  int ready[2], go[2], status;
  char word;
  struct count before = count_now();
  char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(memory != MAP_FAILED && pipe(ready) == 0 && pipe(go) == 0, "memory and pipes");
  for (uint64 i = 0; i < pages; i++)
    memory[i * PAGE] = 'p';
  tell(&before, "parent writes to every page");

  before = count_now();
  int pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    tell(&before, "fork");
    before = count_now();
    uint64 same = 0;
    for (uint64 i = 0; i < pages; i++)
      same += memory[i * PAGE] == 'p';
    tell(&before, "child reads every page");
    before = count_now();
    for (uint64 i = 0; i < pages; i += 4)
      memory[i * PAGE] = 'c';
    tell(&before, "child writes to every fourth page");
    must(same == pages, "the child's view");
    write(ready[1], "r", 1);
    read(go[0], &word, 1);
    exit(0);
  }
  read(ready[0], &word, 1);
  before = count_now();
  for (uint64 i = 0; i < pages; i += 4)
    memory[i * PAGE] = 'P';
  tell(&before, "parent writes to the same: now it is alone");
  before = count_now();
  write(go[1], "g", 1);
  wait(&status);
  tell(&before, "child ends: its copies are free again");
  before = count_now();
  for (uint64 i = 0; i < pages; i++)
    memory[i * PAGE] = 'Q';
  tell(&before, "parent writes to every page: no copy needed");
  return status != 0;
}
