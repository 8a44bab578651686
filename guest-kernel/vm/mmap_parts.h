/* System calls on mappings: between vm_mmap.c, vm_mremap.c and vm_ranges.c. */
#ifndef MMAP_PARTS_H
#define MMAP_PARTS_H

#include "types.h"

struct vm_map;

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* vm_mmap.c */
int place_vacant(struct vm_map *, uint64 start, uint64 end);
uint64 place_find(struct vm_map *, uint64 length, uint64 align);
void map_populate(struct vm_map *, uint64 start, uint64 end, int access);
int map_full_access(int protection);

#endif
