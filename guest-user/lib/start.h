/* Between crt0.S and the library. */
#ifndef PW_START_H
#define PW_START_H

/** Called first of all, with main's arguments: notes where the environment and the auxiliary vector are. */
void libc_start(int argc, char **argv);

/** The address of a function of the vDSO, or NULL where the kernel has none. */
void *vdso_function(const char *name);

#endif
