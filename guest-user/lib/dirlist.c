/* Reading directories; path helpers. */
#include <dirlist.h>
#include <errno.h>
#include <fcntl.h>
#include <fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Appends one entry, growing the block. 0 or -1. */
static int add(struct entry **entries, int count, const struct dirent *d) {
  if ((count & (count - 1)) == 0) { /* full at each power of two */
    struct entry *grown = realloc(*entries, (count ? 2 * count : 1) * sizeof(struct entry));
    if (grown == NULL)
      return -1;
    *entries = grown;
  }
  struct entry *e = &(*entries)[count];
  e->ino = d->inum;
  memcpy(e->name, d->name, sizeof d->name);
  e->name[sizeof d->name] = 0;
  return 0;
}

static int read_entries(int fd, struct entry **entries) {
  struct dirent block[64];
  int count = 0, n;
  while ((n = read(fd, block, sizeof block)) > 0)
    for (int i = 0; i < n / (int)sizeof block[0]; i++)
      if (block[i].inum != 0 && add(entries, count++, &block[i]) < 0)
        return -1;
  return n < 0 ? -1 : count;
}

int list_directory(const char *path, struct entry **entries) {
  struct stat st;
  *entries = NULL;
  int fd = open(path, O_RDONLY);
  if (fd < 0)
    return -1;
  int count = -1;
  if (fstat(fd, &st) == 0) {
    if (st.type == T_DIR)
      count = read_entries(fd, entries);
    else
      errno = ENOTDIR;
  }
  int saved = errno;
  close(fd);
  if (count < 0) {
    free(*entries);
    *entries = NULL;
  }
  errno = saved;
  return count;
}

char *join_path(const char *directory, const char *name) {
  size_t n = strlen(directory);
  while (n > 1 && directory[n - 1] == '/')
    n--;
  int slash = n > 0 && directory[n - 1] != '/';
  char *path = malloc(n + slash + strlen(name) + 1);
  if (path == NULL)
    return NULL;
  memcpy(path, directory, n);
  if (slash)
    path[n] = '/';
  strcpy(path + n + slash, name);
  return path;
}

const char *base_name(const char *path) {
  size_t n = strlen(path);
  while (n > 0 && path[n - 1] == '/')
    n--;
  while (n > 0 && path[n - 1] != '/')
    n--;
  return path + n;
}
