// The translation caches of one hart: sets of three direct-mapped TLBs (read, write, fetch), one set for each
// address-space context, so that a change of satp or privilege is a change of base address and flushes nothing.
//
// An entry caches one answer of the walker for a 4 KiB page. Engines hit only entries whose tag is exactly the
// page address; TLB_WITHHELD in the tag keeps the answer but sends engines to the slow path (devices, pages that
// hold decoded code, watched pages). So what is *translated* never depends on the engine.

import { TLB_ENTRIES, TLB_ENTRY, TLB_SET, TLB_SETS, TLB_SET_COUNT, TLB_W, TLB_WITHHELD } from "../hart/layout.ts";
import type { Access } from "./walk.ts";

/** Tag bits below the page number. An engine's probe has them clear, so any of them makes it miss. */
export const TAG_INVALID = 4;
/** PMP decides differently within the page: check at every access. */
export const TAG_CHECK_PMP = 16;

const LOG_SIZE = 1024;
const WORDS = TLB_ENTRY >> 2;

/** One context's TLBs. `log` lists the filled entries, so that flushing costs what was filled. */
interface TlbSet {
  readonly base: number;
  kind: number;
  satpLo: number;
  satpHi: number;
  lastUse: number;
  filled: number;
  readonly log: Int32Array;
  /** Superpage leaves met: "2 MiB page number" and "1 GiB page number" of entries that came from one. */
  readonly megapages: Set<number>;
  readonly gigapages: Set<number>;
}

/**
 * What `save` gives, a record a set: its context, its place in order of use, and its entries in order of place, each
 * four 32-bit words (place in the set, tag, tag, page).
 */
export type TlbState = {
  kind: number;
  satpLo: number;
  satpHi: number;
  rank: number;
  megapages: number[];
  gigapages: number[];
  entries: Uint8Array;
}[];

/** Entries of a set on their way into a saved state. */
const gathered = new Int32Array(TLB_SET >> 2);

export class Tlb {
  private readonly words: Int32Array;
  private readonly sets: TlbSet[] = [];
  private tick = 0;
  /** The set selected last: most often it is the one wanted again. */
  private recent: TlbSet;
  /** Counts for the monitor: walks that ended in a fill, and flushes of any form. */
  fills = 0;
  flushes = 0;

  /** `words` is the machine's memory, `hartBase` the byte offset of the hart's block. */
  constructor(words: Int32Array, hartBase: number) {
    this.words = words;
    for (let i = 0; i < TLB_SET_COUNT; i++) {
      const base = hartBase + TLB_SETS + i * TLB_SET;
      this.sets.push({ base, kind: -1, satpLo: 0, satpHi: 0, lastUse: 0, filled: LOG_SIZE + 1, log: new Int32Array(LOG_SIZE), megapages: new Set(), gigapages: new Set() });
    }
    this.recent = this.sets[0]!;
    this.flushAll();
  }

  /** As at power-on: no entries, no contexts. */
  reset(): void {
    this.flushAll();
    for (const s of this.sets) Object.assign(s, { kind: -1, satpLo: 0, satpHi: 0, lastUse: 0 });
    this.tick = 0;
  }

  /** Base address of the set for a context, replacing the one used longest ago. `kind` tells privilege, SUM and MXR. */
  select(kind: number, satpLo: number, satpHi: number): number {
    const recent = this.recent;
    if (recent.kind === kind && recent.satpLo === satpLo && recent.satpHi === satpHi) {
      recent.lastUse = ++this.tick;
      return recent.base;
    }
    let oldest = this.sets[0]!;
    for (const s of this.sets) {
      if (s.kind === kind && s.satpLo === satpLo && s.satpHi === satpHi) {
        s.lastUse = ++this.tick;
        this.recent = s;
        return s.base;
      }
      if (s.lastUse < oldest.lastUse) oldest = s;
    }
    this.empty(oldest);
    oldest.kind = kind;
    oldest.satpLo = satpLo;
    oldest.satpHi = satpHi;
    oldest.lastUse = ++this.tick;
    this.recent = oldest;
    return oldest.base;
  }

  /** Index into `words` of the entry where the page of an address belongs. */
  index(base: number, access: Access, lo: number): number {
    return (base + access * TLB_W + ((lo >>> 8) & ((TLB_ENTRIES - 1) << 4))) >> 2;
  }

  /** The entry's index when it translates the page (withheld or not), else −1. */
  lookup(base: number, access: Access, lo: number, hi: number): number {
    const i = this.index(base, access, lo);
    const tag = this.words[i]!;
    return ((tag ^ lo) & -4096) === 0 && this.words[i + 1] === hi && (tag & TAG_INVALID) === 0 ? i : -1;
  }

  /** Cache a translation. `level` is that of the leaf; `flags` are tag bits. Returns the entry's index. */
  fill(base: number, access: Access, lo: number, hi: number, flags: number, addend: number, ppn: number, level: number): number {
    const i = this.index(base, access, lo);
    const w = this.words;
    w[i] = (lo & -4096) | flags;
    w[i + 1] = hi;
    w[i + 2] = addend;
    w[i + 3] = ppn;
    const s = this.setAt(base);
    if (s.filled < LOG_SIZE) s.log[s.filled] = i;
    s.filled++;
    this.fills++;
    if (level === 1) s.megapages.add(page2m(lo, hi));
    else if (level === 2) s.gigapages.add(page1g(lo, hi));
    return i;
  }

  /** sfence.vma with neither operand: every entry of every context. */
  flushAll(): void {
    this.flushes++;
    for (const s of this.sets) this.empty(s);
  }

  /** sfence.vma rs1 [, rs2]: the leaf that maps an address, in all address spaces or (asid ≥ 0) in one. */
  flushAddress(lo: number, hi: number, asid = -1): void {
    this.flushes++;
    for (const s of this.sets) {
      if (s.filled === 0 || (asid >= 0 && setAsid(s) !== asid)) continue;
      if (s.megapages.has(page2m(lo, hi)) || s.gigapages.has(page1g(lo, hi))) {
        this.empty(s);
        continue;
      }
      for (let access = 0; access < 3; access++) {
        const i = this.lookup(s.base, access as Access, lo, hi);
        if (i >= 0) this.words[i] = this.words[i + 1] = -1;
      }
    }
  }

  /** sfence.vma x0, rs2: every entry of one address space. */
  flushAsid(asid: number): void {
    this.flushes++;
    for (const s of this.sets) if (setAsid(s) === asid) this.empty(s);
  }

  /** Send engines to the slow path for every entry of one TLB that maps a physical page (or, with −1, any page). */
  withhold(access: Access, ppn: number): void {
    const w = this.words;
    for (const s of this.sets) {
      const first = (s.base + access * TLB_W) >> 2;
      const end = first + TLB_ENTRIES * WORDS;
      if (s.filled > LOG_SIZE) {
        for (let i = first; i < end; i += WORDS) if (ppn < 0 || w[i + 3] === ppn) w[i] = w[i]! | TLB_WITHHELD;
      } else {
        for (let k = 0; k < s.filled; k++) {
          const i = s.log[k]!;
          if (i >= first && i < end && (ppn < 0 || w[i + 3] === ppn)) w[i] = w[i]! | TLB_WITHHELD;
        }
      }
    }
  }

  /** Indices of the entries, one a context at most, that translate the page of an address. */
  find(access: Access, lo: number, hi: number): number[] {
    return this.sets.map((s) => this.lookup(s.base, access, lo, hi)).filter((i) => i >= 0);
  }

  /** Send engines to the slow path for the page of an address, in every context. */
  withholdAddress(access: Access, lo: number, hi: number): void {
    for (const s of this.sets) {
      const i = s.filled === 0 ? -1 : this.lookup(s.base, access, lo, hi);
      if (i >= 0) this.words[i] = this.words[i]! | TLB_WITHHELD;
    }
  }

  /** Does an entry of the address space with this root table (a page number) translate the page of an address? */
  holds(root: number, access: Access, lo: number, hi: number): boolean {
    for (const s of this.sets) {
      if (s.filled > 0 && s.kind > 0 && rootOf(s.satpLo, s.satpHi) === root && this.lookup(s.base, access, lo, hi) >= 0) return true;
    }
    return false;
  }

  /** Valid entries of all sets, for snapshots and for the monitor. */
  *entries(): Generator<{ set: number; kind: number; satpLo: number; satpHi: number; access: Access; index: number }> {
    for (const [set, s] of this.sets.entries()) {
      if (s.filled === 0) continue;
      for (let i = s.base >> 2; i < (s.base + TLB_SET) >> 2; i += WORDS) {
        if ((this.words[i]! & TAG_INVALID) !== 0) continue;
        const access = Math.floor(((i << 2) - s.base) / TLB_W) as Access;
        yield { set, kind: s.kind, satpLo: s.satpLo, satpHi: s.satpHi, access, index: i };
      }
    }
  }

  /** Everything that decides future hits and replacements. Entries come back withheld: engines re-arm them on use. */
  save(): TlbState {
    const byUse = [...this.sets].sort((a, b) => a.lastUse - b.lastUse);
    return this.sets.map((s) => ({
      kind: s.kind, satpLo: s.satpLo, satpHi: s.satpHi, rank: byUse.indexOf(s),
      megapages: [...s.megapages], gigapages: [...s.gigapages], entries: this.saveEntries(s),
    }));
  }

  private saveEntries(s: TlbSet): Uint8Array {
    const w = this.words;
    let n = 0;
    if (s.filled > 0) {
      const first = s.base >> 2;
      for (let i = first; i < first + (TLB_SET >> 2); i += WORDS) {
        const tag = w[i]!;
        if ((tag & TAG_INVALID) !== 0) continue;
        gathered[n] = i - first;
        gathered[n + 1] = tag | TLB_WITHHELD;
        gathered[n + 2] = w[i + 1]!;
        gathered[n + 3] = w[i + 3]!;
        n += 4;
      }
    }
    return new Uint8Array(gathered.slice(0, n).buffer);
  }

  /** Take over a saved state. Throws an Error of one line when it is not of this shape. */
  load(state: TlbState): void {
    if (state.length !== this.sets.length || !state.every(isSetState)) throw new Error("snapshot: the TLB's contents are damaged");
    this.flushAll();
    this.tick = this.sets.length;
    for (const [n, saved] of state.entries()) {
      const s = this.sets[n]!;
      s.kind = saved.kind;
      s.satpLo = saved.satpLo;
      s.satpHi = saved.satpHi;
      s.lastUse = saved.rank;
      for (const p of saved.megapages) s.megapages.add(p);
      for (const p of saved.gigapages) s.gigapages.add(p);
      this.loadEntries(s, entryWords(saved.entries));
    }
  }

  private loadEntries(s: TlbSet, entries: Int32Array): void {
    for (let k = 0; k < entries.length; k += 4) {
      const i = (s.base >> 2) + entries[k]!;
      this.words[i] = (entries[k + 1]! & (-4096 | TAG_CHECK_PMP)) | TLB_WITHHELD;
      this.words[i + 1] = entries[k + 2]!;
      this.words[i + 2] = 0;
      this.words[i + 3] = entries[k + 3]!;
      if (s.filled < LOG_SIZE) s.log[s.filled] = i;
      s.filled++;
    }
  }

  private setAt(base: number): TlbSet {
    return this.sets[Math.floor((base - this.sets[0]!.base) / TLB_SET)]!;
  }

  private empty(s: TlbSet): void {
    if (s.filled > LOG_SIZE) {
      this.words.fill(-1, s.base >> 2, (s.base + TLB_SET) >> 2);
    } else {
      for (let k = 0; k < s.filled; k++) {
        const i = s.log[k]!;
        this.words[i] = this.words[i + 1] = -1;
      }
    }
    s.filled = 0;
    s.megapages.clear();
    s.gigapages.clear();
  }
}

/** Saved entries as words. */
export const entryWords = (entries: Uint8Array): Int32Array => new Int32Array(entries.slice().buffer);

/** Is this one element of what `save` gives: whole numbers, entries of four words, each in its place within a set? */
function isSetState(s: TlbState[number]): boolean {
  const lists = [s?.megapages, s?.gigapages];
  const numbers = [s?.kind, s?.satpLo, s?.satpHi, s?.rank];
  if (!lists.every((l) => Array.isArray(l) && l.every(Number.isInteger)) || !numbers.every(Number.isInteger)) return false;
  if (!(s.entries instanceof Uint8Array) || s.entries.length % 16 !== 0) return false;
  return entryWords(s.entries).every((v, k) => k % 4 !== 0 || (v >= 0 && v < TLB_SET / 4 && v % WORDS === 0));
}

/** satp.PPN. */
const rootOf = (satpLo: number, satpHi: number): number => (satpLo >>> 0) + (satpHi & 0xfff) * 2 ** 32;
const page2m = (lo: number, hi: number): number => (lo >>> 21) + (hi >>> 0) * 2048;
const page1g = (lo: number, hi: number): number => (lo >>> 30) + (hi >>> 0) * 4;
/** ASID of a translated context; bare ones have none. */
const setAsid = (s: TlbSet): number => ((s.satpHi >>> 28) === 8 && s.kind > 0 ? (s.satpHi >>> 12) & 0xffff : -1);
