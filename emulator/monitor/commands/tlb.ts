// tlb: what the TLBs hold, and how often they were hit.

import { wide } from "../../events.ts";
import { TLB_WITHHELD } from "../../hart/layout.ts";
import type { Hart } from "../../hart/hart.ts";
import { decode } from "../../isa/decode.ts";
import { expand } from "../../isa/rvc.ts";
import { INSTRUCTIONS } from "../../isa/table.ts";
import { FETCH } from "../../mmu/walk.ts";
import type { Answer, Command } from "../command.ts";
import { count, hex, plural, table } from "../format.ts";
import { satpParts } from "../kernel-view/hardware.ts";
import type { Monitor } from "../monitor.ts";
import { canonical, lookUp } from "../page-table.ts";
import { timelineOf } from "../past.ts";

/** Lines that are shown unless told --all. */
const LINES = 60;

/** A page that a hart's TLBs hold: which accesses, and whether the page table still says the same. */
interface Cached {
  readonly hart: number;
  readonly kind: number;
  readonly satp: bigint;
  readonly va: bigint;
  readonly pa: number;
  rights: string;
  withheld: boolean;
  readonly stale: string;
}

/** The modes that a TLB set's `kind` stands for (mmu.ts: 0 machine, else 1 + privilege + 2 for SUM + 4 for MXR). */
function kindText(kind: number): string {
  if (kind === 0) return "physical";
  const bits = kind - 1;
  return `${(bits & 1) !== 0 ? "S" : "U"}${(bits & 2) !== 0 ? "+SUM" : ""}${(bits & 4) !== 0 ? "+MXR" : ""}`;
}

/** What a hart has cached, by address. */
export function cachedPages(m: Monitor, h: Hart): Cached[] {
  const pages = new Map<string, Cached>();
  const w = h.words;
  for (const e of h.mmu.tlb.entries()) {
    const va = wide(w[e.index]! & -4096, w[e.index + 1]!);
    const satp = e.kind === 0 ? 0n : wide(e.satpLo, e.satpHi);
    const key = `${e.set}/${va}`;
    const pa = (w[e.index + 3]! >>> 0) * 4096;
    const found = pages.get(key) ?? { hart: h.id, kind: e.kind, satp, va, pa, rights: "---", withheld: false, stale: staleness(m, satp, va, pa) };
    found.rights = [..."rwx"].map((l, i) => (i === e.access ? l : found.rights[i]!)).join("");
    if ((w[e.index]! & TLB_WITHHELD) !== 0) found.withheld = true;
    pages.set(key, found);
  }
  return [...pages.values()].sort((a, b) => (a.satp === b.satp ? (a.va < b.va ? -1 : 1) : a.satp < b.satp ? -1 : 1));
}

/** Pages that go on where the one before ended, with the same rights, as one. */
function neighbours(pages: readonly Cached[]): { page: Cached; pages: number }[] {
  const out: { page: Cached; pages: number }[] = [];
  for (const p of pages) {
    const last = out.at(-1);
    const by = (last?.pages ?? 0) * 4096;
    const q = last?.page;
    if (q !== undefined && p.va === q.va + BigInt(by) && p.pa === q.pa + by && p.satp === q.satp && p.kind === q.kind && p.rights === q.rights && p.withheld === q.withheld && p.stale === "" && q.stale === "") last!.pages++;
    else out.push({ page: p, pages: 1 });
  }
  return out;
}

/** How the page table differs from a cached translation; "" when it does not. */
function staleness(m: Monitor, satp: bigint, va: bigint, pa: number): string {
  const parts = satpParts(satp);
  if (parts === undefined) return "";
  const now = lookUp(m.machine, parts.root, canonical(va));
  if (now === undefined) return "stale: no longer mapped";
  return now.pa === pa ? "" : `stale: the table says ${hex(now.pa)}`;
}

/** What `tlb count` found of one hart: accesses by kind, and those of them that were no hits. */
interface Counted {
  readonly accesses: [number, number, number];
  readonly misses: [number, number, number];
}

/** Does the instruction at a hart's pc load, store, neither or (an AMO) do what needs a store's translation? */
function accessAt(m: Monitor, hart: number, pc: bigint): 0 | 1 | undefined {
  const low = m.machine.inspect.virtual(hart, pc, 2, FETCH);
  if (low === undefined) return undefined;
  const half = low[0]! | (low[1]! << 8);
  const high = (half & 3) === 3 ? m.machine.inspect.virtual(hart, pc + 2n, 2, FETCH) : undefined;
  const word = high === undefined ? expand(half) : half | (high[0]! << 16) | (high[1]! << 24);
  const { format, name } = INSTRUCTIONS[decode(word)]!;
  if (format === "load" || format === "floadI" || name.startsWith("lr.")) return 0;
  return format === "S" || format === "fstoreS" || format === "amo" ? 1 : undefined;
}

/** Steps that `tlb count` runs again at most: each is looked at. */
const MOST_COUNTED = 5_000_000;
const USUALLY_COUNTED = 100_000;
const KINDS = ["load", "store", "fetch"] as const;

/** Count the hits of the last steps by running them again, an instruction at a time. */
function countHits(m: Monitor, steps: number): Answer {
  const timeline = timelineOf(m);
  const to = timeline.position.steps;
  const from = Math.max(timeline.start.steps, to - steps);
  const found: Counted[] = m.machine.harts.map(() => ({ accesses: [0, 0, 0], misses: [0, 0, 0] }));
  timeline.scan(from, to, () => {
    const stops = [
      m.machine.events.on("instruction", (e) => {
        const { accesses } = found[e.hart]!;
        accesses[FETCH]++;
        const access = accessAt(m, e.hart, wide(e.pcLo, e.pcHi));
        if (access !== undefined) accesses[access]++;
      }),
      m.machine.events.on("tlbFill", (e) => { found[e.hart]!.misses[e.access]++; }),
    ];
    return () => stops.forEach((stop) => stop());
  });
  const rate = (n: number, all: number): string => (all === 0 ? "-" : `${((100 * n) / all).toFixed(2)} %`);
  const rows = found.flatMap((f, hart) => KINDS.map((kind, k) => [`hart ${hart}`, kind, count(f.accesses[k]!), count(f.accesses[k]! - f.misses[k]!), count(f.misses[k]!), rate(f.accesses[k]! - f.misses[k]!, f.accesses[k]!)]));
  return {
    text: `${plural(to - from, "step")} up to t=${count(to)}, run again:\n${table([["", "", "ACCESSES", "HITS", "MISSES", "HIT RATE"], ...rows], "llrrrr")}`,
    json: { from, to, harts: found.map((f, hart) => ({ hart, accesses: f.accesses, misses: f.misses })) },
  };
}

export const tlb: Command = {
  name: "tlb",
  usage: "tlb [hartN] [RANGE] [--all] | tlb count [STEPS]",
  summary: "what the TLBs hold, misses and flushes; or hits and misses of the last steps",
  help: "Each hart keeps eight sets of TLBs, one for each (satp, mode, SUM, MXR) that it was in lately. A line is a page: accesses that are cached\n(r w x), address, frame; \"slow\" where the engine must ask each time (devices, pages with decoded code, watched pages); \"stale\" where the\npage table has changed since and no sfence.vma has told. Hits cost no look at a counter while the machine runs: \"count\" runs the last\nsteps (100,000 unless said) again and counts them.",
  family: "look",
  words: ["'hart0'", "'count'"],
  run(m, args) {
    if (args.accept("count")) {
      const word = args.next();
      args.end();
      return countHits(m, word === undefined ? USUALLY_COUNTED : m.look.number(word, `number of steps (at most ${count(MOST_COUNTED)})`, MOST_COUNTED));
    }
    const all = args.flag("--all");
    const which = /^hart(\d+)$/.exec(args.peek ?? "");
    if (which !== null) args.next();
    const [from, to] = args.left === 0 ? [0n, 2n ** 64n - 1n] : m.look.range(args.rest());
    args.end();
    const harts = which === null ? m.machine.harts : [m.look.hart(Number(which[1]))];
    const answers = harts.map((h) => ofHart(m, h, from, to, all));
    return { text: answers.map((a) => a.text).join("\n"), json: answers.map((a) => a.json) };
  },
};

/** What one hart has cached for addresses in [from, to]. */
function ofHart(m: Monitor, h: Hart, from: bigint, to: bigint, all: boolean): Answer {
  const pages = cachedPages(m, h).filter((p) => p.va + 4095n >= from && p.va <= to);
  const { fills, flushes } = h.mmu.tlb;
  const rows = neighbours(pages).map(({ page: p, pages: n }) => ["", p.kind === 0 ? "physical" : `satp ${hex(p.satp)}`, kindText(p.kind), p.rights, hex(p.va, 10), "->", hex(p.pa, 8),
    n === 1 ? "" : plural(n, "page"), p.withheld ? "slow" : "", p.stale]);
  const shown = all ? rows : rows.slice(0, LINES);
  const lines = [`hart ${h.id}: ${plural(pages.length, "page")} cached; ${plural(fills, "miss", "misses")} (each a walk and a fill), ${plural(flushes, "flush", "flushes")} since power-on`];
  if (shown.length > 0) lines.push(table(shown));
  if (shown.length < rows.length) lines.push(`  … and ${count(rows.length - shown.length)} more: give a range, or --all`);
  return { text: lines.join("\n"), json: { hart: h.id, misses: fills, flushes, pages: pages.map((p) => ({ ...p, pa: hex(p.pa), mode: kindText(p.kind) })) } };
}
