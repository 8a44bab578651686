/* Helpers made of system calls: stat, dup2, isatty, write_all. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/** Closes without disturbing errno. */
static void close_quietly(int fd) {
  int saved = errno;
  close(fd);
  errno = saved;
}

int stat(const char *path, struct stat *st) {
  int fd = open(path, O_RDONLY);
  if (fd < 0)
    return -1;
  int result = fstat(fd, st);
  close_quietly(fd);
  return result;
}

/* dup gives the lowest free descriptor: take and hold those below `to`, then let them go. */
static int dup_at(int from, int to) {
  int fd = dup(from);
  if (fd < 0 || fd == to)
    return fd;
  if (fd > to) {
    close_quietly(fd);
    errno = EBADF;
    return -1;
  }
  int result = dup_at(from, to);
  close_quietly(fd);
  return result;
}

int dup2(int from, int to) {
  if (to < 0) {
    errno = EBADF;
    return -1;
  }
  int copy = dup(from);
  if (copy < 0 && errno != EMFILE)
    return -1;
  if (from == to || copy < 0) { /* EMFILE: once `to` is closed, it is the only free one */
    if (from != to)
      close_quietly(to);
    else if (copy >= 0)
      close_quietly(copy);
    return from == to ? to : dup(from);
  }
  if (copy == to)
    return to;
  close_quietly(to);
  int result = dup_at(from, to);
  close_quietly(copy);
  return result;
}

int isatty(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && st.type == T_DEVICE;
}

int write_all(int fd, const void *buf, int n) {
  const char *p = buf;
  int done = 0;
  while (done < n) {
    int k = write(fd, p + done, n - done);
    if (k <= 0)
      return -1;
    done += k;
  }
  return n;
}
