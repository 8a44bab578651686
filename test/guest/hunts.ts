// The hunts of docs/debugging-page-faults.md: what is typed at the monitor, and a run of it that makes the transcript.
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { BUGS, programFiles } from "./planted-bugs.ts";
import type { Planter } from "./planted.ts";
import { diskWith, explained } from "./why.ts";

export interface Hunt {
  readonly name: string;
  /** The planted bug of the kernel that it is about; undefined for our kernel as it is. */
  readonly bug?: string;
  /** Lines for the monitor. $1 stands for what the pattern of `find` found in all that was said so far. */
  readonly lines: readonly (string | { readonly line: string; readonly find: RegExp })[];
}

/** The moment of the fault that was explained last, and of the write that this names. */
const FAULT = /hart \d+ · (t=[\d,]+)/g;
const WRITE = /\[goto (t=[\d,]+)\]/g;

export const HUNTS: readonly Hunt[] = [
  { name: "null-pointer", lines: ['expect "$ "', "type nullptr", 'expect "$ "', { line: "goto $1", find: FAULT }, "bt", "last-write nothing"] },
  { name: "slow-stores", lines: ['expect "$ "', "type cowdemo 1", 'expect "child writes"', "why", { line: "goto $1", find: WRITE }, "bt"] },
  { name: "hang-at-boot", bug: "missing-u-bit", lines: ["step 20000000", "why", { line: "goto $1", find: WRITE }, "bt"] },
  { name: "stale-translation", bug: "forgotten-sfence", lines: [
    'expect "$ "', "type cowdemo", 'expect "$ "', "goto start", "alarm stale stop", "continue", { line: "goto $1", find: /on hart 0 at (t=[\d,]+\d)/g }, "bt",
  ] },
  { name: "parent-overwritten", bug: "copyout-without-cow", lines: [
    'expect "$ "', "type childpipe", 'expect "$ "', { line: "goto $1", find: FAULT }, "last-write 0x50000000", { line: "goto $1", find: WRITE }, "bt", "walk 0x50000000 as store in 5",
  ] },
];

/** Carry out a hunt: every line with what the monitor said, and what the guest's console showed meanwhile. */
export async function transcript(h: Hunt, planter: Planter | undefined): Promise<string> {
  const bug = BUGS.find((b) => b.name === h.bug);
  const kernel = bug === undefined ? undefined : await planter!.build(bug.edits);
  const m = await explained({ disk: diskWith(programFiles()) }, kernel);
  try {
    let text = "";
    for (const item of h.lines) text += await step(m, typeof item === "string" ? item : item.line.replace("$1", lastFound(item.find, text)));
    return text.trimEnd();
  } finally {
    m.close();
  }
}

/** The first group of the last match. */
function lastFound(pattern: RegExp, text: string): string {
  return [...text.matchAll(pattern)].map((x) => x[1]).findLast((x) => x !== undefined) ?? "nothing-was-found";
}

async function step(m: Monitor, line: string): Promise<string> {
  const { console } = m.machine;
  const from = console.text.length;
  const before = m.told.length;
  const { text } = await m.run(line);
  const shown = console.text.length > from ? console.text.slice(from).replace(/\r/g, "").replace(/^\n+|\n?\$ $/g, "") : "";
  const told = m.told.slice(before).filter((t) => !text.includes(t));
  const parts = [`(pagewalk) ${line}`, shown, ...told, text].filter((t) => t !== "");
  return `${parts.join("\n")}\n`;
}
