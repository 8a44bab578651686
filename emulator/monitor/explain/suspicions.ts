// What is wrong with the kernel's memory at the moment of a fault or a panic: objects that count too few references,
// page tables that show frames which are free or the kernel's, guards that are mapped, pointers into memory that was
// given back. The mistake itself was often made long before, so history is asked who did it. Only what cannot be right
// is said: a count that is too large may be somebody's who holds a reference for the time of a call.

import { RAM } from "../../memory-map.ts";
import { USER } from "../../mmu/walk.ts";
import { REGISTER_NAMES } from "../../isa/disassemble.ts";
import { sharedPage, wrongUse } from "../commands/check.ts";
import { count, hex } from "../format.ts";
import type { MapView, ShortObject, SpaceView } from "../kernel-view/kernel-view.ts";
import type { Monitor } from "../monitor.ts";
import { leaves, lookUp, type Entry } from "../page-table.ts";
import { at } from "../past.ts";
import { flagLetters, spanOf, targetOf } from "../pte.ts";
import { callNames, type Facts } from "./facts.ts";
import type { Cell } from "./origin.ts";
import type { Subject } from "./subject.ts";
import { writerOf, writersOf, writerSentence, writerText, type Writer } from "./writer.ts";

/** Something wrong that may be the cause. */
export interface Suspicion {
  /** A sentence without its full stop. */
  readonly sentence: string;
  /** How it came to that, by history: lines. */
  readonly more: readonly string[];
}

/** The same before history was asked; `distance`: 0 is about the address itself, 1 about its process, 2 about others. */
interface Found {
  readonly distance: number;
  readonly sentence: string;
  /** Lines, and a better sentence where history knows one. */
  readonly ask: () => { readonly more: readonly string[]; readonly sentence?: string };
}

/** What is looked at. */
export interface Scene {
  readonly hart: number;
  readonly pid: number;
  readonly moment: number;
  /** The kernel will not go on on that hart: what it was changing stays so. */
  readonly stopped: boolean;
  readonly facts: Facts | undefined;
  /** The address, and its root; undefined for a panic. */
  readonly va: bigint | undefined;
  readonly root: number | undefined;
  /** Where the address came from. */
  readonly origin: readonly Cell[];
  /** Only what is about the address. */
  readonly near: boolean;
}

/** Suspicions that are told. */
const MOST = 2;
/** Users of an object, writes of its count, and calls that are told. */
const USERS = 3;
const WRITES = 3;
const CALLS = 6;
/** Registers that may hold what the kernel works with: arguments, and what a call keeps. */
const WORKING = [...Array.from({ length: 8 }, (_, i) => 10 + i), 8, 9, ...Array.from({ length: 10 }, (_, i) => 18 + i)];

/** What is looked at for a fault or a question. `fatal`: it has killed its process or the kernel. */
export function sceneOf(s: Subject, facts: Facts, fatal: boolean, origin: readonly Cell[]): Scene {
  return { hart: s.hart, pid: s.pid, moment: s.moment, stopped: fatal && s.code !== USER, facts, va: s.va, root: s.root, origin, near: !fatal };
}

/** What is wrong, the nearest first. The machine stands at the scene's moment. */
export function suspicions(m: Monitor, scene: Scene): Suspicion[] {
  const found = [...shortObjects(m, scene), ...wrongFrames(m, scene), ...(scene.near ? [] : openGuards(m, scene)), ...(scene.stopped ? freedPointers(m, scene) : [])];
  return found.sort((a, b) => a.distance - b.distance).slice(0, MOST)
    .map(({ sentence, ask }) => ({ sentence, more: [], ...(m.timeline === undefined ? {} : ask()) }));
}

// ---- objects that count too few references

function shortObjects(m: Monitor, scene: Scene): Found[] {
  const here = new Set<bigint>();
  for (let o = scene.facts?.mapped?.map?.object; o !== undefined; o = o.shadow) here.add(o.address);
  const short = m.view.shortObjects?.(scene.stopped ? scene.hart : undefined) ?? [];
  return short.map((o): Found => ({
    distance: here.has(o.address) ? 0 : o.users.some((u) => u.pid === scene.pid) ? 1 : 2,
    sentence: shortText(m, o), ask: () => ({ more: shortHistory(m, o, scene.moment) }),
  })).filter((f) => f.distance === 0 || !scene.near);
}

function shortText(m: Monitor, { address, freed, references: { claimed, found }, users }: ShortObject): string {
  const list = users.slice(0, USERS).map((u) => `${processName(m, u.pid)} at ${hex(u.va)}`);
  const who = list.length === 0 ? "" : ` (${list.join(", ")}${users.length > USERS ? ", …" : ""})`;
  if (freed) return `the kernel has freed object ${hex(address)} with its pages while it is mapped${who}: somebody referred to it without being counted`;
  return `object ${hex(address)} counts ${times(claimed)}, and ${count(found)} refer to it${who}: it is freed while it is in use`;
}

const times = (n: number): string => (n === 1 ? "1 reference" : `${count(n)} references`);
const processName = (m: Monitor, pid: number): string => `pid ${pid} ${m.view.process(pid)?.name ?? ""}`.trim();

/** The last changes of the count back to where it began, and who made those refer to it that do. */
function shortHistory(m: Monitor, o: ShortObject, moment: number): string[] {
  const lines: string[] = [];
  const read = (): number => Number(m.machine.memory.view(o.countAt, o.countSize)?.[0] ?? 0);
  let [after, before] = [read(), moment];
  for (; lines.length < WRITES && (after > 0 || before === moment);) {
    const w = writerOf(m, o.countAt, o.countSize, before);
    if (w === undefined) break;
    const was = at(m, w.moment, read);
    lines.push(`${lines.length === 0 ? "its count of references" : "and before that"} went from ${was} to ${after} in ${writerText(w, moment)}`);
    [after, before] = [was, w.moment];
  }
  for (const u of o.users.slice(0, USERS)) {
    const w = writerOf(m, u.pointerAt, 8, moment);
    if (w !== undefined) lines.push(`the reference of ${processName(m, u.pid)} was made by ${writerText(w, moment)}`);
  }
  if (before < moment) lines.push(`the alarm refs, switched on at t=${count(before)}, names the change that was not counted`);
  return lines;
}

// ---- frames that are free or the kernel's, and mapped for user mode

function wrongFrames(m: Monitor, scene: Scene): Found[] {
  const uses = m.view.frameUses();
  const found: Found[] = [];
  for (const space of m.view.spaces()) {
    if (space.kernel || (scene.near && space.root !== scene.root)) continue;
    const wrong = scene.near ? leavesAt(m, space, scene.va!) : [...leaves(m.machine, space.root)];
    const maps = scene.near ? undefined : settledMaps(m, space);
    const first = wrong.map((e) => wrongLeaf(m, scene, { space, maps, uses }, e)).filter((f) => f !== undefined).sort((a, b) => a.distance - b.distance)[0];
    if (first !== undefined) found.push(first);
  }
  return found;
}

const leavesAt = (m: Monitor, space: SpaceView, va: bigint): Entry[] => {
  const leaf = lookUp(m.machine, space.root, va)?.leaf;
  return leaf === undefined ? [] : [leaf];
};

/** What a page table is held against. */
interface Truth {
  readonly space: SpaceView;
  readonly maps: readonly MapView[] | undefined;
  readonly uses: Uint8Array;
}

/** What is wrong with an entry. */
function wrongLeaf(m: Monitor, scene: Scene, { space, maps, uses }: Truth, e: Entry): Found | undefined {
  if ((e.raw & 16n) === 0n || sharedPage(m, e.va) || targetOf(e.raw) % spanOf(e.level) !== 0) return undefined; // hardware refuses the last kind
  const bad = wrongUse(e, uses);
  const stray = maps !== undefined && !maps.some((x) => e.va >= x.start && e.va < x.end);
  if (bad === undefined && !stray) return undefined;
  const pfn = bad?.pfn ?? targetOf(e.raw) / 4096;
  const what = bad?.what ?? `its map has nothing there: the frame is ${m.view.frame(pfn)?.text ?? "somebody else's"}`;
  const may = (e.raw & 4n) !== 0n ? "write" : "read";
  return {
    distance: scene.facts?.mapped?.page?.pfn === pfn || scene.origin.some(({ pa }) => Math.floor(pa / 4096) === pfn) ? 0 : space.pid === scene.pid ? 1 : 2,
    sentence: `${space.name} can still ${may} frame ${hex(pfn)} at ${hex(e.va)} (entry ${hex(e.address)} ${flagLetters(e.raw)}), and ${what}`,
    ask: () => {
      const [w] = writersOf(m, e.address, scene.moment) ?? [];
      return { more: [...(w === undefined ? [] : [writerSentence(w, true, scene.moment)]), ...useHistory(m, pfn, scene.moment)] };
    },
  };
}

/** What a process has mapped; undefined where somebody may be changing that now. */
function settledMaps(m: Monitor, { pid }: SpaceView): readonly MapView[] | undefined {
  if (pid === undefined || m.view.isChanging === undefined || m.view.isChanging(pid) || m.view.process(pid)?.state === "used") return undefined;
  return m.view.maps(pid);
}

/** Who said last what a frame is used for: who freed it, or took it. */
function useHistory(m: Monitor, pfn: number, moment: number): string[] {
  const place = m.view.useAt?.(pfn);
  const w = place === undefined ? undefined : writerOf(m, place, 1, moment);
  if (w === undefined) return [];
  const calls = w.hart === null ? [] : at(m, w.moment, () => callNames(m, w.hart!, CALLS));
  const who = w.pid === 0 ? "" : ` in pid ${w.pid} ${w.name}`;
  return [`the frame was ${m.view.isFree?.(pfn) === true ? "freed" : "taken"} by ${calls.map((c) => `${c}()`).join(" <- ")}${who}   [goto t=${count(w.moment)}]`];
}

// ---- guards of kernel stacks

/** Kernel stacks above a page that is mapped. Those in the kernel's direct map of memory have no guard. */
function openGuards(m: Monitor, scene: Scene): Found[] {
  const root = m.view.kernelRoot();
  if (root === undefined) return [];
  const found = m.view.kernelStacks().flatMap(({ start, name }): Found[] => {
    const leaf = m.machine.memory.host(Number(start), 1) >= 0 ? undefined : lookUp(m.machine, root, start - 1n)?.leaf;
    if (leaf === undefined) return [];
    const sentence = `the guard below the kernel stack of ${name} is mapped: an overflow of that stack writes there without a fault`;
    return [{
      distance: name.startsWith(`pid ${scene.pid} `) ? 1 : 2, sentence,
      ask: () => ({ more: (writersOf(m, leaf.address, scene.moment) ?? []).slice(0, 1).map((w) => writerSentence(w, true, scene.moment)) }),
    }];
  });
  return found.sort((a, b) => a.distance - b.distance).slice(0, 1); // one mistake opens them all
}

// ---- pointers into memory that was given back

/** Registers of the hart that hold an address in a free frame: the kernel works with memory that it has freed. */
function freedPointers(m: Monitor, scene: Scene): Found[] {
  const { isFree } = m.view;
  if (isFree === undefined) return [];
  const { x } = m.machine.inspect.registers(scene.hart);
  const told = new Set<number>();
  const found: Found[] = [];
  for (const cell of scene.origin) {
    const { va, pa } = cell;
    const pfn = Math.floor(pa / 4096);
    if (told.has(pfn) || !isFree.call(m.view, pfn)) continue;
    told.add(pfn);
    const frame = `the address was in memory at ${hex(va)}, in frame ${hex(pfn)}, which is free`;
    found.push({ distance: 0, sentence: frame, ask: () => afterFree(m, scene, pfn, frame, cell) });
  }
  for (const n of WORKING) {
    const pfn = Number(x[n]! / 4096n);
    if (x[n]! < BigInt(RAM) || told.has(pfn) || m.machine.memory.host(pfn * 4096, 4096) < 0 || !isFree.call(m.view, pfn)) continue;
    told.add(pfn);
    const frame = `${REGISTER_NAMES[n]} (${hex(x[n]!)}) points into frame ${hex(pfn)}, which is free`;
    found.push({ distance: 0, sentence: `${frame}: the kernel uses memory that it has given back`, ask: () => afterFree(m, scene, pfn, frame) });
  }
  return found;
}

/** Who freed a frame, and who has written to it (to a cell of it) since, if that is not the allocator, which keeps its lists there. */
function afterFree(m: Monitor, { moment }: Scene, pfn: number, frame: string, cell?: Cell): { more: string[]; sentence?: string } {
  const more = useHistory(m, pfn, moment);
  const w = cell === undefined ? writerOf(m, pfn * 4096, 4096, moment) : writerOf(m, cell.pa, 8, cell.moment);
  const freed = writerOf(m, m.view.useAt?.(pfn) ?? pfn * 4096, 1, moment);
  if (w === undefined || freed === undefined || w.moment < freed.moment || ofAllocator(m, w)) return { more };
  return { sentence: `${frame} and was written after it was freed`, more: [`the frame was last written by ${writerText(w, moment)}`, ...more] };
}

function ofAllocator(m: Monitor, w: Writer): boolean {
  const { allocator, allocatorFiles } = m.view.hooks;
  return allocator.includes(w.function) || allocatorFiles.some((f) => `/${w.place}`.includes(`/${f}:`));
}
