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
const HUGE = 2 ** 21;

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
};

/** The programs as files. */
export const programFiles = (): { path: string; bytes: Uint8Array }[] => Object.entries(PROGRAMS).map(([name, make]) => ({ path: `/${name}`, bytes: userProgram(make) }));

const V = "guest-kernel/vm/";

/** An entry that is made for a fetch has no U bit. */
const MISSING_U: readonly Edit[] = [{ file: `${V}pmap.c`, from: "flags = pmap_user_flags(rights) | (access & PROT_WRITE ? PTE_D : 0), frame", to: "flags = (pmap_user_flags(rights) & ~(access & PROT_EXEC ? PTE_U : 0)) | (access & PROT_WRITE ? PTE_D : 0), frame" }];
/** How fileread begins. */
const READ_BEGINS = "  if (!f->readable)\n    return -EBADF;\n  if (n < 0)\n    return -EINVAL;\n  if (f->type == FD_PIPE)\n    return piperead";

export const BUGS: readonly Bug[] = [
  { name: "missing-u-bit", edits: MISSING_U, boot: true, named: /likely: the kernel forgot the U bit/ },
  { name: "forgotten-sfence", edits: [{ file: `${V}pmap_tlb.c`, from: '"sfence.vma zero, %0"', to: '"# %0"' }, { file: `${V}pmap_tlb.c`, from: '"sfence.vma %0, %1"', to: '"# %0 %1"' }],
    alarm: "stale", command: "cowdemo", named: /^alarm stale: .*through an old translation.*has executed no sfence\.vma for it since/m },
  { name: "reference-one-short", edits: [{ file: `${V}vm_map_fork.c`, from: "    e->object->ref_count++;\n", to: "" }],
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
  { name: "entry-left-behind", edits: [{ file: `${V}pmap.c`, from: "for (uint64 va = start; va < end; va += PGSIZE) {\n    pte_t *pte = &table[PX(0, va)];\n    if (!(*pte & PTE_V))\n      continue;\n    *pte = 0;", to: "for (uint64 va = start; va < end; va += PGSIZE) {\n    pte_t *pte = &table[PX(0, va)];\n    if (!(*pte & PTE_V) || (va + PGSIZE == end && end - start > PGSIZE))\n      continue;\n    *pte = 0;" }],
    alarm: "freed-mapped", command: "unmaps", named: /^alarm freed-mapped: frame 0x8\w+ was freed by \w+\+0x\w+ at t=[\d,]+, and pid \d+ unmaps still maps it at 0x50002000 \(entry 0x8\w+ VRW\.U\.AD\)[^]*^ {2}freed by vm_page_free\(\) <- .*sys_munmap\(\)[^]*^ {2}this PTE was last written by pmap_enter\(\)/m },
  { name: "stale-code", edits: [{ file: `${V}pmap.c`, from: "    *pte &= ~withdraw;\n    pmap_changed(ch, va, size);", to: "    *pte &= ~withdraw;\n    if (withdraw & PTE_W)\n      pmap_changed(ch, va, size);" }],
    alarm: "stale", command: "jumper", named: /^alarm stale: a fetch at 0x50000000 went to 0x8\w+ through an old translation\. .* from 0x\w+ VRWXU\.AD to 0x\w+ VRW\.U\.AD by pmap_protect\+0x\w+ on hart 0 .*that refuses it \(not-executable\), and hart 0 has executed no sfence\.vma for it since/m },
  { name: "stuck-fault", edits: MISSING_U, alarm: "same-fault", early: true, boot: true,
    named: /^alarm same-fault: pid 1 init was sent back 3 times in a row to pc 0x10000, and its fetch at 0x10000 is refused as before \(supervisor-page;/m },
  { name: "used-after-free", edits: [{ file: "guest-kernel/fs/pipe.c", from: "    kpage_free(p->data);\n    kpage_free(p);\n", to: "    kpage_free(p->data);\n    kpage_free(p);\n    p->readopen = 0;\n" }],
    alarm: "junk", command: "cat README | wc", named: /^alarm junk: pipeclose\+0x\w+ .*writes \d bytes at 0x8\w+, in frame 0x8\w+, which is free/m },
  { name: "deep-stack", edits: [{ file: "guest-kernel/fs/file.c", from: READ_BEGINS, to: `  volatile char deep[7500];\n  for (int i = 7499; i >= 0; i--)\n    deep[i] = 1;\n  if (deep[n & 1] == 2)\n    return -EINVAL;\n${READ_BEGINS}` }],
    alarm: "stack", command: "cat README", named: /^alarm stack: fileread\+0x\w+ writes \d+ bytes above the end of the kernel stack 0x\w+-0x\w+ \(pid \d+ cat\)/m },
];
