// check: are page tables, maps and frames in order? What the kernel has written down against what the hardware sees.

import type { Command } from "../command.ts";
import { RAM } from "../../memory-map.ts";
import { hex, plural } from "../format.ts";
import { FRAME_USES, isWrong, type Counted, type MapView, type SpaceView } from "../kernel-view/kernel-view.ts";
import type { Monitor } from "../monitor.ts";
import { tree, type Entry } from "../page-table.ts";
import { flagLetters, spanOf, targetOf } from "../pte.ts";
import { troubleLines } from "./processes.ts";

const U = 16n;
/** The pages that our kernel shows to every process beside its map (memlayout.h: the vDSO's, from here on). */
const VDSO = 0x3fffff0000n;
/** Findings that are listed. */
const LISTED = 100;

/** Is this one of the pages that a kernel shows to every process beside its map? */
export const sharedPage = (m: Monitor, va: bigint): boolean => m.view.name === "Pagewalk" && va >= VDSO;

/** The first frame of a leaf's that no user mode should see: free, a page table, the kernel's. Undefined: all are as they should be. */
export function wrongUse(e: Entry, uses: Uint8Array): { readonly pfn: number; readonly what: string } | undefined {
  const first = targetOf(e.raw) / 4096;
  for (let pfn = first; pfn < first + spanOf(e.level) / 4096; pfn++) {
    const use = FRAME_USES[uses[pfn - RAM / 4096] ?? -1];
    const what = use === "free" ? "is free" : use === "table" ? "is a page table" : use === "kernel" ? "is the kernel's own" : undefined;
    if (what !== undefined) return { pfn, what: `frame ${hex(pfn)} ${what}` };
  }
  return undefined;
}

/** What is wrong with one entry of a process's page table, as sentences without its place. */
function faultsOfLeaf(m: Monitor, space: SpaceView, e: Entry, maps: readonly MapView[] | undefined, uses: Uint8Array): string[] {
  const found: string[] = [];
  const span = spanOf(e.level);
  if (targetOf(e.raw) % span !== 0) found.push(`a page of ${span / 1024} KiB must begin at a multiple of its size`);
  if ((e.raw & U) === 0n || sharedPage(m, e.va)) return found;
  const wrong = wrongUse(e, uses);
  if (wrong !== undefined) found.push(wrong.what);
  if (m.view.name === "Pagewalk" && maps !== undefined) found.push(...againstMap(e, maps));
  if (space.kernel) found.push("the kernel's own page table should have no page for user mode");
  return found;
}

function againstMap(e: Entry, maps: readonly MapView[]): string[] {
  const map = maps.find((x) => e.va >= x.start && e.va < x.end);
  if (map === undefined) return ["the map knows of nothing there"];
  if (map.what === "guard") return ["that is a guard, which must stay empty"];
  const found: string[] = [];
  if ((e.raw & 4n) !== 0n && !map.rights.includes("w")) found.push(`it may be written, and the map says ${map.rights}`);
  if ((e.raw & 8n) !== 0n && !map.rights.includes("x")) found.push(`it may be executed, and the map says ${map.rights}`);
  if ((e.raw & 4n) !== 0n && map.flags.includes("needs copy")) found.push("it may be written, and must be copied first");
  return found;
}

export const check: Command = {
  name: "check",
  usage: "check",
  summary: "look for entries that break the rules, frames that are free and mapped, counts that are wrong",
  help: "Every entry of every known page table: reserved bits, superpages that are not aligned, tables outside memory; pages of user mode that show a\nfree frame, a page table or the kernel's memory; rights beyond the map's; guards that are mapped. And for each frame the numbers that the\nkernel keeps about it. A kernel that is in the middle of a change may have good reasons: look again a little later.",
  family: "look",
  run(m, args) {
    args.end();
    const uses = m.view.frameUses();
    const found: string[] = [];
    let entries = 0;
    for (const space of m.view.spaces()) {
      const maps = space.pid === undefined ? undefined : m.view.maps(space.pid);
      for (const { entry: e, skipped } of tree(m.machine, space.root)) {
        entries++;
        const place = `${space.name} at ${hex(e.va)}, level ${e.level} entry ${hex(e.address)} ${flagLetters(e.raw)}: `;
        if (e.kind === "bad") found.push(`${place}it breaks a rule of Sv39`);
        if (skipped === "no memory") found.push(`${place}its table lies outside memory`);
        if (skipped === "again") found.push(`${place}its table stands elsewhere in the tree too`);
        if (e.kind === "leaf") found.push(...faultsOfLeaf(m, space, e, maps, uses).map((f) => place + f));
      }
    }
    found.push(...wrongCounts(m, uses));
    const shown = found.slice(0, LISTED);
    const more = found.length > LISTED ? [`… and ${found.length - LISTED} more`] : [];
    const text = found.length === 0 ? [`nothing wrong in ${plural(entries, "entry", "entries")} of ${plural(m.view.spaces().length, "address space")}`] : [...shown, ...more];
    return { text: [...text, ...troubleLines(m)].join("\n"), json: { entries, found }, ok: found.length === 0 };
  },
};

/** A count and the truth, in words. */
export const countText = ({ what, claimed, found }: Counted): string => `${what}: the kernel says ${claimed}, found ${found}`;

/** Frames about which the kernel keeps a number that is not true. */
function wrongCounts(m: Monitor, uses: Uint8Array): string[] {
  const found: string[] = [];
  const told = new Set<string>();
  for (const [i, code] of uses.entries()) {
    const use = FRAME_USES[code];
    if (use !== "user" && use !== "table" && use !== "file") continue;
    const f = m.view.frame(RAM / 4096 + i);
    for (const c of f?.checks ?? []) {
      const sentence = countText(c);
      const key = `${f!.text.replace(/^page [\d,]+ of /, "")} ${sentence}`; // an object has many pages
      if (!isWrong(c) || told.has(key)) continue;
      told.add(key);
      found.push(`frame ${hex(f!.pfn)} (${f!.text}), ${sentence}`);
    }
  }
  return found;
}
