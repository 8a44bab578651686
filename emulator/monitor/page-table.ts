// Page tables from outside: looking an address up whatever its rights, walking as the hardware would and saying which
// rule decided, and going through a whole tree. Guest memory may hold nonsense: tables that point to themselves or
// out of memory end in a note, never in a loop.

import type { Hart } from "../hart/hart.ts";
import type { Machine } from "../machine.ts";
import { LOAD, MACHINE, STORE, SUPERVISOR, USER, Walk, walk, type Access, type Privilege, type PteReader, type WalkReason } from "../mmu/walk.ts";
import { hex } from "./format.ts";
import { ACCESS_NAMES, MODE_NAMES, extraBits, flagLetters, kindOf, leadsTo, spanOf, targetOf, type PteKind } from "./pte.ts";

/** The entry at a physical address, or undefined where there is no memory. */
export function readPte(machine: Machine, address: number): bigint | undefined {
  const at = machine.memory.host(address, 8);
  return at < 0 ? undefined : machine.memory.view64.getBigUint64(at, true);
}

/** An entry that was met, and where. */
export interface Entry {
  readonly level: number;
  readonly index: number;
  /** Physical address of the entry itself. */
  readonly address: number;
  readonly raw: bigint;
  readonly kind: PteKind;
  /** First virtual address that it is about; sign-extended to 64 bits. */
  readonly va: bigint;
}

/** A virtual address as Sv39 sees it: bit 38 copied upwards. */
export const canonical = (va: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(39, va));
const indexOf = (va: bigint, level: number): number => Number((va >> BigInt(12 + 9 * level)) & 511n);

/** Where a virtual address lies by the tree at `root` (a page number), rights aside; undefined where nothing is mapped. */
export function lookUp(machine: Machine, root: number, va: bigint): { pa: number; leaf: Entry } | undefined {
  if (canonical(va) !== va) return undefined;
  const path = pathTo(machine, root, va);
  const leaf = path.at(-1);
  if (leaf?.kind !== "leaf") return undefined;
  return { pa: targetOf(leaf.raw) + Number(va & BigInt(spanOf(leaf.level) - 1)), leaf };
}

/** The entries on the way to an address, from the root on, until one is no table. */
export function pathTo(machine: Machine, root: number, va: bigint): Entry[] {
  const path: Entry[] = [];
  let table = root * 4096;
  for (let level = 2; level >= 0; level--) {
    const index = indexOf(va, level);
    const address = table + 8 * index;
    const raw = readPte(machine, address);
    if (raw === undefined) break;
    const kind = kindOf(raw, level);
    path.push({ level, index, address, raw, kind, va: canonical(va & ~BigInt(spanOf(level) - 1)) });
    if (kind !== "table") break;
    table = targetOf(raw);
  }
  return path;
}

/** What a walk of `explainWalk` is for. */
export interface WalkRequest {
  /** Whose PMP and A/D habit count. */
  readonly hart: Hart;
  /** Page number of the root table. */
  readonly root: number;
  readonly va: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  readonly sum?: boolean;
  readonly mxr?: boolean;
}

/** How the hardware would translate, now. */
export interface WalkReport {
  readonly va: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  /** Entries in the order in which they were read. */
  readonly steps: readonly Entry[];
  /** Why not; undefined when it translates. "pmp": translated, and then PMP or the bus refuses the address. */
  readonly reason: WalkReason | "pmp" | undefined;
  /** The rule that decided, as a sentence. */
  readonly rule: string;
  /** Physical address; undefined when refused by the walk. */
  readonly pa: number | undefined;
  /** Level of the leaf, 0 to 2. */
  readonly level: number;
  /** A and D bits that the hardware would set. */
  readonly setBits: number;
}

/** Reads entries as the hart's walker does: PMP decides. */
class LookingReader implements PteReader {
  lo = 0;
  hi = 0;
  private readonly machine: Machine;
  private readonly hart: Hart;

  constructor(machine: Machine, hart: Hart) {
    this.machine = machine;
    this.hart = hart;
  }

  read(pa: number): boolean {
    const at = this.machine.memory.host(pa, 8);
    if (at < 0 || this.hart.mmu.pmp.check(pa, 8, LOAD, SUPERVISOR) !== "allow") return false;
    this.lo = this.machine.memory.words[at >>> 2]!;
    this.hi = this.machine.memory.words[(at >>> 2) + 1]!;
    return true;
  }
}

/** Walk as the hardware would, without effect, and say which rule decided. */
export function explainWalk(machine: Machine, q: WalkRequest): WalkReport {
  const w = new Walk();
  const context = { root: q.root, privilege: q.privilege, sum: q.sum ?? false, mxr: q.mxr ?? false, hardwareAd: q.hart.mmu.hardwareAd };
  walk(context, q.access, Number(BigInt.asIntN(32, q.va)), Number(BigInt.asIntN(32, q.va >> 32n)), new LookingReader(machine, q.hart), w);
  const steps: Entry[] = [];
  for (let level = 2; level >= w.level && w.reason !== "non-canonical"; level--) {
    if (level === w.level && w.reason === "pte-unreadable") break;
    const raw = (BigInt(w.high[level]! >>> 0) << 32n) | BigInt(w.low[level]! >>> 0);
    steps.push({ level, index: indexOf(q.va, level), address: w.addresses[level]!, raw, kind: kindOf(raw, level), va: canonical(q.va & ~BigInt(spanOf(level) - 1)) });
  }
  let reason: WalkReport["reason"] = w.reason;
  const pa = reason === undefined ? w.ppn * 4096 + Number(q.va & 4095n) : undefined;
  if (reason === undefined && w.setBits !== 0 && q.hart.mmu.pmp.check(w.pteAddress, 8, STORE, SUPERVISOR) !== "allow") reason = "pte-unwritable";
  if (pa !== undefined && reason === undefined && refusedBehind(machine, q, pa)) reason = "pmp";
  const rule = reason === undefined ? "" : ruleOf(reason, q.access, q.privilege, steps.at(-1), w.addresses[w.level]!);
  return { va: q.va, access: q.access, privilege: q.privilege, steps, reason, rule, pa, level: w.level, setBits: w.setBits };
}

/** Do PMP or the bus refuse the physical address that came out? */
function refusedBehind(machine: Machine, q: WalkRequest, pa: number): boolean {
  if (q.hart.mmu.pmp.check(pa, 1, q.access, q.privilege) !== "allow") return true;
  return machine.memory.host(pa, 1) < 0 && machine.platform.bus.find(pa) === null;
}

/** The rule behind a refusal, as a sentence that names what the access would have needed. */
export function ruleOf(reason: WalkReason | "pmp", access: Access, privilege: Privilege, last: Entry | undefined, address = last?.address ?? 0): string {
  const what = `a ${ACCESS_NAMES[access]}`;
  switch (reason) {
    case "non-canonical": return "bits 63 to 39 of an address must all be equal to its bit 38.";
    case "pte-unreadable": return `the entry at ${hex(address)} cannot be read: no memory is there, or PMP forbids it.`;
    case "pte-unwritable": return `A or D must be set in the entry at ${hex(address)}, and PMP forbids to write it.`;
    case "invalid": return last !== undefined && last.raw !== 0n ? "the entry has V=0; what else stands in it is the kernel's own." : "the entry has V=0.";
    case "reserved-bits": return last !== undefined && last.kind === "bad" && last.raw >> 54n === 0n
      ? "U, A and D must be clear in an entry that points to a table." : "bits 63 to 54 of an entry must be zero.";
    case "write-without-read": return "W=1 with R=0 is reserved.";
    case "no-leaf": return "in the last level an entry must have R or X: this one would point to a further table.";
    case "misaligned-superpage": return `a ${last?.level === 2 ? "1 GiB" : "2 MiB"} page must begin at a multiple of its size.`;
    case "not-readable": return `${what} needs R=1 (or X=1 while MXR is set).`;
    case "not-writable": return `${what} needs W=1.`;
    case "not-executable": return `${what} needs X=1.`;
    case "supervisor-page": return `${what} in user mode needs U=1.`;
    case "user-page": return `in supervisor mode a page with U=1 is open to ${what} only while SUM is set.`;
    case "user-page-fetch": return "supervisor mode never executes a page with U=1.";
    case "accessed-clear": return "A=0, and this hart leaves it to software to set A.";
    case "dirty-clear": return `D=0, and ${what} needs it; this hart leaves it to software to set D.`;
    case "pmp": return `it translates, but ${MODE_NAMES[privilege]} mode may not ${access === 2 ? "fetch from" : access === 1 ? "store to" : "load from"} that physical address (PMP, or nothing is there).`;
  }
}

/** A line for each entry of a walk, and how it ended. */
export function walkText(r: WalkReport): string {
  const lines = r.steps.map((s) =>
    `level ${s.level} ${`[${s.index}]`.padEnd(5)}  ${hex(s.address)}  ${hex(s.raw, 8)} ${flagLetters(s.raw)}${extraBits(s.raw)} -> ${leadsTo(s.raw, s.level)}`);
  if (r.reason === undefined) {
    const sets = r.setBits === 0 ? "" : `; the hardware would set ${r.setBits === 0x40 ? "A" : r.setBits === 0x80 ? "D" : "A and D"}`;
    lines.push(`translates to ${hex(r.pa!)}${sets}`);
  } else {
    lines.push(`refused: ${r.rule}`);
  }
  return lines.join("\n");
}

/** The same as data. */
export const walkJson = (r: WalkReport): unknown => ({
  va: r.va, access: ACCESS_NAMES[r.access], privilege: MODE_NAMES[r.privilege],
  entries: r.steps.map(entryJson), reason: r.reason ?? null, rule: r.rule, pa: r.pa ?? null, level: r.level,
});

export const entryJson = (e: Entry): unknown => ({
  level: e.level, index: e.index, address: hex(e.address), va: e.va, raw: e.raw, flags: flagLetters(e.raw), kind: e.kind,
  ...(e.kind === "table" || e.kind === "leaf" ? { target: hex(targetOf(e.raw)) } : {}),
});

/** A table that was met in the tree. `again`: it stands elsewhere in the tree as well and was gone through there. */
export interface Visit {
  readonly entry: Entry;
  /** For an entry that points to a table: why its table is not gone through. */
  readonly skipped: "" | "again" | "no memory";
}

/**
 * Every entry of the tree at `root` that is not empty and concerns [from, to] (addresses without sign extension, of
 * 39 bits), parents before children. No table is gone through twice at one level, so a tree of nonsense ends too.
 */
export function* tree(machine: Machine, root: number, from = 0n, to = 2n ** 39n - 1n): Generator<Visit> {
  const seen = new Set<number>();
  function* table(at: number, level: number, base: bigint): Generator<Visit> {
    const span = BigInt(spanOf(level));
    for (let index = 0; index < 512; index++) {
      const va = base + BigInt(index) * span;
      if (va > to) return;
      if (va + span <= from) continue;
      const raw = readPte(machine, at + 8 * index);
      if (raw === undefined) return;
      if (raw === 0n) continue;
      const entry: Entry = { level, index, address: at + 8 * index, raw, kind: kindOf(raw, level), va: canonical(va) };
      if (entry.kind !== "table") {
        yield { entry, skipped: "" };
        continue;
      }
      const next = targetOf(raw);
      const key = next + level; // page addresses leave the low bits free
      const skipped = machine.memory.host(next, 4096) < 0 ? "no memory" : seen.has(key) ? "again" : "";
      yield { entry, skipped };
      if (skipped !== "") continue;
      seen.add(key);
      yield* table(next, level - 1, va);
    }
  }
  yield* table(root * 4096, 2, 0n);
}

/** Every leaf of the tree at `root`. */
export function* leaves(machine: Machine, root: number, from?: bigint, to?: bigint): Generator<Entry> {
  for (const { entry } of tree(machine, root, from, to)) if (entry.kind === "leaf") yield entry;
}

/** The privilege in which code that uses this address most likely runs, for walks on behalf of a process. */
export const privilegeOf = (kernel: boolean): Privilege => (kernel ? SUPERVISOR : USER);
export { MACHINE, SUPERVISOR, USER };
