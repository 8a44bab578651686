// Checkpoints: whole states of a machine that share what did not change between them. They lie dense where the machine
// is and sparse far away, within a limit of memory.

import type { State } from "../bus.ts";
import { loadCore, saveCore } from "../machine-state.ts";
import type { Machine } from "../machine.ts";
import { JournaledDisk } from "./journal.ts";
import { NONE, PAGE_BYTES, PAGE_WORDS, PageVersions } from "./pages.ts";

/**
 * A state of a run: steps taken, virtual time (ns), how much of what comes before the next step is done; and how much had
 * come from outside: other acts, and inputs taken in.
 */
export interface FullPosition {
  readonly steps: number;
  readonly now: number;
  readonly phase: 0 | 1 | 2;
  readonly acts: number;
  readonly inputs: number;
}

/** Is `a` no later than `b`? */
export function notAfter(a: FullPosition, b: FullPosition): boolean {
  if (a.steps !== b.steps) return a.steps < b.steps;
  if (a.acts !== b.acts) return a.acts < b.acts;
  if (a.inputs !== b.inputs) return a.inputs < b.inputs;
  return a.now !== b.now ? a.now < b.now : a.phase <= b.phase;
}
export const same = (a: FullPosition, b: FullPosition): boolean => notAfter(a, b) && notAfter(b, a);

/** States with the same number of steps that can be told apart. */
export const PER_STEP = 8;

export interface Checkpoint extends FullPosition {
  /** Grows with time: PER_STEP for each step, the first of which is the first state with that many steps. */
  readonly order: number;
  /** Bytes printed. */
  readonly printed: number;
  /** Everything but pages. */
  readonly core: State;
  readonly coreBytes: number;
  /** Pages that have a version at this checkpoint: frames of RAM by number, pages of disks by their keys. */
  readonly keys: number[];
}

/** So many are kept even beyond the limit: without one there would be no way back at all. */
const FEWEST = 1;
/** With no more than so many, all of history shrinks from its beginning rather than get ever coarser. */
const FEW = 10;
/** What a checkpoint takes beside pages and byte arrays, and a page's place in the lists; bytes. */
const CORE_BYTES = 20_000;
const KEY_BYTES = 40;

export class Checkpoints {
  /** In order of time. */
  readonly list: Checkpoint[] = [];
  readonly versions = new PageVersions();
  readonly disks: readonly (JournaledDisk | null)[];
  /** RAM and disks differ from this checkpoint's only in what is noted as written since. */
  base: Checkpoint;
  private readonly machine: Machine;
  private readonly limit: number;
  private readonly spacing: number;
  private coreBytes = 0;
  private keyCount = 0;

  /**
   * Begins with a checkpoint of the present. `limit` is in bytes; closer together than `spacing` (steps) they are of little
   * use. `undo`: what is overwritten on disks that last is kept, beyond the limit.
   */
  constructor(machine: Machine, limit: number, spacing: number, undo = false) {
    this.machine = machine;
    this.limit = limit;
    this.spacing = spacing;
    this.disks = machine.disks.map((door, slot) =>
      door === null ? null : door.install((disk) => new JournaledDisk(disk, slot, this.versions, (key, words) => this.keepFirst(key, words), undo && disk.lasting === true)));
    machine.memory.dirtyAll();
    this.base = this.make({ steps: machine.steps, now: machine.now, phase: machine.phase, acts: 0, inputs: machine.inputLog.length }, machine.steps * PER_STEP);
  }

  /** Bytes that all of them take. */
  get bytes(): number {
    return this.versions.bytes + this.coreBytes + this.keyCount * KEY_BYTES;
  }

  /** Keep the machine's state, which is `at`; `first`: no other state with so many steps comes before it. Forgets nothing: `thin` comes first. */
  take(at: FullPosition, first: boolean): Checkpoint {
    const order = first ? at.steps * PER_STEP : this.orderAfter(at.steps);
    const known = this.list.find((c) => c.order === order);
    if (known !== undefined && first) {
      this.adopt(known);
      return known;
    }
    const c = this.make(at, order);
    if (known !== undefined) this.replace(known, c);
    return c;
  }

  /** The present state is that of a checkpoint. */
  adopt(c: Checkpoint): void {
    this.base = c;
    for (const disk of this.disks) disk?.dirty.clear();
    this.machine.memory.track();
  }

  /** The last checkpoint that is no later than a state. */
  before(at: FullPosition): Checkpoint | undefined {
    return this.list.findLast((c) => notAfter(c, at));
  }

  /** Make the machine's state that of a checkpoint. Logs and console are the caller's. */
  restore(c: Checkpoint): void {
    const { memory } = this.machine;
    for (const frame of this.changedFrames(c)) {
      const at = memory.plan.ramBase / 4 + frame * PAGE_WORDS;
      const version = this.versions.at(frame, c.order);
      if (version === NONE) memory.words.fill(0, at, at + PAGE_WORDS);
      else memory.words.set(this.versions.content(version), at);
      memory.restored(frame);
    }
    for (const disk of this.disks) disk?.goTo(c.order);
    loadCore(this.machine, c.core);
    this.adopt(c);
  }

  /** Forget the checkpoints that come after the present state, which has this many steps. */
  cut(steps: number): void {
    const last = Math.max(steps * PER_STEP, this.base.order);
    while (this.list.at(-1)!.order > last) {
      const c = this.list.pop()!;
      for (const key of c.keys) this.versions.drop(key, c.order);
      this.forget(c);
    }
  }

  /** Was one of these frames written, as far as is known, between the checkpoint before this one and it? */
  changed(frames: readonly number[], c: Checkpoint): boolean {
    return frames.some((frame) => this.versions.changedAt(frame, c.order));
  }

  /** Frames whose content at `c` may not be what RAM holds. */
  private changedFrames(c: Checkpoint): Set<number> {
    const { memory } = this.machine;
    const frames = new Set<number>(memory.dirty.subarray(0, memory.dirtyCount));
    const from = Math.min(c.order, this.base.order);
    const to = Math.max(c.order, this.base.order);
    for (const between of this.list) {
      if (between.order <= from || between.order > to) continue;
      for (const key of between.keys) if (key < memory.frameFlags.length) frames.add(key);
    }
    return frames;
  }

  /** The order for a state that is not the first of its steps; there is room for a few, the last of which is used again. */
  private orderAfter(steps: number): number {
    const last = this.list.findLast((c) => c.steps === steps);
    return last === undefined ? steps * PER_STEP + 1 : Math.min(last.order + 1, steps * PER_STEP + PER_STEP - 1);
  }

  private make(at: FullPosition, order: number): Checkpoint {
    const m = this.machine;
    const { memory } = m;
    const keys = Array.from(memory.dirty.subarray(0, memory.dirtyCount));
    for (const frame of keys) this.versions.put(frame, order, memory.words, memory.plan.ramBase / 4 + frame * PAGE_WORDS);
    for (const disk of this.disks) {
      for (const page of disk?.dirty ?? []) {
        this.versions.put(disk!.key(page), order, disk!.page(page), 0);
        keys.push(disk!.key(page));
      }
    }
    const core = saveCore(m);
    const c: Checkpoint = { ...at, order, printed: m.console.count, core, coreBytes: CORE_BYTES + bytesIn(core), keys };
    this.coreBytes += c.coreBytes;
    this.keyCount += keys.length;
    this.list.splice(this.list.findLastIndex((x) => x.order <= order) + 1, 0, c);
    this.adopt(c);
    return c;
  }

  /** A page of a disk is about to be written for the first time: so it was at every checkpoint up to now. */
  private keepFirst(key: number, words: Int32Array): void {
    const first = this.list[0]!;
    this.versions.put(key, first.order, words, 0);
    this.addKey(first, key);
  }

  /** Is there room for some more? */
  get roomy(): boolean {
    return this.bytes < 0.9 * this.limit;
  }

  /** Before another is taken: forget as many as the limit asks for, the least missed first. */
  thin(): void {
    const more = this.nextBytes();
    if (this.bytes + more <= this.limit) return;
    while (this.bytes + more > 0.8 * this.limit && this.list.length > FEWEST) {
      const i = this.leastMissed();
      if (i < 0) break;
      this.remove(i);
    }
  }

  /** Bytes that the next one will take at most. */
  private nextBytes(): number {
    const pages = this.disks.reduce((n, disk) => n + (disk?.dirty.size ?? 0), this.machine.memory.dirtyCount);
    return pages * PAGE_BYTES + this.base.coreBytes;
  }

  /** The one that leaves the smallest gap for how far away it is; the first, when there are few; −1: none may go. */
  private leastMissed(): number {
    if (this.list.length <= FEW && this.list[0] !== this.base) return 0;
    const end = this.list.at(-1)!.steps;
    let best = -1;
    let least = Infinity;
    for (let i = 1; i < this.list.length - 1; i++) {
      const c = this.list[i]!;
      if (c === this.base) continue;
      const gap = this.list[i + 1]!.steps - this.list[i - 1]!.steps;
      const distance = Math.min(end - c.steps, Math.abs(this.base.steps - c.steps));
      const score = gap / (distance + this.spacing);
      if (score < least) [best, least] = [i, score];
    }
    return best;
  }

  /** Take one out of the list; what it holds serves the next one. */
  private remove(i: number): void {
    const [c] = this.list.splice(i, 1);
    const next = this.list[i]!;
    for (const key of c!.keys) if (this.versions.pass(key, c!.order, next.order)) this.addKey(next, key);
    this.forget(c!);
  }

  /** One of the same order takes the place of another. */
  private replace(old: Checkpoint, by: Checkpoint): void {
    this.list.splice(this.list.indexOf(old), 1);
    const keys = new Set(by.keys);
    for (const key of old.keys) if (!keys.has(key)) this.addKey(by, key);
    this.forget(old);
  }

  private addKey(c: Checkpoint, key: number): void {
    c.keys.push(key);
    this.keyCount++;
  }

  private forget(c: Checkpoint): void {
    this.coreBytes -= c.coreBytes;
    this.keyCount -= c.keys.length;
  }
}

/** Length of all byte arrays in a state. */
function bytesIn(s: State): number {
  if (s instanceof Uint8Array) return s.length;
  return s === null || typeof s !== "object" ? 0 : Object.values(s).reduce((n: number, v: State) => n + bytesIn(v), 0);
}
