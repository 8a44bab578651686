/* What fstat tells about a file. */
#ifndef ABI_STAT_H
#define ABI_STAT_H

#include "types.h"

#define T_DIR 1    /* directory */
#define T_FILE 2   /* file */
#define T_DEVICE 3 /* device */

struct stat {
  int dev;     /* disk that holds the file */
  uint ino;    /* inode number */
  short type;  /* T_DIR, T_FILE or T_DEVICE */
  short nlink; /* names that lead to it */
  uint64 size; /* bytes */
};

#endif
