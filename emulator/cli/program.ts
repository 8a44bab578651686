// What the command does, from its arguments to its status.
import { closeSync, openSync, writeSync } from "node:fs";
import manifest from "../../package.json" with { type: "json" };
import { parseArguments } from "./arguments.ts";
import { Unwatched, wantsExplanation, whyAfterwards } from "./afterwards.ts";
import { buildMachine } from "./build.ts";
import { serveDap } from "./dap.ts";
import { debugging, headless } from "./debugging.ts";
import { serveGdb } from "./gdb.ts";
import { hostReason, UsageError } from "./errors.ts";
import type { GdbServer } from "../gdb/server.ts";
import type { Recording } from "../history/recording.ts";
import type { Machine } from "../machine.ts";
import { Keys, KEYS_HELP, type Action } from "./keys.ts";
import { PipedInput } from "./piped-input.ts";
import { Prompt } from "./prompt.ts";
import { keepHistory, openRecording, withRecording } from "./recording.ts";
import { readScript, runScript } from "./script.ts";
import { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import { Terminal } from "./terminal.ts";
import { traceEvents } from "../monitor/trace.ts";

/** Do what the arguments ask for. Resolves with the process status; rejects with UsageError. */
export async function program(args: readonly string[]): Promise<number> {
  const request = parseArguments(args, manifest.version);
  if ("print" in request) {
    process.stdout.on("error", () => process.exit(0)); // whoever reads it has seen enough
    process.stdout.write(request.print);
    return 0;
  }
  return request.settings.dap ? serveDap(manifest.version) : runMachine(request.settings);
}

async function runMachine(settings: Settings): Promise<number> {
  const recording = openRecording(settings);
  const { machine, notes, close } = await buildMachine(settings, recording);
  try {
    for (const note of notes) process.stderr.write(`pagewalk: ${note}\n`);
    const { script } = settings;
    return await withRecording(settings, () => (script === undefined ? runBuilt(settings, machine, recording) : runScripted(settings, script, machine, recording)));
  } finally {
    close();
  }
}

/** Monitor commands from a file; what the guest prints goes between. */
async function runScripted(settings: Settings, file: string, machine: Machine, recording: Recording | null): Promise<number> {
  const lines = readScript(file);
  const terminal = new Terminal();
  machine.console.onOutput = (bytes) => terminal.write(bytes);
  let status: number | undefined;
  terminal.start({ onKeys: () => undefined, onEnd: (ended) => { status ??= ended; } }, { rawKeys: false });
  const say = (text: string): void => terminal.put(text);
  const kept = keepHistory(settings, machine, recording);
  const monitor = headless(machine, (text) => say(`${text}\n`), () => status !== undefined, kept.history);
  await runScript(monitor, file, lines, say, () => status !== undefined);
  kept.finish();
  await terminal.drained();
  return status ?? 0;
}

async function runBuilt(settings: Settings, machine: Machine, recording: Recording | null): Promise<number> {
  const trace = openTrace(settings);
  if (settings.trace.length > 0) traceEvents(machine, settings.trace, trace.add);

  const terminal = new Terminal();
  const interactive = settings.run === undefined;
  machine.console.onOutput = (bytes) => terminal.write(bytes);
  const attended = terminal.keyboard && interactive;
  if (settings.monitor && !attended) throw new UsageError("the monitor's prompt needs a terminal; monitor --script FILE does not");
  const debugged = settings.gdb !== undefined || settings.replay !== undefined;
  const unwatched = interactive || debugged ? null : new Unwatched();
  const lasting = unwatched !== null && machine.disks.some((d) => d?.lasting === true); // such a run cannot be made again
  const bare = !attended && !debugged && !lasting && settings.record === undefined;
  const kept = bare ? null : keepHistory(settings, machine, recording);
  const debug = kept === null ? null : debugging(machine, unwatched?.tell ?? ((text) => terminal.say(`${text}\n`)), kept.history);
  if (debug !== null && unwatched !== null) debug.monitor.explainer.most = 0;
  if (settings.wait || settings.monitor) debug?.monitor.control.halt();
  const prompt = debug === null || !attended ? null : new Prompt(debug.monitor, terminal, { quit: () => quit() });
  let replaying = recording !== null;
  const replayed = (): void => {
    replaying = false;
    if (!attended) session.end(0);
    else terminal.say(`pagewalk: ${machine.steps < recording!.end.steps ? "another future begins" : "the recording ends"} here; what is written to disks from now on is forgotten at the end\n`);
  };
  const session = new Session(machine, {
    realTime: interactive,
    reboot: settings.reboot,
    piped: terminal.keyboard || recording !== null ? null : new PipedInput(process.stdin),
    takePiped: interactive ? (bytes) => keys.take(bytes) : undefined, // what is piped to a command (run) is data
    keyboard: attended,
    between: () => {
      trace.flush();
      if (replaying && kept?.history.live === true) replayed();
      return terminal.drained();
    },
  }, debug?.monitor.control);
  /** The status with which a signal wants the program to end. */
  let ended: number | undefined;
  const quit = (): void => {
    terminal.say("pagewalk: quit\n");
    session.end(0);
  };
  const act = (action: Action): void => {
    if (action === "help") terminal.say(KEYS_HELP);
    else if (action === "monitor") prompt?.toggle();
    else quit();
  };
  const keys = new Keys((bytes) => { if (prompt?.open === true) prompt.take(bytes); else session.type(bytes); }, act);
  terminal.start({ onKeys: (bytes) => keys.take(bytes), onEnd: (status) => session.end(ended ??= status) }, { rawKeys: interactive });
  if (attended) terminal.say("pagewalk: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A c is the monitor\n");
  let gdb: GdbServer | null = null;
  try {
    if (debug !== null && settings.gdb !== undefined) gdb = await serveGdb(debug, settings.gdb, { say: (text) => terminal.say(`pagewalk: ${text}\n`), kill: () => session.end(0) });
    if (settings.monitor) prompt?.begin();
    const status = await session.run();
    kept?.finish();
    if (unwatched !== null && wantsExplanation(status, machine.console.text)) {
      const text = await (debug === null ? whyAfterwards(settings, machine, () => ended !== undefined) : unwatched.why(debug.monitor));
      if (text !== undefined) process.stderr.write(`\n${text}\n`);
    }
    return ended ?? status;
  } finally {
    prompt?.close();
    await gdb?.close();
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
