// Every page fault of the machine, and what became of it, in a ring of fixed size: always on while a monitor exists,
// cheap enough for that (typed arrays, no objects of its own). Going back in time and forward again logs nothing
// twice: a step belongs to one hart and is one fault at most, so its number tells whether it is known.

import type { EventTypes } from "../events.ts";
import type { Hart } from "../hart/hart.ts";
import { SLOT } from "../hart/layout.ts";
import type { Machine } from "../machine.ts";
import { PTE_V, USER, Walk, ptePpn, type Access, type Privilege, type WalkReason } from "../mmu/walk.ts";
import type { FaultProbe } from "./kernel-view/kernel-view.ts";

/** Faults that are kept. */
export const FAULTS_KEPT = 1 << 15;
/** Counters of a kernel that are compared, at most. */
const COUNTERS = 16;
/** Codes of reasons in the ring. */
const REASONS: readonly WalkReason[] = [
  "non-canonical", "pte-unreadable", "pte-unwritable", "invalid", "reserved-bits", "write-without-read", "no-leaf", "misaligned-superpage",
  "not-readable", "not-writable", "not-executable", "supervisor-page", "user-page", "user-page-fetch", "accessed-clear", "dirty-clear",
];

const CODES = Object.fromEntries(REASONS.map((r, i) => [r, i])) as Readonly<Record<WalkReason, number>>;

/**
 * How a fault ended. By the kernel's own counters where it has any: their names. Else by what the page table shows
 * when the instruction is run again: "mapped" (the entry was void), "copied" (another frame), "granted" (the same
 * frame, more rights), "returned" (no difference). "elsewhere": the code went on at another place, such as a signal's
 * handler. "pending": it has not returned, perhaps never will.
 */
export type Outcome = string;
const GENERIC = ["pending", "elsewhere", "returned", "mapped", "copied", "granted"] as const;
const [PENDING, ELSEWHERE, RETURNED, MAPPED, COPIED, GRANTED] = [0, 1, 2, 3, 4, 5] as const;

/** One fault. 64-bit numbers unsigned. */
export interface Fault {
  /** Its number since the log began; stays the same when older ones are forgotten. */
  readonly index: number;
  readonly moment: number;
  readonly hart: number;
  readonly access: Access;
  readonly privilege: Privilege;
  readonly va: bigint;
  readonly pc: bigint;
  readonly satp: bigint;
  /** What ran on the hart, by the kernel's view; 0 when nothing did or it is not known. */
  readonly pid: number;
  readonly reason: WalkReason;
  /** Level at which the walk stopped, the entry there, and its physical address. */
  readonly level: number;
  readonly pte: bigint;
  readonly pteAddress: number;
  readonly outcome: Outcome;
  /** Steps of all harts from the fault to the return; undefined while it is pending. */
  readonly cost: number | undefined;
}

/** Who will return from a fault: the process where it is known, the address space, or for the kernel's own the hart. */
function keyOf(h: Hart, privilege: Privilege, pid: number): number {
  if (privilege !== USER) return -1 - h.id;
  return pid !== 0 ? pid : 2 ** 40 + (h.low(SLOT.satp) >>> 0);
}

export class FaultLog {
  /** Faults up to this index; the log forgets those before `first`. */
  total = 0;
  first = 0;
  /** Reads pids and counters; undefined where the kernel is unknown. */
  probe: FaultProbe | undefined;
  private listeners: readonly ((index: number) => void)[] = [];
  private readonly machine: Machine;
  private readonly moments = new Float64Array(FAULTS_KEPT);
  private readonly costs = new Float64Array(FAULTS_KEPT);
  private readonly addresses = new Float64Array(FAULTS_KEPT);
  private readonly pids = new Int32Array(FAULTS_KEPT);
  /** va, pc, satp, pte: low and high words. */
  private readonly wide = new Int32Array(8 * FAULTS_KEPT);
  /** hart, access, privilege, reason, level, outcome. */
  private readonly small = new Uint8Array(8 * FAULTS_KEPT);
  private readonly counts = new Int32Array(COUNTERS * FAULTS_KEPT);
  /** Faults that have not returned, by who is expected to return. */
  private readonly open = new Map<number, number>();
  private readonly now = new Int32Array(COUNTERS);
  private readonly walk = new Walk();
  private readonly stops: readonly (() => void)[];

  constructor(machine: Machine) {
    this.machine = machine;
    this.stops = [
      machine.events.on("pageFault", (e) => this.add(e)),
      machine.events.on("trapReturn", (e) => { if (this.open.size > 0) this.returned(e); }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  /** Forget everything. */
  clear(): void {
    this.first = this.total = 0;
    this.open.clear();
  }

  /** Hear of each new fault, by index; the result ends it. */
  listen(listener: (index: number) => void): () => void {
    this.listeners = [...this.listeners, listener];
    return () => { this.listeners = this.listeners.filter((l) => l !== listener); };
  }

  /** A fault by index; undefined when it is forgotten or has not been. */
  at(index: number): Fault | undefined {
    if (index < this.first || index >= this.total) return undefined;
    const i = index % FAULTS_KEPT;
    const pair = (n: number): bigint => (BigInt(this.wide[8 * i + n + 1]! >>> 0) << 32n) | BigInt(this.wide[8 * i + n]! >>> 0);
    const b = this.small.subarray(8 * i, 8 * i + 8);
    const code = b[5]!;
    return {
      index, moment: this.moments[i]!, hart: b[0]!, access: b[1]! as Access, privilege: b[2]! as Privilege,
      va: pair(0), pc: pair(2), satp: pair(4), pte: pair(6), pid: this.pids[i]!, reason: REASONS[b[3]!]!, level: b[4]!,
      pteAddress: this.addresses[i]!, cost: code === PENDING ? undefined : this.costs[i]!,
      outcome: GENERIC[code] ?? this.probe?.outcomes[code - GENERIC.length] ?? "returned",
    };
  }

  /** Faults before a moment, the latest first. */
  *backwards(moment = Infinity): Generator<Fault> {
    for (let i = this.total - 1; i >= this.first; i--) if (this.moments[i % FAULTS_KEPT]! < moment) yield this.at(i)!;
  }

  private add(e: EventTypes["pageFault"]): void {
    const h = this.machine.harts[e.hart]!;
    const { moment } = this.machine;
    const { walk } = e;
    const pid = this.probe?.pidOf(e.hart) ?? 0;
    const key = keyOf(h, h.privilege, pid);
    const known = this.find(moment);
    const index = known ?? this.append(moment);
    if (h.privilege === USER || known === undefined) this.open.set(key, index);
    if (known !== undefined) return;
    const i = index % FAULTS_KEPT;
    const w = this.wide;
    w[8 * i] = e.lo;
    w[8 * i + 1] = e.hi;
    w[8 * i + 2] = h.pcLo;
    w[8 * i + 3] = h.pcHi;
    w[8 * i + 4] = h.low(SLOT.satp);
    w[8 * i + 5] = h.high(SLOT.satp);
    const none = walk.reason === "non-canonical";
    w[8 * i + 6] = none ? 0 : walk.low[walk.level]!;
    w[8 * i + 7] = none ? 0 : walk.high[walk.level]!;
    this.addresses[i] = none ? 0 : walk.addresses[walk.level]!;
    this.pids[i] = pid;
    const s = this.small;
    s[8 * i] = e.hart;
    s[8 * i + 1] = e.access;
    s[8 * i + 2] = h.privilege;
    s[8 * i + 3] = CODES[walk.reason!];
    s[8 * i + 4] = walk.level;
    s[8 * i + 5] = PENDING;
    if (this.probe?.counters(e.hart, this.now) === true) this.counts.set(this.now, COUNTERS * i);
    for (const listener of this.listeners) listener(index);
  }

  private returned(e: EventTypes["trapReturn"]): void {
    const h = this.machine.harts[e.hart]!;
    const key = keyOf(h, e.to, this.probe?.pidOf(h.id) ?? 0);
    const index = this.open.get(key);
    if (index === undefined) return;
    const i = index % FAULTS_KEPT;
    if (index < this.first || this.small[8 * i + 2] !== e.to) return;
    this.open.delete(key);
    if (this.small[8 * i + 5] !== PENDING) return;
    this.costs[i] = this.machine.moment - this.moments[i]!;
    this.small[8 * i + 5] = this.ended(h, i, this.wide[8 * i + 2] === e.pcLo && this.wide[8 * i + 3] === e.pcHi);
  }

  /** The code of what came of fault `i`, now that its handler returns, to the same instruction or elsewhere. */
  private ended(h: Hart, i: number, same: boolean): number {
    if (this.probe?.counters(h.id, this.now) === true) {
      for (let k = 0; k < this.probe.outcomes.length; k++) if (this.now[k] !== this.counts[COUNTERS * i + k]) return GENERIC.length + k;
    }
    if (!same) return ELSEWHERE;
    const access = this.small[8 * i + 1]! as Access;
    const pa = h.mmu.probe(access, this.wide[8 * i]!, this.wide[8 * i + 1]!, this.walk);
    if (pa < 0) return RETURNED;
    const [lo, hi] = [this.wide[8 * i + 6]!, this.wide[8 * i + 7]!];
    if ((lo & PTE_V) === 0) return MAPPED;
    return this.small[8 * i + 4] === this.walk.level && ptePpn(lo, hi) === ptePpn(this.walk.pteLo, this.walk.pteHi) ? GRANTED : COPIED;
  }

  /** Index of the fault of exactly this moment. */
  private find(moment: number): number | undefined {
    if (this.total === this.first || this.moments[(this.total - 1) % FAULTS_KEPT]! < moment) return undefined;
    const at = this.lowerBound(moment);
    return at < this.total && this.moments[at % FAULTS_KEPT] === moment ? at : undefined;
  }

  /** The first index whose moment is not before `moment`. */
  private lowerBound(moment: number): number {
    let lo = this.first;
    let hi = this.total;
    while (lo < hi) {
      const mid = Math.floor((lo + hi) / 2);
      if (this.moments[mid % FAULTS_KEPT]! < moment) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  /** Room for a fault at a moment that is not known. Later ones belong to a course of time that was given up: they go. */
  private append(moment: number): number {
    if (this.total > this.first && this.moments[(this.total - 1) % FAULTS_KEPT]! > moment) this.total = this.lowerBound(moment);
    const index = this.total++;
    this.moments[index % FAULTS_KEPT] = moment;
    this.first = Math.max(this.first, this.total - FAULTS_KEPT);
    return index;
  }
}

