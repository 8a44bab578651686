// Physical memory protection: 16 entries that grant or refuse ranges of physical addresses
// (Privileged ISA, "Physical Memory Protection").

import { FETCH, LOAD, MACHINE, type Access, type Privilege } from "./walk.ts";

const R = 1;
const W = 2;
const X = 4;
const A_SHIFT = 3;
const L = 0x80;
/** Bits of a configuration byte that exist. */
const CONFIG_MASK = 0x9f;
export const PMP_ENTRIES = 16;

/** The answer for a range: all of it allowed, all refused, or different answers inside it. */
export type Verdict = "allow" | "refuse" | "mixed";

/** The PMP unit of a hart. Addresses are bytes as JS numbers; pmpaddr values come and go as 32-bit halves. */
export class Pmp {
  readonly config = new Uint8Array(PMP_ENTRIES);
  readonly low = new Int32Array(PMP_ENTRIES);
  readonly high = new Int32Array(PMP_ENTRIES);
  private readonly from = new Float64Array(PMP_ENTRIES);
  private readonly to = new Float64Array(PMP_ENTRIES);
  private anyOn = false;

  reset(): void {
    this.config.fill(0);
    this.low.fill(0);
    this.high.fill(0);
    this.update();
  }

  /** Write configuration byte `i`; a locked one does not change. The reserved W-without-R becomes neither. */
  writeConfig(i: number, value: number): void {
    if ((this.config[i]! & L) !== 0) return;
    const v = value & CONFIG_MASK;
    this.config[i] = (v & (R | W)) === W ? v & ~W : v;
    this.update();
  }

  /** Write pmpaddr `i` (54 bits of address >> 2); ignored when it, or the TOR entry above it, is locked. */
  writeAddress(i: number, lo: number, hi: number): void {
    const above = i + 1 < PMP_ENTRIES ? this.config[i + 1]! : 0;
    if ((this.config[i]! & L) !== 0 || ((above & L) !== 0 && ((above >> A_SHIFT) & 3) === 1)) return;
    this.low[i] = lo;
    this.high[i] = hi & 0x3fffff;
    this.update();
  }

  /** May `privilege` access [address, address + size)? */
  check(address: number, size: number, access: Access, privilege: Privilege): Verdict {
    if (!this.anyOn) return privilege === MACHINE ? "allow" : "refuse";
    const end = address + size;
    for (let i = 0; i < PMP_ENTRIES; i++) {
      if (end <= this.from[i]! || address >= this.to[i]!) continue;
      if (address < this.from[i]! || end > this.to[i]!) return "mixed";
      const config = this.config[i]!;
      if (privilege === MACHINE && (config & L) === 0) return "allow";
      const wanted = access === LOAD ? R : access === FETCH ? X : W;
      return (config & wanted) !== 0 ? "allow" : "refuse";
    }
    return privilege === MACHINE ? "allow" : "refuse";
  }

  /** Recompute the ranges [from, to) from configuration and addresses; an entry that is off is empty, as [0, 0). */
  update(): void {
    this.anyOn = false;
    for (let i = 0; i < PMP_ENTRIES; i++) {
      const config = this.config[i]!;
      const mode = (config >> A_SHIFT) & 3;
      const value = (this.low[i]! >>> 0) + this.high[i]! * 2 ** 32;
      if (mode !== 0) this.anyOn = true;
      if (mode === 1) {
        this.from[i] = i === 0 ? 0 : ((this.low[i - 1]! >>> 0) + this.high[i - 1]! * 2 ** 32) * 4;
        this.to[i] = value * 4;
        if (this.from[i]! >= this.to[i]!) this.from[i] = this.to[i] = 0; // empty, and no bound that an access could straddle
      } else if (mode === 2) {
        this.from[i] = value * 4;
        this.to[i] = value * 4 + 4;
      } else if (mode === 3) {
        this.napot(i);
      } else {
        this.from[i] = this.to[i] = 0;
      }
    }
  }

  /** Naturally aligned power of two: k trailing ones in pmpaddr mean a range of 2^(k+3) bytes. */
  private napot(i: number): void {
    const lo = this.low[i]!;
    const hi = this.high[i]!;
    const ones = lo === -1 ? 32 + trailingOnes(hi) : trailingOnes(lo);
    const size = 2 ** (ones + 3);
    const value = ((lo >>> 0) + hi * 2 ** 32) * 4;
    this.from[i] = Math.floor(value / size) * size;
    this.to[i] = this.from[i]! + size;
  }
}

const trailingOnes = (v: number): number => 31 - Math.clz32(~v & (v + 1));
