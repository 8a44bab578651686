import { beforeEach, expect, test } from "vitest";
import { GoldfishRtc } from "./rtc.ts";
import { TestClock, Wire } from "./testing.ts";
import { add, less, secondsToNs, subtract, toNumber, u64 } from "./u64.ts";

const EPOCH = 1_700_000_000;
let clock: TestClock;
let irq: Wire;
let rtc: GoldfishRtc;

beforeEach(() => {
  clock = new TestClock();
  irq = new Wire();
  rtc = new GoldfishRtc(clock, irq, EPOCH);
  rtc.reset();
});

const now = (): bigint => BigInt(rtc.read(0, 4)) + (BigInt(rtc.read(4, 4)) << 32n);
const setAlarm = (at: bigint): void => {
  rtc.write(0xc, 4, Number(at >> 32n));
  rtc.write(0x8, 4, Number(at & 0xffff_ffffn));
};
const START = BigInt(EPOCH) * 1_000_000_000n;

test("64-bit pairs add, subtract and compare as 64-bit numbers", () => {
  const values = [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n - 1n, 2n ** 63n, 2n ** 64n - 1n];
  const pair = (v: bigint): { lo: number; hi: number } => ({ lo: Number(v & 0xffff_ffffn), hi: Number(v >> 32n) });
  for (const a of values) {
    for (const b of values) {
      expect(add(pair(a), pair(b))).toEqual(pair(BigInt.asUintN(64, a + b)));
      expect(subtract(pair(a), pair(b))).toEqual(pair(BigInt.asUintN(64, a - b)));
      expect(less(pair(a), pair(b))).toBe(a < b);
    }
  }
  expect(toNumber(u64(2 ** 53 - 1))).toBe(2 ** 53 - 1);
  for (const s of [0, 1, 65_535, 65_536, 1_700_000_001, 2 ** 33]) expect(secondsToNs(s)).toEqual(pair(BigInt(s) * 1_000_000_000n));
});

test("it reads the epoch plus virtual time", () => {
  expect(now()).toBe(START);
  clock.advance(5_123_456_789);
  expect(now()).toBe(START + 5_123_456_789n);
});

test("a read of the low half latches the high half", () => {
  const toCarry = 0x1_0000_0000 - Number(START & 0xffff_ffffn);
  clock.advance(toCarry - 1);
  expect(rtc.read(0, 4)).toBe(0xffff_ffff);
  clock.advance(1);
  expect(rtc.read(4, 4)).toBe(Number(START >> 32n));
  expect(rtc.read(0, 4)).toBe(0);
  expect(rtc.read(4, 4)).toBe(Number(START >> 32n) + 1);
});

test("the guest can set the time", () => {
  clock.advance(1000);
  rtc.write(4, 4, 3);
  rtc.write(0, 4, 9);
  clock.advance(50);
  expect(now()).toBe((3n << 32n) + 59n);
});

test("the alarm rings at its nanosecond, if enabled, and until taken back", () => {
  rtc.write(0x10, 4, 1);
  setAlarm(START + 1_000_000n);
  expect(rtc.read(0x18, 4)).toBe(1);
  clock.advance(999_999);
  expect(irq.level).toBe(false);
  clock.advance(1);
  expect([irq.level, rtc.read(0x18, 4)]).toEqual([true, 0]);
  rtc.write(0x1c, 4, 1);
  expect(irq.level).toBe(false);
});

test("an alarm that has passed rings at once; one that is cleared never; one disabled stays pending", () => {
  setAlarm(START - 1n);
  expect(irq.level).toBe(false);
  rtc.write(0x10, 4, 1);
  expect(irq.level).toBe(true);
  rtc.write(0x1c, 4, 0);
  setAlarm(START + 10n);
  rtc.write(0x14, 4, 0);
  clock.advance(100);
  expect([irq.level, rtc.read(0x18, 4)]).toEqual([false, 0]);
  setAlarm(2n ** 64n - 1n);
  expect([clock.nextAlarm(), rtc.read(0x18, 4)]).toEqual([Infinity, 1]);
});

test("setting the time moves an armed alarm", () => {
  rtc.write(0x10, 4, 1);
  setAlarm(START + 1_000_000_000n);
  rtc.write(0, 4, Number((START + 1_000_000_000n - 5n) & 0xffff_ffffn));
  expect(clock.nextAlarm()).toBe(5);
});

test("save, load, reset", () => {
  rtc.write(0x10, 4, 1);
  rtc.write(0, 4, 0);
  setAlarm(now() + 500n);
  const saved = JSON.parse(JSON.stringify({ rtc: rtc.save(), clock: clock.save() }));
  const otherClock = new TestClock();
  const otherIrq = new Wire();
  const copy = new GoldfishRtc(otherClock, otherIrq, 0);
  copy.load(saved.rtc);
  otherClock.load(saved.clock);
  expect(copy.save()).toEqual(rtc.save());
  otherClock.advance(500);
  expect(otherIrq.level).toBe(true);
  expect(() => copy.load({ ...saved.rtc, armed: 1 })).toThrow("rtc.armed is not true or false");
  copy.reset();
  expect(otherIrq.level).toBe(false);
});
