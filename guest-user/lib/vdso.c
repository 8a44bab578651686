/* The vDSO: a small shared object that the kernel maps into every process. Its functions read a page that
 * the kernel keeps current, so that asking for the time or the process's own number needs no trap. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <syscall.h>
#include <time.h>
#include <unistd.h>
#include "start.h"

/** The symbol called `name` in an ELF file in memory with a SysV hash table, as an address; NULL without one. */
static void *find(const Elf64_Ehdr *file, const char *name) {
  const Elf64_Phdr *segment = (const Elf64_Phdr *)((const char *)file + file->e_phoff);
  uint64 base = (uint64)file, tables[DT_SMALL] = {0};
  for (int i = 0; i < file->e_phnum; i++)
    if (segment[i].p_type == PT_DYNAMIC)
      for (const Elf64_Dyn *d = (const Elf64_Dyn *)(base + segment[i].p_vaddr); d->d_tag != DT_NULL; d++)
        if (d->d_tag > 0 && d->d_tag < DT_SMALL)
          tables[d->d_tag] = base + d->d_un.d_ptr;
  if (!tables[DT_HASH] || !tables[DT_SYMTAB] || !tables[DT_STRTAB])
    return NULL;
  uint count = ((const uint *)tables[DT_HASH])[1];
  const Elf64_Sym *symbol = (const Elf64_Sym *)tables[DT_SYMTAB];
  for (uint i = 0; i < count; i++)
    if (symbol[i].st_shndx != SHN_UNDEF && strcmp((const char *)tables[DT_STRTAB] + symbol[i].st_name, name) == 0)
      return (void *)(base + symbol[i].st_value);
  return NULL;
}

void *vdso_function(const char *name) {
  const Elf64_Ehdr *file = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
  return file ? find(file, name) : NULL;
}

/** Looks `name` up once: *cache is 0 before, 1 when there is no such function. True when it can be called. */
static int ready(void **cache, const char *name) {
  if (*cache == NULL) {
    void *found = vdso_function(name);
    *cache = found ? found : (void *)1;
  }
  return *cache != (void *)1;
}

/** The vDSO answers 0 or -errno; the library -1 and errno. */
static int result(int answer) {
  if (answer >= 0)
    return answer;
  errno = -answer;
  return -1;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static void *quick;
  if (ready(&quick, "__vdso_clock_gettime"))
    return result(((int (*)(clockid_t, struct timespec *))quick)(clock, now));
  return (int)syscall(SYS_clock_gettime, clock, now);
}

int gettimeofday(struct timeval *now, void *zone) {
  static void *quick;
  if (ready(&quick, "__vdso_gettimeofday"))
    return result(((int (*)(struct timeval *, void *))quick)(now, zone));
  return (int)syscall(SYS_gettimeofday, now, zone);
}

/* Weak, as the system-call stubs are: a program may have its own. */
__attribute__((weak)) int getpid(void) {
  static void *quick;
  if (ready(&quick, "__vdso_getpid"))
    return ((int (*)(void))quick)();
  return (int)syscall(SYS_getpid);
}

time_t time(time_t *now) {
  struct timeval tv;
  if (gettimeofday(&tv, NULL) < 0)
    return -1;
  if (now)
    *now = tv.tv_sec;
  return tv.tv_sec;
}
