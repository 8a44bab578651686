// A unit of .debug_info: its header, and how its entries, texts and addresses are found (DWARF 5, section 7.5.1).

import { hex, SymbolsError } from "../errors.ts";
import { type Abbreviation, readAbbreviations } from "./abbreviations.ts";
import { AT, FORM, UT } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import { Die } from "./die.ts";
import { type Attribute, type FormContext, readForm } from "./forms.ts";
import type { Info } from "./info.ts";

/** Entries lie at most so deep inside each other. */
const MOST_DEPTH = 256;

export interface UnitHeader extends FormContext {
  /** One past its last byte. */
  readonly end: number;
  /** Where its first entry stands. */
  readonly first: number;
  readonly abbreviations: number;
  readonly kind: number;
  /** For a type unit: its signature and where its type stands, from the unit's start. */
  readonly signature: bigint;
  readonly typeOffset: number;
}

/** Reads the header at the cursor, which is left at the unit's end. Throws SymbolsError. */
export function readUnitHeader(cursor: Cursor): UnitHeader {
  const start = cursor.at;
  const { end, wide } = cursor.unitLength();
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new SymbolsError(`.debug_info at ${hex(start)}: DWARF ${version} is not known here (2 to 5 are)`);
  let [kind, addressSize, abbreviations] = [UT.compile as number, 0, 0];
  if (version >= 5) {
    kind = cursor.u8();
    addressSize = cursor.u8();
    abbreviations = cursor.offset(wide);
  } else {
    abbreviations = cursor.offset(wide);
    addressSize = cursor.u8();
  }
  if (addressSize !== 8 && addressSize !== 4) throw new SymbolsError(`.debug_info at ${hex(start)}: addresses of ${addressSize} bytes`);
  let [signature, typeOffset] = [0n, 0];
  if (kind === UT.skeleton || kind === UT.split_compile) cursor.skip(8);
  if (kind === UT.type || kind === UT.split_type) {
    signature = cursor.u64();
    typeOffset = cursor.offset(wide);
  }
  const header = { start, end, first: cursor.at, version, wide, addressSize, abbreviations, kind, signature, typeOffset };
  cursor.at = end;
  return header;
}

export class Unit {
  readonly info: Info;
  readonly header: UnitHeader;
  private table: ReadonlyMap<number, Abbreviation> | undefined;
  private rootFound: Die | undefined;

  constructor(info: Info, header: UnitHeader) {
    this.info = info;
    this.header = header;
  }

  get version(): number {
    return this.header.version;
  }

  /** The entry for the whole unit. */
  get root(): Die {
    if (this.rootFound !== undefined) return this.rootFound;
    const die = this.read(this.header.first);
    if (die === undefined) throw new SymbolsError(`.debug_info at ${hex(this.header.start)}: an empty unit`);
    return (this.rootFound = die);
  }

  /** The entry at an offset of .debug_info inside this unit; undefined for the mark that ends a list of siblings. */
  read(offset: number): Die | undefined {
    this.info.work.spend();
    if (offset < this.header.first || offset >= this.header.end) throw new SymbolsError(`.debug_info at ${hex(offset)}: no entry of the unit at ${hex(this.header.start)}`);
    const cursor = new Cursor(this.info.bytes, ".debug_info", offset, this.header.end);
    const code = cursor.uleb();
    if (code === 0) return undefined;
    this.table ??= readAbbreviations(this.info.section(".debug_abbrev"), this.header.abbreviations, this.info.work);
    const abbreviation = this.table.get(code);
    if (abbreviation === undefined) throw new SymbolsError(`.debug_info at ${hex(offset)}: abbreviation ${code} does not exist`);
    this.info.work.spend(abbreviation.attributes.length);
    const values: Attribute[] = [];
    for (const { form, implicit } of abbreviation.attributes) values.push(readForm(cursor, this.header, form, implicit));
    return new Die(this, offset, cursor.at, abbreviation, values);
  }

  /** The children of an entry of this unit, in order. */
  *childrenOf(parent: Die): Generator<Die> {
    if (!parent.hasChildren) return;
    for (let at = parent.after; at < this.header.end; ) {
      const die = this.read(at);
      if (die === undefined) return;
      yield die;
      at = this.behind(die);
    }
  }

  /** Where the entry's next sibling stands. */
  behind(die: Die): number {
    if (!die.hasChildren) return die.after;
    const sibling = die.get(AT.sibling);
    if (typeof sibling?.value === "number" && sibling.value > die.after && sibling.value <= this.header.end) return sibling.value;
    let depth = 1;
    let at = die.after;
    while (depth > 0 && at < this.header.end) {
      const inner = this.read(at);
      if (inner === undefined) {
        depth--;
        at++;
      } else {
        if (inner.hasChildren && ++depth > MOST_DEPTH) throw new SymbolsError(`.debug_info at ${hex(die.offset)}: entries inside entries, too deep`);
        at = inner.after;
      }
    }
    return at;
  }

  /** The text that an attribute of this form stands for. */
  text(form: number, value: number): string | undefined {
    switch (form) {
      case FORM.string:
        return this.info.textAt(".debug_info", value);
      case FORM.strp:
        return this.info.textAt(".debug_str", value);
      case FORM.line_strp:
        return this.info.textAt(".debug_line_str", value);
      case FORM.strx:
      case FORM.strx1:
      case FORM.strx2:
      case FORM.strx3:
      case FORM.strx4:
      case FORM.gnu_str_index:
        return this.indexedText(value);
      default:
        return undefined;
    }
  }

  private indexedText(index: number): string {
    const base = this.root.number(AT.str_offsets_base) ?? (this.header.wide ? 16 : 8);
    const at = base + index * (this.header.wide ? 8 : 4);
    const offset = new Cursor(this.info.section(".debug_str_offsets"), ".debug_str_offsets", at).offset(this.header.wide);
    return this.info.textAt(".debug_str", offset);
  }

  /** Entry `index` of this unit's part of .debug_addr. */
  addressAt(index: number): bigint {
    const base = this.root.number(AT.addr_base) ?? this.root.number(AT.gnu_addr_base) ?? 8;
    return new Cursor(this.info.section(".debug_addr"), ".debug_addr", base + index * this.header.addressSize).unsigned(this.header.addressSize);
  }
}
