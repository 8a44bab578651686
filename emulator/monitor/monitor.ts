// The monitor: a machine seen through words. It takes a line, finds the command, and gives back text and data.
// It knows the machine, its history, its symbols and its kernel; it changes nothing but what the person asks for.

import { Debugger, type Timeline } from "../history/debugger.ts";
import type { Machine } from "../machine.ts";
import { Alarms } from "./alarms/alarm.ts";
import { Args, MonitorError, type Command, type Output, type WordKind } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import type { Trace } from "./commands/trace.ts";
import { Explainer } from "./explain/explainer.ts";
import { FaultLog } from "./fault-log.ts";
import { plain } from "./format.ts";
import { chooseView } from "./kernel-view/choose.ts";
import type { KernelView } from "./kernel-view/kernel-view.ts";
import { Look } from "./look.ts";
import { Naming } from "./naming.ts";
import { RunControl, type Door } from "./run-control.ts";
import { codeMap } from "./stack.ts";
import { symbolSpace } from "./symbols/guest.ts";
import type { ProgramFiles } from "./symbols/program-files.ts";
import type { SymbolSpace } from "./symbols/space.ts";
import type { Symbols } from "./symbols/symbols.ts";

/** A file that text goes to. */
export interface TextFile {
  /** Throws an Error of one line when it takes no more. */
  write(text: string): void;
  close(): void;
}

/** Steps that a headless machine runs at a time: while it waits for a stop, and while something is looked for after each slice. */
const SLICE = 10_000_000;
const SHORT_SLICE = 200_000;

/** Lines that nobody took that are kept. */
const TOLD = 10_000;

/** What a monitor is given beside its machine. */
export interface MonitorParts {
  /** Where sentences go that no command asked for: alarms, traces. Without it they gather in `told`. */
  readonly tell?: ((text: string) => void) | undefined;
  /** Opens a file of the host for writing; throws an Error of one line. Without it there are none. */
  readonly openFile?: ((name: string) => TextFile) | undefined;
  /** Symbols of the kernel, and the programs that processes may run. */
  readonly kernel?: Symbols | undefined;
  readonly files?: ProgramFiles | undefined;
  /** What is known of the kernel; by default what its symbols allow. */
  readonly view?: KernelView | undefined;
  /** Where what comes from outside goes in: the history, when there is one. */
  readonly door?: Door | undefined;
  /** Who holds the machine, where that exists already. */
  readonly control?: RunControl | undefined;
  /** Where the debugger can go back to; without it, it cannot. */
  readonly timeline?: Timeline | undefined;
  /**
   * Waits until the machine stands, or `until` holds (to be asked now and then; then it halts the machine): for faces
   * with a loop of their own. By default the command that waits runs the machine itself, headless: idle time passes at once.
   */
  readonly drive?: ((until?: () => boolean) => void | Promise<void>) | undefined;
}

export class Monitor {
  readonly machine: Machine;
  readonly view: KernelView;
  /** Page faults since the monitor was made. */
  readonly faults: FaultLog;
  /** Reading memory and registers, naming addresses. */
  readonly look: Look;
  /** Names for addresses. */
  readonly naming: Naming;
  readonly symbols: SymbolSpace;
  readonly control: RunControl;
  readonly alarms: Alarms;
  /** Explains panics and fatal faults by itself. */
  readonly explainer: Explainer;
  /** Traces that are on. */
  readonly traces: Trace[] = [];
  readonly openFile: ((name: string) => TextFile) | undefined;
  /** What was told and had nowhere to go; the last of it. */
  readonly told: string[] = [];
  private readonly parts: MonitorParts;
  private readonly names = new Map<string, Command>();

  constructor(machine: Machine, parts: MonitorParts = {}) {
    this.machine = machine;
    this.parts = parts;
    this.openFile = parts.openFile;
    this.view = parts.view ?? chooseView(machine, parts.kernel);
    this.faults = new FaultLog(machine);
    this.faults.probe = this.view.probe;
    this.look = new Look(this);
    this.symbols = symbolSpace(machine, parts.kernel, parts.files, () => this.view);
    this.naming = new Naming(this.symbols, this.look.kernelReader);
    this.control = parts.control ?? new RunControl(machine, new Debugger(machine, parts.timeline, codeMap(this)), parts.door);
    this.alarms = new Alarms(this);
    this.explainer = new Explainer(this);
    this.control.afterRun = (back) => {
      this.explainer.tell();
      this.alarms.ran(back);
    };
    for (const c of COMMANDS) for (const name of [c.name, ...(c.aliases ?? [])]) this.names.set(name, c);
  }

  get debugger(): Debugger {
    return this.control.debugger;
  }

  /** Where it can go back to; undefined when it cannot. */
  get timeline(): Timeline | undefined {
    return this.parts.timeline;
  }

  /** The hart that commands are about unless they name another: that of the last stop. */
  get hart(): number {
    return this.debugger.hart;
  }

  set hart(n: number) {
    this.debugger.hart = n;
  }

  /** After a command has set the machine going: wait until it stands again, or `until` holds. */
  drive(until?: () => boolean): void | Promise<void> {
    if (this.parts.drive !== undefined) return this.parts.drive(until);
    let reached = false;
    while (!this.control.halted && !(reached = until?.() === true)) {
      const stop = this.control.run(until === undefined ? SLICE : SHORT_SLICE);
      if (stop.reason === "idle" && stop.wakeAt !== Infinity) this.control.skipTo(stop.wakeAt);
      else if (stop.reason !== "budget") break;
    }
    if (!reached) until?.(); // it may have come true in the last stretch
    if (!this.control.halted) this.control.halt();
  }

  /** Say something that no command asked for. */
  tell(text: string): void {
    if (this.parts.tell !== undefined) {
      this.parts.tell(text);
      return;
    }
    this.told.push(text);
    if (this.told.length > 2 * TOLD) this.told.splice(0, TOLD);
  }

  /** Stop listening to the machine. */
  close(): void {
    this.alarms.disarmAll();
    this.explainer.close();
    for (const t of this.traces.splice(0)) t.stop();
    this.faults.close();
  }

  /** The command with this name, this alias, or this unmistakable beginning. Throws MonitorError. */
  command(name: string): Command {
    const exact = this.names.get(name);
    if (exact !== undefined) return exact;
    const found = COMMANDS.filter((c) => c.name.startsWith(name));
    if (found.length === 1) return found[0]!;
    if (found.length > 1) throw new MonitorError(`"${name}" may be ${found.map((c) => c.name).join(", ")}`);
    throw new MonitorError(`there is no command "${name}"; help lists them`);
  }

  /** Carry out one line. Never throws and never rejects: what goes wrong is an Output with `ok` false. */
  run(line: string): Output | Promise<Output> {
    const wantsJson = /\s--json(?=\s|$)/.test(line);
    try {
      const [, name = "", format = "", rest = ""] = /^\s*([^\s/]+)(?:\/(\S+))?\s*(.*)$/s.exec(line) ?? [];
      if (name === "") return { ok: true, text: "", json: null };
      const command = this.command(name);
      if (format !== "" && command.slash !== true) throw new MonitorError(`${command.name} takes no format after a slash; the form is: ${command.usage}`);
      const args = new Args(rest, command.usage, format);
      args.flag("--json");
      const answer = command.run(this, args);
      if (answer instanceof Promise) return answer.then((a) => output(a, wantsJson), (e: unknown) => failure(e, wantsJson));
      return output(answer, wantsJson);
    } catch (e) {
      return failure(e, wantsJson);
    }
  }

  /** How the last word of a line could go on: whole words. */
  complete(line: string): string[] {
    const words = line.trimStart().split(/\s+/);
    const last = words.at(-1) ?? "";
    if (words.length <= 1) return COMMANDS.map((c) => c.name).filter((n) => n.startsWith(last));
    let command: Command;
    try {
      command = this.command(words[0]!.replace(/\/.*/, ""));
    } catch {
      return [];
    }
    const found = new Set((command.words ?? []).flatMap((kind) => (isQuoted(kind) ? [kind.slice(1, -1)] : this.look.wordsOf(kind, last))));
    if (last.startsWith("-")) found.add("--json");
    return [...found].filter((w) => w.startsWith(last)).sort();
  }
}

const isQuoted = (kind: WordKind | `'${string}'`): kind is `'${string}'` => kind.startsWith("'");

function output(a: { text: string; json: unknown; ok?: boolean }, wantsJson: boolean): Output {
  const json = plain(a.json);
  return { ok: a.ok ?? true, text: wantsJson ? JSON.stringify(json) : a.text, json };
}

function failure(e: unknown, wantsJson: boolean): Output {
  const message = e instanceof Error ? (e instanceof RangeError && /stack/.test(e.message) ? "this is nested too deeply" : e.message) : String(e);
  const json = { error: message };
  return { ok: false, text: wantsJson ? JSON.stringify(json) : message, json };
}
