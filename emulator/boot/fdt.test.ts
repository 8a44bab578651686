import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { cells, flatten, node, strings } from "./device-tree.ts";
import { buildFdt, seedBytes } from "./fdt.ts";

const hasDtc = spawnSync("dtc", ["--version"]).status === 0;

function dtc(blob: Uint8Array): { source: string; warnings: string } {
  const run = spawnSync("dtc", ["-I", "dtb", "-O", "dts", "-"], { input: blob, encoding: "utf8" });
  expect(run.status).toBe(0);
  return { source: run.stdout, warnings: run.stderr };
}

test("the blob has the header that the specification gives it", () => {
  const blob = flatten(node("", [cells("a", 1), strings("b", "x", "yz")], [node("n", [cells("a", 2)])]), 3);
  const view = new DataView(blob.buffer);
  expect(Array.from({ length: 10 }, (_, i) => view.getUint32(4 * i))).toEqual([0xd00d_feed, blob.length, 56, 56 + 80, 40, 17, 16, 3, 4, 80]);
  expect(view.getUint32(56 + 76)).toBe(9);
  expect(new TextDecoder().decode(blob.subarray(56 + 80))).toBe("a\0b\0");
});

test("the seed makes the random bytes, and nothing else changes them", () => {
  expect(seedBytes(1, 32)).toEqual(seedBytes(1, 32));
  expect(seedBytes(1, 32)).not.toEqual(seedBytes(2, 32));
  expect(new Set(seedBytes(0, 256)).size).toBeGreaterThan(100);
  const options = { harts: 1, memory: 2 ** 27, seed: 5 };
  expect(buildFdt(options)).toEqual(buildFdt(options));
});

test("a NUL in the kernel's command line is refused", () => {
  expect(() => buildFdt({ harts: 1, memory: 2 ** 27, seed: 0, bootargs: "a\0b" })).toThrow("bootargs holds a NUL");
});

describe.skipIf(!hasDtc)("as dtc reads it (skipped where dtc is missing)", () => {
  test.each([1, 2, 3, 8])("%d harts: no warning", (harts) => {
    const initrd = { start: 0x8400_0000, end: 0x8400_1234 };
    const { source, warnings } = dtc(buildFdt({ harts, memory: 2 ** 32, seed: 1, bootargs: 'init=/init run="ls -l | wc"', initrd }));
    expect(warnings).toBe("");
    expect(source.match(/device_type = "cpu"/g)).toHaveLength(harts);
    expect(source).toContain(`bootargs = "init=/init run=\\"ls -l | wc\\""`);
    expect(source).toContain("linux,initrd-end = <0x00 0x84001234>");
    expect(source).toContain("reg = <0x00 0x80000000 0x01 0x00>");
  });

  test("what a kernel looks for is there", () => {
    const { source } = dtc(buildFdt({ harts: 2, memory: 2 ** 27, seed: 1 }));
    for (const line of [
      "timebase-frequency = <0x989680>",
      'mmu-type = "riscv,sv39"',
      'riscv,isa = "rv64imafdc_zicntr_zicsr_zifencei_sstc"',
      'stdout-path = "/soc/serial@10000000"',
      "virtio_mmio@10008000 {",
      "interrupts = <0x08>",
      'compatible = "google,goldfish-rtc"',
      "interrupts-extended = <0x04 0x03 0x04 0x07 0x06 0x03 0x06 0x07>",
      "interrupts-extended = <0x04 0x0b 0x04 0x09 0x06 0x0b 0x06 0x09>",
      "reg = <0x00 0x80000000 0x00 0x8000000>",
    ]) {
      expect(source).toContain(line);
    }
    expect(source).not.toContain("bootargs");
    expect(source).not.toContain("initrd");
  });
});
