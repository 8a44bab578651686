/* Sentences for errno values; perror. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct { int error; const char *text; } sentences[] = {
  { 0, "no error" },
#ifdef EPERM
  { EPERM, "operation not permitted" },
#endif
#ifdef ENOENT
  { ENOENT, "no such file or directory" },
#endif
#ifdef ESRCH
  { ESRCH, "no such process" },
#endif
#ifdef EINTR
  { EINTR, "interrupted" },
#endif
#ifdef EIO
  { EIO, "input/output error" },
#endif
#ifdef ENXIO
  { ENXIO, "no such device or address" },
#endif
#ifdef E2BIG
  { E2BIG, "argument list too long" },
#endif
#ifdef ENOEXEC
  { ENOEXEC, "not a program" },
#endif
#ifdef EBADF
  { EBADF, "bad file descriptor" },
#endif
#ifdef ECHILD
  { ECHILD, "no child processes" },
#endif
#ifdef EAGAIN
  { EAGAIN, "too many processes" },
#endif
#ifdef ENOMEM
  { ENOMEM, "out of memory" },
#endif
#ifdef EACCES
  { EACCES, "permission denied" },
#endif
#ifdef EFAULT
  { EFAULT, "bad address" },
#endif
#ifdef EBUSY
  { EBUSY, "busy" },
#endif
#ifdef EEXIST
  { EEXIST, "file exists" },
#endif
#ifdef EXDEV
  { EXDEV, "on another device" },
#endif
#ifdef ENODEV
  { ENODEV, "no such device" },
#endif
#ifdef ENOTDIR
  { ENOTDIR, "not a directory" },
#endif
#ifdef EISDIR
  { EISDIR, "is a directory" },
#endif
#ifdef EINVAL
  { EINVAL, "invalid argument" },
#endif
#ifdef ENFILE
  { ENFILE, "too many open files in system" },
#endif
#ifdef EMFILE
  { EMFILE, "too many open files" },
#endif
#ifdef EFBIG
  { EFBIG, "file too large" },
#endif
#ifdef ENOSPC
  { ENOSPC, "no space left on disk" },
#endif
#ifdef EROFS
  { EROFS, "read-only file system" },
#endif
#ifdef EMLINK
  { EMLINK, "too many links" },
#endif
#ifdef EPIPE
  { EPIPE, "nobody reads this pipe" },
#endif
#ifdef ERANGE
  { ERANGE, "number out of range" },
#endif
#ifdef ENAMETOOLONG
  { ENAMETOOLONG, "name too long" },
#endif
#ifdef ENOSYS
  { ENOSYS, "no such system call" },
#endif
#ifdef ENOTEMPTY
  { ENOTEMPTY, "directory not empty" },
#endif
#ifdef ELOOP
  { ELOOP, "too many levels" },
#endif
};

const char *strerror(int error) {
  for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
    if (sentences[i].error == error)
      return sentences[i].text;
  return "unknown error";
}

void perror(const char *message) {
  dprintf(2, "%s: %s\n", message, strerror(errno));
}
