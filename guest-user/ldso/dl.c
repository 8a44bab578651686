/* dlopen, dlsym, dlclose, dlerror, dladdr and dl_iterate_phdr: the part of the linker that programs call. */
#include "ldso.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ldso.h is compiled with hidden visibility: what exports.map names must be seen. */
#define PUBLIC __attribute__((visibility("default")))

int attempting;
static jmp_buf way_out;
static char sentence[256];
static int pending;                 /* sentence has not been fetched */

void fail_attempt(const char *format, va_list ap) {
  vsnprintf(sentence, sizeof sentence, format, ap);
  pending = 1;
  longjmp(way_out, 1);
}

/** Notes why a call failed. */
static void excuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void excuse(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  vsnprintf(sentence, sizeof sentence, format, ap);
  va_end(ap);
  pending = 1;
}

/** root and all that it needs, breadth first, each once: the order in which symbols are looked up. Their number. */
int group_of(struct object *root, struct object **list, int max) {
  static int walk;
  int n = 0;
  root->mark = ++walk;
  list[n++] = root;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < list[i]->nneeded; k++) {
      struct object *o = list[i]->needed[k];
      if (o->mark == walk || n == max)
        continue;
      o->mark = walk;
      list[n++] = o;
    }
  return n;
}

/** Runs an object's constructors, after those of what it needs. */
void initialise(struct object *o) {
  if (o->initialised)
    return;
  o->initialised = 1;
  for (int i = 0; i < o->nneeded; i++)
    initialise(o->needed[i]);
  if (o->old_init)
    o->old_init();
  for (uint64 i = 0; i < o->ninit; i++)
    o->init[i]();
}

static struct object *last_object(void) {
  struct object *o = objects;
  while (o->map.l_next)
    o = (struct object *)o->map.l_next;
  return o;
}

/** Takes an object out of the list and out of memory, and lets go of what it needs. */
static void drop(struct object *o) {
  list_remove(o);
  for (int i = 0; i < o->nneeded; i++)
    o->needed[i]->users--;
  unmap(o);
  object_free(o);
}

/** Undoes an attempt: everything behind `last` was loaded by it. */
static void take_back(struct object *last) {
  load_abandon();
  for (struct object *o = last_object(); o != last; o = last_object())
    drop(o);
}

/** Loads and relocates; fails by way_out. */
static struct object *bring_in(const char *path, int mode) {
  struct object *o = load(path, NULL), *group[64];
  if (!o->group)
    o->group = o;
  load_needed(o);
  int n = group_of(o, group, 64);
  for (int i = 0; i < n && mode & RTLD_GLOBAL; i++)
    group[i]->global = 1;
  for (int i = n - 1; i >= 0; i--) /* libraries before those that need them */
    relocate(group[i], mode & RTLD_NOW);
  return o;
}

PUBLIC void *dlopen(const char *path, int mode) {
  struct object *volatile last = last_object();
  if (path == NULL)
    return objects;
  if (mode & RTLD_NOLOAD) {
    for (struct object *o = objects; o; o = (struct object *)o->map.l_next)
      if (strcmp(o->path, path) == 0 || strcmp(o->soname, path) == 0) {
        o->users++;
        return o;
      }
    return NULL;
  }
  attempting = 1;
  if (setjmp(way_out)) {
    attempting = 0;
    take_back(last);
    return NULL;
  }
  struct object *o = bring_in(path, mode);
  attempting = 0;
  o->users++;
  initialise(o);
  return o;
}

/** The object that contains an address, or NULL. */
static struct object *object_at(uint64 address) {
  for (struct object *o = objects; o; o = (struct object *)o->map.l_next)
    if (address >= o->start && address < o->end)
      return o;
  return NULL;
}

static int is_handle(const void *handle) {
  for (struct object *o = objects; o; o = (struct object *)o->map.l_next)
    if (o == handle)
      return 1;
  return 0;
}

/** The first definition in the objects behind `asker`, in the order of loading. */
static int find_next(const struct object *asker, const char *name, struct definition *d) {
  for (const struct object *o = (const struct object *)asker->map.l_next; o; o = (const struct object *)o->map.l_next)
    if (find_in(o, name, 0, d))
      return 1;
  return 0;
}

PUBLIC void *dlsym(void *handle, const char *name) {
  struct object *asker = object_at((uint64)__builtin_return_address(0));
  struct definition d;
  int found;
  if (asker == NULL)
    asker = objects;
  if (handle == RTLD_DEFAULT || handle == objects)
    found = find(asker, name, 0, &d);
  else if (handle == RTLD_NEXT)
    found = find_next(asker, name, &d);
  else if (is_handle(handle))
    found = find_in_group(handle, name, &d);
  else {
    excuse("%p is not a handle from dlopen", handle);
    return NULL;
  }
  if (found)
    return (void *)address_of(&d);
  excuse("the symbol %s is not defined in %s", name,
         handle == RTLD_DEFAULT || handle == RTLD_NEXT || handle == objects ? "the program and its libraries"
                                                                           : ((struct object *)handle)->path);
  return NULL;
}

/** Runs the destructors of an object that nobody uses any more, drops it, and looks at what it needed. */
static void release(struct object *o) {
  struct object *needed[MAXNEEDED];
  int n = o->nneeded;
  if (o->users > 0 || o->global)
    return;
  for (uint64 i = o->nfini; i > 0; i--)
    o->fini[i - 1]();
  if (o->old_fini)
    o->old_fini();
  memcpy(needed, o->needed, sizeof needed);
  drop(o);
  for (int i = 0; i < n; i++)
    if (is_handle(needed[i]))
      release(needed[i]);
}

PUBLIC int dlclose(void *handle) {
  struct object *o = handle;
  if (!is_handle(handle) || (o != objects && o->users == 0)) {
    excuse("%p is not an open handle", handle);
    return -1;
  }
  if (o == objects)
    return 0;
  o->users--;
  release(o);
  return 0;
}

PUBLIC char *dlerror(void) {
  if (!pending)
    return NULL;
  pending = 0;
  return sentence;
}

PUBLIC int dladdr(const void *address, Dl_info *info) {
  struct object *o = object_at((uint64)address);
  if (o == NULL)
    return 0;
  const Elf64_Sym *s = nearest(o, (uint64)address);
  *info = (Dl_info){ .dli_fname = o->path, .dli_fbase = (void *)o->start };
  if (s) {
    info->dli_sname = o->strings + s->st_name;
    info->dli_saddr = (void *)(o->map.l_addr + s->st_value);
  }
  return 1;
}

PUBLIC int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *info, size_t size, void *argument), void *argument) {
  int answer = 0;
  for (struct object *o = objects; o && answer == 0; o = (struct object *)o->map.l_next) {
    struct dl_phdr_info info = { o->map.l_addr, o->map.l_name, o->headers, (uint16)o->nheaders };
    answer = visit(&info, sizeof info, argument);
  }
  return answer;
}
