// faults: the log of page faults as a timeline, and by kind.

import type { Command } from "../command.ts";
import type { Fault } from "../fault-log.ts";
import { count, hex, plural, table } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { MODE_NAMES, accessName } from "../pte.ts";

/** Lines of the timeline unless told --all. */
const LINES = 40;

/** What an outcome's name means. */
const OUTCOMES: Readonly<Record<string, string>> = {
  pending: "has not returned", elsewhere: "went on elsewhere", returned: "returned", mapped: "mapped", copied: "copied", granted: "more rights",
  zero: "zero-filled", cow_copy: "copied", cow_reuse: "taken back (nobody else used it)", file: "from the file", swap: "swapped in", map: "entered (was in memory)",
  refused: "refused",
};
export const outcomeText = (outcome: string): string => OUTCOMES[outcome] ?? outcome;

/** Name of the process that was at fault: its own if it still exists, the kernel's word otherwise. */
export function culprit(m: Monitor, f: Fault): string {
  const process = f.pid === 0 ? undefined : m.view.process(f.pid);
  if (f.privilege !== 0) return f.pid === 0 ? "kernel" : `kernel, for pid ${f.pid}`;
  return f.pid === 0 ? `satp ${hex(f.satp)}` : `pid ${f.pid}${process === undefined ? "" : ` ${process.name}`}`;
}

/** The part of the map that a fault concerned, if it is still there: "heap", "stack". */
const region = (m: Monitor, f: Fault): string => (f.pid === 0 ? "" : (m.view.maps(f.pid)?.find((x) => f.va >= x.start && f.va < x.end)?.what ?? ""));

export const faultJson = (f: Fault): unknown => ({
  moment: f.moment, hart: f.hart, pid: f.pid, access: accessName(f.access), mode: MODE_NAMES[f.privilege], va: f.va, pc: f.pc, satp: f.satp,
  reason: f.reason, level: f.level, pte: f.pte, outcome: f.outcome, cost: f.cost ?? null,
});

export const faults: Command = {
  name: "faults",
  usage: "faults [PID] [--all]",
  summary: "page faults so far: how many of which kind, what each cost, and the latest",
  help: "The cost is in steps of all harts, from the fault to the instruction that is run again. The kernel's own counters name the outcome where it\nkeeps any; else what the page table shows afterwards. The latest 32,768 faults are kept. Example: faults 3",
  family: "look",
  words: ["pid"],
  run(m, args) {
    const all = args.flag("--all");
    const word = args.next();
    args.end();
    const pid = word === undefined ? undefined : m.look.number(word, "PID");
    const list: Fault[] = [];
    for (const f of m.faults.backwards(m.machine.moment)) if (pid === undefined || f.pid === pid) list.push(f);
    if (list.length === 0) return { text: pid === undefined ? "no page fault so far" : `pid ${pid} has had no page fault`, json: { faults: [], kinds: [] } };
    const kinds = new Map<string, { n: number; cost: number; returned: number; most: number }>();
    for (const f of list) {
      const k = kinds.get(f.outcome) ?? { n: 0, cost: 0, returned: 0, most: 0 };
      kinds.set(f.outcome, k);
      k.n++;
      if (f.cost === undefined) continue;
      k.cost += f.cost;
      k.returned++;
      k.most = Math.max(k.most, f.cost);
    }
    const byKind = [...kinds].sort((a, b) => b[1].n - a[1].n);
    const shown = (all ? list : list.slice(0, LINES)).reverse();
    const rows = shown.map((f) => [`t=${count(f.moment)}`, culprit(m, f), accessName(f.access), hex(f.va), f.reason, outcomeText(f.outcome), f.cost === undefined ? "" : count(f.cost),
      [region(m, f), faultPlace(m, f)].filter((t) => t !== "").join(", at ")]);
    const text = [
      `${plural(list.length, "page fault")}${pid === undefined ? "" : ` of pid ${pid}`}${m.faults.first > 0 ? " (older ones are forgotten)" : ""}`,
      table([["  KIND", "NUMBER", "MEAN COST", "MOST"], ...byKind.map(([kind, k]) => [`  ${outcomeText(kind)}`, count(k.n), k.returned === 0 ? "-" : count(Math.round(k.cost / k.returned)), k.returned === 0 ? "-" : count(k.most)])], "lrrr"),
      ...(shown.length < list.length ? [`the latest ${LINES} (--all shows each):`] : []),
      table([["TIME", "WHO", "ACCESS", "ADDRESS", "WHY", "OUTCOME", "COST", "WHERE"], ...rows], "rlllllr"),
    ];
    return { text: text.join("\n"), json: { faults: list.map(faultJson), kinds: byKind.map(([kind, { n, cost, most }]) => ({ kind, number: n, cost, most })) } };
  },
};

function faultPlace(m: Monitor, f: Fault): string {
  if (f.privilege !== 0) return m.naming.kernelName(f.pc);
  return f.pid === 0 || m.view.process(f.pid)?.root === undefined ? hex(f.pc) : m.naming.name(f.pc, m.look.space(String(f.pid))) || hex(f.pc);
}
