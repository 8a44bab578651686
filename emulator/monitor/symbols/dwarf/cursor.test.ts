import { expect, test } from "vitest";
import { SymbolsError } from "../errors.ts";
import { Cursor, Work } from "./cursor.ts";

const of = (...bytes: number[]): Cursor => new Cursor(Uint8Array.from(bytes), "bytes");

test("fixed numbers, little endian", () => {
  const c = of(0x80, 0x34, 0x12, 0x56, 0x34, 0x12, 0x78, 0x56, 0x34, 0x92, 0xff, 1, 2, 3, 4, 5, 6, 7, 0x88);
  expect([c.u8(), c.u16(), c.u24(), c.u32(), c.i8(), c.u64()]).toEqual([0x80, 0x1234, 0x123456, 0x92345678, -1, 0x8807060504030201n]);
  expect(c.done).toBe(true);
});

// DWARF 5, figures 22 and 23 of appendix C.
test.each([
  [[2], 2n, 2n], [[127], 127n, -1n], [[0x80, 1], 128n, 128n], [[0x81, 1], 129n, 129n], [[0xb9, 0x64], 12857n, -3527n],
  [[0x7e], 126n, -2n], [[0xff, 0], 127n, 127n], [[0x81, 0x7f], 16257n, -127n], [[0x80, 0x7f], 16256n, -128n], [[0xff, 0x7e], 16255n - 0n, -129n],
] as const)("LEB128 %j", (bytes, unsigned, signed) => {
  expect(of(...bytes).uleb()).toBe(Number(unsigned));
  expect(of(...bytes).wideUleb()).toBe(unsigned);
  expect(of(...bytes).sleb()).toBe(signed);
});

test("LEB128 at its limits", () => {
  const all = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  expect(of(...all).wideUleb()).toBe(2n ** 64n - 1n);
  expect(of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f).sleb()).toBe(-(2n ** 63n));
  expect(of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f).uleb()).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => of(...all).uleb()).toThrow("too great");
  expect(() => of(...new Array<number>(11).fill(0x80)).sleb()).toThrow("does not end");
  expect(() => of(0x80).uleb()).toThrow("ends at 0x1");
});

test("texts and blocks end where the bytes do", () => {
  const c = of(0x61, 0x62, 0, 0x63, 1, 2);
  expect(c.cstring()).toBe("ab");
  expect(() => c.cstring()).toThrow("does not end");
  expect([...c.block(3)]).toEqual([0x63, 1, 2]);
  for (const read of [(): unknown => c.u8(), (): unknown => c.u16(), (): unknown => c.u32(), (): unknown => c.u64(), (): unknown => c.block(1), (): unknown => c.block(-1), (): unknown => c.block(NaN)]) {
    expect(read).toThrow(SymbolsError);
  }
  expect(() => new Cursor(new Uint8Array(3), "x", 4)).toThrow("nothing is at 0x4");
});

test("a unit's length, in both formats, must be there", () => {
  expect(of(3, 0, 0, 0, 1, 2, 3).unitLength()).toEqual({ end: 7, wide: false });
  expect(of(0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2).unitLength()).toEqual({ end: 14, wide: true });
  expect(() => of(4, 0, 0, 0, 1, 2, 3).unitLength()).toThrow("4 bytes are announced, 3 are there");
  expect(() => of(0xf0, 0xff, 0xff, 0xff).unitLength()).toThrow("reserved");
  expect(() => of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 0).unitLength()).toThrow("too great");
});

test("work comes to an end", () => {
  const work = new Work(0);
  expect(() => {
    for (;;) work.spend(1000);
  }).toThrow("round and round");
  work.refill();
  work.spend();
});
