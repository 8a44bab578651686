import { beforeEach, expect, test } from "vitest";
import { MemoryBlock } from "./devices/memory-block.ts";
import type { Finish } from "./devices/finisher.ts";
import { TestClock, TestRam, wires, type Wire } from "./devices/testing.ts";
import { Platform, type HartLines } from "./platform.ts";

let clock: TestClock;
let lines: { [name in keyof HartLines]: Wire[] };
let finishes: Finish[];
let console_: number[];
let platform: Platform;

beforeEach(() => {
  clock = new TestClock();
  lines = { msip: wires(2), mtip: wires(2), meip: wires(2), seip: wires(2) };
  finishes = [];
  console_ = [];
  platform = build();
});

function build(): Platform {
  return new Platform({
    clock,
    dma: new TestRam(0x8000_0000, 0x1_0000),
    lines,
    disks: [new MemoryBlock(new Uint8Array(4096)), null],
    onConsole: (byte) => console_.push(byte),
    onFinish: (finish) => finishes.push(finish),
    epoch: 1_700_000_000,
  });
}

function read(pa: number, size = 4): number | null {
  return platform.bus.read(pa, size) ? platform.bus.lo : null;
}

test("every device answers at its place, with the widths that it has", () => {
  platform.bootRom.program(Uint8Array.of(0x97, 2, 0, 0));
  expect(read(0x1000)).toBe(0x297);
  expect(read(0x10_1000)).not.toBe(null);
  expect(read(0x200_bff8, 8)).toBe(0);
  expect(read(0xc00_0000)).toBe(0);
  expect(read(0xc00_0000, 8)).toBe(null);
  expect(read(0x1000_0005, 1)).toBe(0x60);
  expect([read(0x1000_1008), read(0x1000_2008), read(0x1000_8000)]).toEqual([2, 0, 0x7472_6976]);
  for (const hole of [0, 0xffc, 0x10_2000, 0x1000_0100, 0x1000_9000, 0x2000_0000, 0x8000_0000]) expect(read(hole)).toBe(null);
});

test("the UART pulls wire 10 into the S context of the hart that enabled it", () => {
  const { bus } = platform;
  bus.write(0xc00_0000 + 40, 4, 1, 0);
  bus.write(0xc00_2000 + 0x80 * 3, 4, 1 << 10, 0);
  bus.write(0x1000_0001, 1, 1, 0);
  platform.uart.receive(Uint8Array.of(65));
  expect(lines.seip.map((w) => w.level)).toEqual([false, true]);
  expect(read(0xc20_3004)).toBe(10);
  expect(read(0x1000_0000, 1)).toBe(65);
});

test("a driver that never reads IIR (xv6's) gets one interrupt for each byte sent, not for ever", () => {
  const { bus } = platform;
  bus.write(0xc00_0000 + 40, 4, 1, 0);
  bus.write(0xc00_2080, 4, 1 << 10, 0);
  bus.write(0x1000_0001, 1, 3, 0);
  let taken = 0;
  for (let left = 5; lines.seip[0]!.level && taken < 100; taken++) {
    const irq = read(0xc20_1004)!;
    expect(read(0x1000_0005, 1)! & 0x21).toBe(0x20);
    if (left-- > 0) bus.write(0x1000_0000, 1, 65, 0);
    bus.write(0xc20_1004, 4, irq, 0);
  }
  expect([taken, console_.length]).toEqual([6, 5]);
});

test("the console and the finisher reach the machine", () => {
  platform.bus.write(0x1000_0000, 1, 33, 0);
  platform.bus.write(0x10_0000, 4, 0x5555, 0);
  expect([console_, finishes]).toEqual([[33], [{ kind: "pass" }]]);
});

test("an 8-byte store to mtimecmp arms the timer exactly", () => {
  platform.bus.write(0x200_4008, 8, 50, 0);
  clock.advance(4999);
  expect(lines.mtip[1]!.level).toBe(false);
  clock.advance(1);
  expect(lines.mtip[1]!.level).toBe(true);
});

test("save and load put every device and wire back; reset is power-on", () => {
  const fresh = platform.save();
  const { bus } = platform;
  bus.write(0xc00_0000 + 40, 4, 1, 0);
  bus.write(0xc00_2080, 4, 1 << 10, 0);
  bus.write(0x1000_0001, 1, 3, 0);
  bus.write(0x200_4000, 8, 10, 0);
  bus.write(0x200_0004, 4, 1, 0);
  clock.advance(1000);
  const saved = platform.save();
  const levels = [lines.seip[0]!.level, lines.mtip[0]!.level];
  expect(levels).toEqual([true, true]);
  platform.reset();
  expect(platform.save()).toEqual(fresh);
  expect(lines.seip[0]!.level).toBe(false);
  platform.load(saved);
  expect(platform.save()).toEqual(saved);
  expect([lines.seip[0]!.level, lines.mtip[0]!.level]).toEqual(levels);
  const { uart: _, ...rest } = saved as { [name: string]: never };
  expect(() => platform.load(rest)).toThrow("devices has no uart");
});

test("nine disks are too many", () => {
  const disks = Array.from({ length: 9 }, () => null);
  const options = { clock: new TestClock(), dma: new TestRam(0, 0), lines, onConsole: () => undefined, onFinish: () => undefined, epoch: 0 };
  expect(() => new Platform({ ...options, disks })).toThrow("9 disks, but only 8 slots");
});
