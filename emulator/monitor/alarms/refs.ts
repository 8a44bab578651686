// refs: an object counts fewer references than there are who refer to it.

import { USER } from "../../mmu/walk.ts";
import { MonitorError } from "../command.ts";
import { countText } from "../commands/check.ts";
import { writerOf, writerText } from "../explain/writer.ts";
import { callNames } from "../explain/facts.ts";
import { count, hex } from "../format.ts";
import type { KernelHooks, ObjectBooks } from "../kernel-view/kernel-view.ts";
import { at } from "../past.ts";
import type { Monitor } from "../monitor.ts";
import type { Alarm, Raise } from "./alarm.ts";

const [A0, A1] = [10, 11];
/** Objects behind one that are looked at with it. */
const DEEPEST = 64;

export const refs: Alarm = {
  name: "refs",
  summary: "an object counts fewer references than there are: it will be freed while it is in use",
  help: "Notes the objects that the kernel's functions attach, detach, copy and release. When every process that was about to change one is back\nin user mode, or has ended, the object's lists are counted. A count that is too large is not reported, for somebody may hold\na reference for the time of a call: the command check shows those. Changes by the kernel's own threads are not noted.",
  arm(m, raise) {
    const { objects } = m.view.hooks;
    if (objects === undefined || m.view.objectBooks === undefined) throw new MonitorError(`this kernel counts no references to objects that are known (view: ${m.view.name})`);
    const watch = new References(m, raise, objects);
    return () => watch.close();
  },
};

/** Steps between two looks at whether processes have ended. */
const LOOK_EVERY = 50_000;

/** A call of a function that changes who refers to an object. */
interface Touch {
  readonly hart: number;
  readonly pid: number;
  readonly moment: number;
}

/** Calls that are named on the way to such a function. */
const CALLS = 5;

class References {
  private readonly m: Monitor;
  private readonly raise: Raise;
  private readonly behind: readonly [type: string, member: string];
  private readonly stops: (() => void)[] = [];
  /** Processes that may be in the middle of changing an object, and the other way round. */
  private readonly changers = new Map<bigint, Set<number>>();
  private readonly changed = new Map<number, Set<bigint>>();
  /** Objects that nobody is changing, and that have not been counted. */
  private readonly due = new Set<bigint>();
  /** Processes that are about to end, and will not go back to user mode. */
  private readonly ending = new Set<number>();
  private nextLook = 0;
  /** The latest of these functions that was called for an object. */
  private readonly latest = new Map<bigint, Touch>();

  constructor(m: Monitor, raise: Raise, objects: NonNullable<KernelHooks["objects"]>) {
    this.m = m;
    this.raise = raise;
    this.behind = objects.behind;
    for (const { symbol, argument, member } of objects.changes) {
      this.hear(symbol, (hart) => {
        const value = m.machine.inspect.registers(hart).x[A0 + argument]!;
        const object = member === undefined ? value : m.view.pointerAt?.(value, ...member);
        if (object !== undefined && object !== 0n) this.touches(hart, object);
      });
    }
    const cache = m.naming.kernel?.addressOf(objects.gone.variable);
    this.hear(objects.gone.symbol, (hart) => {
      const { x } = m.machine.inspect.registers(hart);
      if (x[A0] === cache) this.forget(x[A1]!);
    });
    this.hear(m.view.hooks.exit, (hart) => {
      const pid = m.view.probe?.pidOf(hart) ?? 0;
      if (pid !== 0) this.ending.add(pid);
    });
    this.stops.push(m.machine.events.on("trapReturn", (e) => {
      if (e.to !== USER) return;
      this.settle(m.view.probe?.pidOf(e.hart) ?? 0);
      if (this.ending.size > 0 && m.machine.moment >= this.nextLook) this.bury();
      if (this.due.size > 0) this.count(e.hart);
    }));
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private hear(symbol: string | undefined, heard: (hart: number) => void): void {
    const at = symbol === undefined ? undefined : this.m.naming.kernel?.addressOf(symbol);
    if (at === undefined) return;
    this.stops.push(this.m.machine.stops.breakAt(at, (hart) => {
      heard(hart);
      return false;
    }));
  }

  private touches(hart: number, object: bigint): void {
    const pid = this.m.view.probe?.pidOf(hart) ?? 0;
    // A process without an address space is a thread of the kernel's, or one that is giving up its own.
    if (pid === 0 || (!this.ending.has(pid) && this.m.view.current(hart)?.root === undefined)) return;
    this.latest.set(object, { hart, pid, moment: this.m.machine.moment });
    // What becomes of an object concerns those behind it: its own reference to the next may go.
    let at: bigint | undefined = object;
    for (let depth = 0; at !== undefined && at !== 0n && depth < DEEPEST; depth++) {
      this.changes(pid, at);
      at = this.m.view.pointerAt?.(at, ...this.behind);
    }
  }

  private changes(pid: number, object: bigint): void {
    this.due.delete(object);
    const who = this.changers.get(object);
    if (who === undefined) this.changers.set(object, new Set([pid]));
    else who.add(pid);
    const what = this.changed.get(pid);
    if (what === undefined) this.changed.set(pid, new Set([object]));
    else what.add(object);
  }

  private forget(object: bigint): void {
    for (const pid of this.changers.get(object) ?? []) this.changed.get(pid)?.delete(object);
    this.changers.delete(object);
    this.due.delete(object);
    this.latest.delete(object);
  }

  /** A process has finished what it did in the kernel. */
  private settle(pid: number): void {
    for (const object of this.changed.get(pid) ?? []) {
      const who = this.changers.get(object);
      who?.delete(pid);
      if (who !== undefined && who.size > 0) continue;
      this.changers.delete(object);
      this.due.add(object);
    }
    this.changed.delete(pid);
  }

  private bury(): void {
    this.nextLook = this.m.machine.moment + LOOK_EVERY;
    for (const pid of this.ending) {
      const state = this.m.view.process(pid)?.state;
      if (state !== undefined && state !== "zombie") continue;
      this.ending.delete(pid);
      this.settle(pid);
    }
  }

  /** Count who refers to the objects that nobody is changing, and to those behind them. */
  private count(hart: number): void {
    const looked = new Set<bigint>();
    for (const first of [...this.due]) {
      this.due.delete(first);
      let at: bigint | undefined = first;
      for (let depth = 0; at !== undefined && depth < DEEPEST && !looked.has(at) && !this.changers.has(at); depth++) {
        looked.add(at);
        const books: ObjectBooks | undefined = this.m.view.objectBooks!(at);
        if (books === undefined) break;
        if (books.busy) {
          this.due.add(first);
          break;
        }
        this.judge(books, hart);
        at = books.behind;
      }
    }
  }

  private judge({ address, references: c, countAt, countSize, users }: ObjectBooks, hart: number): void {
    if (c.claimed >= c.found) return; // one more than was found: somebody may hold it for the time of a call
    const { m } = this;
    const { moment } = m.machine;
    const list = users();
    const who = list.length === 0 ? "" : ` (${list.slice(0, LISTED).join(", ")}${list.length > LISTED ? ", …" : ""})`;
    const touch = this.latest.get(address);
    this.raise(`${address}`, hart, `object ${hex(address)}, ${countText(c)}${who}: it will be freed while it is in use`, () => {
      const calls = touch === undefined ? [] : at(m, touch.moment, () => callNames(m, touch.hart, CALLS));
      const w = writerOf(m, countAt, countSize, moment);
      return [
        ...(touch === undefined ? [] : [`who refers to it was changed last by ${calls.map((name) => `${name}()`).join(" <- ")} in pid ${touch.pid}   [goto t=${count(touch.moment)}]`]),
        ...(w === undefined ? [] : [`its count was last written by ${writerText(w, moment)}`]),
      ];
    });
  }
}

/** Those who refer to an object that are named. */
const LISTED = 8;
