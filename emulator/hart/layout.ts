// Where everything lives inside the machine's one WebAssembly.Memory: hart blocks, decoded code, guest RAM.
//
//     0                 hart 0: state page, then its TLB sets
//     HART_STRIDE       hart 1 …
//     codeBase          decoded code (engine/code-cache.ts)
//     ramBase           guest RAM, physical address 0x80000000
//
// All offsets are bytes. Emitted code uses them as constants; TypeScript uses them >> 2 into an Int32Array.

/** Integer registers: 33 slots of 8 bytes; slot 32 swallows what is written to x0. */
export const X = 0x000;
/** Slot that the decoder puts in place of x0 as a destination. */
export const X_SINK = 32;
/** Program counter (i64), exact whenever the engine is outside its loop or calls out of it. */
export const PC = 0x110;
/** Address of the next instruction (i64), valid during a system instruction. */
export const NEXT_PC = 0x118;
/** Steps that the engine may still take (i32); a helper may lower it to make the engine return. */
export const BUDGET = 0x120;
/** Virtual address argument of a slow-path helper (i64). */
export const ADDRESS = 0x128;
/** Data argument or result of a slow-path helper (i64). */
export const VALUE = 0x130;
/** TLB set used by loads and stores (i32, byte address). */
export const TLB_DATA = 0x138;
/** TLB set used by fetches (i32, byte address). */
export const TLB_FETCH = 0x13c;
/** A decoded record for an instruction that crosses a page, followed by its page-end sentinel. */
export const CROSS_RECORD = 0x140;
/** Floating-point registers f0–f31, 8 bytes each. */
export const F = 0x200;
/** Control and status registers that are plain storage, 8 bytes each. */
export const CSRS = 0x400;

/** CSRs that are plain 64-bit storage, in the order in which they lie from CSRS on. */
const STORED = [
  "mstatus", "medeleg", "mideleg", "mie", "mtvec", "mcounteren", "menvcfg", "mcountinhibit", "mscratch", "mepc", "mcause", "mtval",
  "stvec", "scounteren", "senvcfg", "sscratch", "sepc", "scause", "stval", "stimecmp", "satp",
  "cycleOffset", "instretOffset", "fcsr",
] as const;
/** Index of each stored CSR's low word from the start of the hart block, in 32-bit words. */
export const SLOT = Object.fromEntries(STORED.map((name, i) => [name, (CSRS >> 2) + 2 * i])) as Readonly<Record<(typeof STORED)[number], number>>;
/** End of the state that belongs to a hart, in 32-bit words from the start of its block. */
export const STATE_WORDS = (CSRS >> 2) + 2 * STORED.length;

/** TLB sets start here within a hart block. */
export const TLB_SETS = 0x1000;
/** Entries in each of the three TLBs of a set. */
export const TLB_ENTRIES = 4096;
/** Bytes of an entry: i64 tag, i32 addend (R, W) or code address (X), i32 physical page number. */
export const TLB_ENTRY = 16;
/** Offsets of the three TLBs inside a set. */
export const TLB_R = 0;
export const TLB_W = TLB_ENTRIES * TLB_ENTRY;
export const TLB_X = 2 * TLB_ENTRIES * TLB_ENTRY;
export const TLB_SET = 3 * TLB_ENTRIES * TLB_ENTRY;
/** Address-space contexts that a hart keeps cached at once. */
export const TLB_SET_COUNT = 8;
/** Bit in a tag that says: translated, but the engine must not use it (device, code page, watched page). */
export const TLB_WITHHELD = 8;

export const HART_STRIDE = (TLB_SETS + TLB_SET_COUNT * TLB_SET + 0xffff) & ~0xffff;

/** Byte layout of one decoded instruction. Register fields hold the register's byte offset. */
export const RECORD = { op: 0, delta: 2, rd: 4, rs1: 6, rs2: 8, rs3: 10, imm: 12, size: 16 } as const;
/** Bytes of decoded code for one 4 KiB page: a record a halfword, a sentinel, and room to keep pages apart in the cache. */
export const CODE_PAGE = 2048 * RECORD.size + 128;

/** Sizes of one machine's memory. */
export interface MemoryPlan {
  readonly harts: number;
  readonly codeBase: number;
  readonly codePages: number;
  readonly ramBase: number;
  readonly ramBytes: number;
  readonly totalBytes: number;
}

/** Lay out a machine with `harts` harts, `ramBytes` of RAM (a multiple of 4096) and a decoded-code pool of `codePages`. */
export function planMemory(harts: number, ramBytes: number, codePages = 768): MemoryPlan {
  const round = (n: number): number => Math.ceil(n / 0x10000) * 0x10000;
  const codeBase = harts * HART_STRIDE;
  const ramBase = round(codeBase + codePages * CODE_PAGE);
  return { harts, codeBase, codePages, ramBase, ramBytes, totalBytes: round(ramBase + ramBytes) };
}
