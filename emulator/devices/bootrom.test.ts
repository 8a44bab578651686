import { expect, test } from "vitest";
import { BootRom } from "./bootrom.ts";

test("bytes in any width, 0 beyond, and no writes", () => {
  const rom = new BootRom();
  rom.program(Uint8Array.of(1, 2, 3, 0x84, 5));
  rom.write(0, 4, 0);
  expect([rom.read(0, 4), rom.read(2, 2), rom.read(4, 1), rom.read(4, 4), rom.read(0x1000, 4)]).toEqual([0x8403_0201, 0x8403, 5, 5, 0]);
  const copy = new BootRom();
  copy.load(rom.save());
  expect(copy.read(0, 4)).toBe(0x8403_0201);
  expect(() => copy.load(3)).toThrow("boot ROM is not bytes");
});
