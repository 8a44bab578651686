// Open files, pipes and the table of devices.

#ifndef PAGEWALK_FILE_H
#define PAGEWALK_FILE_H

#include "types.h"
#include "fs.h"

struct pipe;
struct stat;

// One open file; descriptors of several processes may point to it (ref, under ftable.lock).
struct file {
  enum { FD_NONE, FD_PIPE, FD_INODE, FD_DEVICE, FD_SHM, FD_PROC } type;
  int ref;
  char readable;
  char writable;
  char append;               // FD_INODE: every write goes to the end of the file
  struct pipe *pipe;         // FD_PIPE
  struct inode *ip;          // FD_INODE and FD_DEVICE
  void *data;                // FD_SHM: its struct shm; FD_PROC: its text
  uint off;                  // FD_INODE, guarded by ip->lock; FD_PROC
  short major;               // FD_DEVICE
  struct file *next;         // on the free list
};

// What a device driver offers, found by the inode's major number. Both return the number of bytes
// moved or -errno; user says whether addr is in user space.
struct devsw {
  int (*read)(int user, uint64 addr, int n);
  int (*write)(int user, uint64 addr, int n);
};

extern struct devsw devsw[];

#define CONSOLE 1            // major number of the console

// fs/file.c
void         fileinit(void);
struct file *filealloc(void);
struct file *filedup(struct file *f);
void         fileclose(struct file *f);
int          fileread(struct file *f, uint64 addr, int n);
int          filewrite(struct file *f, uint64 addr, int n);
int          filestat(struct file *f, uint64 addr);

// proc/shm.c
struct vm_object;
void         shm_init(void);
void         shm_close(struct file *f);
int          shm_truncate(struct file *f, uint64 size);
uint64       shm_size(struct file *f);
struct vm_object *shm_object(struct file *f);

// fs/sysfile.c
int          fdalloc(struct file *f);
void         icut(struct inode *ip, uint size);

// fs/procfs.c
struct proc_place;
int          procfs_open(struct file *f, const struct proc_place *place, int mode);
int          procfs_read(struct file *f, uint64 addr, int n);
void         procfs_stat(struct file *f, struct stat *st);
void         procfs_close(struct file *f);

// fs/pipe.c
int          pipealloc(struct file **f0, struct file **f1);
void         pipeclose(struct pipe *p, int writable);
int          piperead(struct pipe *p, uint64 addr, int n);
int          pipewrite(struct pipe *p, uint64 addr, int n);

#endif
