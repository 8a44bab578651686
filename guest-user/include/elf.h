/* ELF64, as far as programs that read it need it: headers, symbols, relocations, dynamic entries. */
#ifndef PW_ELF_H
#define PW_ELF_H

#include <sys/types.h>

typedef struct {
  uchar e_ident[16];                /* 7f 'E' 'L' 'F', 2 = 64 bits, 1 = little endian, 1 = version */
  uint16 e_type, e_machine;
  uint32 e_version;
  uint64 e_entry, e_phoff, e_shoff;
  uint32 e_flags;
  uint16 e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
} Elf64_Ehdr;

typedef struct {
  uint32 p_type, p_flags;
  uint64 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
} Elf64_Phdr;

typedef struct {
  uint32 st_name;
  uchar st_info, st_other;
  uint16 st_shndx;
  uint64 st_value, st_size;
} Elf64_Sym;

typedef struct {
  uint64 r_offset, r_info;
  int64 r_addend;
} Elf64_Rela;

typedef struct {
  int64 d_tag;
  union { uint64 d_val, d_ptr; } d_un;
} Elf64_Dyn;

#define ET_EXEC 2
#define ET_DYN 3
#define EM_RISCV 243

#define PT_LOAD 1
#define PT_DYNAMIC 2
#define PT_INTERP 3
#define PT_PHDR 6
#define PT_TLS 7

#define PF_X 1
#define PF_W 2
#define PF_R 4

#define ELF64_ST_BIND(info) ((info) >> 4)
#define ELF64_ST_TYPE(info) ((info) & 15)
#define STB_LOCAL 0
#define STB_GLOBAL 1
#define STB_WEAK 2
#define STT_FUNC 2
#define STT_TLS 6
#define SHN_UNDEF 0
#define SHN_ABS 0xfff1

#define ELF64_R_SYM(info) ((info) >> 32)
#define ELF64_R_TYPE(info) ((uint32)(info))
#define R_RISCV_NONE 0
#define R_RISCV_32 1
#define R_RISCV_64 2
#define R_RISCV_RELATIVE 3
#define R_RISCV_COPY 4
#define R_RISCV_JUMP_SLOT 5
#define R_RISCV_TLS_DTPMOD64 7
#define R_RISCV_TLS_DTPREL64 9
#define R_RISCV_TLS_TPREL64 11

#define DT_NULL 0
#define DT_NEEDED 1
#define DT_PLTRELSZ 2
#define DT_PLTGOT 3
#define DT_HASH 4
#define DT_STRTAB 5
#define DT_SYMTAB 6
#define DT_RELA 7
#define DT_RELASZ 8
#define DT_INIT 12
#define DT_FINI 13
#define DT_SONAME 14
#define DT_TEXTREL 22
#define DT_JMPREL 23
#define DT_BIND_NOW 24
#define DT_INIT_ARRAY 25
#define DT_FINI_ARRAY 26
#define DT_INIT_ARRAYSZ 27
#define DT_FINI_ARRAYSZ 28
#define DT_FLAGS 30
#define DT_SMALL 32                 /* the entries below this number fit one array */
#define DT_GNU_HASH 0x6ffffef5
#define DT_FLAGS_1 0x6ffffffb

#define DF_TEXTREL 4
#define DF_BIND_NOW 8
#define DF_1_NOW 1

#endif
