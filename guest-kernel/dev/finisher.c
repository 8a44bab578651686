// The finisher ("SiFive test device"): a register that switches the machine off.

#include "types.h"
#include "memlayout.h"
#include "riscv.h"
#include "defs.h"

#define PASS 0x5555          // exit status 0
#define FAIL 0x3333          // exit status in the upper half

// Switch the machine off with an exit status: its low 8 bits, but never 0 for a code that is not 0.
void
poweroff(int code)
{
  uint32 status = code & 0xff;
  if (code != 0 && status == 0)
    status = 1;
  __sync_synchronize();
  *(volatile uint32 *)FINISHER = code == 0 ? PASS : status << 16 | FAIL;
  for (;;)                   // it takes effect at once; this is for a machine without one
    asm volatile("wfi");
}
