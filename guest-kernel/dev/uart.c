// The serial port, a 16550.
//
// Output of processes goes through a ring and is driven by the "transmitter empty" interrupt, which is
// enabled only while the ring holds something. The kernel's own messages do not wait for anybody:
// uartputc_sync polls, needs no lock and no set-up, and so works from the first instruction to a panic.

#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "spinlock.h"
#include "proc.h"
#include "defs.h"

#define RHR 0                // read: received byte
#define THR 0                // write: byte to send
#define IER 1                // interrupt enable
#define FCR 2                // write: FIFO control
#define ISR 2                // read: interrupt status
#define LCR 3                // line control
#define LSR 5                // line status

#define IER_RX      1
#define IER_TX      2
#define FCR_ENABLE  1
#define FCR_CLEAR   6        // both FIFOs
#define LCR_8BITS   3
#define LCR_DIVISOR 128      // registers 0 and 1 are the baud rate's divisor
#define LSR_RX      1        // a received byte waits
#define LSR_TX      32       // the send FIFO is empty

#define FIFO        8        // bytes put into the empty send FIFO at once: half of it, the kernel's messages may come between
#define RING        1024     // a power of two

static struct {
  struct spinlock lock;
  char ring[RING];
  uint put, taken;           // counts of bytes, modulo 2^32
  uchar ier;
} uart;

static volatile uchar *
reg(int r)
{
  return (volatile uchar *)(UART0 + r);
}

// 38400 baud, 8 bits, FIFOs on, interrupt on input.
void
uartinit(void)
{
  initlock(&uart.lock, "uart");
  *reg(IER) = 0;
  *reg(LCR) = LCR_DIVISOR;
  *reg(0) = 3;
  *reg(1) = 0;
  *reg(LCR) = LCR_8BITS;
  *reg(FCR) = FCR_ENABLE | FCR_CLEAR;
  uart.ier = IER_RX;
  *reg(IER) = uart.ier;
}

// Send a byte now, waiting for the port as long as that takes.
void
uartputc_sync(int c)
{
  push_off();
  while ((*reg(LSR) & LSR_TX) == 0)
    ;
  *reg(THR) = c;
  pop_off();
}

// Move bytes from the ring to the port while it takes them; let it interrupt if some are left.
// uart.lock held.
static void
start(void)
{
  while (uart.taken != uart.put && (*reg(LSR) & LSR_TX)) {
    for (int i = 0; i < FIFO && uart.taken != uart.put; i++)
      *reg(THR) = uart.ring[uart.taken++ % RING];
  }
  uchar ier = uart.taken != uart.put ? IER_RX | IER_TX : IER_RX;
  if (ier != uart.ier) {
    uart.ier = ier;
    *reg(IER) = ier;
  }
}

// Send n bytes from kernel memory, sleeping while the ring is full. 0, or -1 if the process was killed
// meanwhile.
int
uartwrite(const char *s, int n)
{
  acquire(&uart.lock);
  for (int i = 0; i < n; i++) {
    while (uart.put - uart.taken == RING) {
      start();
      if (uart.put - uart.taken < RING)
        break;
      if (killed(myproc())) {
        release(&uart.lock);
        return -1;
      }
      sleep(&uart.taken, &uart.lock);
    }
    uart.ring[uart.put++ % RING] = s[i];
  }
  start();
  release(&uart.lock);
  return 0;
}

// Interrupt: input has arrived, or the port can take more output.
void
uartintr(void)
{
  (void)*reg(ISR);           // reading it acknowledges the transmitter's interrupt
  while (*reg(LSR) & LSR_RX)
    consoleintr(*reg(RHR));

  acquire(&uart.lock);
  uint before = uart.taken;
  start();
  if (uart.taken != before)
    wakeup(&uart.taken);
  release(&uart.lock);
}
