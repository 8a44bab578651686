// Alarms: mistakes of a kernel that can be seen while they happen. Each is off until asked for, and costs nothing then:
// what it listens to (watches, breakpoints, events) is put in when it is switched on.

import type { Monitor } from "../monitor.ts";
import { whereText } from "../stop-text.ts";

/**
 * Says that something is wrong: a sentence, and the hart that did it. `key` tells occurrences apart: what has been said
 * with the same key is counted, and not said again.
 */
export type Raise = (key: string, hart: number, sentence: string) => void;

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
  /** How often the same was seen. */
  times: number;
}

/** Raised alarms that are kept. */
const KEPT = 1000;

interface Armed {
  readonly stop: boolean;
  readonly off: () => void;
}

export class Alarms {
  /** What was raised so far, oldest first. */
  readonly raised: Raised[] = [];
  /** Sentence of the alarm that has just halted the machine; whoever reports the stop takes it. */
  halting: string | undefined;
  private readonly m: Monitor;
  private readonly armed = new Map<string, Armed>();
  private readonly known = new Map<string, Raised>();

  constructor(monitor: Monitor) {
    this.m = monitor;
  }

  /** Names of those that are on, and whether they halt the machine. */
  get on(): { readonly name: string; readonly stop: boolean }[] {
    return [...this.armed].map(([name, { stop }]) => ({ name, stop }));
  }

  /** Switch an alarm on; `stop`: it halts the machine. */
  arm(alarm: Alarm, stop: boolean): void {
    this.disarm(alarm.name);
    const off = alarm.arm(this.m, (key, hart, sentence) => this.raise(alarm.name, key, hart, sentence, stop));
    this.armed.set(alarm.name, { stop, off });
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

  private raise(alarm: string, key: string, hart: number, sentence: string, stop: boolean): void {
    const before = this.known.get(`${alarm} ${key}`);
    if (before !== undefined) {
      before.times++;
      return;
    }
    const { moment } = this.m.machine;
    const raised: Raised = { alarm, moment, hart, sentence, times: 1 };
    this.known.set(`${alarm} ${key}`, raised);
    this.raised.push(raised);
    if (this.raised.length > KEPT) this.raised.shift();
    const text = `alarm ${alarm}: ${sentence} (${whereText(this.m, hart, moment)})`;
    this.m.tell(text);
    if (!stop) return;
    this.halting = text;
    this.m.machine.pause();
  }
}
