/* Loading shared objects while a program runs. Only in programs that are linked dynamically:
 * these functions are the dynamic linker's own (/lib/ld.so). */
#ifndef PW_DLFCN_H
#define PW_DLFCN_H

#define RTLD_LAZY 1                 /* look a function up when it is first called */
#define RTLD_NOW 2                  /* look all up before dlopen returns */
#define RTLD_NOLOAD 4               /* only if it is there already */
#define RTLD_GLOBAL 0x100           /* its symbols serve objects loaded later; it is never unloaded */
#define RTLD_LOCAL 0

#define RTLD_DEFAULT ((void *)0)    /* dlsym: the first definition in the usual order */
#define RTLD_NEXT ((void *)-1)      /* dlsym: the first after the object that asks */

/** Loads the object at `path` (a name without a slash: in /lib) and what it needs; NULL for the program itself.
 *  A handle, or NULL and dlerror says why. */
void *dlopen(const char *path, int mode);
/** The address of a symbol of the object or of what it needs; NULL and dlerror says why. */
void *dlsym(void *handle, const char *name);
/** Lets go of a handle: the last one unmaps the object. 0, or -1 and dlerror says why. */
int dlclose(void *handle);
/** One sentence on the last failure since the last call of dlerror, or NULL. */
char *dlerror(void);

typedef struct {
  const char *dli_fname;            /* the object's path */
  void *dli_fbase;                  /* where it begins */
  const char *dli_sname;            /* the nearest symbol at or below the address, or NULL */
  void *dli_saddr;
} Dl_info;

/** Which object and symbol an address belongs to. 0 when it is in none. */
int dladdr(const void *address, Dl_info *info);

#endif
