// The sections of an ELF file as a debugger wants them: by name, decompressed, read when asked for.
// gABI chapter 4 (SHF_COMPRESSED, Elf64_Chdr).

import { unzlibSync } from "fflate";
import { checkElf, ElfError, ElfFile, type ElfSection, type ElfSymbol, readSections, readSymbols, sectionNamed } from "../../boot/elf-file.ts";
import { SymbolsError } from "./errors.ts";

const SHT_NOBITS = 8;
const PT_LOAD = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZLIB = 1;
/** No section grows beyond this when it is decompressed. */
const MOST_BYTES = 1 << 29;
const NOTHING = new Uint8Array(0);

/** An address as an unsigned 64-bit number. */
export const wideAddress = ({ lo, hi }: { lo: number; hi: number }): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** A section that lies in memory, as linked. */
export interface AllocatedPart {
  /** Its number in the file. */
  readonly index: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly code: boolean;
  readonly section: ElfSection;
}

/** One ELF file, perhaps with a second one that holds its debug information. */
export class Sections {
  private readonly file: ElfFile;
  private readonly sections: readonly ElfSection[];
  private readonly debug: Sections | undefined;
  private parts: readonly AllocatedPart[] | undefined;
  private readonly opened = new Map<string, Uint8Array>();

  /** Throws ElfError when `bytes` (or `debug`, the separate debug file) is no ELF file for this machine. */
  constructor(bytes: Uint8Array, debug?: Uint8Array) {
    this.file = new ElfFile(bytes);
    checkElf(this.file);
    this.sections = readSections(this.file);
    this.debug = debug === undefined ? undefined : new Sections(debug);
  }

  /** The bytes of a section by name; none when neither file has it. Throws SymbolsError when it cannot be decompressed. */
  get(name: string): Uint8Array {
    const known = this.opened.get(name);
    if (known !== undefined) return known;
    const section = sectionNamed(this.file, this.sections, name);
    const here = section === undefined || section.type === SHT_NOBITS ? undefined : this.contents(section, name);
    const bytes = here ?? this.debug?.get(name) ?? NOTHING;
    this.opened.set(name, bytes);
    return bytes;
  }

  /** Where a section lies in memory, or undefined when it is not there. */
  addressOf(name: string): { start: bigint; size: number } | undefined {
    const section = sectionNamed(this.file, this.sections, name);
    return section === undefined ? undefined : { start: wideAddress(section.address), size: section.size };
  }

  /** The parts of the program that lie in memory: where, how long, and whether they hold code. */
  allocated(): readonly AllocatedPart[] {
    return (this.parts ??= this.sections.flatMap((section, index) => {
      if ((section.flags & SHF_ALLOC) === 0 || section.size === 0) return [];
      const start = wideAddress(section.address);
      return [{ index, start, end: start + BigInt(section.size), code: (section.flags & SHF_EXECINSTR) !== 0, section }];
    }));
  }

  /** The bytes that the file has for [start, start+length), all in one section; undefined when it has none (bss). */
  image(start: bigint, length: number): Uint8Array | undefined {
    for (const part of this.allocated()) {
      if (start < part.start || start + BigInt(length) > part.end || part.section.type === SHT_NOBITS) continue;
      const at = part.section.offset + Number(start - part.start);
      return this.file.bytes.subarray(at, at + length);
    }
    return this.debug?.image(start, length);
  }

  /** Where byte 0 of the file is linked: the address of the segment that begins there, 0 when none does. */
  get headerAddress(): bigint {
    const { file } = this;
    const table = file.u64(32, "the offset of the program headers");
    for (let i = 0; i < file.u16(56); i++) {
      const at = table + i * 56;
      if (file.u32(at) === PT_LOAD && file.u64(at + 8, "file offset") === 0) return wideAddress(file.pair(at + 16));
    }
    return 0n;
  }

  /** The symbol table; that of the debug file when this one was stripped. Throws ElfError. */
  symbols(): readonly ElfSymbol[] {
    const own = readSymbols(this.file, this.sections);
    return own.length > 0 || this.debug === undefined ? own : this.debug.symbols();
  }

  private contents(section: ElfSection, name: string): Uint8Array {
    const raw = this.file.bytes.subarray(section.offset, section.offset + section.size);
    if ((section.flags & SHF_COMPRESSED) === 0) return raw;
    try {
      const kind = this.file.u32(section.offset);
      const size = this.file.u64(section.offset + 8, `${name}: decompressed size`);
      if (kind !== ELFCOMPRESS_ZLIB) throw new SymbolsError(`${name} is compressed in a way (${kind}) that is not known here; 1 (zlib) is`);
      // Deflate never makes more than 1,032 bytes out of one.
      if (size > Math.min(MOST_BYTES, raw.length * 1032)) throw new SymbolsError(`${name} says that it has ${size} bytes when decompressed`);
      return unzlibSync(raw.subarray(24), { out: new Uint8Array(size) });
    } catch (error) {
      if (error instanceof SymbolsError || error instanceof ElfError) throw error;
      throw new SymbolsError(`${name} cannot be decompressed: ${(error as Error).message}`);
    }
  }
}

/** All that debug information needs of a file. */
export type SectionSource = Pick<Sections, "get" | "addressOf">;
