import { expect, test } from "vitest";
import { SymbolsError } from "./errors.ts";
import { Type, VOID, type Field } from "./type.ts";
import { Value } from "./value.ts";

const base = (name: string, size: number, encoding: "signed" | "unsigned" | "signed char" | "boolean" | "float"): Type => new Type({ kind: "base", name, size, encoding });
const INT = base("int", 4, "signed");
const U64 = base("unsigned long", 8, "unsigned");
const CHAR = base("char", 1, "signed char");
const pointer = (target: Type): Type => new Type({ kind: "pointer", size: 8, target: () => target });
const array = (element: Type, count?: number): Type => new Type({ kind: "array", count, target: () => element });
const alias = (name: string, target: () => Type): Type => new Type({ kind: "typedef", name, target });
const at = (name: string, type: Type, offset: number, bits?: Field["bits"]): Field => ({ name, type, offset, bits });
const struct = (name: string, size: number, fields: () => Field[]): Type => new Type({ kind: "struct", name, size, fields });

/** Memory of two pages from 0x1000 on: each byte is its address's low byte, but for what is set. */
const bytes = Uint8Array.from({ length: 0x2000 }, (_, i) => i & 255);
const read = (address: bigint, length: number): Uint8Array | undefined => {
  const start = Number(address - 0x1000n);
  return start >= 0 && start + length <= bytes.length ? bytes.subarray(start, start + length) : undefined;
};
const value = (type: Type, address: bigint): Value => Value.at(type, address, read);

test("numbers of each width and sign, through typedefs and qualifiers", () => {
  const type = alias("count_t", () => new Type({ kind: "const", target: () => new Type({ kind: "volatile", target: () => INT }) }));
  expect(value(type, 0x10fcn).big()).toBe(-0x00010204n);
  expect([value(U64, 0x1000n).big(), value(CHAR, 0x10ffn).number(), value(base("bool", 1, "boolean"), 0x1001n).number()]).toEqual([0x706050403020100n, -1, 1]);
  expect(() => value(U64, 0x1010n).number()).toThrow("too great a number");
  expect(() => value(base("double", 8, "float"), 0x1000n).big()).toThrow("double is no number");
});

test("members: nested, anonymous, bit fields, through pointers", () => {
  const inner = struct("", 8, () => [at("x", INT, 0), at("y", INT, 4)]);
  const list: Type = struct("list", 32, () => [
    at("low", INT, 0, { width: 5, shift: 3 }), at("wide", U64, 1, { width: 60, shift: 4 }), at("", inner, 16), at("next", pointer(list), 24),
  ]);
  new DataView(bytes.buffer).setBigUint64(0x118, 0x1400n, true);
  const here = value(list, 0x1100n);
  bytes[0x100] = 0xa8; // 10101 000
  expect(here.field("low").big()).toBe(-11n);
  expect(here.field("wide").big()).toBe((0x0908070605040302_01n >> 4n) & ((1n << 60n) - 1n));
  expect([here.field("y").address, here.field("next").field("x").address]).toEqual([0x1114n, 0x1410n]);
  expect(here.members().map(({ name, value: v }) => [name, v.address])).toEqual([["low", 0x1100n], ["wide", 0x1101n], ["", 0x1110n], ["next", 0x1118n]]);
  expect([here.has("x"), here.has("z")]).toEqual([true, false]);
  expect(() => here.field("z")).toThrow("struct list has no member z");
  expect(() => here.deref()).toThrow("struct list is no pointer");
});

test("arrays and pointers", () => {
  const grid = value(array(array(INT, 3), 2), 0x1200n);
  expect([grid.type.size, grid.length, grid.at(1).at(2).address]).toEqual([24, 2, 0x1214n]);
  for (const index of [-1, 2, 0.5, NaN]) expect(() => grid.at(index)).toThrow("has no element");
  new DataView(bytes.buffer).setBigUint64(0x300, 0x1200n, true);
  const place = value(pointer(INT), 0x1300n);
  expect([place.at(3).address, place.at(-1).address, place.isNull]).toEqual([0x120cn, 0x11fcn, false]);
  new DataView(bytes.buffer).setBigUint64(0x308, 0n, true);
  expect(() => value(pointer(INT), 0x1308n).deref()).toThrow("a null pointer (int *) points to nothing");
  expect(() => value(INT, 0x1300n).at(0)).toThrow("int is no array");
});

test("texts end at a zero byte, at the array's end, at the limit, or where memory does", () => {
  bytes.set(new TextEncoder().encode("hello\0world"), 0x400);
  expect(value(array(CHAR, 16), 0x1400n).cstring()).toBe("hello");
  expect(value(array(CHAR, 3), 0x1400n).cstring()).toBe("hel");
  expect(value(array(CHAR), 0x1406n).cstring(5)).toBe("world");
  new DataView(bytes.buffer).setBigUint64(0x420, 0x1402n, true);
  expect(value(pointer(CHAR), 0x1420n).cstring()).toBe("llo");
  bytes.set([0x6f, 0x6b, 0], 0x1ffd);
  expect(value(array(CHAR), 0x2ffdn).cstring()).toBe("ok");
  bytes[0x1fff] = 0x21;
  expect(() => value(array(CHAR), 0x2ffdn).cstring()).toThrow("there is no memory at 0x3000");
});

test("enumerations", () => {
  const type = new Type({ kind: "enum", name: "state", size: 4, encoding: "unsigned", values: () => [{ name: "ZERO", value: 0n }, { name: "ONE", value: 0x03020100n }] });
  expect([value(type, 0x1000n).enumerator(), value(type, 0x1004n).enumerator(), value(INT, 0x1000n).enumerator()]).toEqual(["ONE", undefined, undefined]);
});

test("values without an address: in a register", () => {
  const pair = struct("pair", 8, () => [at("a", INT, 0), at("b", INT, 4)]);
  const held = Value.of(pair, Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255), read);
  expect([held.address, held.field("a").big(), held.field("b").big()]).toEqual([undefined, 1n, -1n]);
  expect(() => Value.of(U64, Uint8Array.of(1), read).big()).toThrow("unsigned long needs 8 bytes, 1 are known");
});

test("no memory, and too much of it, are sentences", () => {
  expect(() => value(INT, 0x9000n).big()).toThrow("there is no memory at 0x9000 (int)");
  expect(() => value(array(CHAR, 2 ** 30), 0x1000n).bytes()).toThrow("is not read whole");
  expect(() => value(array(array(U64, 2 ** 30), 2 ** 30), 0x1000n).type.size).toThrow("more bytes than memory");
  expect(() => value(VOID, 0x1000n).big()).toThrow("void is no number");
});

test("types that lead round are an error, not a hang", () => {
  const round: Type = alias("round", () => round);
  expect(() => round.bare).toThrow(SymbolsError);
  expect(() => round.size).toThrow("stands for itself");
  const self: Type = new Type({ kind: "array", count: 2, target: () => self });
  expect(() => self.size).toThrow("an array holds itself");
  expect(new Type({ kind: "pointer", target: () => round }).text).toBe("round *");
  const endless: Type = new Type({ kind: "pointer", target: () => endless });
  expect(endless.text.length).toBeLessThan(200);
  const holder: Type = struct("", 4, () => [at("", holder, 0)]);
  expect(holder.field("x")).toBeUndefined();
});

test("C's declarations, from the inside out", () => {
  const fn = new Type({ kind: "function", target: () => INT });
  expect(pointer(fn).declare("call")).toBe("int (*call)()");
  expect(array(pointer(fn), 4).declare("table")).toBe("int (*table[4])()");
  expect(pointer(array(INT, 3)).declare("row")).toBe("int (*row)[3]");
  expect(pointer(pointer(struct("proc", 8, () => []))).text).toBe("struct proc **");
  expect(new Type({ kind: "const", target: () => pointer(CHAR) }).declare("p")).toBe("char *const p");
  expect(pointer(new Type({ kind: "const", target: () => CHAR })).declare("p")).toBe("const char *p");
  expect(array(array(CHAR, 2), 3).declare("grid")).toBe("char grid[3][2]");
  expect(new Type({ kind: "pointer" }).text).toBe("void *");
});
