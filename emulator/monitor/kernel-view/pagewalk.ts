// Our own kernel, by the types in its debug information (guest-kernel/include/proc.h, vm.h, pmap.h): processes, map
// entries, objects, pages. No offset is written down here; only names are.

import type { Machine } from "../../machine.ts";
import { RAM } from "../../memory-map.ts";
import { REGISTER_NAMES } from "../../isa/disassemble.ts";
import { count, hex } from "../format.ts";
import type { Symbols } from "../symbols/symbols.ts";
import { Value } from "../symbols/value.ts";
import { KernelMemory, savedRegisters, switchedRegisters } from "./kernel-memory.ts";
import { FRAME_USES, type FaultProbe, type FrameUse, type FrameView, type KernelHooks, type KernelView, type MapView, type ObjectBooks, type PageView, type ProcessView, type Range, type ShortObject, type SpaceView } from "./kernel-view.ts";
import { fileName, objectBooks, objectChecks, objectView, pageFlags, pageView, viewersOf } from "./pagewalk-objects.ts";
import { shortObjects, type OwnedMap } from "./pagewalk-references.ts";
import { fastProbe } from "./probe.ts";

/** Types and variables by which the kernel is known. */
const NEEDED = { types: ["struct proc", "struct cpu", "struct vm_map_entry", "struct vm_object", "struct vm_page", "struct pmap"], variables: ["proc", "cpus", "vm_pages", "vm_first_frame"] } as const;

/** vm_page.use, by number (vm.h: PAGE_FREE and on), as views call it and in words. */
const USES: readonly (readonly [FrameUse, string])[] = [
  ["free", "free"], ["user", "a page of memory of processes"], ["table", "a page table"], ["kernel", "a page of the kernel's"],
  ["kernel", "small structures of the kernel's"], ["file", "a page of a file"],
];
const [USE_FREE, USE_OBJECT, USE_TABLE, USE_SLAB, USE_FILE] = [0, 1, 2, 4, 5];

/** vm_map_entry.flags (vm.h: ENTRY_…), bit by bit: those that say what the entry is, and properties. */
const ENTRY = { shared: 2, guard: 4, heap: 8, stack: 16, file: 512 } as const;
const ENTRY_PROPERTIES: readonly (readonly [number, string])[] = [
  [1, "needs copy"], [32, "grows down"], [64, "not reserved"], [128, "wants superpages"], [256, "locked"],
];

/** Bytes of a kernel stack (proc.h, memlayout.h: the upper half of its slot). */
const KERNEL_STACK = 0x2000n;

const rightsOf = (bits: number): string => `${bits & 1 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 4 ? "x" : "-"}`;

export class PagewalkView implements KernelView {
  readonly name = "Pagewalk";
  readonly about = "The kernel of this project: processes, maps, objects and frames are read from its own structures.";
  readonly probe: FaultProbe | undefined;
  readonly hooks: KernelHooks = {
    panic: "panic", start: "fork_with", exit: "exit", signal: "signal_send", faultSignal: "signal_fault", copyOut: "copyout",
    frameFree: { symbol: "vm_page_free", argument: "page" },
    objects: {
      changes: [
        { symbol: "vm_entry_attach", argument: 1 }, { symbol: "vm_entry_detach", argument: 0, member: ["struct vm_map_entry", "object"] },
        { symbol: "vm_object_reference", argument: 0 }, { symbol: "vm_object_release", argument: 0 }, { symbol: "vm_object_release_range", argument: 0 },
        { symbol: "vm_object_shadow", argument: 0 }, { symbol: "vm_object_collapse", argument: 0 },
      ],
      behind: ["struct vm_object", "shadow"],
      gone: { symbol: "kmem_free", variable: "object_cache" },
    },
    allocator: ["page_zero", "vm_super_alloc"], allocatorFiles: ["vm/vm_frames.c", "vm/vm_regions.c"],
  };
  private readonly k: KernelMemory;
  private readonly machine: Machine;
  private readonly pagesAt: bigint;
  private framesAt: ReturnType<Symbols["variable"]>;
  /** Where vm_pages is and what it is like, for isFree. */
  private quick: { base: number; first: number; limit: number; size: number; use: number } | undefined;

  /** Are these the symbols of our kernel? */
  static fits(symbols: Symbols): boolean {
    return NEEDED.types.every((t) => symbols.type(t) !== undefined) && NEEDED.variables.every((v) => symbols.variable(v) !== undefined);
  }

  constructor(machine: Machine, symbols: Symbols) {
    this.machine = machine;
    this.k = new KernelMemory(machine, symbols);
    this.k.root = () => this.kernelRoot();
    this.probe = fastProbe(machine, symbols, { counters: "faults" });
    this.pagesAt = symbols.variable("vm_pages")!.address;
  }

  trouble(): string[] {
    return this.k.trouble();
  }

  kernelRoot(): number | undefined {
    const satp = this.k.global("kernel_satp")?.big() ?? 0n;
    return satp === 0n ? undefined : Number(satp & ((1n << 44n) - 1n));
  }

  processes(): ProcessView[] {
    return this.k.attempt("the process table", [], () => {
      const table = this.k.global("proc")!;
      const found: ProcessView[] = [];
      for (let i = 0; i < table.length; i++) {
        const p = table.at(i);
        if (p.field("state").number() !== 0) this.k.attempt(`process ${i}`, undefined, () => { found.push(this.processView(p)); });
      }
      return found.sort((a, b) => a.pid - b.pid);
    });
  }

  process(pid: number): ProcessView | undefined {
    const p = this.find(pid);
    return p === undefined ? undefined : this.k.attempt(`pid ${pid}`, undefined, () => this.processView(p));
  }

  current(hart: number): ProcessView | undefined {
    const pid = this.probe?.pidOf(hart) ?? 0;
    return pid === 0 ? undefined : this.process(pid);
  }

  spaces(): SpaceView[] {
    const root = this.kernelRoot();
    const found: SpaceView[] = root === undefined ? [] : [{ name: "kernel", root, kernel: true }];
    const seen = new Set(found.map((s) => s.root));
    for (const p of this.processes()) {
      if (p.root === undefined || seen.has(p.root)) continue;
      seen.add(p.root);
      found.push({ name: `pid ${p.pid} ${p.name}`, pid: p.pid, root: p.root, asid: p.asid, kernel: false });
    }
    return found;
  }

  maps(pid: number): MapView[] | undefined {
    const map = this.find(pid)?.field("map");
    if (map === undefined) return undefined;
    return this.k.attempt(`the map of pid ${pid}`, [], () => {
      const found: MapView[] = [];
      if (!map.isNull) for (const e of this.k.list(`the map of pid ${pid}`, map.field("first"), "next")) found.push(this.mapView(e));
      return found;
    });
  }

  pageAt(pid: number, va: bigint): PageView | undefined {
    const map = this.find(pid)?.field("map");
    if (map === undefined || map.isNull) return undefined;
    return this.k.attempt(`${hex(va)} in pid ${pid}`, undefined, () => {
      for (const e of this.k.list(`the map of pid ${pid}`, map.field("first"), "next")) {
        if (va >= e.field("start").big() && va < e.field("end").big()) return pageView(this.k, this.mapView(e), e, va & ~4095n, (page) => this.pfnOf(page));
      }
      return undefined;
    });
  }

  frame(pfn: number): FrameView | undefined {
    return this.k.attempt(`frame ${hex(pfn)}`, undefined, () => {
      const { first, limit } = this.managed();
      if (pfn < first || pfn >= limit) return this.unmanaged(pfn, first);
      return this.frameView(pfn, this.k.global("vm_pages")!.at(pfn - first));
    });
  }

  isFree(pfn: number): boolean {
    return this.useOf(pfn) === USE_FREE;
  }

  useAt(pfn: number): number | undefined {
    const pages = this.k.read(this.pagesAt, 8);
    const base = pages === undefined ? 0 : Number(new DataView(pages.buffer, pages.byteOffset).getBigUint64(0, true));
    if (base === 0) return undefined;
    if (this.quick?.base !== base) {
      const page = this.k.type("struct vm_page")!;
      this.quick = { base, ...this.managed(), size: page.size, use: page.field("use")!.offset };
    }
    const { first, limit, size, use } = this.quick;
    return pfn < first || pfn >= limit ? undefined : base + (pfn - first) * size + use;
  }

  /** vm_page.use of a frame; undefined where it has none. */
  private useOf(pfn: number): number | undefined {
    const at = this.useAt(pfn);
    const host = at === undefined ? -1 : this.machine.memory.host(at, 1);
    return host < 0 ? undefined : this.machine.memory.bytes[host];
  }

  rootOfSpace(map: bigint): number | undefined {
    const type = this.k.type("struct vm_map");
    return this.k.attempt("a map", undefined, () => (type === undefined ? undefined : Number(Value.at(type, map, this.k.read).field("pmap").field("root").big() / 4096n)));
  }

  objectBooks(address: bigint): ObjectBooks | undefined {
    const type = this.k.type("struct vm_object");
    return type === undefined ? undefined : this.k.attempt(`object ${hex(address)}`, undefined, () => objectBooks(this.k, Value.at(type, address, this.k.read), () => this.pidsByMap()));
  }

  isChanging(pid: number): boolean {
    return this.k.attempt(`the map of pid ${pid}`, true, () => {
      const map = this.find(pid)?.field("map");
      return map === undefined || map.isNull || map.field("lock").field("state").number() !== 0;
    });
  }

  shortObjects(stopped?: number): ShortObject[] {
    return this.k.attempt("the maps of the processes", [], () => {
      const frameOf = (address: bigint): number => Number(address / 4096n);
      const cpus = this.k.global("cpus")!;
      return shortObjects(this.k, this.ownedMaps(), {
        isFree: (address) => this.isFree(frameOf(address)), isSlab: (address) => this.useOf(frameOf(address)) === USE_SLAB,
        cpu: stopped === undefined || stopped >= cpus.length ? -1n : cpus.at(stopped).address!,
      });
    });
  }

  pointerAt(address: bigint, type: string, member: string): bigint | undefined {
    const known = this.k.type(type);
    return known === undefined ? undefined : this.k.attempt(type, undefined, () => Value.at(known, address, this.k.read).field(member).big());
  }

  frameOfPage(address: bigint): number | undefined {
    const { first, limit } = this.managed();
    const size = BigInt(this.k.type("struct vm_page")!.size);
    const n = (address - this.k.global("vm_pages")!.big()) / size;
    return n >= 0n && n < BigInt(limit - first) ? first + Number(n) : undefined;
  }

  frameUses(): Uint8Array {
    const uses = new Uint8Array(this.machine.memory.plan.ramBytes / 4096);
    return this.k.attempt("the table of frames", uses, () => {
      const { first, limit } = this.managed();
      const type = this.k.type("struct vm_page")!;
      const at = this.k.global("vm_pages")!.big() + BigInt(type.field("use")!.offset);
      const codes = USES.map(([use]) => FRAME_USES.indexOf(use));
      const table = limit > first ? this.k.read(at, (limit - first - 1) * type.size + 1) : undefined;
      for (let i = 0; i < uses.length; i++) {
        const n = RAM / 4096 + i - first;
        uses[i] = n < 0 || n >= limit - first || table === undefined ? FRAME_USES.indexOf(n < 0 ? "image" : "other") : (codes[table[n * type.size]!] ?? FRAME_USES.indexOf("unknown"));
      }
      const zeros = this.k.global("vm_zero_page"); // one for all: processes see it, read-only
      if (zeros !== undefined && !zeros.isNull) uses[this.pfnOf(zeros.deref()) - RAM / 4096] = FRAME_USES.indexOf("user");
      return uses;
    });
  }

  kernelStacks(): (Range & { name: string })[] {
    return this.processes().flatMap((p) => (p.kernelStack === undefined ? [] : [{ ...p.kernelStack, name: `pid ${p.pid} ${p.name}` }]));
  }

  private find(pid: number): Value | undefined {
    const table = this.k.global("proc")!;
    return this.k.attempt("the process table", undefined, () => {
      for (let i = 0; i < table.length; i++) {
        const p = table.at(i);
        if (p.field("state").number() !== 0 && p.field("pid").number() === pid) return p;
      }
      return undefined;
    });
  }

  private processView(p: Value): ProcessView {
    const map = p.field("map");
    const pmap = map.isNull ? undefined : map.deref().field("pmap");
    const parent = p.field("parent");
    const state = p.field("state").enumerator()?.toLowerCase() ?? "?";
    const frame = p.field("trapframe");
    const stack = p.field("kstack").big();
    const hart = state === "running" ? this.hartOf(p) : undefined;
    const faults = Object.fromEntries(p.field("faults").members().map((f) => [f.name, f.value.number()]));
    const root = pmap === undefined ? 0n : pmap.field("root").big();
    return {
      pid: p.field("pid").number(), name: p.field("name").cstring(), state: p.field("stopped").number() !== 0 ? "stopped" : state,
      parent: parent.isNull ? undefined : parent.field("pid").number(), hart, faults,
      root: root === 0n ? undefined : Number(root / 4096n),
      asid: pmap === undefined ? undefined : Number((pmap.field("satp").big() >> 44n) & 0xffffn),
      size: map.isNull ? undefined : map.field("size").number(), resident: pmap?.field("resident").number(),
      channel: state === "sleeping" ? p.field("chan").big() : undefined,
      user: frame.isNull ? undefined : savedRegisters(frame.deref(), REGISTER_NAMES, "epc"),
      kernel: hart !== undefined || state === "zombie" || state === "used" ? undefined : switchedRegisters(p.field("context")),
      kernelStack: { start: stack, end: stack + KERNEL_STACK },
    };
  }

  /** The hart whose structure points to a process. */
  private hartOf(p: Value): number | undefined {
    const cpus = this.k.global("cpus")!;
    for (const { id } of this.machine.harts) if (id < cpus.length && cpus.at(id).field("proc").big() === p.address) return id;
    return undefined;
  }

  private mapView(e: Value): MapView {
    const flags = e.field("flags").number();
    const object = e.field("object");
    return {
      start: e.field("start").big(), end: e.field("end").big(), rights: rightsOf(e.field("protection").number()), maxRights: rightsOf(e.field("max_protection").number()),
      shared: (flags & ENTRY.shared) !== 0, what: this.kindOf(flags, object),
      flags: ENTRY_PROPERTIES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name),
      object: object.isNull ? undefined : objectView(this.k, object.deref()), offset: e.field("offset").number(),
    };
  }

  private kindOf(flags: number, object: Value): string {
    if ((flags & ENTRY.guard) !== 0) return "guard";
    if ((flags & ENTRY.heap) !== 0) return "heap";
    if ((flags & ENTRY.stack) !== 0) return "stack";
    if (object.isNull) return "nothing";
    for (let o = object.deref(), i = 0; i < 64; i++) {
      const file = fileName(this.k, o);
      if (file !== undefined) return file;
      if (o.field("shadow").isNull) break;
      o = o.field("shadow").deref();
    }
    return (flags & ENTRY.file) !== 0 ? "copies of a file" : "anonymous";
  }

  /** What the kernel knows of all frames together: the static `frames` of vm_regions.c, which says how many structures there are. */
  private get regions(): Value | undefined {
    const found = (this.framesAt ??= this.k.symbols.variable("frames", "vm_regions.c"));
    return found?.type.field("structures") === undefined ? undefined : Value.at(found.type, found.address, this.k.read);
  }

  /** Frame numbers [first, limit) that have a vm_page: to the end of memory where the kernel does not say. */
  private managed(): { first: number; limit: number } {
    const first = this.k.global("vm_first_frame")!.number();
    if (this.k.global("vm_pages")!.isNull) return { first: Infinity, limit: 0 };
    const end = (RAM + this.machine.memory.plan.ramBytes) / 4096;
    const structures = this.regions?.field("structures").number() ?? 0;
    return { first, limit: structures === 0 ? end : Math.min(first + structures, end) };
  }

  private pfnOf(page: Value): number {
    const base = this.k.global("vm_pages")!.big();
    return this.managed().first + Number((page.address! - base) / BigInt(page.type.size));
  }

  private unmanaged(pfn: number, first: number): FrameView {
    const image = pfn < first;
    return { pfn, use: image ? "image" : "other", text: image ? "the kernel's program and data, or what it took at boot" : "not managed by the kernel", flags: [], checks: [], expected: [] };
  }

  private frameView(pfn: number, page: Value): FrameView {
    const code = page.field("use").number();
    const [use, words] = USES[code] ?? ["unknown", `of unknown use ${code}`];
    const object = page.field("object");
    const flags = code === USE_OBJECT || code === USE_FILE ? pageFlags(page.field("flags").number()) : [];
    const wired = page.field("wire_count").number();
    if (code === USE_TABLE) return { pfn, use, text: words, flags, checks: [{ what: "valid entries", claimed: wired, found: this.validEntries(pfn) }], expected: [] };
    if ((code !== USE_OBJECT && code !== USE_FILE) || object.isNull) {
      return { pfn, use, text: code === USE_OBJECT ? `${words}, of no object` : words, flags, checks: [], expected: [] };
    }
    const o = object.deref();
    const offset = page.field("offset").number();
    const pids = this.pidsByMap();
    const expected = viewersOf(this.k, o, offset).flatMap(({ entry, va }) => {
      const pid = pids.get(entry.field("map").big());
      return pid === undefined ? [] : [{ pid, va }];
    });
    const file = fileName(this.k, o);
    return {
      pfn, use, flags: wired > 0 ? [...flags, `locked ${count(wired)} times`] : flags, expected,
      text: `page ${count(offset)} of ${file ?? "anonymous object"}${file === undefined ? ` ${hex(o.address!)}` : ""}`,
      checks: objectChecks(this.k, o),
    };
  }

  private validEntries(pfn: number): number {
    const table = this.machine.memory.view(pfn * 4096, 4096);
    let n = 0;
    for (let i = 0; table !== null && i < 4096; i += 8) n += table[i]! & 1;
    return n;
  }

  /** The maps of all processes; one that several run in, of the first of them. */
  private ownedMaps(): OwnedMap[] {
    const table = this.k.global("proc")!;
    const found = new Map<bigint, OwnedMap>();
    for (let i = table.length - 1; i >= 0; i--) {
      const p = table.at(i);
      if (p.field("state").number() !== 0 && !p.field("map").isNull) found.set(p.field("map").big(), { pid: p.field("pid").number(), map: p.field("map") });
    }
    return [...found.values()];
  }

  private pidsByMap(): Map<bigint, number> {
    return new Map(this.ownedMaps().map(({ pid, map }) => [map.big(), pid]));
  }
}
