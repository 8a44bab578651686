// Physical memory as harts and DMA masters see it: RAM inside the machine's WebAssembly.Memory, everything else on the bus.

import type { Bus, Dma } from "../bus.ts";
import type { MemoryPlan } from "../hart/layout.ts";
import { RAM as RAM_BASE } from "../memory-map.ts";
import type { Tlb } from "./tlb.ts";
import { STORE } from "./walk.ts";
import { Watches, type Accessor } from "./watches.ts";

/** What holds decoded code of RAM frames, and must hear of writes to them. */
export interface CodeWatcher {
  /** Bytes [pa, pa + size) of a frame that holds decoded code were written. */
  written(pa: number, size: number): void;
}

/** The frame holds decoded code. */
export const FRAME_CODE = 1;
/** Somebody watches writes to the frame. */
export const FRAME_WATCHED = 2;
/** Somebody watches reads of the frame: engines may not even read it unseen. */
export const FRAME_READ = 4;
/** Not written since `track`: the first write is to be noted, the others need not be. */
export const FRAME_TRACKED = 8;

export class PhysicalMemory implements Dma {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly view64: DataView;
  readonly plan: MemoryPlan;
  readonly bus: Bus;
  /** Flags of each RAM frame (4 KiB) whose accesses somebody must hear of; engines may not write such a frame unseen. */
  readonly frameFlags: Uint8Array;
  /** The TLBs of all harts: each MMU adds its own. */
  readonly tlbs: Tlb[] = [];
  readonly watches: Watches;
  /** Frames written since `track`, each once, in the order in which that was noted; `dirtyCount` says how many. */
  readonly dirty: Int32Array;
  dirtyCount = 0;
  private tracking = false;
  /** Which frames were ever written: the others are 0. */
  private readonly touched: Uint8Array;
  /** Set by the code cache. */
  watcher: CodeWatcher = { written: () => undefined };

  constructor(memory: WebAssembly.Memory, plan: MemoryPlan, bus: Bus) {
    this.words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.view64 = new DataView(memory.buffer);
    this.plan = plan;
    this.bus = bus;
    this.frameFlags = new Uint8Array(plan.ramBytes / 4096);
    this.dirty = new Int32Array(this.frameFlags.length);
    this.touched = new Uint8Array(this.frameFlags.length);
    this.watches = new Watches(this);
  }

  /** Byte offset in the WebAssembly memory of [pa, pa + size), or −1 when it is not wholly RAM. */
  host(pa: number, size: number): number {
    const offset = pa - RAM_BASE;
    return offset >= 0 && offset + size <= this.plan.ramBytes ? this.plan.ramBase + offset : -1;
  }

  view(pa: number, length: number): Uint8Array | null {
    const at = this.host(pa, length);
    return at < 0 || length < 0 ? null : this.bytes.subarray(at, at + length);
  }

  /** Write as a device does, or as somebody outside. False, and nothing written, where that is not wholly RAM. */
  write(pa: number, bytes: Uint8Array, by: Accessor = "dma"): boolean {
    const at = this.host(pa, bytes.length);
    if (at < 0) return false;
    const old = this.watches.active ? this.bytes.slice(at, at + bytes.length) : undefined;
    this.bytes.set(bytes, at);
    const last = Math.floor((pa + bytes.length - 1 - RAM_BASE) / 4096);
    for (let frame = Math.floor((pa - RAM_BASE) / 4096); frame <= last; frame++) {
      const from = Math.max(pa, RAM_BASE + frame * 4096);
      const size = Math.min(pa + bytes.length, RAM_BASE + (frame + 1) * 4096) - from;
      this.wrote(from, size);
      if (this.watches.active) this.watches.tell(by, -1, STORE, 0, 0, from, size, old?.subarray(from - pa, from - pa + size));
    }
    return true;
  }

  /** Bytes [pa, pa + size) of one frame of RAM were written: note the frame, discard code decoded from them. Watches are told apart from this. */
  wrote(pa: number, size: number): void {
    const frame = (pa - RAM_BASE) >>> 12;
    const flags = this.frameFlags[frame]!;
    if (flags === 0) return;
    if ((flags & FRAME_TRACKED) !== 0) this.dirtied(frame);
    if ((flags & FRAME_CODE) !== 0) this.watcher.written(pa, size);
  }

  /** From now on note which frames are written; the list starts empty. */
  track(): void {
    const flags = this.frameFlags;
    if (!this.tracking) for (let frame = 0; frame < flags.length; frame++) flags[frame] = flags[frame]! | FRAME_TRACKED;
    for (let i = 0; i < this.dirtyCount; i++) flags[this.dirty[i]!] = flags[this.dirty[i]!]! | FRAME_TRACKED;
    this.tracking = true;
    this.dirtyCount = 0;
    for (const tlb of this.tlbs) tlb.withhold(STORE, -1);
  }

  /** Fill RAM with 0. */
  clear(): void {
    for (let frame = 0; frame < this.touched.length; frame++) {
      if (this.touched[frame] === 0) continue;
      this.words.fill(0, (this.plan.ramBase >> 2) + frame * 1024, (this.plan.ramBase >> 2) + (frame + 1) * 1024);
      this.wrote(RAM_BASE + frame * 4096, 4096);
      if (this.watches.active) this.watches.tell("host", -1, STORE, 0, 0, RAM_BASE + frame * 4096, 4096);
    }
  }

  /** A frame was written, or is about to be: put it on the list if it is not there. */
  dirtied(frame: number): void {
    if ((this.frameFlags[frame]! & FRAME_TRACKED) === 0) return;
    this.frameFlags[frame] = this.frameFlags[frame]! & ~FRAME_TRACKED;
    this.dirty[this.dirtyCount++] = frame;
    this.touched[frame] = 1;
  }

  /** As if every frame that was ever written had been written again. */
  dirtyAll(): void {
    for (let frame = 0; frame < this.touched.length; frame++) if (this.touched[frame] !== 0) this.dirtied(frame);
  }

  /** A frame's bytes were put back to those of another time, behind everybody's back: only decoded code must know. */
  restored(frame: number): void {
    if ((this.frameFlags[frame]! & FRAME_CODE) !== 0) this.watcher.written(RAM_BASE + frame * 4096, 4096);
  }
}
