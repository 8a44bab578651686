// ELF64 RISC-V executables, as the machine loads them. An ELF file is a stranger: every field is checked, and
// what does not hold gives an ElfError of one line that says what was wrong and at which offset of the file.
// System V ABI (gABI), chapters 4 and 5; RISC-V ELF psABI.

/** Why a file cannot be loaded; `message` is one line for a person. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

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

/** A name and the place that it stands for. */
export interface ElfSymbol {
  readonly name: string;
  readonly value: { readonly lo: number; readonly hi: number };
  readonly size: number;
  /** STT_: 0 none, 1 object, 2 function, 3 section, 4 file. */
  readonly type: number;
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
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_RISCV = 243;
const EF_RVE = 8;
const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
/** Addresses and sizes above this are nobody's memory; below it numbers are exact. */
const LIMIT = 2 ** 52;

/** Whether the bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Read and check a whole ELF file. Throws ElfError, and nothing else. */
export function parseElf(bytes: Uint8Array): ElfImage {
  const file = new ElfFile(bytes);
  checkIdentity(file);
  checkHeader(file);
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

/** The file and how to read it: little endian, each read checked against its end. */
class ElfFile {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.#view.getUint8(at);
  }

  u16(at: number): number {
    this.need(at, 2);
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.need(at, 4);
    return this.#view.getUint32(at, true);
  }

  pair(at: number): { lo: number; hi: number } {
    return { lo: this.u32(at), hi: this.u32(at + 4) };
  }

  /** A 64-bit field that must be below 2^52: an offset, a size or a physical address. */
  u64(at: number, what: string): number {
    const { lo, hi } = this.pair(at);
    if (hi >= LIMIT / 2 ** 32) throw new ElfError(`${what} (at offset ${at}) is ${hexPair(lo, hi)}: too great`);
    return hi * 2 ** 32 + lo;
  }

  need(at: number, length: number): void {
    if (at + length > this.bytes.length) {
      throw new ElfError(`the file ends at byte ${this.bytes.length}, inside what should be at ${at} to ${at + length}`);
    }
  }
}

/** The first 16 bytes. */
function checkIdentity(file: ElfFile): void {
  if (!isElf(file.bytes)) {
    const first = [...file.bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    throw new ElfError(`not an ELF file: it begins with ${first === "" ? "nothing" : first}, not 7f 45 4c 46`);
  }
  const bits = file.u8(4);
  if (bits === 1) throw new ElfError("a 32-bit ELF file (class 1 at offset 4); this machine has 64 bits");
  expect(bits, 2, "class", 4);
  if (file.u8(5) === 2) throw new ElfError("a big-endian ELF file (data 2 at offset 5); this machine is little-endian");
  expect(file.u8(5), 1, "data encoding", 5);
  expect(file.u8(6), 1, "identification version", 6);
}

function checkHeader(file: ElfFile): void {
  file.need(0, HEADER_SIZE);
  const type = file.u16(16);
  if (type === 1) throw new ElfError("an object file (type 1 at offset 16), not yet linked into a program");
  if (type !== ET_EXEC && type !== ET_DYN) throw new ElfError(`file type (at offset 16) is ${type}, not 2 (executable) or 3`);
  const machine = file.u16(18);
  if (machine !== EM_RISCV) throw new ElfError(`made for machine ${machine} (at offset 18), not ${EM_RISCV} (RISC-V)`);
  expect(file.u32(20), 1, "version", 20);
  if ((file.u32(48) & EF_RVE) !== 0) throw new ElfError("made for the RVE base with 16 registers (flags at offset 48)");
  expect(file.u16(52), HEADER_SIZE, "header size", 52);
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

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
  readonly name: string;
}

/** The symbol table, when the file has one. */
function readSymbols(file: ElfFile): ElfSymbol[] {
  const sections = readSections(file);
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (table === undefined) return [];
  if (table.entrySize !== SYMBOL_SIZE) throw new ElfError(`${table.name}: the symbols have ${table.entrySize} bytes each, not ${SYMBOL_SIZE}`);
  if (table.size % SYMBOL_SIZE !== 0) throw new ElfError(`${table.name}: ${table.size} bytes are no whole number of symbols`);
  const names = sections[table.link];
  if (names === undefined || names.type !== SHT_STRTAB) {
    throw new ElfError(`${table.name}: its names should be in section ${table.link}, which is no string table`);
  }
  const symbols: ElfSymbol[] = [];
  for (let at = table.offset; at < table.offset + table.size; at += SYMBOL_SIZE) {
    const size = file.pair(at + 16);
    symbols.push({
      name: readName(file, names, file.u32(at), at),
      value: file.pair(at + 8),
      size: size.hi * 2 ** 32 + size.lo,
      type: file.u8(at + 4) & 0xf,
    });
  }
  return symbols;
}

function readSections(file: ElfFile): Section[] {
  const table = file.u64(40, "the offset of the section headers");
  const count = file.u16(60);
  if (table === 0 || count === 0) return [];
  expect(file.u16(58), SECTION_HEADER_SIZE, "section header size", 58);
  file.need(table, count * SECTION_HEADER_SIZE);
  const sections: Section[] = [];
  for (let i = 0; i < count; i++) sections.push(readSection(file, table + i * SECTION_HEADER_SIZE, `section ${i}`));
  return sections;
}

function readSection(file: ElfFile, at: number, name: string): Section {
  const type = file.u32(at + 4);
  const offset = file.u64(at + 24, `${name}: file offset`);
  const size = file.u64(at + 32, `${name}: size`);
  if (type !== 0 && type !== SHT_NOBITS && offset + size > file.bytes.length) {
    throw new ElfError(`${name} (at offset ${at}) wants bytes ${offset} to ${offset + size} of a file of ${file.bytes.length}: truncated?`);
  }
  return { type, offset, size, link: file.u32(at + 40), entrySize: file.u64(at + 56, `${name}: entry size`), name };
}

const decoder = new TextDecoder("latin1");

function readName(file: ElfFile, names: Section, index: number, at: number): string {
  if (index === 0) return "";
  const start = names.offset + index;
  const limit = names.offset + names.size;
  const end = file.bytes.indexOf(0, start);
  if (start >= limit || end < 0 || end >= limit) throw new ElfError(`the symbol at offset ${at} has its name outside ${names.name}`);
  return decoder.decode(file.bytes.subarray(start, end));
}

function expect(got: number, wanted: number, what: string, at: number): void {
  if (got !== wanted) throw new ElfError(`${what} (at offset ${at}) is ${got}, not ${wanted}`);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function hexPair(lo: number, hi: number): string {
  return hi === 0 ? hex(lo) : `0x${hi.toString(16)}${lo.toString(16).padStart(8, "0")}`;
}
