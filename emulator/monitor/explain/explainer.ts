// Explanations that nobody asked for: of every kernel panic, and of every fault that kills a process. The machine cannot
// go back from within an instruction, so what is due is kept until the stretch that runs has ended.

import { USER } from "../../mmu/walk.ts";
import type { Fault } from "../fault-log.ts";
import { exceptionName } from "../../hart/cause-names.ts";
import { callNames } from "./facts.ts";
import { count, hex } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { at } from "../past.ts";
import { placeOf } from "../symbols/frame.ts";
import { stackOfHart } from "../stack.ts";
import { explainException, explainFault } from "./explain.ts";
import { suspicions, type Suspicion } from "./suspicions.ts";
import { explanationText, suspicionLines } from "./text.ts";
import { TrapLog, type Exception } from "./trap-log.ts";
import { ifReached, shortFile } from "./writer.ts";

/** Fatal events that are remembered. */
const REMEMBERED = 100;
/** So many are explained in a stretch of so many steps; tests kill processes by the hundred, and a line for each is enough then. */
const FULLY = 3;
const STRETCH = 20_000_000;
/** Calls of a panic that are named. */
const PANIC_CALLS = 12;
/** Kernel faults this many instructions before a panic led to it. */
const LEADS_TO = 100_000;

/** A panic: what was said about it when it happened. */
export interface Panic {
  readonly moment: number;
  readonly hart: number;
  readonly pid: number;
  readonly text: string;
  /** Functions that led to it, innermost first. */
  readonly calls: readonly string[];
  /** The fault in the kernel that led to it. */
  readonly by: Fault | Exception | undefined;
}

export class Explainer {
  readonly traps: TrapLog;
  /** Faults and exceptions that killed somebody, the latest last. */
  readonly fatal: (Fault | Exception)[] = [];
  /** Explanations in a stretch of time, at most; what comes more often is told in a line. */
  most = FULLY;
  /** The latest panics. */
  panics: readonly Panic[] = [];
  /** Moments of the latest explanations. */
  private recent: number[] = [];
  private readonly m: Monitor;
  private readonly due: (Fault | Exception | Panic)[] = [];
  private readonly remove: (() => void)[] = [];
  private panicked = -1;

  constructor(m: Monitor) {
    this.m = m;
    this.traps = new TrapLog(m.machine, m.view);
    const { hooks } = m.view;
    this.hear(hooks.exit, (hart) => this.exits(hart));
    this.hear(hooks.panic, (hart) => this.hasPanicked(hart));
  }

  close(): void {
    this.traps.close();
    for (const end of this.remove.splice(0)) end();
  }

  /** Say what is due. The machine must not be running; it is put back where it was. */
  tell(): void {
    if (this.due.length === 0) return;
    for (const what of this.due.splice(0)) {
      this.recent = this.recent.filter((t) => t <= what.moment && t > what.moment - STRETCH);
      const fully = "text" in what || this.recent.length < this.most;
      if (fully) this.recent.push(what.moment);
      this.m.tell(fully ? this.text(what) : briefly(what));
    }
  }

  private text(what: Fault | Exception | Panic): string {
    try {
      if (!("text" in what)) return this.explain(what);
      return what.by === undefined ? this.explainPanic(what).text : [...this.said(), what.text, this.explain(what.by)].join("\n");
    } catch (e) {
      return `this could not be explained: ${e instanceof Error ? e.message : String(e)}`;
    }
  }

  /** The explanation of a panic without a fault: all that can be told of it, as lines and as data. */
  explainPanic(panic: Panic): { text: string; json: unknown } {
    const found = this.suspected(panic);
    const { moment, hart, pid, calls } = panic;
    return { text: [...this.said(), panic.text, ...suspicionLines(found)].join("\n"), json: { title: "kernel panic", moment, hart, pid: pid === 0 ? null : pid, calls, likely: found.map((f) => f.sentence), suspicions: found } };
  }

  /** What is wrong with the kernel's memory at a panic without a fault. */
  private suspected({ moment, hart, pid }: Panic): Suspicion[] {
    const look = (): Suspicion[] => suspicions(this.m, { hart, pid, moment, stopped: true, near: false, facts: undefined, va: undefined, root: undefined, origin: [] });
    return this.m.timeline === undefined ? look() : (ifReached(() => at(this.m, moment, look)) ?? []);
  }

  /** The line about a panic that the console shows last. */
  private said(): string[] {
    const line = this.m.machine.console.text.split("\n").findLast((l) => /\bpanic\b/.test(l));
    return line === undefined ? [] : [line.trim()];
  }

  private explain(what: Fault | Exception): string {
    return explanationText("reason" in what ? explainFault(this.m, what) : explainException(this.m, what));
  }

  private hear(name: string | undefined, heard: (hart: number) => void): void {
    const at = name === undefined ? undefined : this.m.naming.kernel?.addressOf(name);
    if (at === undefined) return;
    this.remove.push(this.m.machine.stops.breakAt(at, (hart) => {
      heard(hart);
      return false;
    }));
  }

  /** A process ends: within a fault that it has not returned from? */
  private exits(hart: number): void {
    const pid = this.m.view.probe?.pidOf(hart) ?? 0;
    if (pid === 0) return;
    const cause = this.lastOf((x) => x.pid === pid && x.privilege === USER);
    if (cause !== undefined && this.isOpen(cause) && !this.knows(cause)) this.add(cause, cause);
  }

  private hasPanicked(hart: number): void {
    const { machine } = this.m;
    if (this.panicked === machine.moment || this.due.some((d) => "text" in d)) return;
    this.panicked = machine.moment;
    const cause = this.lastOf((x) => x.hart === hart && x.privilege !== USER && machine.moment - x.moment < LEADS_TO);
    const panic: Panic = { moment: machine.moment, hart, pid: this.m.view.probe?.pidOf(hart) ?? 0, text: this.panicText(hart), calls: callNames(this.m, hart, PANIC_CALLS).slice(1), by: cause !== undefined && this.isOpen(cause) ? cause : undefined };
    this.panics = [...this.panics.filter((p) => p.moment < panic.moment), panic].slice(-REMEMBERED);
    this.add(panic, panic.by);
  }

  /** The panic's place and how it came to it. */
  private panicText(hart: number): string {
    const { m } = this;
    const process = m.view.current(hart);
    const calls = stackOfHart(m, hart, PANIC_CALLS).slice(1).filter((f) => f.privilege !== USER).flatMap((f) => (f.calls.length > 0
      ? f.calls.map((c) => `    ${c.function}()${c.file === undefined ? "" : ` ${shortFile(c.file)}:${c.line ?? "?"}`}`)
      : [`    ${f.symbols?.symbolAt(placeOf(f.frame))?.name ?? "?"}()`]));
    const who = process === undefined ? "" : ` · ${process.name} pid ${process.pid}`;
    return [`kernel panic   hart ${hart}${who} · t=${count(m.machine.moment)}   [goto t=${count(m.machine.moment)}]`, "  called by", ...calls].join("\n");
  }

  private add(what: Fault | Exception | Panic, cause: Fault | Exception | undefined): void {
    this.due.push(what);
    if (cause === undefined) return;
    this.fatal.push(cause);
    if (this.fatal.length > REMEMBERED) this.fatal.shift();
  }

  /** Has it not been returned from? */
  private isOpen(x: Fault | Exception): boolean {
    return "reason" in x ? x.cost === undefined : this.traps.isOpen(x);
  }

  private knows(cause: Fault | Exception): boolean {
    return this.fatal.some((x) => x.moment === cause.moment);
  }

  /** The latest fault or exception of which something is true. */
  private lastOf(wanted: (x: Fault | Exception) => boolean): Fault | Exception | undefined {
    const here = this.m.machine.moment;
    const [fault, trap] = [latest(this.m.faults.backwards(here), wanted), latest(this.traps.backwards(here), wanted)];
    if (fault === undefined || trap === undefined) return fault ?? trap;
    return trap.moment > fault.moment ? trap : fault;
  }
}

/** One line about what was fatal. */
function briefly(x: Fault | Exception): string {
  const what = exceptionName("reason" in x ? PAGE_FAULTS[x.access] : x.cause);
  return `${what} at ${hex("reason" in x ? x.va : x.value)} has killed pid ${x.pid}; why t=${count(x.moment)} explains it`;
}

/** Causes of page faults by access. */
const PAGE_FAULTS = [13, 15, 12] as const;

/** The latest entries of a log that are looked through. */
const LOOKED_AT = 64;

function latest<T>(all: Iterable<T>, wanted: (x: T) => boolean): T | undefined {
  let n = 0;
  for (const x of all) {
    if (wanted(x)) return x;
    if (++n >= LOOKED_AT) break;
  }
  return undefined;
}
