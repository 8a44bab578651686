/* The linker's own memory: pages of its own, since the heap belongs to the program. */
#include "ldso.h"
#include <sys/mman.h>

#define CHUNK (4 * PAGE)

static char *room, *room_end;
static struct object *unused;

void *arena_get(size_t bytes) {
  bytes = (bytes + 15) & ~15UL;
  if ((size_t)(room_end - room) < bytes) {
    size_t chunk = bytes > CHUNK ? (bytes + PAGE - 1) & ~(PAGE - 1) : CHUNK;
    char *pages = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
      fail("there is no memory for the dynamic linker's own tables");
    room = pages;
    room_end = pages + chunk;
  }
  void *got = room;
  room += bytes;
  return got;
}

struct object *object_new(void) {
  struct object *o = unused;
  if (o == NULL)
    return arena_get(sizeof *o);
  unused = o->group;
  *o = (struct object){0};
  return o;
}

void object_free(struct object *o) {
  o->group = unused;
  unused = o;
}
