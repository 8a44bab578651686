// Line number programs: which source line each instruction comes from (DWARF 5, section 6.2; versions 2 to 5).

import { hex, SymbolsError } from "../errors.ts";
import { AT, FORM, LNCT, LNE, LNS } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import { readForm } from "./forms.ts";
import type { Unit } from "./unit.ts";

/** A source file, as the compiler was told its name: a path, relative to where it was started or absolute. */
export type FileName = string;

/** One row: from `address` on, up to the next row, code comes from this place. */
export interface LineRow {
  readonly address: bigint;
  /** Index in LineTable.files. */
  readonly file: number;
  /** From 1; 0 when the compiler names no line. */
  readonly line: number;
  readonly column: number;
  /** A good place to stop: a statement begins here. */
  readonly statement: boolean;
  /** The first address behind a run of code: no row of its own. */
  readonly end: boolean;
}

export interface LineTable {
  /** By the program's file numbers. */
  readonly files: readonly (FileName | undefined)[];
  /** By address; each run of code ends in a row with `end`. */
  readonly rows: readonly LineRow[];
}

interface Header {
  readonly version: number;
  readonly end: number;
  readonly wide: boolean;
  readonly minimum: number;
  readonly defaultStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly operands: readonly number[];
}

/** Joins a folder and a name; "." and "" add nothing. */
export function joinPath(folder: string, name: string): string {
  const parts: string[] = [];
  const whole = name.startsWith("/") || folder === "" || folder === "." ? name : `${folder}/${name}`;
  for (const part of whole.split("/")) {
    if (part === "." || (part === "" && parts.length > 0)) continue;
    if (part === ".." && parts.length > 0 && !["..", ""].includes(parts.at(-1)!)) parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** The table at `offset` of .debug_line, which belongs to `unit` compiled in `folder`. Throws SymbolsError. */
export function readLines(unit: Unit, offset: number, folder: string): LineTable {
  const cursor = new Cursor(unit.info.section(".debug_line"), ".debug_line", offset);
  const { header, files, program } = readHeader(unit, cursor, folder);
  const rows = run(unit, new Cursor(cursor.bytes, ".debug_line", program, header.end), header, files);
  return { files, rows };
}

function readHeader(unit: Unit, cursor: Cursor, folder: string): { header: Header; files: (FileName | undefined)[]; program: number } {
  const { end, wide } = cursor.unitLength();
  cursor.end = end;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new SymbolsError(`.debug_line: version ${version} is not known here`);
  if (version >= 5) cursor.skip(2);
  const length = cursor.offset(wide);
  const program = cursor.at + length;
  const minimum = cursor.u8();
  if (version >= 4) cursor.skip(1);
  const defaultStatement = cursor.u8() !== 0;
  const [lineBase, lineRange, opcodeBase] = [cursor.i8(), cursor.u8(), cursor.u8()];
  if (lineRange === 0 || opcodeBase === 0) throw new SymbolsError(`.debug_line at ${hex(cursor.at)}: a line range or opcode base of 0`);
  const operands = [0, ...cursor.block(opcodeBase - 1)];
  const files = version >= 5 ? newFiles(unit, cursor, wide, folder) : oldFiles(unit, cursor, folder);
  if (program > end) throw new SymbolsError(`.debug_line: the program begins at ${hex(program)}, behind its end`);
  return { header: { version, end, wide, minimum, defaultStatement, lineBase, lineRange, opcodeBase, operands }, files, program };
}

/** DWARF 5: folders and files, each described by a list of (content, form). */
function newFiles(unit: Unit, cursor: Cursor, wide: boolean, folder: string): FileName[] {
  const folders = entries(unit, cursor, wide).map(({ path }) => joinPath(folder, path));
  return entries(unit, cursor, wide).map(({ path, folder: index }) => joinPath(folders[index] ?? folder, path));
}

function entries(unit: Unit, cursor: Cursor, wide: boolean): { path: string; folder: number }[] {
  const format: [number, number][] = [];
  for (let left = cursor.u8(); left > 0; left--) format.push([cursor.uleb(), cursor.uleb()]);
  const list: { path: string; folder: number }[] = [];
  const context = { version: 5, addressSize: unit.header.addressSize, wide, start: 0 };
  for (let left = cursor.uleb(); left > 0; left--) {
    unit.info.work.spend(1 + format.length);
    const entry = { path: "", folder: 0 };
    for (const [content, form] of format) {
      const value = form === FORM.string ? cursor.cstring() : readForm(cursor, context, form, 0n).value;
      if (content === LNCT.path) entry.path = typeof value === "string" ? value : (unit.text(form, Number(value)) ?? "");
      else if (content === LNCT.directory_index) entry.folder = Number(value);
    }
    list.push(entry);
  }
  return list;
}

/** DWARF 2 to 4: zero-terminated lists; folder 0 and file numbers from 1. */
function oldFiles(unit: Unit, cursor: Cursor, folder: string): (FileName | undefined)[] {
  const folders = [folder];
  for (let name = cursor.cstring(); name !== ""; name = cursor.cstring()) folders.push(joinPath(folder, name));
  const files: (FileName | undefined)[] = [undefined];
  for (let name = cursor.cstring(); name !== ""; name = cursor.cstring()) {
    unit.info.work.spend();
    files.push(oldFile(cursor, name, folders));
  }
  return files;
}

function oldFile(cursor: Cursor, name: string, folders: readonly string[]): FileName {
  const index = cursor.uleb();
  cursor.skipLeb();
  cursor.skipLeb();
  return joinPath(folders[index] ?? "", name);
}

/** The registers of the state machine. */
class State {
  address = 0n;
  file = 1;
  line = 1;
  column = 0;
  statement: boolean;

  constructor(statement: boolean) {
    this.statement = statement;
  }

  row(end: boolean): LineRow {
    return { address: this.address, file: this.file, line: this.line, column: this.column, statement: this.statement, end };
  }
}

/** Runs the program; the rows come out sorted. */
function run(unit: Unit, cursor: Cursor, header: Header, files: (FileName | undefined)[]): LineRow[] {
  const sequences: LineRow[][] = [];
  let rows: LineRow[] = [];
  let state = new State(header.defaultStatement);
  const advance = (operation: number): void => {
    state.address += BigInt(operation * header.minimum);
  };
  while (!cursor.done) {
    unit.info.work.spend();
    const opcode = cursor.u8();
    if (opcode >= header.opcodeBase) {
      const adjusted = opcode - header.opcodeBase;
      advance(Math.floor(adjusted / header.lineRange));
      state.line += header.lineBase + (adjusted % header.lineRange);
      rows.push(state.row(false));
    } else if (opcode === 0) {
      if (extended(unit, cursor, state, files)) continue;
      rows.push(state.row(true));
      sequences.push(rows);
      rows = [];
      state = new State(header.defaultStatement);
    } else if (opcode === LNS.copy) rows.push(state.row(false));
    else if (opcode === LNS.const_add_pc) advance(Math.floor((255 - header.opcodeBase) / header.lineRange));
    else standard(cursor, opcode, state, header);
  }
  return joinSequences(sequences);
}

/** An extended operation. False when it ended the sequence. */
function extended(unit: Unit, cursor: Cursor, state: State, files: (FileName | undefined)[]): boolean {
  const length = cursor.uleb();
  const next = cursor.at + length;
  if (length === 0 || next > cursor.end) throw new SymbolsError(`.debug_line at ${hex(cursor.at)}: an operation of ${length} bytes`);
  const kind = cursor.u8();
  if (kind === LNE.set_address) state.address = cursor.unsigned(length - 1);
  else if (kind === LNE.define_file) files.push(oldFile(cursor, cursor.cstring(), [unit.root.text(AT.comp_dir) ?? ""]));
  cursor.at = next;
  return kind !== LNE.end_sequence;
}

function standard(cursor: Cursor, opcode: number, state: State, header: Header): void {
  switch (opcode) {
    case LNS.advance_pc:
      state.address += BigInt(cursor.uleb() * header.minimum);
      return;
    case LNS.advance_line:
      state.line += Number(cursor.sleb());
      return;
    case LNS.set_file:
      state.file = cursor.uleb();
      return;
    case LNS.set_column:
      state.column = cursor.uleb();
      return;
    case LNS.negate_stmt:
      state.statement = !state.statement;
      return;
    case LNS.fixed_advance_pc:
      state.address += BigInt(cursor.u16());
      return;
    default:
      // Operations without meaning for us, and those of the future, whose operands are all LEB128.
      for (let left = header.operands[opcode]!; left > 0; left--) cursor.skipLeb();
  }
}

/** Sequences by address; empty ones go. */
function joinSequences(sequences: LineRow[][]): LineRow[] {
  const good = sequences.filter((rows) => rows.length > 1 && rows[0]!.address < rows.at(-1)!.address);
  good.sort((a, b) => (a[0]!.address < b[0]!.address ? -1 : a[0]!.address > b[0]!.address ? 1 : 0));
  return good.flat();
}
