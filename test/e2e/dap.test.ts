// The debug adapter, driven by the client library with which VS Code's adapters are tested: from launch to the end.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DebugClient } from "@vscode/debugadapter-testsupport";
import type { DebugProtocol as P } from "@vscode/debugprotocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { ROOT } from "./cli-guests.ts";
import { kernel, kernelLine } from "./kernel-line.ts";

let dc: DebugClient;
beforeEach(async () => {
  dc = new DebugClient(process.execPath, join(ROOT, "bin", "pagewalk-dap.js"), "pagewalk");
  dc.defaultTimeout = 20_000;
  await dc.start();
});
afterEach(async () => dc.stop());

/** Launch with these words, breakpoints set at these kernel functions' first lines, and wait for the first stop. */
async function launch(words: readonly string[], functions: readonly string[], extra: object = {}): Promise<P.StoppedEvent["body"]> {
  const stopped = dc.waitForEvent("stopped");
  await Promise.all([
    dc.waitForEvent("initialized").then(async () => {
      for (const name of functions) {
        const { path, line } = kernelLine(name);
        const { body } = await dc.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] });
        expect(body.breakpoints).toMatchObject([{ verified: true, line }]);
      }
      await dc.configurationDoneRequest();
    }),
    dc.launch({ args: words, ...extra }),
  ]);
  return (await stopped).body as P.StoppedEvent["body"];
}

/** Send a request that sets the machine going, and wait until it stands again. */
async function until(request: Promise<unknown>): Promise<P.StoppedEvent["body"]> {
  const [stopped] = await Promise.all([dc.waitForEvent("stopped"), request]);
  return stopped.body as P.StoppedEvent["body"];
}
const frames = async (threadId = 1): Promise<P.StackFrame[]> => (await dc.stackTraceRequest({ threadId })).body.stackFrames;
const rows = async (variablesReference: number): Promise<P.Variable[]> => (await dc.variablesRequest({ variablesReference })).body.variables;
const scope = async (frameId: number, name: string): Promise<P.Variable[]> => {
  const { scopes } = (await dc.scopesRequest({ frameId })).body;
  return await rows(scopes.find((s) => s.name === name)!.variablesReference);
};
const refusal = async (request: Promise<unknown>): Promise<string> => await request.then(() => "(it was done)", (e: Error) => e.message);

describe("the debug adapter", () => {
  it("stops at a line, and shows the stack down into the program, variables, registers and the page table", async () => {
    const stop = await launch(["--smp", "2", "run", "cowdemo 1"], ["sys_fork"]);
    expect(stop).toMatchObject({ reason: "breakpoint", allThreadsStopped: true });
    const { threads } = (await dc.threadsRequest()).body;
    expect(threads).toHaveLength(2);
    expect(threads[stop.threadId! - 1]!.name).toMatch(/^hart \d: supervisor mode, pid \d+ \w+$/);

    const stack = await frames(stop.threadId);
    expect(stack[0]).toMatchObject({ name: "sys_fork", line: kernelLine("sys_fork").line, source: { path: kernelLine("sys_fork").path } });
    const names = stack.map((f) => f.name);
    expect(names).toContain("syscall");
    expect(names.some((n) => n.endsWith("(user mode)"))).toBe(true);

    const inTrap = stack.find((f) => f.name === "usertrap")!;
    const locals = await scope(inTrap.id, "Locals");
    const p = locals.find((v) => v.name === "p")!;
    expect(p.type).toBe("struct proc *");
    const members = await rows(p.variablesReference);
    expect(Number(members.find((v) => v.name === "pid")!.value)).toBeGreaterThan(0);
    expect((await dc.evaluateRequest({ expression: "p->name", frameId: inTrap.id, context: "hover" })).body.result).toMatch(/^"\w+"$/);
    expect((await dc.evaluateRequest({ expression: "p->pid + 1 > p->pid", frameId: inTrap.id, context: "watch" })).body.result).toBe("1");
    expect(await refusal(dc.evaluateRequest({ expression: "p->nothing", frameId: inTrap.id, context: "watch" }))).toContain("struct proc has no member nothing");

    const registers = await scope(stack[0]!.id, "Registers");
    expect(registers.find((v) => v.name === "pc")!.value).toContain("sys_fork");
    const csrs = await scope(stack[0]!.id, "CSRs");
    expect(csrs.find((v) => v.name === "scause")!.value).toMatch(/^0x0000000000000008/);
    const top = await scope(stack[0]!.id, "Page table");
    const table = top.find((v) => v.variablesReference !== 0)!;
    expect(table.value).toMatch(/^V\.{7} -> table 0x/);
    expect(await rows(table.variablesReference)).not.toHaveLength(0);
  });

  it("steps over, into and out of functions, by line and by instruction", async () => {
    const stop = await launch(["run", "true"], ["syscall"]);
    const threadId = stop.threadId!;
    await dc.setBreakpointsRequest({ source: { path: kernelLine("syscall").path }, breakpoints: [] });
    const before = (await frames())[0]!;
    expect(await until(dc.nextRequest({ threadId }))).toMatchObject({ reason: "step" });
    const after = (await frames()).find((f) => f.name === "syscall")!; // an inlined function may stand before it
    expect(after.line).not.toBe(before.line);
    expect(await until(dc.nextRequest({ threadId, granularity: "instruction" }))).toMatchObject({ reason: "step" });
    for (let i = 0; i < 20 && !(await frames())[0]!.name.startsWith("sys_"); i++) await until(dc.stepInRequest({ threadId }));
    expect((await frames())[0]!.name).toMatch(/^sys_/);
    expect(await until(dc.stepOutRequest({ threadId }))).toMatchObject({ reason: "step" });
    expect((await frames())[0]!.name).toBe("syscall");
  });

  it("has conditions, hit counts, messages, function and instruction breakpoints", async () => {
    await launch(["run", "echo hello; echo again"], [], { stopOnEntry: true });
    const { path, line } = kernelLine("sys_fork");
    let said = "";
    dc.on("output", (e: P.OutputEvent) => { said += e.body.output; });
    await dc.setBreakpointsRequest({ source: { path }, breakpoints: [{ line, logMessage: "fork, satp {$satp}" }] });
    const address = `0x${kernel.addressOf("sys_exit")!.toString(16)}`;
    await dc.customRequest("setInstructionBreakpoints", { breakpoints: [{ instructionReference: address, condition: "$priv == 0" }, { instructionReference: address, condition: "$a7 == 0 && 0" }] });
    expect(await until(dc.continueRequest({ threadId: 1 }))).toMatchObject({ reason: "instruction breakpoint" });
    expect(said).toContain('the condition "$priv == 0": there is no register $priv'); // what cannot be evaluated stops, and says so
    expect(said).toMatch(/fork, satp \d+ \(0x8[0-9a-f]{15}\)/);
    await dc.customRequest("setInstructionBreakpoints", { breakpoints: [] });
    const answer = await dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: "sys_exit", hitCondition: "1" }, { name: "no_such_function" }] });
    expect(answer.body.breakpoints).toMatchObject([{ verified: true }, { verified: false, message: "there is no function no_such_function" }]);
    expect(await until(dc.continueRequest({ threadId: 1 }))).toMatchObject({ reason: "function breakpoint" });
    expect((await frames())[0]!.name).toBe("sys_exit");
  });

  it("stops where data changes, is read and changed", async () => {
    await launch(["run", "true"], ["sys_fork"]);
    const inTrap = (await frames()).find((f) => f.name === "usertrap")!;
    const trapframe = await rows((await scope(inTrap.id, "Locals")).find((v) => v.name === "p")!.variablesReference).then((m) => m.find((v) => v.name === "trapframe")!);
    const [a0] = (await rows(trapframe.variablesReference)).filter((v) => v.name === "a0");
    const info = (await dc.dataBreakpointInfoRequest({ variablesReference: trapframe.variablesReference, name: "a0" })).body;
    expect(info.description).toMatch(/^a0 \(8 bytes at 0x/);
    expect((await dc.setDataBreakpointsRequest({ breakpoints: [{ dataId: info.dataId!, accessType: "write" }] })).body.breakpoints).toMatchObject([{ verified: true }]);
    const stop = await until(dc.continueRequest({ threadId: 1 }));
    expect(stop).toMatchObject({ reason: "data breakpoint" });
    expect((await frames())[0]!.name).toMatch(/^syscall/);

    const memory = (await dc.customRequest("readMemory", { memoryReference: a0!.memoryReference!, count: 8 })).body as { data: string };
    const pid = Buffer.from(memory.data, "base64").readBigUInt64LE();
    expect(pid).toBeGreaterThan(1n);
    await dc.customRequest("writeMemory", { memoryReference: a0!.memoryReference!, data: Buffer.from([9, 0, 0, 0, 0, 0, 0, 0]).toString("base64") });
    const again = (await frames()).find((f) => f.name === "usertrap")!;
    expect((await dc.evaluateRequest({ expression: "p->trapframe->a0", frameId: again.id })).body.result).toBe("9");
    const { variablesReference } = (await dc.evaluateRequest({ expression: "p->trapframe", frameId: again.id })).body;
    expect((await dc.setVariableRequest({ variablesReference, name: "a0", value: `${pid}` })).body.value).toBe(`${pid}`);
    expect(await refusal(dc.setVariableRequest({ variablesReference, name: "nothing", value: "1" }))).toContain("there is no nothing");

    const code = (await dc.disassembleRequest({ memoryReference: `0x${kernel.addressOf("sys_fork")!.toString(16)}`, instructionOffset: -2, instructionCount: 4 })).body!.instructions;
    expect(code).toHaveLength(4);
    expect(code[2]).toMatchObject({ symbol: "sys_fork" });
  });

  it("stops in a user program by its source, and goes on through the kernel's part of the stack", async () => {
    const read = (...path: string[]): Uint8Array => new Uint8Array(readFileSync(join(ROOT, "guest-user", ...path)));
    const program = Symbols.fromElf(read("prebuilt", "cowdemo"), { name: "cowdemo", debug: read("debug", "cowdemo.debug") });
    const { file, line } = program.lineAt(program.addressOf("main")!)!;
    await launch(["run", "echo x; cowdemo 1"], [], { stopOnEntry: true });
    const source = { path: join(ROOT, file) };
    expect((await dc.setBreakpointsRequest({ source, breakpoints: [{ line }] })).body.breakpoints).toMatchObject([{ verified: true, line }]);
    expect(await until(dc.continueRequest({ threadId: 1 }))).toMatchObject({ reason: "breakpoint" });
    const [main] = await frames();
    expect(main).toMatchObject({ name: "main", line, source });
    expect((await dc.threadsRequest()).body.threads[0]!.name).toMatch(/user mode, pid \d+ cowdemo/);
    for (let i = 0; i < 3; i++) await until(dc.nextRequest({ threadId: 1 }));
    const later = (await frames())[0]!;
    expect(later).toMatchObject({ name: "main", source });
    expect(later.line).toBeGreaterThan(line);
    await dc.setBreakpointsRequest({ source, breakpoints: [] });
    const { path, line: inKernel } = kernelLine("sys_fork");
    await dc.setBreakpointsRequest({ source: { path }, breakpoints: [{ line: inKernel }] });
    await until(dc.continueRequest({ threadId: 1 }));
    const stack = await frames();
    expect(stack.map((f) => f.name.replace(" (user mode)", ""))).toEqual(expect.arrayContaining(["sys_fork", "usertrap", "main"]));
    const below = stack.find((f) => f.name === "main")!;
    const locals = await scope(below.id, "Locals");
    expect(locals.map((v) => v.name)).toEqual(expect.arrayContaining(["pages", "memory", "ready"]));
    expect((await dc.evaluateRequest({ expression: "ready[0] + 1 == ready[1]", frameId: below.id })).body.result).toBe("1");
  });

  it("steps back, and goes back to a breakpoint, to who wrote something, and to the beginning", async () => {
    await launch(["run", "true"], ["sys_fork"]);
    const at = async (): Promise<string> => {
      const [f] = await frames();
      return `${f!.name}:${f!.line} ${f!.instructionPointerReference}`;
    };
    const [first, steps] = [await at(), async () => (await dc.evaluateRequest({ expression: "$a0", context: "hover" })).body.result];
    const a0 = await steps();
    await until(dc.nextRequest({ threadId: 1, granularity: "instruction" }));
    await until(dc.stepInRequest({ threadId: 1, granularity: "instruction" }));
    await until(dc.stepBackRequest({ threadId: 1, granularity: "instruction" }));
    await until(dc.stepBackRequest({ threadId: 1, granularity: "instruction" }));
    expect([await at(), await steps()]).toEqual([first, a0]);

    const inTrap = (await frames()).find((f) => f.name === "usertrap")!;
    const info = (await dc.dataBreakpointInfoRequest({ name: "p->trapframe->epc", frameId: inTrap.id })).body;
    await dc.setBreakpointsRequest({ source: { path: kernelLine("sys_fork").path }, breakpoints: [] });
    await dc.setDataBreakpointsRequest({ breakpoints: [{ dataId: info.dataId!, accessType: "write" }] });
    expect(await until(dc.reverseContinueRequest({ threadId: 1 }))).toMatchObject({ reason: "data breakpoint" });
    expect((await frames())[0]!.name).toBe("usertrap");
    await dc.setDataBreakpointsRequest({ breakpoints: [] });
    const { path, line } = kernelLine("syscall");
    await dc.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] });
    expect(await until(dc.reverseContinueRequest({ threadId: 1 }))).toMatchObject({ reason: "breakpoint" });
    expect((await frames())[0]).toMatchObject({ name: "syscall", line });
    await dc.setBreakpointsRequest({ source: { path }, breakpoints: [] });
    expect(await until(dc.reverseContinueRequest({ threadId: 1 }))).toMatchObject({ reason: "entry" });
    expect(await at()).toContain(" 0x1000");
  });

  it("goes back to who wrote a page table entry", async () => {
    await launch(["run", "true"], ["sys_fork"]);
    const [top] = await frames();
    const { scopes } = (await dc.scopesRequest({ frameId: top!.id })).body;
    const table = scopes.find((s) => s.name.startsWith("Page table of pid"))!;
    let reference = table.variablesReference;
    let entries = await rows(reference);
    while (entries[0]!.variablesReference !== 0) {
      reference = entries[0]!.variablesReference;
      entries = await rows(reference);
    }
    const entry = entries[0]!;
    expect(entry.name).toMatch(/^\[\d+\] 0x[0-9a-f]{10}-0x[0-9a-f]{10}$/);
    expect(entry.value).toMatch(/^V[R.][W.][X.]U\.[A.][D.].* -> frame 0x/);
    const info = (await dc.dataBreakpointInfoRequest({ variablesReference: reference, name: entry.name })).body;
    expect(info.description).toContain("8 bytes at physical 0x");
    await dc.setDataBreakpointsRequest({ breakpoints: [{ dataId: info.dataId!, accessType: "write" }] });
    const stop = await until(dc.reverseContinueRequest({ threadId: 1 }));
    expect(stop).toMatchObject({ reason: "data breakpoint" });
    expect(stop.text).toMatch(/about to be written/);
    const names = (await frames()).map((f) => f.name);
    expect(names.some((n) => n.startsWith("pmap_"))).toBe(true);
  });

  it("gives the monitor and the guest's console, and stops a machine that runs", async () => {
    await launch([], [], { stopOnEntry: true });
    const shows = async (text: string): Promise<void> => {
      let seen = "";
      await new Promise<void>((resolve) => dc.on("output", (e: P.OutputEvent) => {
        seen += e.body.output;
        if (seen.includes(text)) resolve();
      }));
    };
    const prompt = shows("$ ");
    await dc.continueRequest({ threadId: 1 });
    await prompt;
    expect(await until(dc.pauseRequest({ threadId: 1 }))).toMatchObject({ reason: "pause" });
    const repl = async (expression: string): Promise<string> => (await dc.evaluateRequest({ expression, context: "repl" })).body.result;
    expect(await repl("ps")).toMatch(/init[^]*sh/);
    expect(await refusal(dc.evaluateRequest({ expression: "walk", context: "repl" }))).toContain("missing");
    expect((await dc.completionsRequest({ text: "reg", column: 4 })).body.targets.map((t) => t.label)).toContain("regs");
    const hello = shows("\nhello\n");
    await dc.continueRequest({ threadId: 1 });
    await repl("> echo hello");
    await hello;
    const stop = await until(repl("> poweroff"));
    expect(stop).toMatchObject({ reason: "exit", text: "the machine is off, with code 0; it may go back from here, and going on ends it" });
    await until(dc.stepBackRequest({ threadId: 1, granularity: "instruction" }));
    await until(dc.continueRequest({ threadId: 1 }));
    const ended = Promise.all([dc.waitForEvent("exited"), dc.waitForEvent("terminated")]);
    await dc.continueRequest({ threadId: 1 });
    expect((await ended)[0].body).toEqual({ exitCode: 0 });
  });

  it("says what is wrong", async () => {
    await dc.initializeRequest();
    expect(await refusal(dc.threadsRequest())).toContain("nothing has been launched");
    expect(await refusal(dc.launchRequest({ args: ["--smp", "99"] } as P.LaunchRequestArguments))).toContain("--smp 99");
    expect(await refusal(dc.launchRequest({ args: "x" } as P.LaunchRequestArguments))).toContain('"args" is a list of words');
    expect(await refusal(dc.launchRequest({ args: ["--gdb"] } as P.LaunchRequestArguments))).toContain("not for here");
    await dc.launchRequest({ args: ["run", "true"] } as P.LaunchRequestArguments);
    expect(await refusal(dc.customRequest("modules"))).toContain("there is no request modules");
    expect(await refusal(dc.customRequest("__proto__"))).toContain("there is no request");
    expect(await refusal(dc.stackTraceRequest({ threadId: 9 }))).toContain("there is no thread 9");
    expect(await refusal(dc.scopesRequest({ frameId: 1000 }))).toContain("the machine has moved");
    const path = join(ROOT, "guest-kernel/proc/sysproc.c");
    expect((await dc.setBreakpointsRequest({ source: { path }, breakpoints: [{ line: 99_999 }] })).body.breakpoints[0]).toMatchObject({ verified: false });
    expect((await dc.setDataBreakpointsRequest({ breakpoints: [{ dataId: "x" }] })).body.breakpoints).toMatchObject([{ verified: false, message: '"x" names no memory' }]);
  });
});
