// Any kernel shaped as xv6-riscv: `struct proc proc[]` with pid, state, pagetable and sz, `cpus[]`, a free list of
// frames in `kmem`. It keeps no list of what is mapped: that is read from page tables, and named by where it lies.

import { REGISTER_NAMES } from "../../isa/disassemble.ts";
import type { Machine } from "../../machine.ts";
import { RAM } from "../../memory-map.ts";
import { hex } from "../format.ts";
import { leaves, lookUp } from "../page-table.ts";
import { targetOf } from "../pte.ts";
import type { Symbols } from "../symbols/symbols.ts";
import type { Value } from "../symbols/value.ts";
import { leafRights, markUserFrames, tableFrames } from "./hardware.ts";
import { KernelMemory, savedRegisters, switchedRegisters } from "./kernel-memory.ts";
import { FRAME_USES, type FaultProbe, type FrameUse, type FrameView, type KernelHooks, type KernelView, type MapView, type PageView, type ProcessView, type Range, type SpaceView } from "./kernel-view.ts";
import { fastProbe } from "./probe.ts";

const FIELDS = ["pid", "state", "pagetable", "sz", "name"] as const;
const PAGE = 4096n;
/** The two pages at the top of every address space (xv6's memlayout.h). */
const TRAMPOLINE = (1n << 38n) - PAGE;
const TRAPFRAME = TRAMPOLINE - PAGE;
const U = 16n;

export class XV6View implements KernelView {
  readonly name = "xv6";
  readonly about = "A kernel shaped as xv6: processes are read from proc[], maps from page tables.";
  readonly probe: FaultProbe | undefined;
  readonly hooks: KernelHooks;
  private readonly k: KernelMemory;
  private readonly machine: Machine;

  /** Are these the symbols of such a kernel? */
  static fits(symbols: Symbols): boolean {
    const proc = symbols.type("struct proc");
    return symbols.variable("proc")?.type.kind === "array" && symbols.variable("cpus") !== undefined && FIELDS.every((f) => proc?.field(f) !== undefined);
  }

  constructor(machine: Machine, symbols: Symbols) {
    this.machine = machine;
    this.k = new KernelMemory(machine, symbols);
    this.k.root = () => this.kernelRoot();
    this.probe = fastProbe(machine, symbols);
    const first = (...names: string[]): string | undefined => names.find((n) => symbols.addressOf(n) !== undefined);
    const free = first("kfree");
    this.hooks = {
      panic: first("panic"), start: first("kfork", "fork"), exit: first("kexit", "exit"), signal: first("kkill", "kill"), copyOut: first("copyout"),
      frameFree: free === undefined ? undefined : { symbol: free, argument: "address" },
      allocator: ["kalloc", "kfree", "freerange", "kinit", "memset"], allocatorFiles: ["kalloc.c"],
    };
  }

  trouble(): string[] {
    return this.k.trouble();
  }

  kernelRoot(): number | undefined {
    return this.k.attempt("kernel_pagetable", undefined, () => {
      const root = this.k.global("kernel_pagetable")?.big() ?? 0n;
      return root === 0n ? undefined : Number(root / PAGE);
    });
  }

  processes(): ProcessView[] {
    return this.slots().flatMap((p) => {
      const view = this.k.attempt("a process", undefined, () => this.processView(p));
      return view === undefined ? [] : [view];
    }).sort((a, b) => a.pid - b.pid);
  }

  process(pid: number): ProcessView | undefined {
    return this.processes().find((p) => p.pid === pid);
  }

  current(hart: number): ProcessView | undefined {
    const pid = this.probe?.pidOf(hart) ?? 0;
    return pid === 0 ? undefined : this.process(pid);
  }

  spaces(): SpaceView[] {
    const root = this.kernelRoot();
    const kernel: SpaceView[] = root === undefined ? [] : [{ name: "kernel", root, kernel: true }];
    return [...kernel, ...this.processes().flatMap((p) => (p.root === undefined ? [] : [{ name: `pid ${p.pid} ${p.name}`, pid: p.pid, root: p.root, asid: p.asid, kernel: false }]))];
  }

  maps(pid: number): MapView[] | undefined {
    const p = this.process(pid);
    if (p?.root === undefined) return undefined;
    const size = BigInt(p.size ?? 0);
    const found: { start: bigint; end: bigint; rights: string; shared: boolean; what: string; flags: string[]; kernelOnly: boolean }[] = [];
    for (const e of leaves(this.machine, p.root)) {
      const rights = leafRights(e.raw);
      const kernelOnly = (e.raw & U) === 0n;
      const what = e.va === TRAMPOLINE ? "trampoline" : e.va === TRAPFRAME ? "trapframe" : kernelOnly ? "guard" : e.va < size ? "user memory" : "user pages above the size";
      const last = found.at(-1);
      if (last !== undefined && last.end === e.va && last.rights === rights && last.what === what) last.end += PAGE;
      else found.push({ start: e.va, end: e.va + (1n << BigInt(12 + 9 * e.level)), rights, shared: false, what, flags: kernelOnly ? ["not for user mode"] : [], kernelOnly });
    }
    return found;
  }

  pageAt(pid: number, va: bigint): PageView | undefined {
    const p = this.process(pid);
    if (p?.root === undefined) return undefined;
    const found = lookUp(this.machine, p.root, va);
    const map = this.maps(pid)?.find((m) => va >= m.start && va < m.end);
    if (map !== undefined && found !== undefined) return { map, pfn: Math.floor(found.pa / 4096), flags: [], text: `frame ${hex(Math.floor(found.pa / 4096))}` };
    const size = BigInt(p.size ?? 0);
    if (va >= size) return undefined;
    const whole: MapView = { start: 0n, end: size, rights: "rw-", shared: false, what: "memory below the process's size", flags: [] };
    return { map: whole, flags: [], text: "not in the page table, though below the process's size (p->sz)" };
  }

  frame(pfn: number): FrameView | undefined {
    const code = this.frameUses()[pfn - RAM / 4096];
    const use = code === undefined ? undefined : FRAME_USES[code];
    if (use === undefined) return undefined;
    const words: Readonly<Partial<Record<FrameUse, string>>> = {
      free: "on the free list", user: "memory of a process", table: "a page table", image: "the kernel's program and data", kernel: "taken by the kernel", other: "outside what kalloc hands out",
    };
    const expected = use !== "user" ? [] : this.spaces().flatMap((s) => (s.kernel ? [] : [...leaves(this.machine, s.root)].filter((e) => (e.raw & U) !== 0n && targetOf(e.raw) === pfn * 4096).map((e) => ({ pid: s.pid!, va: e.va }))));
    return { pfn, use, text: words[use] ?? use, flags: [], checks: [], expected };
  }

  rootOfSpace(pagetable: bigint): number {
    return Number(pagetable / PAGE);
  }

  frameUses(): Uint8Array {
    const code = (use: FrameUse): number => FRAME_USES.indexOf(use);
    const uses = new Uint8Array(this.machine.memory.plan.ramBytes / 4096).fill(code("kernel"));
    const end = this.k.symbols.addressOf("end");
    if (end !== undefined) uses.fill(code("image"), 0, Math.max(0, Math.ceil((Number(end) - RAM) / 4096)));
    const spaces = this.spaces();
    for (const s of spaces) if (!s.kernel) markUserFrames(this.machine, s.root, uses, code("user"));
    for (const pfn of tableFrames(this.machine, spaces.map((s) => s.root))) if (pfn >= RAM / 4096) uses[pfn - RAM / 4096] = code("table");
    for (const p of this.processes()) if (p.root !== undefined) this.markTrapframe(p.root, uses, code("kernel"));
    this.markFree(uses, code("free"));
    return uses;
  }

  kernelStacks(): (Range & { name: string })[] {
    return this.processes().flatMap((p) => (p.kernelStack === undefined ? [] : [{ ...p.kernelStack, name: `pid ${p.pid} ${p.name}` }]));
  }

  /** The trapframe is the kernel's, and its page not for user mode; a page shared with U set stays what it was. */
  private markTrapframe(root: number, uses: Uint8Array, code: number): void {
    const found = lookUp(this.machine, root, TRAPFRAME);
    const at = found === undefined ? -1 : Math.floor((found.pa - RAM) / 4096);
    if (at >= 0 && at < uses.length && (found!.leaf.raw & U) === 0n) uses[at] = code;
  }

  private markFree(uses: Uint8Array, code: number): void {
    this.k.attempt("the free list", undefined, () => {
      const list = this.k.global("kmem");
      if (list?.has("freelist") !== true) return;
      for (const run of this.k.list("the free list", list.field("freelist"), "next")) {
        const at = (Number(run.address) - RAM) / 4096;
        if (at >= 0 && at < uses.length) uses[Math.floor(at)] = code;
      }
    });
  }

  /** Slots of the table that are in use. */
  private slots(): Value[] {
    return this.k.attempt("proc[]", [], () => {
      const table = this.k.global("proc")!;
      return Array.from({ length: table.length }, (_, i) => table.at(i)).filter((p) => p.field("state").number() !== 0);
    });
  }

  private processView(p: Value): ProcessView {
    const parent = p.has("parent") ? p.field("parent") : undefined;
    const frame = p.has("trapframe") ? p.field("trapframe") : undefined;
    const state = p.field("state").enumerator()?.toLowerCase() ?? String(p.field("state").number());
    const root = p.field("pagetable").big();
    const stack = p.has("kstack") ? p.field("kstack").big() : 0n;
    const hart = state === "running" ? this.hartOf(p) : undefined;
    const table = root === 0n ? undefined : Number(root / PAGE);
    let resident = 0;
    if (table !== undefined) for (const e of leaves(this.machine, table)) if ((e.raw & U) !== 0n) resident += 512 ** e.level;
    return {
      pid: p.field("pid").number(), name: p.field("name").cstring(), state, hart, root: table, resident, size: p.field("sz").number(),
      parent: parent === undefined || parent.isNull ? undefined : parent.field("pid").number(),
      channel: state === "sleeping" && p.has("chan") ? p.field("chan").big() : undefined,
      user: frame === undefined || frame.isNull ? undefined : savedRegisters(frame.deref(), REGISTER_NAMES, "epc"),
      kernel: (state === "sleeping" || state === "runnable") && p.has("context") ? switchedRegisters(p.field("context")) : undefined,
      kernelStack: stack === 0n ? undefined : { start: stack, end: stack + PAGE },
    };
  }

  private hartOf(p: Value): number | undefined {
    const cpus = this.k.global("cpus")!;
    for (const { id } of this.machine.harts) if (id < cpus.length && cpus.at(id).field("proc").big() === p.address) return id;
    return undefined;
  }
}
