import { expect, test } from "vitest";
import { Bus, type BusAccess, type Device, type State } from "./bus.ts";

class Probe implements Device {
  readonly name: string;
  readonly log: string[] = [];
  constructor(name = "probe") {
    this.name = name;
  }
  read(offset: number, size: number): number {
    this.log.push(`r${size}@${offset}`);
    return offset === 4 ? -1 : 0x1234_5678;
  }
  peek(offset: number, _size: number): number {
    return 0x100 + offset;
  }
  write(offset: number, size: number, value: number): void {
    this.log.push(`w${size}@${offset}=${value.toString(16)}`);
  }
  reset(): void {
    this.log.length = 0;
  }
  save(): State {
    return null;
  }
  load(): void {
    this.log.length = 0;
  }
}

test("a read finds its device and leaves unsigned halves", () => {
  const bus = new Bus();
  const probe = new Probe();
  bus.attach(0x1000, 0x100, probe);
  expect(bus.read(0x1010, 4)).toBe(true);
  expect([bus.lo, bus.hi]).toEqual([0x1234_5678, 0]);
  expect(bus.read(0x1000, 8)).toBe(true);
  expect([bus.lo, bus.hi]).toEqual([0x1234_5678, 0xffff_ffff]);
  expect(probe.log).toEqual(["r4@16", "r4@0", "r4@4"]);
});

test("eight bytes are written as two words, low first; narrow values are cut", () => {
  const bus = new Bus();
  const probe = new Probe();
  bus.attach(0x1000, 0x100, probe);
  expect(bus.write(0x1008, 8, -1, 0x8000_0000)).toBe(true);
  expect(bus.write(0x1001, 1, 0x1ff, 0)).toBe(true);
  expect(bus.write(0x1002, 2, -1, 0)).toBe(true);
  expect(probe.log).toEqual(["w4@8=ffffffff", "w4@12=80000000", "w1@1=ff", "w2@2=ffff"]);
});

test("nothing there, a wrong width, a crooked address and a range's end are failures", () => {
  const bus = new Bus();
  bus.attach(0x1000, 0x104, new Probe(), [4, 8]);
  for (const [pa, size] of [[0xffc, 4], [0x1104, 4], [0x1000, 1], [0x1002, 4], [0x1100, 8], [2 ** 55, 4]] as const) {
    expect(bus.read(pa, size)).toBe(false);
    expect(bus.peek(pa, size)).toBe(false);
    expect(bus.write(pa, size, 0, 0)).toBe(false);
  }
  expect(bus.read(0x1100, 4)).toBe(true);
});

test("find remembers its last answer without being fooled by it", () => {
  const bus = new Bus();
  const [a, b] = [new Probe("a"), new Probe("b")];
  bus.attach(0x2000, 0x10, b);
  bus.attach(0x1000, 0x10, a);
  expect(bus.find(0x1000)?.device).toBe(a);
  expect(bus.find(0x2000)?.device).toBe(b);
  expect(bus.find(0x1010)).toBe(null);
  expect(bus.find(0x100f)?.device).toBe(a);
  expect(bus.mappings.map((m) => m.device.name)).toEqual(["a", "b"]);
});

test("ranges may touch but not overlap", () => {
  const bus = new Bus();
  bus.attach(0x1000, 0x1000, new Probe("first"));
  bus.attach(0x2000, 0x1000, new Probe("second"));
  expect(() => bus.attach(0x1fff, 1, new Probe("third"))).toThrow("third at 0x1fff overlaps first");
});

test("a peek touches nothing and tells nobody", () => {
  const bus = new Bus();
  const probe = new Probe();
  const seen: BusAccess[] = [];
  bus.attach(0x1000, 0x100, probe);
  bus.observer = (access) => seen.push(access);
  expect(bus.peek(0x1008, 8)).toBe(true);
  expect([bus.lo, bus.hi]).toEqual([0x108, 0x10c]);
  expect(probe.log).toEqual([]);
  expect(seen).toEqual([]);
  bus.write(0x1000, 8, 1, 2);
  bus.read(0x1000, 2);
  expect(seen.map((s) => [s.kind, s.pa, s.size, s.lo, s.hi])).toEqual([
    ["write", 0x1000, 8, 1, 2],
    ["read", 0x1000, 2, 0x1234_5678, 0],
  ]);
});
