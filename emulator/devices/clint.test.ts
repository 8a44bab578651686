import { beforeEach, expect, test } from "vitest";
import { Clint } from "./clint.ts";
import { TestClock, wires, type Wire } from "./testing.ts";

let clock: TestClock;
let msip: Wire[];
let mtip: Wire[];
let clint: Clint;

beforeEach(() => {
  clock = new TestClock();
  msip = wires(2);
  mtip = wires(2);
  clint = new Clint(clock, msip, mtip);
  clint.reset();
});

function compare(hart: number, lo: number, hi = 0): void {
  clint.write(0x4000 + 8 * hart, 4, lo);
  clint.write(0x4004 + 8 * hart, 4, hi);
}

test("msip is one bit and one wire a hart", () => {
  clint.write(4, 4, 0xffff_ffff);
  expect(clint.read(4, 4)).toBe(1);
  expect(msip.map((w) => w.level)).toEqual([false, true]);
  clint.write(4, 4, 2);
  expect(msip[1]!.level).toBe(false);
  clint.write(8, 4, 1); // hart 2 does not exist
  expect(clint.read(8, 4)).toBe(0);
});

test("mtime counts ticks of 100 ns", () => {
  clock.jump(1_234_567_899);
  expect(clint.read(0xbff8, 4)).toBe(12_345_678);
  clock.jump(2 ** 52);
  const ticks = BigInt(clint.read(0xbffc, 4)) * 2n ** 32n + BigInt(clint.read(0xbff8, 4));
  expect(ticks).toBe(2n ** 52n / 100n);
});

test("no timer interrupt after reset; one at exactly mtimecmp; gone when mtimecmp moves on", () => {
  expect(mtip[0]!.level).toBe(false);
  compare(0, 10);
  expect(mtip[0]!.level).toBe(false);
  expect(clock.nextAlarm()).toBe(1000);
  clock.advance(999);
  expect(mtip[0]!.level).toBe(false);
  clock.advance(1);
  expect(mtip[0]!.level).toBe(true);
  expect(mtip[1]!.level).toBe(false);
  compare(0, 20);
  expect(mtip[0]!.level).toBe(false);
  clock.advance(1000);
  expect(mtip[0]!.level).toBe(true);
});

test("the alarm falls on a tick, even from the middle of one", () => {
  clock.jump(150);
  compare(0, 5);
  expect(clock.nextAlarm()).toBe(500);
});

test("mtimecmp compares as 64 unsigned bits", () => {
  compare(0, 0xffff_ffff, 0xffff_ffff);
  expect(mtip[0]!.level).toBe(false);
  expect(clock.nextAlarm()).toBe(Infinity);
  clint.write(0xbffc, 4, 0xffff_ffff);
  clint.write(0xbff8, 4, 0xffff_fff0);
  expect(clint.read(0xbffc, 4)).toBe(0xffff_ffff);
  expect(mtip[0]!.level).toBe(false);
  clock.advance(1499);
  expect(mtip[0]!.level).toBe(false);
  clock.advance(1);
  expect(mtip[0]!.level).toBe(true);
  clock.advance(100); // mtime wraps to 0
  expect([clint.read(0xbff8, 4), clint.read(0xbffc, 4)]).toEqual([0, 0]);
});

test("mtime reads what was written, and goes on from there", () => {
  const values: [number, number][] = [[0, 0], [0xffff_ffff, 0], [5, 0x8000_0000], [0xffff_ffff, 0xffff_ffff], [1, 1]];
  clock.jump(987_654_321_000);
  for (const [lo, hi] of values) {
    clint.time.set(lo, hi);
    expect([clint.time.lo, clint.time.hi]).toEqual([lo, hi]);
    clock.advance(300);
    const expected = (BigInt(hi) * 2n ** 32n + BigInt(lo) + 3n) % 2n ** 64n;
    expect(BigInt(clint.time.hi) * 2n ** 32n + BigInt(clint.time.lo)).toBe(expected);
  }
});

test("writing mtime moves every timer", () => {
  compare(1, 1000);
  clint.write(0xbff8, 4, 990);
  expect(clock.nextAlarm()).toBe(1000);
  clint.write(0xbff8, 4, 1000);
  expect(mtip[1]!.level).toBe(true);
  clint.write(0xbff8, 4, 0);
  expect(mtip[1]!.level).toBe(false);
  expect(clock.nextAlarm()).toBe(100_000);
});

test("momentOf serves stimecmp: now when reached, Infinity beyond virtual time", () => {
  clock.jump(1050);
  expect(clint.time.momentOf(10, 0)).toBe(1050);
  expect(clint.time.momentOf(11, 0)).toBe(1100);
  expect(clint.time.momentOf(0, 0x10_0000)).toBe(Infinity);
  let jumps = 0;
  clint.time.onJump(() => jumps++);
  clint.write(0xbff8, 4, 1);
  expect(jumps).toBe(1);
});

test("a peek and a hart that is not there have no effect", () => {
  compare(5, 0);
  expect(clint.peek(0x4028, 4)).toBe(0);
  expect(clint.peek(0x4000, 4)).toBe(0xffff_ffff);
  expect(clint.peek(0x9000, 4)).toBe(0);
});

test("save and load carry levels, comparators and the offset of mtime", () => {
  clint.write(0xbff8, 4, 77);
  clint.write(0, 4, 1);
  compare(1, 77);
  compare(0, 500);
  const saved = JSON.parse(JSON.stringify({ clint: clint.save(), clock: clock.save() }));
  const again = new TestClock();
  const [m, t] = [wires(2), wires(2)];
  const copy = new Clint(again, m, t);
  copy.load(saved.clint);
  again.load(saved.clock);
  expect(copy.save()).toEqual(clint.save());
  expect([m[0]!.level, m[1]!.level, t[0]!.level, t[1]!.level]).toEqual([true, false, false, true]);
  again.advance(42_300);
  expect(t[0]!.level).toBe(true);
  expect(() => copy.load({ ...saved.clint, msip: [1] })).toThrow("clint.msip");
  expect(() => copy.load({ ...saved.clint, compareLo: [-1, 0] })).toThrow("clint.compareLo");
  expect(() => copy.load({})).toThrow("clint has no msip");
});
