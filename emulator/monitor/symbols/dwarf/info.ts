// .debug_info as a whole: its units, the entry at an offset, the unit behind an address.

import { hex, SymbolsError } from "../errors.ts";
import { countBefore, lastFrom } from "../search.ts";
import type { SectionSource } from "../sections.ts";
import { UT } from "./constants.ts";
import { Cursor, Work } from "./cursor.ts";
import type { Die } from "./die.ts";
import { type AddressRange, rangesOf } from "./ranges.ts";
import { readUnitHeader, Unit } from "./unit.ts";

interface Place extends AddressRange {
  readonly unit: Unit;
}

export class Info {
  readonly work: Work;
  readonly bytes: Uint8Array;
  private readonly sections: SectionSource;
  private unitsFound: readonly Unit[] | undefined;
  private places: readonly Place[] | undefined;
  private signatures: ReadonlyMap<bigint, Unit> | undefined;

  constructor(sections: SectionSource) {
    this.sections = sections;
    this.bytes = sections.get(".debug_info");
    this.work = new Work(this.bytes.length);
  }

  section(name: string): Uint8Array {
    return this.sections.get(name);
  }

  textAt(section: string, offset: number): string {
    const text = new Cursor(this.section(section), section, offset).cstring();
    this.work.spend(text.length >> 3);
    return text;
  }

  /** All units, in order. Damage ends the list: what stands before it is still good. */
  get units(): readonly Unit[] {
    if (this.unitsFound !== undefined) return this.unitsFound;
    const units: Unit[] = [];
    const cursor = new Cursor(this.bytes, ".debug_info");
    try {
      while (!cursor.done) {
        this.work.spend();
        units.push(new Unit(this, readUnitHeader(cursor)));
      }
    } catch (error) {
      if (!(error instanceof SymbolsError) || units.length === 0) throw error;
    }
    return (this.unitsFound = units);
  }

  /** The entry at an offset. Throws SymbolsError when none can be there. */
  dieAt(offset: number): Die {
    const { units } = this;
    const die = units[countBefore(units.length, (i) => units[i]!.header.start <= offset) - 1]?.read(offset);
    if (die === undefined) throw new SymbolsError(`.debug_info at ${hex(offset)}: a reference to nothing`);
    return die;
  }

  typeBySignature(signature: bigint): Die | undefined {
    this.signatures ??= new Map(this.units.filter((u) => u.header.kind === UT.type).map((u) => [u.header.signature, u]));
    const unit = this.signatures.get(signature);
    return unit?.read(unit.header.start + unit.header.typeOffset);
  }

  /** The unit whose code holds the address (as linked), or undefined. */
  unitOf(address: bigint): Unit | undefined {
    this.places ??= this.findPlaces();
    const place = lastFrom(this.places, address);
    return place !== undefined && address < place.end ? place.unit : undefined;
  }

  private findPlaces(): Place[] {
    const places: Place[] = [];
    for (const unit of this.units) {
      if (unit.header.kind === UT.type) continue;
      try {
        for (const range of rangesOf(unit.root)) places.push({ ...range, unit });
      } catch (error) {
        if (!(error instanceof SymbolsError)) throw error; // a damaged unit has no code: the others do
      }
    }
    return places.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  }
}
