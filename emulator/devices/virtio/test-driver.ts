// A plain virtio driver for tests: it brings a transport up and offers chains, right or wrong.
import { TestRam } from "../testing.ts";
import type { VirtioMmio } from "./mmio.ts";

export const RAM_BASE = 0x8000_0000;
export const DESC = RAM_BASE;
export const AVAIL = RAM_BASE + 0x2000;
export const USED = RAM_BASE + 0x3000;
export const DATA = RAM_BASE + 0x1_0000;

export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

/** One descriptor as it stands in memory. */
export interface Descriptor {
  pa: number;
  length: number;
  flags: number;
  next?: number;
}

export class TestDriver {
  readonly ram: TestRam;
  readonly size: number;
  #available = 0;
  #seen = 0;

  constructor(size = 8, memory = 0x4_0000) {
    this.ram = new TestRam(RAM_BASE, memory);
    this.size = size;
  }

  r(slot: VirtioMmio, offset: number): number {
    return slot.read(offset, 4);
  }

  w(slot: VirtioMmio, offset: number, value: number): void {
    slot.write(offset, 4, value);
  }

  /** Reset, negotiate (`lo`, `hi`), set queue 0 up, DRIVER_OK. Returns the status at the end. */
  start(slot: VirtioMmio, lo = 0, hi = 1): number {
    this.ram.bytes.fill(0, 0, 0x1_0000);
    this.#available = this.#seen = 0;
    this.w(slot, 0x70, 0);
    this.w(slot, 0x70, 1);
    this.w(slot, 0x70, 3);
    this.w(slot, 0x24, 0);
    this.w(slot, 0x20, lo);
    this.w(slot, 0x24, 1);
    this.w(slot, 0x20, hi);
    this.w(slot, 0x70, 0xb);
    this.queue(slot);
    this.w(slot, 0x70, 0xf);
    return this.r(slot, 0x70);
  }

  queue(slot: VirtioMmio, desc = DESC, avail = AVAIL, used = USED): void {
    this.w(slot, 0x30, 0);
    this.w(slot, 0x38, this.size);
    for (const [offset, pa] of [[0x80, desc], [0x90, avail], [0xa0, used]] as const) {
      this.w(slot, offset, pa % 2 ** 32);
      this.w(slot, offset + 4, Math.floor(pa / 2 ** 32));
    }
    this.w(slot, 0x44, 1);
  }

  descriptor(index: number, d: Descriptor, table = DESC): void {
    const at = table - RAM_BASE + index * 16;
    this.ram.data.setUint32(at, d.pa % 2 ** 32, true);
    this.ram.data.setUint32(at + 4, Math.floor(d.pa / 2 ** 32), true);
    this.ram.data.setUint32(at + 8, d.length, true);
    this.ram.data.setUint16(at + 12, d.flags, true);
    this.ram.data.setUint16(at + 14, d.next ?? 0, true);
  }

  /** Put a chain into consecutive descriptors from `first`; NEXT flags and links are added. */
  chain(first: number, parts: Descriptor[], table = DESC): void {
    parts.forEach((part, i) => {
      const more = i < parts.length - 1;
      this.descriptor(first + i, { ...part, flags: part.flags | (more ? NEXT : 0), next: more ? first + i + 1 : 0 }, table);
    });
  }

  /** Offer the chain that starts at `head`, without a notification. */
  offer(head: number): void {
    this.ram.data.setUint16(AVAIL - RAM_BASE + 4 + 2 * (this.#available % this.size), head, true);
    this.#available = (this.#available + 1) & 0xffff;
    this.availableIndex(this.#available);
  }

  availableIndex(index: number): void {
    this.ram.data.setUint16(AVAIL - RAM_BASE + 2, index, true);
  }

  notify(slot: VirtioMmio): void {
    this.w(slot, 0x50, 0);
  }

  /** The chains given back since the last call: [head, written]. */
  used(): [number, number][] {
    const index = this.ram.data.getUint16(USED - RAM_BASE + 2, true);
    const out: [number, number][] = [];
    for (; this.#seen !== index; this.#seen = (this.#seen + 1) & 0xffff) {
      const at = USED - RAM_BASE + 4 + 8 * (this.#seen % this.size);
      out.push([this.ram.data.getUint32(at, true), this.ram.data.getUint32(at + 4, true)]);
    }
    return out;
  }

  /** A block request's header at `pa`. */
  header(pa: number, kind: number, sector: number): void {
    const at = pa - RAM_BASE;
    this.ram.data.setUint32(at, kind, true);
    this.ram.data.setUint32(at + 4, 0, true);
    this.ram.data.setUint32(at + 8, sector % 2 ** 32, true);
    this.ram.data.setUint32(at + 12, Math.floor(sector / 2 ** 32), true);
  }

  byte(pa: number): number {
    return this.ram.bytes[pa - RAM_BASE]!;
  }
}
