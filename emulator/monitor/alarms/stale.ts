// stale: a page-table entry was changed, no sfence.vma told the hart, and the hart used the old translation.

import { wide } from "../../events.ts";
import { LOAD, STORE, USER, Walk } from "../../mmu/walk.ts";
import type { WatchedAccess } from "../../stops.ts";
import { count, hex } from "../format.ts";
import { satpParts } from "../kernel-view/hardware.ts";
import type { Monitor } from "../monitor.ts";
import { accessName, flagLetters, kindOf, targetOf } from "../pte.ts";
import type { Alarm, Raise } from "./alarm.ts";
import { watchTables, type PteChange } from "./tables.ts";

/** Changes that are followed at most; the oldest are given up. */
const MOST_FRESH = 8192;
const MOST_WATCHED = 256;
/** A change that concerns more memory than this is not followed. */
const WIDEST = 2 ** 21;

/** A change that some hart may not know of. */
interface Pending {
  readonly change: PteChange;
  readonly moment: number;
  readonly changer: number;
  readonly pc: bigint;
  /** Harts that have executed no sfence.vma for it. */
  readonly ignorant: Set<number>;
  /** Ends the watch of its addresses, once there is one. */
  stop: () => void;
}

export const stale: Alarm = {
  name: "stale",
  summary: "an old translation was used after its page-table entry changed: an sfence.vma is missing",
  help: "Watches all page tables. When a hart that has changed an entry goes back to user mode, and a TLB still holds what the entry said, and its\nhart has executed no sfence.vma for it, then the addresses are watched, and a load or store there that goes where the page table no\nlonger leads is reported. (Before that the kernel may be about to see to it.) Fetches are not seen.",
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

class StaleWatch {
  private readonly m: Monitor;
  private readonly raise: Raise;
  private readonly walk = new Walk();
  private readonly stops: (() => void)[];
  /** Changes whose hart has not gone back to user mode yet, and those that are watched. */
  private fresh: Pending[] = [];
  private watched: Pending[] = [];

  constructor(m: Monitor, raise: Raise) {
    this.m = m;
    this.raise = raise;
    const { events } = m.machine;
    this.stops = [
      watchTables(m, (change) => this.changed(change)),
      events.on("fence", (e) => this.fenced(e.hart, e.lo === undefined || e.hi === undefined ? undefined : wide(e.lo, e.hi), e.asid)),
      events.on("trapReturn", (e) => {
        if (e.to === USER && this.fresh.length > 0) this.settle(e.hart);
      }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const p of this.watched) p.stop();
    this.fresh = this.watched = [];
  }

  private changed(change: PteChange): void {
    if (change.access.by === "walker" || change.span > WIDEST || !takesAway(change)) return;
    const { machine } = this.m;
    const changer = change.access.hart;
    if (this.fresh.length >= MOST_FRESH) this.fresh.shift();
    this.fresh.push({
      change, changer, moment: machine.moment, ignorant: new Set(machine.harts.map((h) => h.id)), stop: () => undefined,
      pc: changer < 0 ? 0n : this.m.look.pc(machine.harts[changer]!),
    });
  }

  /** A hart goes back to user mode: of what it changed, watch what some TLB still holds. */
  private settle(hart: number): void {
    const mine = this.fresh.filter((p) => p.changer === hart || p.changer < 0);
    this.fresh = this.fresh.filter((p) => !mine.includes(p));
    for (const p of mine) {
      if (!this.isCached(p)) continue;
      p.stop = this.m.machine.stops.watch({ space: "virtual", start: p.change.va, length: p.change.span, read: true, write: true }, (access) => this.used(p, access));
      this.watched.push(p);
      if (this.watched.length > MOST_WATCHED) this.watched.shift()!.stop();
    }
  }

  /** Does the TLB of a hart that was not told hold something for these addresses? */
  private isCached({ change, ignorant }: Pending): boolean {
    for (const id of ignorant) {
      const { tlb } = this.m.machine.harts[id]!.mmu;
      for (let at = 0; at < change.span; at += 4096) {
        const va = change.va + BigInt(at);
        for (const access of [LOAD, STORE] as const) {
          if (tlb.find(access, Number(BigInt.asIntN(32, va)), Number(BigInt.asIntN(32, va >> 32n))).length > 0) return true;
        }
      }
    }
    return false;
  }

  /** A hart has emptied its TLB of an address (undefined: all), in an address space (undefined: all). */
  private fenced(hart: number, va: bigint | undefined, asid: number | undefined): void {
    const told = (p: Pending): boolean => {
      const { change } = p;
      const covers = va === undefined || (change.span === 4096 && va >= change.va && va < change.va + 4096n);
      if (covers && p.ignorant.has(hart) && (asid === undefined || this.hasAsid(change.root, asid))) p.ignorant.delete(hart);
      if (p.ignorant.size > 0) return false;
      p.stop();
      return true;
    };
    if (this.fresh.length > 0) this.fresh = this.fresh.filter((p) => !told(p));
    if (this.watched.length > 0) this.watched = this.watched.filter((p) => !told(p));
  }

  /** Is this the number of the address space? Where that is not known, it is believed. */
  private hasAsid(root: number, asid: number): boolean {
    for (const h of this.m.machine.harts) {
      const parts = satpParts(this.m.look.satp(h));
      if (parts?.root === root) return parts.asid === asid;
    }
    const known = this.m.view.spaces().find((s) => s.root === root);
    return known?.asid === undefined || known.asid === asid;
  }

  /** An address that a changed entry is about was accessed: did the access go where the tables lead? */
  private used(p: Pending, a: WatchedAccess): void {
    if (a.by !== "cpu" || !p.ignorant.has(a.hart)) return;
    const h = this.m.machine.harts[a.hart]!;
    if (satpParts(this.m.look.satp(h))?.root !== p.change.root) return;
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
