// Which programs lie in a process: the one that it runs, the dynamic linker, shared libraries, the vDSO. Found from
// what is in its memory, and believed only when that agrees with the file: a name alone would lie about another
// program of the same name.

import { isElf } from "../../boot/elf-file.ts";
import { HEADER_BYTES, type ProgramFile, type ProgramFiles } from "./program-files.ts";
import type { Symbols } from "./symbols.ts";
import { type ReadMemory, unsigned } from "./value.ts";

/** What is asked about a process. */
export interface ProcessMemory {
  /** The name of what it runs: "sh". */
  readonly name: string;
  /** Its memory, whatever the rights. */
  readonly read: ReadMemory;
  /** Where mappings begin. */
  readonly starts: () => Iterable<bigint>;
}

/** A program and where it lies (the bias of its symbols says that). */
export interface Module {
  readonly symbols: Symbols;
  /** None of its code is in memory yet: only its name or its headers speak for it. */
  readonly unproved: boolean;
}

const PAGE = 4096n;
const DT = { null: 0n, pltgot: 3n } as const;
const MOST_LIBRARIES = 64;
const MOST_STARTS = 4096;
/** So many pages of code are compared, a few bytes of each. */
const MOST_PAGES = 64;
const SAMPLE = 32;
/** Where our kernel shows the vDSO (memlayout.h): it is in no process's map. */
const VDSO_CODE = 0x3fffff0000n;

/** The programs in a process. `kernel` is looked at for the image of the vDSO. */
export function modulesOf(process: ProcessMemory, files: ProgramFiles, kernel: Symbols | undefined): Module[] {
  const found = new Finder(process, files);
  const main = files.named(process.name);
  if (main !== undefined) found.add(files.symbols(main), 0n, true);
  const linker = main === undefined ? undefined : interpreterOf(files.symbols(main));
  let left = MOST_STARTS;
  for (const start of process.starts()) {
    if (--left < 0) break;
    found.byHeader(start, linker === undefined ? undefined : files.named(linker));
  }
  found.linkMap();
  const vdso = kernel === undefined ? undefined : vdsoOf(process, kernel);
  return vdso === undefined ? found.modules : [...found.modules, vdso];
}

class Finder {
  readonly modules: Module[] = [];
  private readonly process: ProcessMemory;
  private readonly files: ProgramFiles;

  constructor(process: ProcessMemory, files: ProgramFiles) {
    this.process = process;
    this.files = files;
  }

  /** Takes a program in if its code is what the memory holds there; with `trusted` also while none of it is there. */
  add(symbols: Symbols | undefined, bias: bigint, trusted: boolean): void {
    const placed = symbols?.at(bias);
    if (placed === undefined || this.modules.some(({ symbols: s }) => s.name === placed.name && s.bias === bias)) return;
    const compared = comparedCode(placed, this.process.read);
    if (compared > 0 || (compared === 0 && trusted)) this.modules.push({ symbols: placed, unproved: compared === 0 });
  }

  /** A file whose first page is mapped at `start` is known by its headers; while these are not in memory, it may be `guess`. */
  byHeader(start: bigint, guess: ProgramFile | undefined): void {
    const bytes = this.process.read(start, HEADER_BYTES);
    if (bytes !== undefined && !isElf(bytes)) return;
    const file = bytes === undefined ? guess : this.files.withHeader(bytes);
    const symbols = file === undefined ? undefined : this.files.symbols(file);
    if (symbols !== undefined) this.add(symbols, start - symbols.headerAddress, bytes !== undefined);
  }

  /** What the dynamic linker has loaded: its list hangs at the second word of .got.plt, as the psABI has it. */
  linkMap(): void {
    const main = this.modules[0]?.symbols;
    const got = main === undefined ? undefined : dynamicEntry(main, DT.pltgot);
    if (main === undefined || got === undefined) return;
    const seen = new Set<bigint>();
    let at = this.word(got + main.bias + 8n);
    while (at !== undefined && at !== 0n && !seen.has(at) && seen.size < MOST_LIBRARIES) {
      seen.add(at);
      const [bias, name] = [this.word(at), this.text(this.word(at + 8n))];
      const file = name === undefined || name === "" ? undefined : this.files.named(name);
      if (bias !== undefined && file !== undefined) this.add(this.files.symbols(file), bias, true);
      at = this.word(at + 24n);
    }
  }

  private word(address: bigint): bigint | undefined {
    const bytes = this.process.read(address, 8);
    return bytes === undefined ? undefined : unsigned(bytes);
  }

  /** A path in memory. */
  private text(address: bigint | undefined): string | undefined {
    if (address === undefined) return undefined;
    let text = "";
    for (let at = address; text.length < 256; at++) {
      const byte = this.process.read(at, 1)?.[0];
      if (byte === undefined) return undefined;
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
    return undefined;
  }
}

/** The value of an entry of the program's dynamic section, from the file. */
function dynamicEntry(symbols: Symbols, tag: bigint): bigint | undefined {
  const section = symbols.section(".dynamic");
  for (let at = 0; at + 16 <= section.length; at += 16) {
    const found = unsigned(section.subarray(at, at + 8));
    if (found === tag) return unsigned(section.subarray(at + 8, at + 16));
    if (found === DT.null) return undefined;
  }
  return undefined;
}

/** The dynamic linker that a program asks for. */
function interpreterOf(symbols: Symbols | undefined): string | undefined {
  const path = symbols?.section(".interp");
  return path === undefined || path.length === 0 ? undefined : new TextDecoder("latin1").decode(path).replace(/\0.*$/s, "");
}

/** How many pages hold the program's code as the file has it, by a few bytes of each page that is in memory; -1 when one differs. */
function comparedCode(symbols: Symbols, read: ReadMemory): number {
  let compared = 0;
  for (const { start, end } of symbols.codeRanges()) {
    for (let at = start; at < end && compared < MOST_PAGES; at = (at / PAGE + 1n) * PAGE) {
      const length = Number(end - at < BigInt(SAMPLE) ? end - at : BigInt(SAMPLE));
      const [there, wanted] = [read(at, length), symbols.image(at, length)];
      if (there === undefined || wanted === undefined) continue;
      if (!wanted.every((byte, i) => byte === there[i])) return -1;
      compared++;
    }
  }
  return compared;
}

/** The kernel's own vDSO page, where the process sees it. */
function vdsoOf(process: ProcessMemory, kernel: Symbols): Module | undefined {
  const image = kernel.addressOf("vdso_image");
  const wanted = image === undefined ? undefined : kernel.image(image, 64);
  const there = process.read(VDSO_CODE, 64);
  if (image === undefined || wanted === undefined || there === undefined || !wanted.every((byte, i) => byte === there[i])) return undefined;
  return { symbols: kernel.at(kernel.bias + VDSO_CODE - image, "vdso", { start: VDSO_CODE, end: VDSO_CODE + PAGE }), unproved: false };
}
