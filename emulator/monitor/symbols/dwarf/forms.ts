// Values of attributes: reading them past, and what they mean (DWARF 5, section 7.5.6).

import { SymbolsError } from "../errors.ts";
import { FORM } from "./constants.ts";
import type { Cursor } from "./cursor.ts";

/**
 * A value as it is written. Texts are kept as the offset or index at which they will be found, references as offsets
 * in .debug_info; `form` tells which.
 */
export interface Attribute {
  readonly form: number;
  readonly value: number | bigint | Uint8Array;
}

/** What reading a form depends on. */
export interface FormContext {
  readonly version: number;
  readonly addressSize: number;
  /** Offsets have 64 bits. */
  readonly wide: boolean;
  /** Where the unit begins, which references count from. */
  readonly start: number;
}

const small = (value: bigint): number | bigint => (value >= -0x1f_ffff_ffff_ffffn && value <= 0x1f_ffff_ffff_ffffn ? Number(value) : value);

/** Reads one value; the cursor stands behind it then. Throws SymbolsError for a form that is not known. */
export function readForm(cursor: Cursor, unit: FormContext, form: number, implicit: bigint): Attribute {
  switch (form) {
    case FORM.indirect: {
      const inner = cursor.uleb();
      if (inner === FORM.indirect || inner === FORM.implicit_const) break;
      return readForm(cursor, unit, inner, 0n);
    }
    case FORM.implicit_const:
      return { form, value: small(implicit) };
    case FORM.string: {
      const value = cursor.at;
      cursor.skipCstring();
      return { form, value };
    }
    case FORM.flag_present:
      return { form, value: 1 };
    default:
      return { form, value: readNumber(cursor, unit, form) ?? readReference(cursor, unit, form) ?? readBlock(cursor, form) };
  }
  throw new SymbolsError(`${cursor.label} at ${cursor.at}: an indirect form of an indirect form`);
}

function readNumber(cursor: Cursor, unit: FormContext, form: number): number | bigint | undefined {
  switch (form) {
    case FORM.addr:
      return cursor.unsigned(unit.addressSize);
    case FORM.data1:
    case FORM.flag:
    case FORM.strx1:
    case FORM.addrx1:
      return cursor.u8();
    case FORM.data2:
    case FORM.strx2:
    case FORM.addrx2:
      return cursor.u16();
    case FORM.strx3:
    case FORM.addrx3:
      return cursor.u24();
    case FORM.data4:
    case FORM.strx4:
    case FORM.addrx4:
      return cursor.u32();
    case FORM.data8:
      return small(cursor.u64());
    case FORM.sdata:
      return small(cursor.sleb());
    case FORM.udata:
      return small(cursor.wideUleb());
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
    case FORM.gnu_addr_index:
    case FORM.gnu_str_index:
      return cursor.uleb();
    case FORM.strp:
    case FORM.line_strp:
    case FORM.sec_offset:
    case FORM.strp_sup:
    case FORM.gnu_strp_alt:
    case FORM.gnu_ref_alt:
      return cursor.offset(unit.wide);
    default:
      return undefined;
  }
}

function readReference(cursor: Cursor, unit: FormContext, form: number): number | bigint | undefined {
  switch (form) {
    case FORM.ref1:
      return unit.start + cursor.u8();
    case FORM.ref2:
      return unit.start + cursor.u16();
    case FORM.ref4:
      return unit.start + cursor.u32();
    case FORM.ref8:
      return unit.start + cursor.offset(true);
    case FORM.ref_udata:
      return unit.start + cursor.uleb();
    case FORM.ref_addr:
      return unit.version === 2 ? Number(cursor.unsigned(unit.addressSize)) : cursor.offset(unit.wide);
    case FORM.ref_sup4:
      return cursor.u32();
    case FORM.ref_sup8:
    case FORM.ref_sig8:
      return cursor.u64();
    default:
      return undefined;
  }
}

function readBlock(cursor: Cursor, form: number): Uint8Array {
  switch (form) {
    case FORM.exprloc:
    case FORM.block:
      return cursor.block(cursor.uleb());
    case FORM.block1:
      return cursor.block(cursor.u8());
    case FORM.block2:
      return cursor.block(cursor.u16());
    case FORM.block4:
      return cursor.block(cursor.u32());
    case FORM.data16:
      return cursor.block(16);
    default:
      throw new SymbolsError(`${cursor.label} at ${cursor.at}: the form 0x${form.toString(16)} is not known`);
  }
}

/** Whether a value of this form refers to another entry of .debug_info by its offset. */
export const isReference = (form: number): boolean => (form >= FORM.ref_addr && form <= FORM.ref_udata);
