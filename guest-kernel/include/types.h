/* Integer types of the kernel. uint64 also holds virtual and physical addresses. */
#ifndef TYPES_H
#define TYPES_H

#include "abi/types.h"
#include <stddef.h>

typedef uint64 pte_t;        /* one Sv39 page-table entry */
typedef uint64 *pagetable_t; /* a table of 512 of them, one frame */

#endif
