/* pmap PID...: the mappings of processes, with what of them is in memory. In KiB. */
#include <errno.h>
#include <fcntl.h>
#include <linereader.h>
#include <options.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Columns of a mapping, in the order of /proc/PID/smaps. */
enum { SIZE, RSS, SHARED, DIRTY, SWAP, HUGE, COLUMNS };

static const char *const keys[COLUMNS] = { "Size:", "Rss:", "Shared:", "Dirty:", "Swap:", "Huge:" };

/** The column that a line of smaps tells, or -1; its value goes to *value. */
static int column_of(char *line, unsigned long *value) {
  for (int i = 0; i < COLUMNS; i++) {
    size_t n = strlen(keys[i]);
    if (strncmp(line, keys[i], n) == 0) {
      char *at = line + n;
      while (*at == ' ')
        at++;
      *value = strtoul(at, NULL, 10);
      return i;
    }
  }
  return -1;
}

/** Cuts a line of maps into address range, rights and name. */
static void print_mapping(char *line, const unsigned long *values) {
  char *rights = strchr(line, ' '), *rest = rights ? strchr(rights + 1, ' ') : NULL;
  if (rest == NULL)
    return;
  *rights = *rest = 0;
  char *name = strrchr(rest + 1, ' ');
  char *inode = strstr(rest + 1, " 00:");
  for (int i = 0; i < COLUMNS; i++)
    printf("%8lu", values[i]);
  printf("  %s %s ", line, rights + 1);
  if (name && name[1])
    printf("%s\n", name + 1);
  else if (inode && strtoul(inode + 7, NULL, 10) > 0)
    printf("inode %lu\n", strtoul(inode + 7, NULL, 10));
  else
    printf("anonymous\n");
}

static int show(const char *pid) {
  char path[40], *line = NULL, mapping[160] = "";
  unsigned long values[COLUMNS], totals[COLUMNS] = { 0 }, value;
  struct reader r;
  size_t capacity = 0;
  ssize_t n;
  snprintf(path, sizeof path, "/proc/%s/smaps", pid);
  int fd = open(path, O_RDONLY);
  if (fd < 0)
    return complain_about("pmap", pid);
  printf("%s:\n    size     rss  shared   dirty    swap    huge  addresses             rights\n", pid);
  reader_open(&r, fd);
  while ((n = read_line(&r, &line, &capacity)) > 0) {
    if (line[n - 1] == '\n')
      line[n - 1] = 0;
    int column = column_of(line, &value);
    if (column < 0) {
      snprintf(mapping, sizeof mapping, "%s", line);
      continue;
    }
    values[column] = value;
    totals[column] += value;
    if (column == COLUMNS - 1)
      print_mapping(mapping, values);
  }
  for (int i = 0; i < COLUMNS; i++)
    printf("%8lu", totals[i]);
  printf("  total\n");
  close(fd);
  free(line);
  return 0;
}

int main(int argc, char **argv) {
  int status = 0;
  if (argc < 2) {
    fprintf(2, "usage: pmap PID...\n");
    return 2;
  }
  for (int i = 1; i < argc; i++)
    status |= show(argv[i]);
  return status;
}
