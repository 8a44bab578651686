/* Functions of the kernel, grouped by the file that holds them. */
#ifndef DEFS_H
#define DEFS_H

#include "types.h"
#include "param.h"
#include <stdarg.h>

struct buf;
struct context;
struct file;
struct inode;
struct pipe;
struct proc;
struct procinfo;
struct sleeplock;
struct spinlock;
struct stat;
struct superblock;
struct trapframe;
struct vm_map;

/* ---- lib ---- */

/* string.c */
void *memset(void *, int, size_t);
void *memmove(void *, const void *, size_t);
void *memcpy(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
char *strncpy(char *, const char *, size_t);
char *safestrcpy(char *, const char *, size_t);

/* printf.c */
struct sink {                    /* where formatted text goes; more may follow in a larger struct */
  void (*put)(struct sink *, int c);
};
void format(struct sink *, const char *fmt, va_list);
void printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void panic_stop_if_panicked(void);
void printf_init(void);

/* An assertion whose failure is a sentence: KASSERT(n >= 0, "pipe %p has %d bytes", p, n); */
#define KASSERT(cond, ...) \
  do { \
    if (__builtin_expect(!(cond), 0)) \
      panic(__VA_ARGS__); \
  } while (0)

/* ksyms.c */
const char *ksym_lookup(uint64 address, uint64 *offset);

/* bits.c */
uint count_bits(uint set);
uint lowest_bit(uint set);

/* fdt.c */
struct fdt_facts {
  uint64 ram_start, ram_size;
  uint64 initrd_start, initrd_end; /* equal when there is none */
  uint harts;                      /* bit h: hart h exists */
};
extern struct fdt_facts machine;
void fdt_read(const void *fdt);

/* bootargs.c */
void bootargs_set(const char *line, size_t length);
const char *bootarg(const char *name);

/* ---- boot ---- */

/* main.c */
uint harts_running(void);

/* ---- trap ---- */

/* trap.c */
void trap_init(void);
void trap_init_hart(void);
void usertrapret(void) __attribute__((noreturn));
void timer_set(void);
void ipi_send(uint hart);

/* ---- proc ---- */

/* spinlock.c */
void initlock(struct spinlock *, const char *name);
void acquire(struct spinlock *);
void release(struct spinlock *);
int holding(struct spinlock *);
void push_off(void);
void pop_off(void);

/* sleeplock.c */
void initsleeplock(struct sleeplock *, const char *name);
void acquiresleep(struct sleeplock *);
void releasesleep(struct sleeplock *);
int holdingsleep(struct sleeplock *);

/* proc.c */
void proc_init(void);
void proc_start_init(void);
int fork(void);
int fork_with(uint64 stack);
int kthread(const char *name, void (*body)(void));
int proc_count(void);
int next_process_number(void);

/* exit.c */
void exit(int status) __attribute__((noreturn));
int wait(uint64 status_va);
int kill(int pid);
int killed(struct proc *);
void setkilled(struct proc *);
void interrupt_born_since(int since);

/* proc_info.c */
int proc_info(struct procinfo *, int slot);
void procdump(void);
struct proc *inspect(int pid);
void inspect_end(struct proc *);
void wait_inspectors(struct proc *);
int parent_number(struct proc *);

/* signal.c */
void signal_init(void);
void signal_fork(struct proc *parent, struct proc *child);
void signal_exec(struct proc *);
int signal_send(int pid, int sig, int code, int sender);
void signal_child_ended(struct proc *parent, int pid, int status, int by);
void signal_broken_pipe(struct proc *);

/* signal_deliver.c */
int signal_fault(struct proc *, int sig, int code, uint64 addr);
void signal_deliver(struct proc *);

/* fpu.c */
extern uint64 user_isa;
int fpu_trap(struct proc *);
void fpu_leave(struct proc *);
const uint64 *fpu_registers(struct proc *);
void fpu_set_registers(struct proc *, const uint64 *regs);
void fpu_fork(struct proc *parent, struct proc *child);

/* clone.c */
void clone_init(void);
uint64 trapframe_address(struct proc *);
int clone_join(struct vm_map *, struct proc *child);
void leave_map(struct proc *, struct vm_map *);

/* futex.c */
void futex_init(void);

/* clock.c */
void clock_init(void);
void clock_tick(uint64 now);
int fetch_timespec(uint64 va, uint64 *counts);
const void *vdso_code_page(void);
const void *vdso_time_page(void);
uint64 vdso_sigreturn(void);

/* sched.c */
void scheduler(void) __attribute__((noreturn));
void sched(void);
void yield(void);
void make_runnable(struct proc *);
void wake_idle_hart(void);
void sched_init(void);
void sleep(void *chan, struct spinlock *);
void wakeup(void *chan);
void unsleep(struct proc *);
uint64 ticks_now(void);
int sleep_ticks(uint64 n);
void sleep_intr(void *chan, struct spinlock *);
int interrupted(struct proc *);
int sleep_until(uint64 until, volatile int *flag);
void set_flag(volatile int *flag, struct proc *);
uint64 next_alarm(void);
void alarm_tick(uint64 now);

/* swtch.S */
void swtch(struct context *save, struct context *load);

/* exec.c */
int exec_init(const char *path, const char *const *argv);

/* syscall.c */
void syscall(void);
uint64 argraw(int n);
void argint(int n, int *);
void argaddr(int n, uint64 *);
int argstr(int n, char *buf, int max); /* length, or -EFAULT, -ENAMETOOLONG */
int fetchaddr(uint64 va, uint64 *);    /* 0 or -EFAULT */
int fetchstr(uint64 va, char *buf, int max);

/* ---- vm (the rest is in vm.h) ---- */

/* copy.c: all return 0 or -EFAULT and may sleep, so hold no spin lock. */
int copyout(struct vm_map *, uint64 to_va, const void *from, uint64 n);
int copyin(struct vm_map *, void *to, uint64 from_va, uint64 n);
int copyinstr(struct vm_map *, char *to, uint64 from_va, uint64 max); /* length, -EFAULT, -ENAMETOOLONG */
int user_present(struct vm_map *, uint64 va, int access);
uint64 copyout_present(struct vm_map *, uint64 to_va, const void *from, uint64 n);
uint64 copyin_present(struct vm_map *, void *to, uint64 from_va, uint64 n);
int either_copyout(int user_dst, uint64 to, const void *from, uint64 n);
int either_copyin(void *to, int user_src, uint64 from, uint64 n);

/* kmem.c */
void *kpage_alloc(void);        /* one zeroed frame, or null */
void kpage_free(void *);
uint64 kpage_free_count(void);  /* frames that could still be had */

/* ---- fs ---- */

/* bio.c */
void binit(void);
struct buf *bread(uint dev, uint blockno);
void bwrite(struct buf *);
void brelse(struct buf *);
void bpin(struct buf *);
void bunpin(struct buf *);

/* log.c */
void begin_op(void);
void end_op(void);
void log_write(struct buf *);
int fssync(void);

/* fs.c */
void iinit(void);
void renameinit(void);
void fsinit(int dev);
struct inode *namei(char *path);
struct inode *nameiparent(char *path, char *name);
struct inode *idup(struct inode *);
void ilock(struct inode *);
void iunlock(struct inode *);
void iput(struct inode *);
void iunlockput(struct inode *);
void iupdate(struct inode *);
int readi(struct inode *, int user_dst, uint64 dst, uint off, uint n);
int writei(struct inode *, int user_src, uint64 src, uint off, uint n);
void stati(struct inode *, struct stat *);

/* file.c */
void fileinit(void);
struct file *filealloc(void);
void fileclose(struct file *);
struct file *filedup(struct file *);
int fileread(struct file *, uint64 va, int n);
int filewrite(struct file *, uint64 va, int n);
int filestat(struct file *, uint64 va);

/* pipe.c */
int pipealloc(struct file **, struct file **);
void pipeclose(struct pipe *, int writable);
int piperead(struct pipe *, uint64 va, int n);
int pipewrite(struct pipe *, uint64 va, int n);

/* ---- dev ---- */

/* plic.c */
void plicinit(void);
void plicinithart(void);
int plic_claim(void);
void plic_complete(int irq);

/* uart.c */
void uartinit(void);
void uartputc_sync(int c);
int uartwrite(const char *, int n);
void uartintr(void);

/* console.c */
void consoleinit(void);
void consputc(int c);
void consoleintr(int c);

/* virtio_disk.c */
void virtio_disk_init(void);
void virtio_disk_rw(struct buf *, int write);
int virtio_disk_flush(void);
void virtio_disk_intr(void);

/* finisher.c */
void poweroff(int code) __attribute__((noreturn));

/* rtc.c */
uint64 rtc_seconds(void);

#endif
