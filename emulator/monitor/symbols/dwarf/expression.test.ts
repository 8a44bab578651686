import { describe, expect, test } from "vitest";
import { SymbolsError } from "../errors.ts";
import { OP } from "./constants.ts";
import { evaluate, type ExpressionContext, locate } from "./expression.ts";

/** x8 holds 0x1000; memory holds, at each address, its low byte; type 4 is unsigned int, 8 int, 12 unsigned long. */
const context: ExpressionContext = {
  addressSize: 8,
  bias: 0x100000n,
  read: (address, length) => (address >= 0x8000n ? undefined : Uint8Array.from({ length }, (_, i) => Number((address + BigInt(i)) & 255n))),
  register: (n) => (n === 8 ? 0x1000n : BigInt(n)),
  frameBase: () => 0x2000n,
  cfa: () => 0x3000n,
  entryValue: (e) => BigInt(e.length),
  indexedAddress: (i) => BigInt(i) * 16n,
  baseType: (offset) => ({ 4: { bits: 32, signed: false }, 8: { bits: 32, signed: true }, 12: { bits: 64, signed: false } })[offset],
};
const value = (...bytes: number[]): bigint => evaluate(Uint8Array.from(bytes), context);
const signed = (...bytes: number[]): bigint => BigInt.asIntN(64, value(...bytes));
const lit = (n: number): number => OP.lit0 + n;
const MINUS_8 = [OP.const1s, 0xf8];

describe("values", () => {
  test("constants", () => {
    expect(value(lit(31))).toBe(31n);
    expect([value(OP.const1u, 255), signed(OP.const1s, 255), value(OP.const2u, 0, 255), signed(OP.const2s, 0, 255)]).toEqual([255n, -1n, 0xff00n, -256n]);
    expect([value(OP.const4u, 0, 0, 0, 255), signed(OP.const4s, 0, 0, 0, 255)]).toEqual([0xff000000n, -0x1000000n]);
    expect([value(OP.const8u, 1, 0, 0, 0, 0, 0, 0, 128), value(OP.constu, 0x81, 1), signed(OP.consts, 0x7e)]).toEqual([(1n << 63n) + 1n, 129n, -2n]);
    expect([value(OP.addr, 1, 2, 0, 0, 0, 0, 0, 0), value(OP.addrx, 2), value(OP.constx, 2)]).toEqual([0x100201n, 0x100020n, 32n]);
  });

  test("registers and frames", () => {
    expect([value(OP.breg0 + 8, 0x7f), value(OP.bregx, 8, 1), value(OP.fbreg, 0x78), value(OP.call_frame_cfa)]).toEqual([0xfffn, 0x1001n, 0x1ff8n, 0x3000n]);
    expect([value(OP.regx, 8), value(OP.reg0 + 8), value(OP.entry_value, 2, 1, 2)]).toEqual([0x1000n, 0x1000n, 2n]);
  });

  test("the stack", () => {
    expect(value(lit(1), lit(2), OP.dup, OP.plus, OP.plus)).toBe(5n);
    expect(value(lit(1), lit(2), OP.drop)).toBe(1n);
    expect(value(lit(5), lit(2), OP.over, OP.mul, OP.plus)).toBe(15n);
    expect(value(lit(9), lit(8), lit(7), OP.pick, 2)).toBe(9n);
    expect(value(lit(9), lit(2), OP.swap, OP.minus)).toBe(BigInt.asUintN(64, -7n));
    // 1 2 3 → 3 1 2
    expect(value(lit(1), lit(2), lit(3), OP.rot, OP.drop)).toBe(1n);
    expect(value(lit(1), lit(2), lit(3), OP.rot)).toBe(2n);
    expect(value(lit(1), lit(2), lit(3), OP.rot, OP.drop, OP.drop)).toBe(3n);
  });

  test("arithmetic without a type is on 64 bits, division signed", () => {
    expect([signed(...MINUS_8, lit(3), OP.div), value(lit(17), lit(5), OP.mod), signed(...MINUS_8, OP.abs), signed(...MINUS_8, OP.neg)]).toEqual([-2n, 2n, 8n, 8n]);
    expect([signed(lit(0), OP.not), value(lit(6), lit(3), OP.and), value(lit(6), lit(3), OP.or), value(lit(6), lit(3), OP.xor)]).toEqual([-1n, 2n, 7n, 5n]);
    expect([value(...MINUS_8, lit(4), OP.shr), signed(...MINUS_8, lit(1), OP.shra), value(lit(1), OP.const1u, 64, OP.shl), value(OP.const1u, 200, OP.plus_uconst, 100)]).toEqual([
      0xfffffffffffffffn, -4n, 0n, 300n,
    ]);
    expect(value(lit(0), lit(1), OP.minus)).toBe(2n ** 64n - 1n);
  });

  test("comparisons are signed", () => {
    expect([OP.eq, OP.ne, OP.lt, OP.le, OP.gt, OP.ge].map((op) => value(...MINUS_8, lit(3), op))).toEqual([0n, 1n, 1n, 1n, 0n, 0n]);
  });

  test("typed numbers wrap at their own width and compare by their own sign", () => {
    const toUnsigned = [OP.convert, 4];
    const toSigned = [OP.convert, 8];
    expect(value(...MINUS_8, ...toUnsigned)).toBe(0xfffffff8n);
    expect(value(...MINUS_8, ...toUnsigned, OP.convert, 0)).toBe(0xfffffff8n);
    expect(signed(...MINUS_8, ...toSigned, OP.convert, 0)).toBe(-8n);
    expect(value(...MINUS_8, ...toUnsigned, lit(3), ...toUnsigned, OP.lt)).toBe(0n);
    expect(value(...MINUS_8, ...toSigned, lit(3), ...toSigned, OP.lt)).toBe(1n);
    expect(value(...MINUS_8, OP.convert, 12, lit(2), OP.convert, 12, OP.div)).toBe(0x7ffffffffffffffcn);
    expect(value(...MINUS_8, ...toSigned, lit(4), OP.shr)).toBe(0x0fffffffn);
    expect(value(...MINUS_8, ...toSigned, OP.reinterpret, 4)).toBe(0xfffffff8n);
    expect(value(OP.const_type, 8, 4, 255, 255, 255, 255, OP.convert, 0)).toBe(2n ** 64n - 1n);
    expect(value(OP.regval_type, 8, 4)).toBe(0x1000n);
  });

  test("memory", () => {
    expect([value(OP.const2u, 0, 1, OP.deref), value(lit(16), OP.deref_size, 2), value(OP.const1u, 0xfc, OP.deref_type, 4, 8)]).toEqual([0x706050403020100n, 0x1110n, BigInt.asUintN(64, -0x00010204n)]);
    expect(() => value(OP.const2u, 0, 0x80, OP.deref)).toThrow("no memory at 0x8000");
  });

  test("jumps", () => {
    expect(value(lit(1), OP.skip, 1, 0, OP.neg)).toBe(1n);
    expect(value(lit(7), lit(1), OP.bra, 1, 0, OP.neg)).toBe(7n);
    expect(signed(lit(7), lit(0), OP.bra, 1, 0, OP.neg)).toBe(-7n);
    // Counts down from five.
    expect(value(lit(5), lit(1), OP.minus, OP.dup, OP.bra, 0xfa, 0xff)).toBe(0n);
  });
});

describe("places", () => {
  const places = (...bytes: number[]): unknown => locate(Uint8Array.from(bytes), context);
  const whole = (place: unknown): unknown => [{ place, size: undefined }];

  test("in memory, in a register, computed, given, nowhere", () => {
    expect(places(OP.fbreg, 0)).toEqual(whole({ kind: "memory", address: 0x2000n }));
    expect(places(OP.reg0 + 10)).toEqual(whole({ kind: "register", register: 10 }));
    expect(places(lit(3), OP.stack_value)).toEqual(whole({ kind: "value", value: 3n }));
    expect(places(OP.implicit_value, 2, 5, 6)).toEqual(whole({ kind: "bytes", bytes: Uint8Array.of(5, 6) }));
    expect(places()).toEqual(whole({ kind: "nowhere", why: "optimised out" }));
    expect(places(OP.implicit_pointer, 1, 0, 0, 0, 0)).toMatchObject(whole({ kind: "nowhere" }) as object);
  });

  test("in pieces", () => {
    expect(places(OP.reg0 + 10, OP.piece, 8, OP.piece, 4, lit(3), OP.stack_value, OP.piece, 4)).toEqual([
      { place: { kind: "register", register: 10 }, size: 8 },
      { place: { kind: "nowhere", why: "optimised out" }, size: 4 },
      { place: { kind: "value", value: 3n }, size: 4 },
    ]);
  });
});

describe("nonsense is an error of one line", () => {
  const bad: [string, number[], string][] = [
    ["an empty stack", [OP.plus], "empty stack"],
    ["a look below the stack", [lit(1), OP.over], "below its stack"],
    ["an endless loop", [lit(1), OP.skip, 0xfd, 0xff], "does not end"],
    ["a stack without end", [lit(1), OP.skip, 0xfc, 0xff], "grows without end"],
    ["a jump out", [OP.skip, 0, 0x40], "out of itself"],
    ["a division by zero", [lit(1), lit(0), OP.div], "divides by zero"],
    ["an unknown operation", [0xe0], "the operation 0xe0"],
    ["an operand missing", [OP.const4u, 1], "too early"],
    ["no integer type", [lit(1), OP.convert, 99], "the type at 0x63"],
    ["a read of 9 bytes", [lit(1), OP.deref_size, 9], "no memory"],
  ];
  test.each(bad)("%s", (_name, bytes, message) => {
    expect(() => value(...bytes)).toThrow(SymbolsError);
    expect(() => value(...bytes)).toThrow(message);
  });

  test("ten thousand random expressions end", () => {
    let seed = 1;
    const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
    let good = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = Uint8Array.from({ length: 1 + random(20) }, () => random(256));
      try {
        locate(bytes, context);
        good++;
      } catch (error) {
        expect(error).toBeInstanceOf(SymbolsError);
        expect((error as Error).message).toMatch(/^[^\n]{5,200}$/);
      }
    }
    expect(good).toBeGreaterThan(100);
  });
});
