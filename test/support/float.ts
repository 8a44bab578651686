// Operands for tests of floating point, and an oracle that shares nothing with emulator/float: it finds the two
// neighbours of an exact result by bisection over bit patterns, with rational arithmetic, and chooses between them.

import type { Precision } from "../../emulator/float/index.ts";
import type { Random } from "./random.ts";

const FRACTION = { s: 23, d: 52 } as const;
const INFINITY_BITS = { s: 0x7f800000n, d: 0x7ff0000000000000n } as const;
const SIGN = { s: 1n << 31n, d: 1n << 63n } as const;
const MOST = { s: 127, d: 1023 } as const;

export const f64bits = (x: number): bigint => new BigUint64Array(new Float64Array([x]).buffer)[0]!;
export const f64of = (bits: bigint): number => new Float64Array(new BigUint64Array([bits]).buffer)[0]!;
export const f32bits = (x: number): bigint => BigInt(new Uint32Array(new Float32Array([x]).buffer)[0]!);
export const f32of = (bits: bigint): number => new Float32Array(new Uint32Array([Number(bits)]).buffer)[0]!;
export const bitsOf = (p: Precision, x: number): bigint => (p === "s" ? f32bits(x) : f64bits(x));
export const numberOf = (p: Precision, bits: bigint): number => (p === "s" ? f32of(bits) : f64of(bits));
export const isFiniteBits = (p: Precision, bits: bigint): boolean => (bits & (SIGN[p] - 1n)) < INFINITY_BITS[p];

/** A rational number; the denominator is positive. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

const scaled = (num: bigint, exponent: number): Rational =>
  exponent >= 0 ? { num: num << BigInt(exponent), den: 1n } : { num, den: 1n << BigInt(-exponent) };

/** The value of a magnitude pattern; that of infinity and beyond as if exponents went on without end. */
function magnitude(p: Precision, bits: bigint): Rational {
  const biased = Number(bits >> BigInt(FRACTION[p]));
  const fraction = bits & ((1n << BigInt(FRACTION[p])) - 1n);
  return scaled(biased === 0 ? fraction : fraction | (1n << BigInt(FRACTION[p])), Math.max(biased, 1) - MOST[p] - FRACTION[p]);
}

/** The exact value of a finite pattern. */
export function rational(p: Precision, bits: bigint): Rational {
  const { num, den } = magnitude(p, bits & (SIGN[p] - 1n));
  return { num: (bits & SIGN[p]) === 0n ? num : -num, den };
}

/** An exact non-zero magnitude, known by how it compares with rationals: the sign of itself − r. */
export type Exact = (r: Rational) => number;
const signOf = (n: bigint): number => (n > 0n ? 1 : n < 0n ? -1 : 0);
export const exactly = (q: Rational): Exact => (r) => signOf((q.num < 0n ? -q.num : q.num) * r.den - r.num * q.den);
export const rootOf = (q: Rational): Exact => (r) => signOf(q.num * r.den * r.den - r.num * r.num * q.den);

/** The greatest pattern that is not above x, whether it is x, and the pattern that x rounds to; no upper bound. */
function neighbours(p: Precision, x: Exact, negative: boolean, rm: number): { low: bigint; exact: boolean; chosen: bigint } {
  let [low, high] = [0n, INFINITY_BITS[p] * 4n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (x(magnitude(p, middle)) >= 0) low = middle;
    else high = middle;
  }
  const [a, b] = [magnitude(p, low), magnitude(p, high)];
  if (x(a) === 0) return { low, exact: true, chosen: low };
  const side = x({ num: a.num * b.den + b.num * a.den, den: 2n * a.den * b.den }); // against the midpoint
  const up = [side > 0 || (side === 0 && (low & 1n) === 1n), false, negative, !negative, side >= 0][rm]!;
  return { low, exact: false, chosen: up ? high : low };
}

/** The pattern and the flags (NX 1, UF 2, OF 4) of ±x rounded. */
export function rounded(p: Precision, x: Exact, negative: boolean, rm: number): { bits: bigint; flags: number } {
  const sign = negative ? SIGN[p] : 0n;
  const { exact, chosen } = neighbours(p, x, negative, rm);
  if (chosen >= INFINITY_BITS[p]) {
    const stays = rm === 1 || (rm === 2 && !negative) || (rm === 3 && negative);
    return { bits: sign | (stays ? INFINITY_BITS[p] - 1n : INFINITY_BITS[p]), flags: 5 };
  }
  if (exact) return { bits: sign | chosen, flags: 0 };
  // Tiny after rounding: the same number 2^k times as great, where no subnormals are, rounds below 2^k × the least normal one.
  const k = MOST[p] + 100;
  const lifted: Exact = (r) => x({ num: r.num, den: r.den << BigInt(k) });
  const tiny = neighbours(p, lifted, negative, rm).chosen < BigInt(1 + k) << BigInt(FRACTION[p]);
  return { bits: sign | chosen, flags: tiny ? 3 : 1 };
}

/** Patterns at the borders of everything. */
export function corners(p: Precision): bigint[] {
  const inf = INFINITY_BITS[p];
  const one = bitsOf(p, 1);
  const least = 1n << BigInt(FRACTION[p]);
  const quiet = inf | (1n << BigInt(FRACTION[p] - 1));
  const magnitudes = [
    0n, 1n, 2n, 3n, least / 2n, least - 1n, least, least + 1n, 2n * least, one - 1n, one, one + 1n, one + least / 2n, one + least, one - least,
    bitsOf(p, 3), bitsOf(p, 10), bitsOf(p, 0.1), inf - least, inf - 2n, inf - 1n, inf, quiet, quiet | 5n, inf | 1n, quiet - 1n,
  ];
  return magnitudes.flatMap((m) => [m, m | SIGN[p]]);
}

/** Random patterns of several shapes: corners, near corners, few bits set, near one, close in exponent to one another, anything. */
export function operand(p: Precision, r: Random): bigint {
  const width = p === "s" ? 32 : 64;
  const any = BigInt.asUintN(width, (BigInt(r.bits()) << 32n) | BigInt(r.bits()));
  const fraction = (1n << BigInt(FRACTION[p])) - 1n;
  const biased = (from: number, to: number): bigint => BigInt(r.between(from, to)) << BigInt(FRACTION[p]);
  const sign = any & SIGN[p];
  switch (r.below(8)) {
    case 0: return r.pick(corners(p));
    case 1: return BigInt.asUintN(width, r.pick(corners(p)) + BigInt(r.between(-3, 3)));
    case 2: return sign | biased(MOST[p] - 3, MOST[p] + 3) | (any & fraction);
    case 3: return sign | biased(MOST[p] - 2 * FRACTION[p], MOST[p] + 2 * FRACTION[p]) | (any & fraction);
    case 4: return sign | biased(MOST[p] - 30, MOST[p] + 30) | (any & fraction & (fraction << BigInt(r.between(FRACTION[p] - 12, FRACTION[p] - 1))));
    case 5: return sign | biased(0, 3 * FRACTION[p]) | (any & fraction);
    case 6: return sign | biased(MOST[p] - 2, MOST[p] + 2) | (r.oneIn(2) ? BigInt(r.below(8)) : fraction - BigInt(r.below(8)));
    default: return any;
  }
}
