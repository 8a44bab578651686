// The debugger's stop points: kept by number, installed in the machine for a run (or a stretch that is run again),
// and each told apart: address space, hart, condition, hits to ignore.

import { wide } from "../events.ts";
import { SLOT } from "../hart/layout.ts";
import type { Hart } from "../hart/hart.ts";
import type { Machine } from "../machine.ts";
import type { WatchedAccess, WatchRange } from "../stops.ts";
import type { CatchSpec, Point, PointOptions, PointPlace, StopReason } from "./stop-report.ts";
import { LOAD } from "../mmu/walk.ts";

/** A point met. */
export interface Hit {
  readonly point: Point;
  readonly reason: StopReason;
  /** −1 when no hart was at work. */
  readonly hart: number;
  /** The step it belongs to. Breakpoints are met before it, the rest in it. */
  readonly moment: number;
}

type Kept = { -readonly [K in keyof Point]: Point[K] } & { remaining: number };

const ECALL_FROM_USER = 8;
const A7 = 17;
/** Bytes of a watched range that reports show. */
const SHOWN = 64;

/** satp.PPN of a hart: which address space it is in. */
export const rootOf = (h: Hart): number => (h.low(SLOT.satp) >>> 0) + (h.high(SLOT.satp) & 0xfff) * 2 ** 32;

export class Points {
  private readonly machine: Machine;
  private readonly kept = new Map<number, Kept>();
  private lastId = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Every point, by number. */
  get list(): readonly Point[] {
    return [...this.kept.values()];
  }

  get(id: number): Point | undefined {
    return this.kept.get(id);
  }

  /** Throws an Error of one line for a range that cannot be watched. */
  add(place: PointPlace, options: PointOptions): Point {
    if (place.kind === "watchpoint") this.machine.stops.watch(place, () => undefined)(); // throws for what cannot be watched
    const point: Kept = { id: ++this.lastId, place, options, enabled: true, hits: 0, remaining: options.ignore ?? 0 };
    this.kept.set(point.id, point);
    return point;
  }

  /** False when there is no such point. */
  remove(id: number): boolean {
    return this.kept.delete(id);
  }

  enable(id: number, on: boolean): boolean {
    const point = this.kept.get(id);
    if (point !== undefined) point.enabled = on;
    return point !== undefined;
  }

  /** Give a point other options (its place stays). False when there is no such point. */
  change(id: number, options: PointOptions): boolean {
    const point = this.kept.get(id);
    if (point === undefined) return false;
    point.options = options;
    point.remaining = options.ignore ?? 0;
    return true;
  }

  /** Count a hit that the machine met going forward. False: it is one to ignore. */
  count(id: number): boolean {
    const point = this.kept.get(id);
    if (point === undefined) return true;
    point.hits++;
    if (point.remaining === 0) return true;
    point.remaining--;
    return false;
  }

  /** Install every enabled point: `met` is called with each hit whose condition holds; for a breakpoint, true stops before it. The result takes them out. */
  install(met: (hit: Hit) => boolean): () => void {
    const removers: (() => void)[] = [];
    for (const p of this.kept.values()) if (p.enabled) removers.push(this.installOne(p, met));
    return () => {
      for (const remove of removers) remove();
    };
  }

  /** Enabled breakpoints that stand at a hart's pc and hold there. */
  standingAt(hart: number): StopReason[] {
    const h = this.machine.harts[hart]!;
    const pc = wide(h.pcLo, h.pcHi);
    return [...this.kept.values()].flatMap((p) => (p.enabled && p.place.kind === "breakpoint" && p.place.address === pc && this.holds(p, hart) ? [breakpointReason(p, pc)] : []));
  }

  private installOne(p: Kept, met: (hit: Hit) => boolean): () => void {
    const { stops } = this.machine;
    switch (p.place.kind) {
      case "breakpoint": {
        const address = BigInt.asUintN(64, p.place.address);
        return stops.breakAt(address, (hart) => this.holds(p, hart) && met(this.hit(p, hart, breakpointReason(p, address))));
      }
      case "watchpoint": {
        const range = p.place;
        return stops.watch(range, (access) => {
          const reason = this.watchReason(p, range, access);
          if (access.hart < 0 ? p.options.hart === undefined : this.holds(p, access.hart)) met(this.hit(p, access.hart, reason));
        });
      }
      case "catch":
        return this.installCatch(p, p.place.what, met);
    }
  }

  private installCatch(p: Kept, what: CatchSpec, met: (hit: Hit) => boolean): () => void {
    const { events } = this.machine;
    const caught = (hart: number): void => {
      if (this.holds(p, hart)) met(this.hit(p, hart, { kind: "catch", id: p.id, what, label: p.options.label }));
    };
    switch (what.kind) {
      case "trap":
        return events.on("trap", (e) => {
          if (what.cause === undefined || e.cause === what.cause) caught(e.hart);
        });
      case "interrupt":
        return events.on("interrupt", (e) => {
          if (what.cause === undefined || e.cause === what.cause) caught(e.hart);
        });
      case "page-fault":
        return events.on("pageFault", (e) => {
          if ((what.why === undefined || e.walk.reason === what.why) && (what.access === undefined || e.access === what.access)) caught(e.hart);
        });
      case "syscall":
        return events.on("trap", (e) => {
          const h = this.machine.harts[e.hart]!;
          if (e.cause === ECALL_FROM_USER && (what.number === undefined || h.words[h.registerIndex(A7)] === what.number)) caught(e.hart);
        });
      case "csr":
        return events.on("csr", (e) => {
          if (e.csr === what.csr) caught(e.hart);
        });
    }
  }

  private hit(p: Kept, hart: number, reason: StopReason): Hit {
    return { point: p, reason, hart, moment: this.machine.moment };
  }

  private holds(p: Kept, hart: number): boolean {
    const { hart: only, root, condition } = p.options;
    if (only !== undefined && only !== hart) return false;
    if (root !== undefined && root !== rootOf(this.machine.harts[hart]!)) return false;
    try {
      return condition === undefined || condition(hart);
    } catch {
      return true; // it cannot be told: let somebody look
    }
  }

  private watchReason(p: Kept, range: WatchRange, access: WatchedAccess): StopReason {
    const now = this.read(range, Math.max(0, access.hart));
    // A write of part of the range: put back what was there.
    const old = access.old === undefined ? undefined : now?.slice();
    const start = range.space === "physical" ? access.pa - Number(range.start) : Number(wide(access.lo, access.hi) - range.start);
    access.old?.forEach((byte, i) => {
      if (old !== undefined && start + i >= 0 && start + i < old.length) old[start + i] = byte;
    });
    return {
      kind: "watchpoint", id: p.id, label: p.options.label, access: access.access === LOAD ? "read" : "write", by: access.by,
      pa: BigInt(access.pa), va: access.by === "cpu" ? wide(access.lo, access.hi) : 0n, size: access.size, now, old,
    };
  }

  /** What a watched range holds, as far as reports show it. */
  private read(range: WatchRange, hart: number): Uint8Array | undefined {
    const length = Math.min(range.length, SHOWN);
    const { inspect } = this.machine;
    return range.space === "physical" ? inspect.physical(Number(range.start), length) : inspect.virtual(hart, range.start, length);
  }
}

const breakpointReason = (p: Point, address: bigint): StopReason => ({ kind: "breakpoint", id: p.id, address, label: p.options.label });
