/* System calls (numbers in abi/syscall.h) and the few process helpers built on them.
 * Unless said otherwise a call returns -1 on failure and sets errno. */
#ifndef PW_UNISTD_H
#define PW_UNISTD_H

#include <sys/types.h>

struct stat;
struct sysinfo;
struct procinfo;

int fork(void);                               /* 0 in the child, the child's pid in the parent */
int exit(int status) __attribute__((noreturn));
int wait(int *status);                        /* pid of an ended child; -1/ECHILD without children */
int pipe(int fds[2]);                         /* fds[0] reads, fds[1] writes */
int write(int fd, const void *buf, int n);
int read(int fd, void *buf, int n);           /* 0 at end of file */
int close(int fd);
int kill(int pid, int signal);               /* SIG* numbers in signal.h */
int xv6_kill(int pid);                        /* call 6: as kill(pid, SIGKILL) */
int exec(const char *path, char **argv);      /* returns only on failure. The program has our environment */
int xv6_exec(const char *path, char **argv);  /* call 7: the program has none */
int open(const char *path, int flags);        /* flags in fcntl.h */
int mknod(const char *path, short major, short minor);
int unlink(const char *path);
int fstat(int fd, struct stat *st);
int link(const char *from, const char *to);
int mkdir(const char *path);
int chdir(const char *path);
int dup(int fd);                              /* the lowest free descriptor */
int getpid(void);
char *sbrk(long bytes);                       /* the old break, or (char *)-1 */
int sleep(int ticks);                         /* 10 ticks are a second */
int uptime(void);                             /* ticks since boot */
int sysinfo(struct sysinfo *info);
int procinfo(struct procinfo *buf, int max);  /* number of entries filled */
int poweroff(int status);
int rename(const char *from, const char *to);
int sync(void);
int ftruncate(int fd, off_t size);
int fsync(int fd);
off_t lseek(int fd, off_t offset, int whence);
int brk(void *end);
int execve(const char *path, char *const argv[], char *const envp[]);
extern char **environ;                        /* "NAME=VALUE" strings, then NULL */
int getppid(void);
int sched_yield(void);

/* Looking at the kernel's memory, and disturbing it. */
struct vmstat;
struct timespec;
int vmprint(int pid);                         /* a page table, on the console */
int vmcheck(void);                            /* 0 when all of the kernel's memory structures agree */
int vmstat(struct vmstat *counters);
int vmpolicy(const char *name, char *value, int size);
int faultinject(long n);                      /* the n-th kernel allocation from now fails; 0: none. What an earlier n had left */
int futex(void *word, int operation, uint value, const struct timespec *timeout);

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

/** Any system call by number, for tests: the raw a0; errno is set when it is -1. */
long syscall(long number, ...);

/** stat by name: opens, fstats, closes. 0 or -1. */
int stat(const char *path, struct stat *st);
/** Makes `to` refer to what `from` refers to, closing what `to` was. Returns `to`, or -1. */
int dup2(int from, int to);
/** 1 when fd is a device (the console), else 0. */
int isatty(int fd);
/** Writes all n bytes unless an error stops it. n, or -1. */
int write_all(int fd, const void *buf, int n);

/** The CPU's own counters: time in units of 100 ns, instructions retired on this hart, cycles. */
static inline uint64 rdtime(void) { uint64 v; __asm__ volatile("rdtime %0" : "=r"(v)); return v; }
static inline uint64 rdinstret(void) { uint64 v; __asm__ volatile("rdinstret %0" : "=r"(v)); return v; }
static inline uint64 rdcycle(void) { uint64 v; __asm__ volatile("rdcycle %0" : "=r"(v)); return v; }

#endif
