/* What the dynamic linker knows about each object in memory, for debuggers and the curious. */
#ifndef PW_LINK_H
#define PW_LINK_H

#include <elf.h>

struct link_map {
  uint64 l_addr;                    /* what to add to the object's own addresses */
  const char *l_name;               /* its path; "" for the program itself */
  Elf64_Dyn *l_ld;                  /* its dynamic section */
  struct link_map *l_next, *l_prev; /* in the order of loading */
};

struct dl_phdr_info {
  uint64 dlpi_addr;                 /* as l_addr */
  const char *dlpi_name;
  const Elf64_Phdr *dlpi_phdr;
  uint16 dlpi_phnum;
};

/** Calls `visit` for each object, the program first, until it returns other than 0; returns its last answer. */
int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *info, size_t size, void *argument), void *argument);

#endif
