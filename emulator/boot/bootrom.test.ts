import { expect, test } from "vitest";
import { placeFdt, placeInitrd, resetVector } from "./bootrom.ts";

const MIB = 2 ** 20;

test("the instructions are what an assembler gives for the same lines", () => {
  const view = new DataView(resetVector({ entry: 0x8000_0000, fdt: 0x87e0_0000 }).buffer);
  const words = Array.from({ length: 6 }, (_, i) => view.getUint32(4 * i, true).toString(16));
  // auipc t0,0; addi a2,t0,48; csrr a0,mhartid; ld a1,40(t0); ld t0,32(t0); jr t0
  expect(words).toEqual(["297", "3028613", "f1402573", "282b583", "202b283", "28067"]);
  expect(view.getBigUint64(32, true)).toBe(0x8000_0000n);
  expect(view.getBigUint64(40, true)).toBe(0x87e0_0000n);
});

test("OpenSBI finds where to go on", () => {
  const view = new DataView(resetVector({ entry: 0x8000_0000, fdt: 0x1_0000_0000, next: 0x8020_0000 }).buffer);
  expect([0, 1, 2, 3].map((i) => view.getBigUint64(48 + 8 * i, true))).toEqual([0x4942_534fn, 2n, 0x8020_0000n, 1n]);
  expect(view.getBigUint64(40, true)).toBe(0x1_0000_0000n);
});

test("the device tree goes high and on a boundary, or nowhere", () => {
  expect(placeFdt(0x8000_0000, 128 * MIB, 5000)).toBe(0x87e0_0000);
  expect(placeFdt(0x8000_0000, 1 * MIB, 5000)).toBe(0x800f_e000);
  expect(placeFdt(0x8000_0000, 4096, 5000)).toBe(null);
});

test("the RAM disk goes half-way up, after the kernel, below the device tree, or nowhere", () => {
  expect(placeInitrd(0x8000_0000, 128 * MIB, 0x8010_0000, 1000, 0x87e0_0000)).toBe(0x8400_0000);
  expect(placeInitrd(0x8000_0000, 128 * MIB, 0x8500_0001, 1000, 0x87e0_0000)).toBe(0x8500_1000);
  expect(placeInitrd(0x8000_0000, 128 * MIB, 0x8010_0000, 64 * MIB, 0x87e0_0000)).toBe(null);
});
