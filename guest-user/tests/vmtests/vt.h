/* vmtests: what its parts share, beside the helpers and the runner of usertests (ut.h). */
#ifndef VT_H
#define VT_H

#include "../usertests/ut.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096L
#define SUPERPAGE (2L << 20)
#define MIB (1L << 20)
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE_ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED_ANON (MAP_SHARED | MAP_ANONYMOUS)

/** mmap of anonymous memory that must work. */
char *map_anon(long length, int protection, int flags);
/** mmap of a file that must work. */
char *map_file(int fd, long length, int protection, int flags, long offset);
/** munmap that must work. */
void unmap(void *start, long length);
/** A range of `length` bytes, aligned to `alignment`, in which nothing is mapped now. */
char *empty_range(long length, long alignment);

/** Whether a child that does this to our memory survives. can_write leaves the byte as it was. */
int can_read(const volatile void *p);
int can_write(volatile void *p);
int can_run(const void *p);

/** Gives every page from p on a number that depends on `seed` (a store to each), and checks them. */
void number_pages(char *p, long pages, uint64 seed);
void check_pages(const char *p, long pages, uint64 seed, const char *what);
/** 0 or the number (from 1) of the first page whose number is not that. */
long wrong_page(const char *p, long pages, uint64 seed);

/** Checks n bytes at p against the pattern of make_file(…, seed) from `offset` on. */
void check_bytes(const char *p, long n, long offset, int seed, const char *what);

/** Pages of [p, p + pages) that mincore says are in memory. */
long pages_in_core(char *p, long pages);
/** This process's leaf page-table entries. */
uint64 resident_pages(void);
struct sysinfo system_now(void);
/** Frames that private memory could still be promised. */
long promisable(void);
/** A number of pages well above what is free, as far as swap can hold them; the test fails without swap. */
long too_many_pages(void);
/** Private memory of so many pages. */
char *big_map(long pages);
/** Fails the test unless there is a swap area. */
void need_swap(void);

/** A file open for reading and writing with n bytes of the pattern of `seed`; it is closed by exit. */
int pattern_file(const char *path, int n, int seed);

/** A new shared memory of `size` bytes with this name; its descriptor. */
int make_shm(const char *name, long size);

/** Rendezvous through a byte in a pipe. */
struct gate { int fds[2]; };
void gate_make(struct gate *g);
void gate_open(struct gate *g, int times);
void gate_wait(struct gate *g);

/** sigaction that must work; flags SA_SIGINFO is added. */
void catch_signal(int signal, void (*handler)(int, siginfo_t *, void *), int flags);

/** This process's /proc/PID/maps as a string; fails if it is longer. */
void read_maps(char *text, long size);

/** Runs step() in a child for n = 1, 2, … with its n-th allocation in the kernel failing, until one runs with none
 *  failed. A step returns 0 when its call failed cleanly and 1 when it worked; with may_die the kernel may
 *  end it, for lack of a page, and under vm.commit=overcommit always. */
void each_allocation(int (*step)(void), int may_die);
#define MOST_ALLOCATIONS 800 /* in one operation, also where a policy gives each of 600 pages its frame at once */

/** Runs a program of ours to its end; its status. */
int run_program(const char *path, char **argv);
/** The same for a program with one argument or none, with its output caught: its first size - 1 bytes and a NUL. */
int output_of(const char *path, char *argument, char *text, int size);
/** Runs vmtests -x MODE ARG in a child; its status. */
int run_helper(const char *mode, const char *argument);

#endif
