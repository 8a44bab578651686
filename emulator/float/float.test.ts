// The soft float against the host's own arithmetic, and against an exact oracle that works in another way.

import { describe, expect, test } from "vitest";
import {
  bitsOf, corners, exactly, f32bits, f64bits, isFiniteBits, numberOf, operand, rational, rootOf, rounded, type Exact, type Rational,
} from "../../test/support/float.ts";
import { Random } from "../../test/support/random.ts";
import * as float from "./index.ts";
import { CANONICAL_NAN, NV, NX, RDN, RMM, RNE, RTZ, RUP, type Flags, type Precision } from "./index.ts";

const PRECISIONS: readonly Precision[] = ["s", "d"];
const MODES = [RNE, RTZ, RDN, RUP, RMM];
const hex = (n: bigint): string => n.toString(16);
const neg = (p: Precision, a: bigint): bigint => a ^ (p === "s" ? 1n << 31n : 1n << 63n);

const BINARY = [
  { name: "add", soft: float.add, host: (x: number, y: number) => x + y },
  { name: "sub", soft: float.sub, host: (x: number, y: number) => x - y },
  { name: "mul", soft: float.mul, host: (x: number, y: number) => x * y },
  { name: "div", soft: float.div, host: (x: number, y: number) => x / y },
] as const;

describe("against the host, to nearest", () => {
  for (const p of PRECISIONS) {
    // A double operation on singles, rounded again, is the single one: 53 ≥ 2 · 24 + 2 bits.
    const canonical = (x: number): bigint => (Number.isNaN(x) ? CANONICAL_NAN[p] : bitsOf(p, x));
    const check = (name: string, operands: readonly bigint[], soft: bigint, host: bigint): void => {
      if (soft !== host) expect(hex(soft), `${name}.${p} of ${operands.map(hex).join(", ")}`).toBe(hex(host));
    };

    test(`${p}: every pair of corners, and random pairs`, () => {
      const r = new Random(1);
      const pairs = corners(p).flatMap((a) => corners(p).map((b) => [a, b] as const));
      for (let n = 0; n < 10_000; n++) pairs.push([operand(p, r), operand(p, r)]);
      for (const [a, b] of pairs) {
        const [x, y] = [numberOf(p, a), numberOf(p, b)];
        for (const { name, soft, host } of BINARY) check(name, [a, b], soft(p, a, b, RNE, { raised: 0 }), canonical(host(x, y)));
        check("sqrt", [a], float.sqrt(p, a, RNE, { raised: 0 }), canonical(Math.sqrt(x)));
        if (float.eq(p, a, b, { raised: 0 }) !== (x === y) || float.lt(p, a, b, { raised: 0 }) !== x < y || float.le(p, a, b, { raised: 0 }) !== x <= y) {
          expect.fail(`comparison of ${hex(a)} and ${hex(b)}`);
        }
        if (!Number.isNaN(x) && !Number.isNaN(y)) {
          check("min", [a, b], float.min(p, a, b, { raised: 0 }), bitsOf(p, Math.min(x, y)));
          check("max", [a, b], float.max(p, a, b, { raised: 0 }), bitsOf(p, Math.max(x, y)));
        }
      }
    });
  }

  test("between the precisions, and to and from integers", () => {
    const r = new Random(2);
    const canonical = (x: number, bits: (x: number) => bigint, nan: bigint): bigint => (Number.isNaN(x) ? nan : bits(x));
    for (let n = 0; n < 5_000; n++) {
      const [d, s, w] = [operand("d", r), operand("s", r), r.wide()];
      const flags = { raised: 0 };
      expect(hex(float.convert("d", "s", d, RNE, flags)), hex(d)).toBe(hex(canonical(numberOf("d", d), f32bits, CANONICAL_NAN.s)));
      expect(hex(float.convert("s", "d", s, RNE, flags)), hex(s)).toBe(hex(canonical(numberOf("s", s), f64bits, CANONICAL_NAN.d)));
      expect(hex(float.fromInteger("d", w, 64, true, RNE, flags)), hex(w)).toBe(hex(f64bits(Number(BigInt.asIntN(64, w)))));
      expect(hex(float.fromInteger("d", w, 64, false, RNE, flags)), hex(w)).toBe(hex(f64bits(Number(w))));
      expect(hex(float.fromInteger("s", w, 32, true, RNE, flags)), hex(w)).toBe(hex(f32bits(Number(BigInt.asIntN(32, w)))));
      expect(hex(float.fromInteger("s", w, 32, false, RNE, flags)), hex(w)).toBe(hex(f32bits(Number(BigInt.asUintN(32, w)))));
      const x = Math.trunc(numberOf("d", d));
      if (Math.abs(x) < 2 ** 63) expect(float.toInteger("d", d, 64, true, RTZ, flags), hex(d)).toBe(BigInt.asUintN(64, BigInt(x)));
    }
  });
});

const plus = (a: Rational, b: Rational): Rational => ({ num: a.num * b.den + b.num * a.den, den: a.den * b.den });
const times = (a: Rational, b: Rational): Rational => ({ num: a.num * b.num, den: a.den * b.den });

describe("against the exact oracle, every rounding mode, result and flags", () => {
  for (const p of PRECISIONS) {
    const finite = (r: Random): bigint => {
      for (;;) {
        const a = operand(p, r);
        if (isFiniteBits(p, a)) return a;
      }
    };
    const check = (what: string, x: Exact, negative: boolean, soft: (rm: number, flags: Flags) => bigint): void => {
      for (const rm of MODES) {
        const flags = { raised: 0 };
        const bits = soft(rm, flags);
        const want = rounded(p, x, negative, rm);
        if (bits !== want.bits || flags.raised !== want.flags) {
          expect(`${hex(bits)} flags ${flags.raised}`, `${what}, rounding mode ${rm}`).toBe(`${hex(want.bits)} flags ${want.flags}`);
        }
      }
    };

    test(`${p}: add, mul, div, sqrt, fma`, () => {
      const r = new Random(3);
      for (let n = 0; n < 600; n++) {
        const [a, b, c] = [finite(r), finite(r), finite(r)];
        const [x, y] = [rational(p, a), rational(p, b)];
        const names = [a, b, c].map(hex).join(", ");
        const exact = (name: string, q: Rational, soft: (rm: number, flags: Flags) => bigint): void => {
          if (q.num !== 0n) check(`${name}.${p} ${names}`, exactly(q), q.num < 0n, soft);
        };
        exact("add", plus(x, y), (rm, flags) => float.add(p, a, b, rm, flags));
        exact("mul", times(x, y), (rm, flags) => float.mul(p, a, b, rm, flags));
        const sign = y.num < 0n ? -1n : 1n;
        if (y.num !== 0n) exact("div", times(x, { num: sign * y.den, den: sign * y.num }), (rm, flags) => float.div(p, a, b, rm, flags));
        if (x.num > 0n) check(`sqrt.${p} ${names}`, rootOf(x), false, (rm, flags) => float.sqrt(p, a, rm, flags));
        // An addend that nearly cancels the product, in half of the cases.
        const near = n % 2 === 0 ? c : BigInt.asUintN(p === "s" ? 32 : 64, neg(p, float.mul(p, a, b, RNE, { raised: 0 })) + BigInt(r.between(-2, 2)));
        if (!isFiniteBits(p, near)) continue;
        exact(`fma (addend ${hex(near)})`, plus(times(x, y), rational(p, near)), (rm, flags) => float.fma(p, a, b, near, rm, flags));
      }
    });

    test(`${p}: from integers and from the other precision`, () => {
      const r = new Random(4);
      const other = p === "s" ? "d" : "s";
      for (let n = 0; n < 500; n++) {
        const w = r.wide();
        for (const width of [32, 64] as const) {
          for (const signed of [true, false]) {
            const value = signed ? BigInt.asIntN(width, w) : BigInt.asUintN(width, w);
            if (value === 0n) continue;
            check(`from ${signed ? "i" : "u"}${width} ${hex(w)}`, exactly({ num: value, den: 1n }), value < 0n, (rm, flags) => float.fromInteger(p, w, width, signed, rm, flags));
          }
        }
        const b = operand(other, r);
        if (!isFiniteBits(other, b) || rational(other, b).num === 0n) continue;
        check(`from ${other} ${hex(b)}`, exactly(rational(other, b)), rational(other, b).num < 0n, (rm, flags) => float.convert(other, p, b, rm, flags));
      }
    });

    test(`${p}: to integers`, () => {
      const r = new Random(5);
      for (let n = 0; n < 1500; n++) {
        const a = r.oneIn(3) ? finite(r) : bitsOf(p, (r.below(2 ** 12) - 2 ** 11) * 2 ** r.between(-3, 54));
        const { num, den } = rational(p, a);
        const floor = (num - (((num % den) + den) % den)) / den;
        const rest = 2n * (num - floor * den); // twice the fraction, in units of den
        for (const rm of MODES) {
          const up = [rest > den || (rest === den && (floor & 1n) !== 0n), rest > 0n && num < 0n, false, rest > 0n, rest > den || (rest === den && num > 0n)][rm]!;
          const whole = up ? floor + 1n : floor;
          for (const width of [32, 64] as const) {
            for (const signed of [true, false]) {
              const [least, most] = signed ? [-(2n ** BigInt(width - 1)), 2n ** BigInt(width - 1) - 1n] : [0n, 2n ** BigInt(width) - 1n];
              const [value, raised] = whole < least ? [least, NV] : whole > most ? [most, NV] : [whole, rest === 0n ? 0 : NX];
              const flags = { raised: 0 };
              const got = float.toInteger(p, a, width, signed, rm, flags);
              if (got === BigInt.asUintN(64, BigInt.asIntN(width, value)) && flags.raised === raised) continue;
              expect(`${got} flags ${flags.raised}`, `${hex(a)} to ${signed ? "i" : "u"}${width}, mode ${rm}`).toBe(`${value} flags ${raised}`);
            }
          }
        }
      }
    });
  }
});
