// Virtual time: nanoseconds that pass only as the guest runs (or sleeps), and the alarms set on them.
import type { State } from "./bus.ts";

/** One thing that will happen at a moment of virtual time. */
export interface Alarm {
  /** Nanoseconds of virtual time; Infinity when off. */
  readonly at: number;
  /** Ring at `at` (a moment that has passed means: as soon as possible). Replaces the moment set before. */
  set(at: number): void;
  cancel(): void;
}

/** Virtual time as devices see it. */
export interface Clock {
  /** Nanoseconds of virtual time, an integer below 2^53. */
  readonly now: number;
  /** A new alarm, off. Names are unique: a snapshot finds an alarm by its name. */
  alarm(name: string, fire: () => void): Alarm;
}

class ClockAlarm implements Alarm {
  at = Infinity;
  readonly name: string;
  readonly order: number;
  readonly fire: () => void;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, name: string, order: number, fire: () => void) {
    this.#clock = clock;
    this.name = name;
    this.order = order;
    this.fire = fire;
  }

  set(at: number): void {
    this.#clock.schedule(this, at);
  }

  cancel(): void {
    this.#clock.schedule(this, Infinity);
  }
}

/**
 * The machine's clock. What time it is comes from the function given at construction (retired instructions
 * plus time slept); alarms ring in order of (moment, creation), so two runs ring them alike.
 */
export class VirtualClock implements Clock {
  readonly #read: () => number;
  readonly #onEarlier: (at: number) => void;
  readonly #alarms = new Map<string, ClockAlarm>();
  /** The alarms that are on, the next to ring first. */
  readonly #queue: ClockAlarm[] = [];

  /**
   * @param read the present moment, in ns: an integer that never goes back
   * @param onEarlier called when the next alarm is now earlier than it was: the running slice may have to
   *   end sooner. Also called from `load`.
   */
  constructor(read: () => number, onEarlier: (at: number) => void = () => {}) {
    this.#read = read;
    this.#onEarlier = onEarlier;
  }

  get now(): number {
    return this.#read();
  }

  alarm(name: string, fire: () => void): Alarm {
    if (this.#alarms.has(name)) throw new Error(`clock: two alarms have the name ${name}`);
    const alarm = new ClockAlarm(this, name, this.#alarms.size, fire);
    this.#alarms.set(name, alarm);
    return alarm;
  }

  /** When the next alarm rings (ns); Infinity when none is on. */
  nextAlarm(): number {
    return this.#queue.length === 0 ? Infinity : this.#queue[0]!.at;
  }

  /** Ring every alarm set for `until` (ns) or before, in order, those that ringing sets included. */
  fire(until: number): void {
    while (this.#queue.length > 0 && this.#queue[0]!.at <= until) {
      const alarm = this.#queue.shift()!;
      alarm.at = Infinity;
      alarm.fire();
    }
  }

  /** The alarms that are on, by name. */
  save(): State {
    const state: { [name: string]: State } = {};
    for (const alarm of this.#queue) state[alarm.name] = alarm.at;
    return state;
  }

  /** Set exactly the alarms of a saved state. Throws an Error of one line when one is unknown or no moment. */
  load(state: State): void {
    if (state === null || typeof state !== "object" || Array.isArray(state) || state instanceof Uint8Array) {
      throw new Error("snapshot: the clock's alarms are not a record");
    }
    for (const [name, at] of Object.entries(state)) {
      if (!this.#alarms.has(name)) throw new Error(`snapshot: there is no alarm named ${name}`);
      if (!Number.isSafeInteger(at)) throw new Error(`snapshot: alarm ${name} is not a number of nanoseconds`);
    }
    for (const alarm of this.#alarms.values()) alarm.at = Infinity;
    this.#queue.length = 0;
    for (const [name, at] of Object.entries(state)) this.schedule(this.#alarms.get(name)!, at as number);
  }

  /** For alarms only: move `alarm` to `at` (Infinity: off), keeping the queue in order. */
  schedule(alarm: ClockAlarm, at: number): void {
    const before = this.nextAlarm();
    if (alarm.at !== Infinity) this.#queue.splice(this.#queue.indexOf(alarm), 1);
    alarm.at = at;
    if (at === Infinity) return;
    let i = this.#queue.length;
    while (i > 0 && comesAfter(this.#queue[i - 1]!, alarm)) i--;
    this.#queue.splice(i, 0, alarm);
    if (at < before) this.#onEarlier(at);
  }
}

function comesAfter(a: ClockAlarm, b: ClockAlarm): boolean {
  return a.at > b.at || (a.at === b.at && a.order > b.order);
}
