// goto, history, last-write, diff: other moments.

import { MonitorError, type Args, type Command } from "../command.ts";
import { count, hex, plural, seconds } from "../format.ts";
import type { MapView } from "../kernel-view/kernel-view.ts";
import type { Space } from "../look.ts";
import type { Monitor } from "../monitor.ts";
import { leaves, type Entry } from "../page-table.ts";
import { at, checkReach, lastWrite, timelineOf, writeText } from "../past.ts";
import { extraBits, flagLetters, spanOf, targetOf } from "../pte.ts";
import { whereText } from "../stop-text.ts";
import { decidingEntry } from "./points.ts";
import { mapText } from "./processes.ts";

export const gotoTime: Command = {
  name: "goto",
  usage: "goto TIME | +STEPS | -STEPS | start | end",
  summary: "go to a moment, back or forward, within history",
  help: "A time is the number of steps that all harts together have taken, as every stop and the list of faults show it: just before that step.\nWhat comes after stays known until something is typed or changed there. Example: goto t=18,163,489, goto -1000",
  family: "go back",
  words: ["'start'", "'end'"],
  run(m, args) {
    const word = args.need("a time");
    args.end();
    const timeline = timelineOf(m);
    const { steps } = timeline.position;
    const [, sign, distance] = /^([-+])(.+)$/.exec(word) ?? [];
    const to = word === "start" ? timeline.start : word === "end" ? timeline.end
      : sign !== undefined ? steps + (sign === "-" ? -1 : 1) * m.look.number(distance!, "number of steps") : m.look.moment(word);
    if (typeof to === "number") checkReach(timeline, to);
    m.control.halt();
    timeline.goTo(to);
    m.symbols.forget();
    const h = m.look.hart();
    const pc = m.look.pc(h);
    return { text: `${whereText(m, h.id, m.machine.steps)}: ${m.naming.place(pc, m.look.present(h))}`, json: { moment: m.machine.steps, ns: m.machine.now, hart: h.id, pc } };
  },
};

export const history: Command = {
  name: "history",
  usage: "history",
  summary: "how far back history reaches, and where in it we are",
  help: "Times are numbers of steps.",
  family: "go back",
  run(m, args) {
    args.end();
    const { start, end, position } = timelineOf(m);
    const past = end.steps - position.steps;
    return {
      text: `history reaches from t=${count(start.steps)} (${seconds(start.now)}) to t=${count(end.steps)} (${seconds(end.now)}); here is t=${count(position.steps)}${past === 0 ? ", the present" : `, ${plural(past, "step")} before its end`}`,
      json: { start, end, position },
    };
  },
};

export const lastWriteCommand: Command = {
  name: "last-write",
  aliases: ["lastwrite"],
  usage: "last-write ADDR [LENGTH] [physical] [in PID] | last-write pte ADDR [in PID]",
  summary: "the instruction that last wrote memory, or a page-table entry",
  help: "Eight bytes unless a length is given. \"pte ADDR\": the entry that decides about a virtual address. Example: last-write pte 0x14000 in 7",
  family: "go back",
  words: ["symbol", "'pte'", "'physical'", "'in'"],
  run(m, args) {
    const { what, pa, bytes } = wanted(m, args);
    const found = lastWrite(m, pa, bytes);
    if (found === undefined) return { text: `${what} was not written since history begins (t=${count(timelineOf(m).start.steps)})`, json: null };
    const ago = m.machine.steps - found.moment;
    return {
      text: `${what} was last ${writeText(m, found)}, ${plural(ago, "step")} ago   [goto t=${count(found.moment)}]`,
      json: { ...found, pa: hex(pa), place: found.hart === null ? null : m.naming.kernelName(found.pc) },
    };
  },
};

/** What `last-write` is about: in words, and where it lies. */
function wanted(m: Monitor, args: Args): { what: string; pa: number; bytes: number } {
  const where = args.after("in");
  if (args.accept("pte")) {
    const va = m.look.evaluate(args.expression("an address"));
    const pa = decidingEntry(m, va, where);
    return { what: `the entry ${hex(pa)} for ${hex(va)}`, pa, bytes: 8 };
  }
  const physical = args.acceptAny("physical");
  const va = m.look.evaluate(args.need("an address"));
  const length = args.next();
  args.end();
  const bytes = length === undefined ? 8 : m.look.number(length, "number of bytes", 2 ** 20);
  const space = m.look.space(physical ? "physical" : where);
  const pa = m.look.physical(space, va);
  if (pa === undefined || bytes === 0) throw new MonitorError(`nothing is mapped at ${hex(va)} in ${space.name}`);
  return { what: space.root === undefined ? `physical ${hex(va)}` : `${hex(va)} (physical ${hex(pa)})`, pa, bytes };
}

/** An address space at one moment. */
interface Picture {
  readonly leaves: ReadonlyMap<bigint, Entry>;
  readonly maps: ReadonlyMap<string, MapView>;
}

function picture(m: Monitor, word: string | undefined): Picture | undefined {
  let space: Space;
  try {
    space = word === undefined ? m.look.translated() : m.look.space(word);
  } catch (e) {
    if (e instanceof MonitorError) return undefined;
    throw e;
  }
  const found = new Map<bigint, Entry>();
  if (space.root !== undefined) for (const e of leaves(m.machine, space.root)) found.set(e.va, e);
  const maps = space.pid === undefined ? [] : (m.view.maps(space.pid) ?? []);
  return { leaves: found, maps: new Map(maps.map((x) => [mapText(x), x])) };
}

/** One difference in a page table, and how many neighbours have it in the same way. */
interface Difference {
  readonly va: bigint;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
  pages: number;
}

const spanAt = (d: Difference): bigint => BigInt(spanOf((d.after ?? d.before)!.level));

function differences(a: Picture, b: Picture): Difference[] {
  const out: Difference[] = [];
  for (const va of [...new Set([...a.leaves.keys(), ...b.leaves.keys()])].sort((x, y) => (x < y ? -1 : 1))) {
    const [before, after] = [a.leaves.get(va), b.leaves.get(va)];
    if (before?.raw === after?.raw && before?.level === after?.level) continue;
    const last = out.at(-1);
    const d: Difference = { va, before, after, pages: 1 };
    if (last !== undefined && last.va + BigInt(last.pages) * spanAt(last) === va && alike(last, d)) last.pages++;
    else out.push(d);
  }
  return out;
}

const flagsOf = (e: Entry | undefined): string => (e === undefined ? "" : flagLetters(e.raw) + extraBits(e.raw) + e.level);
const moved = (d: Difference): boolean => d.before !== undefined && d.after !== undefined && targetOf(d.before.raw) !== targetOf(d.after.raw);
const alike = (a: Difference, b: Difference): boolean => flagsOf(a.before) === flagsOf(b.before) && flagsOf(a.after) === flagsOf(b.after) && moved(a) === moved(b);

function differenceText(d: Difference): string {
  const range = `${hex(d.va)}-${hex(d.va + BigInt(d.pages) * spanAt(d))}`;
  const side = (e: Entry | undefined): string => (e === undefined ? "nothing" : `${flagLetters(e.raw)}${extraBits(e.raw)}${d.pages === 1 ? ` frame ${hex(targetOf(e.raw))}` : ""}`);
  const how = d.before === undefined ? "mapped" : d.after === undefined ? "no longer mapped" : moved(d) ? "other frame" : "changed";
  return `  ${range} ${how}: ${side(d.before)} -> ${side(d.after)}${d.pages > 1 ? `, ${plural(d.pages, "page")}` : ""}`;
}

export const diff: Command = {
  name: "diff",
  usage: "diff TIME TIME [PID|kernel|satp=VALUE]",
  summary: "what changed in a page table and a map between two moments",
  help: "Without an address space: the one that the hart's satp names now. \"now\" is a time, too. Example: diff 18,163,489 now 7",
  family: "go back",
  words: ["'now'", "pid"],
  run(m, args) {
    const time = (word: string): number => (word === "now" ? m.machine.steps : m.look.moment(word));
    const [t1, t2] = [time(args.need("a time")), time(args.need("a second time"))];
    const word = args.next() ?? `root=${hex((m.look.translated().root ?? 0) * 4096)}`;
    args.end();
    const a = at(m, t1, () => picture(m, word));
    const b = at(m, t2, () => picture(m, word));
    if (a === undefined && b === undefined) throw new MonitorError(`there was no ${word} at either time`);
    const none: Picture = { leaves: new Map(), maps: new Map() };
    const [x, y] = [a ?? none, b ?? none];
    const entries = differences(x, y);
    const gone = [...x.maps.keys()].filter((k) => !y.maps.has(k));
    const come = [...y.maps.keys()].filter((k) => !x.maps.has(k));
    const lines = [
      ...(a === undefined ? [`at t=${count(t1)} it did not exist`] : []), ...(b === undefined ? [`at t=${count(t2)} it did not exist`] : []),
      ...(entries.length > 0 ? ["page table:", ...entries.map(differenceText)] : []),
      ...(gone.length + come.length > 0 ? ["map:", ...gone.map((k) => `  - ${k}`), ...come.map((k) => `  + ${k}`)] : []),
    ];
    return {
      text: lines.length === 0 ? `nothing in ${word} changed between t=${count(t1)} and t=${count(t2)}` : lines.join("\n"),
      json: { from: t1, to: t2, entries: entries.map((d) => ({ va: d.va, pages: d.pages, before: d.before?.raw ?? null, after: d.after?.raw ?? null })), gone, come },
    };
  },
};
