/* Bringing an object's file into memory, and reading its dynamic section. */
#include "ldso.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct object *objects;
static int file = -1;               /* the descriptor in use, for load_abandon */

void list_append(struct object *o) {
  struct link_map **end = (struct link_map **)&objects, *before = NULL;
  for (; *end; end = &(*end)->l_next)
    before = *end;
  *end = &o->map;
  o->map.l_prev = before;
  o->map.l_next = NULL;
}

void list_remove(struct object *o) {
  if (o->map.l_prev)
    o->map.l_prev->l_next = o->map.l_next;
  if (o->map.l_next)
    o->map.l_next->l_prev = o->map.l_prev;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/** Fills in what the dynamic section at o->map.l_ld says. Addresses in it are relative to l_addr. */
void read_dynamic(struct object *o) {
  uint64 base = o->map.l_addr, v[DT_SMALL] = {0}, present = 0;
  for (const Elf64_Dyn *d = o->map.l_ld; d->d_tag != DT_NULL; d++) {
    if (d->d_tag > 0 && d->d_tag < DT_SMALL) {
      v[d->d_tag] = d->d_un.d_val;
      present |= 1UL << d->d_tag;
    } else if (d->d_tag == DT_GNU_HASH) {
      o->gnu_hash = (const uint *)(base + d->d_un.d_ptr);
    } else if (d->d_tag == DT_FLAGS_1) {
      o->bind_now |= (d->d_un.d_val & DF_1_NOW) != 0;
    }
  }
  if ((present & 1UL << DT_TEXTREL) || (v[DT_FLAGS] & DF_TEXTREL))
    fail("%s would have to be changed in its code to be loaded: compile it with -fPIC", o->path);
  o->bind_now |= (present & 1UL << DT_BIND_NOW) || (v[DT_FLAGS] & DF_BIND_NOW);
  o->strings = (const char *)(base + v[DT_STRTAB]);
  o->symbols = (const Elf64_Sym *)(base + v[DT_SYMTAB]);
  if (v[DT_HASH])
    o->hash = (const uint *)(base + v[DT_HASH]);
  o->rela = (const Elf64_Rela *)(base + v[DT_RELA]);
  o->nrela = v[DT_RELASZ] / sizeof(Elf64_Rela);
  o->jmprel = (const Elf64_Rela *)(base + v[DT_JMPREL]);
  o->njmprel = v[DT_PLTRELSZ] / sizeof(Elf64_Rela);
  /* GNU ld counts the PLT's relocations, which come last, among the others as well. */
  if (o->njmprel > 0 && o->jmprel >= o->rela && o->jmprel < o->rela + o->nrela)
    o->nrela = (uint64)(o->jmprel - o->rela);
  if (v[DT_PLTGOT])
    o->pltgot = (uint64 *)(base + v[DT_PLTGOT]);
  o->init = (void (**)(void))(base + v[DT_INIT_ARRAY]);
  o->ninit = v[DT_INIT_ARRAYSZ] / 8;
  o->fini = (void (**)(void))(base + v[DT_FINI_ARRAY]);
  o->nfini = v[DT_FINI_ARRAYSZ] / 8;
  if (v[DT_INIT])
    o->old_init = (void (*)(void))(base + v[DT_INIT]);
  if (v[DT_FINI])
    o->old_fini = (void (*)(void))(base + v[DT_FINI]);
  o->soname = v[DT_SONAME] ? o->strings + v[DT_SONAME] : last_part(o->path);
}

static int rights_of(const Elf64_Phdr *p) {
  return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_READ | PROT_WRITE : 0) | (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static uint64 down(uint64 a) { return a & ~(PAGE - 1); }
static uint64 up(uint64 a) { return down(a + PAGE - 1); }

/** Maps one segment of descriptor fd at o's place: the file privately, then zeros to the end. */
static void map_segment(struct object *o, const Elf64_Phdr *p, int fd) {
  uint64 from = o->map.l_addr + p->p_vaddr, file_end = from + p->p_filesz, end = up(from + p->p_memsz);
  int rights = rights_of(p), fixed = MAP_PRIVATE | MAP_FIXED;
  if (p->p_filesz > 0 &&
      mmap((void *)down(from), up(file_end) - down(from), rights, fixed, fd, (off_t)down(p->p_offset)) == MAP_FAILED)
    fail("%s cannot be mapped: %s", o->path, strerror(errno));
  uint64 zeros = p->p_filesz > 0 ? up(file_end) : down(from);
  if (p->p_memsz > p->p_filesz && (p->p_flags & PF_W) && p->p_filesz > 0)
    memset((void *)file_end, 0, (zeros < end ? zeros : end) - file_end);
  if (zeros < end && mmap((void *)zeros, end - zeros, rights, fixed | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
    fail("%s has no memory for its variables: %s", o->path, strerror(errno));
}

/** Checks an ELF file's first bytes; its headers must lie in the n bytes that were read. */
static void check_header(const struct object *o, const Elf64_Ehdr *h, int n) {
  if (n < (int)sizeof *h || memcmp(h->e_ident, "\177ELF\2\1\1", 7) != 0 || h->e_machine != EM_RISCV)
    fail("%s is not an ELF file for this machine", o->path);
  /* A program has its fixed place, where now the running one is: only the first object of all may be one. */
  if (h->e_type != ET_DYN && !(h->e_type == ET_EXEC && o == objects))
    fail("%s is not a shared object", o->path);
  if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff > (uint64)n || h->e_phnum * sizeof(Elf64_Phdr) > (uint64)n - h->e_phoff)
    fail("%s is damaged: its program headers are not where they should be", o->path);
}

/** Maps the whole object from fd, whose first bytes are at h. */
static void map_object(struct object *o, const Elf64_Ehdr *h, int fd) {
  const Elf64_Phdr *p = (const Elf64_Phdr *)((const char *)h + h->e_phoff);
  uint64 low = ~0UL, high = 0;
  for (int i = 0; i < h->e_phnum; i++) {
    if (p[i].p_type == PT_TLS && p[i].p_memsz > 0)
      fail("%s uses thread-local variables, which this system does not have", o->path);
    if (p[i].p_type != PT_LOAD)
      continue;
    if (down(p[i].p_vaddr) < low)
      low = down(p[i].p_vaddr);
    if (up(p[i].p_vaddr + p[i].p_memsz) > high)
      high = up(p[i].p_vaddr + p[i].p_memsz);
  }
  if (low >= high)
    fail("%s has nothing to load", o->path);
  /* One reservation first, so that the segments keep their distance; a program (not a library) has its fixed place. */
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (h->e_type == ET_EXEC ? MAP_FIXED : 0);
  char *place = mmap(h->e_type == ET_EXEC ? (void *)low : NULL, high - low, PROT_NONE, flags, -1, 0);
  if (place == MAP_FAILED)
    fail("there is no room in the address space for %s: %s", o->path, strerror(errno));
  o->map.l_addr = (uint64)place - low;
  o->start = (uint64)place;
  o->end = o->start + (high - low);
  for (int i = 0; i < h->e_phnum; i++) {
    if (p[i].p_type == PT_LOAD)
      map_segment(o, &p[i], fd);
    if (p[i].p_type == PT_DYNAMIC)
      o->map.l_ld = (Elf64_Dyn *)(o->map.l_addr + p[i].p_vaddr);
    if (p[i].p_type == PT_LOAD && p[i].p_offset == 0) {
      o->headers = (const Elf64_Phdr *)(o->map.l_addr + p[i].p_vaddr + h->e_phoff);
      o->nheaders = h->e_phnum;
    }
  }
  if (o->map.l_ld == NULL)
    fail("%s is statically linked: it has no dynamic section", o->path);
}

/** Takes an object out of memory again. */
void unmap(struct object *o) {
  if (o->start < o->end)
    munmap((void *)o->start, o->end - o->start);
}

/** Closes the file that was being loaded, if any. */
void load_abandon(void) {
  if (file >= 0)
    close(file);
  file = -1;
}

static struct object *known(const char *name) {
  for (struct object *o = objects; o; o = (struct object *)o->map.l_next)
    if (strcmp(o->soname, name) == 0 || strcmp(o->path, name) == 0)
      return o;
  return NULL;
}

/** The object called `name`: loaded before, or from its file now (a name without a slash: in /lib). It is in the list, but
 *  what it needs is not yet loaded and it is not relocated. */
struct object *load(const char *name, const struct object *wanted_by) {
  static union { char bytes[1024]; Elf64_Ehdr header; } first;
  struct object *o = known(name);
  if (o)
    return o;
  char path[PATHBYTES];
  if (snprintf(path, sizeof path, "%s%s", strchr(name, '/') ? "" : LIBRARY_FOLDER, name) >= (int)sizeof path)
    fail("the name %s is too long", name);
  struct stat st;
  file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &st) < 0) {
    if (wanted_by)
      fail("%s needs %s, which is not there: %s: %s", wanted_by->path, name, path, strerror(errno));
    fail("%s: %s", path, strerror(errno));
  }
  for (o = objects; o; o = (struct object *)o->map.l_next)
    if (o->ino == st.ino && o->dev == (uint64)st.dev && o->ino != 0)
      break;
  if (o == NULL) {
    o = object_new();
    strlcpy(o->path, path, sizeof o->path);
    o->soname = last_part(o->path);
    o->map.l_name = o->path;
    o->dev = (uint64)st.dev;
    o->ino = st.ino;
    list_append(o); /* in the list first: whoever undoes a failure finds it there */
    check_header(o, &first.header, read(file, first.bytes, sizeof first.bytes));
    map_object(o, &first.header, file);
    read_dynamic(o);
  }
  load_abandon();
  return o;
}

/** Loads what `o` needs, and what that needs. Each object is loaded once, however many need it. */
void load_needed(struct object *root) {
  for (struct object *o = root; o; o = (struct object *)o->map.l_next) {
    if (o->nneeded > 0 || o == &self)
      continue;
    for (const Elf64_Dyn *d = o->map.l_ld; d->d_tag != DT_NULL; d++) {
      if (d->d_tag != DT_NEEDED)
        continue;
      if (o->nneeded == MAXNEEDED)
        fail("%s needs more than %d libraries", o->path, MAXNEEDED);
      struct object *library = load(o->strings + d->d_un.d_val, o);
      library->users++;
      o->needed[o->nneeded++] = library;
      if (!library->group)
        library->group = root;
    }
  }
}
