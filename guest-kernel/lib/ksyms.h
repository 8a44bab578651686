/*
 * The kernel's own symbol table, for backtraces.
 *
 * kernel.ld keeps two sections in read-only data, both empty at the first
 * link. The build then lists the functions (nm, types t and T), writes them
 * sorted by address into these sections, and links again; text comes before
 * them, so its addresses stay. The last entry has address ~0.
 */
#ifndef KSYMS_H
#define KSYMS_H

#include "types.h"

struct ksym {
  uint64 address;
  uint32 name; /* offset in ksymstr_start */
  uint32 pad;
};

extern const struct ksym ksyms_start[], ksyms_end[];
extern const char ksymstr_start[];

#endif
