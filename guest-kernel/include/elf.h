/* ELF64 executables, as far as exec needs them. */
#ifndef ELF_H
#define ELF_H

#include "types.h"

#define ELF_EXEC 2
#define ELF_DYN 3 /* has no place of its own: shared objects, the dynamic linker */
#define ELF_RISCV 243

struct elf_header {
  uchar magic[16]; /* 7f 'E' 'L' 'F', 64 bits, little endian, version 1 */
  ushort type;
  ushort machine;
  uint version;
  uint64 entry;
  uint64 phoff;
  uint64 shoff;
  uint flags;
  ushort ehsize;
  ushort phentsize;
  ushort phnum;
  ushort shentsize;
  ushort shnum;
  ushort shstrndx;
};

#define PT_LOAD 1
#define PT_DYNAMIC 2
#define PT_INTERP 3

#define PF_X 1
#define PF_W 2
#define PF_R 4

struct program_header {
  uint type;
  uint flags;
  uint64 offset;
  uint64 vaddr;
  uint64 paddr;
  uint64 filesz;
  uint64 memsz;
  uint64 align;
};

#endif
