/* The major number of the console, for mknod. */
#ifndef CONSOLE
#define CONSOLE 1
#endif
