/* The heap: boundary-tag chunks in size classes, grown and trimmed by sbrk.
 *
 * A chunk is a header word (its size, a multiple of 16, with two flags) and a payload that
 * begins right behind it on a 16-byte boundary. A free chunk keeps two list links in its payload
 * and its size again in its last word, so that the chunk after it can find its start. The chunk
 * at the end of the heap, `top`, is free but in no list: it grows by sbrk. Two free neighbours
 * never exist: free() joins them at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define IN_USE 1UL
#define PREVIOUS_IN_USE 2UL
#define FLAGS 15UL
#define MIN_CHUNK 32UL
#define GROW (64UL * 1024)          /* the heap grows by multiples of this */
#define TRIM (512UL * 1024)         /* a top larger than this is given back */
#define MAX_REQUEST (1UL << 40)
#define NBINS 64

struct chunk {
  uint64 size;                      /* with flags */
  struct chunk *next, *prev;        /* only while free and in a bin */
};

static struct chunk *bins[NBINS];   /* 0..31: exact sizes 32, 48, …; above: one a power of two */
static struct chunk *top;           /* NULL until the first use */
static char *heap_end;              /* the break as we left it */

static uint64 size_of(const struct chunk *c) { return c->size & ~FLAGS; }
static struct chunk *after(struct chunk *c) { return (struct chunk *)((char *)c + size_of(c)); }
static uint64 *foot_of(struct chunk *c) { return (uint64 *)after(c) - 1; }
static void *payload(struct chunk *c) { return (char *)c + 8; }
static struct chunk *chunk_of(void *block) { return (struct chunk *)((char *)block - 8); }

static int bin_of(uint64 size) {
  if (size < MIN_CHUNK + 16 * 32)
    return (int)((size - MIN_CHUNK) / 16);
  int bin = 32;
  for (uint64 s = size >> 10; s && bin < NBINS - 1; s >>= 1)
    bin++;
  return bin;
}

static void bin_insert(struct chunk *c) {
  int bin = bin_of(size_of(c));
  c->prev = NULL;
  c->next = bins[bin];
  if (c->next)
    c->next->prev = c;
  bins[bin] = c;
}

static void bin_remove(struct chunk *c) {
  if (c->prev)
    c->prev->next = c->next;
  else
    bins[bin_of(size_of(c))] = c->next;
  if (c->next)
    c->next->prev = c->prev;
}

/** Marks c free with the given size, and joins it with its free neighbours. Returns the whole chunk,
 *  which is in no bin; it may now be top. */
static struct chunk *coalesce(struct chunk *c) {
  uint64 size = size_of(c);
  struct chunk *next = after(c);
  if (next == top) {
    size += size_of(top);
    top = c;
  } else if (!(next->size & IN_USE)) {
    bin_remove(next);
    size += size_of(next);
  }
  if (!(c->size & PREVIOUS_IN_USE)) {
    uint64 before = ((uint64 *)c)[-1];
    struct chunk *prev = (struct chunk *)((char *)c - before);
    bin_remove(prev);
    size += before;
    if (top == c)
      top = prev;
    c = prev;
  }
  c->size = size | PREVIOUS_IN_USE; /* its predecessor is in use, or they would have been joined */
  return c;
}

/** Puts a free chunk that is not top into its bin and tells its neighbour. */
static void settle(struct chunk *c) {
  *foot_of(c) = size_of(c);
  after(c)->size &= ~PREVIOUS_IN_USE;
  bin_insert(c);
}

/** Gives whole pages of a large top back to the kernel, if nobody else moved the break. */
static void trim(void) {
  if (top == NULL || size_of(top) < TRIM || sbrk(0) != heap_end)
    return;
  uint64 give = (size_of(top) - GROW) & ~4095UL;
  if (sbrk(-(long)give) == (char *)-1)
    return;
  heap_end -= give;
  top->size -= give;
}

/** Someone else moved the break: closes the old heap with a chunk that is never freed, and what
 *  was top becomes an ordinary free chunk. */
static void close_region(void) {
  if (top == NULL)
    return;
  struct chunk *old = top;
  uint64 size = size_of(old);
  top = NULL;
  if (size < 2 * MIN_CHUNK) {
    old->size |= IN_USE;
    return;
  }
  old->size = (size - MIN_CHUNK) | (old->size & PREVIOUS_IN_USE);
  struct chunk *fence = after(old);
  fence->size = MIN_CHUNK | IN_USE;
  settle(old);
}

/** Makes top at least `need` bytes. 0, or -1 when the kernel has no more. */
static int grow(uint64 need) {
  char *now = sbrk(0);
  if (top && now != heap_end)
    close_region();
  uint64 have = top ? size_of(top) : 0;
  uint64 slack = top ? 0 : (8 - ((uint64)now & 15)) & 15; /* payloads on 16-byte boundaries */
  uint64 more = need - have + slack + 16;
  uint64 rounded = (more + GROW - 1) & ~(GROW - 1);
  char *got = sbrk((long)rounded);
  if (got == (char *)-1) {
    rounded = (more + 4095) & ~4095UL; /* perhaps exactly enough is still there */
    got = sbrk((long)rounded);
    if (got == (char *)-1) {
      errno = ENOMEM;
      return -1;
    }
  }
  heap_end = got + rounded;
  if (top) {
    top->size += rounded;
  } else {
    top = (struct chunk *)(got + slack);
    top->size = ((rounded - slack - 8) & ~15UL) | PREVIOUS_IN_USE;
  }
  return 0;
}

/** The first fitting free chunk, taken out of its bin, or NULL. */
static struct chunk *find(uint64 size) {
  for (int bin = bin_of(size); bin < NBINS; bin++)
    for (struct chunk *c = bins[bin]; c; c = c->next)
      if (size_of(c) >= size) {
        bin_remove(c);
        return c;
      }
  return NULL;
}

/** Cuts an in-use chunk down to `size`; the rest becomes free. */
static void split(struct chunk *c, uint64 size) {
  uint64 whole = size_of(c);
  if (whole - size < MIN_CHUNK)
    return;
  c->size = size | (c->size & FLAGS);
  struct chunk *rest = after(c);
  rest->size = (whole - size) | PREVIOUS_IN_USE;
  rest = coalesce(rest);
  if (rest != top)
    settle(rest);
}

/** `size` bytes off the front of top. */
static struct chunk *from_top(uint64 size) {
  if ((top == NULL || size_of(top) < size + MIN_CHUNK) && grow(size + MIN_CHUNK) < 0)
    return NULL;
  struct chunk *c = top;
  uint64 left = size_of(top) - size;
  c->size = size | (c->size & PREVIOUS_IN_USE) | IN_USE;
  top = after(c);
  top->size = left | PREVIOUS_IN_USE;
  return c;
}

static uint64 chunk_size(size_t bytes) {
  uint64 size = (bytes + 8 + 15) & ~15UL;
  return size < MIN_CHUNK ? MIN_CHUNK : size;
}

void *malloc(size_t bytes) {
  if (bytes > MAX_REQUEST) {
    errno = ENOMEM;
    return NULL;
  }
  uint64 size = chunk_size(bytes);
  struct chunk *c = find(size);
  if (c) {
    c->size |= IN_USE;
    after(c)->size |= PREVIOUS_IN_USE;
    split(c, size);
  } else {
    c = from_top(size);
  }
  return c ? payload(c) : NULL;
}

void free(void *block) {
  if (block == NULL)
    return;
  struct chunk *c = coalesce(chunk_of(block));
  if (c != top)
    settle(c);
  else
    trim();
}

void *calloc(size_t count, size_t size) {
  if (size && count > MAX_REQUEST / size) {
    errno = ENOMEM;
    return NULL;
  }
  void *block = malloc(count * size);
  return block ? memset(block, 0, count * size) : NULL;
}

/** Lets an in-use chunk take its free successor when that makes it large enough. 1 if so. */
static int extend(struct chunk *c, uint64 size) {
  struct chunk *next = after(c);
  if (next == top) {
    uint64 both = size_of(c) + size_of(top);
    if (both < size + MIN_CHUNK)
      return 0;
    c->size = size | (c->size & FLAGS);
    top = after(c);
    top->size = (both - size) | PREVIOUS_IN_USE;
    return 1;
  }
  if ((next->size & IN_USE) || size_of(c) + size_of(next) < size)
    return 0;
  bin_remove(next);
  c->size += size_of(next);
  after(c)->size |= PREVIOUS_IN_USE;
  split(c, size);
  return 1;
}

void *realloc(void *block, size_t bytes) {
  if (block == NULL)
    return malloc(bytes);
  if (bytes > MAX_REQUEST) {
    errno = ENOMEM;
    return NULL;
  }
  struct chunk *c = chunk_of(block);
  uint64 size = chunk_size(bytes);
  if (size <= size_of(c)) {
    split(c, size);
    return block;
  }
  if (extend(c, size))
    return block;
  void *moved = malloc(bytes);
  if (moved == NULL)
    return NULL;
  memcpy(moved, block, size_of(c) - 8);
  free(block);
  return moved;
}
