// What a program's file knows about its addresses: names, source lines, functions, types, variables, callers.
// The file is a stranger. Opening a bad one throws one line (ElfError, SymbolsError); after that, what damaged debug
// information cannot tell is simply not known, and nothing hangs.

import { ElfError } from "../../boot/elf-file.ts";
import { DebugInfo, type FoundFunction, type InlineFrame, type LinePlace, type SourcePlace } from "./dwarf/debug-info.ts";
import { AT } from "./dwarf/constants.ts";
import type { AddressRange } from "./dwarf/ranges.ts";
import { SymbolsError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { Sections } from "./sections.ts";
import { type ElfName, SymbolTable } from "./symbol-table.ts";
import { Type } from "./type.ts";
import { cfaOf, unwind, type UnwindSource, unwindTrap } from "./unwind.ts";
import { type ReadMemory, Value } from "./value.ts";
import { variablesOf, type Variable } from "./variables.ts";

export type { Frame } from "./frame.ts";
export type { InlineFrame, LinePlace, SourcePlace } from "./dwarf/debug-info.ts";
export type { Variable } from "./variables.ts";

/** A name and how far behind it an address lies. */
export interface SymbolHit extends ElfName {
  readonly offset: bigint;
}

/** A function's name and extent; `file` and `line` say where it is defined, when that is known. */
export interface FunctionHit {
  readonly name: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly file?: string;
  readonly line?: number;
}

export interface SymbolsOptions {
  /** What people call the program: "kernel", "ls". */
  readonly name: string;
  /** What is added to the file's addresses where it was loaded; 0 when left out. */
  readonly bias?: bigint;
  /** A separate debug file that belongs to it. */
  readonly debug?: Uint8Array;
}

/** All that does not depend on where the program lies, shared by all its places. */
interface Core {
  readonly sections: Sections;
  readonly table: SymbolTable;
  readonly debug: DebugInfo;
}

export class Symbols {
  readonly name: string;
  readonly bias: bigint;
  private readonly core: Core;
  private readonly source: UnwindSource;
  /** The only addresses that count as the program's here, when just a part of it lies here. */
  private readonly window: AddressRange | undefined;

  private constructor(core: Core, name: string, bias: bigint, window: AddressRange | undefined) {
    this.core = core;
    this.name = name;
    this.bias = bias;
    this.window = window;
    const { debug, sections, table } = core;
    this.source = {
      frames: debug.frames,
      bias,
      startOf: (address) => table.at(address)?.address,
      addressOf: (name) => table.find(name)?.address,
      code: (address, length) => sections.image(address, length),
    };
  }

  /** Opens an ELF file. Throws ElfError or SymbolsError, one line, when it is none or its tables are damaged. */
  static fromElf(bytes: Uint8Array, { name, bias = 0n, debug }: SymbolsOptions): Symbols {
    const sections = new Sections(bytes, debug);
    return new Symbols({ sections, table: new SymbolTable(sections), debug: new DebugInfo(sections) }, name, bias, undefined);
  }

  /** The same program at another place; costs nothing. With `window` only that part of it lies there. */
  at(bias: bigint, name: string = this.name, window?: AddressRange): Symbols {
    return new Symbols(this.core, name, bias, window);
  }

  /** Whether there is debug information, and not only names. */
  get hasDebug(): boolean {
    return this.core.debug.info.bytes.length > 0;
  }

  /** The name that contains an address, and how far in it is. */
  symbolAt(address: bigint): SymbolHit | undefined {
    const found = this.core.table.at(address - this.bias);
    return found === undefined ? undefined : { ...this.placed(found), offset: address - this.bias - found.address };
  }

  /** "name+0x1c", or "name" at its start; undefined where no name reaches. */
  describe(address: bigint): string | undefined {
    const hit = this.symbolAt(address);
    if (hit === undefined) return undefined;
    return hit.offset === 0n ? hit.name : `${hit.name}+0x${hit.offset.toString(16)}`;
  }

  /** Where a function, variable or label lies. */
  addressOf(name: string): bigint | undefined {
    const found = this.core.table.find(name);
    return found === undefined ? undefined : found.address + this.bias;
  }

  /** All names, by address. */
  *symbols(): Generator<ElfName> {
    for (const name of this.core.table.all()) yield this.placed(name);
  }

  /** Whether the program's code or data lies at an address. */
  contains(address: bigint): boolean {
    if (this.window !== undefined) return address >= this.window.start && address < this.window.end;
    const linked = address - this.bias;
    return this.core.sections.allocated().some((part) => linked >= part.start && linked < part.end);
  }

  /** Bytes as the file has them for a place in memory; undefined for bss and where the program does not lie. */
  image(address: bigint, length: number): Uint8Array | undefined {
    return this.core.sections.image(address - this.bias, length);
  }

  /** Where its code lies. */
  codeRanges(): { start: bigint; end: bigint }[] {
    const { bias } = this;
    return this.core.sections.allocated().flatMap((part) => (part.code ? [{ start: part.start + bias, end: part.end + bias }] : []));
  }

  /** Where the file's own first byte would lie, without the bias: what its first segment is linked at. */
  get headerAddress(): bigint {
    return this.ask(() => this.core.sections.headerAddress, 0n);
  }

  /** A section of the file by name; empty when it has none. */
  section(name: string): Uint8Array {
    return this.ask(() => this.core.sections.get(name), new Uint8Array(0));
  }

  /** The function around an address; a name of the symbol table where there is no debug information. */
  functionAt(address: bigint): FunctionHit | undefined {
    const found = this.ask(() => this.core.debug.functionAt(address - this.bias), undefined);
    if (found !== undefined) return this.described(found, address);
    const hit = this.symbolAt(address);
    if (hit === undefined || hit.kind === "object") return undefined;
    return { name: hit.name, start: hit.address, end: hit.address + (hit.size > 0n ? hit.size : hit.offset + 1n) };
  }

  /** The calls at an address, innermost first: inlined ones, then the function itself. Only its name where there is no debug information. */
  framesAt(address: bigint): InlineFrame[] {
    const frames = this.ask(() => this.core.debug.framesAt(address - this.bias), []);
    if (frames.length > 0) return frames;
    const name = this.functionAt(address)?.name;
    return name === undefined ? [] : [{ function: name, inlined: false, ...this.placeAt(address) }];
  }

  lineAt(address: bigint): LinePlace | undefined {
    return this.ask(() => this.core.debug.lineAt(address - this.bias), undefined);
  }

  private placeAt(address: bigint): Partial<SourcePlace> {
    const line = this.lineAt(address);
    return line === undefined ? {} : { file: line.file, line: line.line, column: line.column };
  }

  /** Where code for a source line begins: one address for each function or inlined copy. `file` may be the end of a path: "pmap.c", "vm/pmap.c". */
  addressesOfLine(file: string, line: number): bigint[] {
    return this.ask(() => this.core.debug.addressesOfLine(file, line), []).map((a) => a + this.bias);
  }

  /** A type as C names it: "struct proc", "uint64", "struct proc *"; that of source file `file` where files disagree. */
  type(name: string, file?: string): Type | undefined {
    const text = name.trim();
    if (text.endsWith("*")) {
      const target = this.type(text.slice(0, -1), file);
      return target === undefined ? undefined : new Type({ kind: "pointer", size: 8, target: () => target });
    }
    return this.ask(() => this.core.debug.type(text.replace(/\s+/g, " "), file), undefined);
  }

  /** Names of all types, as `type` takes them. */
  typeNames(): string[] {
    return this.ask(() => [...this.core.debug.names.typeNames()], []);
  }

  /** A global or static variable; `file` chooses between static ones of one name. */
  variable(name: string, file?: string): { readonly name: string; readonly address: bigint; readonly type: Type } | undefined {
    const found = this.ask(() => this.core.debug.variable(name, file), undefined);
    return found === undefined ? undefined : { name, address: found.address + this.bias, type: found.type };
  }

  /** The value of a global or static variable. */
  value(name: string, read: ReadMemory): Value | undefined {
    const found = this.variable(name);
    return found === undefined ? undefined : Value.at(found.type, found.address, read);
  }

  /** A name of an enumeration, "RUNNING": its type and value. */
  enumerator(name: string): { readonly type: Type; readonly value: bigint } | undefined {
    return this.ask(() => this.core.debug.enumerator(name), undefined);
  }

  /** Parameters and local variables that are visible where a frame stands, outermost block first; `level` counts framesAt's frames, 0 the innermost. */
  variablesAt(frame: Frame, read: ReadMemory): Variable[] {
    return this.ask(() => variablesOf(this.core.debug, this.source, frame, read), []);
  }

  /** The caller's frame; undefined at the outermost, or when it cannot be found. */
  unwind(frame: Frame, read: ReadMemory): Frame | undefined {
    return this.ask(() => unwind(this.source, frame, read), undefined);
  }

  /** The frame that a trap interrupted at `pc`, when `frame` is in the trap vector that saved its registers on the stack. */
  unwindTrap(frame: Frame, pc: bigint, read: ReadMemory): Frame | undefined {
    return this.ask(() => unwindTrap(this.source, frame, pc, read), undefined);
  }

  /** What sp was when the frame's function was called: the same from its first instruction to its last. */
  frameAddress(frame: Frame, read: ReadMemory): bigint | undefined {
    return this.ask(() => cfaOf(this.source, frame, read), undefined);
  }

  /** Asks the debug information with a fresh budget of work. */
  private ask<T>(question: () => T, unknown: T): T {
    this.core.debug.info.work.refill();
    try {
      return question();
    } catch (error) {
      if (!(error instanceof SymbolsError) && !(error instanceof ElfError)) throw error;
      return unknown;
    }
  }

  private placed(name: ElfName): ElfName {
    return { name: name.name, address: name.address + this.bias, size: name.size, kind: name.kind };
  }

  private described({ code, found }: FoundFunction, address: bigint): FunctionHit {
    const range = found.ranges.find((r) => address - this.bias >= r.start && address - this.bias < r.end)!;
    const extent = { name: found.name, start: range.start + this.bias, end: range.end + this.bias };
    const declared = this.ask(() => found.die.bearer(AT.decl_line), undefined);
    const file = declared === undefined || declared.unit !== code.unit ? undefined : code.file(declared.number(AT.decl_file));
    const line = declared?.number(AT.decl_line);
    return file === undefined || line === undefined ? extent : { ...extent, file, line };
  }
}
