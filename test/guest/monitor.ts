// A monitor on the real kernel, with all symbols, for tests.
import { readFileSync } from "node:fs";
import { programs } from "../../emulator/cli/debugging.ts";
import type { Machine } from "../../emulator/index.ts";
import { Monitor } from "../../emulator/monitor/monitor.ts";
import { ProgramFiles } from "../../emulator/monitor/symbols/program-files.ts";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { KERNEL, machine, shell } from "./support.ts";

const kernel = Symbols.fromElf(new Uint8Array(readFileSync(KERNEL)), { name: "kernel" });
const files = new ProgramFiles(programs());

/** A monitor around a machine. */
export const monitorOf = (m: Machine): Monitor => new Monitor(m, { kernel, files });

/** At the shell's prompt, with a monitor that has been there since power-on. */
export async function monitored(options: Parameters<typeof machine>[0] = {}): Promise<Monitor> {
  const m = await machine(options);
  const monitor = monitorOf(m);
  if (!m.runUntil("\n$ ")) throw new Error(`no prompt:\n${m.console.text.slice(-2000)}`);
  return monitor;
}

/** What a command says. Throws when it fails. */
export async function say(m: Monitor, line: string): Promise<string> {
  const { ok, text } = await m.run(line);
  if (!ok) throw new Error(`${line}: ${text}`);
  return text;
}

/** The data of a command. */
export async function data<T>(m: Monitor, line: string): Promise<T> {
  const { ok, text, json } = await m.run(line);
  if (!ok) throw new Error(`${line}: ${text}`);
  return json as T;
}

/** A command of the guest's shell, to its end. */
export const type = (m: Monitor, line: string): string => shell(m.machine, line);

/** Process number of the shell. */
export const shellPid = (m: Monitor): number => m.view.processes().find((p) => p.name === "sh")!.pid;
