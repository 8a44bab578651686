// Page-table entries as words: every bit, the ones that belong to software and the ones that nobody should set too.

import { LOAD, PTE_R, PTE_V, PTE_X, type Access, type Privilege } from "../mmu/walk.ts";

/** What an entry is, taken by itself. */
export type PteKind =
  | "empty"    // all zero
  | "leftover" // V = 0, but other bits are set: hardware ignores it, the kernel may mean something by it
  | "table"    // points to the next level
  | "leaf"     // maps a page
  | "bad";     // V = 1, and no walk ends well here: W without R, reserved bits, a pointer in the last level

const LETTERS = "VRWXUGAD";
/** Bits that a pointer to the next level must have clear: U, A, D. */
const NOT_IN_POINTERS = 0xd0n;

/** The low eight bits as letters, a dot for each that is clear: "VR.XU.A.". */
export const flagLetters = (raw: bigint): string => [...LETTERS].map((l, i) => ((raw >> BigInt(i)) & 1n ? l : ".")).join("");

/** RSW, bits 9:8, which hardware leaves to software. */
export const softwareBits = (raw: bigint): number => Number((raw >> 8n) & 3n);

/** Bits 63:54: N, PBMT, reserved. All must be zero on this machine. */
export const highBits = (raw: bigint): bigint => raw >> 54n;

/** Physical address that an entry points to. */
export const targetOf = (raw: bigint): number => Number((raw >> 10n) & 0xfffffffffffn) * 4096;

/** What the entry is in a table of this level (2: the root). */
export function kindOf(raw: bigint, level: number): PteKind {
  if (raw === 0n) return "empty";
  if ((raw & BigInt(PTE_V)) === 0n) return "leftover";
  if (highBits(raw) !== 0n || (raw & 6n) === 4n) return "bad";
  if ((raw & BigInt(PTE_R | PTE_X)) !== 0n) return "leaf";
  return level === 0 || (raw & NOT_IN_POINTERS) !== 0n ? "bad" : "table";
}

/** Bytes that an entry of this level maps. */
export const spanOf = (level: number): number => 4096 * 512 ** level;

export const LEVEL_SIZES = ["4 KiB", "2 MiB", "1 GiB"] as const;

/** Software and high bits in words, each with a blank before it; "" when they are clear. */
export function extraBits(raw: bigint): string {
  const software = softwareBits(raw);
  const high = highBits(raw);
  return (software === 0 ? "" : ` sw=${software}`) + (high === 0n ? "" : ` high=0x${high.toString(16)}`);
}

/** Where an entry leads, in words. */
export function leadsTo(raw: bigint, level: number): string {
  const to = `0x${targetOf(raw).toString(16)}`;
  switch (kindOf(raw, level)) {
    case "empty": return "nothing";
    case "leftover": return "nothing (not valid, yet not zero)";
    case "table": return `table ${to}`;
    case "leaf": return `${level === 0 ? "frame" : `${LEVEL_SIZES[level]} at`} ${to}`;
    case "bad": return badness(raw, level);
  }
}

function badness(raw: bigint, level: number): string {
  if (highBits(raw) !== 0n) return "nothing: bits 63:54 must be zero";
  if ((raw & 6n) === 4n) return "nothing: W without R is reserved";
  if (level === 0) return "nothing: a pointer in the last level";
  return "nothing: a pointer must have U, A and D clear";
}

/** Names of accesses and of privileges, in running text. */
export const ACCESS_NAMES = ["load", "store", "fetch"] as const satisfies readonly string[];
export const MODE_NAMES: Readonly<Record<Privilege, string>> = { 0: "user", 1: "supervisor", 3: "machine" };
export const accessName = (access: Access): string => ACCESS_NAMES[access];

/** Access by name. Undefined for another word. */
export function accessOf(word: string): Access | undefined {
  const at = (ACCESS_NAMES as readonly string[]).indexOf(word === "read" ? "load" : word === "write" ? "store" : word === "execute" ? "fetch" : word);
  return at < 0 ? undefined : ((LOAD + at) as Access);
}
