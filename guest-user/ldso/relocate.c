/* Relocation: putting the addresses into an object's data, at load or, for functions, at the first call. */
#include "ldso.h"
#include <stdio.h>
#include <string.h>

int trace_binding;

/** What to call an object in a sentence. */
static const char *name_of(const struct object *o) {
  return o->path[0] ? o->path : "the program";
}

/** The definition of symbol number n as `o` sees it. 0 when nobody defines it and it is weak; otherwise that is the end. */
static int resolve(const struct object *o, uint64 n, int kind, struct definition *found) {
  const Elf64_Sym *s = &o->symbols[n];
  if (ELF64_ST_BIND(s->st_info) == STB_LOCAL) {
    *found = (struct definition){ o, s };
    return 1;
  }
  if (find(o, o->strings + s->st_name, kind, found))
    return 1;
  if (ELF64_ST_BIND(s->st_info) != STB_WEAK)
    fail("%s needs the symbol %s, which no loaded object defines", name_of(o), o->strings + s->st_name);
  return 0;
}

static uint64 value_of(const struct object *o, uint64 n, int kind) {
  struct definition d;
  return n != 0 && resolve(o, n, kind, &d) ? address_of(&d) : 0;
}

/** Copies a library's variable into the program, which was linked as if the variable were its own. */
static void copy_variable(const struct object *o, uint64 n, void *place) {
  struct definition d;
  uint64 size = o->symbols[n].st_size;
  if (!resolve(o, n, FOR_COPY, &d))
    return;
  memcpy(place, (const void *)address_of(&d), d.symbol->st_size < size ? d.symbol->st_size : size);
}

static void apply(struct object *o, const Elf64_Rela *r) {
  uint64 *place = (uint64 *)(o->map.l_addr + r->r_offset), n = ELF64_R_SYM(r->r_info);
  switch (ELF64_R_TYPE(r->r_info)) {
  case R_RISCV_NONE:
    break;
  case R_RISCV_RELATIVE:
    *place = o->map.l_addr + r->r_addend;
    break;
  case R_RISCV_64:
    *place = value_of(o, n, 0) + r->r_addend;
    break;
  case R_RISCV_32:
    *(uint32 *)place = (uint32)(value_of(o, n, 0) + r->r_addend);
    break;
  case R_RISCV_JUMP_SLOT:
    *place = value_of(o, n, FOR_CALL) + r->r_addend;
    break;
  case R_RISCV_COPY:
    copy_variable(o, n, place);
    break;
  case R_RISCV_TLS_DTPMOD64:
  case R_RISCV_TLS_DTPREL64:
  case R_RISCV_TLS_TPREL64:
    fail("%s uses thread-local variables, which this system does not have", name_of(o));
  default:
    fail("%s has a relocation of type %u, which is not known here", name_of(o), ELF64_R_TYPE(r->r_info));
  }
}

/** Relocates an object: data at once, functions at once (`now`, or when the object says so) or when first called. */
void relocate(struct object *o, int now) {
  if (o->relocated)
    return;
  o->relocated = 1;
  /* A copied variable must have been relocated where it comes from: the caller relocates libraries first. */
  for (uint64 i = 0; i < o->nrela; i++)
    apply(o, &o->rela[i]);
  if (o->njmprel == 0)
    return;
  now |= o->bind_now || o->pltgot == NULL;
  for (uint64 i = 0; i < o->njmprel; i++) {
    const Elf64_Rela *r = &o->jmprel[i];
    if (now || ELF64_R_TYPE(r->r_info) != R_RISCV_JUMP_SLOT)
      apply(o, r);
    else
      *(uint64 *)(o->map.l_addr + r->r_offset) += o->map.l_addr; /* it holds the address of the PLT's first entry */
  }
  if (!now) {
    o->pltgot[0] = (uint64)plt_resolve;
    o->pltgot[1] = (uint64)o;
  }
}

/** The first call through a PLT slot (`offset` is 8 times its number): looks the function up, remembers and returns its address. */
uint64 bind_slot(struct object *o, uint64 offset) {
  const Elf64_Rela *r = &o->jmprel[offset / 8];
  uint64 *slot = (uint64 *)(o->map.l_addr + r->r_offset);
  struct definition d;
  uint64 n = ELF64_R_SYM(r->r_info);
  if (!resolve(o, n, FOR_CALL, &d))
    fail("%s calls %s, which no loaded object defines", name_of(o), o->strings + o->symbols[n].st_name);
  *slot = address_of(&d) + r->r_addend;
  if (trace_binding)
    dprintf(2, "ld.so: %s calls %s for the first time: found in %s at %p\n", name_of(o), o->strings + o->symbols[n].st_name,
            name_of(d.object), (void *)*slot);
  return *slot;
}
