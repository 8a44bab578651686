// Abbreviations: which tag an entry has and how its attributes are written (DWARF 5, section 7.5.3).

import { SymbolsError } from "../errors.ts";
import { FORM } from "./constants.ts";
import { Cursor, type Work } from "./cursor.ts";

/** One attribute of an abbreviation. */
export interface Specification {
  readonly attribute: number;
  readonly form: number;
  /** Its value where the form is implicit_const. */
  readonly implicit: bigint;
}

export interface Abbreviation {
  readonly tag: number;
  readonly children: boolean;
  readonly attributes: readonly Specification[];
}

/** The table that begins at `offset` of .debug_abbrev, by code. Throws SymbolsError. */
export function readAbbreviations(section: Uint8Array, offset: number, work: Work): ReadonlyMap<number, Abbreviation> {
  const cursor = new Cursor(section, ".debug_abbrev", offset);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    const tag = cursor.uleb();
    const children = cursor.u8() !== 0;
    const attributes: Specification[] = [];
    for (;;) {
      work.spend();
      const [attribute, form] = [cursor.uleb(), cursor.uleb()];
      if (attribute === 0 && form === 0) break;
      attributes.push({ attribute, form, implicit: form === FORM.implicit_const ? cursor.sleb() : 0n });
    }
    if (table.has(code)) throw new SymbolsError(`.debug_abbrev at ${offset}: code ${code} twice`);
    table.set(code, { tag, children, attributes });
  }
  return table;
}
