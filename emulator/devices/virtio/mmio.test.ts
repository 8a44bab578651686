import { beforeEach, expect, test } from "vitest";
import { MemoryBlock } from "../memory-block.ts";
import { TestClock, Wire } from "../testing.ts";
import { VirtioBlock } from "./block.ts";
import { VirtioMmio } from "./mmio.ts";
import { AVAIL, DESC, RAM_BASE, TestDriver, USED } from "./test-driver.ts";

let driver: TestDriver;
let irq: Wire;
let slot: VirtioMmio;

beforeEach(() => {
  driver = new TestDriver();
  irq = new Wire();
  const block = new VirtioBlock("virtio0", new TestClock(), new MemoryBlock(new Uint8Array(64 * 512)));
  slot = new VirtioMmio("virtio0", driver.ram, irq, block);
});

const r = (offset: number): number => driver.r(slot, offset);
const w = (offset: number, value: number): void => driver.w(slot, offset, value);

test("identification", () => {
  expect([0, 4, 8, 0xc].map(r)).toEqual([0x7472_6976, 2, 2, 0x554d_4551]);
  expect(r(0x34)).toBe(256);
  w(0x30, 1);
  expect(r(0x34)).toBe(0);
  expect([0xb0, 0xb4].map(r)).toEqual([0xffff_ffff, 0xffff_ffff]);
  expect([slot.read(0, 1), slot.read(0, 2)]).toEqual([0, 0]);
});

test("an empty slot has device 0, and nothing happens there", () => {
  const empty = new VirtioMmio("virtio1", driver.ram, irq, null);
  expect([0, 4, 8, 0xc, 0x10, 0x34, 0x70, 0x100].map((o) => empty.read(o, 4))).toEqual([0x7472_6976, 2, 0, 0x554d_4551, 0, 0, 0, 0]);
  for (let offset = 0; offset < 0x200; offset += 4) empty.write(offset, 4, 0xffff_ffff);
  expect(empty.read(0x70, 4)).toBe(0);
  empty.load(empty.save());
});

test("features come in halves; what was not offered is refused at FEATURES_OK", () => {
  w(0x14, 0);
  expect(r(0x10)).toBe(0x3000_0244);
  w(0x14, 1);
  expect(r(0x10)).toBe(1);
  w(0x14, 2);
  expect(r(0x10)).toBe(0);
  expect(driver.start(slot, 0x244, 1)).toBe(0xf);
  expect([slot.accepted(2), slot.accepted(5), slot.accepted(32)]).toEqual([true, false, true]);
  expect(driver.start(slot, 0x20, 1) & 8).toBe(0);
  expect(driver.start(slot, 0, 3) & 8).toBe(0);
});

test("a driver that leaves VERSION_1 out is served", () => {
  expect(driver.start(slot, 0x244, 0)).toBe(0xf);
});

test("features are fixed after FEATURES_OK", () => {
  driver.start(slot, 4, 1);
  w(0x24, 0);
  w(0x20, 0);
  expect(slot.accepted(2)).toBe(true);
});

test("status 0 resets everything", () => {
  driver.start(slot);
  expect(r(0x44)).toBe(1);
  w(0x70, 0);
  expect([r(0x70), r(0x44), r(0x60), slot.accepted(32)]).toEqual([0, 0, 0, false]);
});

test("a queue that cannot be makes the device need a reset, and a reset heals it", () => {
  const bad: [number, number, number, number, string][] = [
    [7, DESC, AVAIL, USED, "queue size 7 is not a power of two"],
    [0, DESC, AVAIL, USED, "queue size 0"],
    [512, DESC, AVAIL, USED, "queue size 512 is above 256"],
    [8, DESC + 8, AVAIL, USED, "the descriptor table at 0x80000008 is not aligned to 16"],
    [8, DESC, AVAIL + 1, USED, "available ring"],
    [8, DESC, AVAIL, USED + 2, "used ring"],
    [8, RAM_BASE - 16, AVAIL, USED, "descriptor table at 0x7ffffff0 is not in RAM"],
    [8, DESC, RAM_BASE + 0x4_0000 - 2, USED, "available ring"],
    [8, DESC, AVAIL, 2 ** 64 - 4096, "used ring"],
  ];
  for (const [size, desc, avail, used, reason] of bad) {
    const other = new TestDriver(size);
    w(0x70, 0);
    w(0x70, 0xb);
    other.queue(slot, desc, avail, used);
    expect(r(0x70) & 0x40).toBe(0x40);
    expect(r(0x44)).toBe(0);
    expect(slot.fault).toContain(reason);
    expect(irq.level).toBe(false);
  }
  expect(driver.start(slot)).toBe(0xf);
  expect(slot.fault).toBe("");
});

test("registers of a queue that is ready do not change", () => {
  driver.start(slot);
  w(0x38, 3);
  w(0x80, 1);
  expect(r(0x70)).toBe(0xf);
  w(0x44, 0);
  w(0x44, 1);
  expect(r(0x70)).toBe(0xf);
});

test("after DRIVER_OK a fault interrupts as a configuration change, and the acknowledgement clears it", () => {
  driver.start(slot);
  driver.availableIndex(9);
  driver.notify(slot);
  expect([r(0x70), r(0x60), irq.level]).toEqual([0x4f, 2, true]);
  expect(slot.fault).toContain("available index 9 is 9 ahead in a queue of 8");
  w(0x64, 1);
  expect(irq.level).toBe(true);
  w(0x64, 2);
  expect([r(0x60), irq.level]).toEqual([0, false]);
  w(0x70, 0xf);
  expect(r(0x70) & 0x40).toBe(0x40);
});

test("configuration is read in any width, and reads 0 beyond its end", () => {
  expect([slot.read(0x100, 4), slot.read(0x104, 4), slot.read(0x10c, 4), slot.read(0x114, 2)]).toEqual([64, 0, 254, 512]);
  expect([slot.read(0x100, 1), slot.read(0x115, 1), slot.read(0xffc, 4), r(0xfc)]).toEqual([64, 2, 0, 0]);
  slot.write(0x100, 4, 5);
  expect(slot.read(0x100, 4)).toBe(64);
});

test("a notification before DRIVER_OK, of another queue, or of a queue not ready is nothing", () => {
  w(0x50, 0);
  driver.start(slot);
  driver.availableIndex(9);
  w(0x50, 1);
  w(0x50, 0xffff_ffff);
  w(0x44, 0);
  w(0x50, 0);
  expect(r(0x70)).toBe(0xf);
});
