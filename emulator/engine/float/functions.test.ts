// The fast path against the soft float: the same bits and the same flags, on operands made to hit every border; and
// ordinary operands stay on it.

import { describe, expect, test } from "vitest";
import { FastFloat, operandKind } from "../../../test/support/fast-float.ts";
import { bitsOf, corners, operand } from "../../../test/support/float.ts";
import { Random } from "../../../test/support/random.ts";
import { NX, RNE, box, div, fma, mul, type Precision } from "../../float/index.ts";
import type { FloatName } from "./functions.ts";

/** Rounds of random operands for each function. More than the default is for a long hunt by hand. */
const ROUNDS = Number(process.env["FLOAT_ROUNDS"] ?? 1500);
const SEED = Number(process.env["FLOAT_SEED"] ?? 1);
const fast = new FastFloat();
const quiet = { raised: 0 };
const hex = (n: bigint): string => n.toString(16);
const wrap = (p: Precision, n: bigint): bigint => BigInt.asUintN(p === "s" ? 32 : 64, n);
const flip = (p: Precision, n: bigint): bigint => n ^ (p === "s" ? 1n << 31n : 1n << 63n);

/** A function on registers, with NX clear before and with NX set, against the soft float. */
function check(name: FloatName, registers: readonly bigint[]): void {
  for (const before of [0, NX, 8]) {
    const flags = { raised: before };
    const want = BigInt.asUintN(64, fast.soft.get(name)!(flags, ...registers));
    fast.fflags = before;
    const got = fast.run(name, ...registers);
    if (got !== want || fast.fflags !== flags.raised) {
      expect(`${hex(got)} flags ${fast.fflags}`, `${name} of ${registers.map(hex).join(", ")}, flags ${before} before`).toBe(`${hex(want)} flags ${flags.raised}`);
    }
  }
}

/** Integer registers: of every length, near the edges of what a significand holds. */
function integer(r: Random): bigint {
  if (r.oneIn(3)) return r.wide();
  const n = (1n << BigInt(r.below(65))) + BigInt(r.between(-2, 2)) * (1n << BigInt(r.below(42)));
  return BigInt.asUintN(64, r.oneIn(2) ? n : -n);
}

/** Numbers close to integers, and to the ends of integer types. */
function nearInteger(p: Precision, r: Random): bigint {
  const ends = [0, 1, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, r.below(1000), r.bits(), r.bits() * 2 ** r.below(33)];
  const x = bitsOf(p, r.pick(ends) + r.pick([0, 0, 0.5, -0.5, 0.25, -1, 1]));
  return wrap(p, (r.oneIn(2) ? x : flip(p, x)) + BigInt(r.oneIn(2) ? r.between(-2, 2) : 0));
}

/** Three operands of a precision: unrelated, or related so that the result is exact, halfway, cancelled, or at a border. */
function related(p: Precision, r: Random): [bigint, bigint, bigint] {
  const [a, b, c] = [operand(p, r), operand(p, r), operand(p, r)];
  const off = (x: bigint): bigint => wrap(p, x + BigInt(r.between(-2, 2)));
  const product = mul(p, a, b, RNE, quiet);
  const power = (from: number, to: number): bigint => bitsOf(p, 2 ** r.between(from, to) * (r.oneIn(2) ? 1 : -1));
  const digits = p === "s" ? 24 : 53;
  switch (r.below(9)) {
    case 0: return [a, off(flip(p, a)), c]; // sums that cancel
    case 1: return [product, b, c]; // quotients near a
    case 2: return [off(mul(p, a, a, RNE, quiet)), b, c]; // roots near a
    case 3: return [a, b, off(flip(p, product))]; // fused: the product cancels
    case 4: return [a, b, flip(p, fma(p, a, b, flip(p, product), RNE, quiet))]; // … the error of the product
    case 5: return [a, mul(p, a, power(-digits - 2, digits + 2), RNE, quiet), c]; // bits just beyond the last
    case 6: return [a, b, mul(p, product, power(-digits - 3, 2 * digits), RNE, quiet)];
    case 7: return [a, div(p, power(p === "s" ? -149 : -1074, p === "s" ? -120 : -950), a, RNE, quiet), c]; // products about to underflow
    default: return [a, b, c];
  }
}

describe("the fast functions and the soft float", () => {
  for (const name of fast.names) {
    const kind = operandKind(name);
    const count = fast.parameters.get(name)!;
    test(name, () => {
      const r = new Random(SEED);
      if (kind === "x") {
        for (let n = 0; n < ROUNDS; n++) check(name, [integer(r)]);
        return;
      }
      const register = (bits: bigint): bigint => (kind === "d" ? bits : r.oneIn(50) ? bits | (BigInt(r.bits()) << 32n) : box(bits));
      const all = corners(kind);
      for (const a of all) for (const b of count > 1 ? all : [0n]) check(name, [a, b, r.pick(all)].slice(0, count).map(register));
      for (let n = 0; n < ROUNDS; n++) {
        const operands = name.startsWith("fcvt") && r.oneIn(2) ? [nearInteger(kind, r)] : related(kind, r);
        check(name, operands.slice(0, count).map(register));
      }
    });
  }
});

describe("ordinary operands do not need the soft float", () => {
  /** A number between 2^−40 and 2^40, or zero. */
  const ordinary = (p: Precision, r: Random): bigint => {
    const magnitude = r.oneIn(20) ? 0 : (1 + r.bits() / 2 ** 32 + r.bits() / 2 ** 64) * 2 ** r.between(-40, 39);
    const bits = bitsOf(p, r.oneIn(2) ? magnitude : -magnitude);
    return p === "s" ? box(bits) : bits;
  };

  test.each(fast.names.map((name) => ({ name })))("$name", ({ name }) => {
    const r = new Random(2);
    const kind = operandKind(name);
    const [, type] = name.split(".");
    fast.slow = 0;
    for (let n = 0; n < 500; n++) {
      fast.fflags = r.oneIn(2) ? 0 : NX;
      const registers = [0, 1, 2].map(() => (kind === "x" ? integer(r) : ordinary(kind, r))).slice(0, fast.parameters.get(name));
      const positive = name.startsWith("fsqrt") || type === "wu" || type === "lu";
      if (positive && kind !== "x") registers[0]! &= kind === "s" ? ~(1n << 31n) : ~(1n << 63n);
      if (name.startsWith("fdiv") && (registers[1]! & 0x7fffffffn) === 0n) registers[1] = kind === "s" ? box(bitsOf("s", 3)) : bitsOf("d", 3);
      if (kind !== "x" && type === "w") registers[0] = kind === "s" ? box(bitsOf("s", r.bits() - 2 ** 31)) : bitsOf("d", (r.bits() - 2 ** 31) * (1 - 2 ** -40));
      if (kind !== "x" && type === "wu") registers[0] = kind === "s" ? box(bitsOf("s", r.below(2 ** 24) * 255.5)) : bitsOf("d", r.bits() + 0.5);
      const before = fast.slow;
      fast.run(name, ...registers);
      if (fast.slow > before) expect.fail(`${name} of ${registers.map(hex).join(", ")} went to the soft float`);
    }
    expect(fast.slow).toBe(0);
  });

  test("and the count counts", () => {
    fast.slow = 0;
    fast.run("fadd.d", bitsOf("d", Infinity), bitsOf("d", 1));
    fast.run("fmul.s", bitsOf("s", 1), bitsOf("s", 1)); // not NaN-boxed
    expect(fast.slow).toBe(2);
  });
});
