/* Between the two halves of exec: proc/exec.c (arguments, stack, the change of address space) and proc/load.c (ELF files). */
#ifndef EXEC_H
#define EXEC_H

#include "types.h"

struct vm_map;

/* A program in a new address space. */
struct image {
  uint64 start;       /* where it begins to run: in its interpreter, if it has one */
  uint64 entry;       /* its own first instruction */
  uint64 headers;     /* address of its program headers; 0 when no segment holds them */
  uint64 nheaders;
  uint64 interpreter; /* where the dynamic linker was put; 0 when it has none */
};

int load_image(struct vm_map *, const char *path, struct image *);

#endif
