/* dyntest: the dynamic linker, tested from inside a dynamically linked program. TAP lines; status 1 when a test failed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libone.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int number, failures;

/* How a child of `injected` ends. */
enum { FAILED_WRONG = 20, FAILED_CLEANLY, WORKED, NOTHING_LEFT };

static void check(int ok, const char *what) {
  failures += !ok;
  printf("%sok %d - %s\n", ok ? "" : "not ", ++number, what);
}

/* In place of the library's own. */
int one_override(void) { return 2; }

/** Runs `work` in a child whose descriptor 2 is caught in `text`. Its exit status. */
static int in_child(void (*work)(void), char *text, int size) {
  int fds[2], status = -1, n, got = 0;
  if (pipe(fds) < 0)
    return -1;
  int pid = fork();
  if (pid == 0) {
    dup2(fds[1], 2);
    close(fds[0]);
    close(fds[1]);
    work();
    exit(0);
  }
  close(fds[1]);
  while (got < size - 1 && (n = read(fds[0], text + got, size - 1 - got)) > 0)
    got += n;
  text[got] = 0;
  close(fds[0]);
  wait(&status);
  return status;
}

static void variables(void) {
  check(one_variable == 11, "a library's variable has its value in the program's copy");
  check(one_through_pointer() == 11, "the library's pointer to it is relocated");
  one_variable = 20;
  check(one_through_pointer() == 20 && one_increment() == 21 && one_variable == 21, "program and library share the one copy");
  check(one_constructed() == 11, "the library's constructor has run before main");
  int zero = 1;
  for (int i = 0; i < 1500; i++)
    zero &= one_bss[i] == 0;
  check(zero, "a library's bss is zero");
  errno = 0;
  check(open("/no/such/file", O_RDONLY) < 0 && errno == ENOENT, "errno in libc.so is the program's errno");
}

static void functions(void) {
  check(one_function() == one_increment, "a function has one address in program and library");
  check(one_calls_override() == 2, "the program's definition goes before the library's");
  check(one_address() > 0x100000, "the library lies away from the program");
}

static void plug_in(void) {
  int note = 0;
  void *plug = dlopen("libplug.so", RTLD_LAZY);
  check(plug != NULL, "dlopen finds a library in /lib");
  if (plug == NULL)
    return;
  int (*add)(int) = (int (*)(int))dlsym(plug, "plug_add");
  int *state = dlsym(plug, "plug_state");
  int (*length)(const char *) = (int (*)(const char *))dlsym(plug, "plug_length");
  int (*sees)(void) = (int (*)(void))dlsym(plug, "plug_sees_one");
  check(add && state && add(3) == 8 && *state == 8, "dlsym finds functions and variables");
  check(length && length("seven..") == 7, "the plug-in calls the C library");
  check(sees && sees() == one_variable, "the plug-in sees the program's variables");
  check(dlopen("/lib/libplug.so", RTLD_NOW) == plug, "a second dlopen gives the same handle");
  check(dlsym(RTLD_DEFAULT, "plug_add") == NULL, "what was loaded locally is not visible to others");
  Dl_info info;
  check(dladdr((void *)add, &info) && strcmp(info.dli_sname, "plug_add") == 0 && strcmp(info.dli_fname, "/lib/libplug.so") == 0,
        "dladdr names the object and the function");
  *(int **)dlsym(plug, "plug_log") = &note;
  check(dlclose(plug) == 0 && *state == 8 && note == 0, "it stays while one handle is open");
  check(dlclose(plug) == 0 && note == 77, "the last dlclose runs the destructor");
  check(dlclose(plug) == -1 && dlerror() != NULL, "a closed handle is refused");
  plug = dlopen("libplug.so", RTLD_NOW);
  state = plug ? dlsym(plug, "plug_state") : NULL;
  check(state && *state == 5, "loaded again, it begins with fresh data");
}

static int count_object(struct dl_phdr_info *info, size_t size, void *argument) {
  (void)info;
  (void)size;
  ++*(int *)argument;
  return 0;
}

static void mistakes(void) {
  dlerror();
  check(dlopen("libnone.so", RTLD_NOW) == NULL && strstr(dlerror(), "/lib/libnone.so") != NULL, "a missing library is named");
  check(dlerror() == NULL, "dlerror tells a failure once");
  int before = 0, after = 0;
  dl_iterate_phdr(count_object, &before);
  const char *why = dlopen("libbad.so", RTLD_NOW) == NULL ? dlerror() : "";
  check(strcmp(why, "/lib/libbad.so needs the symbol no_such_function, which no loaded object defines") == 0,
        "a missing symbol is named by RTLD_NOW");
  dl_iterate_phdr(count_object, &after);
  check(before == after, "a failed dlopen leaves nothing behind");
  check(dlopen("/README", RTLD_NOW) == NULL && strstr(dlerror(), "not an ELF file") != NULL, "a text file is refused");
  check(dlopen("/cat", RTLD_NOW) == NULL && strcmp(dlerror(), "/cat is not a shared object") == 0, "a program is refused");
  void *bad = dlopen("libbad.so", RTLD_LAZY);
  int (*good)(int) = bad ? (int (*)(int))dlsym(bad, "bad_good") : NULL;
  check(good && good(1) == 2, "with RTLD_LAZY the rest of it works");
  check(dlsym(bad, "nothing") == NULL && strstr(dlerror(), "nothing") != NULL, "dlsym names what it does not find");
}

static void call_missing(void) {
  void *bad = dlopen("libbad.so", RTLD_LAZY);
  ((int (*)(int))dlsym(bad, "bad_call"))(1);
}

static void run_without_library(void) {
  char *argv[] = { "broken", NULL };
  exec("/broken.tmp", argv);
}

/** A copy of this program that needs libnix.so instead of libone.so. */
static int make_broken(const char *from) {
  struct stat st;
  int fd = open(from, O_RDONLY), ok = 0;
  char *bytes = fd >= 0 && fstat(fd, &st) == 0 ? malloc(st.size) : NULL;
  if (bytes && read(fd, bytes, (int)st.size) == (int)st.size)
    for (uint64 i = 0; i + 10 <= st.size; i++)
      if (memcmp(bytes + i, "libone.so", 10) == 0) {
        memcpy(bytes + i, "libnix.so", 10);
        ok = 1;
      }
  close(fd);
  fd = ok ? open("/broken.tmp", O_CREATE | O_TRUNC | O_WRONLY) : -1;
  ok = fd >= 0 && write_all(fd, bytes, (int)st.size) == (int)st.size;
  close(fd);
  free(bytes);
  return ok;
}

static void fatal(const char *self) {
  char text[300];
  check(in_child(call_missing, text, sizeof text) == 127 &&
            strcmp(text, "ld.so: /lib/libbad.so needs the symbol no_such_function, which no loaded object defines\n") == 0,
        "the first call of a missing function ends the program with a sentence");
  if (make_broken(self))
    check(in_child(run_without_library, text, sizeof text) == 127 && strstr(text, "broken needs libnix.so, which is not there") != NULL,
          "a program whose library is missing does not start, and says so");
  unlink("/broken.tmp");
}

static void after_fork(void) {
  int status, before = one_variable;
  int pid = fork();
  if (pid == 0) {
    one_variable = 1000;
    exit(one_increment() == 1001 ? 0 : 1);
  }
  check(wait(&status) == pid && status == 0 && one_variable == before, "a child's writes to a library's data are its own");
}

/** Is no page promised (vm.commit=overcommit)? Then any touch may find none, and end the process. */
static int overcommitted(void) {
  char word[32];
  return vmpolicy("vm.commit", word, sizeof word) >= 0 && strcmp(word, "overcommit") == 0;
}

/** What a child does whose n-th allocation in the kernel fails. */
static void __attribute__((noreturn)) dlopen_without_memory(int n) {
  int worked = 1;
  dlerror();
  if (faultinject(n) != 0)
    exit(FAILED_WRONG);
  void *plug = dlopen("libplug.so", RTLD_NOW);
  if (plug == NULL) { /* for a good reason; and nothing is half done: the next attempt works */
    worked = 0;
    if (dlerror() == NULL || dlopen("libplug.so", RTLD_NOLOAD) != NULL || (plug = dlopen("libplug.so", RTLD_NOW)) == NULL)
      exit(FAILED_WRONG);
  }
  int (*add)(int) = (int (*)(int))dlsym(plug, "plug_add");
  if (add == NULL || add(3) != 8 || dlclose(plug) != 0)
    exit(FAILED_WRONG);
  exit(!worked ? FAILED_CLEANLY : faultinject(0) > 0 ? NOTHING_LEFT : WORKED);
}

/** dyntest inject: dlopen with each allocation on its way failing in turn, in a child each. */
static void injected(void) {
  char why[60] = "allocations fail up to the 400th";
  int done = 0, refused = 0;
  for (int n = 1; n <= 400 && !done; n++) {
    int status = -2, pid = fork();
    if (pid == 0)
      dlopen_without_memory(n);
    wait(&status);
    refused += status == FAILED_CLEANLY;
    if (status == NOTHING_LEFT)
      done = 1;
    else if (status != FAILED_CLEANLY && status != WORKED && !(status == -1 && overcommitted())) {
      snprintf(why, sizeof why, "allocation %d failing: it ended with %d", n, status);
      break;
    }
  }
  check(done, done ? "dlopen works or fails cleanly whatever allocation fails" : why);
  check(refused > 0, "some of these dlopens were refused");
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "inject") == 0) {
    injected();
    return failures > 0;
  }
  variables();
  functions();
  plug_in();
  mistakes();
  after_fork();
  fatal(argv[0]);
  printf("1..%d\n", number);
  return failures > 0;
}
