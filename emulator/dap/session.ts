// A machine that a debug client has launched: each request, and what the client is told when the machine stops, goes,
// prints or ends. Harts are threads; all of them stop and go together.

import type { DebugProtocol as P } from "@vscode/debugprotocol";
import type { Debugger } from "../history/debugger.ts";
import { physicalSpace, placeWrite, readMemory, type AddressSpace } from "../monitor/address-space.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { Report } from "../monitor/run-control.ts";
import { reasonText, stopText } from "../monitor/stop-text.ts";
import { disassembly } from "./code.ts";
import { Frames, type Level } from "./frames.ts";
import type { DapHost, Debuggee } from "./host.ts";
import { ClientPoints, dataIdOf } from "./points.ts";
import { assign } from "./assign.ts";
import type { Row } from "./values.ts";

export interface SessionOptions {
  readonly event: (name: string, body?: unknown) => void;
  /** Stop before the first instruction. */
  readonly stopOnEntry: boolean;
  /** The number of a client's first line. */
  readonly lineBase: number;
}

type Args = Readonly<Record<string, unknown>>;
type Handler = (args: never) => unknown;

/** Bytes of memory in one answer. */
const MOST_BYTES = 2 ** 20;

/** The client's names for the kinds of stop that are no breakpoint of its own. */
const REASONS: Readonly<Record<string, string>> = {
  breakpoint: "breakpoint", watchpoint: "data breakpoint", catch: "exception", step: "step", finish: "step", until: "step", paused: "pause", start: "entry",
};

const base64 = {
  encode: (bytes: Uint8Array): string => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")),
  decode: (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
};

export class DebugSession {
  private readonly debuggee: Debuggee;
  private readonly monitor: Monitor;
  private readonly host: DapHost;
  private readonly o: SessionOptions;
  private readonly frames: Frames;
  private readonly points: ClientPoints;
  private readonly handlers: Readonly<Record<string, Handler>>;
  private started = false;
  /** A request is being answered, and what is to be told after the answer: it comes before what it leads to. */
  private answering = false;
  private afterwards: (() => void)[] = [];
  /** The client knows that the machine is about to go, for it asked for it. */
  private expectsGo = false;

  constructor(debuggee: Debuggee, host: DapHost, options: SessionOptions) {
    this.debuggee = debuggee;
    this.monitor = debuggee.monitor;
    this.host = host;
    this.o = options;
    this.frames = new Frames(this.monitor);
    this.points = new ClientPoints({
      monitor: this.monitor, programsOf: (file) => debuggee.programsOf(file), say: (text) => this.say(`${text}\n`),
      scopeAt: (hart) => {
        const frames = new Frames(this.monitor); // asked while the machine runs: nothing of it is kept
        return frames.scopeOf(frames.stack(hart)[0]!);
      },
    });
    this.handlers = this.requests();
    this.monitor.control.halt();
    if (this.monitor.timeline !== undefined) this.monitor.control.holdAtEnd();
    this.monitor.control.onReport((report) => this.tell(() => this.stopped(report)));
    this.monitor.control.onGo(() => this.went());
    debuggee.onOutput = (text) => this.say(text, "stdout");
    void debuggee.ended.then((status) => this.over(status), (e: unknown) => this.failed(e));
  }

  /** Carry out a request; its body. Rejects with an Error of one line. To be called one at a time, except for `evaluate`. */
  async request(command: string, args: Args): Promise<unknown> {
    const handler = Object.hasOwn(this.handlers, command) ? this.handlers[command] : undefined;
    if (handler === undefined) throw new Error(`there is no request ${command}`);
    if (command !== "evaluate") this.answering = true;
    return await (handler as (args: Args) => unknown)(args);
  }

  /** The answer to a request has been sent, be it an error. */
  answered(): void {
    this.answering = false;
    for (const tell of this.afterwards.splice(0)) tell();
  }

  /** The client wants the end. */
  end(): void {
    this.debuggee.end();
  }

  private tell(what: () => void): void {
    if (this.answering) this.afterwards.push(what);
    else what();
  }

  private say(output: string, category = "console"): void {
    this.tell(() => this.o.event("output", { category, output }));
  }

  private went(): void {
    this.frames.forget();
    if (!this.expectsGo) this.tell(() => this.o.event("continued", { threadId: 1, allThreadsContinued: true }));
  }

  private stopped(report: Report): void {
    this.frames.forget();
    if (report.reason === "poweroff") {
      const text = stopText(this.monitor, report);
      if (report.held === true) this.stoppedEvent({ reason: "exit", threadId: this.monitor.machine.lastHart + 1, description: text, text });
      return; // else `over` tells it
    }
    const { alarms } = this.monitor;
    const alarm = report.why.kind === "paused" ? alarms.halting : undefined;
    alarms.halting = undefined;
    const reason = report.all.map((why) => this.points.reasonOf(why)).find((r) => r !== undefined) ?? (alarm === undefined ? REASONS[report.why.kind]! : "exception");
    const text = alarm ?? report.all.map((why) => reasonText(this.monitor, why, report.backward)).filter((t) => t !== "").join("; ");
    const hitBreakpointIds = report.all.flatMap((why) => ("id" in why ? [why.id] : []));
    this.stoppedEvent({ reason, threadId: report.hart + 1, ...(text === "" ? {} : { description: text, text }), hitBreakpointIds });
  }

  private stoppedEvent(body: P.StoppedEvent["body"]): void {
    this.o.event("stopped", { allThreadsStopped: true, preserveFocusHint: false, ...body });
  }

  private over(status: number): void {
    this.tell(() => {
      this.o.event("exited", { exitCode: status });
      this.o.event("terminated");
    });
  }

  private failed(e: unknown): void {
    this.say(`${e instanceof Error ? e.message : String(e)}\n`, "stderr");
    this.over(1);
  }

  /** Every request that a launched machine answers. */
  private requests(): Record<string, Handler> {
    return {
      ...this.motions(),
      configurationDone: () => this.configured(),
      setBreakpoints: ({ source, breakpoints = [] }: P.SetBreakpointsArguments) => {
        const file = this.host.sourceName(source.path ?? source.name ?? "");
        const shift = 1 - this.o.lineBase;
        const lines = breakpoints.map((b) => ({ ...b, line: b.line + shift }));
        return { breakpoints: this.points.setLines(file, lines, source).map((b) => (b.line === undefined ? b : { ...b, line: b.line - shift })) };
      },
      setFunctionBreakpoints: ({ breakpoints }: P.SetFunctionBreakpointsArguments) => ({ breakpoints: this.points.setFunctions(breakpoints) }),
      setInstructionBreakpoints: ({ breakpoints }: P.SetInstructionBreakpointsArguments) => ({ breakpoints: this.points.setInstructions(breakpoints) }),
      setDataBreakpoints: ({ breakpoints }: P.SetDataBreakpointsArguments) => ({ breakpoints: this.points.setData(breakpoints) }),
      setExceptionBreakpoints: ({ filters }: P.SetExceptionBreakpointsArguments) => ({ breakpoints: this.points.setExceptions(filters) }),
      dataBreakpointInfo: (args: P.DataBreakpointInfoArguments) => this.dataInfo(args),
      threads: () => ({ threads: this.monitor.machine.harts.map(({ id }) => ({ id: id + 1, name: this.threadName(id) })) }),
      stackTrace: (args: P.StackTraceArguments) => this.stackTrace(args),
      scopes: ({ frameId }: P.ScopesArguments) => ({
        scopes: this.frames.scopes(frameId).map((s) => ({
          name: s.name, variablesReference: s.reference, expensive: s.expensive, ...(s.hint === undefined ? {} : { presentationHint: s.hint }),
        })),
      }),
      variables: ({ variablesReference, start = 0, count }: P.VariablesArguments) => {
        const rows = this.frames.rows(variablesReference);
        return { variables: rows.slice(start, count === undefined || count === 0 ? undefined : start + count).map((row) => ({ name: row.name, ...this.shown(row) })) };
      },
      setVariable: (args: P.SetVariableArguments) => this.setVariable(args),
      evaluate: (args: P.EvaluateArguments) => this.evaluate(args),
      completions: ({ text, column }: P.CompletionsArguments) => {
        const line = text.slice(0, column - this.o.lineBase);
        const last = /\S*$/.exec(line)![0];
        return { targets: this.monitor.complete(line).map((label) => ({ label, start: column - last.length, length: last.length })) };
      },
      disassemble: ({ memoryReference, offset = 0, instructionOffset = 0, instructionCount }: P.DisassembleArguments) => {
        const address = BigInt.asUintN(64, BigInt(memoryReference) + BigInt(offset));
        return { instructions: disassembly(this.monitor, this.monitor.look.present(), address, instructionOffset, instructionCount) };
      },
      readMemory: (args: P.ReadMemoryArguments) => this.readMemory(args),
      writeMemory: (args: P.WriteMemoryArguments) => this.writeMemory(args),
    };
  }

  /** Requests that set the machine going, and the one that halts it. */
  private motions(): Record<string, Handler> {
    const hart = (threadId: number): number => this.hartOf(threadId);
    const unit = (granularity: P.SteppingGranularity | undefined): "instruction" | "line" => (granularity === "instruction" ? "instruction" : "line");
    return {
      continue: () => {
        this.go((d) => d.continue());
        return { allThreadsContinued: true };
      },
      next: ({ threadId, granularity }: P.NextArguments) => this.go((d) => d.next({ hart: hart(threadId), unit: unit(granularity) })),
      stepIn: ({ threadId, granularity }: P.StepInArguments) => this.go((d) => d.step({ hart: hart(threadId), unit: unit(granularity) })),
      stepOut: ({ threadId }: P.StepOutArguments) => this.go((d) => d.finish(hart(threadId))),
      stepBack: ({ threadId, granularity }: P.StepBackArguments) => this.go((d) => d.rnext({ hart: hart(threadId), unit: unit(granularity) })),
      reverseContinue: () => this.go((d) => d.rcontinue()),
      pause: () => this.monitor.control.halt(),
    };
  }

  private go(begin: (d: Debugger) => void): void {
    if (!this.monitor.control.halted) throw new Error("the machine runs");
    this.expectsGo = true;
    try {
      this.monitor.control.go(begin);
    } finally {
      this.expectsGo = false;
    }
  }

  private configured(): void {
    if (this.started) return;
    this.started = true;
    if (this.o.stopOnEntry) this.tell(() => this.stoppedEvent({ reason: "entry", threadId: 1 }));
    else this.go((d) => d.continue());
    this.debuggee.start();
  }

  private hartOf(threadId: number): number {
    if (this.monitor.machine.harts[threadId - 1] === undefined) throw new Error(`there is no thread ${threadId}`);
    return threadId - 1;
  }

  private threadName(hart: number): string {
    const process = this.monitor.view.current(hart);
    const mode = ["user", "supervisor", "", "machine"][this.monitor.machine.inspect.registers(hart).privilege]!;
    return [`hart ${hart}: ${mode} mode`, ...(process === undefined ? [] : [`pid ${process.pid} ${process.name}`])].join(", ");
  }

  private stackTrace({ threadId, startFrame = 0, levels }: P.StackTraceArguments): P.StackTraceResponse["body"] {
    const stack = this.frames.stack(this.hartOf(threadId));
    const shown = stack.slice(startFrame, levels === undefined || levels === 0 ? undefined : startFrame + levels);
    return { totalFrames: stack.length, stackFrames: shown.map((level) => this.stackFrame(level)) };
  }

  private stackFrame({ id, name, file, line, column, stack }: Level): P.StackFrame {
    const source = file === undefined ? {} : { source: { name: file.split("/").at(-1)!, path: this.host.sourcePath(file) } };
    const base = 1 - this.o.lineBase;
    return {
      id, name, ...source, line: line === undefined ? 0 : line - base, column: column === undefined || column === 0 ? this.o.lineBase : column - base,
      instructionPointerReference: `0x${stack.frame.pc.toString(16)}`, ...(file === undefined ? { presentationHint: "subtle" as const } : {}),
    };
  }

  /** A row as the client wants it, its inside under a number. */
  private shown(row: Row): Omit<P.Variable, "name"> {
    const { value, type, inside, place, expression } = row;
    return {
      value, type, variablesReference: inside === undefined ? 0 : this.frames.open(inside), ...(expression === undefined ? {} : { evaluateName: expression }),
      ...(place === undefined ? {} : { memoryReference: `${place.physical === true ? "p" : ""}0x${place.address.toString(16)}` }),
    };
  }

  private dataInfo({ variablesReference, name, frameId }: P.DataBreakpointInfoArguments): P.DataBreakpointInfoResponse["body"] {
    let row: Row | undefined;
    try {
      row = variablesReference === undefined ? this.frames.evaluate(name, frameId, this.monitor.hart) : this.frames.row(variablesReference, name);
    } catch (e) {
      return { dataId: null, description: (e as Error).message };
    }
    if (row?.place === undefined) return { dataId: null, description: `${name} is in no memory` };
    const { place } = row;
    const hart = frameId === undefined ? this.monitor.hart : this.frames.level(frameId).hart;
    const where = `${place.length} bytes at ${place.physical === true ? "physical " : ""}0x${place.address.toString(16)}`;
    return { dataId: dataIdOf(this.monitor, hart, place), description: `${name} (${where})`, accessTypes: ["read", "write", "readWrite"], canPersist: false };
  }

  private setVariable({ variablesReference, name, value }: P.SetVariableArguments): P.SetVariableResponse["body"] {
    const row = this.frames.row(variablesReference, name);
    if (row === undefined) throw new Error(`there is no ${name}`);
    const hart = this.monitor.hart;
    assign(this.monitor, this.debuggee.changes, hart, row, this.frames.value(value, undefined, hart));
    this.frames.refresh();
    const now = this.frames.row(variablesReference, name) ?? row;
    this.tell(() => this.o.event("invalidated", { areas: ["variables", "stacks"] }));
    const { memoryReference: _, ...shown } = this.shown(now);
    return shown;
  }

  /** An expression; on the console also a command of the monitor's, or after ">" a line for the guest. */
  private async evaluate({ expression, frameId, context }: P.EvaluateArguments): Promise<P.EvaluateResponse["body"]> {
    const typed = /^\s*>\s?(.*)$/s.exec(expression);
    if (context === "repl" && typed !== null) {
      this.debuggee.type(`${typed[1]!}\n`);
      return { result: "", variablesReference: 0 };
    }
    if (context === "repl" && this.isCommand(expression)) return await this.command(expression, frameId);
    const row = this.frames.evaluate(expression, frameId, this.monitor.hart);
    return { result: row.value, ...this.shown(row) };
  }

  private isCommand(line: string): boolean {
    const [word] = /^[^\s/]+/.exec(line.trim()) ?? [];
    if (word === undefined) return false;
    try {
      const { name, aliases = [] } = this.monitor.command(word);
      return name === word || aliases.includes(word);
    } catch {
      return false;
    }
  }

  private async command(line: string, frameId: number | undefined): Promise<P.EvaluateResponse["body"]> {
    const { control, machine } = this.monitor;
    if (frameId !== undefined) this.monitor.hart = this.frames.level(frameId).hart;
    const before = machine.steps;
    let reported = false;
    const ignore = control.onReport(() => { reported = true; });
    const { ok, text } = await this.monitor.run(line);
    ignore();
    // Time may have been travelled without the machine having been set going.
    if (control.halted && !reported && machine.steps !== before) {
      this.frames.forget();
      this.stoppedEvent({ reason: "goto", threadId: this.monitor.hart + 1 });
    }
    if (!ok) throw new Error(text);
    return { result: text, variablesReference: 0 };
  }

  private space(memoryReference: string): { space: AddressSpace; address: bigint } {
    const [, physical, digits] = /^(p?)(0x[0-9a-f]{1,16}|\d{1,19})$/i.exec(memoryReference) ?? [];
    if (digits === undefined) throw new Error(`"${memoryReference}" is no address`);
    const { look } = this.monitor;
    const present = look.present();
    return { space: physical === "" ? (va) => look.physical(present, va) : physicalSpace, address: BigInt(digits) };
  }

  private readMemory({ memoryReference, offset = 0, count }: P.ReadMemoryArguments): P.ReadMemoryResponse["body"] {
    const { space, address } = this.space(memoryReference);
    const from = BigInt.asUintN(64, address + BigInt(offset));
    const wanted = Math.max(0, Math.min(count, MOST_BYTES));
    const bytes = readMemory(this.monitor.machine, space, from, wanted);
    return { address: `0x${from.toString(16)}`, data: base64.encode(bytes), ...(bytes.length < wanted ? { unreadableBytes: wanted - bytes.length } : {}) };
  }

  private writeMemory({ memoryReference, offset = 0, data }: P.WriteMemoryArguments): P.WriteMemoryResponse["body"] {
    const { space, address } = this.space(memoryReference);
    const bytes = base64.decode(data);
    const pieces = placeWrite(this.monitor.machine, space, BigInt.asUintN(64, address + BigInt(offset)), bytes);
    if (pieces === undefined) throw new Error("there is no memory to write there");
    for (const { pa, bytes: piece } of pieces) this.debuggee.changes.poke({ kind: "memory", pa, bytes: piece });
    this.frames.refresh();
    return { bytesWritten: bytes.length };
  }
}
