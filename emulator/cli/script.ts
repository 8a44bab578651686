// pagewalk monitor --script FILE: monitor commands from a file, one a line, carried out on a machine that nobody watches.
import { readFileSync } from "node:fs";
import type { Monitor } from "../monitor/monitor.ts";
import { hostReason, UsageError } from "./errors.ts";

/** The commands in a file ("-": standard input), without blank lines and lines that begin with #. Throws UsageError. */
export function readScript(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (e) {
    throw new UsageError(`--script ${file}: ${hostReason(e)}`);
  }
  return text.split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line));
}

/**
 * Carry out the commands in order, each shown before what it says. Rejects with UsageError at the first that cannot be
 * done. `write` takes text for the person; `over` says that the program shall end.
 */
export async function runScript(monitor: Monitor, file: string, lines: readonly string[], write: (text: string) => void, over: () => boolean): Promise<void> {
  for (const line of lines) {
    if (over()) return;
    write(`(pagewalk) ${line}\n`);
    if (/^\s*(quit|exit|q)\s*$/.test(line)) return;
    const { ok, text } = await monitor.run(line);
    if (!ok) throw new UsageError(`--script ${file}: ${line.trim()}: ${text}`);
    if (text !== "") write(text.endsWith("\n") ? text : `${text}\n`);
  }
}
