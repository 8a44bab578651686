// freed-mapped, double-free, junk: frames that are given back while they are in use, twice, or are used afterwards.

import { wide } from "../../events.ts";
import { RAM } from "../../memory-map.ts";
import { LOAD, USER } from "../../mmu/walk.ts";
import type { WatchedAccess } from "../../stops.ts";
import { MonitorError } from "../command.ts";
import { mappersOf } from "../commands/frames.ts";
import { count, hex } from "../format.ts";
import { FRAME_USES, type KernelHooks } from "../kernel-view/kernel-view.ts";
import type { Monitor } from "../monitor.ts";
import { leaves } from "../page-table.ts";
import { flagLetters, spanOf, targetOf } from "../pte.ts";
import type { Alarm, Raise } from "./alarm.ts";

const A0 = 10;
const RA = 1;
const FREE = FRAME_USES.indexOf("free");

type FreeHook = NonNullable<KernelHooks["frameFree"]>;

/** The kernel's function that gives a frame back, and its address. Throws MonitorError where it is not known. */
function freeHook(m: Monitor): FreeHook & { readonly address: bigint } {
  const hook = m.view.hooks.frameFree;
  const address = hook === undefined ? undefined : m.naming.kernel?.addressOf(hook.symbol);
  if (hook === undefined || address === undefined) throw new MonitorError(`how this kernel gives frames back is not known (view: ${m.view.name})`);
  return { ...hook, address };
}

/** Call `freed` each time the kernel is about to give a frame back: its number, the hart, who called. */
function onFree(m: Monitor, freed: (pfn: number, hart: number, caller: bigint) => void): () => void {
  const hook = freeHook(m);
  return m.machine.stops.breakAt(hook.address, (hart) => {
    const { x } = m.machine.inspect.registers(hart);
    const pfn = hook.argument === "page" ? m.view.frameOfPage?.(x[A0]!) : Number(x[A0]! / 4096n);
    if (pfn !== undefined && m.machine.memory.host(pfn * 4096, 4096) >= 0) freed(pfn, hart, x[RA]!);
    return false;
  });
}

const callerText = (m: Monitor, caller: bigint): string => m.naming.kernelName(caller) || hex(caller);

/** A frame that was given back. */
interface Freed {
  readonly hart: number;
  readonly moment: number;
  readonly caller: bigint;
}

/** Steps between two looks through all page tables: at least so many, and so many for each entry that was looked at. */
const LOOK_EVERY = 50_000;
const STEPS_AN_ENTRY = 5_000;

export const freedMapped: Alarm = {
  name: "freed-mapped",
  summary: "a frame was given back to the free list and a page table still maps it for user mode",
  help: "When a hart that has freed frames goes back to user mode (not too often: 5,000 steps for each\nentry that there is to look at) all page tables are looked through for frames that were freed since and are free still.\nA kernel may unmap after it has freed, as long as it does so before that.",
  arm(m, raise) {
    const freed = new Map<number, Freed>();
    let next = 0;
    const stops = [
      onFree(m, (pfn, hart, caller) => freed.set(pfn, { hart, moment: m.machine.moment, caller })),
      m.machine.events.on("trapReturn", (e) => {
        if (e.to !== USER || freed.size === 0 || m.machine.moment < next) return;
        const entries = findMapped(m, freed, e.hart, raise);
        next = m.machine.moment + LOOK_EVERY + STEPS_AN_ENTRY * entries;
        freed.clear();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  },
};

/** Raise for each of these frames that is free and mapped. How many entries were looked at. */
function findMapped(m: Monitor, freed: ReadonlyMap<number, Freed>, hart: number, raise: Raise): number {
  let uses: Uint8Array | undefined;
  let entries = 0;
  for (const space of m.view.spaces()) {
    if (space.kernel) continue;
    for (const e of leaves(m.machine, space.root)) {
      entries++;
      if ((e.raw & 16n) === 0n) continue;
      const first = targetOf(e.raw) / 4096;
      for (let pfn = first; pfn < first + spanOf(e.level) / 4096; pfn++) {
        const f = freed.get(pfn);
        if (f === undefined || (uses ??= m.view.frameUses())[pfn - RAM / 4096] !== FREE) continue;
        raise(`${pfn} ${f.moment}`, hart, `frame ${hex(pfn)} was freed by ${callerText(m, f.caller)} at t=${count(f.moment)}, and ${space.name} still maps it at ${hex(e.va + BigInt((pfn - first) * 4096))} (entry ${hex(e.address)} ${flagLetters(e.raw)})`);
      }
    }
  }
  return entries;
}

export const doubleFree: Alarm = {
  name: "double-free",
  summary: "a frame was given back that is free already",
  help: "Looks at each frame that the kernel gives back.",
  arm(m, raise) {
    const last = new Map<number, Freed>();
    return onFree(m, (pfn, hart, caller) => {
      const free = m.view.isFree?.(pfn) ?? m.view.frameUses()[pfn - RAM / 4096] === FREE;
      const before = last.get(pfn);
      if (free) {
        const by = before === undefined ? "" : `; it was freed before by ${callerText(m, before.caller)} at t=${count(before.moment)}`;
        raise(`${pfn} ${m.machine.moment}`, hart, `frame ${hex(pfn)} is free already, and ${callerText(m, caller)} frees it again${by}`);
      }
      last.set(pfn, { hart, moment: m.machine.moment, caller });
    });
  },
};

/** Frames in a piece of memory that is watched as one. */
const PIECE = 64;

export const junk: Alarm = {
  name: "junk",
  summary: "free memory was read or written by code that is not the allocator's",
  help: "Watches all free frames, and asks of each access there whether the frame is free still. The allocator itself may do so: the\nfunctions and source files that the kernel's view names.",
  arm(m, raise) {
    const watch = new FreeMemory(m, raise);
    return () => watch.close();
  },
};

/** So many accesses to frames of a piece that are no longer free, and its watches are made anew. */
const PATIENCE = 256;

class FreeMemory {
  private readonly m: Monitor;
  private readonly raise: Raise;
  private readonly isFree: (pfn: number) => boolean;
  /** The watches of each piece of memory; which frames they cover; accesses to frames there that are not free. */
  private readonly pieces: (() => void)[][] = [];
  private readonly covered: Uint8Array;
  private readonly vain: number[] = [];
  private readonly stops: (() => void)[];
  private readonly allowed = new Map<bigint, boolean>();
  /** Frames that were given back, and will be watched when the kernel goes on to user mode. */
  private returned: number[] = [];

  constructor(m: Monitor, raise: Raise) {
    this.m = m;
    this.raise = raise;
    const { isFree } = m.view;
    if (isFree === undefined) throw new MonitorError(`which frames are free cannot be asked one by one (view: ${m.view.name})`);
    this.isFree = isFree.bind(m.view);
    this.covered = new Uint8Array(m.machine.memory.plan.ramBytes / 4096);
    for (let piece = 0; piece * PIECE < this.covered.length; piece++) this.arm(piece);
    this.stops = [
      onFree(m, (pfn) => this.returned.push(pfn - RAM / 4096)),
      m.machine.events.on("trapReturn", (e) => {
        if (e.to !== USER || this.returned.length === 0) return;
        for (const frame of this.returned) if (this.covered[frame] === 0) this.arm(Math.floor(frame / PIECE));
        this.returned = [];
      }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const piece of this.pieces) for (const stop of piece) stop();
  }

  /** Watch the free frames of a piece, in runs. */
  private arm(piece: number): void {
    for (const stop of this.pieces[piece] ?? []) stop();
    const end = Math.min((piece + 1) * PIECE, this.covered.length);
    const stops: (() => void)[] = [];
    for (let frame = piece * PIECE; frame < end;) {
      let n = 0;
      while (frame + n < end && this.isFree(frame + n + RAM / 4096)) n++;
      this.covered.fill(1, frame, frame + n);
      if (n > 0) {
        const range = { space: "physical", start: BigInt(RAM + frame * 4096), length: n * 4096, read: true, write: true } as const;
        stops.push(this.m.machine.stops.watch(range, (access) => this.accessed(piece, access)));
      } else {
        this.covered[frame] = 0;
      }
      frame += Math.max(1, n);
    }
    this.pieces[piece] = stops;
    this.vain[piece] = 0;
  }

  /** Is this code the allocator's? Of unknown code it is believed. */
  private mayTouch(pc: bigint): boolean {
    let known = this.allowed.get(pc);
    if (known === undefined) {
      const { kernel } = this.m.naming;
      const at = kernel?.functionAt(pc);
      const file = at === undefined ? undefined : kernel?.lineAt(at.start)?.file;
      const { allocator, allocatorFiles } = this.m.view.hooks;
      known = at === undefined || allocator.includes(at.name) || (file !== undefined && allocatorFiles.some((f) => file.endsWith(f)));
      this.allowed.set(pc, known);
    }
    return known;
  }

  private accessed(piece: number, a: WatchedAccess): void {
    const pfn = Math.floor(a.pa / 4096);
    if (!this.isFree(pfn)) {
      if (++this.vain[piece]! > PATIENCE) this.arm(piece); // it was handed out: watch what is left
      return;
    }
    if (a.by !== "cpu") {
      if (a.by === "dma") this.raise(`dma ${pfn}`, 0, `a device ${a.access === LOAD ? "reads" : "writes"} ${hex(a.pa)}, in frame ${hex(pfn)}, which is free`);
      return;
    }
    const h = this.m.machine.harts[a.hart]!;
    const pc = this.m.look.pc(h);
    if (h.privilege !== USER && this.mayTouch(pc)) return;
    const space = this.m.look.present(h);
    const mapped = mappersOf(this.m, pfn).filter((x) => !x.space.kernel).map((x) => `${x.space.name} at ${hex(x.va)}`);
    this.raise(String(pc), a.hart, `${this.m.naming.place(pc, space)} ${a.access === LOAD ? "reads" : "writes"} ${a.size} bytes at ${hex(wide(a.lo, a.hi))}, in frame ${hex(pfn)}, which is free${mapped.length === 0 ? "" : ` (and mapped by ${mapped.join(", ")})`}`);
  }
}
