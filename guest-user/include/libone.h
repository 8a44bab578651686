/* libone, for the tests of the dynamic linker. */
#ifndef PW_LIBONE_H
#define PW_LIBONE_H

#include <sys/types.h>

extern int one_variable;
extern int one_bss[1500];
int one_constructed(void);
int one_through_pointer(void);
int one_increment(void);
int (*one_function(void))(void);
int one_override(void);
int one_calls_override(void);
uint64 one_address(void);

#endif
