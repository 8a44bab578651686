// The console: lines from the keyboard, edited here until they are complete, and output.
//
//   backspace, DEL   erase a character        ^D   end of file; after some text: hand the text over
//   ^W               erase a word             ^P   list the processes
//   ^U               erase the line           CR   is taken as newline
//   ^C               erase the line; SIGINT for what runs in the foreground
//
// Escape sequences (arrow keys and the like) and other control characters are dropped.

#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "file.h"
#include "defs.h"
#include "abi/errno.h"

#define CTRL(c)   ((c) - '@')
#define DEL       0x7f
#define ESC       0x1b
#define INPUT     1024       // a power of two
#define CHUNK     128        // bytes that pass through the kernel stack at a time

static struct {
  struct spinlock lock;
  char buf[INPUT];
  uint read;                 // next byte to hand to a reader (counts, modulo 2^32)
  uint ready;                // end of what readers may have
  uint edit;                 // end of the line that is being typed
  enum { PLAIN, ESCAPED, SEQUENCE } state;
  int shell_waits;           // a shell (a child of init) waits for a line
  int since;                 // the next process number when it got its last one
} cons;

// Print a byte of the kernel's own: at once, without locks, so that panics can do it.
void
consputc(int c)
{
  uartputc_sync(c);
}

// Wipe out the last character on the screen.
static void
rub_out(void)
{
  consputc('\b');
  consputc(' ');
  consputc('\b');
}

static char
last(void)
{
  return cons.buf[(cons.edit - 1) % INPUT];
}

// Erase the last character of the line, all bytes of it if it is UTF-8.
static void
erase(void)
{
  if (cons.edit == cons.ready)
    return;
  while ((last() & 0xc0) == 0x80 && cons.edit - 1 != cons.ready)
    cons.edit--;
  cons.edit--;
  rub_out();
}

static void
erase_word(void)
{
  while (cons.edit != cons.ready && last() == ' ')
    erase();
  while (cons.edit != cons.ready && last() != ' ')
    erase();
}

// Let readers have what has been typed.
static void
hand_over(void)
{
  cons.ready = cons.edit;
  wakeup(&cons.read);
}

// Add a byte to the line and echo it. One place stays free for the end of the line.
static void
type(int c)
{
  uint room = INPUT - (cons.edit - cons.read);
  if (room <= (c == '\n' ? 0 : 1))
    return;
  cons.buf[cons.edit++ % INPUT] = c;
  if (c != CTRL('D'))
    consputc(c);
  if (c == '\n')
    hand_over();
}

// Is c part of an escape sequence? ESC [ ... letter, ESC O letter, ESC letter.
static int
in_escape(int c)
{
  switch (cons.state) {
  case PLAIN:
    if (c == ESC)
      cons.state = ESCAPED;
    return c == ESC;
  case ESCAPED:
    cons.state = c == '[' || c == 'O' ? SEQUENCE : PLAIN;
    return 1;
  default:
    if (c >= '@' && c <= '~')
      cons.state = PLAIN;
    return 1;
  }
}

// ^C. cons.lock is held, and given back. There are no process groups: "in the foreground" is all that
// was born since a shell got its last line, so that earlier jobs in the background are spared. A shell
// is a child of init; at its prompt it gets an empty line, for a new prompt.
static void
interrupt_foreground(void)
{
  int since = cons.since;

  cons.edit = cons.ready;
  consputc('^');
  consputc('C');
  if (cons.shell_waits)
    type('\n');
  else
    consputc('\n');
  release(&cons.lock);
  interrupt_born_since(since);
}

// A byte has arrived (interrupt handler).
void
consoleintr(int c)
{
  acquire(&cons.lock);
  if (in_escape(c)) {
    release(&cons.lock);
    return;
  }
  switch (c) {
  case CTRL('P'):
    release(&cons.lock);     // the list takes a while, and looks at sleepers on the console, too
    procdump();
    return;
  case CTRL('C'):
    interrupt_foreground();
    return;
  case CTRL('H'):
  case DEL:
    erase();
    break;
  case CTRL('W'):
    erase_word();
    break;
  case CTRL('U'):
    while (cons.edit != cons.ready)
      erase();
    break;
  case CTRL('D'):
    if (cons.edit == cons.ready)
      type(CTRL('D'));
    hand_over();
    break;
  case '\r':
  case '\n':
    type('\n');
    break;
  default:
    if ((c >= ' ' && c <= 0xff) || c == '\t')
      type(c);
  }
  release(&cons.lock);
}

// Read up to n bytes, but not beyond the end of a line; waits for one. The number of bytes, 0 at ^D,
// or -EINTR, -EFAULT.
static int
consoleread(int user, uint64 dst, int n)
{
  char chunk[CHUNK];
  int got = 0, shell = parent_number(myproc()) == 1;

  if (n == 0)
    return 0;
  acquire(&cons.lock);
  while (cons.read == cons.ready) {
    if (interrupted(myproc())) {
      release(&cons.lock);
      return -EINTR;
    }
    cons.shell_waits += shell;
    sleep_intr(&cons.read, &cons.lock);
    cons.shell_waits -= shell;
  }
  if (shell)
    cons.since = next_process_number();
  while (got < n && got < CHUNK && cons.read != cons.ready) {
    char c = cons.buf[cons.read % INPUT];
    if (c == CTRL('D')) {    // stored only where a line would begin
      if (got == 0)
        cons.read++;
      break;
    }
    cons.read++;
    chunk[got++] = c;
    if (c == '\n')
      break;
  }
  release(&cons.lock);
  return either_copyout(user, dst, chunk, got) < 0 ? -EFAULT : got;
}

// Write n bytes. The number of bytes, or -errno if there are none.
static int
consolewrite(int user, uint64 src, int n)
{
  char chunk[CHUNK];
  int done = 0;

  while (done < n) {
    int m = n - done < CHUNK ? n - done : CHUNK;
    if (either_copyin(chunk, user, src + done, m) < 0)
      return done > 0 ? done : -EFAULT;
    if (uartwrite(chunk, m) < 0)
      return done > 0 ? done : -EINTR;
    done += m;
  }
  return done;
}

// Set up the port and the device that programs open.
void
consoleinit(void)
{
  initlock(&cons.lock, "console");
  uartinit();
  devsw[CONSOLE].read = consoleread;
  devsw[CONSOLE].write = consolewrite;
}
