/* The auxiliary vector: what exec tells a program beside its arguments. It lies on the stack behind
 * argv, its NULL, the (empty) environment and its NULL, as pairs of a type and a value up to AT_NULL. */
#ifndef ABI_AUXV_H
#define ABI_AUXV_H

#include "types.h"

#define AT_NULL 0           /* the end */
#define AT_PHDR 3           /* the program's own program headers, in memory */
#define AT_PHENT 4          /* bytes of one */
#define AT_PHNUM 5          /* how many */
#define AT_PAGESZ 6         /* bytes of a page */
#define AT_BASE 7           /* where the dynamic linker was put; 0 when the program has none */
#define AT_ENTRY 9          /* the program's own first instruction */
#define AT_HWCAP 16         /* the extensions of the instruction set: bit n is the n-th letter, 'A' being 0 */
#define AT_RANDOM 25        /* 16 random bytes */
#define AT_EXECFN 31        /* the path given to exec */
#define AT_SYSINFO_EHDR 33  /* the vDSO's ELF header */

struct auxv {
  uint64 type;
  uint64 value;
};

#endif
