/* Finding symbols: in one object by its hash table, and over all objects that an asker can see. */
#include "ldso.h"
#include <string.h>

static uint sysv_hash(const char *name) {
  uint h = 0;
  for (; *name; name++) {
    h = (h << 4) + (uchar)*name;
    uint top = h & 0xf0000000;
    h = (h ^ (top >> 24)) & ~top;
  }
  return h;
}

static uint gnu_hash(const char *name) {
  uint h = 5381;
  for (; *name; name++)
    h = h * 33 + (uchar)*name;
  return h;
}

/** Does symbol s of o define `name` for this kind of look-up? */
static int defines(const struct object *o, const Elf64_Sym *s, const char *name, int kind) {
  if (ELF64_ST_BIND(s->st_info) == STB_LOCAL || ELF64_ST_TYPE(s->st_info) == STT_TLS)
    return 0;
  /* A program that takes a function's address has a PLT entry stand for it, for everybody: value without section. */
  if (s->st_shndx == SHN_UNDEF && (s->st_value == 0 || kind == FOR_CALL))
    return 0;
  return strcmp(o->strings + s->st_name, name) == 0;
}

static const Elf64_Sym *find_sysv(const struct object *o, const char *name, int kind) {
  uint nbuckets = o->hash[0];
  const uint *buckets = o->hash + 2, *chains = buckets + nbuckets;
  if (nbuckets == 0)
    return NULL;
  for (uint i = buckets[sysv_hash(name) % nbuckets]; i != 0; i = chains[i])
    if (defines(o, &o->symbols[i], name, kind))
      return &o->symbols[i];
  return NULL;
}

/* The table: number of buckets, first symbol in it, words of a Bloom filter, its shift; filter; buckets; hashes,
 * each with its lowest bit saying that a bucket's row ends there. */
static const Elf64_Sym *find_gnu(const struct object *o, const char *name, int kind) {
  uint nbuckets = o->gnu_hash[0], first = o->gnu_hash[1], nfilter = o->gnu_hash[2], shift = o->gnu_hash[3];
  const uint64 *filter = (const uint64 *)(o->gnu_hash + 4);
  const uint *buckets = (const uint *)(filter + nfilter), *hashes = buckets + nbuckets;
  uint h = gnu_hash(name);
  uint64 word = filter[h / 64 % nfilter];
  if (nbuckets == 0 || !(word >> (h % 64) & word >> (h >> shift) % 64 & 1))
    return NULL;
  uint i = buckets[h % nbuckets];
  if (i < first)
    return NULL;
  for (;; i++) {
    uint other = hashes[i - first];
    if ((other | 1) == (h | 1) && defines(o, &o->symbols[i], name, kind))
      return &o->symbols[i];
    if (other & 1)
      return NULL;
  }
}

/** Looks in one object only. 1 and *found, or 0. */
int find_in(const struct object *o, const char *name, int kind, struct definition *found) {
  const Elf64_Sym *s = o->gnu_hash ? find_gnu(o, name, kind) : o->hash ? find_sysv(o, name, kind) : NULL;
  if (s == NULL)
    return 0;
  *found = (struct definition){ o, s };
  return 1;
}

/** Looks in an object and all that it needs, breadth first. */
int find_in_group(struct object *root, const char *name, struct definition *found) {
  struct object *list[64];
  int n = group_of(root, list, 64);
  for (int i = 0; i < n; i++)
    if (find_in(list[i], name, 0, found))
      return 1;
  return 0;
}

/** The definition that `asker` means by `name`: the program's, then those of what it was started with and of other global
 *  objects in the order of loading, then those of the objects that the asker was loaded with. */
int find(const struct object *asker, const char *name, int kind, struct definition *found) {
  for (const struct object *o = objects; o; o = (const struct object *)o->map.l_next)
    if (o->global && !(kind == FOR_COPY && o == asker) && find_in(o, name, kind, found))
      return 1;
  return asker->group && !asker->global && find_in_group(asker->group, name, found);
}

uint64 address_of(const struct definition *d) {
  return (d->symbol->st_shndx == SHN_ABS ? 0 : d->object->map.l_addr) + d->symbol->st_value;
}

/** How many symbols there are: the SysV table says, the GNU one must be walked. */
static uint count_symbols(const struct object *o) {
  if (o->hash)
    return o->hash[1];
  if (!o->gnu_hash)
    return 0;
  uint nbuckets = o->gnu_hash[0], first = o->gnu_hash[1];
  const uint *buckets = (const uint *)((const uint64 *)(o->gnu_hash + 4) + o->gnu_hash[2]), *hashes = buckets + nbuckets;
  uint last = 0;
  for (uint i = 0; i < nbuckets; i++)
    if (buckets[i] > last)
      last = buckets[i];
  if (last < first)
    return first;
  while (!(hashes[last - first] & 1))
    last++;
  return last + 1;
}

/** The symbol with the highest address that is not above `address`, or NULL. */
const Elf64_Sym *nearest(const struct object *o, uint64 address) {
  const Elf64_Sym *best = NULL;
  uint n = count_symbols(o);
  uint64 offset = address - o->map.l_addr;
  for (uint i = 1; i < n; i++) {
    const Elf64_Sym *s = &o->symbols[i];
    int counts = s->st_shndx != SHN_UNDEF && s->st_shndx != SHN_ABS && ELF64_ST_BIND(s->st_info) != STB_LOCAL;
    if (counts && s->st_value <= offset && (!best || s->st_value > best->st_value))
      best = s;
  }
  return best;
}
