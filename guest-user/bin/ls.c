/* ls [-aAldi1] [FILE...]: names in order; in columns on the console, one a line elsewhere or with -1.
 * -a all, -A all but . and .., -l type, links, size and name, -i inode numbers, -d directories themselves. */
#include <dirlist.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS 80

struct item { char *name; struct stat st; };

static char flags[128];
static int columns;

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static void print_long(const struct item *it) {
  char type = it->st.type == T_DIR ? 'd' : it->st.type == T_DEVICE ? 'c' : '-';
  char inode[16] = "";
  if (flags['i'])
    snprintf(inode, sizeof inode, "%5u ", it->st.ino);
  printf("%s%c %3d %10lu %s\n", inode, type, it->st.nlink, (unsigned long)it->st.size, it->name);
}

/** The plain form of one item, padded to `width` unless it ends a line. */
static void print_short(const struct item *it, int width, int last) {
  char inode[16] = "";
  if (flags['i'])
    snprintf(inode, sizeof inode, "%5u ", it->st.ino);
  if (last)
    printf("%s%s\n", inode, it->name);
  else
    printf("%s%-*s", inode, width, it->name);
}

static void print_items(const struct item *items, int n) {
  int width = 1;
  for (int i = 0; i < n; i++)
    if ((int)strlen(items[i].name) + 2 > width)
      width = (int)strlen(items[i].name) + 2;
  int across = columns ? COLUMNS / (width + (flags['i'] ? 6 : 0)) : 1;
  if (across < 1)
    across = 1;
  int down = (n + across - 1) / across;
  if (flags['l']) {
    for (int i = 0; i < n; i++)
      print_long(&items[i]);
    return;
  }
  for (int row = 0; row < down; row++)
    for (int i = row; i < n; i += down)
      print_short(&items[i], width, i + down >= n);
}

static int hidden(const char *name) {
  if (name[0] != '.' || flags['a'])
    return 0;
  return !flags['A'] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/** Fills one item; needs the file's stat only where it is shown. 0 or 1. */
static int describe(struct item *it, const char *directory, const struct entry *e) {
  it->name = strdup(e->name);
  it->st.ino = e->ino;
  if (it->name == NULL)
    return complain_about("ls", e->name);
  if (!flags['l'])
    return 0;
  char *path = join_path(directory, e->name);
  int status = path == NULL || stat(path, &it->st) < 0 ? complain_about("ls", e->name) : 0;
  free(path);
  return status;
}

static int list_one_directory(const char *path) {
  struct entry *entries;
  int count = 0, status = 0;
  int n = list_directory(path, &entries);
  if (n < 0)
    return complain_about("ls", path);
  struct item *items = calloc(n + 1, sizeof *items);
  if (items == NULL) {
    free(entries);
    return complain_about("ls", path);
  }
  for (int i = 0; i < n; i++) {
    if (hidden(entries[i].name))
      continue;
    if (describe(&items[count], path, &entries[i]) == 0)
      count++;
    else
      status = 1;
  }
  qsort(items, count, sizeof *items, by_name);
  print_items(items, count);
  for (int i = 0; i < n; i++)
    free(items[i].name);
  free(items);
  free(entries);
  return status;
}

int main(int argc, char **argv) {
  static char *here[] = { ".", NULL };
  int first = parse_options(argc, argv, "aAldi1C", flags, NULL, "ls [-aAldi1] [FILE...]");
  char **names = first < argc ? argv + first : here;
  int n = first < argc ? argc - first : 1, files = 0, status = 0, shown = 0;
  columns = flags['C'] || (!flags['1'] && isatty(1));
  struct item *items = calloc(2 * n, sizeof *items), *directories = items + n;
  if (items == NULL)
    return complain_about("ls", "memory");
  int directory_count = 0;
  for (int i = 0; i < n; i++) {
    struct item it = { .name = names[i] };
    if (stat(names[i], &it.st) < 0)
      status = complain_about("ls", names[i]);
    else if (it.st.type == T_DIR && !flags['d'])
      directories[directory_count++] = it;
    else
      items[files++] = it;
  }
  qsort(items, files, sizeof *items, by_name);
  qsort(directories, directory_count, sizeof *items, by_name);
  print_items(items, files);
  shown = files;
  for (int i = 0; i < directory_count; i++, shown++) {
    if (n > 1)
      printf("%s%s:\n", shown ? "\n" : "", directories[i].name);
    status |= list_one_directory(directories[i].name);
  }
  return status;
}
