/* gc: a garbage collector with two generations. After a full collection the old objects' pages are read-only. The first
 * store to one is SIGSEGV: the handler notes the page and lets the store happen. A small collection then needs to look only
 * at the new objects, the roots, and the old pages in the note: nobody else can point at anything new. */
#include "demo.h"
#include <signal.h>
#include <sys/mman.h>

#define PAGES 512UL
#define CELLS (PAGE / sizeof(struct cell))

struct cell {
  struct cell *left, *right;
  uint64 number;
  uint64 flags;
};
#define USED 1
#define MARK 2
#define OLD 4

static struct cell (*heap)[CELLS];  /* PAGES pages of cells */
static uchar written[PAGES];        /* old pages that were stored to since the last collection */
static uchar old_page[PAGES];
static struct cell *roots[8], *available;
static uint64 barrier_faults, cells_looked_at;

static uint64 page_of(const void *at) { return (uint64)((const char *)at - (const char *)heap) / PAGE; }

static void handler(int number, siginfo_t *info, void *context) {
  (void)context;
  uint64 n = page_of(info->si_addr);
  if (n >= PAGES || !old_page[n] || written[n]) {
    signal(number, SIG_DFL);
    return;
  }
  written[n] = 1;
  barrier_faults++;
  mprotect(heap[n], PAGE, PROT_READ | PROT_WRITE);
}

/** Marks what c leads to. A small collection does not follow pointers into the old generation. */
static void mark(struct cell *c, int all) {
  while (c && !(c->flags & MARK) && (all || !(c->flags & OLD))) {
    cells_looked_at++;
    c->flags |= MARK;
    mark(c->left, all);
    c = c->right;
  }
}

/** Frees the unmarked cells of young pages (or of all) and, after a full collection, makes the survivors old.
 *  A page holds one generation only. */
static uint64 sweep(int all) {
  uint64 freed = 0;
  available = NULL;
  for (uint64 n = 0; n < PAGES; n++) {
    if (!all && old_page[n])
      continue;
    uint64 survivors = 0;
    for (uint64 i = 0; i < CELLS; i++) {
      struct cell *c = &heap[n][i];
      freed += (c->flags & (USED | MARK)) == USED;
      if (!(c->flags & MARK))
        c->flags = 0;
      survivors += c->flags != 0;
      c->flags &= ~(uint64)MARK;
      if (all && c->flags)
        c->flags |= OLD;
    }
    old_page[n] = all && survivors > 0;
    for (uint64 i = 0; i < CELLS && !old_page[n]; i++)
      if (heap[n][i].flags == 0) {
        heap[n][i].left = available;
        available = &heap[n][i];
      }
  }
  return freed;
}

static void collect(int all) {
  struct count before = count_now();
  uint64 notes = 0, faults = barrier_faults;
  cells_looked_at = 0;
  if (all)
    mprotect(heap, PAGES * PAGE, PROT_READ | PROT_WRITE);
  for (int i = 0; i < 8; i++)
    mark(roots[i], all);
  for (uint64 n = 0; n < PAGES && !all; n++)
    for (uint64 i = 0; i < CELLS && written[n]; i++) {
      if (heap[n][i].flags & USED) {
        mark(heap[n][i].left, 0);
        mark(heap[n][i].right, 0);
      }
      notes += i == 0;
    }
  uint64 freed = sweep(all);
  for (uint64 n = 0; n < PAGES; n++)
    if (all && old_page[n]) {
      mprotect(heap[n], PAGE, PROT_READ);
      written[n] = 0;
    }
  printf("%s collection: %lu cells marked, %lu freed; %lu old pages stored to, by %lu barrier faults\n", all ? "full " : "small",
         cells_looked_at, freed, notes, faults);
  barrier_faults = 0;
  tell(&before, "what it took");
}

static struct cell *new_cell(struct cell *left, struct cell *right, uint64 number) {
  struct cell *c = available;
  if (c == NULL) {
    fprintf(2, "gc: the heap is full\n");
    exit(1);
  }
  available = c->left;
  *c = (struct cell){ left, right, number, USED };
  return c;
}

static struct cell *tree(int depth, uint64 number) {
  return depth == 0 ? NULL : new_cell(tree(depth - 1, number * 2), tree(depth - 1, number * 2 + 1), number);
}

static uint64 add_up(const struct cell *c) { return c ? c->number + add_up(c->left) + add_up(c->right) : 0; }

int main(void) {
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO };
  must(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
  heap = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(heap != MAP_FAILED, "mmap");
  sweep(0);
  roots[0] = tree(14, 1);           /* 16,383 cells that stay */
  for (int i = 0; i < 100; i++)
    roots[1] = tree(6, 1);          /* garbage, but for the last */
  uint64 expected = add_up(roots[0]);
  collect(1);

  for (uint64 k = 0; k < 20; k++) { /* twenty ways down, at the end of each a new subtree */
    struct cell *c = roots[0];
    for (uint64 i = 0, turns = k * 397; i < 12; i++, turns >>= 1)
      c = turns & 1 ? c->left : c->right;
    expected -= add_up(c->left);
    c->left = tree(5, 1000 * k);
    expected += add_up(c->left);
  }
  for (int i = 0; i < 150; i++)
    roots[2] = tree(6, 7);
  collect(0);
  for (int i = 0; i < 150; i++)
    roots[2] = tree(6, 8);
  collect(0);
  collect(1);
  printf("the tree adds up to %lu, as it should: %s\n", add_up(roots[0]), add_up(roots[0]) == expected ? "yes" : "NO");
  return add_up(roots[0]) != expected;
}
