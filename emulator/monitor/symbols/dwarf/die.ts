// One debugging information entry: a tag and attributes, as they stand in .debug_info, and what they refer to.

import { SymbolsError } from "../errors.ts";
import type { Abbreviation } from "./abbreviations.ts";
import { AT, FORM } from "./constants.ts";
import { type Attribute, isReference } from "./forms.ts";
import type { Unit } from "./unit.ts";

/** References are followed so far (an inlined call, its function, that one's declaration …); then they lead round. */
const MOST_HOPS = 8;

export class Die {
  readonly unit: Unit;
  /** Where it stands in .debug_info. */
  readonly offset: number;
  /** The first byte behind its attributes: its first child's, or its next sibling's. */
  readonly after: number;
  private readonly abbreviation: Abbreviation;
  private readonly values: readonly Attribute[];

  constructor(unit: Unit, offset: number, after: number, abbreviation: Abbreviation, values: readonly Attribute[]) {
    this.unit = unit;
    this.offset = offset;
    this.after = after;
    this.abbreviation = abbreviation;
    this.values = values;
  }

  get tag(): number {
    return this.abbreviation.tag;
  }

  get hasChildren(): boolean {
    return this.abbreviation.children;
  }

  /** The attribute as written, or undefined. */
  get(attribute: number): Attribute | undefined {
    const list = this.abbreviation.attributes;
    for (let i = 0; i < list.length; i++) if (list[i]!.attribute === attribute) return this.values[i];
    return undefined;
  }

  /** A constant that fits into 53 bits. */
  number(attribute: number): number | undefined {
    const value = this.get(attribute)?.value;
    return typeof value === "number" ? value : undefined;
  }

  /** A constant of any size; bytes count as little-endian numbers of as many bits as a constant's form has. */
  big(attribute: number): bigint | undefined {
    const found = this.get(attribute);
    return found === undefined || found.value instanceof Uint8Array ? undefined : BigInt(found.value);
  }

  flag(attribute: number): boolean {
    return this.number(attribute) === 1;
  }

  /** The bytes of an expression or block. */
  block(attribute: number): Uint8Array | undefined {
    const value = this.get(attribute)?.value;
    return value instanceof Uint8Array ? value : undefined;
  }

  text(attribute: number): string | undefined {
    const found = this.get(attribute);
    return typeof found?.value === "number" ? this.unit.text(found.form, found.value) : undefined;
  }

  /** An address, as linked. */
  address(attribute: number): bigint | undefined {
    const found = this.get(attribute);
    if (found === undefined || found.value instanceof Uint8Array) return undefined;
    if (found.form === FORM.addr) return BigInt(found.value);
    return this.unit.addressAt(Number(found.value));
  }

  /** The entry that an attribute refers to; undefined when there is no such attribute or it refers to another file. */
  reference(attribute: number): Die | undefined {
    const found = this.get(attribute);
    if (found === undefined) return undefined;
    if (isReference(found.form)) return this.unit.info.dieAt(Number(found.value));
    return found.form === FORM.ref_sig8 ? this.unit.info.typeBySignature(BigInt(found.value as number | bigint)) : undefined;
  }

  /** This entry, then what it is an instance of (abstract origin) or defines (specification), and so on. */
  *lineage(): Generator<Die> {
    yield this;
    let die = this.origin();
    for (let i = 0; i < MOST_HOPS && die !== undefined; i++) {
      yield die;
      die = die.origin();
    }
    if (die !== undefined) throw new SymbolsError(`.debug_info at 0x${this.offset.toString(16)}: its origin leads round`);
  }

  private origin(): Die | undefined {
    return this.reference(AT.abstract_origin) ?? this.reference(AT.specification);
  }

  /** The first entry of the lineage that has the attribute. */
  bearer(attribute: number): Die | undefined {
    for (const die of this.lineage()) if (die.get(attribute) !== undefined) return die;
    return undefined;
  }

  /** Its name, or that of what it is an instance of. */
  get name(): string | undefined {
    return this.bearer(AT.name)?.text(AT.name);
  }

  /** First child, next child …; entries are read as they are asked for. */
  children(): Generator<Die> {
    return this.unit.childrenOf(this);
  }
}
