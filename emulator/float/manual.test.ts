// The soft float against the letter of the manual (Unprivileged ISA, "F" and "D"), case by case.

import { expect, test } from "vitest";
import { corners, f32bits, f64bits, numberOf } from "../../test/support/float.ts";
import * as float from "./index.ts";
import { CANONICAL_NAN, DZ, NV, NX, OF, RDN, RMM, RNE, RTZ, RUP, UF, type Flags, type Precision } from "./index.ts";

const PRECISIONS: readonly Precision[] = ["s", "d"];
const MODES = [RNE, RTZ, RDN, RUP, RMM];
const hex = (n: bigint): string => n.toString(16);
const neg = (p: Precision, a: bigint): bigint => a ^ (p === "s" ? 1n << 31n : 1n << 63n);
const S = { zero: 0n, one: f32bits(1), inf: 0x7f800000n, quiet: 0x7fc01234n, signalling: 0x7f800001n, max: 0x7f7fffffn, least: 0x00800000n };
const nan = hex(CANONICAL_NAN.s);

/** Result and flags of an operation, as text. */
function shown(operation: (flags: Flags) => bigint | boolean): string {
  const flags = { raised: 0 };
  const result = operation(flags);
  return `${typeof result === "bigint" ? hex(result) : String(result)} ${flags.raised}`;
}

test("NaN results are canonical, and only signalling operands raise NV", () => {
  for (const soft of [float.add, float.sub, float.mul, float.div]) {
    expect(shown((f) => soft("s", S.quiet, S.one, RNE, f))).toBe(`${nan} 0`);
    expect(shown((f) => soft("s", S.one, neg("s", S.quiet), RNE, f))).toBe(`${nan} 0`);
    expect(shown((f) => soft("s", S.one, S.signalling, RNE, f))).toBe(`${nan} ${NV}`);
    expect(shown((f) => soft("d", 0xfff8000000000001n, f64bits(1), RNE, f))).toBe(`${hex(CANONICAL_NAN.d)} 0`);
    expect(shown((f) => soft("d", 0xfff0000000000001n, f64bits(1), RNE, f))).toBe(`${hex(CANONICAL_NAN.d)} ${NV}`);
  }
  expect(shown((f) => float.sqrt("s", neg("s", S.quiet), RNE, f))).toBe(`${nan} 0`);
  expect(shown((f) => float.convert("s", "d", S.quiet, RNE, f))).toBe(`${hex(CANONICAL_NAN.d)} 0`);
  expect(shown((f) => float.convert("d", "s", 0x7ff0000000000001n, RNE, f))).toBe(`${nan} ${NV}`);
});

test("invalid operations, and division by zero", () => {
  expect(shown((f) => float.add("s", S.inf, neg("s", S.inf), RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.sub("s", S.inf, S.inf, RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.mul("s", S.inf, S.zero, RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.div("s", S.zero, neg("s", S.zero), RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.div("s", S.inf, S.inf, RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.sqrt("s", neg("s", S.one), RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.sqrt("s", neg("s", S.inf), RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.sqrt("s", neg("s", S.zero), RNE, f))).toBe("80000000 0");
  expect(shown((f) => float.div("s", neg("s", S.one), S.zero, RNE, f))).toBe(`ff800000 ${DZ}`);
  expect(shown((f) => float.div("s", S.inf, S.zero, RNE, f))).toBe("7f800000 0");
});

test("fma: zero times infinity is invalid under any addend; one rounding; signs of zero", () => {
  for (const c of [S.one, S.quiet, S.signalling, S.inf]) {
    expect(shown((f) => float.fma("s", S.zero, S.inf, c, RNE, f))).toBe(`${nan} ${NV}`);
    expect(shown((f) => float.fma("s", neg("s", S.inf), S.zero, c, RNE, f))).toBe(`${nan} ${NV}`);
  }
  expect(shown((f) => float.fma("s", S.one, S.one, S.quiet, RNE, f))).toBe(`${nan} 0`);
  expect(shown((f) => float.fma("s", S.inf, S.one, neg("s", S.inf), RNE, f))).toBe(`${nan} ${NV}`);
  expect(shown((f) => float.fma("s", S.max, S.max, neg("s", S.inf), RNE, f))).toBe("ff800000 0");
  // (1 + 2^−23)² − (1 + 2^−22) = 2^−46, which a product rounded first would lose.
  expect(shown((f) => float.fma("s", S.one + 1n, S.one + 1n, neg("s", S.one + 2n), RNE, f))).toBe(`${hex(f32bits(2 ** -46))} 0`);
  for (const rm of MODES) {
    const zero = rm === RDN ? "80000000 0" : "0 0";
    expect(shown((f) => float.fma("s", S.one, S.one, neg("s", S.one), rm, f))).toBe(zero);
    expect(shown((f) => float.add("s", S.one, neg("s", S.one), rm, f))).toBe(zero);
    expect(shown((f) => float.add("s", S.zero, neg("s", S.zero), rm, f))).toBe(zero);
    expect(shown((f) => float.add("s", neg("s", S.zero), neg("s", S.zero), rm, f))).toBe("80000000 0");
    expect(shown((f) => float.sub("s", S.zero, neg("s", S.zero), rm, f))).toBe("0 0");
  }
});

test("overflow gives infinity or the greatest number, by mode and sign", () => {
  const results = (a: bigint): string[] => MODES.map((rm) => shown((f) => float.add("s", a, a, rm, f)));
  const [inf, max, minf, mmax] = ["7f800000", "7f7fffff", "ff800000", "ff7fffff"].map((x) => `${x} ${OF | NX}`);
  expect(results(S.max)).toEqual([inf, max, max, inf, inf]);
  expect(results(neg("s", S.max))).toEqual([minf, mmax, minf, mmax, minf]);
});

test("tininess is detected after rounding", () => {
  // (1 − 2^−24) · 2^−126 has 24 bits, so that a wider exponent would keep it below 2^−126: tiny, though rounded to the least
  // normal number. From (1 − 2^−25) · 2^−126 on it would be rounded up to 2^−126 all the same: not tiny.
  const a = f32bits(2 ** -63 * (1 + 2 ** -12));
  const b = f32bits(2 ** -63 * (1 - 2 ** -12)); // product (1 − 2^−24) · 2^−126
  expect(shown((f) => float.mul("s", a, b, RNE, f))).toBe(`${hex(S.least)} ${UF | NX}`);
  const c = f32bits(2 ** -63 * (1 + 2 ** -13));
  const d = f32bits(2 ** -63 * (1 - 2 ** -13)); // product (1 − 2^−26) · 2^−126
  expect(shown((f) => float.mul("s", c, d, RNE, f))).toBe(`${hex(S.least)} ${NX}`);
  expect(shown((f) => float.mul("s", c, d, RTZ, f))).toBe(`${hex(S.least - 1n)} ${UF | NX}`);
  expect(shown((f) => float.mul("s", c, d, RUP, f))).toBe(`${hex(S.least)} ${NX}`);
  expect(shown((f) => float.mul("s", 1n, f32bits(0.5), RNE, f))).toBe(`0 ${UF | NX}`);
  expect(shown((f) => float.mul("s", 2n, f32bits(0.5), RNE, f))).toBe("1 0"); // exact: no underflow
});

test("min and max: a number before a NaN, minus zero below plus zero", () => {
  const m0 = neg("s", S.zero);
  for (const [operation, zero] of [[float.min, m0], [float.max, S.zero]] as const) {
    expect(shown((f) => operation("s", S.zero, m0, f))).toBe(`${hex(zero)} 0`);
    expect(shown((f) => operation("s", m0, S.zero, f))).toBe(`${hex(zero)} 0`);
    expect(shown((f) => operation("s", S.quiet, S.one, f))).toBe(`${hex(S.one)} 0`);
    expect(shown((f) => operation("s", S.one, S.quiet, f))).toBe(`${hex(S.one)} 0`);
    expect(shown((f) => operation("s", S.signalling, S.one, f))).toBe(`${hex(S.one)} ${NV}`);
    expect(shown((f) => operation("s", S.quiet, neg("s", S.quiet), f))).toBe(`${nan} 0`);
    expect(shown((f) => operation("s", S.quiet, S.signalling, f))).toBe(`${nan} ${NV}`);
  }
});

test("comparisons with NaN are false; feq is quiet, flt and fle signal", () => {
  for (const [a, b] of [[S.quiet, S.one], [S.one, S.quiet], [S.quiet, S.quiet]] as const) {
    expect(shown((f) => float.eq("s", a, b, f))).toBe("false 0");
    expect(shown((f) => float.lt("s", a, b, f))).toBe(`false ${NV}`);
    expect(shown((f) => float.le("s", a, b, f))).toBe(`false ${NV}`);
  }
  expect(shown((f) => float.eq("s", S.signalling, S.one, f))).toBe(`false ${NV}`);
  expect(shown((f) => float.eq("s", S.zero, neg("s", S.zero), f))).toBe("true 0");
  expect(shown((f) => float.lt("s", neg("s", S.zero), S.zero, f))).toBe("false 0");
});

test("fclass", () => {
  const classes = [0xff800000n, 0xbf800000n, 0x807fffffn, 0x80000000n, 0n, 1n, 0x00800000n, 0x7f800000n, 0x7f800001n, 0x7fc00000n];
  expect(classes.map((a) => float.classify("s", a))).toEqual(classes.map((_, n) => 1 << n));
  expect(float.classify("s", 0xffbfffffn)).toBe(1 << 8);
  expect(float.classify("s", 0xffc00000n)).toBe(1 << 9);
  expect([f64bits(-Infinity), f64bits(-5e-324), f64bits(-0), f64bits(2 ** -1022)].map((a) => float.classify("d", a))).toEqual([1, 4, 8, 64]);
  for (const p of PRECISIONS) for (const a of corners(p)) expect(float.classify(p, a) >= 1 << 8).toBe(Number.isNaN(numberOf(p, a)));
});

test("invalid conversions to integers clip, with NV and without NX", () => {
  const table: [bigint, Record<string, bigint>][] = [
    [f64bits(-1e30), { i32: -(2n ** 31n), u32: 0n, i64: -(2n ** 63n), u64: 0n }],
    [f64bits(-Infinity), { i32: -(2n ** 31n), u32: 0n, i64: -(2n ** 63n), u64: 0n }],
    ...[f64bits(1e30), f64bits(Infinity), 0x7ff8000000000000n, 0xfff8000000000000n, 0xfff0000000000001n].map(
      (a): [bigint, Record<string, bigint>] => [a, { i32: 2n ** 31n - 1n, u32: -1n, i64: 2n ** 63n - 1n, u64: -1n }]),
  ];
  for (const [a, results] of table) {
    for (const [type, result] of Object.entries(results)) {
      const width = type.endsWith("32") ? 32 : 64;
      expect(shown((f) => float.toInteger("d", a, width, type.startsWith("i"), RNE, f)), `${hex(a)} to ${type}`).toBe(`${hex(BigInt.asUintN(64, result))} ${NV}`);
    }
  }
  const toU32 = (x: number, rm: number): string => shown((f) => float.toInteger("d", f64bits(x), 32, false, rm, f));
  expect(toU32(-0.9, RTZ)).toBe(`0 ${NX}`);
  expect(toU32(-0.9, RNE)).toBe(`0 ${NV}`);
  expect(toU32(-0.5, RNE)).toBe(`0 ${NX}`);
  expect(toU32(-0.5, RMM)).toBe(`0 ${NV}`);
  expect(toU32(2 ** 32 - 0.5, RTZ)).toBe(`ffffffffffffffff ${NX}`); // in range: sign-extended though unsigned
  expect(toU32(2 ** 32 - 0.5, RNE)).toBe(`ffffffffffffffff ${NV}`);
  expect(toU32(2 ** 31, RNE)).toBe("ffffffff80000000 0");
  const toI32 = (x: number, rm: number): string => shown((f) => float.toInteger("d", f64bits(x), 32, true, rm, f));
  expect(MODES.map((rm) => toI32(2.5, rm))).toEqual(["2", "2", "2", "3", "3"].map((x) => `${x} ${NX}`));
  expect(MODES.map((rm) => toI32(-1.5, rm))).toEqual([-2n, -1n, -2n, -1n, -2n].map((x) => `${hex(BigInt.asUintN(64, x))} ${NX}`));
});

test("zero from an integer is +0 in every mode; only the low half of a word counts", () => {
  for (const rm of MODES) expect(shown((f) => float.fromInteger("s", 0n, 64, true, rm, f))).toBe("0 0");
  expect(shown((f) => float.fromInteger("d", 0x5ffffffffn, 32, true, RNE, f))).toBe(`${hex(f64bits(-1))} 0`);
  expect(shown((f) => float.fromInteger("d", 0x5ffffffffn, 32, false, RNE, f))).toBe(`${hex(f64bits(2 ** 32 - 1))} 0`);
});

test("NaN-boxing", () => {
  expect(hex(float.box(S.one))).toBe("ffffffff3f800000");
  expect(hex(float.unbox(0xffffffff3f800000n))).toBe("3f800000");
  expect(hex(float.unbox(-1n & ~0xffffffffn | S.one))).toBe("3f800000"); // registers read as signed
  for (const a of [0x3f800000n, 0xfffffffe3f800000n, 0x7fffffff3f800000n]) expect(hex(float.unbox(a))).toBe(nan);
});

test("flags accrue, and a reserved rounding mode is refused", () => {
  const flags = { raised: DZ };
  float.div("s", S.one, f32bits(3), RNE, flags);
  expect(flags.raised).toBe(DZ | NX);
  expect(() => float.div("s", S.one, f32bits(3), 5, flags)).toThrow("reserved");
});
