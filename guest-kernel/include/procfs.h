/* Between procfs.c (what is where in /proc, open files) and procfs_text.c, procfs_maps.c (what stands in them). */
#ifndef PROCFS_H
#define PROCFS_H

#include "types.h"
#include "defs.h"
#include "proc.h"

#define PROCFS_MAXPAGES 64

/* The text of an open file; one page holds this. */
struct text {
  struct sink sink;
  uint64 length;
  int error;  /* 0, or -ENOMEM or -EFBIG: it is not complete */
  short type; /* T_FILE, or T_DIR: struct dirents */
  char *pages[PROCFS_MAXPAGES];
};

/* Pages of an entry or of several. */
struct page_counts {
  uint64 size, resident, shared, dirty, swapped, super;
};

/* procfs.c */
int procfs_step(struct proc_place *, const char *name);

/* procfs_text.c */
void text_init(struct text *);
void text_print(struct text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_entry(struct text *, const char *name);
void text_free(struct text *);
void print_meminfo(struct text *);
void print_vmstat(struct text *);
void print_status(struct text *, struct proc *, struct vm_map *);
void print_pids(struct text *);

/* procfs_maps.c */
void count_pages(struct vm_map *, struct page_counts *);
void print_maps(struct text *, struct vm_map *);
void print_smaps(struct text *, struct vm_map *);

#endif
