// The mistakes that are planted into our kernel, what brings each to light, and what must be said of it.
import { type Edit } from "./planted.ts";
import { userProgram, type UserAsm } from "./why.ts";

export interface Bug {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** An alarm that is armed at the prompt; or `boot`: the kernel does not come so far. */
  readonly alarm?: string;
  readonly boot?: boolean;
  /** What is typed at the prompt. */
  readonly command?: string;
  /** How long the command is run, where it does not end. */
  readonly steps?: number;
  /** The alarm is on from power-on. */
  readonly early?: boolean;
  /** What the monitor is asked after so many steps more, by what the console shows: by default nothing, where it has told by itself, else `why`. */
  readonly ask?: { readonly steps: number; readonly line: (console: string) => string };
  /** A sentence that names the mistake: of the alarm, or the explanation. */
  readonly named: RegExp;
}

const AT = 0x50000000;
const ELSEWHERE = 0x60000000;
/** Pages that use up the kernel's store of zeroed frames, and some; nearly all frames of 32 MiB. */
const SOME = 600;
const MOST = 5500;
const HUGE = 2 ** 21;

/** Pages at ELSEWHERE are filled with pointers to themselves. */
const fill = (a: UserAsm, pages: number): UserAsm => a.call("mmap", ELSEWHERE, pages * 4096, 3, 0x32, -1, 0).li("s2", ELSEWHERE).li("s3", 4096).li("s4", ELSEWHERE + pages * 4096)
  .label("fill").s("sd", "s2", "s2").r("add", "s2", "s2", "s3").branch("bne", "s2", "s4", "fill") as UserAsm;

/** Unmaps three pages, fills others with pointers, writes to the third of the old ones, and follows the pointers. */
function dangle(a: UserAsm, pages: number): void {
  a.call("mmap", AT, 3 * 4096, 3, 0x32, -1, 0).li("s2", AT).li("s3", 4096);
  for (let i = 0; i < 3; i++) a.s("sd", "s2", "s2").r("add", "s2", "s2", "s3");
  a.call("munmap", AT, 3 * 4096);
  fill(a, pages).li("t0", AT + 8192).li("t1", 7).s("sd", "t1", "t0");
  a.li("s2", ELSEWHERE).label("follow").i("ld", "t0", "s2", 0).s("sd", "t0", "t0").r("add", "s2", "s2", "s3").branch("bne", "s2", "s4", "follow");
  a.call("exit", 0);
}

/** Programs that the bugs need, beside those of the disk. */
export const PROGRAMS: Readonly<Record<string, (a: UserAsm) => void>> = {
  /** A child lets pipe() write to memory that it shares with its parent, where this keeps a pointer that it uses later. */
  childpipe: (a) => {
    a.call("mmap", AT, 4096, 3, 0x32, -1, 0).li("s2", AT).s("sd", "s2", "s2");
    a.call("fork").branch("beq", "a0", "zero", "child").call("wait", 0).i("ld", "s3", "s2", 0).s("sd", "zero", "s3").call("exit", 0);
    a.label("child").call("pipe", AT).call("exit", 0);
  },
  /** A page of 2 MiB is written to. */
  large: (a) => {
    a.call("mmap", AT, 2 * HUGE, 3, 0x40032, -1, 0).li("s2", AT).s("sd", "s2", "s2").call("exit", 0);
  },
  /** Three pages are mapped, written to and unmapped; then it computes for a while. */
  unmaps: (a) => {
    a.call("mmap", AT, 3 * 4096, 3, 0x32, -1, 0).li("s2", AT).li("s3", 4096);
    for (let i = 0; i < 3; i++) a.s("sd", "s2", "s2").r("add", "s2", "s2", "s3");
    a.call("munmap", AT, 3 * 4096);
    a.li("t0", 4_000_000).label("busy").i("addi", "t0", "t0", -1).branch("bne", "t0", "zero", "busy");
    a.call("exit", 0);
  },
  /** Code is written to a page and called; then the page may no more be executed, and is called again. */
  jumper: (a) => {
    a.call("mmap", AT, 4096, 7, 0x32, -1, 0).li("s2", AT).li("t0", 0x8067).s("sw", "t0", "s2").i("jalr", "ra", "s2", 0); // 0x8067: ret
    a.call("mprotect", AT, 4096, 3).i("jalr", "ra", "s2", 0).call("exit", 0);
  },
  /** Shared memory, and a child that has it too; both compute. */
  sharer: (a) => {
    a.call("mmap", AT, 4096, 3, 0x31, -1, 0).li("s2", AT).s("sd", "s2", "s2").call("fork").label("busy").j("busy");
  },
  /** A child shares memory and ends; its parent has a pointer to that memory there, and uses it. */
  lender: (a) => {
    a.call("mmap", AT, 4096, 3, 0x31, -1, 0).li("s2", AT).s("sd", "s2", "s2").call("fork").branch("beq", "a0", "zero", "child").call("wait", 0);
    a.i("ld", "s3", "s2", 0).s("sd", "s3", "s3").call("exit", 0);
    a.label("child").call("exit", 0);
  },
  /** The same, and the parent goes on in another page of that memory. */
  lendmore: (a) => {
    a.call("mmap", AT, 3 * 4096, 3, 0x31, -1, 0).li("s2", AT).s("sd", "s2", "s2").call("fork").branch("beq", "a0", "zero", "child").call("wait", 0);
    a.li("s2", AT + 8192).s("sd", "s2", "s2").call("exit", 0);
    a.label("child").call("exit", 0);
  },
  dangling: (a) => dangle(a, SOME),
  dangling2: (a) => dangle(a, MOST),
  /** Makes a pipe and closes it; then it forks and writes to a page that its child shares. */
  closer: (a) => {
    a.call("mmap", AT, 4096, 3, 0x32, -1, 0).li("s2", AT).s("sd", "s2", "s2").call("pipe", AT + 8);
    for (const at of [8, 12]) a.i("lw", "a0", "s2", at).call("close");
    a.call("fork").s("sd", "s2", "s2").call("exit", 0);
  },
};

/** The programs as files. */
export const programFiles = (): { path: string; bytes: Uint8Array }[] => Object.entries(PROGRAMS).map(([name, make]) => ({ path: `/${name}`, bytes: userProgram(make) }));

const V = "guest-kernel/vm/";

/** An entry that is made for a fetch has no U bit. */
const MISSING_U: readonly Edit[] = [{ file: `${V}pmap.c`, from: "flags = pmap_user_flags(rights) | (access & PROT_WRITE ? PTE_D : 0), frame", to: "flags = (pmap_user_flags(rights) & ~(access & PROT_EXEC ? PTE_U : 0)) | (access & PROT_WRITE ? PTE_D : 0), frame" }];
/** How fileread begins. */
const READ_BEGINS = "  if (!f->readable)\n    return -EBADF;\n  if (n < 0)\n    return -EINVAL;\n  if (f->type == FD_PIPE)\n    return piperead";

/** A shared object is attached to a child's entry without being counted. */
const ONE_SHORT: readonly Edit[] = [{ file: `${V}vm_map_fork.c`, from: "    e->object->ref_count++;\n", to: "" }];
/** pmap_remove leaves the last of several pages in the page table. */
const LEFT_BEHIND: readonly Edit[] = [{ file: `${V}pmap.c`, from: "for (uint64 va = start; va < end; va += PGSIZE) {\n    pte_t *pte = &table[PX(0, va)];\n    if (!(*pte & PTE_V))\n      continue;\n    *pte = 0;", to: "for (uint64 va = start; va < end; va += PGSIZE) {\n    pte_t *pte = &table[PX(0, va)];\n    if (!(*pte & PTE_V) || (va + PGSIZE == end && end - start > PGSIZE))\n      continue;\n    *pte = 0;" }];

export const BUGS: readonly Bug[] = [
  { name: "missing-u-bit", edits: MISSING_U, boot: true, named: /likely: the kernel forgot the U bit/ },
  { name: "forgotten-sfence", edits: [{ file: `${V}pmap_tlb.c`, from: '"sfence.vma zero, %0"', to: '"# %0"' }, { file: `${V}pmap_tlb.c`, from: '"sfence.vma %0, %1"', to: '"# %0 %1"' }],
    alarm: "stale", command: "cowdemo", named: /^alarm stale: .*through an old translation.*has executed no sfence\.vma for it since/m },
  { name: "reference-one-short", edits: ONE_SHORT,
    alarm: "refs", command: "sharer", steps: 2_000_000, named: /^alarm refs: object 0x8\w+, references to the object: the kernel says 1, found 2 \(pid \d+ at 0x50000000, pid \d+ at 0x50000000\): it will be freed while it is in use[^]*^ {2}who refers to it was changed last by vm_entry_attach\(\) <- fork_entry\(\) <- vm_map_fork\(\)/m },
  { name: "copyout-without-cow", edits: [{ file: `${V}copy.c`, from: "char *to = user_page(map, to_va, PROT_WRITE);", to: "char *to = user_page(map, to_va, PROT_READ);" }],
    alarm: "cow-write", command: "childpipe", named: /^alarm cow-write: copyout, called by sys_pipe\S*, has written to page 0x50000000, which user mode may not write/m },
  { name: "freed-twice", edits: [{ file: `${V}vm_object.c`, from: "    vm_page_free(pg);\n", to: "    vm_page_free(pg);\n    vm_page_free(pg);\n" }],
    alarm: "double-free", early: true, boot: true, named: /^alarm double-free: frame 0x8\w+ is free already, and \w+\+0x\w+ frees it again/m },
  { name: "pipe-freed-twice", edits: [{ file: "guest-kernel/fs/pipe.c", from: "    kpage_free(p->data);\n    kpage_free(p);\n", to: "    kpage_free(p->data);\n    kpage_free(p);\n    kpage_free(p);\n" }],
    command: "cat README | wc", named: /^panic on hart 0, pid \d+ wc: 0x\w+ is freed but is no kernel page\nkernel panic[^]*kpage_free\(\) vm\/kmem\.c:\d+\n +fileclose\(\) fs\/file\.c:\d+/m },
  { name: "kernel-null-pointer", edits: [{ file: "guest-kernel/fs/file.c", from: "  if (f->type == FD_PIPE)\n    return piperead", to: "  if (f->type != FD_PIPE)\n    return piperead" }],
    command: "cat README", named: /^panic on hart 0[^]*^store page fault {3}the kernel, for \w+ pid \d+[^]*acquire\(\) [^]*called by piperead\(\) <- sys_read\(\)[^]*outcome: the kernel panicked[^]*likely: a null pointer in a0/m },
  { name: "guard-mapped", edits: [
    { file: `${V}pmap_kernel.c`, from: "for (uint64 offset = 0; offset < KSTACKSIZE; offset += PGSIZE)\n      kernel_map(KSTACK(slot) + offset", to: "for (uint64 offset = 0; offset < KSTACKSIZE + PGSIZE; offset += PGSIZE)\n      kernel_map(KSTACK(slot) - PGSIZE + offset" },
    { file: "guest-kernel/fs/file.c", from: "  if (!f->readable)\n    return -EBADF;\n  if (n < 0)\n    return -EINVAL;\n  if (f->type == FD_PIPE)\n    return piperead", to: "  volatile char deep[8100];\n  for (int i = 8099; i >= 0; i--)\n    deep[i] = 1;\n  if (deep[n & 1] == 2)\n    return -EINVAL;\n  if (!f->readable)\n    return -EBADF;\n  if (n < 0)\n    return -EINVAL;\n  if (f->type == FD_PIPE)\n    return piperead" },
  ], command: "cat README", ask: { steps: 20_000_000, line: (text) => `why ${/sp (0x\w+) is in the guard/.exec(text)?.[1] ?? "0"} as store in kernel` }, named: /likely: the guard below the kernel stack of pid \d+ \w+ is mapped/ },
  { name: "misaligned-superpage", edits: [{ file: `${V}pmap.c`, from: "leaf = PA2PTE(page_pa(first)) |", to: "leaf = PA2PTE(page_pa(first) + PGSIZE) |" }], command: "large", named: /refused: a 2 MiB page must begin at a multiple of its size/ },
  { name: "entry-left-behind", edits: LEFT_BEHIND,
    alarm: "freed-mapped", command: "unmaps", named: /^alarm freed-mapped: frame 0x8\w+ was freed by \w+\+0x\w+ at t=[\d,]+, and pid \d+ unmaps still maps it at 0x50002000 \(entry 0x8\w+ VRW\.U\.AD\)[^]*^ {2}freed by vm_page_free\(\) <- .*sys_munmap\(\)[^]*^ {2}this PTE was last written by pmap_enter\(\)/m },
  { name: "stale-code", edits: [{ file: `${V}pmap.c`, from: "    *pte &= ~withdraw;\n    pmap_changed(ch, va, size);", to: "    *pte &= ~withdraw;\n    if (withdraw & PTE_W)\n      pmap_changed(ch, va, size);" }],
    alarm: "stale", command: "jumper", named: /^alarm stale: a fetch at 0x50000000 went to 0x8\w+ through an old translation\. .* from 0x\w+ VRWXU\.AD to 0x\w+ VRW\.U\.AD by pmap_protect\+0x\w+ on hart 0 .*that refuses it \(not-executable\), and hart 0 has executed no sfence\.vma for it since/m },
  { name: "stuck-fault", edits: MISSING_U, alarm: "same-fault", early: true, boot: true,
    named: /^alarm same-fault: pid 1 init was sent back 3 times in a row to pc 0x10000, and its fetch at 0x10000 is refused as before \(supervisor-page;/m },
  { name: "used-after-free", edits: [{ file: "guest-kernel/fs/pipe.c", from: "    kpage_free(p->data);\n    kpage_free(p);\n", to: "    kpage_free(p->data);\n    kpage_free(p);\n    p->readopen = 0;\n" }],
    alarm: "junk", command: "cat README | wc", named: /^alarm junk: pipeclose\+0x\w+ .*writes \d bytes at 0x8\w+, in frame 0x8\w+, which is free/m },
  { name: "user-pointer", edits: [
    { file: `${V}pmap_kernel.c`, from: "/* Switch this hart to the kernel's table. */", to: "/* Show one page of user memory to the kernel, at its own address. */\nvoid\npmap_show(uint64 va, uint64 pa)\n{\n  static pte_t *entry;\n\n  if (entry)\n    *entry = 0;\n  kernel_map(va, pa, PGSIZE, PTE_R | PTE_W | PTE_U);\n  pagetable_t table = kernel_root;\n  for (int level = 2; level > 0; level--)\n    table = (pagetable_t)PTE2PA(table[PX(level, va)]);\n  entry = &table[PX(0, va)];\n  __asm__ volatile(\"sfence.vma\" : : : \"memory\");\n}\n\n/* Switch this hart to the kernel's table. */" },
    { file: `${V}copy.c`, from: "    memmove(to, source, part);\n    pmap_let_go(&map->pmap);\n    n -= part;\n    source += part;", to: "    void pmap_show(uint64, uint64);\n    pmap_show(PGROUNDDOWN(to_va), PGROUNDDOWN((uint64)to));\n    csr_set(sstatus, 1UL << 18);\n    memmove((void *)to_va, source, part);\n    csr_clear(sstatus, 1UL << 18);\n    pmap_let_go(&map->pmap);\n    n -= part;\n    source += part;" },
  ], alarm: "kernel-write", command: "cat README", named: /^alarm kernel-write: \w+\+0x\w+ guest-kernel\/lib\/string\.c:\d+ stores to 0x\w+, a page for user mode \(entry 0x8\w+ VRW\.U\.AD\)[^]*^ {2}called by .*copyout\(\) <- /m },
  { name: "reference-one-short-symptom", edits: ONE_SHORT, command: "lender",
    named: /^store page fault {3}lender pid 5[^]*^ {2}likely: the kernel has freed object 0x8\w+ .*\(pid 5 lender at 0x50000000\)[^]*went from 1 to 0 in vm_object_release_range\(\) .*for exit in pid 6 lender.*\n.* from 0 to 1 in vm_object_create\(\) .*for mmap in pid 5/m },
  { name: "reference-one-short-hang", edits: ONE_SHORT, command: "lendmore", named: /^store page fault {3}lendmore pid 5[^]*^ {2}outcome: the kernel has not returned from it so far\n[^]*^ {2}likely: the kernel has freed object 0x8\w+ .*\(pid 5 lendmore at 0x50000000\)/m },
  { name: "entry-left-behind-panic", edits: LEFT_BEHIND, command: "dangling",
    named: /^panic on hart 0[^]*likely: the address was in memory at 0x8\w+, in frame 0x8\w+, which is free and was written after it was freed\.\n.*last written by 0x100\w+ in pid 5 dangling/m },
  { name: "entry-left-behind-symptom", edits: LEFT_BEHIND, command: "dangling2",
    named: /^store page fault {3}dangling2 pid 5[^]*^ {2}likely: pid 5 dangling2 can still write frame 0x8\w+ at 0x50002000 \(entry 0x8\w+ VRW\.U\.AD\), and its map has nothing there: the frame is page [\d,]+ of anonymous object/m },
  { name: "written-after-free", edits: [{ file: "guest-kernel/fs/pipe.c", from: "    kpage_free(p->data);\n    kpage_free(p);\n", to: "    kpage_free(p->data);\n    kpage_free(p);\n    p->lock.name = 0;\n" }],
    command: "closer", named: /^panic on hart 0.*was written after it was freed[^]*^ {2}likely: \w+ \(0x8\w+\) points into frame 0x8\w+, which is free and was written after it was freed\.\n.*last written by pipeclose\(\)[^]*freed by vm_page_free\(\) <- kpage_free\(\) <- pipeclose/m },
  { name: "deep-stack", edits: [{ file: "guest-kernel/fs/file.c", from: READ_BEGINS, to: `  volatile char deep[7500];\n  for (int i = 7499; i >= 0; i--)\n    deep[i] = 1;\n  if (deep[n & 1] == 2)\n    return -EINVAL;\n${READ_BEGINS}` }],
    alarm: "stack", command: "cat README", named: /^alarm stack: fileread\+0x\w+ writes \d+ bytes above the end of the kernel stack 0x\w+-0x\w+ \(pid \d+ cat\)/m },
];
