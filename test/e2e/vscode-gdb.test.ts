// VS Code's way through gdb: the configuration of type gdbtarget as launch.json has it, its task in a terminal, and the real
// adapter of the extension CDT GDB Debug Adapter, spoken to as VS Code does. Skipped where gdb-multiarch is not installed.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { DebugClient } from "@vscode/debugadapter-testsupport";
import type { DebugProtocol as P } from "@vscode/debugprotocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { hasGdb } from "../support/gdb.ts";
import { type Configuration, configurationOf, type Task, taskOf } from "../support/vscode.ts";
import { kernelLine } from "./kernel-line.ts";
import { pause, Screen } from "./screen.ts";

const ADAPTER = createRequire(import.meta.url).resolve("cdt-gdb-adapter/dist/debugTargetAdapter.js");
const WAIT = 60_000;

/** Whether nobody listens on a port of this computer. */
const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
const anyPort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

/** The configuration and its task as they are; with another port in both if somebody on this computer has theirs. */
async function workspace(): Promise<{ configuration: Configuration; task: Task }> {
  const configuration = configurationOf("gdbtarget");
  const both = { configuration, task: taskOf(configuration) };
  const port = /:(\d+)$/.exec(configuration.target!.connectCommands[0]!)![1]!;
  if (await isFree(Number(port))) return both;
  return JSON.parse(JSON.stringify(both).replaceAll(port, String(await anyPort()))) as typeof both;
}

/** Process ids of the children of a process whose command line has `text` (Linux). */
function children(pid: number, text: string): number[] {
  const all = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter((s) => s !== "").map(Number);
  return all.filter((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes(text));
}
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A debug session: what VS Code does when one presses "Start Debugging", and its buttons. */
class Session {
  readonly dc = new DebugClient(process.execPath, ADAPTER, "gdbtarget");
  readonly terminal: Screen;
  capabilities: P.Capabilities = {};
  adapter = 0;
  gdb = 0;
  said = "";
  private readonly configuration: Configuration;
  private readonly stops: P.StoppedEvent["body"][] = [];
  private files: string[] = [];
  private over = false;

  private constructor(configuration: Configuration, task: Task) {
    this.configuration = configuration;
    this.terminal = new Screen("/bin/sh", ["-c", [task.command, ...task.args].join(" ")]);
    this.dc.defaultTimeout = WAIT;
    this.dc.on("output", (e: P.OutputEvent) => { this.said += e.body.output; });
    this.dc.on("stopped", (e: P.StoppedEvent) => { this.stops.push(e.body); });
  }

  /** Start the task, and when its problem matcher says that it is ready, the adapter; breakpoints; attach. */
  static async start(functions: readonly string[]): Promise<Session> {
    const { configuration, task } = await workspace();
    expect(task.type).toBe("shell");
    const session = new Session(configuration, task);
    await session.terminal.shows(new RegExp(task.problemMatcher.background.endsPattern));
    await session.attach(functions);
    return session;
  }

  async attach(functions: readonly string[]): Promise<void> {
    await this.dc.start();
    onTestFinished(async () => this.end());
    this.adapter = children(process.pid, ADAPTER)[0]!;
    const answer = await this.dc.initializeRequest({ clientID: "vscode", adapterID: "gdbtarget", linesStartAt1: true, columnsStartAt1: true, pathFormat: "path" });
    this.capabilities = answer.body!;
    const initialized = this.dc.waitForEvent("initialized");
    const attached = this.dc.attachRequest(this.configuration as P.AttachRequestArguments);
    await Promise.race([initialized, attached]); // a refusal of the latter says more than a wait for the former
    await this.breakAt(functions);
    await this.dc.setFunctionBreakpointsRequest({ breakpoints: [] });
    await this.dc.configurationDoneRequest();
    await attached;
    this.gdb = children(this.adapter, "gdb-multiarch")[0]!;
  }

  /** Breakpoints at the first lines of these functions of the kernel, in place of all others; gdb may move them behind a prologue. */
  async breakAt(functions: readonly string[]): Promise<void> {
    const lines = new Map(this.files.map((path) => [path, [] as number[]]));
    for (const { path, line } of functions.map(kernelLine)) lines.set(path, [...(lines.get(path) ?? []), line]);
    this.files = [...lines].flatMap(([path, ours]) => (ours.length > 0 ? [path] : []));
    for (const [path, ours] of lines) {
      const { body } = await this.dc.setBreakpointsRequest({ source: { path }, breakpoints: ours.map((line) => ({ line })) });
      expect(body.breakpoints, JSON.stringify(body.breakpoints)).toMatchObject(ours.map(() => ({ verified: true })));
    }
  }

  /** Breakpoints while the machine runs: the adapter stops it for that, answers, and lets it go on, as the terminal says. */
  async breakAtWhileRunning(functions: readonly string[]): Promise<void> {
    const times = (): number => this.terminal.lines.filter((line) => line === "pagewalk: the machine runs on; keys are the guest's").length;
    const before = times();
    await this.breakAt(functions);
    for (const began = performance.now(); times() === before && performance.now() - began < WAIT; ) await pause(20);
    expect(times(), this.terminal.lines.join("\n")).toBe(before + 1);
  }

  /** The next stop of the machine, be it one that has come already. */
  async stop(): Promise<P.StoppedEvent["body"]> {
    for (const began = performance.now(); performance.now() - began < WAIT; ) {
      const stop = this.stops.shift();
      if (stop !== undefined) return stop;
      await pause(20);
    }
    throw new Error(`the machine does not stop; the debug console:\n${this.said}\nthe terminal:\n${this.terminal.lines.join("\n")}`);
  }

  /** A request that sets the machine going, and the stop after it. */
  async until(request: Promise<unknown>): Promise<P.StoppedEvent["body"]> {
    await request;
    return this.stop();
  }

  async frames(): Promise<P.StackFrame[]> {
    return (await this.dc.stackTraceRequest({ threadId: 1 })).body.stackFrames;
  }

  async scope(name: string): Promise<P.Variable[]> {
    const { scopes } = (await this.dc.scopesRequest({ frameId: (await this.frames())[0]!.id })).body;
    return (await this.dc.variablesRequest({ variablesReference: scopes.find((s) => s.name === name)!.variablesReference })).body.variables;
  }

  async value(expression: string): Promise<string> {
    return (await this.dc.evaluateRequest({ expression, frameId: (await this.frames())[0]!.id, context: "watch" })).body.result;
  }

  /** A line typed into the debug console. */
  async console(expression: string): Promise<void> {
    await this.dc.evaluateRequest({ expression, frameId: (await this.frames())[0]!.id, context: "repl" });
  }

  /** End the adapter's process, once. */
  private async end(): Promise<void> {
    if (!this.over) await this.dc.stop();
    this.over = true;
  }

  /** VS Code's "Disconnect"; it ends the adapter then. No gdb may be left. */
  async disconnect(): Promise<void> {
    await this.dc.disconnectRequest({ restart: false });
    await this.end();
    for (let i = 0; i < 500 && (isAlive(this.gdb) || isAlive(this.adapter)); i++) await pause(20);
    expect({ gdb: isAlive(this.gdb), adapter: isAlive(this.adapter) }).toEqual({ gdb: false, adapter: false });
  }
}

describe.skipIf(!hasGdb)("VS Code through gdb", () => {
  it("breaks in the kernel, shows stack, variables and registers, steps, goes back, and leaves the machine running", async () => {
    const s = await Session.start([]);
    await s.terminal.shows(/^\$ ?$/); // with no breakpoint it runs at once
    expect(s.capabilities.supportsStepBack ?? false).toBe(false); // else docs/debuggers.md may say more

    await s.breakAtWhileRunning(["vm_fault"]);
    s.terminal.type("echo there\r");
    await s.stop();
    const stack = await s.frames();
    const { path, line } = kernelLine("vm_fault");
    expect(stack[0]).toMatchObject({ name: "vm_fault", source: { path } });
    expect(stack[0]!.line).toBeGreaterThanOrEqual(line);
    expect(stack.map((f) => f.name)).toContain("usertrap");
    expect((await s.dc.threadsRequest()).body.threads).toMatchObject([{ name: expect.stringMatching(/^hart 0 \(supervisor mode, pid \d+ \w+\)$/) as string }]);
    expect((await s.scope("Local")).map((v) => v.name)).toEqual(expect.arrayContaining(["map", "va"]));
    expect(BigInt(await s.value("map"))).toBe(BigInt((await s.scope("Registers")).find((v) => v.name === "a0")!.value));
    expect(["12", "13", "15"]).toContain(await s.value("$scause"));

    const first = { pc: await s.value("$pc"), sp: await s.value("$sp"), stval: await s.value("$stval") };
    await s.until(s.dc.nextRequest({ threadId: 1 }));
    expect((await s.frames())[0]!.line).not.toBe(stack[0]!.line);
    for (let i = 0; i < 20 && (await s.frames()).at(0)!.name === "vm_fault"; i++) await s.until(s.dc.stepInRequest({ threadId: 1 }));
    const inner = await s.frames();
    expect(inner.findIndex((f) => f.name === "vm_fault")).toBeGreaterThan(0);
    await s.until(s.dc.stepOutRequest({ threadId: 1 }));
    expect((await s.frames()).length).toBeLessThan(inner.length);

    const there = await s.until(s.dc.continueRequest({ threadId: 1 }));
    expect(there.reason).toBe("breakpoint");
    await s.console(">monitor time");
    const after = await s.value("$stval");
    await s.until(s.console(">reverse-continue"));
    expect({ pc: await s.value("$pc"), sp: await s.value("$sp"), stval: await s.value("$stval") }).toEqual(first);
    expect(after).not.toBe(first.stval);
    await s.until(s.console(">reverse-stepi"));
    expect((await s.frames())[0]!.name).not.toBe("vm_fault");
    await s.console(">monitor ps");
    expect(s.said).toMatch(/^ +1 .* init /m);

    await s.disconnect();
    await s.terminal.shows(/^pagewalk: gdb has gone$/);
    await s.terminal.shows(/^there$/);
    s.terminal.type("poweroff\r");
    expect(await s.terminal.exit).toBe(0);
  });

  it("sets a breakpoint while the machine runs, and lets go of a machine that runs", async () => {
    const s = await Session.start(["sys_write"]);
    await s.stop();
    expect((await s.frames()).slice(0, 2)).toMatchObject([{ name: "sys_write" }, { name: "syscall" }]);
    await s.breakAt([]);
    await s.dc.continueRequest({ threadId: 1 });
    await s.terminal.shows(/^\$ ?$/);
    await s.breakAtWhileRunning(["sys_fork"]);
    s.terminal.type("echo hello\r");
    await s.stop();
    expect((await s.frames())[0]!.name).toBe("sys_fork");
    await s.breakAt([]);
    await s.dc.continueRequest({ threadId: 1 });
    await s.terminal.shows(/^hello$/);
    await s.disconnect();
    s.terminal.type("echo still here\r");
    await s.terminal.shows(/^still here$/);
    s.terminal.type("poweroff\r");
    expect(await s.terminal.exit).toBe(0);
  });
});
