// Every page table in use, watched: each change of an entry is told with what stood there before and which addresses it
// is about, and which entries show a frame to user mode is known at any time. What `stale` and `freed-mapped` stand on.

import { SLOT } from "../../hart/layout.ts";
import { CSR } from "../../isa/csr-names.ts";
import { RAM } from "../../memory-map.ts";
import { USER } from "../../mmu/walk.ts";
import type { WatchedAccess } from "../../stops.ts";
import { SeenSpaces } from "../kernel-view/hardware.ts";
import type { Monitor } from "../monitor.ts";
import { canonical, readPte } from "../page-table.ts";
import { kindOf, spanOf, targetOf } from "../pte.ts";

/** An entry has changed. */
export interface PteChange {
  readonly root: number;
  readonly level: number;
  /** First address that the entry is about, and how many bytes. */
  readonly va: bigint;
  readonly span: number;
  readonly address: number;
  readonly before: bigint;
  readonly after: bigint;
  readonly access: WatchedAccess;
}

/** A leaf for user mode that shows a frame. */
export interface Shown {
  readonly root: number;
  /** Address of the frame there. */
  readonly va: bigint;
  readonly address: number;
  readonly raw: bigint;
}

/** A table that is watched. */
interface Table {
  readonly pfn: number;
  readonly root: number;
  readonly level: number;
  readonly va: bigint;
  /** Physical address of the entry that points to it; undefined for a root. */
  readonly parent: number | undefined;
  readonly copy: BigUint64Array;
  stop: () => void;
}

/** Tables that are watched at most: beyond that, new ones are not. */
const MOST = 4096;
const U = 16n;
/** satp.MODE 8: Sv39. */
const SV39 = 8;

const shared = new WeakMap<Monitor, Tables>();

/** The watch of all tables of all address spaces, those to come too. `changed` hears of each change until `leave` is called with it. */
export function watchTables(m: Monitor, changed: (change: PteChange) => void): Tables {
  let tables = shared.get(m);
  if (tables === undefined) shared.set(m, (tables = new Tables(m, () => shared.delete(m))));
  tables.listeners.add(changed);
  return tables;
}

export class Tables {
  readonly listeners = new Set<(change: PteChange) => void>();
  private readonly m: Monitor;
  private readonly closed: () => void;
  private readonly tables = new Map<number, Table>();
  /** Leaves for user mode by the frame that they show, as addresses of the entries; those of large pages apart. */
  private readonly small = new Map<number, Set<number>>();
  private readonly large = new Set<number>();
  /** The ASID under which each root was used last. */
  private readonly asids = new Map<number, number>();
  private readonly stop: () => void;

  constructor(m: Monitor, closed: () => void) {
    this.m = m;
    this.closed = closed;
    for (const s of m.view.spaces()) this.add(s.root, s.root, 2, 0n, undefined);
    for (const s of new SeenSpaces(m.machine).list()) {
      this.asids.set(s.root, s.asid);
      this.add(s.root, s.root, 2, 0n, undefined);
    }
    const satp = CSR["satp"];
    this.stop = m.machine.events.on("csr", (e) => {
      if (e.csr !== satp || e.hi >>> 28 !== SV39) return;
      const root = rootOf(e.lo, e.hi);
      this.asids.set(root, (e.hi >>> 12) & 0xffff);
      if (!this.tables.has(root)) this.add(root, root, 2, 0n, undefined);
    });
  }

  /** The last to leave ends the watch. */
  leave(changed: (change: PteChange) => void): void {
    this.listeners.delete(changed);
    if (this.listeners.size > 0) return;
    this.stop();
    for (const t of this.tables.values()) t.stop();
    this.tables.clear();
    this.closed();
  }

  /** The ASID under which an address space was used last; undefined where it was not seen. */
  asidOf(root: number): number | undefined {
    return this.asids.get(root);
  }

  /** The leaves that show a frame to user mode and can be reached from a root: where the tables lead now, not where they once did. */
  showing(pfn: number): Shown[] {
    const found: Shown[] = [];
    for (const address of this.small.get(pfn) ?? []) found.push(...this.shownBy(address, pfn));
    for (const address of this.large) found.push(...this.shownBy(address, pfn));
    return found;
  }

  private shownBy(address: number, pfn: number): Shown[] {
    const t = this.tables.get(Math.floor(address / 4096));
    const raw = readPte(this.m.machine, address);
    if (t === undefined || raw === undefined || (raw & U) === 0n || kindOf(raw, t.level) !== "leaf" || !this.inUse(t)) return [];
    const into = pfn * 4096 - targetOf(raw);
    if (into < 0 || into >= spanOf(t.level)) return [];
    return [{ root: t.root, va: canonical(t.va + BigInt(((address % 4096) / 8) * spanOf(t.level) + into)), address, raw }];
  }

  /** Watch a table and all below it. */
  private add(pfn: number, root: number, level: number, va: bigint, parent: number | undefined): void {
    const at = this.m.machine.memory.view(pfn * 4096, 4096);
    const known = this.tables.get(pfn);
    if (known !== undefined && (known.root !== root || known.parent !== parent || known.va !== va)) this.drop(known); // its frame has become another's table
    else if (known !== undefined) return;
    if (at === null || this.tables.size >= MOST) return;
    const t: Table = { pfn, root, level, va, parent, copy: new BigUint64Array(at.slice().buffer), stop: () => undefined };
    this.tables.set(pfn, t);
    t.stop = this.m.machine.stops.watch({ space: "physical", start: BigInt(pfn) * 4096n, length: 4096, read: false, write: true }, (access) => this.written(t, access));
    const words = new Int32Array(t.copy.buffer);
    for (let i = 0; i < 512; i++) if ((words[2 * i]! & 1) !== 0) this.follow(t, i, t.copy[i]!);
  }

  /** Take note of an entry: the table that it points to, or the frame that it shows. */
  private follow(t: Table, i: number, raw: bigint): void {
    const kind = kindOf(raw, t.level);
    const address = t.pfn * 4096 + 8 * i;
    if (kind === "table" && targetOf(raw) >= RAM) this.add(targetOf(raw) / 4096, t.root, t.level - 1, t.va + BigInt(i * spanOf(t.level)), address);
    if (kind !== "leaf" || (raw & U) === 0n) return;
    if (t.level > 0) {
      this.large.add(address);
      return;
    }
    const pfn = targetOf(raw) / 4096;
    const entries = this.small.get(pfn);
    if (entries === undefined) this.small.set(pfn, new Set([address]));
    else entries.add(address);
  }

  private forget(t: Table, i: number, raw: bigint): void {
    if ((raw & 1n) === 0n) return;
    const address = t.pfn * 4096 + 8 * i;
    this.large.delete(address);
    const entries = this.small.get(targetOf(raw) / 4096);
    if (entries?.delete(address) === true && entries.size === 0) this.small.delete(targetOf(raw) / 4096);
  }

  private written(t: Table, access: WatchedAccess): void {
    if (this.tables.get(t.pfn) !== t) return;
    if (!this.isTable(t, access)) {
      this.drop(t);
      return;
    }
    const first = Math.max(0, Math.floor((access.pa - t.pfn * 4096) / 8));
    const last = Math.min(511, Math.floor((access.pa + access.size - 1 - t.pfn * 4096) / 8));
    for (let i = first; i <= last; i++) {
      const address = t.pfn * 4096 + 8 * i;
      const before = t.copy[i]!;
      const after = readPte(this.m.machine, address)!;
      if (before === after) continue;
      t.copy[i] = after;
      this.forget(t, i, before);
      const change = { root: t.root, level: t.level, va: canonical(t.va + BigInt(i * spanOf(t.level))), span: spanOf(t.level), address, before, after, access };
      for (const changed of this.listeners) changed(change);
      this.follow(t, i, after);
    }
  }

  /** Is the frame still a table? Not when it is free, or written as no kernel writes a table. */
  private isTable(t: Table, access: WatchedAccess): boolean {
    if (access.by === "walker") return true;
    const byUser = access.hart >= 0 && this.m.machine.harts[access.hart]!.privilege === USER;
    if (byUser || access.by === "dma" || this.m.view.isFree?.(t.pfn) === true) return false;
    return t.parent === undefined ? access.size === 8 || access.by === "host" : this.inUse(t);
  }

  /** Does the entry that led to this table still do so, up to a root? */
  private inUse(t: Table): boolean {
    let at: Table | undefined = t;
    for (let i = 0; i < 3 && at?.parent !== undefined; i++) {
      const raw: bigint | undefined = readPte(this.m.machine, at.parent);
      if (raw === undefined || kindOf(raw, at.level + 1) !== "table" || targetOf(raw) !== at.pfn * 4096) return false;
      at = this.tables.get(Math.floor(at.parent / 4096));
    }
    return at !== undefined;
  }

  private drop(t: Table): void {
    t.stop();
    this.tables.delete(t.pfn);
    for (let i = 0; i < 512; i++) this.forget(t, i, t.copy[i]!);
  }
}

/** satp.PPN of a value in halves. */
export const rootOf = (lo: number, hi: number): number => (lo >>> 0) + (hi & 0xfff) * 2 ** 32;

/** Root of the page table that a hart's satp names; −1 for none. */
export function rootOfHart(m: Monitor, hart: number): number {
  const h = m.machine.harts[hart]!;
  const hi = h.high(SLOT.satp);
  return hi >>> 28 === SV39 ? rootOf(h.low(SLOT.satp), hi) : -1;
}
