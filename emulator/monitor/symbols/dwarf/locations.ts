// Where a variable is at some address: one expression for everywhere, a list of them, or a constant
// (DWARF 5, sections 2.6.2 and 7.29; DWARF 4, 2.6.2).

import { SymbolsError } from "../errors.ts";
import { AT, FORM, LLE } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import type { Die } from "./die.ts";
import { baseOf } from "./ranges.ts";
import type { Unit } from "./unit.ts";

/** The expression that holds at an address (as linked) for an attribute such as DW_AT_location; undefined when none does. Throws SymbolsError. */
export function expressionAt(die: Die, attribute: number, address: bigint): Uint8Array | undefined {
  const found = die.get(attribute);
  if (found === undefined) return undefined;
  if (found.value instanceof Uint8Array) return found.value;
  const { unit } = die;
  if (unit.version < 5) return oldList(unit, Number(found.value), address);
  return newList(unit, found.form === FORM.loclistx ? indexedList(unit, Number(found.value)) : Number(found.value), address);
}

function indexedList(unit: Unit, index: number): number {
  const base = unit.root.number(AT.loclists_base) ?? (unit.header.wide ? 20 : 12);
  const at = base + index * (unit.header.wide ? 8 : 4);
  return base + new Cursor(unit.info.section(".debug_loclists"), ".debug_loclists", at).offset(unit.header.wide);
}

function newList(unit: Unit, offset: number, address: bigint): Uint8Array | undefined {
  const cursor = new Cursor(unit.info.section(".debug_loclists"), ".debug_loclists", offset);
  let base = baseOf(unit);
  let fallback: Uint8Array | undefined;
  for (;;) {
    unit.info.work.spend();
    const kind = cursor.u8();
    if (kind === LLE.end) return fallback;
    if (kind === LLE.base_addressx) base = unit.addressAt(cursor.uleb());
    else if (kind === LLE.base_address) base = cursor.unsigned(unit.header.addressSize);
    else if (kind === LLE.default_location) fallback = cursor.block(cursor.uleb());
    else {
      const { start, end } = bounds(unit, cursor, kind, base);
      const expression = cursor.block(cursor.uleb());
      if (address >= start && address < end) return expression;
    }
  }
}

function bounds(unit: Unit, cursor: Cursor, kind: number, base: bigint): { start: bigint; end: bigint } {
  const size = unit.header.addressSize;
  switch (kind) {
    case LLE.startx_endx:
      return { start: unit.addressAt(cursor.uleb()), end: unit.addressAt(cursor.uleb()) };
    case LLE.startx_length: {
      const start = unit.addressAt(cursor.uleb());
      return { start, end: start + cursor.wideUleb() };
    }
    case LLE.offset_pair:
      return { start: base + cursor.wideUleb(), end: base + cursor.wideUleb() };
    case LLE.start_end:
      return { start: cursor.unsigned(size), end: cursor.unsigned(size) };
    case LLE.start_length: {
      const start = cursor.unsigned(size);
      return { start, end: start + cursor.wideUleb() };
    }
    default:
      throw new SymbolsError(`.debug_loclists at ${cursor.at}: an entry of unknown kind ${kind}`);
  }
}

function oldList(unit: Unit, offset: number, address: bigint): Uint8Array | undefined {
  const size = unit.header.addressSize;
  const cursor = new Cursor(unit.info.section(".debug_loc"), ".debug_loc", offset);
  const ones = (1n << BigInt(size * 8)) - 1n;
  for (let base = baseOf(unit); ; ) {
    unit.info.work.spend();
    const [start, end] = [cursor.unsigned(size), cursor.unsigned(size)];
    if (start === 0n && end === 0n) return undefined;
    if (start === ones) {
      base = end;
      continue;
    }
    const expression = cursor.block(cursor.u16());
    if (address >= base + start && address < base + end) return expression;
  }
}
