// The debug information of one file, by address and by name. Addresses here are those of the file, as linked.
// Methods throw SymbolsError where the information is damaged; symbols.ts decides what that means.

import type { SectionSource } from "../sections.ts";
import { type Type } from "../type.ts";
import { type Block, callSiteAt, chainAt, type DwarfFunction } from "./blocks.ts";
import { CallFrames } from "./cfi.ts";
import { AT, OP } from "./constants.ts";
import type { Die } from "./die.ts";
import { Info } from "./info.ts";
import { NameIndex } from "./name-index.ts";
import { TypeReader } from "./type-reader.ts";
import { UnitCode } from "./unit-code.ts";
import type { Unit } from "./unit.ts";

/** A place in a source file. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  /** From 1; 0 when it is not known. */
  readonly column: number;
}

/** The place that an instruction comes from. */
export interface LinePlace extends SourcePlace {
  /** A statement begins with this very instruction: a good place to stop. */
  readonly statement: boolean;
}

/** One level of the calls at an address: the function itself last, calls inlined into it before. */
export interface InlineFrame extends Partial<SourcePlace> {
  readonly function: string;
  /** Its code stands inside its caller's: there is no stack frame of its own. */
  readonly inlined: boolean;
}

/** A function around an address. */
export interface FoundFunction {
  readonly code: UnitCode;
  readonly found: DwarfFunction;
  readonly block: Block;
}

export class DebugInfo {
  readonly info: Info;
  readonly types: TypeReader;
  /** Where frames are described, the better section first. */
  readonly frames: readonly CallFrames[];
  private readonly codes = new Map<Unit, UnitCode>();
  private namesFound: NameIndex | undefined;

  constructor(sections: SectionSource) {
    this.info = new Info(sections);
    this.types = new TypeReader((tag, name) => this.names.typeOf(tag, name), () => this.info.work.refill());
    const { work } = this.info;
    this.frames = [new CallFrames(sections, ".debug_frame", work), new CallFrames(sections, ".eh_frame", work)];
  }

  get names(): NameIndex {
    return (this.namesFound ??= new NameIndex(this.info));
  }

  codeOf(unit: Unit): UnitCode {
    const known = this.codes.get(unit) ?? new UnitCode(unit);
    this.codes.set(unit, known);
    return known;
  }

  private codeAt(address: bigint): UnitCode | undefined {
    const unit = this.info.unitOf(address);
    return unit === undefined ? undefined : this.codeOf(unit);
  }

  lineAt(address: bigint): LinePlace | undefined {
    const code = this.codeAt(address);
    const row = code?.rowAt(address);
    const file = code?.file(row?.file);
    if (row === undefined || file === undefined || row.line === 0) return undefined;
    return { file, line: row.line, column: row.column, statement: row.address === address && code!.statementAt(address, row) };
  }

  functionAt(address: bigint): FoundFunction | undefined {
    const code = this.codeAt(address);
    const found = code?.functionAt(address);
    return code === undefined || found === undefined ? undefined : { code, found, block: code.blockOf(found) };
  }

  /** The functions at an address, innermost first; none when no function is described there. */
  framesAt(address: bigint): InlineFrame[] {
    const here = this.functionAt(address);
    if (here === undefined) return [];
    let place: Partial<SourcePlace> = sourceOf(this.lineAt(address));
    const frames: InlineFrame[] = [];
    for (const { kind, die } of chainAt(here.block, address).reverse()) {
      if (kind === "braces") continue;
      frames.push({ function: die.name ?? "?", inlined: kind === "inlined", ...place });
      if (kind === "inlined") place = callPlace(here.code, die);
    }
    return frames;
  }

  /** Where code for a source line begins, lowest first: one address for each function or inlined copy. `file` matches from its end, by whole parts. */
  addressesOfLine(file: string, line: number): bigint[] {
    const found: bigint[] = [];
    for (const unit of this.info.units) {
      const code = this.codeOf(unit);
      const wanted = new Set(code.lines.files.flatMap((name, i) => (name !== undefined && endsWithParts(name, file) ? [i] : [])));
      if (wanted.size > 0) found.push(...this.inUnit(code, wanted, line));
    }
    return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).filter((a, i, all) => i === 0 || a !== all[i - 1]);
  }

  private inUnit(code: UnitCode, files: ReadonlySet<number>, line: number): bigint[] {
    const best = new Map<Die | undefined, bigint>();
    const { rows } = code.lines;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (row.line !== line || row.end || !row.statement || !files.has(row.file)) continue;
      const before = rows[i - 1];
      if (before !== undefined && !before.end && before.line === line && before.file === row.file) continue; // goes on from there
      const owner = this.ownerAt(row.address);
      const known = best.get(owner);
      if (known === undefined || row.address < known) best.set(owner, row.address);
    }
    return [...best.values()];
  }

  /** The innermost function or inlined call at an address. */
  private ownerAt(address: bigint): Die | undefined {
    const here = this.functionAt(address);
    return here === undefined ? undefined : chainAt(here.block, address).findLast(({ kind }) => kind !== "braces")?.die;
  }

  /** A complete type by its name; the one that `file` has, when files disagree. */
  type(name: string, file?: string): Type | undefined {
    const dies = this.names.typesNamed(name);
    const die = file === undefined ? dies[0] : dies.find((d) => isIn(d, file));
    return die === undefined ? undefined : this.types.type(die);
  }

  /** The enumeration that has a name of this kind, and the name's value. */
  enumerator(name: string): { type: Type; value: bigint } | undefined {
    const die = this.names.enumerationWith(name);
    const type = die === undefined ? undefined : this.types.type(die);
    const value = type?.values.find((v) => v.name === name)?.value;
    return type === undefined || value === undefined ? undefined : { type, value };
  }

  /** A global or static variable with a fixed address; the one defined in `file` when several have the name. */
  variable(name: string, file?: string): { address: bigint; type: Type } | undefined {
    for (const die of this.names.variablesNamed(name)) {
      const address = fixedAddress(die);
      const type = this.types.typeOf(die);
      if (address === undefined || type === undefined) continue;
      if (file === undefined || isIn(die, file)) return { address, type };
    }
    return undefined;
  }

  /** The call that returns to an address (as linked), if it is described. */
  callSite(address: bigint): Die | undefined {
    const here = this.functionAt(address - 1n);
    return here === undefined ? undefined : callSiteAt(here.block, address);
  }
}

/** Whether the entry's unit is the source file. */
const isIn = (die: Die, file: string): boolean => endsWithParts(die.unit.root.text(AT.name) ?? "", file);

/** Whether the last parts of `path` are those of `wanted`: "vm/pmap.c" of "guest-kernel/vm/pmap.c". */
export function endsWithParts(path: string, wanted: string): boolean {
  return path === wanted || path.endsWith(wanted.startsWith("/") ? wanted : `/${wanted}`);
}

/** The place alone. */
const sourceOf = (line: LinePlace | undefined): Partial<SourcePlace> => (line === undefined ? {} : { file: line.file, line: line.line, column: line.column });

function callPlace(code: UnitCode, inlined: Die): Partial<SourcePlace> {
  const file = code.file(inlined.number(AT.call_file));
  const line = inlined.number(AT.call_line);
  return file === undefined || line === undefined ? {} : { file, line, column: inlined.number(AT.call_column) ?? 0 };
}

/** The address of a variable whose location is that and nothing else. */
export function fixedAddress(die: Die): bigint | undefined {
  const expression = die.block(AT.location);
  if (expression === undefined) return undefined;
  if (expression[0] === OP.addr && expression.length === 9) return new DataView(expression.buffer, expression.byteOffset).getBigUint64(1, true);
  if (expression[0] === OP.addrx && expression.length <= 4) {
    let index = 0;
    for (let i = expression.length - 1; i > 0; i--) index = index * 128 + (expression[i]! & 0x7f);
    return die.unit.addressAt(index);
  }
  return undefined;
}
