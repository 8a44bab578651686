// Where to stop: break, tbreak, watch, catch; and points, delete, enable, disable.

import type { CatchSpec, Point, PointOptions } from "../../history/stop-report.ts";
import { CSR } from "../../isa/csr-names.ts";
import { exceptionName, interruptName } from "../../hart/cause-names.ts";
import type { WalkReason } from "../../mmu/walk.ts";
import { MonitorError, type Answer, type Args, type Command } from "../command.ts";
import { count, hex, plural, table } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { pathTo } from "../page-table.ts";
import { accessOf } from "../pte.ts";
import { catchText } from "../stop-text.ts";

/** Take "if EXPRESSION" and "in PID" off the words; what they limit a point to. */
function limits(m: Monitor, args: Args): { options: PointOptions; pid: number | undefined } {
  const condition = args.tail("if");
  const where = args.after("in");
  const onHart = args.after("on");
  const pid = where === undefined ? undefined : m.look.number(where, "PID");
  if (pid !== undefined) m.look.process(pid);
  if (condition !== undefined) m.look.evaluate(condition); // says now what is wrong with it
  const { probe } = m.view;
  const tests: ((hart: number) => boolean)[] = [];
  let root: number | undefined;
  if (pid !== undefined && probe !== undefined) tests.push((hart) => probe.pidOf(hart) === pid);
  else if (pid !== undefined) root = m.look.space(String(pid)).root;
  if (condition !== undefined) tests.push((hart) => m.look.holds(condition, hart));
  const hart = onHart === undefined ? undefined : m.look.hart(m.look.number(onHart.replace(/^hart/, ""), "number of a hart")).id;
  return { pid, options: { ...(root === undefined ? {} : { root }), ...(hart === undefined ? {} : { hart }), ...(tests.length === 0 ? {} : { condition: (h: number) => tests.every((t) => t(h)) }) } };
}

function placeText(m: Monitor, p: Point): string {
  switch (p.place.kind) {
    case "breakpoint": return `breakpoint at ${hex(p.place.address)} ${m.naming.kernelName(p.place.address)}`.trimEnd();
    case "watchpoint": {
      const what = p.place.read ? (p.place.write ? "accesses of" : "reads of") : "writes of";
      return `watchpoint on ${what} ${plural(p.place.length, "byte")} at ${p.place.space} ${hex(p.place.start)}`;
    }
    case "catch": return `catch ${catchText(m, p.place.what)}`;
  }
}

function pointAnswer(m: Monitor, points: readonly Point[]): Answer {
  return { text: points.map((p) => `${p.id}: ${placeText(m, p)}${labelText(m, p)}`).join("\n"), json: points.map((p) => pointJson(m, p)) };
}

/** What its owner calls it, where that says more than its place. */
const labelText = (m: Monitor, p: Point): string => (p.options.label === undefined || placeText(m, p).endsWith(` ${p.options.label}`) ? "" : ` (${p.options.label})`);

const pointJson = (m: Monitor, p: Point): unknown => ({ id: p.id, place: p.place, enabled: p.enabled, hits: p.hits, label: p.options.label, temporary: p.options.temporary ?? false, text: placeText(m, p) });

function breakCommand(name: string, temporary: boolean, summary: string, aliases: readonly string[]): Command {
  return {
    name, aliases, usage: `${name} ADDR|FUNCTION|FILE:LINE [in PID] [on HART] [if EXPRESSION]`, summary,
    help: "The machine stops before the instruction there is executed: in every address space, unless \"in PID\" says otherwise. A function means its\nfirst instruction, when its arguments are still in $a0 and on. Example: break vm_fault if $a1 == 0x14000, break cowtest.c:41 in 7",
    family: "stop and go",
    words: ["symbol", "'in'", "'on'", "'if'"],
    run(m, args) {
      const { options, pid } = limits(m, args);
      const word = args.expression("an address");
      args.end();
      const addresses = m.look.places(word, pid);
      const label = /^[a-z_]\w*$/i.test(word) || word.includes(":") ? word : undefined;
      return pointAnswer(m, addresses.map((a) => m.debugger.break(a, { ...options, temporary, label })));
    },
  };
}

export const breakpoint = breakCommand("break", false, "stop before an instruction", ["b"]);
export const tbreak = breakCommand("tbreak", true, "stop before an instruction, once", ["tb"]);

/** Longest range that is watched byte by byte. */
const MOST_WATCHED = 2 ** 26;

export const watch: Command = {
  name: "watch",
  usage: "watch RANGE|ADDR [LENGTH] [read|write|access] [physical] [in PID] [on HART] [if EXPRESSION] | watch pte ADDR [in PID]",
  summary: "stop after memory, or a page-table entry, was written or read",
  help: "Eight bytes unless a range (START-END, START+LENGTH) or a length is given; writes unless \"read\" or \"access\". \"physical\": by physical\naddress, so whoever writes (other address spaces, devices, the walk that sets A and D). \"pte ADDR\": the entry that decides about a\nvirtual address now. Example: watch pte 0x14000 in 7",
  family: "stop and go",
  words: ["symbol", "'pte'", "'read'", "'write'", "'access'", "'physical'", "'in'", "'on'", "'if'"],
  run(m, args) {
    if (args.accept("pte")) return watchEntry(m, args);
    const { options } = limits(m, args);
    const physical = args.acceptAny("physical");
    const kind = (["read", "write", "access"] as const).find((k) => args.acceptAny(k)) ?? "write";
    const word = args.need("an address");
    const length = args.next();
    args.end();
    const [start, end] = /^[^-+]+[-+]/.test(word) && length === undefined ? m.look.range(word) : [m.look.evaluate(word), undefined];
    const bytes = end !== undefined ? Number(end - start) + 1 : length === undefined ? 8 : m.look.number(length, "number of bytes", MOST_WATCHED);
    if (bytes > MOST_WATCHED) throw new MonitorError(`${count(bytes)} bytes are too many to watch: at most ${count(MOST_WATCHED)}`);
    return pointAnswer(m, [m.debugger.watch({ space: physical ? "physical" : "virtual", start, length: bytes, read: kind !== "write", write: kind !== "read" }, options)]);
  },
};

/** The page-table entry that decides about an address: its physical address. Throws MonitorError. */
export function decidingEntry(m: Monitor, va: bigint, where: string | undefined): number {
  const space = where === undefined ? m.look.translated() : m.look.space(where);
  const entry = space.root === undefined ? undefined : pathTo(m.machine, space.root, va).at(-1);
  if (entry === undefined) throw new MonitorError(`there is no page-table entry for ${hex(va)} in ${space.name}`);
  return entry.address;
}

function watchEntry(m: Monitor, args: Args): Answer {
  const where = args.after("in");
  const va = m.look.evaluate(args.expression("an address"));
  args.end();
  const start = BigInt(decidingEntry(m, va, where));
  return pointAnswer(m, [m.debugger.watch({ space: "physical", start, length: 8, read: false, write: true }, { label: `entry for ${hex(va)}` })]);
}

/** What the kernel's functions say: catches by name that are breakpoints. */
const KERNEL_EVENTS = ["panic", "start", "exit", "signal"] as const;
const REASONS: readonly WalkReason[] = [
  "non-canonical", "pte-unreadable", "pte-unwritable", "invalid", "reserved-bits", "write-without-read", "no-leaf", "misaligned-superpage", "not-readable", "not-writable",
  "not-executable", "supervisor-page", "user-page", "user-page-fetch", "accessed-clear", "dirty-clear",
];

/** A cause by number or by (the beginning of) its name. */
function causeOf(m: Monitor, word: string, nameOf: (n: number) => string): number {
  if (/^\d/.test(word)) return m.look.number(word, "cause", 63);
  for (let n = 0; n < 16; n++) if (nameOf(n).startsWith(word)) return n;
  throw new MonitorError(`there is no cause "${word}"`);
}

function catchSpec(m: Monitor, kind: string, args: Args): CatchSpec {
  switch (kind) {
    case "fault": {
      let [why, access]: [WalkReason | undefined, ReturnType<typeof accessOf>] = [undefined, undefined];
      for (let w = args.next(); w !== undefined; w = args.next()) {
        if (accessOf(w) !== undefined) access = accessOf(w);
        else if ((REASONS as readonly string[]).includes(w)) why = w as WalkReason;
        else throw new MonitorError(`"${w}" is neither an access (load, store, fetch) nor a reason: ${REASONS.join(", ")}`);
      }
      return { kind: "page-fault", why, access };
    }
    case "syscall": {
      const word = args.next();
      const number = word === undefined ? undefined : /^\d/.test(word) ? m.look.number(word, "system call") : m.naming.systemCallNumber(word);
      if (word !== undefined && number === undefined) throw new MonitorError(`there is no system call ${word}`);
      return { kind: "syscall", number };
    }
    case "trap": return { kind: "trap", cause: args.left === 0 ? undefined : causeOf(m, args.rest(), exceptionName) };
    case "interrupt": return { kind: "interrupt", cause: args.left === 0 ? undefined : causeOf(m, args.rest(), interruptName) };
    case "csr": {
      const name = args.need("the name of a CSR");
      if (!Object.hasOwn(CSR, name)) throw new MonitorError(`there is no CSR ${name}`);
      return { kind: "csr", csr: CSR[name]! };
    }
    default:
      throw new MonitorError(`"${kind}" cannot be caught: fault, syscall, trap, interrupt, csr, ${KERNEL_EVENTS.join(", ")}`);
  }
}

export const catchCommand: Command = {
  name: "catch",
  usage: "catch fault [load|store|fetch] [REASON] | syscall [NAME] | trap [CAUSE] | interrupt [CAUSE] | csr NAME | panic | start | exit | signal; then [in PID] [on HART] [if EXPRESSION]",
  summary: "stop at a fault, a system call, a trap, a CSR's write, a panic, a process's start or end, a signal",
  help: `Reasons of faults: ${REASONS.slice(0, 8).join(", ")},\n${REASONS.slice(8).join(", ")}. panic, start, exit and signal are breakpoints\nat the kernel's functions for these. Example: catch fault store not-writable in 7`,
  family: "stop and go",
  words: ["'fault'", "'syscall'", "'trap'", "'interrupt'", "'csr'", "'panic'", "'start'", "'exit'", "'signal'", "'in'", "'on'", "'if'"],
  run(m, args) {
    const { options } = limits(m, args);
    const kind = args.need("what to catch");
    const event = KERNEL_EVENTS.find((k) => k === kind);
    if (event !== undefined) {
      args.end();
      const symbol = m.view.hooks[event];
      const address = symbol === undefined ? undefined : m.naming.kernel?.addressOf(symbol);
      if (address === undefined) throw new MonitorError(`where this kernel does that is not known (view: ${m.view.name})`);
      return pointAnswer(m, [m.debugger.break(address, { ...options, label: event })]);
    }
    const what = catchSpec(m, kind, args);
    args.end();
    return pointAnswer(m, [m.debugger.catch(what, options)]);
  },
};

export const points: Command = {
  name: "points",
  aliases: ["info"],
  usage: "points",
  summary: "breakpoints, watchpoints and catches, and how often each was met",
  help: "A point that is off is in brackets.",
  family: "stop and go",
  run(m, args) {
    args.accept("break");
    args.accept("breakpoints");
    args.end();
    const { list } = m.debugger.points;
    const rows = list.map((p) => [p.enabled ? `${p.id}` : `(${p.id})`, placeText(m, p) + labelText(m, p), p.options.temporary === true ? "once" : "", `met ${plural(p.hits, "time")}`]);
    return { text: list.length === 0 ? "there are none" : table(rows, "r"), json: list.map((p) => pointJson(m, p)) };
  },
};

/** The points that words name; all of them for none. Throws MonitorError for a number that is not there. */
function named(m: Monitor, args: Args): number[] {
  const ids: number[] = [];
  for (let w = args.next(); w !== undefined; w = args.next()) ids.push(m.look.number(w, "number of a point"));
  for (const id of ids) if (m.debugger.points.get(id) === undefined) throw new MonitorError(`there is no point ${id}; points lists them`);
  return ids.length > 0 ? ids : m.debugger.points.list.map((p) => p.id);
}

function change(name: string, aliases: readonly string[], summary: string, does: (m: Monitor, id: number) => void): Command {
  return {
    name, aliases, usage: `${name} [NUMBER …]`, summary, help: "Without a number: all.", family: "stop and go",
    run(m, args) {
      const ids = named(m, args);
      args.end();
      for (const id of ids) does(m, id);
      return { text: "", json: ids };
    },
  };
}

export const deletePoints = change("delete", ["d"], "remove points", (m, id) => m.debugger.points.remove(id));
export const enablePoints = change("enable", [], "switch points on", (m, id) => m.debugger.points.enable(id, true));
export const disablePoints = change("disable", [], "switch points off", (m, id) => m.debugger.points.enable(id, false));
