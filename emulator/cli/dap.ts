// `dap`: a debug client at standard input and output. What it wants to run, it says in the words of our own command line.
import { isAbsolute, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { DapAdapter } from "../dap/adapter.ts";
import type { DapHost, Debuggee } from "../dap/host.ts";
import { ProgramFiles, type ProgramFile } from "../monitor/symbols/program-files.ts";
import type { Symbols } from "../monitor/symbols/symbols.ts";
import { parseArguments } from "./arguments.ts";
import { buildMachine } from "./build.ts";
import { debugging, programs } from "./debugging.ts";
import { keepHistory, openRecording, withRecording } from "./recording.ts";
import { Session } from "./session.ts";
import type { Settings } from "./settings.ts";

/** Symbols of our own programs name their sources from here. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Serve a client until it goes. Resolves with the process status. */
export async function serveDap(version: string): Promise<number> {
  const adapter = new DapAdapter(new Host(version), (bytes) => { process.stdout.write(bytes); });
  process.stdout.on("error", () => adapter.close()); // the client is gone
  process.stdin.on("data", (bytes: Buffer) => adapter.receive(bytes));
  process.stdin.on("end", () => adapter.close());
  process.stdin.on("error", () => adapter.close());
  return await adapter.done;
}

class Host implements DapHost {
  readonly #version: string;
  /** What file names of symbols are relative to. */
  #sources = ROOT;

  constructor(version: string) {
    this.#version = version;
  }

  async launch(args: Readonly<Record<string, unknown>>): Promise<Debuggee> {
    const settings = settingsOf(args, this.#version);
    const sources = args["sourceRoot"];
    if (typeof sources === "string" && sources !== "") this.#sources = sources;
    return await launched(settings);
  }

  sourcePath(file: string): string {
    return isAbsolute(file) ? file : join(this.#sources, file);
  }

  sourceName(path: string): string {
    const below = isAbsolute(path) ? relative(this.#sources, path) : path;
    return (below.startsWith("..") || isAbsolute(below) ? path : below).split(sep).join("/");
  }
}

/** A launch request says `args`: what would follow "npm start --". */
function settingsOf(args: Readonly<Record<string, unknown>>, version: string): Settings {
  const words = args["args"] ?? [];
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) throw new Error('launch: "args" is a list of words, as after "npm start --"');
  const request = parseArguments(words, version);
  if ("print" in request) throw new Error("launch: --help and --version are not for here");
  const { settings } = request;
  if (settings.dap || settings.gdb !== undefined || settings.trace.length > 0) throw new Error("launch: dap, --gdb and --trace are not for here");
  return settings;
}

async function launched(settings: Settings): Promise<Debuggee> {
  const recording = openRecording(settings);
  const { machine, notes, close } = await buildMachine(settings, recording);
  const decoder = new TextDecoder();
  const { history, finish } = keepHistory(settings, machine, recording);
  const { monitor, changes } = debugging(machine, (text) => debuggee.onOutput(`${text}\n`), history);
  const session = new Session(machine, {
    realTime: settings.run === undefined, reboot: settings.reboot, piped: null, keyboard: true,
    between: async () => undefined,
  }, monitor.control);
  let end: (run: Promise<number>) => void = () => undefined;
  const ended = withRecording(settings, () => new Promise<number>((resolve) => { end = resolve; })).then((status) => {
    finish();
    return status;
  }).finally(close);
  const debuggee: Debuggee = {
    monitor, changes, ended, onOutput: () => undefined,
    start: () => {
      for (const note of notes) debuggee.onOutput(`pagewalk: ${note}\n`);
      end(session.run());
    },
    end: () => {
      session.end(0);
      end(Promise.resolve(0)); // if it has not been started
    },
    type: (text) => session.type(new TextEncoder().encode(text)),
    programsOf: programFinder(),
  };
  machine.console.onOutput = (bytes) => debuggee.onOutput(decoder.decode(bytes, { stream: true }));
  return debuggee;
}

/** Finds the programs that a source file was made into; each is looked into once, when a file of that kind is first asked for. */
function programFinder(): (file: string) => readonly Symbols[] {
  let all: Symbols[] | undefined;
  return (file) => {
    if (!/(^|\/)guest-user\//.test(file)) return [];
    all ??= allSymbols(programs());
    return all;
  };
}

function allSymbols(list: readonly ProgramFile[]): Symbols[] {
  const files = new ProgramFiles(list);
  return list.map((file) => files.symbols(file)).filter((symbols) => symbols?.hasDebug === true) as Symbols[];
}
