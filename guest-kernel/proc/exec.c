/*
 * exec: replace the current process's memory by a program from a file (load.c
 * maps that), with its arguments on a new stack.
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

/* The argument strings on their way, one after the other, each with its NUL. */
struct arguments {
  int count;
  uint64 bytes;
  char *pages[ARGPAGES];
};

/* Free what get_arguments has taken. */
static void
free_arguments(struct arguments *a)
{
  for (int i = 0; i < ARGPAGES && a->pages[i]; i++)
    kpage_free(a->pages[i]);
}

/* Append the string at user address va, or the kernel's string when kernel is set. 0 or -errno. */
static int
add_argument(struct arguments *a, uint64 va, const char *kernel)
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

/* Collect the strings of the user's null-terminated array at argv_va, or of the kernel's. 0, -E2BIG, -EFAULT or -ENOMEM. */
static int
get_arguments(struct arguments *a, uint64 argv_va, const char *const *kernel_argv)
{
  int error = 0;

  memset(a, 0, sizeof *a);
  while (error == 0) {
    uint64 va = 0;
    const char *kernel = kernel_argv ? kernel_argv[a->count] : 0;
    if (!kernel_argv)
      error = fetchaddr(argv_va + 8 * a->count, &va);
    if (error || (va == 0 && kernel == 0))
      break;
    error = a->count == MAXARG ? -E2BIG : add_argument(a, va, kernel);
  }
  /* The pointers to the strings count as well. */
  if (error == 0 && a->bytes + 8 * (a->count + 1) + 16 > ARGBYTES)
    error = -E2BIG;
  if (error)
    free_arguments(a);
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

/* Put the argument strings at user address va. 0 or -EFAULT. */
static int
push_strings(struct vm_map *map, struct arguments *a, uint64 va)
{
  int error = 0;

  for (uint64 done = 0; done < a->bytes && error == 0; done += PGSIZE)
    error = copyout(map, va + done, a->pages[done / PGSIZE], a->bytes - done < PGSIZE ? a->bytes - done : PGSIZE);
  return error;
}

/* Write into words the addresses of the strings that lie at va, and a null. How many words. */
static int
string_addresses(struct arguments *a, uint64 va, uint64 *words)
{
  uint64 at = 0;

  for (int i = 0; i < a->count; i++) {
    words[i] = va + at;
    while (a->pages[at / PGSIZE][at % PGSIZE])
      at++;
    at++;
  }
  words[a->count] = 0;
  return a->count + 1;
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

/*
 * Fill the top of the stack; from above: the argument strings, the path, 16
 * random bytes; then the words that a program finds at its stack pointer:
 * argv with its null, an empty environment's null, and the auxiliary vector
 * (abi/auxv.h). 0 and the stack pointer, or -errno.
 */
static int
push_arguments(struct vm_map *map, struct arguments *a, const char *path, struct image *image, uint64 *sp)
{
  uint64 words[MAXARG + 2 + 2 * 10], random[2];
  uint64 strings = USERTOP - a->bytes, name = strings - strlen(path) - 1, random_at = (name - sizeof random) & ~15UL;
  int n = string_addresses(a, strings, words), error;
  const struct auxv aux[] = {
    { AT_PHDR, image->headers },          { AT_PHENT, sizeof(struct program_header) },
    { AT_PHNUM, image->nheaders },        { AT_PAGESZ, PGSIZE },
    { AT_BASE, image->interpreter },      { AT_ENTRY, image->entry },
    { AT_RANDOM, random_at },             { AT_EXECFN, name },
    { AT_SYSINFO_EHDR, VDSO_CODE },
  };

  make_random(random);
  words[n++] = 0;
  for (uint i = 0; i < sizeof aux / sizeof aux[0]; i++) {
    words[n++] = aux[i].type;
    words[n++] = aux[i].value;
  }
  words[n++] = AT_NULL;
  words[n++] = 0;
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
build(struct vm_map *map, const char *path, struct arguments *a, uint64 *start, uint64 *sp)
{
  struct image image;
  int error = load_image(map, path, &image);

  if (error == 0)
    error = map_stack(map);
  if (error == 0)
    error = push_arguments(map, a, path, &image, sp);
  *start = image.start;
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
  p->trapframe->epc = entry;
  p->trapframe->sp = sp;
  p->trapframe->a1 = sp;
}

/* Run the program at path in the current process, with arguments from user or kernel. argc, or -errno and nothing has changed. */
static int
exec_with(const char *path, uint64 argv_va, const char *const *kernel_argv)
{
  struct proc *p = myproc();
  struct arguments a;
  struct vm_map *map;
  uint64 entry = 0, sp = 0;
  int error = get_arguments(&a, argv_va, kernel_argv);

  if (error)
    return error;
  map = vm_map_create(p->trapframe);
  error = map ? build(map, path, &a, &entry, &sp) : -ENOMEM;
  free_arguments(&a);
  if (error) {
    if (map)
      vm_map_destroy(map);
    return error;
  }
  take_over(p, map, path, entry, sp);
  return a.count;
}

/*
 * exec(path, argv): start the program at path in place of the caller. It
 * finds argc in a0 and argv in a1. -ENOENT, -ENOEXEC, -E2BIG, -ENOMEM,
 * -EFAULT or -EIO, and the caller goes on.
 */
int
exec(const char *path, uint64 argv_va)
{
  return exec_with(path, argv_va, 0);
}

/* The same for the first process, with a path and arguments of the kernel. */
int
exec_init(const char *path, const char *const *argv)
{
  int argc = exec_with(path, 0, argv);

  if (argc >= 0)
    myproc()->trapframe->a0 = argc;
  return argc;
}

/* execve(path, argv, envp): like exec; there is no environment, so envp is not looked at. */
long
sys_execve(void)
{
  char path[MAXPATH];
  int n = argstr(0, path, MAXPATH);

  return n < 0 ? n : exec(path, argraw(1));
}
