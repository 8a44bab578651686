// Alarms: mistakes of a kernel that can be seen while they happen. Each is off until asked for, and costs nothing then:
// what it listens to (watches, breakpoints, events) is put in when it is switched on.

import { MonitorError } from "../command.ts";
import { ifReached } from "../explain/writer.ts";
import type { Monitor } from "../monitor.ts";
import { whereText } from "../stop-text.ts";

/**
 * Says that something is wrong: a sentence, and the hart that did it. `key` tells occurrences apart: what has been said
 * with the same key is counted, and not said again. `more` gives lines that take the past to tell; it is called, where
 * there is a history, when the machine stands between two stretches of running.
 */
export type Raise = (key: string, hart: number, sentence: string, more?: () => readonly string[]) => void;

/** One kind of alarm. All of them are listed in alarms/index.ts. */
export interface Alarm {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Sentences: what is looked at, what it costs, what it cannot see. */
  readonly help: string;
  /** Switch it on; the result switches it off. Throws MonitorError where the kernel is not known well enough. */
  arm(m: Monitor, raise: Raise): () => void;
}

/** An alarm that was raised. */
export interface Raised {
  readonly alarm: string;
  readonly moment: number;
  readonly hart: number;
  readonly sentence: string;
  /** What history added to it, once it was asked. */
  more: readonly string[];
  /** How often the same was seen, and when last. */
  times: number;
  last: number;
}

/** Raised alarms that are kept. */
const KEPT = 1000;

interface Armed {
  readonly alarm: Alarm;
  readonly stop: boolean;
  off: () => void;
}

export class Alarms {
  /** What was raised so far, oldest first. */
  readonly raised: Raised[] = [];
  /** Sentence of the alarm that has just halted the machine; whoever reports the stop takes it. */
  halting: string | undefined;
  private readonly m: Monitor;
  private readonly armed = new Map<string, Armed>();
  private readonly known = new Map<string, Raised>();
  /** What history is to be asked about. */
  private due: { readonly raised: Raised; readonly more: () => readonly string[] }[] = [];
  /** The moment up to which those that are on have followed the machine. */
  private followed = 0;

  constructor(monitor: Monitor) {
    this.m = monitor;
    monitor.control.onGo(() => this.resume());
  }

  /** Names of those that are on, and whether they halt the machine. */
  get on(): { readonly name: string; readonly stop: boolean }[] {
    return [...this.armed].map(([name, { stop }]) => ({ name, stop }));
  }

  /** Switch an alarm on; `stop`: it halts the machine. */
  arm(alarm: Alarm, stop: boolean): void {
    this.resume();
    this.disarm(alarm.name);
    this.armed.set(alarm.name, { alarm, stop, off: this.start(alarm, stop) });
  }

  private start(alarm: Alarm, stop: boolean): () => void {
    return alarm.arm(this.m, (key, hart, sentence, more) => this.raise(alarm.name, key, hart, sentence, stop, more));
  }

  /**
   * The machine is about to run. Where it has gone elsewhere in time since it ran last, what those that are on
   * remember is of another moment: they begin anew.
   */
  private resume(): void {
    const { steps } = this.m.machine;
    if (steps === this.followed) return;
    this.followed = steps;
    for (const a of this.armed.values()) {
      a.off();
      a.off = () => undefined;
      try {
        a.off = this.start(a.alarm, a.stop);
      } catch (e) {
        if (!(e instanceof MonitorError)) throw e;
        this.armed.delete(a.alarm.name);
        this.m.tell(`the alarm ${a.alarm.name} is off: ${e.message}`);
      }
    }
  }

  /** A stretch of running has ended: tell what history knows of what was raised in it. `back`: it was a search in the past, which no alarm has followed. */
  ran(back: boolean): void {
    if (!back) this.followed = this.m.machine.steps;
    for (const { raised, more } of this.due.splice(0)) {
      if (this.m.timeline === undefined) continue;
      raised.more = ifReached(more) ?? [];
      for (const line of raised.more) this.m.tell(`  ${line}`);
    }
  }

  /** Switch an alarm off; was it on? */
  disarm(name: string): boolean {
    const armed = this.armed.get(name);
    armed?.off();
    return this.armed.delete(name);
  }

  disarmAll(): void {
    for (const name of [...this.armed.keys()]) this.disarm(name);
  }

  private raise(alarm: string, key: string, hart: number, sentence: string, stop: boolean, more?: () => readonly string[]): void {
    const { moment } = this.m.machine;
    const before = this.known.get(`${alarm} ${key}`);
    // What was raised at a moment that lies ahead has not happened yet: the machine has gone back.
    if (before !== undefined && before.moment < moment) {
      if (moment > before.last) {
        before.times++;
        before.last = moment;
      }
      return;
    }
    const text = `alarm ${alarm}: ${sentence} (${whereText(this.m, hart, moment)})`;
    if (before?.moment !== moment || before.sentence !== sentence) this.say({ alarm, moment, hart, sentence, more: [], times: 1, last: moment }, key, text, more);
    if (!stop) return;
    this.halting = text;
    this.m.machine.pause();
  }

  private say(raised: Raised, key: string, text: string, more: (() => readonly string[]) | undefined): void {
    const name = `${raised.alarm} ${key}`;
    const before = this.known.get(name);
    if (before !== undefined) this.raised.splice(this.raised.indexOf(before), 1);
    this.known.set(name, raised);
    this.raised.push(raised);
    if (this.raised.length > KEPT) this.raised.shift();
    if (more !== undefined) this.due.push({ raised, more });
    this.m.tell(text);
  }
}
