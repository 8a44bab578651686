// Physical memory as harts and DMA masters see it: RAM inside the machine's WebAssembly.Memory, everything else on the bus.

import type { Bus, Dma } from "../bus.ts";
import type { MemoryPlan } from "../hart/layout.ts";
import { RAM as RAM_BASE } from "../memory-map.ts";

/** What holds decoded code of RAM frames, and must hear of writes to them. */
export interface CodeWatcher {
  /** Bytes [pa, pa + size) of a frame that holds decoded code were written. */
  written(pa: number, size: number): void;
}

/** The frame holds decoded code. */
export const FRAME_CODE = 1;
/** Something else wants to hear of writes. */
export const FRAME_WATCHED = 2;

export class PhysicalMemory implements Dma {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly view64: DataView;
  readonly plan: MemoryPlan;
  readonly bus: Bus;
  /** Flags of each RAM frame (4 KiB) whose writes somebody must hear of; engines may not write such a frame unseen. */
  readonly frameFlags: Uint8Array;
  /** Set by the code cache. */
  watcher: CodeWatcher = { written: () => undefined };
  /** Hears of writes of `size` bytes at `pa` to frames marked FRAME_WATCHED. */
  onWatchedWrite: (pa: number, size: number) => void = () => undefined;

  constructor(memory: WebAssembly.Memory, plan: MemoryPlan, bus: Bus) {
    this.words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.view64 = new DataView(memory.buffer);
    this.plan = plan;
    this.bus = bus;
    this.frameFlags = new Uint8Array(plan.ramBytes / 4096);
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

  write(pa: number, bytes: Uint8Array): boolean {
    const at = this.host(pa, bytes.length);
    if (at < 0) return false;
    this.bytes.set(bytes, at);
    const last = Math.floor((pa + bytes.length - 1 - RAM_BASE) / 4096);
    for (let frame = Math.floor((pa - RAM_BASE) / 4096); frame <= last; frame++) {
      const from = Math.max(pa, RAM_BASE + frame * 4096);
      this.wrote(from, Math.min(pa + bytes.length, RAM_BASE + (frame + 1) * 4096) - from);
    }
    return true;
  }

  /** Tell whoever watches of a write of `size` bytes at `pa`, in one frame of RAM. */
  wrote(pa: number, size: number): void {
    const flags = this.frameFlags[(pa - RAM_BASE) >>> 12]!;
    if (flags === 0) return;
    if ((flags & FRAME_WATCHED) !== 0) this.onWatchedWrite(pa, size);
    if ((flags & FRAME_CODE) !== 0) this.watcher.written(pa, size);
  }
}
