// ELF64 RISC-V executables, as the machine loads them: the segments that go to memory (the format itself: elf-file.ts).
// What does not hold gives an ElfError of one line. System V ABI (gABI), chapters 4 and 5; RISC-V ELF psABI.

import { checkElf, ElfError, ElfFile, type ElfSymbol, expect, hex, hexPair, readSymbols } from "./elf-file.ts";

export { ElfError, isElf, type ElfSymbol } from "./elf-file.ts";

/** A part of the program that goes to memory: `data`, then zeros up to `memorySize`. */
export interface ElfSegment {
  /** Physical address of its first byte. */
  readonly pa: number;
  /** Virtual address, as linked; below 2^64, so by halves. */
  readonly va: { readonly lo: number; readonly hi: number };
  /** Its bytes: a view of the file. */
  readonly data: Uint8Array;
  readonly memorySize: number;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
}

/** A program that can be loaded. */
export interface ElfImage {
  /** Physical address of the first instruction. */
  readonly entry: number;
  /** In the file's order; none is empty. */
  readonly segments: readonly ElfSegment[];
  /** The symbol table; empty when the file was stripped. */
  readonly symbols: readonly ElfSymbol[];
}

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const PT_LOAD = 1;

/** Read and check a whole ELF file. Throws ElfError, and nothing else. */
export function parseElf(bytes: Uint8Array): ElfImage {
  const file = new ElfFile(bytes);
  checkElf(file);
  const segments = readSegments(file);
  return { entry: physicalEntry(file, segments), segments, symbols: readSymbols(file) };
}

/** Throws ElfError unless every segment lies in [base, base+size). */
export function checkFits(image: ElfImage, base: number, size: number): void {
  for (const s of image.segments) {
    if (s.pa >= base && s.pa + s.memorySize <= base + size) continue;
    throw new ElfError(
      `the segment at ${hex(s.pa)} to ${hex(s.pa + s.memorySize)} does not lie in the memory from ${hex(base)} to ${hex(base + size)}`,
    );
  }
}

/** The physical address behind a symbol, or null when there is no such symbol in a segment. */
export function symbolAddress(image: ElfImage, name: string): number | null {
  const symbol = image.symbols.find((s) => s.name === name);
  if (symbol === undefined) return null;
  return toPhysical(image.segments, symbol.value);
}

function readSegments(file: ElfFile): ElfSegment[] {
  const table = file.u64(32, "the offset of the program headers");
  const count = file.u16(56);
  if (count === 0) throw new ElfError("the file has no program headers (count 0 at offset 56): nothing to load");
  if (count === 0xffff) throw new ElfError("the file has more program headers (at offset 56) than this loader reads");
  expect(file.u16(54), PROGRAM_HEADER_SIZE, "program header size", 54);
  if (table < HEADER_SIZE) throw new ElfError(`the program headers (offset 32) start at ${table}, inside the ELF header`);
  file.need(table, count * PROGRAM_HEADER_SIZE);
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const segment = readSegment(file, table + i * PROGRAM_HEADER_SIZE, `program header ${i}`);
    if (segment !== null) segments.push(segment);
  }
  if (segments.length === 0) throw new ElfError("the file has no segment to load");
  checkOverlap(segments);
  return segments;
}

/** One program header at `at`; null when it is not for loading or empty. */
function readSegment(file: ElfFile, at: number, name: string): ElfSegment | null {
  if (file.u32(at) !== PT_LOAD) return null;
  const flags = file.u32(at + 4);
  const offset = file.u64(at + 8, `${name}: file offset`);
  const va = file.pair(at + 16);
  const pa = file.u64(at + 24, `${name}: physical address`);
  const fileSize = file.u64(at + 32, `${name}: size in the file`);
  const memorySize = file.u64(at + 40, `${name}: size in memory`);
  checkAlignment(file, at, name, offset, va.lo);
  if (fileSize > memorySize) {
    throw new ElfError(`${name} (at offset ${at}) has ${fileSize} bytes in the file, more than its ${memorySize} in memory`);
  }
  if (offset + fileSize > file.bytes.length) {
    throw new ElfError(
      `${name} (at offset ${at}) wants bytes ${offset} to ${offset + fileSize} of a file of ${file.bytes.length}: truncated?`,
    );
  }
  if (memorySize > (2 ** 32 - va.hi) * 2 ** 32 - va.lo) throw new ElfError(`${name} (at offset ${at}) runs past the end of the address space`);
  if (memorySize === 0) return null;
  return { pa, va, data: file.bytes.subarray(offset, offset + fileSize), memorySize, flags };
}

/** p_align is 0, 1 or a power of two, and then offset and address agree modulo it. */
function checkAlignment(file: ElfFile, at: number, name: string, offset: number, vaLow: number): void {
  const alignment = file.u64(at + 48, `${name}: alignment`);
  if (alignment <= 1) return;
  if (!Number.isInteger(Math.log2(alignment))) throw new ElfError(`${name} (at offset ${at}) has alignment ${alignment}, not a power of two`);
  const modulus = Math.min(alignment, 2 ** 32);
  if (offset % modulus !== vaLow % modulus) {
    throw new ElfError(`${name} (at offset ${at}): file offset ${hex(offset)} and address ${hex(vaLow)} differ modulo ${hex(alignment)}`);
  }
}

function checkOverlap(segments: readonly ElfSegment[]): void {
  const sorted = [...segments].sort((a, b) => a.pa - b.pa);
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    if (a.pa + a.memorySize > b.pa) throw new ElfError(`the segments at ${hex(a.pa)} and ${hex(b.pa)} overlap`);
  }
}

function physicalEntry(file: ElfFile, segments: readonly ElfSegment[]): number {
  const entry = file.pair(24);
  if ((entry.lo & 1) !== 0) throw new ElfError(`the entry point ${hexPair(entry.lo, entry.hi)} (at offset 24) is odd`);
  const pa = toPhysical(segments, entry);
  if (pa === null) throw new ElfError(`the entry point ${hexPair(entry.lo, entry.hi)} (at offset 24) lies in no loaded segment`);
  return pa;
}

/** Where the segments put a virtual (or, failing that, physical) address, or null. */
function toPhysical(segments: readonly ElfSegment[], address: { lo: number; hi: number }): number | null {
  for (const s of segments) {
    const into = (address.hi - s.va.hi) * 2 ** 32 + (address.lo - s.va.lo);
    if (into >= 0 && into < s.memorySize) return s.pa + into;
  }
  const pa = address.hi * 2 ** 32 + address.lo;
  return segments.some((s) => pa >= s.pa && pa < s.pa + s.memorySize) ? pa : null;
}
