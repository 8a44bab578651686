// Addition, multiplication, division, square root and fused multiply-add of F and D: computed exactly, rounded once.

import {
  DZ, FORMATS, RDN, bitLength, infinity, invalid, isZero, nanResult, round, unpack, zero, type Flags, type Precision, type Value,
} from "./format.ts";

/** a + b. */
export function add(p: Precision, a: bigint, b: bigint, rm: number, flags: Flags): bigint {
  const [x, y] = [unpack(p, a), unpack(p, b)];
  return nanResult(p, flags, x, y) ?? sum(p, x, y, rm, flags);
}

/** a − b. */
export function sub(p: Precision, a: bigint, b: bigint, rm: number, flags: Flags): bigint {
  return add(p, a, b ^ FORMATS[p].signBit, rm, flags);
}

/** a × b. Infinity times zero is invalid. */
export function mul(p: Precision, a: bigint, b: bigint, rm: number, flags: Flags): bigint {
  const [x, y] = [unpack(p, a), unpack(p, b)];
  const nan = nanResult(p, flags, x, y);
  if (nan !== undefined) return nan;
  if (isInvalidProduct(x, y)) return invalid(p, flags);
  const v = product(x, y);
  if (v.kind === "infinity") return infinity(p, v.negative);
  return v.significand === 0n ? zero(p, v.negative) : round(p, v.negative, v.significand, v.exponent, rm, flags);
}

/** a ÷ b. 0 ÷ 0 and infinity ÷ infinity are invalid; a finite number ÷ 0 raises DZ and is infinite. */
export function div(p: Precision, a: bigint, b: bigint, rm: number, flags: Flags): bigint {
  const [x, y] = [unpack(p, a), unpack(p, b)];
  const nan = nanResult(p, flags, x, y);
  if (nan !== undefined) return nan;
  const negative = x.negative !== y.negative;
  if (x.kind === y.kind && (x.kind === "infinity" || (isZero(x) && isZero(y)))) return invalid(p, flags);
  if (x.kind === "infinity") return infinity(p, negative);
  if (y.kind === "infinity" || isZero(x)) return zero(p, negative);
  if (isZero(y)) {
    flags.raised |= DZ;
    return infinity(p, negative);
  }
  // As many bits of the quotient as rounding looks at, and one more that says whether anything follows.
  const shift = Math.max(0, FORMATS[p].precision + 2 + bitLength(y.significand) - bitLength(x.significand));
  const dividend = x.significand << BigInt(shift);
  const quotient = dividend / y.significand;
  const rest = dividend % y.significand === 0n ? 0n : 1n;
  return round(p, negative, (quotient << 1n) | rest, x.exponent - y.exponent - shift - 1, rm, flags);
}

/** √a. That of −0 is −0; that of any other negative number is invalid. */
export function sqrt(p: Precision, a: bigint, rm: number, flags: Flags): bigint {
  const x = unpack(p, a);
  const nan = nanResult(p, flags, x);
  if (nan !== undefined) return nan;
  if (isZero(x)) return zero(p, x.negative);
  if (x.negative) return invalid(p, flags);
  if (x.kind === "infinity") return infinity(p, false);
  // Enough bits under the root for those that rounding looks at, and an even exponent.
  const least = Math.max(0, 2 * (FORMATS[p].precision + 2) - bitLength(x.significand));
  const shift = least + ((x.exponent - least) & 1);
  const square = x.significand << BigInt(shift);
  const root = integerRoot(square);
  const rest = root * root === square ? 0n : 1n;
  return round(p, false, (root << 1n) | rest, (x.exponent - shift) / 2 - 1, rm, flags);
}

/** a × b + c, rounded once. Infinity times zero is invalid whatever c is, also a quiet NaN. */
export function fma(p: Precision, a: bigint, b: bigint, c: bigint, rm: number, flags: Flags): bigint {
  const [x, y, z] = [unpack(p, a), unpack(p, b), unpack(p, c)];
  if (isInvalidProduct(x, y)) return invalid(p, flags);
  return nanResult(p, flags, x, y, z) ?? sum(p, product(x, y), z, rm, flags);
}

const isInvalidProduct = (x: Value, y: Value): boolean => (x.kind === "infinity" && isZero(y)) || (isZero(x) && y.kind === "infinity");

/** The exact product of two numbers, not of infinity and zero. */
function product(x: Value, y: Value): Value {
  const kind = x.kind === "infinity" || y.kind === "infinity" ? "infinity" : "finite";
  return { kind, negative: x.negative !== y.negative, significand: x.significand * y.significand, exponent: x.exponent + y.exponent };
}

/** x + y of two numbers. Infinities of unlike sign are invalid; an exact zero of unlike signs is −0 when rounding down, else +0. */
function sum(p: Precision, x: Value, y: Value, rm: number, flags: Flags): bigint {
  if (x.kind === "infinity" && y.kind === "infinity" && x.negative !== y.negative) return invalid(p, flags);
  if (x.kind === "infinity") return infinity(p, x.negative);
  if (y.kind === "infinity") return infinity(p, y.negative);
  const exponent = Math.min(x.exponent, y.exponent);
  const total = integer(x, exponent) + integer(y, exponent);
  if (total === 0n) return zero(p, x.negative === y.negative ? x.negative : rm === RDN);
  return round(p, total < 0n, total < 0n ? -total : total, exponent, rm, flags);
}

/** A finite value as a multiple of 2^exponent, which is not above its own. */
function integer(v: Value, exponent: number): bigint {
  const n = v.significand << BigInt(v.exponent - exponent);
  return v.negative ? -n : n;
}

/** The greatest integer whose square is not above n > 0 (Newton's iteration, from above). */
function integerRoot(n: bigint): bigint {
  let root = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
