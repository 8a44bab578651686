/* The environment: exec leaves it behind argv, libc_start (auxv.c) notes where. */
#include <unistd.h>

char **environ;
