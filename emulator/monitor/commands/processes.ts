// ps, maps, bt, symbols: processes as the kernel knows them.

import { MonitorError, type Answer, type Command } from "../command.ts";
import { count, hex, plural, table } from "../format.ts";
import type { MapView, ObjectView, ProcessView } from "../kernel-view/kernel-view.ts";
import type { Monitor } from "../monitor.ts";
import { leaves } from "../page-table.ts";
import { spanOf } from "../pte.ts";
import { stackJson, stackOfHart, stackOfProcess, stackText, waitsIn } from "../stack.ts";

/** What the view found to be nonsense, as lines behind an answer. */
export const troubleLines = (m: Monitor): string[] => m.view.trouble().map((t) => `trouble: ${t}`);

const kib = (bytes: number | undefined): string => (bytes === undefined ? "-" : count(Math.floor(bytes / 1024)));

/** Where a process is, in a word or two: the function in which it sleeps, or the pc of its hart. */
function whereabouts(m: Monitor, p: ProcessView): string {
  if (p.hart !== undefined) {
    const h = m.machine.harts[p.hart];
    return h === undefined ? "" : m.naming.name(m.look.pc(h), m.look.present(h));
  }
  return p.kernel === undefined ? "" : waitsIn(m, p);
}

export const ps: Command = {
  name: "ps",
  usage: "ps",
  summary: "processes: state, hart, memory, page table, where they are",
  help: "SIZE is mapped address space and RES what is in memory, in KiB; ROOT the physical address of the root page table. What processes are\ndepends on the kernel: stats names the view in use.",
  family: "look",
  run(m, args) {
    args.end();
    const list = m.view.processes();
    const rows = list.map((p) => [String(p.pid), p.parent === undefined ? "-" : String(p.parent), p.state, p.hart === undefined ? "-" : String(p.hart), kib(p.size),
      p.resident === undefined ? "-" : count(p.resident * 4), p.root === undefined ? "-" : hex(p.root * 4096), p.name, whereabouts(m, p)]);
    const trouble = troubleLines(m);
    const text = list.length === 0 ? "no process is known yet" : table([["PID", "PPID", "STATE", "HART", "SIZE", "RES", "ROOT", "NAME", "IN"], ...rows], "rrlrrrl");
    return { text: [text, ...trouble].join("\n"), json: list.map((p) => ({ ...p, ...(p.root === undefined ? {} : { root: hex(p.root * 4096) }) })) };
  },
};

/** An object and what it hides, the one in front first. At most this many are written. */
const CHAIN = 16;

export function chainText(o: ObjectView | undefined): string {
  const parts: string[] = [];
  for (let at = o; at !== undefined && parts.length < CHAIN; at = at.shadow) {
    const kind = at.kind === "file" ? (at.file ?? "file") : "anonymous";
    parts.push(`${kind} ${hex(at.address)} (${plural(at.references, "ref")}, ${count(at.resident)} of ${count(at.pages)} in memory${at.swapped > 0 ? `, ${count(at.swapped)} on swap` : ""})`);
  }
  return parts.join(" <- hides ");
}

/** One piece of an address space in a line: "0x10000-0x20000 rw- private, anonymous, needs copy". */
export function mapText(x: MapView): string {
  return `${hex(x.start)}-${hex(x.end)} ${x.rights} ${x.shared ? "shared" : "private"}, ${[x.what, ...x.flags].join(", ")}`;
}

/** Number of pages that the page table shows in [start, end). */
function shownPages(m: Monitor, root: number | undefined, start: bigint, end: bigint): number {
  let n = 0;
  if (root !== undefined) for (const e of leaves(m.machine, root, BigInt.asUintN(39, start), BigInt.asUintN(39, end - 1n))) n += spanOf(e.level) / 4096;
  return n;
}

export const maps: Command = {
  name: "maps",
  usage: "maps [PID] [ADDR]",
  summary: "what a process has mapped, and where its pages come from",
  help: "A line for each entry of the map: range, rights, private or shared, what it is, and how many of its pages the page table shows now. Below\nit the chain of objects that its pages come from. With an address: the entry there, and where that page is. Example: maps 3 0x14000",
  family: "look",
  words: ["pid"],
  run(m, args) {
    const word = args.next();
    const pid = word === undefined ? m.view.current(m.look.hart().id)?.pid : m.look.number(word, "PID");
    if (pid === undefined) throw new MonitorError(`no process runs on hart ${m.hart}: give a PID`);
    const p = m.look.process(pid);
    if (args.left > 0) {
      const va = m.look.evaluate(args.rest());
      return pageAnswer(m, p, va);
    }
    args.end();
    const list = m.view.maps(pid);
    if (list === undefined) throw new MonitorError(`what pid ${pid} has mapped is not known (view: ${m.view.name})`);
    const lines = list.flatMap((x) => {
      const chain = chainText(x.object);
      return [`${mapText(x)}; ${plural(shownPages(m, p.root, x.start, x.end), "page")} of ${count((x.end - x.start) / 4096n)} in the page table`, ...(chain === "" ? [] : [`    ${chain}`])];
    });
    return { text: [`pid ${pid} ${p.name}`, ...(lines.length === 0 ? ["nothing is mapped"] : lines), ...troubleLines(m)].join("\n"), json: { pid, name: p.name, maps: list } };
  },
};

function pageAnswer(m: Monitor, p: ProcessView, va: bigint): Answer {
  const page = m.view.pageAt(p.pid, va);
  if (page === undefined) return { text: `pid ${p.pid} ${p.name} has nothing mapped at ${hex(va)}`, json: null };
  const lines = [mapText(page.map), `  page ${hex(va & ~4095n)}: ${page.text}`];
  const chain = chainText(page.map.object);
  if (chain !== "") lines.push(`  ${chain}`);
  return { text: [...lines, ...troubleLines(m)].join("\n"), json: page };
}

export const bt: Command = {
  name: "bt",
  aliases: ["backtrace", "where"],
  usage: "bt [PID | hartN]",
  summary: "the calls that led to where a hart is, or where a process waits",
  help: "Through inlined calls, through traps in the kernel, and from the kernel out into the program that called it. Example: bt 3",
  family: "look",
  words: ["pid", "'hart0'"],
  run(m, args) {
    const word = args.next();
    args.end();
    const hart = word === undefined ? m.hart : /^hart(\d+)$/.exec(word)?.[1];
    const frames = hart === undefined ? stackOfProcess(m, m.look.number(word!, "PID")) : stackOfHart(m, Number(hart));
    return { text: [stackText(frames), ...troubleLines(m)].join("\n"), json: stackJson(frames) };
  },
};

/** Symbols that one command lists. */
const LISTED = 200;

export const symbols: Command = {
  name: "symbols",
  aliases: ["symbol", "sym"],
  usage: "symbols [ADDR | PATTERN] [in PID]",
  summary: "what is known by name: at an address, or all that hold a text; and which programs",
  help: "Without a word: the programs whose symbols are in use. Example: symbols 0x8000e658, symbols pmap_, symbols main in 3",
  family: "look",
  words: ["symbol", "'in'"],
  run(m, args) {
    const where = args.after("in");
    const pid = where === undefined ? undefined : m.look.process(m.look.number(where, "PID")).pid;
    const word = args.next();
    args.end();
    const known = [...m.symbols.modules(pid ?? m.view.current(m.hart)?.pid), ...(m.symbols.kernel === undefined ? [] : [m.symbols.kernel])];
    if (word === undefined) {
      const text = known.map((s) => `${s.name}${s.bias === 0n ? "" : ` at ${hex(s.bias)}`}${s.hasDebug ? ", with lines and types" : ", names only"}`);
      return { text: known.length === 0 ? "no symbols are known" : text.join("\n"), json: known.map((s) => ({ name: s.name, bias: s.bias, debug: s.hasDebug })) };
    }
    if (/^(0x|\$|\*)/.test(word)) {
      const va = m.look.evaluate(word);
      const space = pid === undefined ? m.look.present() : m.look.space(String(pid));
      const place = m.naming.name(va, space) === "" && m.naming.kernelName(va) !== "" ? m.naming.kernelName(va) : m.naming.place(va, space);
      return { text: `${hex(va)} is ${place === hex(va) ? "not known by name" : place}`, json: { address: va, place } };
    }
    const found = known.flatMap((s) => [...s.symbols()].filter((n) => n.name.includes(word)).map((n) => ({ program: s.name, ...n }))).slice(0, LISTED + 1);
    if (found.length === 0) throw new MonitorError(`no symbol holds "${word}"`);
    const rows = found.slice(0, LISTED).map((n) => [hex(n.address, 8), String(n.size), n.kind, n.name, known.length > 1 ? n.program : ""]);
    return { text: table(rows, "lr") + (found.length > LISTED ? "\n… and more" : ""), json: found };
  },
};
