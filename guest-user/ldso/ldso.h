/* The dynamic linker's own structures. See main.c for the order of events. */
#ifndef PW_LDSO_H
#define PW_LDSO_H

#include <elf.h>
#include <link.h>

#define PAGE 4096UL
#define LIBRARY_FOLDER "/lib/"
#define MAXNEEDED 16
#define PATHBYTES 128

/* An object in memory: the program, a library, or the dynamic linker itself. */
struct object {
  struct link_map map;              /* must be first: this is what handles and debuggers see */
  char path[PATHBYTES];
  const char *soname;               /* its own name for itself, or the last part of its path */
  uint64 start, end;                /* where it lies; unmapped when it goes */
  uint64 dev, ino;                  /* which file it is (0, 0 for what the kernel mapped) */
  const Elf64_Phdr *headers;
  int nheaders;

  const Elf64_Sym *symbols;
  const char *strings;
  const uint *hash, *gnu_hash;      /* either may be NULL */
  const Elf64_Rela *rela, *jmprel;
  uint64 nrela, njmprel;
  uint64 *pltgot;
  void (**init)(void), (**fini)(void);
  uint64 ninit, nfini;
  void (*old_init)(void), (*old_fini)(void);
  int bind_now;

  struct object *needed[MAXNEEDED]; /* in the order of its DT_NEEDED entries */
  int nneeded;
  struct object *group;             /* what it was loaded with: symbols are looked up there after the global ones */
  int users;                        /* objects that need it, and dlopen handles */
  int global;                       /* serves everybody; never unloaded */
  int relocated, initialised;
  int mark;                         /* of a walk over `needed` */
};

extern struct object *objects;      /* in the order of loading, the program first */
extern struct object self;          /* the dynamic linker */
extern int trace_binding;           /* say each lazy binding on descriptor 2 */

/* How a failure leaves the linker: at start it ends the program, in dlopen it becomes dlerror's sentence. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* arena.c */
void *arena_get(size_t bytes);      /* zeroed, 16-aligned, never given back */
struct object *object_new(void);
void object_free(struct object *o);

/* load.c */
void read_dynamic(struct object *o);
struct object *load(const char *name, const struct object *wanted_by);
void load_needed(struct object *o);
void load_abandon(void);
void unmap(struct object *o);
void list_append(struct object *o);
void list_remove(struct object *o);

/* symbol.c */
struct definition { const struct object *object; const Elf64_Sym *symbol; };
/* Kinds of look-up. */
#define FOR_CALL 1                  /* a PLT slot: the program's own PLT entry for a function does not count */
#define FOR_COPY 2                  /* the program's own copy does not count */
int find_in(const struct object *o, const char *name, int kind, struct definition *found);
int find(const struct object *asker, const char *name, int kind, struct definition *found);
int find_in_group(struct object *root, const char *name, struct definition *found);
uint64 address_of(const struct definition *d);
const Elf64_Sym *nearest(const struct object *o, uint64 address);

/* relocate.c */
void relocate(struct object *o, int now);
uint64 bind_slot(struct object *o, uint64 offset);
void plt_resolve(void);             /* start.S: calls bind_slot */

/* dl.c */
extern int attempting;              /* a failure is dlerror's */
void fail_attempt(const char *format, __builtin_va_list ap) __attribute__((noreturn));
int group_of(struct object *root, struct object **list, int max);
void initialise(struct object *o);

#endif
