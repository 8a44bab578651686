// Likely causes, where the pattern is known. These are guesses, and said to be: each rests on facts that were read, but the
// mistake itself is in a person's program.

import { FETCH, LOAD, STORE, SUPERVISOR, USER } from "../../mmu/walk.ts";
import { count, hex } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { LEVEL_SIZES } from "../pte.ts";
import type { Facts } from "./facts.ts";
import type { Cell } from "./origin.ts";
import type { Outcome } from "./outcome.ts";
import type { Subject } from "./subject.ts";
import type { Writer } from "./writer.ts";

/** Addresses below this are a null pointer and a member of what it should have pointed to. */
const NULL_REACH = 0x10000n;
/** This far from the stack pointer an address is one of the stack's. */
const STACK_REACH = 0x10000n;
/** So many equal faults before this one make an endless loop. */
const AGAIN = 3;

interface Case {
  readonly m: Monitor;
  readonly s: Subject;
  readonly f: Facts;
  readonly outcome: Outcome | undefined;
  readonly writers: readonly Writer[];
  readonly origin: readonly Cell[];
}

/** A guess, or undefined where its pattern is not met. */
type Guess = (c: Case) => string | undefined;

/** The guesses that fit, the most telling first, two at most. A fault that was served is as it should be. */
export function likely(c: Case): string[] {
  const served = c.outcome !== undefined && !["killed", "panic", "handled", "pending", "refused", "elsewhere", "returned"].includes(c.outcome.kind);
  if (served) return [];
  if (c.f.rule === "") return [leftBehind(c), guardMapped(c)].filter((g) => g !== undefined);
  return GUESSES.map((guess) => guess(c)).filter((g) => g !== undefined).slice(0, 2);
}

const text = (va: bigint): string | undefined => {
  const bytes = Array.from({ length: 8 }, (_, i) => Number((va >> BigInt(8 * i)) & 0xffn));
  return bytes.every((b) => b >= 0x20 && b < 0x7f) ? String.fromCharCode(...bytes) : undefined;
};

/** The byte that makes up most of an address; undefined where none does. */
function repeatedByte(va: bigint): number | undefined {
  const bytes = Array.from({ length: 8 }, (_, i) => Number((va >> BigInt(8 * i)) & 0xffn));
  const top = bytes[7]!;
  return top !== 0 && top !== 0xff && bytes.slice(2).every((b) => b === top) ? top : undefined;
}

/** Would the kernel's own map allow this access? */
function allowedByMap({ s, f }: Case): boolean {
  const map = f.mapped?.map;
  const rights = s.privilege === USER && map?.kernelOnly === true ? undefined : map?.rights;
  return rights !== undefined && rights[s.access === LOAD ? 0 : s.access === STORE ? 1 : 2] !== "-";
}

/** The pages that kernels show to every process beside its map begin here: trampoline, vDSO. */
const SHARED_PAGES = 0x3fffff0000n;

/** An access that is allowed, and should not be. */
const leftBehind: Guess = ({ s, f }) => (s.privilege === USER && f.walk?.pa !== undefined && f.mapped !== undefined && f.mapped.map === undefined && s.va < SHARED_PAGES
  ? "the kernel left this entry behind when it unmapped the page: its map has nothing there" : undefined);

/** Kernels leave so many bytes below a stack of theirs unmapped, at least. */
const GUARD = 4096n;

const guardMapped: Guess = ({ m, s }) => {
  const above = s.privilege !== SUPERVISOR || s.root === undefined ? undefined : m.view.kernelStacks().find((k) => s.va < k.start && s.va >= k.start - GUARD);
  return above === undefined ? undefined : `the guard below the kernel stack of ${above.name} is mapped: an overflow of that stack writes there without a fault`;
};

const kernelStack: Guess = ({ m, s, f }) => {
  if (s.code !== SUPERVISOR || f.sp === undefined || s.va < f.sp - GUARD || s.va > f.sp + GUARD) return undefined;
  const above = m.view.kernelStacks().find((k) => s.va < k.start && s.va >= k.start - GUARD);
  return above === undefined ? undefined : `the kernel stack of ${above.name} (${hex(above.start)}-${hex(above.end)}) has overflowed into the guard below it: calls too deep, or local variables too large`;
};

const endless: Guess = ({ m, s }) => {
  if (s.fault === undefined) return undefined;
  let n = 0;
  for (const f of m.faults.backwards(s.moment)) {
    if (f.hart !== s.hart && f.pid !== s.pid) continue;
    if (f.pc !== s.pc || f.va !== s.va || f.reason !== s.fault.reason) break;
    n++;
  }
  return n < AGAIN ? undefined : `the same fault came ${count(n)} times before: the handler returns without mending the entry`;
};

/** The kernel's own mistake: its map allows the access, and the entry does not. */
const entryWrong: Guess = (c) => {
  const { s, f } = c;
  const reason = f.walk?.reason;
  if (!allowedByMap(c) || reason === undefined) return undefined;
  if (reason === "supervisor-page" && s.privilege === USER) return "the kernel forgot the U bit: its map gives the page to the program, but the entry has U=0";
  if (reason === "misaligned-superpage") return "the kernel made a large page of frames that do not begin at a multiple of its size";
  if (reason === "reserved-bits" || reason === "write-without-read" || reason === "no-leaf") return "the kernel wrote an entry that hardware does not accept, or something else was written over the page table";
  return undefined;
};

const superpage: Guess = ({ f }) => (f.walk?.reason === "misaligned-superpage" ? `an entry for a ${LEVEL_SIZES[f.walk.level]} page was made from a frame that is not aligned to it; its low page-number bits must be 0` : undefined);

const staleTranslation: Guess = ({ f, s }) => (s.pc !== undefined && s.exception === undefined && f.walk !== undefined && f.walk.reason === undefined
  ? "the entry allows this access by now: another hart changed it meanwhile" : undefined);

/** The address itself was wrong in memory, or on its way from there. */
const wrongLoad: Guess = ({ s, origin }) => {
  if (origin.some((cell) => cell.stale)) return "an sfence.vma is missing: memory was read through a translation that the page table no longer has";
  const [cell] = origin;
  if (cell === undefined || cell.value === 0n || cell.value !== s.va || s.va >= NULL_REACH || s.exception?.cause === 2) return undefined;
  return `what was loaded as a pointer is the small number ${count(s.va)}: that memory held something else, or was written over`;
};

const pattern: Guess = ({ s }) => {
  if (s.va < NULL_REACH || s.exception?.cause === 2 || s.exception?.cause === 3) return undefined;
  const chars = text(s.va);
  if (chars !== undefined) return `the address is text (${JSON.stringify(chars)}): a pointer was written over with a string`;
  const byte = repeatedByte(s.va);
  return byte === undefined ? undefined : `the address is the byte ${hex(byte)} repeated: a pointer read from memory that was freed and filled with junk, or never set`;
};

const nullPointer: Guess = ({ s, f, origin }) => {
  if (origin.some((cell) => cell.stale || (cell === origin[0] && cell.value !== 0n && cell.value === s.va))) return undefined; // wrongLoad says more
  if (s.va >= NULL_REACH || f.mapped?.map !== undefined || s.exception?.cause === 2) return undefined;
  if (s.access === FETCH) return s.va < 4096n ? "a call through a null function pointer" : undefined;
  const base = f.instruction?.base;
  const member = s.va === 0n ? "" : `, with a member or element ${count(s.va)} bytes behind it`;
  return `a null pointer${base !== undefined && base.value === 0n ? ` in ${base.register}` : ""}${member}`;
};

const stackOverflow: Guess = ({ s, f }) => {
  if (s.code !== USER || f.sp === undefined || s.access === FETCH) return undefined;
  const x = f.mapped;
  const near = s.va >= f.sp - STACK_REACH && s.va <= f.sp + STACK_REACH;
  const guard = x?.map?.what === "guard";
  const below = x !== undefined && x.map === undefined && x.above?.what === "stack";
  if (!guard && !(below && near)) return undefined;
  return near ? `stack overflow: sp is ${hex(f.sp)}, and the stack has reached its ${guard ? "guard" : "end"} (endless recursion, or a large local array)`
    : `the guard below the stack was touched, though sp is ${hex(f.sp)}: an array on the stack was left at its lower end`;
};

const afterUnmap: Guess = ({ f, writers }) => {
  const w = writers.find((x) => x.by === "cpu");
  if (f.walk?.reason !== "invalid" || f.mapped?.map !== undefined || w?.before === undefined || (w.before & 1n) === 0n) return undefined;
  if (/munmap/.test(w.purpose)) return "use after munmap: the page was there until then";
  if (/brk/.test(w.purpose)) return "use of memory that was given back to the system (free, or sbrk with a negative number)";
  if (/mremap/.test(w.purpose)) return "use of an address from before mremap moved the memory";
  return undefined;
};

const textWrite: Guess = ({ s, f }) => {
  const map = f.mapped?.map;
  if (s.access !== STORE || map === undefined || map.rights[1] !== "-" || s.privilege !== USER || map.what === "guard") return undefined;
  if (map.rights[2] === "x") return "a write to the program's code";
  if (map.rights[0] === "-") return "the memory has no rights at all: mprotect(PROT_NONE), or a reserved range";
  return `a write to memory that is only to be read (${/file/.test(map.what) ? "constants of the program, or a file mapped without PROT_WRITE" : "mprotect, or mmap without PROT_WRITE"})`;
};

const beyondFile: Guess = ({ f, outcome }) => (outcome?.signal === "SIGBUS" && f.mapped?.page !== undefined && /beyond the end/.test(f.mapped.page.text)
  ? "the file is shorter than its mapping: it was cut off, or never so long" : undefined);

const badJump: Guess = ({ s, f }) => {
  if (s.access !== FETCH || s.exception?.cause === 2) return undefined;
  const map = f.mapped?.map;
  if (f.mapped === undefined && f.walk?.reason === "not-executable") return "a jump into data: a function pointer or a return address was written over";
  if (map !== undefined && map.rights[2] === "-") return `a jump into data (${map.what}): a function pointer or a return address was written over`;
  return map === undefined && f.walk?.reason !== "user-page-fetch" && s.va >= NULL_REACH && s.va === s.pc ? "a jump to where nothing is: a function pointer or a return address was written over" : undefined;
};

const kernelPointer: Guess = ({ s, f }) => {
  const map = f.mapped?.map;
  if (s.code !== USER || map?.what === "guard" || (map !== undefined && map.kernelOnly !== true)) return undefined;
  if (map !== undefined) return "an address of the kernel's, used by a program";
  if (f.walk?.reason === "supervisor-page") return f.mapped === undefined ? "an address of the kernel's, used by a program; or the kernel forgot the U bit of a page that is the program's" : "an address of the kernel's, used by a program";
  return f.walk?.reason === "non-canonical" || s.va >= 1n << 38n ? "no address of a program's: a pointer was damaged, or computed wrongly" : undefined;
};

const userFromKernel: Guess = ({ s, f }) => {
  if (s.code !== SUPERVISOR) return undefined;
  if (f.walk?.reason === "user-page") return "the kernel follows a pointer of the program's without copyin or copyout, or forgot to set SUM";
  if (f.walk?.reason === "user-page-fetch") return "the kernel jumped into a program's page";
  return undefined;
};

const AD: Guess = ({ f }) => (f.walk?.reason === "accessed-clear" || f.walk?.reason === "dirty-clear"
  ? "a kernel for hardware that leaves A and D to software must set them in its fault handler, or make entries with both set" : undefined);

const inPhysical: Guess = ({ s, f }) => {
  const pmp = f.walk?.reason === "pmp" || f.walk?.reason === "pte-unreadable" || f.walk?.reason === "pte-unwritable" || (f.walk === undefined && (s.exception?.cause === 5 || s.exception?.cause === 7 || s.exception?.cause === 1));
  if (!pmp) return undefined;
  return /PMP/.test(f.rule) ? "machine-mode code set up PMP so that this range is closed (without any entry, all is closed to S and U)" : undefined;
};

const GUESSES: readonly Guess[] = [
  wrongLoad, endless, entryWrong, superpage, kernelStack, userFromKernel, beyondFile, afterUnmap, stackOverflow, nullPointer, pattern, textWrite, badJump, kernelPointer, AD, inPhysical, staleTranslation,
];
