// Who hears of accesses to memory: ranges of physical or virtual addresses, watched for reads, for writes or for both.
// Pages with a watch are withheld in the TLBs (frame flags for physical ranges, `withholds` for virtual ones), so their
// accesses take the slow path, which tells; an access elsewhere costs nothing.

import { RAM as RAM_BASE } from "../memory-map.ts";
import { FRAME_READ, FRAME_WATCHED, type PhysicalMemory } from "./physical.ts";
import { LOAD, STORE } from "./walk.ts";

/** By whom memory was accessed: an instruction, hardware that set A or D bits, a device, or somebody outside (a debugger). */
export type Accessor = "cpu" | "walker" | "dma" | "host";

/** An access that has been done. */
export interface WatchedAccess {
  /** −1 when no hart did it. */
  readonly hart: number;
  readonly access: typeof LOAD | typeof STORE;
  readonly by: Accessor;
  /** Virtual address, as signed halves (by the walker: the one that was being translated; 0 when no hart did it). */
  readonly lo: number;
  readonly hi: number;
  readonly pa: number;
  /** Bytes; an access that crosses a page comes in two parts. */
  readonly size: number;
  /** What the bytes were before a write to RAM. */
  readonly old?: Uint8Array | undefined;
}

/** A range to watch. Virtual ones hold in every address space, and see instructions only: no walker, no device. */
export interface WatchRange {
  readonly space: "physical" | "virtual";
  readonly start: bigint;
  /** Bytes, at least 1. */
  readonly length: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Part of the machine, like a device: `quiet` leaves it alone. */
  readonly always?: boolean;
}

interface Watch extends WatchRange {
  readonly from: number;
  readonly lo: number;
  readonly hi: number;
  readonly serial: number;
  readonly heard: (access: WatchedAccess) => void;
}

/** A range with more frames than this withholds all TLB entries at once. */
const MANY_FRAMES = 64;
/** Bytes of virtual addresses that one watch may cover. */
const MOST_VIRTUAL = 2 ** 26;

export class Watches {
  /** Is anything watched? When not, slow paths ask no further. */
  active = false;
  private readonly memory: PhysicalMemory;
  /** Replaced, never changed: a listener may add or remove watches. */
  private watches: readonly Watch[] = [];
  private serial = 0;
  /** Watches with a serial number up to this one are set aside. */
  private aside = 0;
  /** Virtual pages with a watch for reads, and for writes. */
  private readonly readPages = new Set<number>();
  private readonly writePages = new Set<number>();

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  /**
   * Watch a range: `heard` is called after each access that touches it. The result ends the watch. Throws an Error
   * of one line when the range is empty, or virtual and beyond 64 MiB.
   */
  add(range: WatchRange, heard: (access: WatchedAccess) => void): () => void {
    const { start, length, space } = range;
    if (!(Number.isInteger(length) && length > 0)) throw new Error("a watch needs at least one byte");
    if (space === "virtual" && length > MOST_VIRTUAL) throw new Error(`a watch of virtual memory covers at most ${MOST_VIRTUAL} bytes`);
    const watch: Watch = {
      ...range, heard, serial: ++this.serial, from: Number(BigInt.asUintN(64, start)),
      lo: Number(BigInt.asIntN(32, start)), hi: Number(BigInt.asIntN(32, start >> 32n)),
    };
    this.watches = [...this.watches, watch];
    this.apply(watch);
    this.active = true;
    return () => this.remove(watch);
  }

  /** Does a virtual watch want TLB entries for this page kept from the engines? */
  withholds(access: number, lo: number, hi: number): boolean {
    // An AMO reads through its write entry.
    if (access === STORE) return this.writePages.has(pageOf(lo, hi)) || this.readPages.has(pageOf(lo, hi));
    return this.readPages.has(pageOf(lo, hi));
  }

  /** Tell those who watch what was accessed. Arguments as in WatchedAccess. */
  tell(by: Accessor, hart: number, access: typeof LOAD | typeof STORE, lo: number, hi: number, pa: number, size: number, old?: Uint8Array): void {
    for (const w of this.watches) {
      if (!(access === LOAD ? w.read : w.write) || (w.serial <= this.aside && w.always !== true)) continue;
      // Exact when it is small, and large when it is not.
      const into = w.space === "physical" ? pa - w.from : by === "cpu" ? (hi - w.hi) * 2 ** 32 + (lo >>> 0) - (w.lo >>> 0) : Infinity;
      if (into < w.length && into + size > 0) w.heard({ hart, access, by, lo, hi, pa, size, old });
    }
  }

  /** Set all watches aside but those of the machine itself, until the result is called; it ends those that were added meanwhile. */
  quiet(): () => void {
    const before = this.aside;
    const until = (this.aside = this.serial);
    return () => {
      this.aside = before;
      for (const w of this.watches) if (w.serial > until && w.always !== true) this.remove(w);
    };
  }

  private remove(watch: Watch): void {
    if (!this.watches.includes(watch)) return;
    this.watches = this.watches.filter((w) => w !== watch);
    this.active = this.watches.length > 0;
    if (watch.space === "physical") {
      const { first, last } = this.frames(watch);
      const flags = this.memory.frameFlags;
      for (let frame = first; frame <= last; frame++) flags[frame] = flags[frame]! & ~(FRAME_WATCHED | FRAME_READ);
    } else {
      this.readPages.clear();
      this.writePages.clear();
    }
    for (const w of this.watches) if (w.space === watch.space) this.mark(w);
  }

  /** Mark what a watch covers, and send engines that have it cached to the slow path. */
  private apply(watch: Watch): void {
    this.mark(watch);
    const kinds = watch.read ? ([LOAD, STORE] as const) : ([STORE] as const);
    for (const tlb of this.memory.tlbs) {
      for (const access of kinds) {
        if (watch.space === "virtual") {
          for (const page of pages(watch)) for (const i of tlb.find(access, page.lo, page.hi)) tlb.withholdEntry(i);
          continue;
        }
        const { first, last } = this.frames(watch);
        if (last - first >= MANY_FRAMES) tlb.withhold(access, -1);
        else for (let frame = first; frame <= last; frame++) tlb.withhold(access, frame + RAM_BASE / 4096);
      }
    }
  }

  private mark(watch: Watch): void {
    if (watch.space === "physical") {
      const { first, last } = this.frames(watch);
      const flags = this.memory.frameFlags;
      const wanted = (watch.write ? FRAME_WATCHED : 0) | (watch.read ? FRAME_READ : 0);
      for (let frame = first; frame <= last; frame++) flags[frame] = flags[frame]! | wanted;
    } else {
      for (const { lo, hi } of pages(watch)) {
        if (watch.read) this.readPages.add(pageOf(lo, hi));
        if (watch.write) this.writePages.add(pageOf(lo, hi));
      }
    }
  }

  /** First and last RAM frame of a physical range; none (last < first) when it lies outside RAM. */
  private frames({ from, length }: Watch): { first: number; last: number } {
    const first = Math.max(0, Math.floor((from - RAM_BASE) / 4096));
    return { first, last: Math.min(this.memory.frameFlags.length - 1, Math.floor((from + length - 1 - RAM_BASE) / 4096)) };
  }
}

/** The virtual pages of a range, by an address in each. */
function* pages({ start, length }: WatchRange): Generator<{ lo: number; hi: number }> {
  const end = start + BigInt(length);
  for (let at = start & ~4095n; at < end; at += 4096n) yield { lo: Number(BigInt.asIntN(32, at)), hi: Number(BigInt.asIntN(32, at >> 32n)) };
}

/** Number of a virtual page: 52 bits, exact. */
export const pageOf = (lo: number, hi: number): number => (hi >>> 0) * 2 ** 20 + (lo >>> 12);
