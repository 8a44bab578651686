// What the command does, from its arguments to its status.
import { closeSync, openSync, writeSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };
import { parseArguments } from "./arguments.ts";
import { buildMachine } from "./build.ts";
import { hostReason, UsageError } from "./errors.ts";
import type { Machine } from "../machine.ts";
import { Keys, KEYS_HELP, type Action } from "./keys.ts";
import { PipedInput } from "./piped-input.ts";
import { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import { Terminal } from "./terminal.ts";
import { traceEvents } from "./trace.ts";

/** Do what the arguments ask for. Resolves with the process status; rejects with UsageError. */
export async function program(args: readonly string[]): Promise<number> {
  const request = parseArguments(args, manifest.version);
  if ("print" in request) {
    process.stdout.on("error", () => process.exit(0)); // whoever reads it has seen enough
    process.stdout.write(request.print);
    return 0;
  }
  return runMachine(request.settings);
}

async function runMachine(settings: Settings): Promise<number> {
  const { machine, notes, close } = await buildMachine(settings);
  try {
    for (const note of notes) process.stderr.write(`pagewalk: ${note}\n`);
    return await runBuilt(settings, machine);
  } finally {
    close();
  }
}

async function runBuilt(settings: Settings, machine: Machine): Promise<number> {
  const trace = openTrace(settings);
  if (settings.trace.length > 0) traceEvents(machine, settings.trace, trace.add);

  const terminal = new Terminal();
  const interactive = settings.run === undefined;
  machine.console.onOutput = (bytes) => terminal.write(bytes);
  const session = new Session(machine, {
    realTime: interactive,
    reboot: settings.reboot,
    piped: terminal.keyboard ? null : new PipedInput(process.stdin),
    keyboard: terminal.keyboard && interactive,
    between: () => {
      trace.flush();
      return terminal.drained();
    },
  });
  const act = (action: Action): void => {
    if (action === "help") terminal.say(KEYS_HELP);
    else if (action === "monitor") terminal.say("pagewalk: the monitor comes with a later version\n");
    else {
      terminal.say("pagewalk: quit\n");
      session.end(0);
    }
  };
  const keys = new Keys((bytes) => session.type(bytes), act);
  terminal.start({ onKeys: (bytes) => keys.take(bytes), onEnd: (status) => session.end(status) }, { rawKeys: interactive });
  if (terminal.keyboard && interactive) terminal.say("pagewalk: Ctrl-A x quits, Ctrl-A h helps\n");
  try {
    return await session.run();
  } finally {
    trace.flush();
    trace.close();
    terminal.restore();
  }
}

/** Where trace lines gather and go. */
interface TraceSink {
  readonly add: (line: string) => void;
  readonly flush: () => void;
  readonly close: () => void;
}

/** Lines that may gather before they are written even in the middle of a slice. */
const GATHERED = 1000;

function openTrace({ traceFile }: Settings): TraceSink {
  let lines: string[] = [];
  let write = (text: string): void => { process.stderr.write(text); };
  let close = (): void => undefined;
  if (traceFile !== undefined) {
    const attempt = <T>(what: () => T): T => {
      try {
        return what();
      } catch (e) {
        throw new UsageError(`--trace-file ${traceFile}: ${hostReason(e)}`);
      }
    };
    const fd = attempt(() => openSync(traceFile, "w"));
    write = (text) => { attempt(() => writeAll(fd, text)); };
    close = () => closeSync(fd);
  }
  const flush = (): void => {
    if (lines.length > 0) write(lines.join(""));
    lines = [];
  };
  const add = (line: string): void => {
    lines.push(line);
    if (lines.length >= GATHERED) flush();
  };
  return { add, flush, close };
}

function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
