// The ELF64 file format itself: header, sections and symbols, for the loader (elf.ts) and for the debugger's symbols.
// An ELF file is a stranger: every field is checked, and what does not hold gives an ElfError of one line that says
// what was wrong and at which offset of the file. System V ABI (gABI), chapters 4 and 5; RISC-V ELF psABI.

/** Why a file cannot be loaded; `message` is one line for a person. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_RISCV = 243;
const EF_RVE = 8;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_NOBITS = 8;
/** Addresses and sizes above this are nobody's memory; below it numbers are exact. */
const LIMIT = 2 ** 52;

/** Whether the bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** A name and the place that it stands for. */
export interface ElfSymbol {
  readonly name: string;
  readonly value: { readonly lo: number; readonly hi: number };
  readonly size: number;
  /** STT_: 0 none, 1 object, 2 function, 3 section, 4 file. */
  readonly type: number;
  /** STB_: 0 local, 1 global, 2 weak. */
  readonly binding: number;
  /** Index of the section that it lies in; 0 undefined, 0xfff1 (SHN_ABS) an absolute number. */
  readonly section: number;
}

/** A part of the file, for linkers and debuggers. */
export interface ElfSection {
  /** SHT_: 1 program bits, 2 symbols, 3 strings, 8 no bits in the file. */
  readonly type: number;
  /** SHF_: 1 writable, 2 allocated (part of the program in memory), 4 code, 0x800 compressed. */
  readonly flags: number;
  /** Where it is linked, when allocated. */
  readonly address: { readonly lo: number; readonly hi: number };
  /** Its bytes in the file: checked to lie in it, unless type is 0 or 8. */
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
  /** What messages call it: "section 3". */
  readonly label: string;
  /** Where its name begins in the table of section names. */
  readonly nameIndex: number;
}

/** The file and how to read it: little endian, each read checked against its end. */
export class ElfFile {
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

/** Throws ElfError unless this is a 64-bit little-endian RISC-V program or shared object. */
export function checkElf(file: ElfFile): void {
  checkIdentity(file);
  checkHeader(file);
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

/** The symbol table; empty when the file has none. */
export function readSymbols(file: ElfFile, sections: readonly ElfSection[] = readSections(file)): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (table === undefined) return [];
  if (table.entrySize !== SYMBOL_SIZE) throw new ElfError(`${table.label}: the symbols have ${table.entrySize} bytes each, not ${SYMBOL_SIZE}`);
  if (table.size % SYMBOL_SIZE !== 0) throw new ElfError(`${table.label}: ${table.size} bytes are no whole number of symbols`);
  const names = sections[table.link];
  if (names === undefined || names.type !== SHT_STRTAB) {
    throw new ElfError(`${table.label}: its names should be in section ${table.link}, which is no string table`);
  }
  const symbols: ElfSymbol[] = [];
  for (let at = table.offset; at < table.offset + table.size; at += SYMBOL_SIZE) {
    const size = file.pair(at + 16);
    symbols.push({
      name: readName(file, names, file.u32(at), at),
      value: file.pair(at + 8),
      size: size.hi * 2 ** 32 + size.lo,
      type: file.u8(at + 4) & 0xf,
      binding: file.u8(at + 4) >> 4,
      section: file.u16(at + 6),
    });
  }
  return symbols;
}

/** All sections, the empty number 0 first; none when the file has no table of them. */
export function readSections(file: ElfFile): ElfSection[] {
  const table = file.u64(40, "the offset of the section headers");
  const count = file.u16(60);
  if (table === 0 || count === 0) return [];
  expect(file.u16(58), SECTION_HEADER_SIZE, "section header size", 58);
  file.need(table, count * SECTION_HEADER_SIZE);
  const sections: ElfSection[] = [];
  for (let i = 0; i < count; i++) sections.push(readSection(file, table + i * SECTION_HEADER_SIZE, `section ${i}`));
  return sections;
}

function readSection(file: ElfFile, at: number, name: string): ElfSection {
  const type = file.u32(at + 4);
  const offset = file.u64(at + 24, `${name}: file offset`);
  const size = file.u64(at + 32, `${name}: size`);
  if (type !== 0 && type !== SHT_NOBITS && offset + size > file.bytes.length) {
    throw new ElfError(`${name} (at offset ${at}) wants bytes ${offset} to ${offset + size} of a file of ${file.bytes.length}: truncated?`);
  }
  const entrySize = file.u64(at + 56, `${name}: entry size`);
  const [flags, address, link] = [file.u32(at + 8), file.pair(at + 16), file.u32(at + 40)];
  return { type, flags, address, offset, size, link, entrySize, label: name, nameIndex: file.u32(at) };
}

/** The section called `name` (".debug_info"), or undefined. */
export function sectionNamed(file: ElfFile, sections: readonly ElfSection[], name: string): ElfSection | undefined {
  const names = sections[file.u16(62)];
  if (names?.type !== SHT_STRTAB) return undefined;
  const wanted = new TextEncoder().encode(`${name}\0`);
  return sections.find(({ nameIndex, type }) => {
    if (type === 0 || nameIndex + wanted.length > names.size) return false;
    return wanted.every((byte, i) => file.bytes[names.offset + nameIndex + i] === byte);
  });
}

const decoder = new TextDecoder("latin1");
/** A damaged table could have each of many symbols name the whole of it. */
const LONGEST_NAME = 4096;

function readName(file: ElfFile, names: ElfSection, index: number, at: number): string {
  if (index === 0) return "";
  const start = names.offset + index;
  const limit = names.offset + names.size;
  const text = file.bytes.subarray(start, Math.min(limit, start + LONGEST_NAME + 1));
  const end = text.indexOf(0);
  if (start >= limit || (end < 0 && text.length <= LONGEST_NAME)) throw new ElfError(`the symbol at offset ${at} has its name outside ${names.label}`);
  if (end < 0) throw new ElfError(`the symbol at offset ${at} has a name of more than ${LONGEST_NAME} characters`);
  return decoder.decode(text.subarray(0, end));
}

/** Throws ElfError unless a field has the one value that it may have. */
export function expect(got: number, wanted: number, what: string, at: number): void {
  if (got !== wanted) throw new ElfError(`${what} (at offset ${at}) is ${got}, not ${wanted}`);
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function hexPair(lo: number, hi: number): string {
  return hi === 0 ? hex(lo) : `0x${hi.toString(16)}${lo.toString(16).padStart(8, "0")}`;
}
