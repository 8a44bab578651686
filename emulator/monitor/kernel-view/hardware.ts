// What the hardware alone tells of a kernel: the address spaces that TLBs and satp registers know of. They are
// numbered in the order in which they were first seen, and stand where other views have processes.

import { wide } from "../../events.ts";
import { SLOT } from "../../hart/layout.ts";
import type { Machine } from "../../machine.ts";
import { RAM } from "../../memory-map.ts";
import { hex } from "../format.ts";
import { leaves, lookUp, tree } from "../page-table.ts";
import { spanOf, targetOf } from "../pte.ts";
import { FRAME_USES, type FrameUse, type FrameView, type KernelView, type MapView, type PageView, type ProcessView, type SpaceView } from "./kernel-view.ts";

/** satp.MODE 8: Sv39. */
const SV39 = 8n;
/** Address spaces that are remembered; the ones seen longest ago go. */
const REMEMBERED = 256;

/** The parts of a satp value; undefined where it translates nothing. */
export function satpParts(satp: bigint): { root: number; asid: number } | undefined {
  if (satp >> 60n !== SV39) return undefined;
  return { root: Number(satp & ((1n << 44n) - 1n)), asid: Number((satp >> 44n) & 0xffffn) };
}

/** The address spaces that a machine's harts have been seen in. */
export class SeenSpaces {
  private readonly machine: Machine;
  private readonly numbers = new Map<bigint, number>();
  private next = 1;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Remember a satp value. */
  note(satp: bigint): void {
    if (satpParts(satp) === undefined || this.numbers.has(satp)) return;
    if (this.numbers.size >= REMEMBERED) this.numbers.delete(this.numbers.keys().next().value!);
    this.numbers.set(satp, this.next++);
  }

  /** All that are remembered and still look like page tables, with their numbers. */
  list(): { satp: bigint; number: number; root: number; asid: number }[] {
    for (const h of this.machine.harts) {
      this.note(wide(h.low(SLOT.satp), h.high(SLOT.satp)));
      for (const e of h.mmu.tlb.entries()) if (e.kind > 0) this.note(wide(e.satpLo, e.satpHi));
    }
    return [...this.numbers].map(([satp, number]) => ({ satp, number, ...satpParts(satp)! }))
      .filter(({ root }) => this.machine.memory.host(root * 4096, 4096) >= 0);
  }
}

const RIGHTS = [[2n, "r"], [4n, "w"], [8n, "x"]] as const;
/** "rw-" of a leaf. */
export const leafRights = (raw: bigint): string => RIGHTS.map(([bit, letter]) => (raw & bit ? letter : "-")).join("");

/** Pieces of an address space that a page table maps alike: neighbours with equal rights, wherever their frames lie. */
export function mappedRanges(machine: Machine, root: number): MapView[] {
  const out: { start: bigint; end: bigint; rights: string; user: boolean }[] = [];
  for (const e of leaves(machine, root)) {
    const rights = leafRights(e.raw);
    const user = (e.raw & 16n) !== 0n;
    const end = e.va + BigInt(spanOf(e.level));
    const last = out.at(-1);
    if (last !== undefined && last.end === e.va && last.rights === rights && last.user === user) last.end = end;
    else out.push({ start: e.va, end, rights, user });
  }
  return out.map(({ user, ...r }) => ({ ...r, shared: false, what: user ? "user pages" : "supervisor pages", flags: [] }));
}

/** Frames that hold page tables of these roots. */
export function tableFrames(machine: Machine, roots: Iterable<number>): Set<number> {
  const found = new Set<number>();
  for (const root of roots) {
    if (found.has(root)) continue;
    found.add(root);
    for (const { entry, skipped } of tree(machine, root)) if (entry.kind === "table" && skipped !== "no memory") found.add(targetOf(entry.raw) / 4096);
  }
  return found;
}

/** Mark in `uses` (a code a frame of RAM) every frame that a leaf of `root` with U set shows. */
export function markUserFrames(machine: Machine, root: number, uses: Uint8Array, code: number): void {
  for (const e of leaves(machine, root)) {
    if ((e.raw & 16n) === 0n) continue;
    const first = (targetOf(e.raw) - RAM) / 4096;
    for (let i = Math.max(0, first); i < Math.min(uses.length, first + spanOf(e.level) / 4096); i++) uses[i] = code;
  }
}

export class HardwareView implements KernelView {
  readonly name = "hardware";
  readonly about = "No symbols: processes are the satp values that were seen, by number; maps are what page tables show.";
  readonly hooks = { allocator: [], allocatorFiles: [] };
  private readonly machine: Machine;
  private readonly seen: SeenSpaces;

  constructor(machine: Machine) {
    this.machine = machine;
    this.seen = new SeenSpaces(machine);
  }

  processes(): ProcessView[] {
    const { harts } = this.machine;
    return this.seen.list().map(({ satp, number, root, asid }) => {
      const hart = harts.find((h) => wide(h.low(SLOT.satp), h.high(SLOT.satp)) === satp)?.id;
      return { pid: number, name: `satp ${hex(satp)}`, state: hart === undefined ? "-" : "on a hart", hart, root, asid };
    });
  }

  process(pid: number): ProcessView | undefined {
    return this.processes().find((p) => p.pid === pid);
  }

  current(hart: number): ProcessView | undefined {
    const h = this.machine.harts[hart];
    if (h === undefined) return undefined;
    const satp = wide(h.low(SLOT.satp), h.high(SLOT.satp));
    return this.processes().find((p) => p.name === `satp ${hex(satp)}`);
  }

  spaces(): SpaceView[] {
    return this.processes().map((p) => ({ name: `space ${p.pid}`, pid: p.pid, root: p.root!, asid: p.asid, kernel: false }));
  }

  kernelRoot(): undefined {
    return undefined;
  }

  maps(pid: number): MapView[] | undefined {
    const p = this.process(pid);
    return p?.root === undefined ? undefined : mappedRanges(this.machine, p.root);
  }

  pageAt(pid: number, va: bigint): PageView | undefined {
    const root = this.process(pid)?.root;
    const map = this.maps(pid)?.find((m) => va >= m.start && va < m.end);
    if (root === undefined || map === undefined) return undefined;
    const found = lookUp(this.machine, root, va);
    return { map, flags: [], text: "known by its page table alone", pfn: found === undefined ? undefined : Math.floor(found.pa / 4096) };
  }

  frame(pfn: number): FrameView | undefined {
    const use = FRAME_USES[this.frameUses()[pfn - RAM / 4096] ?? 0];
    if (pfn < RAM / 4096 || use === undefined) return undefined;
    const text: Readonly<Partial<Record<FrameUse, string>>> = { table: "a page table", user: "mapped for user mode" };
    return { pfn, use, text: text[use] ?? "not known: no symbols", flags: [], checks: [], expected: [] };
  }

  frameUses(): Uint8Array {
    const uses = new Uint8Array(this.machine.memory.plan.ramBytes / 4096).fill(FRAME_USES.indexOf("unknown"));
    const roots = new Set(this.seen.list().map((s) => s.root));
    for (const root of roots) markUserFrames(this.machine, root, uses, FRAME_USES.indexOf("user"));
    for (const pfn of tableFrames(this.machine, roots)) if (pfn >= RAM / 4096) uses[pfn - RAM / 4096] = FRAME_USES.indexOf("table");
    return uses;
  }

  kernelStacks(): [] {
    return [];
  }

  trouble(): [] {
    return [];
  }
}
