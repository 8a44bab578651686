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
import { callNames } from "../explain/facts.ts";
import { writerSentence, writersOf } from "../explain/writer.ts";
import { at } from "../past.ts";
import { flagLetters } from "../pte.ts";
import type { Alarm, Raise } from "./alarm.ts";
import { watchTables, type Shown } from "./tables.ts";

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

export const freedMapped: Alarm = {
  name: "freed-mapped",
  summary: "a frame was given back to the free list and a page table still maps it for user mode",
  help: "Watches all page tables, and so knows which entries show a frame. When a hart that has freed frames goes back to user mode, those that are\nfree still must be shown by none: a kernel may unmap after it has freed, as long as it does so before that.",
  arm(m, raise) {
    const freed = new Map<number, Freed>();
    const ignore = (): void => undefined;
    const tables = watchTables(m, ignore);
    const stops = [
      () => tables.leave(ignore),
      onFree(m, (pfn, hart, caller) => freed.set(pfn, { hart, moment: m.machine.moment, caller })),
      m.machine.events.on("trapReturn", (e) => {
        if (e.to !== USER || freed.size === 0) return;
        for (const [pfn, f] of freed) {
          if (f.hart !== e.hart) continue;
          freed.delete(pfn);
          if (isFree(m, pfn)) for (const shown of tables.showing(pfn)) raiseMapped(m, raise, pfn, f, shown);
        }
      }),
    ];
    return () => stops.forEach((stop) => stop());
  },
};

const isFree = (m: Monitor, pfn: number): boolean => m.view.isFree?.(pfn) ?? m.view.frameUses()[pfn - RAM / 4096] === FREE;

/** A frame is free, and this entry shows it. */
function raiseMapped(m: Monitor, raise: Raise, pfn: number, f: Freed, { root, va, address, raw }: Shown): void {
  const space = m.view.spaces().find((s) => s.root === root);
  if (space === undefined) return; // the process is gone, and its tables with it
  const { moment } = m.machine;
  raise(`${pfn} ${f.moment}`, f.hart, `frame ${hex(pfn)} was freed by ${callerText(m, f.caller)} at t=${count(f.moment)}, and ${space.name} still maps it at ${hex(va)} (entry ${hex(address)} ${flagLetters(raw)})`, () => {
    const calls = at(m, f.moment, () => callNames(m, f.hart, CALLS));
    const [writer] = writersOf(m, address, moment) ?? [];
    return [`freed by ${calls.map((c) => `${c}()`).join(" <- ")}`, ...(writer === undefined ? [] : [writerSentence(writer, true, moment)])];
  });
}

/** Calls that are named on the way to a free. */
const CALLS = 8;

export const doubleFree: Alarm = {
  name: "double-free",
  summary: "a frame was given back that is free already",
  help: "Looks at each frame that the kernel gives back.",
  arm(m, raise) {
    const last = new Map<number, Freed>();
    return onFree(m, (pfn, hart, caller) => {
      const free = isFree(m, pfn);
      const before = last.get(pfn);
      if (free) {
        const by = before === undefined ? "" : `; it was freed before by ${callerText(m, before.caller)} at t=${count(before.moment)}`;
        raise(`${pfn} ${m.machine.moment}`, hart, `frame ${hex(pfn)} is free already, and ${callerText(m, caller)} frees it again${by}`);
      }
      last.set(pfn, { hart, moment: m.machine.moment, caller });
    });
  },
};

export const junk: Alarm = {
  name: "junk",
  summary: "free memory was read or written by code that is not the allocator's",
  help: "Watches each free frame, from the return of the function that frees it. The allocator itself may touch one: the functions and source files\nthat the kernel's view names. While it fills a frame this is not watched, until a hart goes back to user mode.",
  arm(m, raise) {
    const watch = new FreeMemory(m, raise);
    return () => watch.close();
  },
};

/** So often the allocator touches a free frame (its links), and it is taken to be filling it. */
const PATIENCE = 8;

class FreeMemory {
  private readonly m: Monitor;
  private readonly raise: Raise;
  private readonly isFree: (pfn: number) => boolean;
  /** Ends the watch of a frame. */
  private readonly watches = new Map<number, () => void>();
  private readonly stops: (() => void)[];
  private readonly allowed = new Map<bigint, boolean>();
  /** Frames that a hart is freeing, until the function returns to one of these places. */
  private readonly freeing = new Map<number, number>();
  private readonly returns = new Map<bigint, () => void>();
  /** How often the allocator has touched each watched frame; those that it is filling, which are not watched meanwhile. */
  private readonly touches = new Map<number, number>();
  private readonly touched = new Set<number>();

  constructor(m: Monitor, raise: Raise) {
    this.m = m;
    this.raise = raise;
    const { isFree } = m.view;
    if (isFree === undefined) throw new MonitorError(`which frames are free cannot be asked one by one (view: ${m.view.name})`);
    this.isFree = isFree.bind(m.view);
    const all = m.machine.stops.watch({ space: "physical", start: BigInt(RAM), length: m.machine.memory.plan.ramBytes, read: true, write: true }, () => undefined);
    for (let pfn = RAM / 4096; pfn < (RAM + m.machine.memory.plan.ramBytes) / 4096; pfn++) this.watch(pfn);
    all(); // while it was there nothing had to be withheld frame by frame
    this.stops = [
      onFree(m, (pfn, hart, caller) => this.frees(pfn, hart, caller)),
      m.machine.events.on("trapReturn", (e) => {
        if (e.to !== USER || this.touched.size === 0) return;
        for (const pfn of this.touched) this.watch(pfn);
        this.touched.clear();
      }),
    ];
  }

  close(): void {
    for (const stop of [...this.stops, ...this.returns.values(), ...this.watches.values()]) stop();
  }

  /** The kernel is about to free a frame: watch it when that is done. */
  private frees(pfn: number, hart: number, caller: bigint): void {
    this.touched.add(pfn); // should it return elsewhere
    this.freeing.set(hart, pfn);
    if (this.returns.has(caller)) return;
    this.returns.set(caller, this.m.machine.stops.breakAt(caller, (on) => {
      const done = this.freeing.get(on);
      if (done !== undefined) this.watch(done);
      this.freeing.delete(on);
      return false;
    }));
  }

  /** Watch a frame, if it is free. */
  private watch(pfn: number): void {
    if (this.watches.has(pfn) || !this.isFree(pfn)) return;
    this.watches.set(pfn, this.m.machine.stops.watch({ space: "physical", start: BigInt(pfn * 4096), length: 4096, read: true, write: true }, (access) => this.accessed(pfn, access)));
  }

  private unwatch(pfn: number): void {
    this.watches.get(pfn)?.();
    this.watches.delete(pfn);
    this.touches.delete(pfn);
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

  private accessed(pfn: number, a: WatchedAccess): void {
    if (!this.isFree(pfn)) {
      this.unwatch(pfn); // it was handed out
      return;
    }
    if (a.by !== "cpu") {
      if (a.by === "dma") this.raise(`dma ${pfn}`, 0, `a device ${a.access === LOAD ? "reads" : "writes"} ${hex(a.pa)}, in frame ${hex(pfn)}, which is free`);
      return;
    }
    const h = this.m.machine.harts[a.hart]!;
    const pc = this.m.look.pc(h);
    if (h.privilege !== USER && this.mayTouch(pc)) {
      const times = (this.touches.get(pfn) ?? 0) + 1;
      this.touches.set(pfn, times);
      if (times < PATIENCE) return;
      this.touches.delete(pfn);
      this.unwatch(pfn);
      this.touched.add(pfn);
      return;
    }
    const space = this.m.look.present(h);
    const mapped = mappersOf(this.m, pfn).filter((x) => !x.space.kernel).map((x) => `${x.space.name} at ${hex(x.va)}`);
    this.raise(String(pc), a.hart, `${this.m.naming.place(pc, space)} ${a.access === LOAD ? "reads" : "writes"} ${a.size} bytes at ${hex(wide(a.lo, a.hi))}, in frame ${hex(pfn)}, which is free${mapped.length === 0 ? "" : ` (and mapped by ${mapped.join(", ")})`}`);
  }
}
