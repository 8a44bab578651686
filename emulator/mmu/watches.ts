// Who hears of accesses to memory: ranges of physical or virtual addresses, watched for reads, for writes or for both.
// Pages with a watch are withheld in the TLBs (frame flags for physical ranges, `withholds` for virtual ones), so their
// accesses take the slow path, which tells; an access elsewhere costs nothing. Each page has a list of its own, so that
// thousands of small watches (alarms have a page table or a free frame each) cost no more than one.

import { RAM as RAM_BASE } from "../memory-map.ts";
import { FRAME_READ, FRAME_WATCHED, type PhysicalMemory } from "./physical.ts";
import { FETCH, LOAD, STORE, type Access } from "./walk.ts";

/** By whom memory was accessed: an instruction, hardware that set A or D bits, a device, or somebody outside (a debugger). */
export type Accessor = "cpu" | "walker" | "dma" | "host";

/** An access that has been done; a fetch: that is about to be executed. */
export interface WatchedAccess {
  /** −1 when no hart did it. */
  readonly hart: number;
  readonly access: Access;
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
  /** Fetches too, of virtual ranges: each instruction that begins there, just before it runs, as an access of 2 bytes. */
  readonly fetch?: boolean;
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

/** A physical range with more frames than this has no list in each of them, and withholds all TLB entries at once. */
const MANY_FRAMES = 64;
/** Bytes of virtual addresses that one watch may cover. */
const MOST_VIRTUAL = 2 ** 26;

export class Watches {
  /** Is anything watched? When not, slow paths ask no further. */
  active = false;
  /** Are fetches watched anywhere? */
  fetches = false;
  private readonly memory: PhysicalMemory;
  /** Watches by RAM frame and by virtual page, oldest first. Lists are replaced, never changed: a listener may add or remove watches. */
  private readonly frames = new Map<number, readonly Watch[]>();
  private readonly pages = new Map<number, readonly Watch[]>();
  /** Physical ranges of many frames, and such as reach out of RAM. */
  private broad: readonly Watch[] = [];
  /** All of them. */
  private readonly all = new Set<Watch>();
  private serial = 0;
  /** Watches with a serial number up to this one are set aside. */
  private aside = 0;

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
    this.all.add(watch);
    this.active = true;
    if (space === "virtual") this.addPages(watch);
    else this.addFrames(watch);
    return () => this.remove(watch);
  }

  /** Does a virtual watch want TLB entries for this page kept from the engines? */
  withholds(access: Access, lo: number, hi: number): boolean {
    if (access === FETCH && !this.fetches) return false;
    const here = this.pages.get(pageOf(lo, hi));
    // An AMO reads through its write entry.
    return here?.some((w) => (access === STORE ? w.write || w.read : wants(w, access))) === true;
  }

  /** Tell those who watch what was accessed, in the order in which they came. Arguments as in WatchedAccess. */
  tell(by: Accessor, hart: number, access: Access, lo: number, hi: number, pa: number, size: number, old?: Uint8Array): void {
    const heard: Watch[] = [];
    const gather = (list: readonly Watch[] | undefined): void => {
      for (const w of list ?? []) if (wants(w, access) && (w.serial > this.aside || w.always === true)) heard.push(w);
    };
    if (access !== FETCH) {
      gather(this.frames.get(Math.floor((pa - RAM_BASE) / 4096)));
      gather(this.broad);
    }
    if (by === "cpu") gather(this.pages.get(pageOf(lo, hi)));
    if (heard.length > 1) heard.sort((a, b) => a.serial - b.serial);
    for (const w of heard) {
      // Exact when it is small, and large when it is not.
      const into = w.space === "physical" ? pa - w.from : (hi - w.hi) * 2 ** 32 + (lo >>> 0) - (w.lo >>> 0);
      if (into < w.length && into + size > 0) w.heard({ hart, access, by, lo, hi, pa, size, old });
    }
  }

  /** Set all watches aside but those of the machine itself, until the result is called; it ends those that were added meanwhile. */
  quiet(): () => void {
    const before = this.aside;
    const until = (this.aside = this.serial);
    return () => {
      this.aside = before;
      for (const w of this.all) if (w.serial > until && w.always !== true) this.remove(w);
    };
  }

  private remove(watch: Watch): void {
    if (!this.all.delete(watch)) return;
    this.active = this.all.size > 0;
    if (watch.space === "virtual") {
      for (const { lo, hi } of pages(watch)) without(this.pages, pageOf(lo, hi), watch);
      if (watch.fetch === true) this.fetches = [...this.all].some((w) => w.fetch === true);
      return;
    }
    const { first, last } = this.framesOf(watch);
    if (this.isBroad(watch)) this.broad = this.broad.filter((w) => w !== watch);
    else for (let frame = first; frame <= last; frame++) without(this.frames, frame, watch);
    for (let frame = first; frame <= last; frame++) this.mark(frame);
  }

  private addPages(watch: Watch): void {
    if (watch.fetch === true) this.fetches = true;
    const kinds = ([LOAD, STORE, FETCH] as const).filter((access) => wants(watch, access) || (access === STORE && watch.read));
    for (const { lo, hi } of pages(watch)) {
      append(this.pages, pageOf(lo, hi), watch);
      for (const tlb of this.memory.tlbs) for (const access of kinds) tlb.withholdAddress(access, lo, hi);
    }
  }

  /** Mark the frames of a physical range, and send engines that have them cached to the slow path. */
  private addFrames(watch: Watch): void {
    const { first, last } = this.framesOf(watch);
    const broad = this.isBroad(watch);
    if (broad) this.broad = [...this.broad, watch];
    for (let frame = first; frame <= last; frame++) {
      if (!broad) append(this.frames, frame, watch);
      const before = this.memory.frameFlags[frame]!;
      const now = this.mark(frame);
      // What was watched for the same before is withheld already.
      if (broad || before === now) continue;
      for (const tlb of this.memory.tlbs) {
        if (watch.read && (before & FRAME_READ) === 0) tlb.withhold(LOAD, frame + RAM_BASE / 4096);
        tlb.withhold(STORE, frame + RAM_BASE / 4096);
      }
    }
    if (!broad) return;
    for (const tlb of this.memory.tlbs) {
      if (watch.read) tlb.withhold(LOAD, -1);
      tlb.withhold(STORE, -1);
    }
  }

  /** Set a frame's flags to what its watches want; they are the result. */
  private mark(frame: number): number {
    let wanted = 0;
    const from = RAM_BASE + frame * 4096;
    for (const w of this.frames.get(frame) ?? []) wanted |= flagsOf(w);
    for (const w of this.broad) if (from + 4096 > w.from && from < w.from + w.length) wanted |= flagsOf(w);
    const flags = this.memory.frameFlags;
    return (flags[frame] = (flags[frame]! & ~(FRAME_WATCHED | FRAME_READ)) | wanted);
  }

  private isBroad(watch: Watch): boolean {
    const { first, last } = this.framesOf(watch);
    return last - first >= MANY_FRAMES || RAM_BASE + first * 4096 > watch.from || RAM_BASE + (last + 1) * 4096 < watch.from + watch.length;
  }

  /** First and last RAM frame of a physical range; none (last < first) when it lies outside RAM. */
  private framesOf({ from, length }: Watch): { first: number; last: number } {
    const first = Math.max(0, Math.floor((from - RAM_BASE) / 4096));
    return { first, last: Math.min(this.memory.frameFlags.length - 1, Math.floor((from + length - 1 - RAM_BASE) / 4096)) };
  }
}

const wants = (w: Watch, access: Access): boolean => (access === LOAD ? w.read : access === STORE ? w.write : w.fetch === true);
const flagsOf = (w: Watch): number => (w.write ? FRAME_WATCHED : 0) | (w.read ? FRAME_READ : 0);

function append(lists: Map<number, readonly Watch[]>, key: number, watch: Watch): void {
  lists.set(key, [...(lists.get(key) ?? []), watch]);
}

function without(lists: Map<number, readonly Watch[]>, key: number, watch: Watch): void {
  const rest = (lists.get(key) ?? []).filter((w) => w !== watch);
  if (rest.length === 0) lists.delete(key);
  else lists.set(key, rest);
}

/** The virtual pages of a range, by an address in each. */
function* pages({ start, length }: WatchRange): Generator<{ lo: number; hi: number }> {
  const end = start + BigInt(length);
  for (let at = start & ~4095n; at < end; at += 4096n) yield { lo: Number(BigInt.asIntN(32, at)), hi: Number(BigInt.asIntN(32, at >> 32n)) };
}

/** Number of a virtual page: 52 bits, exact. */
export const pageOf = (lo: number, hi: number): number => (hi >>> 0) * 2 ** 20 + (lo >>> 12);
