/* What stands in the files of /proc that are not about one address space, and how text is put together. Formats are like Linux's. */
#include "types.h"
#include "defs.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "vm_swap.h"
#include "vmstat.h"
#include "procfs.h"
#include "abi/errno.h"
#include "abi/fs.h"
#include "abi/stat.h"

/* The sink's function: append a byte. */
static void
put(struct sink *to, int c)
{
  struct text *t = (struct text *)to;
  uint64 page = t->length / PGSIZE;

  if (t->error)
    return;
  if (page == PROCFS_MAXPAGES)
    t->error = -EFBIG;
  else if (t->pages[page] == 0 && (t->pages[page] = kpage_alloc()) == 0)
    t->error = -ENOMEM;
  else
    t->pages[page][t->length++ % PGSIZE] = c;
}

/* An empty text, in a page of zeros. */
void
text_init(struct text *t)
{
  t->sink.put = put;
  t->type = T_FILE;
}

/* Append formatted text. */
void
text_print(struct text *t, const char *fmt, ...)
{
  va_list ap;

  va_start(ap, fmt);
  format(&t->sink, fmt, ap);
  va_end(ap);
}

/* Give the pages of a text back, and its own. */
void
text_free(struct text *t)
{
  for (int i = 0; i < PROCFS_MAXPAGES && t->pages[i]; i++)
    kpage_free(t->pages[i]);
  kpage_free(t);
}

/* Append a directory entry. */
void
text_entry(struct text *t, const char *name)
{
  struct dirent d;

  memset(&d, 0, sizeof d);
  d.inum = 1;
  strncpy(d.name, name, DIRSIZ);
  for (uint i = 0; i < sizeof d; i++)
    put(&t->sink, ((char *)&d)[i]);
}

/* /proc/meminfo */
void
print_meminfo(struct text *t)
{
  struct vmstat s;

  vmstat_collect(&s);
  text_print(t, "MemTotal:     %8lu kB\n", s.total_frames * 4);
  text_print(t, "MemFree:      %8lu kB\n", vm_free_frames() * 4);
  text_print(t, "MemAvailable: %8lu kB\n", s.free_frames * 4);
  text_print(t, "Cached:       %8lu kB\n", s.page_cache_frames * 4);
  text_print(t, "SwapTotal:    %8lu kB\n", s.swap_slots * 4);
  text_print(t, "SwapFree:     %8lu kB\n", s.swap_free * 4);
  text_print(t, "CommitLimit:  %8lu kB\n", s.commit_limit * 4);
  text_print(t, "Committed_AS: %8lu kB\n", s.committed_frames * 4);
  text_print(t, "AnonHugePages:%8lu kB\n", s.superpages * (SUPERPAGE / 1024));
}

/* /proc/vmstat */
void
print_vmstat(struct text *t)
{
  struct vmstat s;

  vmstat_collect(&s);
#define LINE(field) text_print(t, #field " %lu\n", s.field)
  LINE(total_frames);
  LINE(free_frames);
  LINE(committed_frames);
  LINE(commit_limit);
  LINE(page_cache_frames);
  LINE(swap_slots);
  LINE(swap_free);
  LINE(objects);
  LINE(entries);
  LINE(superpages);
  LINE(faults_zero);
  LINE(faults_cow_copy);
  LINE(faults_cow_reuse);
  LINE(faults_file);
  LINE(faults_swap);
  LINE(faults_map);
  LINE(faults_refused);
  LINE(pages_in);
  LINE(pages_out);
  LINE(clean_dropped);
  LINE(file_reads);
  LINE(file_writes);
  LINE(daemon_runs);
  LINE(shootdowns);
  LINE(promotions);
  LINE(demotions);
  LINE(zero_page_maps);
  LINE(collapses);
  LINE(bypasses);
#undef LINE
}

/* /proc/PID/status. map is null for a kernel thread and a zombie. */
void
print_status(struct text *t, struct proc *p, struct vm_map *map)
{
  static const char *const states[] = { "U (unused)", "N (new)", "S (sleeping)", "R (runnable)", "R (running)", "Z (zombie)" };
  struct page_counts n;

  memset(&n, 0, sizeof n);
  if (map)
    count_pages(map, &n);
  text_print(t, "Name:\t%s\nState:\t%s\nPid:\t%d\nPPid:\t%d\n", p->name, p->stopped ? "T (stopped)" : states[p->state], p->pid,
        parent_number(p));
  text_print(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\n", n.size * 4, n.resident * 4);
  text_print(t, "RssShared:\t%8lu kB\nRssPrivate:\t%8lu kB\nVmSwap:\t%8lu kB\n", n.shared * 4, (n.resident - n.shared) * 4,
        n.swapped * 4);
  text_print(t, "HugePages:\t%8lu kB\n", n.super * (SUPERPAGE / 1024));
  text_print(t, "Faults:\tzero %lu, copied %lu, reused %lu, file %lu, swap %lu, map %lu, refused %lu\n", p->faults.zero,
        p->faults.cow_copy, p->faults.cow_reuse, p->faults.file, p->faults.swap, p->faults.map, p->faults.refused);
  text_print(t, "SigPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", p->sig_pending, p->sig_blocked,
        p->sig_ignored, p->sig_caught);
}

/* Write a decimal number's digits, with a NUL. */
static void
number_name(int n, char *to)
{
  char digits[12];
  int count = 0;

  do
    digits[count++] = '0' + n % 10;
  while ((n /= 10) > 0);
  while (count > 0)
    *to++ = digits[--count];
  *to = 0;
}

/* The directories of processes, as entries. */
void
print_pids(struct text *t)
{
  char name[12];

  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    int pid = p->pid;
    if (pid > 0 && p->state != UNUSED) {
      number_name(pid, name);
      text_entry(t, name);
    }
  }
}
