// stale: a page-table entry was changed, no sfence.vma told the hart, and the hart used the old translation.

import { wide } from "../../events.ts";
import { FETCH, LOAD, STORE, USER, Walk } from "../../mmu/walk.ts";
import type { WatchedAccess } from "../../stops.ts";
import { count, hex } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { accessName, flagLetters, kindOf, targetOf } from "../pte.ts";
import type { Alarm, Raise } from "./alarm.ts";
import { rootOfHart, watchTables, type PteChange, type Tables } from "./tables.ts";

/** Changes that are followed at most; the oldest are given up. */
const MOST_OPEN = 8192;
const MOST_WATCHED = 256;
/** A change that concerns more memory than this is not followed. */
const WIDEST = 2 ** 21;

/** A change that some hart may not know of. */
interface Pending {
  readonly change: PteChange;
  readonly moment: number;
  readonly changer: number;
  readonly pc: bigint;
  /** Harts that have executed no sfence.vma for it: a bit each. */
  ignorant: number;
  /** The hart that changed it has gone back to user mode since: it will do no more about it. */
  settled: boolean;
  /** Ends the watch of its addresses, once there is one. */
  stop: (() => void) | undefined;
}

export const stale: Alarm = {
  name: "stale",
  summary: "an old translation was used after its page-table entry changed: an sfence.vma is missing",
  help: "Watches all page tables. When a hart that has changed an entry has gone back to user mode (before that the kernel may be about to\nsee to it), and a hart whose TLB still holds what the entry said, and that has executed no sfence.vma for it, runs in that address space,\nthen the addresses are watched: a load, store or fetch there that goes where the page table no longer leads is reported.",
  arm: (m, raise) => {
    const watch = new StaleWatch(m, raise);
    return () => watch.close();
  },
};

/** Could a TLB hold something that the change makes wrong? */
function takesAway({ before, after, level }: PteChange): boolean {
  const kind = kindOf(before, level);
  if (kind === "table") return targetOf(before) !== targetOf(after) || kindOf(after, level) !== "table";
  if (kind !== "leaf") return false;
  return targetOf(before) !== targetOf(after) || (before & ~after & 0x1fn) !== 0n;
}

/** Number of a page of Sv39. */
const pageOf = (va: bigint): number => Number((va >> 12n) & 0x7ffffffn);
const lo = (va: bigint): number => Number(BigInt.asIntN(32, va));
const hi = (va: bigint): number => Number(BigInt.asIntN(32, va >> 32n));

class StaleWatch {
  private readonly m: Monitor;
  private readonly raise: Raise;
  private readonly walk = new Walk();
  private readonly stops: (() => void)[];
  private readonly tables: Tables;
  private readonly kernelRoot: number | undefined;
  /** Every change that some hart does not know of, oldest first: those of small pages by page, and the others. */
  private readonly open = new Set<Pending>();
  private readonly byPage = new Map<number, Set<Pending>>();
  private readonly broad = new Set<Pending>();
  /** Of these: not settled yet, by the hart that did it (−1: nobody's); settled and not watched, by address space. */
  private fresh = new Map<number, Pending[]>();
  private readonly waiting = new Map<number, Set<Pending>>();
  private readonly watched = new Set<Pending>();

  constructor(m: Monitor, raise: Raise) {
    this.m = m;
    this.raise = raise;
    const { events } = m.machine;
    const changed = (change: PteChange): void => this.changed(change);
    this.tables = watchTables(m, changed);
    this.kernelRoot = m.view.kernelRoot();
    this.stops = [
      () => this.tables.leave(changed),
      events.on("fence", (e) => {
        if (this.open.size > 0) this.fenced(e.hart, e.lo === undefined || e.hi === undefined ? undefined : wide(e.lo, e.hi), e.asid);
      }),
      events.on("trapReturn", (e) => {
        if (e.to !== USER || this.open.size === 0) return;
        if (this.fresh.size > 0) this.settle(e.hart);
        const here = this.waiting.size === 0 ? undefined : this.waiting.get(rootOfHart(m, e.hart));
        if (here !== undefined) for (const p of [...here]) this.meets(p, e.hart);
      }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const p of [...this.open]) this.retire(p);
  }

  private changed(change: PteChange): void {
    if (change.access.by === "walker" || change.span > WIDEST || !takesAway(change)) return;
    const { machine } = this.m;
    const changer = change.access.hart;
    const p: Pending = {
      change, changer, moment: machine.moment, ignorant: 2 ** machine.harts.length - 1, settled: false, stop: undefined,
      pc: changer < 0 ? 0n : this.m.look.pc(machine.harts[changer]!),
    };
    if (this.open.size >= MOST_OPEN) this.retireOldest(this.open);
    this.open.add(p);
    if (change.span === 4096) addTo(this.byPage, pageOf(change.va), p);
    else this.broad.add(p);
    const mine = this.fresh.get(changer);
    if (mine === undefined) this.fresh.set(changer, [p]);
    else mine.push(p);
  }

  /** A hart goes back to user mode: who still holds what it changed, and has not been told, is watched as soon as it runs there. */
  private settle(hart: number): void {
    for (const changer of [hart, -1]) {
      const mine = this.fresh.get(changer);
      if (mine === undefined) continue;
      this.fresh.delete(changer);
      for (const p of mine) {
        if (!this.open.has(p)) continue;
        p.settled = true;
        for (const h of this.m.machine.harts) if (!this.holds(p, h.id)) p.ignorant &= ~(1 << h.id);
        if (p.ignorant === 0) {
          this.retire(p);
          continue;
        }
        addTo(this.waiting, p.change.root, p);
        for (const h of this.m.machine.harts) {
          if (p.change.root === this.kernelRoot || (h.privilege === USER && rootOfHart(this.m, h.id) === p.change.root)) this.meets(p, h.id);
        }
      }
    }
  }

  /** A hart runs where a change was made: watch it, if it has not been told. */
  private meets(p: Pending, hart: number): void {
    if ((p.ignorant & (1 << hart)) === 0 || p.stop !== undefined) return;
    takeFrom(this.waiting, p.change.root, p);
    p.stop = this.m.machine.stops.watch({ space: "virtual", start: p.change.va, length: p.change.span, read: true, write: true, fetch: true }, (access) => this.used(p, access));
    this.watched.add(p);
    if (this.watched.size > MOST_WATCHED) this.retireOldest(this.watched);
  }

  /** Does a hart's TLB hold something for these addresses of that address space? */
  private holds({ change, ignorant }: Pending, hart: number): boolean {
    if ((ignorant & (1 << hart)) === 0) return false;
    const { tlb } = this.m.machine.harts[hart]!.mmu;
    for (let at = 0; at < change.span; at += 4096) {
      const va = change.va + BigInt(at);
      for (const access of [LOAD, STORE, FETCH] as const) if (tlb.holds(change.root, access, lo(va), hi(va))) return true;
    }
    return false;
  }

  /** A hart has emptied its TLB of an address (undefined: all), in an address space (undefined: all). */
  private fenced(hart: number, va: bigint | undefined, asid: number | undefined): void {
    if (va === undefined) {
      for (const p of this.open) this.told(p, hart, asid);
      return;
    }
    for (const p of [...(this.byPage.get(pageOf(va)) ?? [])]) this.told(p, hart, asid);
    for (const p of this.broad) {
      const { change } = p;
      // The leaf of a large page is covered by each of its addresses; an entry that led to a table by none.
      if (va >= change.va && va < change.va + BigInt(change.span) && kindOf(change.before, change.level) === "leaf") this.told(p, hart, asid);
    }
  }

  private told(p: Pending, hart: number, asid: number | undefined): void {
    if ((p.ignorant & (1 << hart)) === 0) return;
    const its = this.tables.asidOf(p.change.root);
    if (asid !== undefined && its !== undefined && its !== asid) return; // where it is not known, it is believed
    p.ignorant &= ~(1 << hart);
    if (p.ignorant === 0) this.retire(p);
  }

  private retireOldest(of: ReadonlySet<Pending>): void {
    const [oldest] = of;
    if (oldest !== undefined) this.retire(oldest);
  }

  private retire(p: Pending): void {
    if (!this.open.delete(p)) return;
    p.stop?.();
    this.watched.delete(p);
    this.broad.delete(p);
    if (p.change.span === 4096) takeFrom(this.byPage, pageOf(p.change.va), p);
    takeFrom(this.waiting, p.change.root, p);
  }

  /** An address that a changed entry is about was accessed: did the access go where the tables lead? */
  private used(p: Pending, a: WatchedAccess): void {
    if (a.by !== "cpu" || (p.ignorant & (1 << a.hart)) === 0) return;
    const h = this.m.machine.harts[a.hart]!;
    if (rootOfHart(this.m, a.hart) !== p.change.root) return;
    const pa = h.mmu.probe(a.access, a.lo, a.hi, this.walk);
    if (pa === a.pa) return;
    const va = wide(a.lo, a.hi);
    const { before, after, address } = p.change;
    const now = pa < 0 ? `that refuses it (${this.walk.reason})` : `that leads to ${hex(pa)}`;
    const by = p.changer < 0 ? "from outside" : `by ${this.m.naming.kernelName(p.pc) || hex(p.pc)} on hart ${p.changer} at t=${count(p.moment)}`;
    this.raise(`${p.change.root} ${va & ~4095n} ${p.moment}`, a.hart,
      `a ${accessName(a.access)} at ${hex(va)} went to ${hex(a.pa)} through an old translation. Its page-table entry ${hex(address)} was changed from ${hex(before)} ${flagLetters(before)} to ${hex(after)} ${flagLetters(after)} ${by}, ${now}, and hart ${a.hart} has executed no sfence.vma for it since`);
  }
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

function takeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key);
  if (set?.delete(value) === true && set.size === 0) map.delete(key);
}
