// The debug adapter's outer half: messages in and out, and the life of a session from `initialize` to `terminated`. What
// is asked of a machine that has been launched is answered by session.ts.

import type { DebugProtocol as P } from "@vscode/debugprotocol";
import { encodeMessage, MessageReader } from "./framing.ts";
import type { DapHost } from "./host.ts";
import { EXCEPTION_FILTERS } from "./points.ts";
import { DebugSession } from "./session.ts";

const CAPABILITIES: P.Capabilities = {
  supportsConfigurationDoneRequest: true, supportsFunctionBreakpoints: true, supportsConditionalBreakpoints: true, supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true, supportsEvaluateForHovers: true, supportsStepBack: true, supportsSetVariable: true, supportsDataBreakpoints: true,
  supportsInstructionBreakpoints: true, supportsDisassembleRequest: true, supportsReadMemoryRequest: true, supportsWriteMemoryRequest: true,
  supportsSteppingGranularity: true, supportsTerminateRequest: true, supportsDelayedStackTraceLoading: true, supportsCompletionsRequest: true,
  exceptionBreakpointFilters: EXCEPTION_FILTERS,
};

/** A request as it comes: nothing of it is believed. */
interface Message {
  readonly seq: number;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);

function asRequest(value: unknown): Message | undefined {
  if (!isRecord(value) || value["type"] !== "request" || typeof value["command"] !== "string") return undefined;
  const args = value["arguments"];
  return { seq: Number(value["seq"]) || 0, command: value["command"], args: isRecord(args) ? args : {} };
}

export class DapAdapter {
  private readonly host: DapHost;
  private readonly send: (bytes: Uint8Array) => void;
  private readonly reader = new MessageReader();
  private readonly waiting: Message[] = [];
  private session: DebugSession | undefined = undefined;
  private working = false;
  private seq = 0;
  /** Lines and columns of the client begin with 1, unless it says otherwise. */
  private lineBase = 1;
  private finish: (status: number) => void = () => undefined;
  /** Resolves with the process status when the client has gone. */
  readonly done: Promise<number>;

  constructor(host: DapHost, send: (bytes: Uint8Array) => void) {
    this.host = host;
    this.send = send;
    this.done = new Promise((resolve) => { this.finish = resolve; });
  }

  /** Bytes from the client. A stream that is none of this protocol ends the session. */
  receive(bytes: Uint8Array): void {
    let messages: unknown[];
    try {
      messages = this.reader.feed(bytes);
    } catch (e) {
      this.event("output", { category: "stderr", output: `pagewalk: ${(e as Error).message}\n` });
      this.close();
      return;
    }
    for (const m of messages) {
      const request = asRequest(m);
      if (request !== undefined) this.waiting.push(request);
    }
    if (!this.working) void this.work();
  }

  /** The client has gone. */
  close(): void {
    this.session?.end();
    this.finish(0);
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let m = this.waiting.shift(); m !== undefined; m = this.waiting.shift()) {
      // The machine has to run while the console waits for a command of the monitor's, and `pause` has to get through.
      if (m.command === "evaluate") void this.answer(m);
      else await this.answer(m);
    }
    this.working = false;
  }

  private async answer(m: Message): Promise<void> {
    const head = { type: "response", request_seq: m.seq, command: m.command };
    try {
      const body = await this.carryOut(m);
      this.message({ ...head, success: true, ...(body === undefined ? {} : { body }) });
      if (m.command === "launch") this.event("initialized");
      if (m.command === "disconnect") this.close();
    } catch (e) {
      const text = e instanceof Error ? e.message.split("\n")[0]! : String(e);
      this.message({ ...head, success: false, message: text, body: { error: { id: 1, format: text, showUser: m.command !== "evaluate" } } });
    }
    if (m.command !== "evaluate") this.session?.answered();
  }

  private async carryOut({ command, args }: Message): Promise<unknown> {
    switch (command) {
      case "initialize":
        this.lineBase = args["linesStartAt1"] === false ? 0 : 1;
        return CAPABILITIES;
      case "launch":
        return await this.launch(args);
      case "disconnect":
      case "terminate":
        this.session?.end();
        return undefined;
      default:
        if (this.session === undefined) throw new Error(`${command}: nothing has been launched`);
        return await this.session.request(command, args);
    }
  }

  private async launch(args: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.session !== undefined) throw new Error("one machine has been launched already");
    const debuggee = await this.host.launch(args);
    this.session = new DebugSession(debuggee, this.host, {
      event: (name, body) => this.event(name, body), stopOnEntry: args["stopOnEntry"] === true, lineBase: this.lineBase,
    });
  }

  private event(event: string, body?: unknown): void {
    this.message({ type: "event", event, ...(body === undefined ? {} : { body }) });
  }

  private message(m: object): void {
    this.send(encodeMessage({ seq: ++this.seq, ...m }));
  }
}
