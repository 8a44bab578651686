/*
 * exec: replace the current process's memory by a program from a file (load.c
 * maps that), with its arguments and its environment on a new stack.
 *
 * The new address space is built beside the old one, and takes its place only
 * when nothing can fail any more.
 */
#include "types.h"
#include "defs.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "elf.h"
#include "exec.h"
#include "abi/auxv.h"
#include "abi/errno.h"

#define ARGPAGES (ARGBYTES / PGSIZE)

/* Words of the auxiliary vector. */
#define AUXWORDS (2 * 11)

/* The program's arguments, then its environment: their strings on their way, one after the other, each with its NUL. */
struct strings {
  int arguments; /* how many of them are arguments */
  int count;
  uint64 bytes;
  char *pages[ARGPAGES];
};

/* Where exec finds strings: a null-terminated array of the user's, at an address, or one of the kernel's. */
struct source {
  uint64 va;
  const char *const *kernel;
};

/* Free the pages of the strings. */
static void
free_strings(struct strings *a)
{
  for (int i = 0; i < ARGPAGES && a->pages[i]; i++)
    kpage_free(a->pages[i]);
}

/* Append the string at user address va, or the kernel's string when kernel is set. 0 or -errno. */
static int
add_string(struct strings *a, uint64 va, const char *kernel)
{
  for (;;) {
    uint64 page = a->bytes / PGSIZE, at = a->bytes % PGSIZE, room = PGSIZE - at;
    int n;

    if (page == ARGPAGES)
      return -E2BIG;
    if (a->pages[page] == 0 && (a->pages[page] = kpage_alloc()) == 0)
      return -ENOMEM;
    if (kernel) {
      n = strlen(kernel) < room ? (int)strlen(kernel) : -ENAMETOOLONG;
      memmove(a->pages[page] + at, kernel, n >= 0 ? (uint64)n + 1 : room);
      kernel += room;
    } else {
      n = copyinstr(myproc()->map, a->pages[page] + at, va, room);
      va += room;
    }
    if (n >= 0) {
      a->bytes += n + 1;
      a->count++;
      return 0;
    }
    if (n != -ENAMETOOLONG)
      return n;
    a->bytes += room;
  }
}

/* Append all strings of an array, MAXARG at most. How many, -E2BIG, -EFAULT or -ENOMEM. */
static int
add_strings(struct strings *a, const struct source *from)
{
  int n = 0, error = 0;

  for (;; n++) {
    uint64 va = 0;
    const char *kernel = from->kernel ? from->kernel[n] : 0;
    if (!from->kernel)
      error = fetchaddr(from->va + 8 * n, &va);
    if (error || (va == 0 && kernel == 0))
      return error ? error : n;
    error = n == MAXARG ? -E2BIG : add_string(a, va, kernel);
    if (error)
      return error;
  }
}

/* Collect the arguments and the environment. 0, or -errno and nothing is held. */
static int
get_strings(struct strings *a, const struct source *argv, const struct source *envp)
{
  int n, error;

  memset(a, 0, sizeof *a);
  n = add_strings(a, argv);
  a->arguments = n;
  error = n < 0 ? n : 0;
  if (error == 0 && (n = add_strings(a, envp)) < 0)
    error = n;
  /* The pointers to the strings count as well. */
  if (error == 0 && a->bytes + 8 * (a->count + 2) + 16 > ARGBYTES)
    error = -E2BIG;
  if (error)
    free_strings(a);
  return error;
}

/*
 * Map the stack at the top of user space. It grows by faults down to its
 * limit, below which lies its guard. 0 or -ENOMEM; -ENOEXEC when the program
 * lies there.
 */
static int
map_stack(struct vm_map *map)
{
  uint64 limit = USERTOP - STACKLIMIT, bottom = USERTOP - USERSTACK;
  int flags = ENTRY_STACK | ENTRY_GROWSDOWN | vm_map_promise();
  int error = vm_map_insert(map, limit - STACKGUARD, limit, 0, 0, PROT_NONE, PROT_NONE, ENTRY_GUARD);
  struct vm_object *o;

  if (error)
    return error == -EINVAL ? -ENOEXEC : error;
  o = vm_object_create(STACKLIMIT / PGSIZE);
  if (o == 0)
    return -ENOMEM;
  error = vm_map_insert(map, bottom, USERTOP, o, (bottom - limit) / PGSIZE, PROT_READ | PROT_WRITE,
                        PROT_READ | PROT_WRITE | PROT_EXEC, flags);
  if (error)
    vm_object_release(o);
  return error == -EINVAL ? -ENOEXEC : error;
}

/* Put the strings at user address va. 0 or -EFAULT. */
static int
push_strings(struct vm_map *map, struct strings *a, uint64 va)
{
  int error = 0;

  for (uint64 done = 0; done < a->bytes && error == 0; done += PGSIZE)
    error = copyout(map, va + done, a->pages[done / PGSIZE], a->bytes - done < PGSIZE ? a->bytes - done : PGSIZE);
  return error;
}

/* Write into words argv and envp: the addresses of the strings that lie at va, and a null behind each of the two. How many words. */
static int
string_addresses(struct strings *a, uint64 va, uint64 *words)
{
  uint64 at = 0;
  int n = 0;

  for (int i = 0; i <= a->count; i++) {
    if (i == a->arguments)
      words[n++] = 0;
    if (i == a->count)
      break;
    words[n++] = va + at;
    while (a->pages[at / PGSIZE][at % PGSIZE])
      at++;
    at++;
  }
  words[n++] = 0;
  return n;
}

/* 16 bytes that programs cannot well foretell. */
static void
make_random(uint64 *two)
{
  static uint64 state;

  for (int i = 0; i < 2; i++) {
    uint64 x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15UL, __ATOMIC_RELAXED) ^ r_time() * 0xd1342543de82ef95UL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9UL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebUL;
    two[i] = x ^ (x >> 31);
  }
}

/* Write the auxiliary vector (abi/auxv.h) into words. How many words: AUXWORDS. */
static int
auxiliary_vector(struct image *image, uint64 random_at, uint64 name, uint64 *words)
{
  const struct auxv aux[] = {
    { AT_PHDR, image->headers },          { AT_PHENT, sizeof(struct program_header) },
    { AT_PHNUM, image->nheaders },        { AT_PAGESZ, PGSIZE },
    { AT_BASE, image->interpreter },      { AT_ENTRY, image->entry },
    { AT_HWCAP, user_isa },               { AT_RANDOM, random_at },
    { AT_EXECFN, name },                  { AT_SYSINFO_EHDR, VDSO_CODE },
    { AT_NULL, 0 },
  };

  _Static_assert(sizeof aux == AUXWORDS * sizeof *words, "each pair is two words");
  memmove(words, aux, sizeof aux);
  return AUXWORDS;
}

/*
 * Fill the top of the stack; from above: the strings, the path, 16 random
 * bytes; then the words that a program finds at its stack pointer: argv and
 * envp, each with its null, and the auxiliary vector. words is a page to put
 * them together in. 0 and the stack pointer, or -errno.
 */
static int
push_arguments(struct vm_map *map, struct strings *a, const char *path, struct image *image, uint64 *words, uint64 *sp)
{
  uint64 random[2], strings = USERTOP - a->bytes, name = strings - strlen(path) - 1;
  uint64 random_at = (name - sizeof random) & ~15UL;
  int n, error;

  _Static_assert((2 * (MAXARG + 1) + AUXWORDS) * sizeof *words <= PGSIZE, "the words fit into their page");
  make_random(random);
  n = string_addresses(a, strings, words);
  n += auxiliary_vector(image, random_at, name, words + n);
  *sp = (random_at - n * sizeof words[0]) & ~15UL;
  error = push_strings(map, a, strings);
  if (error == 0)
    error = copyout(map, name, path, strlen(path) + 1);
  if (error == 0)
    error = copyout(map, random_at, (char *)random, sizeof random);
  if (error == 0)
    error = copyout(map, *sp, (char *)words, n * sizeof words[0]);
  return error ? -ENOMEM : 0; /* the stack is there: only memory can be lacking */
}

/* Build an address space with the program at path and its arguments. 0, or -errno. */
static int
build(struct vm_map *map, const char *path, struct strings *a, uint64 *start, uint64 *sp)
{
  uint64 *words = kpage_alloc();
  struct image image;
  int error = words ? load_image(map, path, &image) : -ENOMEM;

  if (error == 0)
    error = map_stack(map);
  if (error == 0)
    error = push_arguments(map, a, path, &image, words, sp);
  if (error == 0)
    *start = image.start;
  if (words)
    kpage_free(words);
  return error;
}

/* Let the current process use map from now on, and start at entry. The old address space, if any, goes. */
static void
take_over(struct proc *p, struct vm_map *map, const char *path, uint64 entry, uint64 sp)
{
  struct vm_map *old = p->map;
  const char *name = path;

  for (const char *s = path; *s; s++)
    if (*s == '/' && s[1])
      name = s + 1;
  acquire(&p->lock); /* proc_info looks at these */
  safestrcpy(p->name, name, sizeof p->name);
  p->map = map;
  pmap_activate(&map->pmap);
  release(&p->lock);
  if (old)
    leave_map(p, old);
  signal_exec(p);
  fpu_set_registers(p, 0);
  p->trapframe->epc = entry;
  p->trapframe->sp = sp;
  p->trapframe->a1 = sp;
}

/* Run the program at path in the current process. argc, or -errno and nothing has changed. */
static int
exec_with(const char *path, const struct source *argv, const struct source *envp)
{
  struct proc *p = myproc();
  struct strings a;
  struct vm_map *map;
  uint64 entry = 0, sp = 0;
  int error = get_strings(&a, argv, envp);

  if (error)
    return error;
  map = vm_map_create(p->trapframe);
  error = map ? build(map, path, &a, &entry, &sp) : -ENOMEM;
  free_strings(&a);
  if (error) {
    if (map)
      vm_map_destroy(map);
    return error;
  }
  take_over(p, map, path, entry, sp);
  return a.arguments;
}

/* No strings: the environment of who is given none. */
static const char *const nothing[] = { 0 };
static const struct source empty = { 0, nothing };

/* Run the program at the kernel's path with the kernel's arguments, as the first process. argc, or -errno. */
int
exec_init(const char *path, const char *const *argv)
{
  struct source arguments = { 0, argv };
  int argc = exec_with(path, &arguments, &empty);

  if (argc >= 0)
    myproc()->trapframe->a0 = argc;
  return argc;
}

/*
 * exec(path, argv), xv6's call: start the program at path in place of the
 * caller. It finds argc in a0 and argv in a1, and an empty environment: what
 * xv6's programs leave in the third register is nothing that they mean.
 * -ENOENT, -ENOEXEC, -E2BIG, -ENOMEM, -EFAULT or -EIO, and the caller goes on.
 */
long
sys_exec(void)
{
  struct source argv = { argraw(1), 0 };
  char path[MAXPATH];
  int n = argstr(0, path, MAXPATH);

  return n < 0 ? n : exec_with(path, &argv, &empty);
}

/* execve(path, argv, envp): the same with an environment; null for an empty one. It follows argv's null, as the ABI of Linux has it. */
long
sys_execve(void)
{
  struct source argv = { argraw(1), 0 }, envp = { argraw(2), 0 };
  char path[MAXPATH];
  int n = argstr(0, path, MAXPATH);

  return n < 0 ? n : exec_with(path, &argv, envp.va ? &envp : &empty);
}
