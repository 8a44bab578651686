// Conversions of F and D: to and from integers, and between the precisions.

import {
  NV, NX, infinity, isNaNValue, nanResult, round, roundToWhole, unpack, zero, type Flags, type Precision,
} from "./format.ts";

/**
 * The integer of `width` bits that a rounds to, as RV64 holds it: sign-extended from `width`, also an unsigned one, as an
 * unsigned 64-bit pattern. Outside of the range, the nearest end of it (for a NaN the upper one), with NV and without NX.
 */
export function toInteger(p: Precision, a: bigint, width: 32 | 64, signed: boolean, rm: number, flags: Flags): bigint {
  const least = signed ? -(1n << BigInt(width - 1)) : 0n;
  const most = (1n << BigInt(signed ? width - 1 : width)) - 1n;
  const extend = (n: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(width, n));
  const v = unpack(p, a);
  if (v.kind === "finite") {
    const { whole, exact } = roundToWhole(v.significand, -v.exponent, v.negative, rm);
    const n = v.negative ? -whole : whole;
    if (n >= least && n <= most) {
      if (!exact) flags.raised |= NX;
      return extend(n);
    }
  }
  flags.raised |= NV;
  return extend(v.negative && !isNaNValue(v) ? least : most);
}

/** The number that the low `width` bits of an integer register stand for, rounded. */
export function fromInteger(p: Precision, value: bigint, width: 32 | 64, signed: boolean, rm: number, flags: Flags): bigint {
  const n = signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  if (n === 0n) return zero(p, false);
  return round(p, n < 0n, n < 0n ? -n : n, 0, rm, flags);
}

/** A number of one precision in another, rounded. */
export function convert(from: Precision, to: Precision, a: bigint, rm: number, flags: Flags): bigint {
  const v = unpack(from, a);
  const nan = nanResult(to, flags, v);
  if (nan !== undefined) return nan;
  if (v.kind === "infinity") return infinity(to, v.negative);
  return v.significand === 0n ? zero(to, v.negative) : round(to, v.negative, v.significand, v.exponent, rm, flags);
}
