// The bus: which device answers at which physical address, and the few interfaces that devices are
// written against. RAM is not here: the MMU serves it before the bus is asked.

/** What a device saves and loads: plain JSON-able values and byte arrays, by name. */
export type State = null | boolean | number | string | Uint8Array | State[] | { [name: string]: State };

/** A memory-mapped device. Offsets are from the start of its range; a value is unsigned, 32 bits at most. */
export interface Device {
  readonly name: string;
  /** Read `size` bytes (1, 2 or 4) at `offset`; returns an unsigned number. May have side effects. */
  read(offset: number, size: number): number;
  /** Like read, without any effect: for debuggers. */
  peek(offset: number, size: number): number;
  /** Write the low `size` bytes (1, 2 or 4) of `value` at `offset`. Never throws, whatever the guest does. */
  write(offset: number, size: number, value: number): void;
  /** Back to the state at power-on. */
  reset(): void;
  /** Everything needed to go on from here. Alarms are saved by the clock, not here. */
  save(): State;
  /** Take over a saved state. Throws an Error with one clear line when it does not fit this device. */
  load(state: State): void;
}

/** A level-triggered interrupt wire. */
export interface IrqLine {
  set(level: boolean): void;
}

/** Guest RAM as a DMA master sees it. Physical addresses are JS numbers. */
export interface Dma {
  /** A copy-free view of [pa, pa+length) or null when not wholly in RAM. Read only. */
  view(pa: number, length: number): Uint8Array | null;
  /** Writes; false (and nothing written) when not wholly in RAM. Invalidates translated code. */
  write(pa: number, bytes: Uint8Array): boolean;
}

/** A place of a disk that cannot be read or written: thrown by a backend, and an I/O error for the guest. */
export class MediumError extends Error {}

/** Where the sectors of a disk lie. Offsets and lengths are in bytes and always inside `bytes`. `read` and `write` may throw MediumError. */
export interface BlockBackend {
  readonly bytes: number;
  readonly readOnly: boolean;
  /** What is written is still there after the run: a file on the host. Absent: it is not. */
  readonly lasting?: boolean;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
  flush(): void;
}

/** One range of the physical map. */
export interface Mapping {
  readonly base: number;
  readonly size: number;
  readonly device: Device;
  /** Access widths in bytes that the device answers, out of 1, 2, 4, 8. */
  readonly widths: readonly number[];
}

/** One access, as an observer (tracer, debugger) is told of it. `lo` and `hi` are unsigned 32-bit halves. */
export interface BusAccess {
  readonly kind: "read" | "write";
  readonly pa: number;
  readonly size: number;
  readonly lo: number;
  readonly hi: number;
  readonly mapping: Mapping;
}

const ALL_WIDTHS: readonly number[] = [1, 2, 4, 8];

/**
 * Physical ranges and their devices. Reads leave their result in `lo` and `hi` (unsigned 32-bit halves) so
 * that nothing is allocated and no BigInt is needed; a false answer means an access fault for the guest.
 */
export class Bus {
  /** Low 32 bits of the last successful read or peek. */
  lo = 0;
  /** High 32 bits of the last successful read or peek; 0 unless its size was 8. */
  hi = 0;
  /** Called after each guest access that succeeded (not for a peek); null costs nothing. */
  observer: ((access: BusAccess) => void) | null = null;

  readonly #mappings: Mapping[] = [];
  #last: Mapping | null = null;

  /** Every range, in order of address. */
  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /**
   * Put `device` at [base, base+size). `widths` are the access sizes that it answers; any other is an access
   * fault. Throws when the range overlaps one that is there: that is an error in the wiring, never the guest's.
   */
  attach(base: number, size: number, device: Device, widths: readonly number[] = ALL_WIDTHS): void {
    for (const m of this.#mappings) {
      if (base < m.base + m.size && m.base < base + size) {
        throw new Error(`bus: ${device.name} at 0x${base.toString(16)} overlaps ${m.device.name}`);
      }
    }
    this.#mappings.push({ base, size, device, widths });
    this.#mappings.sort((a, b) => a.base - b.base);
  }

  /** The range that holds `pa`, or null. */
  find(pa: number): Mapping | null {
    const last = this.#last;
    if (last !== null && pa >= last.base && pa < last.base + last.size) return last;
    for (const m of this.#mappings) {
      if (pa >= m.base && pa < m.base + m.size) {
        this.#last = m;
        return m;
      }
    }
    return null;
  }

  /** Read `size` bytes (1, 2, 4, 8) at `pa` into `lo` and `hi`. False: nothing answers there with that width. */
  read(pa: number, size: number): boolean {
    const m = this.#target(pa, size);
    if (m === null) return false;
    const offset = pa - m.base;
    if (size === 8) {
      const lo = m.device.read(offset, 4) >>> 0;
      this.hi = m.device.read(offset + 4, 4) >>> 0;
      this.lo = lo;
    } else {
      this.lo = m.device.read(offset, size) >>> 0;
      this.hi = 0;
    }
    if (this.observer !== null) this.#observe("read", pa, size, this.lo, this.hi, m);
    return true;
  }

  /** Like `read`, with no effect on any device and no event. */
  peek(pa: number, size: number): boolean {
    const m = this.#target(pa, size);
    if (m === null) return false;
    const offset = pa - m.base;
    this.lo = m.device.peek(offset, size === 8 ? 4 : size) >>> 0;
    this.hi = size === 8 ? m.device.peek(offset + 4, 4) >>> 0 : 0;
    return true;
  }

  /** Write the low `size` bytes of hi:lo at `pa`; 8 bytes go as two words, low first. False: access fault. */
  write(pa: number, size: number, lo: number, hi: number): boolean {
    const m = this.#target(pa, size);
    if (m === null) return false;
    const offset = pa - m.base;
    if (size === 8) {
      m.device.write(offset, 4, lo >>> 0);
      m.device.write(offset + 4, 4, hi >>> 0);
    } else {
      m.device.write(offset, size, size === 4 ? lo >>> 0 : lo & (size === 1 ? 0xff : 0xffff));
    }
    if (this.observer !== null) this.#observe("write", pa, size, lo >>> 0, size === 8 ? hi >>> 0 : 0, m);
    return true;
  }

  #target(pa: number, size: number): Mapping | null {
    const m = this.find(pa);
    if (m === null || pa % size !== 0 || pa + size > m.base + m.size) return null;
    return m.widths.includes(size) ? m : null;
  }

  #observe(kind: "read" | "write", pa: number, size: number, lo: number, hi: number, mapping: Mapping): void {
    this.observer?.({ kind, pa, size, lo, hi, mapping });
  }
}
