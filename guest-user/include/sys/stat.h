/* struct stat and the file types, from the kernel's abi/stat.h. */
#ifndef PW_SYS_STAT_H
#define PW_SYS_STAT_H

#include <sys/types.h>
#include <stat.h>
#include <unistd.h>

#endif
