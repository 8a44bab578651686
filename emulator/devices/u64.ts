// 64-bit unsigned arithmetic on pairs of 32-bit halves, for places that are not hot.

/** An unsigned 64-bit number; both halves are unsigned 32-bit integers. */
export interface U64 {
  readonly lo: number;
  readonly hi: number;
}

const TWO32 = 0x1_0000_0000;

/** From a non-negative integer below 2^53. */
export function u64(value: number): U64 {
  return { lo: value % TWO32, hi: Math.floor(value / TWO32) };
}

/** a + b, modulo 2^64. */
export function add(a: U64, b: U64): U64 {
  const lo = a.lo + b.lo;
  return { lo: lo >>> 0, hi: (a.hi + b.hi + (lo >= TWO32 ? 1 : 0)) >>> 0 };
}

/** a - b, modulo 2^64. */
export function subtract(a: U64, b: U64): U64 {
  const lo = a.lo - b.lo;
  return { lo: lo >>> 0, hi: (a.hi - b.hi - (lo < 0 ? 1 : 0)) >>> 0 };
}

/** a < b, unsigned. */
export function less(a: U64, b: U64): boolean {
  return a.hi < b.hi || (a.hi === b.hi && a.lo < b.lo);
}

/** As a JS number; above 2^53 the nearest one. */
export function toNumber(a: U64): number {
  return a.hi * TWO32 + a.lo;
}

/** Whole seconds in nanoseconds. `seconds` is an integer of 0 to 2^33. */
export function secondsToNs(seconds: number): U64 {
  const low = (seconds % 0x10000) * 1e9;
  const high = Math.floor(seconds / 0x10000) * 1e9; // times 2^16
  return add(u64(low), add({ lo: 0, hi: Math.floor(high / 0x10000) >>> 0 }, u64((high % 0x10000) * 0x10000)));
}
