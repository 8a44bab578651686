/* Reads the flattened device tree: where RAM is, which harts exist, boot arguments, initial disk. */
#include "types.h"
#include "defs.h"
#include "memlayout.h"

#define FDT_MAGIC 0xd00dfeed
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE 2
#define FDT_PROP 3
#define FDT_NOP 4
#define FDT_MAX_SIZE (1 << 20)
#define DEPTH 4 /* deeper nodes are skipped */

struct fdt_facts machine = { KERNBASE, 0, 0, 0, 1 };

/* What is known of the node being read and its ancestors. */
struct node {
  const char *name;
  uint address_cells, size_cells; /* for its children */
};

/* Big-endian 32 bits. */
static uint32
be32(const uchar *p)
{
  return (uint32)p[0] << 24 | (uint32)p[1] << 16 | (uint32)p[2] << 8 | p[3];
}

/* A number of one or two cells. */
static uint64
cells(const uchar *p, uint n)
{
  return n >= 2 ? (uint64)be32(p) << 32 | be32(p + 4) : be32(p);
}

/* Is this the node `base`, or `base@address`? */
static int
node_is(const char *name, const char *base)
{
  size_t n = strlen(base);

  return strncmp(name, base, n) == 0 && (name[n] == 0 || name[n] == '@');
}

/* Take from one property what the kernel wants. depth 1 is a child of the root; path[depth] is the property's node. */
static void
property(struct node *path, int depth, const char *name, const uchar *value, uint length)
{
  struct node *node = &path[depth];

  if (strcmp(name, "#address-cells") == 0 && length >= 4) {
    node->address_cells = be32(value);
  } else if (strcmp(name, "#size-cells") == 0 && length >= 4) {
    node->size_cells = be32(value);
  } else if (depth == 1 && node_is(node->name, "memory") && strcmp(name, "reg") == 0) {
    uint a = path[0].address_cells, s = path[0].size_cells;
    if (length >= 4 * (a + s) && cells(value, a) == KERNBASE)
      machine.ram_size = cells(value + 4 * a, s);
  } else if (depth == 1 && node_is(node->name, "chosen")) {
    if (strcmp(name, "bootargs") == 0)
      bootargs_set((const char *)value, length);
    else if (strcmp(name, "linux,initrd-start") == 0 && length >= 4)
      machine.initrd_start = cells(value, length / 4);
    else if (strcmp(name, "linux,initrd-end") == 0 && length >= 4)
      machine.initrd_end = cells(value, length / 4);
  } else if (depth == 2 && node_is(path[1].name, "cpus") && node_is(node->name, "cpu") && strcmp(name, "reg") == 0) {
    uint a = path[1].address_cells;
    uint64 hart = length >= 4 * a ? cells(value, a) : NCPU;
    if (hart < NCPU)
      machine.harts |= 1u << hart;
  }
}

/* Walk the structure block [p, end); strings holds property names. */
static void
walk(const uchar *p, const uchar *end, const uchar *strings, uint strings_size)
{
  struct node path[DEPTH];
  int depth = -1;

  while (p + 4 <= end) {
    uint32 token = be32(p);
    p += 4;
    if (token == FDT_BEGIN_NODE) {
      const char *name = (const char *)p;
      while (p < end && *p)
        p++;
      p = (const uchar *)(((uint64)p + 4) & ~3UL);
      if (++depth < DEPTH)
        path[depth] = (struct node){ name, 2, 1 };
    } else if (token == FDT_END_NODE) {
      depth--;
    } else if (token == FDT_PROP && p + 8 <= end) {
      uint length = be32(p), name = be32(p + 4);
      p += 8;
      if (length > (uint64)(end - p) || name >= strings_size)
        return;
      if (depth >= 0 && depth < DEPTH)
        property(path, depth, (const char *)strings + name, p, length);
      p = (const uchar *)(((uint64)p + length + 3) & ~3UL);
    } else if (token != FDT_NOP) {
      return;
    }
  }
}

/* Fill `machine` and the boot arguments from the tree at fdt; without a good tree, assume 128 MiB and one hart. */
void
fdt_read(const void *fdt)
{
  const uchar *p = fdt;
  uint size;

  if (p && ((uint64)p & 3) == 0 && be32(p) == FDT_MAGIC && (size = be32(p + 4)) >= 40 && size <= FDT_MAX_SIZE) {
    uint structure = be32(p + 8), strings = be32(p + 12);
    uint strings_size = be32(p + 32), structure_size = be32(p + 36);
    if (structure <= size && structure_size <= size - structure && strings <= size && strings_size <= size - strings)
      walk(p + structure, p + structure + structure_size, p + strings, strings_size);
  }
  if (machine.ram_size == 0) {
    machine.ram_size = 128UL << 20;
    printf("pagewalk: no device tree tells the memory size; assuming 128 MiB\n");
  }
  if (machine.initrd_end < machine.initrd_start)
    machine.initrd_end = machine.initrd_start;
}
