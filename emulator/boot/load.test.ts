import { expect, test } from "vitest";
import type { Dma } from "../bus.ts";
import { RAM } from "../memory-map.ts";
import { loadImages } from "./load.ts";

const SIZE = 4 * 2 ** 20;

function memory(): { dma: Dma; bytes: Uint8Array } {
  const bytes = new Uint8Array(SIZE);
  const inside = (pa: number, n: number): boolean => pa >= RAM && pa + n <= RAM + SIZE;
  const dma: Dma = {
    view: (pa, n) => (inside(pa, n) ? bytes.subarray(pa - RAM, pa - RAM + n) : null),
    write: (pa, from) => {
      if (!inside(pa, from.length)) return false;
      bytes.set(from, pa - RAM);
      return true;
    },
  };
  return { dma, bytes };
}
const common = { harts: 1, memory: SIZE, seed: 0 };

test("a raw kernel goes to the start of RAM, or behind the firmware", () => {
  const { dma, bytes } = memory();
  loadImages({ ...common, kernel: Uint8Array.of(1, 2, 3) }, dma);
  expect([...bytes.subarray(0, 3)]).toEqual([1, 2, 3]);
  loadImages({ ...common, bios: Uint8Array.of(7), kernel: Uint8Array.of(4) }, dma);
  expect([bytes[0], bytes[0x200000]]).toEqual([7, 4]);
});

test("firmware and kernel that overlap are refused in one line", () => {
  const { dma } = memory();
  expect(() => loadImages({ ...common, bios: new Uint8Array(0x200001).fill(1), kernel: Uint8Array.of(4) }, dma)).toThrow(
    "kernel: it begins at 0x80200000, inside the firmware (0x80000000 to 0x80200001)",
  );
});

test("what does not fit is refused in one line", () => {
  const { dma } = memory();
  expect(() => loadImages({ ...common, kernel: new Uint8Array(SIZE + 1).fill(1) }, dma)).toThrow(/^kernel: 4194305 bytes do not fit into memory at 0x80000000$/);
  expect(() => loadImages({ ...common, kernel: new Uint8Array(0) }, dma)).toThrow(/^kernel: the file is empty$/);
  expect(() => loadImages({ ...common, kernel: Uint8Array.of(1), initrd: new Uint8Array(SIZE) }, dma)).toThrow(/^initrd: 4194304 bytes do not fit/);
});
