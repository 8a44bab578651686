// Which addresses an entry covers: low and high pc, or a list of ranges (DWARF 5, sections 2.17 and 7.25; DWARF 4, 7.24).

import { SymbolsError } from "../errors.ts";
import { AT, FORM, RLE } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import type { Die } from "./die.ts";
import type { Unit } from "./unit.ts";

/** Addresses from `start` up to, not including, `end`; as linked. */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

export const inRange = (ranges: readonly AddressRange[], address: bigint): boolean => ranges.some((r) => address >= r.start && address < r.end);

/** The ranges of an entry, empty ones left out; none when it has no code. Throws SymbolsError. */
export function rangesOf(die: Die): AddressRange[] {
  const list = die.get(AT.ranges);
  if (list !== undefined) {
    if (die.unit.version < 5) return oldRanges(die.unit, Number(list.value));
    return newRanges(die.unit, list.form === FORM.rnglistx ? indexedList(die.unit, Number(list.value)) : Number(list.value));
  }
  const start = die.address(AT.low_pc);
  const high = die.get(AT.high_pc);
  if (start === undefined || high === undefined) return [];
  const isAddress = high.form === FORM.addr || (high.form >= FORM.addrx1 && high.form <= FORM.addrx4) || high.form === FORM.addrx;
  const end = isAddress ? die.address(AT.high_pc)! : start + (die.big(AT.high_pc) ?? 0n);
  return start < end ? [{ start, end }] : [];
}

/** What ranges of the unit count from when they do not say. */
export const baseOf = (unit: Unit): bigint => unit.root.address(AT.low_pc) ?? 0n;

/** Where list `index` of the unit begins in .debug_rnglists. */
function indexedList(unit: Unit, index: number): number {
  const base = unit.root.number(AT.rnglists_base) ?? (unit.header.wide ? 20 : 12);
  const at = base + index * (unit.header.wide ? 8 : 4);
  return base + new Cursor(unit.info.section(".debug_rnglists"), ".debug_rnglists", at).offset(unit.header.wide);
}

function newRanges(unit: Unit, offset: number): AddressRange[] {
  const cursor = new Cursor(unit.info.section(".debug_rnglists"), ".debug_rnglists", offset);
  const size = unit.header.addressSize;
  const ranges: AddressRange[] = [];
  let base = baseOf(unit);
  const add = (start: bigint, end: bigint): void => {
    if (start < end) ranges.push({ start, end });
  };
  for (;;) {
    unit.info.work.spend();
    const kind = cursor.u8();
    if (kind === RLE.end) return ranges;
    else if (kind === RLE.base_addressx) base = unit.addressAt(cursor.uleb());
    else if (kind === RLE.startx_endx) add(unit.addressAt(cursor.uleb()), unit.addressAt(cursor.uleb()));
    else if (kind === RLE.startx_length) {
      const start = unit.addressAt(cursor.uleb());
      add(start, start + cursor.wideUleb());
    } else if (kind === RLE.offset_pair) add(base + cursor.wideUleb(), base + cursor.wideUleb());
    else if (kind === RLE.base_address) base = cursor.unsigned(size);
    else if (kind === RLE.start_end) add(cursor.unsigned(size), cursor.unsigned(size));
    else if (kind === RLE.start_length) {
      const start = cursor.unsigned(size);
      add(start, start + cursor.wideUleb());
    } else throw new SymbolsError(`.debug_rnglists at ${cursor.at}: an entry of unknown kind ${kind}`);
  }
}

/** DWARF 4: pairs of offsets; a first one of all ones sets the base; two zeros end the list. */
function oldRanges(unit: Unit, offset: number): AddressRange[] {
  const size = unit.header.addressSize;
  const cursor = new Cursor(unit.info.section(".debug_ranges"), ".debug_ranges", offset);
  const ranges: AddressRange[] = [];
  const ones = (1n << BigInt(size * 8)) - 1n;
  for (let base = baseOf(unit); ; ) {
    unit.info.work.spend();
    const [start, end] = [cursor.unsigned(size), cursor.unsigned(size)];
    if (start === 0n && end === 0n) return ranges;
    if (start === ones) base = end;
    else if (start < end) ranges.push({ start: base + start, end: base + end });
  }
}
