/* Memory that is freed all at once. */
#include "sh.h"

#include <stdlib.h>
#include <string.h>

struct arena_block {
  struct arena_block *next;
  size_t used, size;
  char data[] __attribute__((aligned(16)));
};

void *arena_alloc(struct arena *a, size_t size) {
  size = (size + 15) & ~15UL;
  struct arena_block *b = a->blocks;
  if (b == NULL || b->size - b->used < size) {
    size_t room = size > 4000 ? size : 4000;
    b = malloc(sizeof *b + room);
    if (b == NULL)
      return NULL;
    b->next = a->blocks;
    b->used = 0;
    b->size = room;
    a->blocks = b;
  }
  void *p = b->data + b->used;
  b->used += size;
  return memset(p, 0, size);
}

void arena_free(struct arena *a) {
  while (a->blocks) {
    struct arena_block *b = a->blocks;
    a->blocks = b->next;
    free(b);
  }
}
