// What the tests of devices share: a clock that a test moves, RAM, and wires that can be looked at.
import type { Dma, IrqLine } from "../bus.ts";
import { VirtualClock } from "../clock.ts";

/** A VirtualClock whose time a test moves. */
export class TestClock extends VirtualClock {
  readonly #time: { now: number };

  constructor() {
    const time = { now: 0 };
    super(() => time.now);
    this.#time = time;
  }

  /** Let `ns` pass; alarms ring at their moments. */
  advance(ns: number): void {
    const end = this.#time.now + ns;
    while (this.nextAlarm() <= end) {
      this.#time.now = Math.max(this.#time.now, this.nextAlarm());
      this.fire(this.#time.now);
    }
    this.#time.now = end;
  }

  /** Put the time somewhere without ringing. */
  jump(now: number): void {
    this.#time.now = now;
  }
}

/** RAM at `base`. */
export class TestRam implements Dma {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly data: DataView;

  constructor(base: number, size: number) {
    this.base = base;
    this.bytes = new Uint8Array(size);
    this.data = new DataView(this.bytes.buffer);
  }

  view(pa: number, length: number): Uint8Array | null {
    const at = pa - this.base;
    if (!(at >= 0 && at + length <= this.bytes.length)) return null;
    return this.bytes.subarray(at, at + length);
  }

  write(pa: number, bytes: Uint8Array): boolean {
    const view = this.view(pa, bytes.length);
    view?.set(bytes);
    return view !== null;
  }
}

/** A wire that remembers its level and how often it rose. */
export class Wire implements IrqLine {
  level = false;
  rises = 0;

  set(level: boolean): void {
    if (level && !this.level) this.rises++;
    this.level = level;
  }
}

export function wires(count: number): Wire[] {
  return Array.from({ length: count }, () => new Wire());
}

/** Random integers from a seed (xorshift): the same in every run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed | 0) === 0 ? 1 : seed | 0;
  }

  /** An integer of 0..2^32-1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** An integer of 0..n-1. */
  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
