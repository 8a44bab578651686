// Comparisons, minimum, maximum and classification of F and D.

import { CANONICAL_NAN, FORMATS, NV, isNaNValue, unpack, type Flags, type Precision } from "./format.ts";

/** a = b. A quiet comparison: only a signalling NaN raises NV. */
export function eq(p: Precision, a: bigint, b: bigint, flags: Flags): boolean {
  return ordered(p, a, b, flags, false) && place(p, a) === place(p, b);
}

/** a < b. A signalling comparison: any NaN raises NV. */
export function lt(p: Precision, a: bigint, b: bigint, flags: Flags): boolean {
  return ordered(p, a, b, flags, true) && place(p, a) < place(p, b);
}

/** a ≤ b. A signalling comparison: any NaN raises NV. */
export function le(p: Precision, a: bigint, b: bigint, flags: Flags): boolean {
  return ordered(p, a, b, flags, true) && place(p, a) <= place(p, b);
}

/** minimumNumber of IEEE 754-2019: of a number and a NaN the number; −0 lies below +0. */
export function min(p: Precision, a: bigint, b: bigint, flags: Flags): bigint {
  return pick(p, a, b, flags, (x, y) => x < y);
}

/** maximumNumber of IEEE 754-2019: of a number and a NaN the number; −0 lies below +0. */
export function max(p: Precision, a: bigint, b: bigint, flags: Flags): bigint {
  return pick(p, a, b, flags, (x, y) => x > y);
}

/** The ten-bit mask of fclass: one bit set, bits 0 … 9 from −infinity up to +infinity, then signalling and quiet NaN. */
export function classify(p: Precision, a: bigint): number {
  const f = FORMATS[p];
  const v = unpack(p, a);
  if (v.kind === "signalling") return 1 << 8;
  if (v.kind === "quiet") return 1 << 9;
  const fromZero = v.kind === "infinity" ? 3 : v.significand === 0n ? 0 : v.significand >> f.fraction === 0n ? 1 : 2;
  return v.negative ? 1 << (3 - fromZero) : 1 << (4 + fromZero);
}

/** Whether neither operand is a NaN; raises NV for a signalling one, or for any. */
function ordered(p: Precision, a: bigint, b: bigint, flags: Flags, any: boolean): boolean {
  const nans = [unpack(p, a), unpack(p, b)].filter(isNaNValue);
  if (nans.some((v) => any || v.kind === "signalling")) flags.raised |= NV;
  return nans.length === 0;
}

/** A key in the order of numbers. The zeros have the same. */
function place(p: Precision, bits: bigint): bigint {
  const { signBit } = FORMATS[p];
  return (bits & signBit) !== 0n ? -(bits & (signBit - 1n)) : bits;
}

function pick(p: Precision, a: bigint, b: bigint, flags: Flags, first: (x: bigint, y: bigint) => boolean): bigint {
  const [x, y] = [unpack(p, a), unpack(p, b)];
  if (x.kind === "signalling" || y.kind === "signalling") flags.raised |= NV;
  if (isNaNValue(x)) return isNaNValue(y) ? CANONICAL_NAN[p] : b;
  if (isNaNValue(y)) return a;
  if (place(p, a) === place(p, b)) return first(x.negative ? 0n : 1n, y.negative ? 0n : 1n) ? a : b;
  return first(place(p, a), place(p, b)) ? a : b;
}
