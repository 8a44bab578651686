// The adapter from its messages, with a small machine: every request gets one answer, whatever it says.
import { describe, expect, it } from "vitest";
import { RAM } from "../memory-map.ts";
import { Machine } from "../machine.ts";
import { directChanges } from "../history/changes.ts";
import { Monitor } from "../monitor/monitor.ts";
import type { Symbols } from "../monitor/symbols/symbols.ts";
import { Asm } from "../../test/support/asm.ts";
import { DapAdapter } from "./adapter.ts";
import { encodeMessage, MessageReader } from "./framing.ts";
import type { DapHost } from "./host.ts";

interface Answer {
  readonly type: string;
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly event?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** A client's side; the machine counts for ever, and runs when it is pumped. */
class Client {
  readonly seen: Answer[] = [];
  monitor: Monitor | undefined;
  programs: readonly Symbols[] = [];
  private readonly adapter: DapAdapter;
  private readonly reader = new MessageReader();
  private seq = 0;

  constructor() {
    const host: DapHost = {
      launch: async () => {
        const machine = await Machine.create({ kernel: new Asm().label("loop").i("addi", "a0", "a0", 1).j("loop").image(), memory: 2 ** 20 });
        this.monitor = new Monitor(machine, { drive: () => undefined });
        const ended = new Promise<number>(() => undefined);
        return { monitor: this.monitor, changes: directChanges(machine), start: () => undefined, ended, end: () => undefined, type: () => undefined, onOutput: () => undefined, programsOf: () => this.programs };
      },
      sourcePath: (file) => file, sourceName: (path) => path,
    };
    this.adapter = new DapAdapter(host, (bytes) => { this.seen.push(...(this.reader.feed(bytes) as Answer[])); });
  }

  raw(bytes: Uint8Array): void {
    this.adapter.receive(bytes);
  }

  async ask(command: unknown, args?: unknown): Promise<Answer> {
    const seq = ++this.seq;
    this.raw(encodeMessage({ seq, type: "request", command, arguments: args }));
    await new Promise((resolve) => setImmediate(resolve));
    const answers = this.seen.filter((m) => m.type === "response" && m.request_seq === seq);
    expect(answers, `${String(command)} ${JSON.stringify(args)}`).toHaveLength(1);
    return answers[0]!;
  }

  pump(steps: number): void {
    this.monitor!.control.run(steps);
  }

  events(name: string): Answer[] {
    return this.seen.filter((m) => m.event === name);
  }
}

async function launched(): Promise<Client> {
  const c = new Client();
  await c.ask("initialize", { adapterID: "pagewalk" });
  await c.ask("launch", { stopOnEntry: true });
  await c.ask("configurationDone");
  return c;
}

describe("the adapter", () => {
  it("goes through a session in the order that clients expect", async () => {
    const c = await launched();
    expect(c.seen.map((m) => m.event ?? m.type)).toEqual(["response", "response", "initialized", "response", "stopped"]);
    expect((await c.ask("continue", { threadId: 1 })).success).toBe(true);
    c.pump(100);
    expect(await c.ask("next", { threadId: 1 })).toMatchObject({ success: false, message: "the machine runs" });
    await c.ask("pause", { threadId: 1 });
    expect(c.events("stopped").at(-1)).toMatchObject({ body: { reason: "pause", threadId: 1, allThreadsStopped: true } });
    expect(c.seen.at(-1)).toMatchObject({ event: "stopped" }); // after the answer
    expect((await c.ask("stepIn", { threadId: 1, granularity: "instruction" })).success).toBe(true);
    c.pump(100);
    expect(c.events("stopped").at(-1)).toMatchObject({ body: { reason: "step" } });
    expect(c.events("continued")).toHaveLength(0); // the client asked for it and knows
  });

  it("stops at an instruction, and changes a register", async () => {
    const c = await launched();
    await c.ask("setInstructionBreakpoints", { breakpoints: [{ instructionReference: `0x${(RAM + 4).toString(16)}`, condition: "$a0 == 5" }] });
    await c.ask("continue", { threadId: 1 });
    c.pump(1000);
    expect(c.events("stopped").at(-1)).toMatchObject({ body: { reason: "instruction breakpoint" } });
    const { body } = await c.ask("stackTrace", { threadId: 1 });
    const frames = body!["stackFrames"] as { id: number; instructionPointerReference: string }[];
    expect(frames[0]!.instructionPointerReference).toBe(`0x${(RAM + 4).toString(16)}`);
    const scopes = (await c.ask("scopes", { frameId: frames[0]!.id })).body!["scopes"] as { name: string; variablesReference: number }[];
    expect(scopes.map((s) => s.name)).toEqual(["Locals", "Registers", "Floating point", "CSRs"]);
    const { variablesReference } = scopes[1]!;
    expect((await c.ask("setVariable", { variablesReference, name: "a0", value: "$a0 * 2 + 1" })).success).toBe(true);
    expect(c.monitor!.machine.inspect.registers(0).x[10]).toBe(11n);
    expect(await c.ask("setVariable", { variablesReference, name: "zero", value: "1" })).toMatchObject({ success: false, message: "zero cannot be changed" });
    const floats = scopes[2]!.variablesReference;
    expect((await c.ask("setVariable", { variablesReference: floats, name: "fa0", value: "0x3ff8000000000000" })).success).toBe(true);
    expect(c.monitor!.machine.inspect.floatRegisters(0)[10]).toBe(0x3ff8000000000000n);
    expect((await c.ask("variables", { variablesReference: floats })).body!["variables"]).toContainEqual(expect.objectContaining({ name: "fa0", value: "0x3ff8000000000000 1.5" }));
    expect((await c.ask("evaluate", { expression: "$a0", frameId: frames[0]!.id })).body).toMatchObject({ result: "11" });
    const lines = (await c.ask("disassemble", { memoryReference: `0x${RAM.toString(16)}`, instructionCount: 2 })).body!["instructions"];
    expect(lines).toMatchObject([{ instruction: "addi a0,a0,1" }, { address: `0x${(RAM + 4).toString(16)}` }]);
  });

  it("looks for code near a line of any number, and not for ever", async () => {
    const c = await launched();
    let asked = 0;
    const addressesOfLine = (): bigint[] => {
      if (++asked > 1000) throw new Error("asked for ever");
      return [];
    };
    c.programs = [{ addressesOfLine } as unknown as Symbols];
    const lines = [1, 2 ** 53, 1e308, -1e308, 0.5];
    const { body } = await c.ask("setBreakpoints", { source: { path: "x.c" }, breakpoints: lines.map((line) => ({ line })) });
    expect(body!["breakpoints"]).toMatchObject(lines.map((line) => ({ verified: false, line, message: "there is no code on this line, nor soon after it" })));
  });

  it("answers any nonsense once", async () => {
    const c = await launched();
    let seed = 7;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 16) % n;
    };
    const commands = ["setBreakpoints", "setFunctionBreakpoints", "setInstructionBreakpoints", "setDataBreakpoints", "setExceptionBreakpoints", "dataBreakpointInfo", "threads", "stackTrace",
      "scopes", "variables", "setVariable", "evaluate", "completions", "disassemble", "readMemory", "writeMemory", "launch", "initialize", "configurationDone", "nonsense", "constructor", ""];
    const names = ["threadId", "frameId", "variablesReference", "name", "value", "expression", "context", "text", "column", "memoryReference", "offset", "count", "instructionCount",
      "instructionOffset", "data", "source", "breakpoints", "filters", "start", "levels", "startFrame", "granularity", "linesStartAt1"];
    const values: unknown[] = [0, 1, -1, 1e308, 2 ** 40, null, "", "x", "0x80000000", "p0x80000000", "$a0", "*1", "repl", [], {}, true, { path: "x.c" }, "AAAA", NaN, "v:80000000:8:",
      [{ line: 1 }], [{ name: 5 }], [{ dataId: "v:80000000:8:" }], [{ instructionReference: "0x80000000", hitCondition: "x" }], ["panic", "page-fault", "exception", 7], "regs", "> ls", "a".repeat(2000)];
    for (let i = 0; i < 3000; i++) {
      const args = Object.fromEntries(Array.from({ length: random(7) }, () => [names[random(names.length)]!, values[random(values.length)]]));
      await c.ask(commands[random(commands.length)]!, random(20) === 0 ? values[random(values.length)] : args);
    }
    expect((await c.ask("threads")).body).toMatchObject({ threads: [{ id: 1 }] });
    c.raw(encodeMessage({ type: "event" }));
    c.raw(encodeMessage([1, 2]));
    c.raw(encodeMessage(null));
    expect((await c.ask("threads")).success).toBe(true);
    c.raw(new TextEncoder().encode("\r\n\r\n"));
    expect(c.events("output").at(-1)).toMatchObject({ body: { output: "pagewalk: a header without Content-Length\n" } });
  });
});
