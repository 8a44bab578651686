// Every page table in use, watched: each change of an entry is told with what stood there before and which addresses it
// is about. What `stale` stands on.

import type { WatchedAccess } from "../../stops.ts";
import { CSR } from "../../isa/csr-names.ts";
import { RAM } from "../../memory-map.ts";
import { satpParts, SeenSpaces } from "../kernel-view/hardware.ts";
import type { Monitor } from "../monitor.ts";
import { wide } from "../../events.ts";
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

/** A table that is watched. */
interface Table {
  readonly pfn: number;
  readonly root: number;
  readonly level: number;
  readonly va: bigint;
  /** Physical address of the entry that points to it; undefined for a root. */
  readonly parent: number | undefined;
  readonly copy: BigUint64Array;
  readonly stop: () => void;
}

/** Tables that are watched at most: beyond that, new ones are not. */
const MOST = 4096;

/** Watch the tables of all address spaces, those to come too. The result ends it. */
export function watchTables(m: Monitor, changed: (change: PteChange) => void): () => void {
  const tables = new Tables(m, changed);
  return () => tables.close();
}

class Tables {
  private readonly m: Monitor;
  private readonly changed: (change: PteChange) => void;
  private readonly tables = new Map<number, Table>();
  private readonly stops: (() => void)[] = [];

  constructor(m: Monitor, changed: (change: PteChange) => void) {
    this.m = m;
    this.changed = changed;
    for (const s of m.view.spaces()) this.add(s.root, s.root, 2, 0n, undefined);
    for (const s of new SeenSpaces(m.machine).list()) this.add(s.root, s.root, 2, 0n, undefined);
    this.stops.push(m.machine.events.on("csr", (e) => {
      const parts = e.csr === CSR["satp"] ? satpParts(wide(e.lo, e.hi)) : undefined;
      if (parts !== undefined && !this.tables.has(parts.root)) this.add(parts.root, parts.root, 2, 0n, undefined);
    }));
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const t of this.tables.values()) t.stop();
    this.tables.clear();
  }

  /** Watch a table and all below it. */
  private add(pfn: number, root: number, level: number, va: bigint, parent: number | undefined): void {
    const at = this.m.machine.memory.view(pfn * 4096, 4096);
    if (at === null || this.tables.has(pfn) || this.tables.size >= MOST) return;
    const copy = new BigUint64Array(at.slice().buffer);
    const stop = this.m.machine.stops.watch({ space: "physical", start: BigInt(pfn) * 4096n, length: 4096, read: false, write: true }, (access) => this.written(pfn, access));
    this.tables.set(pfn, { pfn, root, level, va, parent, copy, stop });
    if (level === 0) return;
    for (let i = 0; i < 512; i++) this.follow(copy[i]!, root, level, va + BigInt(i * spanOf(level)), pfn * 4096 + 8 * i);
  }

  private follow(raw: bigint, root: number, level: number, va: bigint, address: number): void {
    if (kindOf(raw, level) === "table" && targetOf(raw) >= RAM) this.add(targetOf(raw) / 4096, root, level - 1, va, address);
  }

  private written(pfn: number, access: WatchedAccess): void {
    const t = this.tables.get(pfn);
    if (t === undefined) return;
    if (!this.inUse(t)) {
      this.drop(t);
      return;
    }
    const first = Math.max(0, Math.floor((access.pa - pfn * 4096) / 8));
    const last = Math.min(511, Math.floor((access.pa + access.size - 1 - pfn * 4096) / 8));
    for (let i = first; i <= last; i++) {
      const address = pfn * 4096 + 8 * i;
      const before = t.copy[i]!;
      const after = readPte(this.m.machine, address)!;
      if (before === after) continue;
      t.copy[i] = after;
      const va = t.va + BigInt(i * spanOf(t.level));
      this.changed({ root: t.root, level: t.level, va: canonical(va), span: spanOf(t.level), address, before, after, access });
      if (t.level > 0) this.follow(after, t.root, t.level, va, address);
    }
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
  }
}
