// frame, frames: physical memory by frame. Who owns it by the kernel's books, and who maps it by the page tables.

import { MonitorError, type Command } from "../command.ts";
import { count, hex, plural, size, table } from "../format.ts";
import { FRAME_USES, type FrameUse, type SpaceView } from "../kernel-view/kernel-view.ts";
import { RAM } from "../../memory-map.ts";
import type { Monitor } from "../monitor.ts";
import { leaves, type Entry } from "../page-table.ts";
import { extraBits, flagLetters, spanOf, targetOf } from "../pte.ts";
import { troubleLines } from "./processes.ts";

/** A page-table entry that shows a frame. */
export interface Mapper {
  readonly space: SpaceView;
  readonly entry: Entry;
  /** Address at which the frame is seen. */
  readonly va: bigint;
}

/** Every leaf of every known address space that shows the frame. */
export function mappersOf(m: Monitor, pfn: number): Mapper[] {
  const found: Mapper[] = [];
  for (const space of m.view.spaces()) {
    for (const entry of leaves(m.machine, space.root)) {
      const first = targetOf(entry.raw) / 4096;
      if (pfn >= first && pfn < first + spanOf(entry.level) / 4096) found.push({ space, entry, va: entry.va + BigInt((pfn - first) * 4096) });
    }
  }
  return found;
}

/** A frame by number, or by a physical address in it. */
function frameNumber(m: Monitor, word: string): number {
  const n = m.look.evaluate(word);
  const pfn = n >= BigInt(RAM) ? n / 4096n : n;
  if (m.machine.memory.host(Number(pfn) * 4096, 4096) < 0) throw new MonitorError(`${word} is no frame of RAM: those are ${hex(RAM / 4096)} to ${hex((RAM + m.machine.memory.plan.ramBytes) / 4096 - 1)}`);
  return Number(pfn);
}

export const frame: Command = {
  name: "frame",
  usage: "frame PFN|PHYSICAL-ADDRESS",
  summary: "one frame: its owner, every entry that maps it, and whether the kernel's counts are true",
  help: "The owner is what the kernel has written down; the entries are found by going through every known page table. Counts that do not agree\nare marked. Example: frame 0x87f4a",
  family: "look",
  run(m, args) {
    const pfn = frameNumber(m, args.expression("a frame number"));
    args.end();
    const f = m.view.frame(pfn);
    const mappers = mappersOf(m, pfn);
    const user = mappers.filter((x) => !x.space.kernel && (x.entry.raw & 16n) !== 0n);
    const lines = [`frame ${hex(pfn)} (${hex(pfn * 4096)}): ${f === undefined ? "not known" : [f.text, ...f.flags].join(", ")}`];
    lines.push(...mappers.map((x) => `  mapped by ${x.space.name} at ${hex(x.va)}: entry ${hex(x.entry.address)} ${flagLetters(x.entry.raw)}${extraBits(x.entry.raw)}${x.entry.level > 0 ? `, part of ${size(spanOf(x.entry.level))}` : ""}`));
    if (mappers.length === 0) lines.push("  no known page table maps it");
    const checks = f?.checks ?? [];
    lines.push(...checks.map((c) => `  ${c.what}: the kernel says ${count(c.claimed)}, found ${count(c.found)}${c.claimed === c.found ? "" : "  <- not the same"}`));
    const missing = (f?.expected ?? []).filter((e) => !user.some((x) => x.space.pid === e.pid && x.va === e.va));
    lines.push(...missing.map((e) => `  pid ${e.pid} may see it at ${hex(e.va)}, and its page table does not show it now`));
    const strangers = f === undefined || f.expected.length === 0 && f.use !== "user" ? [] : user.filter((x) => !f.expected.some((e) => e.pid === x.space.pid && e.va === x.va));
    lines.push(...strangers.map((x) => `  ${x.space.name} maps it at ${hex(x.va)}, and its map knows of no such page  <- not the same`));
    if (f?.use === "free" && user.length > 0) lines.push(`  it is free, and yet mapped for user mode ${plural(user.length, "time")}  <- not the same`);
    return {
      text: [...lines, ...troubleLines(m)].join("\n"),
      json: { pfn: hex(pfn), ...f, mappers: mappers.map((x) => ({ space: x.space.name, pid: x.space.pid, va: x.va, entry: hex(x.entry.address), flags: flagLetters(x.entry.raw), level: x.entry.level })) },
    };
  },
};

/** A letter for each use. */
const LETTERS: Readonly<Record<FrameUse, string>> = { free: ".", user: "u", file: "f", table: "t", kernel: "k", image: "K", other: "-", unknown: "?" };
const MEANING: Readonly<Record<FrameUse, string>> = {
  free: "free", user: "memory of processes", file: "pages of files", table: "page tables", kernel: "the kernel's own", image: "the kernel's program and data", other: "not handed out", unknown: "not known",
};
const COLUMNS = 64;
const ROWS = 32;

/** The use that most of these frames have; any use goes before free, so that nothing is overlooked. */
function mostUsed(uses: Uint8Array): FrameUse {
  const n = new Array<number>(FRAME_USES.length).fill(0);
  for (const u of uses) n[u] = n[u]! + 1;
  let best = -1;
  n.forEach((k, u) => { if (k > 0 && FRAME_USES[u] !== "free" && (best < 0 || k > n[best]!)) best = u; });
  return best < 0 ? "free" : FRAME_USES[best]!;
}

export const frames: Command = {
  name: "frames",
  usage: "frames",
  summary: "a picture of physical memory by use",
  help: "Each letter stands for as many frames as fit the picture, by what most of them that are in use are used for.",
  family: "look",
  run(m, args) {
    args.end();
    const uses = m.view.frameUses();
    const each = Math.max(1, Math.ceil(uses.length / (COLUMNS * ROWS)));
    const lines: string[] = [];
    for (let i = 0; i < uses.length; i += each * COLUMNS) {
      let line = "";
      for (let k = i; k < Math.min(uses.length, i + each * COLUMNS); k += each) line += LETTERS[mostUsed(uses.subarray(k, k + each))];
      lines.push(`${hex(RAM + i * 4096)}  ${line}`);
    }
    const totals = FRAME_USES.map((use, code) => ({ use, frames: uses.reduce((n, u) => n + (u === code ? 1 : 0), 0) })).filter((t) => t.frames > 0);
    const legend = table(totals.map((t) => [LETTERS[t.use], MEANING[t.use], count(t.frames), size(t.frames * 4096)]), "llrr", "  ");
    return { text: [`a letter is ${plural(each, "frame")}`, ...lines, legend, ...troubleLines(m)].join("\n"), json: { each, totals } };
  },
};
