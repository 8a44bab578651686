/* pstore [FILE]: an object store. Objects live in a file and point at each other by address; a program that follows a pointer
 * finds the object in memory, brought in at the first touch of its page (SIGSEGV), and a page that was stored to is known
 * (SIGSEGV again, the page was read-only) and written back by commit. The kernel's own shared mappings do the same for
 * files; this is how a program does it for a store of its own. */
#include "demo.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGES 64UL
#define STORE ((char *)0x2000000000UL)  /* the same in every run, so that pointers in the file stay right */

struct person {
  struct person *next;
  uint64 visits;
  char name[48];
};
#define PER_PAGE (PAGE / sizeof(struct person))

static int file, brought_in, made_dirty;
static uchar state[PAGES];          /* 0: not in memory, 1: as in the file, 2: changed */

static void handler(int number, siginfo_t *info, void *context) {
  (void)context;
  char *at = info->si_addr;
  uint64 n = (uint64)(at - STORE) / PAGE;
  char *page = STORE + n * PAGE;
  if (at < STORE || n >= PAGES || state[n] == 2) {
    signal(number, SIG_DFL);
    return;
  }
  if (state[n] == 0) {
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    lseek(file, (off_t)(n * PAGE), SEEK_SET);
    read(file, page, PAGE);
    mprotect(page, PAGE, PROT_READ);
    state[n] = 1;
    brought_in++;
  } else {
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    state[n] = 2;
    made_dirty++;
  }
}

/** Writes what was changed. */
static int commit(void) {
  int written = 0;
  for (uint64 n = 0; n < PAGES; n++) {
    char *page = STORE + n * PAGE;
    if (state[n] != 2)
      continue;
    must(lseek(file, (off_t)(n * PAGE), SEEK_SET) >= 0 && write(file, page, PAGE) == (int)PAGE, "commit");
    mprotect(page, PAGE, PROT_READ);
    state[n] = 1;
    written++;
  }
  must(fsync(file) == 0, "fsync");
  return written;
}

static struct person *person(uint64 n) {
  return (struct person *)(STORE + n / PER_PAGE * PAGE) + n % PER_PAGE;
}

/** Fills a new store: a ring of people, each pointing at one 37 further on. */
static void create(void) {
  uint64 people = PAGES * PER_PAGE;
  char zeros[PAGE];
  memset(zeros, 0, sizeof zeros);
  for (uint64 n = 0; n < PAGES; n++)
    must(write(file, zeros, PAGE) == (int)PAGE, "create");
  for (uint64 n = 0; n < people; n++) {
    struct person *p = person(n);
    p->next = person((n + 37) % people);
    snprintf(p->name, sizeof p->name, "person %lu", n);
  }
  printf("created: %lu objects, %d pages written\n", people, commit());
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "people.store";
  struct sigaction action = { .sa_call.action = handler, .sa_flags = SA_SIGINFO };
  must(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
  char *place = mmap(STORE, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  must(place == STORE, "mmap");
  file = open(path, O_RDWR);
  if (file < 0) {
    must((file = open(path, O_RDWR | O_CREATE)) >= 0, path);
    create();
    must(mmap(STORE, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == STORE, "mmap");
    memset(state, 0, sizeof state);
    brought_in = made_dirty = 0;
  }
  struct count before = count_now();
  struct person *p = person(0);
  for (int i = 0; i < 20; i++)
    p = p->next;
  printf("20 pointers followed, to \"%s\": %d of %lu pages were brought in\n", p->name, brought_in, PAGES);
  for (int i = 0; i < 3; i++, p = p->next)
    p->visits++;
  printf("3 objects changed: %d pages are dirty, and commit writes ", made_dirty);
  printf("%d\n", commit());
  tell(&before, "what that took");
  printf("\"%s\" has been visited %lu times: run me again\n", person(740)->name, person(740)->visits);
  return 0;
}
