/*
 * A kernel with xv6's shape and nothing else: its structures under xv6's names, filled in once, as a debugger finds
 * them in a real one. For tests of the monitor's view of such kernels.
 */
typedef unsigned long uint64;
typedef unsigned int uint;
typedef uint64 *pagetable_t;

#define NPROC 4
#define NCPU 2
#define PGSIZE 4096UL
#define KERNBASE 0x80000000UL
#define RAM_END (KERNBASE + (4UL << 20))
#define MAXVA (1UL << 38)
#define TRAMPOLINE (MAXVA - PGSIZE)
#define TRAPFRAME (TRAMPOLINE - PGSIZE)
#define KSTACK(i) (TRAMPOLINE - ((uint64)(i) + 1) * 2 * PGSIZE)

#define V 1UL
#define R 2UL
#define W 4UL
#define X 8UL
#define U 16UL
#define AD 0xc0UL

struct spinlock {
  uint locked;
};

struct context {
  uint64 ra, sp;
  uint64 s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
};

struct cpu {
  struct proc *proc;
  struct context context;
  int noff;
  int intena;
};

struct trapframe {
  uint64 kernel_satp, kernel_sp, kernel_trap, epc, kernel_hartid;
  uint64 ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
  uint64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
};

enum procstate { UNUSED, USED, SLEEPING, RUNNABLE, RUNNING, ZOMBIE };

struct proc {
  struct spinlock lock;
  enum procstate state;
  void *chan;
  int killed;
  int xstate;
  int pid;
  struct proc *parent;
  uint64 kstack;
  uint64 sz;
  pagetable_t pagetable;
  struct trapframe *trapframe;
  struct context context;
  char name[16];
};

struct run {
  struct run *next;
};

struct {
  struct spinlock lock;
  struct run *freelist;
} kmem;

struct cpu cpus[NCPU];
struct proc proc[NPROC];
pagetable_t kernel_pagetable;
char stack0[PGSIZE] __attribute__((aligned(16)));
volatile int ready;
extern char end[];

void
kfree(void *pa)
{
  struct run *r = pa;

  for (uint64 i = 1; i < PGSIZE / 8; i++)
    ((uint64 *)pa)[i] = 0x0101010101010101UL;
  r->next = kmem.freelist;
  kmem.freelist = r;
}

void *
kalloc(void)
{
  struct run *r = kmem.freelist;

  kmem.freelist = r->next;
  for (uint64 i = 0; i < PGSIZE / 8; i++)
    ((uint64 *)r)[i] = 0;
  return r;
}

void
mappage(pagetable_t table, uint64 va, uint64 pa, uint64 perm)
{
  for (int level = 2; level > 0; level--) {
    uint64 *pte = &table[(va >> (12 + 9 * level)) & 511];
    if (!(*pte & V))
      *pte = (uint64)kalloc() >> 12 << 10 | V;
    table = (pagetable_t)(*pte >> 10 << 12);
  }
  table[(va >> 12) & 511] = pa >> 12 << 10 | perm | AD | V;
}

/* The page of the trampoline, where three names begin. */
__asm__(".pushsection trampsec, \"ax\"; .balign 4096; .globl _trampoline, trampoline, uservec, userret;"
        "_trampoline: trampoline: uservec: csrw sscratch, a0; li a0, 1; slli a0, a0, 13; jr t0; userret: sret; .balign 4096; .popsection");
extern char trampoline[];

/* A process with so many pages from 0 on, the second without U: the guard below its stack. */
static void
make(int slot, int pid, const char *name, enum procstate state, int pages)
{
  struct proc *p = &proc[slot];

  p->pid = pid;
  p->state = state;
  p->kstack = KSTACK(slot);
  p->sz = (uint64)pages * PGSIZE;
  p->pagetable = kalloc();
  p->trapframe = kalloc();
  p->trapframe->epc = 0x1234;
  p->trapframe->sp = 0x2ff0;
  p->trapframe->a7 = 16;
  p->context.ra = (uint64)kfree;
  p->context.sp = p->kstack + PGSIZE - 64;
  for (int i = 0; i < 15 && name[i]; i++)
    p->name[i] = name[i];
  mappage(p->pagetable, TRAPFRAME, (uint64)p->trapframe, R | W);
  mappage(p->pagetable, TRAMPOLINE, (uint64)trampoline, R | X);
  for (int i = 0; i < pages; i++)
    mappage(p->pagetable, (uint64)i * PGSIZE, (uint64)kalloc(), R | (i == 0 ? X | U : i == 1 ? W : W | U));
  mappage(kernel_pagetable, p->kstack, (uint64)kalloc(), R | W);
}

void
panic(char *s)
{
  for (;;)
    __asm__ volatile("" : : "r"(s));
}

void
main(void)
{
  for (uint64 pa = ((uint64)end + PGSIZE - 1) & ~(PGSIZE - 1); pa < RAM_END; pa += PGSIZE)
    kfree((void *)pa);
  kernel_pagetable = kalloc();
  for (uint64 pa = KERNBASE; pa < RAM_END; pa += PGSIZE)
    mappage(kernel_pagetable, pa, pa, R | W | X);
  make(0, 1, "init", SLEEPING, 3);
  make(1, 2, "sh", RUNNING, 4);
  make(2, 5, "zed", ZOMBIE, 0);
  proc[0].chan = &proc[0];
  proc[1].parent = &proc[0];
  cpus[0].proc = &proc[1];
  __asm__ volatile("csrw satp, %0; sfence.vma" : : "r"(8UL << 60 | (uint64)kernel_pagetable >> 12) : "memory");
  ready = 1;
  for (;;)
    ready++;
}

/* Machine mode: open memory, go to main in supervisor mode. */
__attribute__((naked, section(".text.start"))) void
start(void)
{
  __asm__ volatile("csrr t0, mhartid; 1: bnez t0, 1b; la sp, stack0 + 4096;"
                   "li t0, -1; csrw pmpaddr0, t0; li t0, 0xf; csrw pmpcfg0, t0;"
                   "li t0, 0x800; csrw mstatus, t0; la t0, main; csrw mepc, t0; mret");
}
