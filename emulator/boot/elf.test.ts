import { expect, test } from "vitest";
import { Random } from "../devices/testing.ts";
import { checkFits, ElfError, isElf, parseElf, symbolAddress, type ElfImage } from "./elf.ts";

const PHOFF = 64;
const CODE = 64 + 3 * 56;
const STRINGS = CODE + 64;
const SYMBOLS = STRINGS + 32;
const SECTIONS = SYMBOLS + 48;
const LENGTH = SECTIONS + 3 * 64;

/** A small program: code at 0x80000000 linked at 0xffffffff80000000, data, a note, and the symbol `tohost`. */
function sample(): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  const wide = (at: number, value: bigint): void => view.setBigUint64(at, value, true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 243, true);
  view.setUint32(20, 1, true);
  wide(24, 0xffff_ffff_8000_0010n);
  wide(32, BigInt(PHOFF));
  wide(40, BigInt(SECTIONS));
  view.setUint32(48, 1, true);
  [64, 56, 3, 64, 3, 1].forEach((v, i) => view.setUint16(52 + 2 * i, v, true));
  const program = (i: number, type: number, flags: number, rest: bigint[]): void => {
    view.setUint32(PHOFF + 56 * i, type, true);
    view.setUint32(PHOFF + 56 * i + 4, flags, true);
    rest.forEach((v, j) => wide(PHOFF + 56 * i + 8 + 8 * j, v));
  };
  program(0, 1, 5, [BigInt(CODE), 0xffff_ffff_8000_0000n, 0x8000_0000n, 48n, 48n, 4n]);
  program(1, 1, 6, [BigInt(CODE + 48), 0xffff_ffff_8000_2000n, 0x8000_2000n, 16n, 4096n, 8n]);
  program(2, 0x7000_0003, 4, [99_999n, 0n, 0n, 5n, 5n, 1n]);
  bytes.fill(0xc0, CODE, CODE + 48);
  bytes.fill(0xda, CODE + 48, CODE + 64);
  bytes.set(new TextEncoder().encode("\0.data\0tohost\0"), STRINGS);
  view.setUint32(SYMBOLS + 24, 7, true);
  bytes[SYMBOLS + 28] = 0x11;
  wide(SYMBOLS + 32, 0xffff_ffff_8000_2008n);
  wide(SYMBOLS + 40, 8n);
  const section = (i: number, type: number, offset: number, size: number, link: number, entry: bigint): void => {
    const at = SECTIONS + 64 * i;
    view.setUint32(at + 4, type, true);
    wide(at + 24, BigInt(offset));
    wide(at + 32, BigInt(size));
    view.setUint32(at + 40, link, true);
    wide(at + 56, entry);
  };
  section(1, 3, STRINGS, 14, 0, 0n);
  section(2, 2, SYMBOLS, 48, 1, 24n);
  return bytes;
}

/** The sample with `size` bytes at `at` replaced. */
function changed(at: number, size: 1 | 2 | 4 | 8, value: number | bigint): Uint8Array {
  const bytes = sample();
  const view = new DataView(bytes.buffer);
  if (size === 1) view.setUint8(at, Number(value));
  else if (size === 2) view.setUint16(at, Number(value), true);
  else if (size === 4) view.setUint32(at, Number(value), true);
  else view.setBigUint64(at, BigInt(value), true);
  return bytes;
}

test("a good file: segments at their physical addresses, the entry translated, the symbol found", () => {
  const image = parseElf(sample());
  expect(image.entry).toBe(0x8000_0010);
  expect(image.segments.map((s) => [s.pa, s.data.length, s.memorySize, s.flags])).toEqual([
    [0x8000_0000, 48, 48, 5],
    [0x8000_2000, 16, 4096, 6],
  ]);
  expect(image.segments[1]!.data[0]).toBe(0xda);
  expect(image.segments[0]!.va).toEqual({ lo: 0x8000_0000, hi: 0xffff_ffff });
  expect(image.symbols).toHaveLength(2);
  expect(image.symbols[1]).toEqual({ name: "tohost", value: { lo: 0x8000_2008, hi: 0xffff_ffff }, size: 8, type: 1, binding: 1, section: 0 });
  expect(symbolAddress(image, "tohost")).toBe(0x8000_2008);
  expect(symbolAddress(image, "fromhost")).toBe(null);
});

test("a file inside a bigger buffer is read from its own start", () => {
  const buffer = new Uint8Array(LENGTH + 100);
  buffer.set(sample(), 33);
  expect(parseElf(buffer.subarray(33, 33 + LENGTH)).entry).toBe(0x8000_0010);
});

test("a stripped file loads without symbols", () => {
  const bytes = changed(40, 8, 0).subarray(0, STRINGS);
  expect(parseElf(bytes).symbols).toEqual([]);
});

const P0 = PHOFF;
const P1 = PHOFF + 56;
const bad: [string, Uint8Array, string][] = [
  ["nothing at all", new Uint8Array(0), "not an ELF file: it begins with nothing"],
  ["another file", new TextEncoder().encode("#!/bin/sh\n"), "not an ELF file: it begins with 23 21 2f 62, not 7f 45 4c 46"],
  ["32 bits", changed(4, 1, 1), "a 32-bit ELF file (class 1 at offset 4)"],
  ["big endian", changed(5, 1, 2), "a big-endian ELF file"],
  ["a strange class", changed(4, 1, 7), "class (at offset 4) is 7, not 2"],
  ["a strange version", changed(6, 1, 0), "identification version (at offset 6) is 0, not 1"],
  ["an object file", changed(16, 2, 1), "an object file (type 1 at offset 16)"],
  ["a core file", changed(16, 2, 4), "file type (at offset 16) is 4"],
  ["x86-64", changed(18, 2, 62), "made for machine 62 (at offset 18), not 243 (RISC-V)"],
  ["version 2", changed(20, 4, 2), "version (at offset 20) is 2, not 1"],
  ["RVE", changed(48, 4, 9), "RVE base"],
  ["a header of 52 bytes", changed(52, 2, 52), "header size (at offset 52) is 52, not 64"],
  ["program headers of 32 bytes", changed(54, 2, 32), "program header size (at offset 54) is 32, not 56"],
  ["no program headers", changed(56, 2, 0), "no program headers"],
  ["too many program headers", changed(56, 2, 0xffff), "more program headers"],
  ["program headers beyond the file", changed(32, 8, 10_000), "the file ends at byte"],
  ["program headers nowhere", changed(32, 8, 2n ** 60n), "the offset of the program headers (at offset 32) is 0x1000000000000000: too great"],
  ["program headers in the header", changed(32, 8, 8), "start at 8, inside the ELF header"],
  ["nothing to load", changed(56, 2, 1).map((b, i) => (i === P0 ? 4 : b)), "no segment to load"],
  ["data beyond the file", changed(P1 + 8, 8, 100_000), "program header 1 (at offset 120) wants bytes 100000 to 100016"],
  ["more in the file than in memory", changed(P0 + 40, 8, 47), "program header 0 (at offset 64) has 48 bytes in the file, more than its 47 in memory"],
  ["a physical address beyond everything", changed(P0 + 24, 8, 2n ** 63n), "program header 0: physical address (at offset 88)"],
  ["a segment past the end of the address space", changed(P1 + 16, 8, 0xffff_ffff_ffff_f800n), "past the end of the address space"],
  ["overlapping segments", changed(P1 + 24, 8, 0x8000_0028), "the segments at 0x80000000 and 0x80000028 overlap"],
  ["alignment 3", changed(P0 + 48, 8, 3), "has alignment 3, not a power of two"],
  ["an alignment that does not agree", changed(P0 + 48, 8, 4096), "differ modulo 0x1000"],
  ["an entry in no segment", changed(24, 8, 0x1234_5678), "the entry point 0x12345678 (at offset 24) lies in no loaded segment"],
  ["an odd entry", changed(24, 1, 0x11), "is odd"],
  ["section headers beyond the file", changed(40, 8, LENGTH), "the file ends at byte"],
  ["section headers of 40 bytes", changed(58, 2, 40), "section header size (at offset 58) is 40, not 64"],
  ["symbols beyond the file", changed(SECTIONS + 128 + 24, 8, LENGTH), "section 2"],
  ["symbols of 16 bytes", changed(SECTIONS + 128 + 56, 8, 16), "section 2: the symbols have 16 bytes each"],
  ["half a symbol", changed(SECTIONS + 128 + 32, 8, 47), "no whole number of symbols"],
  ["names in no string table", changed(SECTIONS + 128 + 40, 4, 2), "which is no string table"],
  ["names in no section", changed(SECTIONS + 128 + 40, 4, 77), "section 77, which is no string table"],
  ["a name outside its table", changed(SYMBOLS + 24, 4, 14), "has its name outside section 1"],
  ["a name without end", changed(SECTIONS + 64 + 32, 8, 13), "has its name outside section 1"],
];

test.each(bad)("refused: %s", (_name, bytes, message) => {
  expect(() => parseElf(bytes)).toThrow(ElfError);
  expect(() => parseElf(bytes)).toThrow(message);
});

test("a name that goes on and on is refused: many symbols could share it", () => {
  const long = new Uint8Array(LENGTH + 5000).fill(0x61, LENGTH);
  long.set(changed(SECTIONS + 64 + 24, 8, LENGTH));
  new DataView(long.buffer).setBigUint64(SECTIONS + 64 + 32, 5000n, true);
  expect(() => parseElf(long)).toThrow("has a name of more than 4096 characters");
});

test("it must fit into memory", () => {
  const image = parseElf(sample());
  checkFits(image, 0x8000_0000, 0x3000);
  expect(() => checkFits(image, 0x8000_0000, 0x2fff)).toThrow("the segment at 0x80002000 to 0x80003000 does not lie in the memory from 0x80000000 to 0x80002fff");
  expect(() => checkFits(image, 0x8000_1000, 0x10_0000)).toThrow("the segment at 0x80000000");
});

/** The image, or null for an ElfError of one line; anything else fails the test. */
function attempt(bytes: Uint8Array): ElfImage | null {
  try {
    return parseElf(bytes);
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    expect(error.message).toMatch(/^[^\n]{10,250}$/);
    return null;
  }
}

test("every truncation is refused", () => {
  const bytes = sample();
  for (let length = 0; length < LENGTH; length++) expect(attempt(bytes.subarray(0, length))).toBe(null);
  expect(attempt(bytes)).not.toBe(null);
});

test("every single bit flipped, and random damage: it loads or is refused in one line", () => {
  let loaded = 0;
  for (let bit = 0; bit < LENGTH * 8; bit++) {
    const bytes = sample();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    if (attempt(bytes) !== null) loaded++;
  }
  expect(loaded).toBeGreaterThan(100);
  const random = new Random(99);
  for (let round = 0; round < 20_000; round++) {
    const bytes = sample();
    for (let i = 1 + random.below(8); i > 0; i--) bytes[random.below(LENGTH)] = random.below(256);
    const image = attempt(bytes);
    for (const s of image?.segments ?? []) {
      expect(s.data.length <= s.memorySize && Number.isSafeInteger(s.pa + s.memorySize)).toBe(true);
    }
  }
});

test("isElf looks at the magic only", () => {
  expect([isElf(sample()), isElf(Uint8Array.of(0x7f, 0x45, 0x4c)), isElf(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46))]).toEqual([true, false, true]);
});
