// What the client wants the machine to stop at. Each request gives the whole set of its kind (of its file), so what was
// there before goes.

import type { DebugProtocol as P } from "@vscode/debugprotocol";
import type { Point, PointOptions, StopReason } from "../history/debugger.ts";
import { rootOf } from "../history/points.ts";
import { USER } from "../mmu/walk.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { Symbols } from "../monitor/symbols/symbols.ts";
import { holds, evaluate, type Scope } from "../monitor/symbols/c-expression.ts";
import { valueText } from "../monitor/symbols/value-text.ts";
import type { Place } from "./values.ts";

/** What the adapter gives to conditions and messages. */
export interface PointHost {
  readonly monitor: Monitor;
  /** What names stand for in the innermost frame of a hart, now. */
  scopeAt(hart: number): Scope;
  /** A line on the client's console. */
  say(text: string): void;
  programsOf(file: string): readonly Symbols[];
}

/** How a point is limited, as all kinds of breakpoints have it. */
interface Limits {
  readonly condition?: string | undefined;
  readonly hitCondition?: string | undefined;
  readonly logMessage?: string | undefined;
}

/** A set of points: of one source file, or one of the other kinds. */
type Group = string;

/** A line without code gives way to the next with code, so far down. */
const NEARBY = 20;

/** Stops that the client offers as boxes to tick. */
export const EXCEPTION_FILTERS: P.ExceptionBreakpointsFilter[] = [
  { filter: "panic", label: "Kernel panics", default: true },
  { filter: "signal", label: "Programs sent a signal", default: false },
  { filter: "page-fault", label: "Page faults, all of them", default: false },
  { filter: "exception", label: "Exceptions, all but system calls and page faults", default: false },
];
const ECALLS = [8, 9, 11];
const PAGE_FAULTS = [12, 13, 15];

export class ClientPoints {
  private readonly host: PointHost;
  private readonly groups = new Map<Group, number[]>();
  /** What the client is told of a point when it is met. */
  private readonly reasons = new Map<number, P.StoppedEvent["body"]["reason"]>();

  constructor(host: PointHost) {
    this.host = host;
  }

  /** The reason of a stop in the client's words, if one of these points stopped it. */
  reasonOf(why: StopReason): string | undefined {
    return "id" in why ? this.reasons.get(why.id) : undefined;
  }

  /** Breakpoints on lines of a source file, by the name that symbols have for it. */
  setLines(file: string, wanted: readonly P.SourceBreakpoint[], source: P.Source): P.Breakpoint[] {
    this.clear(`file ${file}`);
    const kernel = this.host.monitor.symbols.kernel;
    return wanted.map((b) => this.guard(() => {
      const found = lineIn(kernel, file, b.line);
      if (found !== undefined) return this.answer(`file ${file}`, this.at(found.addresses, b, "breakpoint"), { line: found.line, source });
      for (const program of this.host.programsOf(file)) {
        const there = lineIn(program, file, b.line);
        if (there === undefined) continue;
        const points = this.at(there.addresses, b, "breakpoint", (hart) => this.runs(program, hart));
        return this.answer(`file ${file}`, points, { line: there.line, source });
      }
      return { verified: false, line: b.line, source, message: "there is no code on this line, nor soon after it" };
    }));
  }

  setFunctions(wanted: readonly P.FunctionBreakpoint[]): P.Breakpoint[] {
    this.clear("functions");
    const { symbols } = this.host.monitor;
    return wanted.map((b) => this.guard(() => {
      const address = symbols.addressOf(b.name);
      if (address === undefined) return { verified: false, message: `there is no function ${b.name}` };
      const { file, line } = symbols.kernel?.functionAt(address) ?? {};
      return this.answer("functions", this.at([address], b, "function breakpoint"), { ...(line === undefined ? {} : { line }), ...(file === undefined ? {} : { source: { name: file } }) });
    }));
  }

  setInstructions(wanted: readonly P.InstructionBreakpoint[]): P.Breakpoint[] {
    this.clear("instructions");
    return wanted.map((b) => this.guard(() => {
      const address = BigInt.asUintN(64, BigInt(b.instructionReference) + BigInt(b.offset ?? 0));
      return this.answer("instructions", this.at([address], b, "instruction breakpoint"), { instructionReference: `0x${address.toString(16)}` });
    }));
  }

  setData(wanted: readonly P.DataBreakpoint[]): P.Breakpoint[] {
    this.clear("data");
    const d = this.host.monitor.debugger;
    return wanted.map((b) => this.guard(() => {
      const place = placeOf(b.dataId);
      const [read, write] = [b.accessType !== "write" && b.accessType !== undefined, b.accessType !== "read"];
      const range = { space: place.physical ? "physical" : "virtual", start: place.address, length: place.length, read, write } as const;
      return this.answer("data", [this.known(d.watch(range, { ...this.options(b), ...(place.root === undefined ? {} : { root: place.root }) }), "data breakpoint")], {});
    }));
  }

  setExceptions(filters: readonly string[]): P.Breakpoint[] {
    this.clear("exceptions");
    return filters.map((filter) => this.guard(() => this.answer("exceptions", this.exception(filter), {})));
  }

  /** Take all of them out. */
  clearAll(): void {
    for (const group of [...this.groups.keys()]) this.clear(group);
  }

  private exception(filter: string): Point[] {
    const { debugger: d, view, symbols, machine } = this.host.monitor;
    const hook = (name: string | undefined, label: string): Point[] => {
      const address = name === undefined ? undefined : symbols.kernel?.addressOf(name);
      if (address === undefined) throw new Error("the kernel's symbols do not say where that happens");
      return [this.known(d.break(address, { label }), "exception")];
    };
    switch (filter) {
      case "panic": return hook(view.hooks.panic, "panic");
      case "signal": return hook(view.hooks.signal, "signal");
      case "page-fault": return [this.known(d.catch({ kind: "page-fault" }), "exception")];
      case "exception": {
        const cause = (hart: number): number => Number(machine.inspect.csr(hart, machine.harts[hart]!.privilege === 3 ? "mcause" : "scause"));
        return [this.known(d.catch({ kind: "trap" }, { condition: (hart) => ![...ECALLS, ...PAGE_FAULTS].includes(cause(hart)) }), "exception")];
      }
      default: throw new Error(`there is no filter ${filter}`);
    }
  }

  /** Does a hart run this program, in user mode? */
  private runs(program: Symbols, hart: number): boolean {
    const { machine, view, symbols } = this.host.monitor;
    if (machine.harts[hart]!.privilege !== USER) return false;
    const { pc } = machine.inspect.registers(hart);
    return symbols.at(USER, view.current(hart)?.pid, pc)?.name === program.name;
  }

  private at(addresses: readonly bigint[], b: Limits, reason: string, only?: (hart: number) => boolean): Point[] {
    const options = this.options(b, only);
    return addresses.map((address) => this.known(this.host.monitor.debugger.break(address, options), reason));
  }

  private known(point: Point, reason: string): Point {
    this.reasons.set(point.id, reason);
    return point;
  }

  private answer(group: Group, points: readonly Point[], body: Partial<P.Breakpoint>): P.Breakpoint {
    this.groups.set(group, [...(this.groups.get(group) ?? []), ...points.map((p) => p.id)]);
    return { verified: true, id: points[0]!.id, ...body };
  }

  /** Conditions, hit counts and messages. What cannot be evaluated stops the machine, and says so. */
  private options({ condition, hitCondition, logMessage }: Limits, only?: (hart: number) => boolean): PointOptions {
    const ignore = hitCondition === undefined || hitCondition === "" ? 0 : Number(/^\s*(?:>=?\s*)?(\d+)\s*$/.exec(hitCondition)?.[1] ?? NaN) - 1;
    if (!(ignore >= 0)) throw new Error(`"${hitCondition}" is no number of hits`);
    const asks = condition !== undefined && condition !== "";
    if (!asks && logMessage === undefined && only === undefined) return { ignore };
    return {
      ignore,
      condition: (hart) => {
        if (only?.(hart) === false) return false;
        if (asks && !this.meets(condition, hart)) return false;
        if (logMessage === undefined || logMessage === "") return true;
        this.log(logMessage, hart);
        return false;
      },
    };
  }

  private meets(condition: string, hart: number): boolean {
    try {
      return holds(condition, this.host.scopeAt(hart));
    } catch (e) {
      this.host.say(`the condition "${condition}": ${(e as Error).message}`);
      return true;
    }
  }

  private log(message: string, hart: number): void {
    if (this.host.monitor.machine.replaying) return; // it was said when it happened
    this.host.say(message.replace(/\{([^{}]*)\}/g, (_, expression: string) => {
      try {
        return valueText(evaluate(expression, this.host.scopeAt(hart)));
      } catch (e) {
        return `<${(e as Error).message}>`;
      }
    }));
  }

  private clear(group: Group): void {
    for (const id of this.groups.get(group) ?? []) {
      this.host.monitor.debugger.points.remove(id);
      this.reasons.delete(id);
    }
    this.groups.delete(group);
  }

  /** What cannot be set is answered with the reason. */
  private guard(make: () => P.Breakpoint): P.Breakpoint {
    try {
      return make();
    } catch (e) {
      return { verified: false, message: e instanceof Error ? e.message : String(e) };
    }
  }
}

/** The first line at or after `line` that has code. */
function lineIn(symbols: Symbols | undefined, file: string, line: number): { readonly line: number; readonly addresses: readonly bigint[] } | undefined {
  if (!Number.isSafeInteger(line)) return undefined; // n + 1 would be n
  for (let n = line; symbols !== undefined && n <= line + NEARBY; n++) {
    const addresses = symbols.addressesOfLine(file, n);
    if (addresses.length > 0) return { line: n, addresses };
  }
  return undefined;
}

/** The client's name for a piece of memory: "v:ADDRESS:LENGTH:ROOT", or with p where the address is physical. */
export function dataIdOf(monitor: Monitor, hart: number, place: Place): string {
  const h = monitor.machine.harts[hart]!;
  const root = place.physical !== true && h.privilege === USER ? rootOf(h).toString(16) : "";
  return `${place.physical === true ? "p" : "v"}:${place.address.toString(16)}:${place.length}:${root}`;
}

/** A program's own addresses mean something in its address space only (`root`). Throws an Error of one line. */
function placeOf(dataId: string): { readonly physical: boolean; readonly address: bigint; readonly length: number; readonly root: number | undefined } {
  const [, space, address, length, root] = /^([vp]):([0-9a-f]{1,16}):(\d{1,7}):([0-9a-f]{0,11})$/.exec(dataId) ?? [];
  if (space === undefined) throw new Error(`"${dataId}" names no memory`);
  return { physical: space === "p", address: BigInt(`0x${address}`), length: Number(length), root: root === "" ? undefined : parseInt(root!, 16) };
}
