// pt, walk: page tables as they stand, and as the hardware would go through them.

import { LOAD, type Privilege } from "../../mmu/walk.ts";
import { MonitorError, type Answer, type Command } from "../command.ts";
import { count, hex, plural } from "../format.ts";
import type { Space } from "../look.ts";
import type { Monitor } from "../monitor.ts";
import { entryJson, explainWalk, tree, walkJson, walkText, type Entry, type Visit } from "../page-table.ts";
import { LEVEL_SIZES, MODE_NAMES, accessOf, extraBits, flagLetters, leadsTo, spanOf, targetOf } from "../pte.ts";

/** Lines that `pt` shows unless told --all. */
const LINES = 400;

/** Entries that go on where the one before ended: same bits (frames aside), next address, next frame. */
interface Run {
  readonly first: Visit;
  last: Entry;
  length: number;
}

/** The entries of a tree, with neighbours that differ by nothing but their place put together (unless `all`). */
export function* runs(visits: Iterable<Visit>, all: boolean): Generator<Run> {
  let run: Run | undefined;
  for (const v of visits) {
    const { entry } = v;
    if (run !== undefined && !all && follows(run, v)) {
      run.last = entry;
      run.length++;
      continue;
    }
    if (run !== undefined) yield run;
    run = { first: v, last: entry, length: 1 };
  }
  if (run !== undefined) yield run;
}

function follows(run: Run, { entry }: Visit): boolean {
  const { last } = run;
  if (entry.kind !== "leaf" || last.kind !== "leaf" || entry.level !== last.level || entry.va !== last.va + BigInt(spanOf(last.level))) return false;
  return entry.raw === last.raw + (BigInt(spanOf(last.level) / 4096) << 10n);
}

const SKIPPED = { "": "", again: " (shown above)", "no memory": " (no memory is there)" } as const;

function runText(run: Run): string {
  const { entry, skipped } = run.first;
  const depth = "  ".repeat(3 - entry.level);
  const end = run.last.va + BigInt(spanOf(run.last.level)) - 1n;
  const index = run.length === 1 ? `[${entry.index}]` : `[${entry.index}-${run.last.index}]`;
  const to = run.length === 1 ? leadsTo(entry.raw, entry.level) : `${count(run.length)} ${entry.level === 0 ? "frames" : "superpages"} from ${hex(targetOf(entry.raw))}`;
  const what = `${flagLetters(entry.raw)}${extraBits(entry.raw)} -> ${to}${SKIPPED[skipped]}`;
  return `${(depth + index).padEnd(16)} ${hex(entry.va, 10)}-${hex(end, 10)}  ${hex(entry.address)}: ${hex(entry.raw, 8)} ${what}`;
}

/** What stands in a page table: counts by kind and level. */
function summary(entries: Iterable<Visit>): { tables: number; pages: [number, number, number]; leftovers: number; bad: number; user: number } {
  const s = { tables: 1, pages: [0, 0, 0] as [number, number, number], leftovers: 0, bad: 0, user: 0 };
  for (const { entry, skipped } of entries) {
    if (entry.kind === "table" && skipped === "") s.tables++;
    if (entry.kind === "leaf") s.pages[entry.level]!++;
    if (entry.kind === "leaf" && (entry.raw & 16n) !== 0n) s.user += spanOf(entry.level) / 4096;
    if (entry.kind === "leftover") s.leftovers++;
    if (entry.kind === "bad") s.bad++;
  }
  return s;
}

/** The words that `pt`, `walk` and others begin with: a space, else the one the hart's satp names. */
export const spaceOf = (m: Monitor, word: string | undefined): Space => (word === undefined ? m.look.translated() : m.look.space(word));

function pageTable(m: Monitor, space: Space, from: bigint, to: bigint, all: boolean): Answer {
  const { root } = space;
  if (root === undefined) throw new MonitorError("physical addresses have no page table");
  const low = BigInt.asUintN(39, from);
  const high = BigInt.asUintN(39, to);
  const visits = [...tree(m.machine, root, low, high)];
  const s = summary(visits);
  const lines: string[] = [];
  for (const run of runs(visits, all)) lines.push(runText(run));
  const cut = !all && lines.length > LINES;
  const shown = cut ? lines.slice(0, LINES) : lines;
  const pages = s.pages.map((n, level) => (n === 0 ? "" : `${plural(n, "page")} of ${LEVEL_SIZES[level]}`)).filter((t) => t !== "");
  const totals = [plural(s.tables, "table"), ...pages, ...(s.leftovers > 0 ? [`${plural(s.leftovers, "entry", "entries")} with V=0 but not zero`] : []),
    ...(s.bad > 0 ? [`${plural(s.bad, "entry", "entries")} that break the rules`] : [])].join(", ");
  const asid = space.asid === undefined ? "" : `, ASID ${space.asid}`;
  return {
    text: [`page table of ${space.name}: root ${hex(root * 4096)}${asid}`, ...shown, ...(cut ? [`… and ${count(lines.length - LINES)} lines more: give a range, or --all`] : []), totals].join("\n"),
    json: { space: space.name, root: hex(root * 4096), entries: visits.map(({ entry, skipped }) => ({ ...(entryJson(entry) as object), ...(skipped === "" ? {} : { skipped }) })), totals: s },
  };
}

export const pt: Command = {
  name: "pt",
  aliases: ["pagetable"],
  usage: "pt [PID|kernel|satp=VALUE] [RANGE] [--all]",
  summary: "a page table as a tree, with all bits",
  help: "Every entry that is not zero, valid or not, at each level: virtual range, physical address of the entry, the entry, its bits (V R W X U G\nA D, then sw= for the two software bits, high= for bits 63:54), and where it leads. Neighbours that differ by nothing but their place\nare one line, unless --all. RANGE is START-END or START+LENGTH. Example: pt 3 0x10000-0x20000",
  family: "look",
  words: ["pid"],
  run(m, args) {
    const all = args.flag("--all");
    const space = spaceOf(m, m.look.isSpace(args.peek) ? args.next() : undefined);
    const range = args.left === 0 ? undefined : args.rest();
    args.end();
    const [from, to] = range === undefined ? [0n, 2n ** 39n - 1n] : m.look.range(range);
    return pageTable(m, space, from, to, all);
  },
};

/** Words for the privilege of an access. */
const MODES: Readonly<Record<string, Privilege>> = { user: 0, u: 0, supervisor: 1, s: 1 };

export const walk: Command = {
  name: "walk",
  usage: "walk ADDR [as load|store|fetch] [in PID|kernel|satp=VALUE] [from user|supervisor]",
  summary: "how the hardware would translate an address, and which rule decides",
  help: "Each entry with its address and bits; then the physical address, or the rule of Sv39 that refuses. Nothing is changed: no TLB is asked\nor filled, no A or D bit set. Example: walk 0x14000 as store in 7",
  family: "look",
  words: ["symbol", "'as'", "'in'", "'from'", "'load'", "'store'", "'fetch'", "'user'", "'supervisor'"],
  run(m, args) {
    const accessWord = args.after("as");
    const access = accessWord === undefined ? LOAD : accessOf(accessWord);
    if (access === undefined) throw new MonitorError(`"${accessWord}" is no access: load, store or fetch`);
    const where = args.after("in");
    const mode = args.after("from");
    const va = m.look.evaluate(args.expression("an address"));
    args.end();
    const h = m.look.hart();
    const space = spaceOf(m, where);
    if (space.root === undefined) return { text: `${hex(va)} is a physical address already`, json: { pa: va } };
    const privilege = mode === undefined ? space.privilege : MODES[mode];
    if (privilege === undefined) throw new MonitorError(`"${mode}" is no mode: user or supervisor`);
    const status = m.machine.inspect.csr(h.id, "sstatus");
    const report = explainWalk(m.machine, { hart: h, root: space.root, va, access, privilege, sum: (status & (1n << 18n)) !== 0n, mxr: (status & (1n << 19n)) !== 0n });
    const head = `${accessOf(accessWord ?? "load") === access ? (accessWord ?? "load") : ""} of ${hex(va)} in ${space.name}, ${MODE_NAMES[privilege]} mode`;
    return { text: `${head}\n${walkText(report).replace(/^/gm, "  ")}`, json: { space: space.name, ...(walkJson(report) as object) } };
  },
};
