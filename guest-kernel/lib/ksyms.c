/* Names of kernel functions, for backtraces. */
#include "types.h"
#include "defs.h"
#include "ksyms.h"

extern char text_start[], text_end[];

/* Name of the function that holds address, and the offset into it; null outside the kernel's text or without a table. */
const char *
ksym_lookup(uint64 address, uint64 *offset)
{
  long low = 0, high = ksyms_end - ksyms_start - 1; /* without the last entry */

  if (address < (uint64)text_start || address >= (uint64)text_end)
    return 0;
  while (low < high) {
    long middle = (low + high) / 2;
    if (ksyms_start[middle].address <= address)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0)
    return 0;
  *offset = address - ksyms_start[low - 1].address;
  return ksymstr_start + ksyms_start[low - 1].name;
}
