/* The dynamic linker, /lib/ld.so: the kernel maps it beside a program that names it (PT_INTERP) and starts it instead.
 *
 * In this order: it relocates itself (ldso_bootstrap), looks in the auxiliary vector for the program that the kernel has
 * mapped, loads the libraries that the program needs, those that these need, and so on; relocates them all, libraries
 * before their users; runs the constructors; and jumps to the program's own first instruction. Functions are looked up
 * when they are first called (start.S, plt_resolve) unless an object wants it otherwise.
 *
 * Run as a program, it lists what a program needs, or runs it:  /lib/ld.so [--list] [--now] [--trace] PROGRAM [ARGUMENT]... */
#include "ldso.h"
#include <auxv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object self;

/* Where to go on, and how many of the arguments were ours. */
struct onward { uint64 entry, skipped; };

/** Relocates the linker itself. Nothing works before: no variable's address, no call of another file's function. */
void ldso_bootstrap(uint64 argc, char **argv, const Elf64_Dyn *dynamic, uint64 base);
void ldso_bootstrap(uint64 argc, char **argv, const Elf64_Dyn *dynamic, uint64 base) {
  const Elf64_Rela *r = 0;
  const Elf64_Sym *symbols = 0;
  uint64 bytes = 0;
  (void)argc;
  (void)argv;
  for (const Elf64_Dyn *d = dynamic; d->d_tag != DT_NULL; d++) {
    if (d->d_tag == DT_RELA)
      r = (const Elf64_Rela *)(base + d->d_un.d_ptr);
    if (d->d_tag == DT_RELASZ)
      bytes = d->d_un.d_val;
    if (d->d_tag == DT_SYMTAB)
      symbols = (const Elf64_Sym *)(base + d->d_un.d_ptr);
  }
  for (const Elf64_Rela *end = (const Elf64_Rela *)((const char *)r + bytes); r < end; r++) {
    uint64 *place = (uint64 *)(base + r->r_offset);
    if (ELF64_R_TYPE(r->r_info) == R_RISCV_RELATIVE)
      *place = base + r->r_addend;
    else if (ELF64_R_TYPE(r->r_info) == R_RISCV_64)
      *place = base + symbols[ELF64_R_SYM(r->r_info)].st_value + r->r_addend;
  }
}

void fail(const char *format, ...) {
  char sentence[256];
  va_list ap;
  va_start(ap, format);
  if (attempting)
    fail_attempt(format, ap);
  vsnprintf(sentence, sizeof sentence, format, ap);
  va_end(ap);
  dprintf(2, "ld.so: %s\n", sentence);
  exit(127);
}

/** The values of the auxiliary vector, by type below 64. */
static void read_auxv(uint64 argc, char **argv, uint64 *values) {
  char **p = argv + argc + 1;
  while (*p)
    p++;
  for (const struct auxv *a = (const struct auxv *)(p + 1); a->type != AT_NULL; a++)
    if (a->type < 64)
      values[a->type] = a->value;
}

/** Where an object lies, from its headers in memory. */
static void measure(struct object *o) {
  o->start = ~0UL;
  for (int i = 0; i < o->nheaders; i++) {
    const Elf64_Phdr *p = &o->headers[i];
    uint64 from = (o->map.l_addr + p->p_vaddr) & ~(PAGE - 1), to = o->map.l_addr + p->p_vaddr + p->p_memsz;
    if (p->p_type == PT_DYNAMIC)
      o->map.l_ld = (Elf64_Dyn *)(o->map.l_addr + p->p_vaddr);
    if (p->p_type == PT_TLS && p->p_memsz > 0)
      fail("%s uses thread-local variables, which this system does not have", o->path);
    if (p->p_type != PT_LOAD)
      continue;
    if (from < o->start)
      o->start = from;
    if (to > o->end)
      o->end = (to + PAGE - 1) & ~(PAGE - 1);
  }
}

/** An object for the program that the kernel has mapped. */
static struct object *mapped_program(const uint64 *aux, const char *name) {
  struct object *o = object_new();
  strlcpy(o->path, name, sizeof o->path);
  o->headers = (const Elf64_Phdr *)aux[AT_PHDR];
  o->nheaders = (int)aux[AT_PHNUM];
  if (o->headers == NULL)
    fail("the kernel did not say where %s is", name);
  for (int i = 0; i < o->nheaders; i++)
    if (o->headers[i].p_type == PT_PHDR)
      o->map.l_addr = aux[AT_PHDR] - o->headers[i].p_vaddr;
  measure(o);
  read_dynamic(o);
  list_append(o);
  return o;
}

/** The linker's own object, for those who need dlopen and its like. */
static void describe_self(const Elf64_Ehdr *file) {
  self.map.l_addr = (uint64)file;
  strlcpy(self.path, LIBRARY_FOLDER "ld.so", sizeof self.path);
  self.map.l_name = self.path;
  self.headers = (const Elf64_Phdr *)((const char *)file + file->e_phoff);
  self.nheaders = file->e_phnum;
  measure(&self);
  read_dynamic(&self);
  self.relocated = self.initialised = self.global = self.users = 1;
  list_append(&self);
}

static void list(const struct object *program) {
  for (const struct object *o = objects; o; o = (const struct object *)o->map.l_next)
    if (o != program && (o != &self || o->users > 1))
      printf("\t%s => %s (%p)\n", o->soname, o->path, (void *)o->start);
  exit(0);
}

/** Options and program name when the linker is run as a program. Returns the index of PROGRAM. */
static uint64 read_options(uint64 argc, char **argv, int *listing, int *now) {
  uint64 i = 1;
  for (; i < argc && argv[i][0] == '-'; i++) {
    if (strcmp(argv[i], "--list") == 0)
      *listing = 1;
    else if (strcmp(argv[i], "--now") == 0)
      *now = 1;
    else if (strcmp(argv[i], "--trace") == 0)
      trace_binding = 1;
    else
      break;
  }
  if (i < argc && argv[i][0] != '-')
    return i;
  dprintf(2, "usage: /lib/ld.so [--list] [--now] [--trace] PROGRAM [ARGUMENT]...\n"
             "  --list   only print the shared objects that PROGRAM needs\n"
             "  --now    look every function up at once\n"
             "  --trace  say each function that is looked up at its first call\n");
  exit(2);
}

/** Loads a program that the kernel has not: given by its path, as in exec (no folder is searched). */
static struct object *load_program(const char *path, uint64 *entry) {
  char name[PATHBYTES];
  snprintf(name, sizeof name, "%s%s", strchr(path, '/') ? "" : "./", path);
  struct object *o = load(name, NULL);
  if (o->headers == NULL)
    fail("%s does not carry its headers in memory", path);
  *entry = o->map.l_addr + ((const Elf64_Ehdr *)o->start)->e_entry;
  return o;
}

/** The whole work, up to the program's first instruction. */
struct onward ldso_main(uint64 argc, char **argv, const Elf64_Ehdr *file);
struct onward ldso_main(uint64 argc, char **argv, const Elf64_Ehdr *file) {
  uint64 aux[64] = {0};
  struct onward on = {0, 0};
  int listing = 0, now = 0;
  struct object *program, *group[64];
  read_auxv(argc, argv, aux);
  on.entry = aux[AT_ENTRY];
  if (aux[AT_BASE] == (uint64)file) {
    program = mapped_program(aux, argc > 0 ? argv[0] : "the program");
  } else {
    on.skipped = read_options(argc, argv, &listing, &now);
    program = load_program(argv[on.skipped], &on.entry);
  }
  program->map.l_name = "";
  program->users = 1;
  program->group = program;
  describe_self(file);
  load_needed(program);
  if (listing)
    list(program);
  int n = group_of(program, group, 64);
  for (int i = 0; i < n; i++)
    group[i]->global = 1;
  for (int i = n - 1; i >= 0; i--) /* libraries before those that need them: a copied variable must be right already */
    relocate(group[i], now);
  initialise(program);
  return on;
}
