import { beforeEach, expect, test } from "vitest";
import { Plic } from "./plic.ts";
import { Random, wires, type Wire } from "./testing.ts";

const SOURCES = 127;
let out: Wire[];
let plic: Plic;

beforeEach(() => {
  out = wires(4);
  plic = new Plic(SOURCES, out);
  plic.reset();
});

const priority = (source: number, value: number): void => plic.write(4 * source, 4, value);
const enable = (context: number, ...sources: number[]): void => {
  for (let word = 0; word < 4; word++) {
    const bits = sources.filter((s) => s >> 5 === word).reduce((sum, s) => sum + 2 ** (s & 31), 0);
    plic.write(0x2000 + 0x80 * context + 4 * word, 4, bits);
  }
};
const threshold = (context: number, value: number): void => plic.write(0x20_0000 + 0x1000 * context, 4, value);
const claim = (context: number): number => plic.read(0x20_0004 + 0x1000 * context, 4);
const complete = (context: number, source: number): void => plic.write(0x20_0004 + 0x1000 * context, 4, source);
const pending = (source: number): boolean => ((plic.peek(0x1000 + 4 * (source >> 5), 4) >>> (source & 31)) & 1) === 1;

test("a source reaches exactly the contexts that enable it", () => {
  priority(10, 1);
  enable(1, 10);
  plic.line(10).set(true);
  expect(out.map((w) => w.level)).toEqual([false, true, false, false]);
  enable(3, 10);
  expect(out.map((w) => w.level)).toEqual([false, true, false, true]);
});

test("claim takes it from everyone; nothing more comes before the completion", () => {
  priority(10, 1);
  enable(1, 10);
  enable(3, 10);
  plic.line(10).set(true);
  expect(claim(1)).toBe(10);
  expect(out.some((w) => w.level)).toBe(false);
  expect(claim(3)).toBe(0);
  plic.line(10).set(false);
  plic.line(10).set(true);
  expect(pending(10)).toBe(false);
  complete(1, 10);
  expect(pending(10)).toBe(true);
  expect(claim(3)).toBe(10);
});

test("a level that is still high at the completion interrupts again, a low one does not", () => {
  priority(10, 1);
  enable(0, 10);
  plic.line(10).set(true);
  expect(claim(0)).toBe(10);
  complete(0, 10);
  expect(out[0]!.level).toBe(true);
  expect(claim(0)).toBe(10);
  plic.line(10).set(false);
  complete(0, 10);
  expect(out[0]!.level).toBe(false);
  expect(claim(0)).toBe(0);
});

test("a forwarded request outlives its level", () => {
  priority(7, 1);
  enable(0, 7);
  plic.line(7).set(true);
  plic.line(7).set(false);
  expect(out[0]!.level).toBe(true);
  expect(claim(0)).toBe(7);
  complete(0, 7);
  expect(pending(7)).toBe(false);
});

test("highest priority first, then lowest number; priority 0 is never", () => {
  for (const [source, level] of [[5, 2], [40, 7], [33, 7], [127, 3], [6, 0]] as const) {
    priority(source, level);
    plic.line(source).set(true);
  }
  enable(0, 5, 40, 33, 127, 6);
  expect([claim(0), claim(0), claim(0), claim(0), claim(0)]).toEqual([33, 40, 127, 5, 0]);
});

test("the threshold gates the wire but not the claim", () => {
  priority(3, 2);
  enable(0, 3);
  threshold(0, 2);
  plic.line(3).set(true);
  expect(out[0]!.level).toBe(false);
  expect(claim(0)).toBe(3);
  complete(0, 3);
  threshold(0, 1);
  expect(out[0]!.level).toBe(true);
});

test("a completion by a context that has not enabled the source is ignored", () => {
  priority(3, 1);
  enable(0, 3);
  plic.line(3).set(true);
  expect(claim(0)).toBe(3);
  complete(2, 3);
  complete(0, 0);
  complete(0, 128);
  complete(0, 0xffff_ffff);
  expect(out[0]!.level).toBe(false);
  complete(0, 3);
  expect(out[0]!.level).toBe(true);
});

test("registers hold their bits and no others", () => {
  priority(127, 0xff);
  priority(0, 7);
  expect(plic.read(4 * 127, 4)).toBe(7);
  expect(plic.read(0, 4)).toBe(0);
  expect(plic.read(4 * 128, 4)).toBe(0);
  for (let word = 0; word < 5; word++) plic.write(0x2000 + 4 * word, 4, 0xffff_ffff);
  expect([0, 1, 2, 3, 4].map((w) => plic.read(0x2000 + 4 * w, 4))).toEqual([0xffff_fffe, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0]);
  threshold(1, 0x17);
  expect(plic.read(0x20_1000, 4)).toBe(7);
  plic.write(0x1000, 4, 0xffff_ffff);
  expect(plic.read(0x1000, 4)).toBe(0);
});

test("a number of sources that is no full word leaves the rest at 0", () => {
  const small = new Plic(40, wires(1));
  small.write(0x2004, 4, 0xffff_ffff);
  expect(small.read(0x2004, 4)).toBe(0x1ff);
  expect(() => small.line(41)).toThrow("no source 41");
  expect(() => small.line(0)).toThrow("no source 0");
});

test("a peek of the claim register claims nothing", () => {
  priority(9, 1);
  enable(0, 9);
  plic.line(9).set(true);
  expect(plic.peek(0x20_0004, 4)).toBe(9);
  expect(plic.peek(0x20_0004, 4)).toBe(9);
  expect(claim(0)).toBe(9);
});

test("anything the guest writes anywhere is harmless, and save/load is faithful", () => {
  const random = new Random(42);
  for (let round = 0; round < 20_000; round++) {
    const offset = random.pick([0, 0x1000, 0x2000, 0x20_0000, 0x5f_f000]) + 4 * random.below(1024);
    if (random.below(3) === 0) plic.read(offset, 4);
    else plic.write(offset, 4, random.below(2) === 0 ? random.below(128) : random.next());
    plic.line(1 + random.below(SOURCES)).set(random.below(2) === 0);
  }
  const saved = JSON.parse(JSON.stringify(plic.save()));
  const lines = wires(4);
  const copy = new Plic(SOURCES, lines);
  copy.load(saved);
  expect(copy.save()).toEqual(plic.save());
  expect(lines.map((w) => w.level)).toEqual(out.map((w) => w.level));
  for (let context = 0; context < 4; context++) expect(copy.read(0x20_0004 + 0x1000 * context, 4)).toBe(claim(context));
  expect(() => copy.load({ ...saved, priority: [1, 2] })).toThrow("plic.priority");
  plic.reset();
  expect(out.some((w) => w.level)).toBe(false);
});
