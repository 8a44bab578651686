// Types out of .debug_info (DWARF 5, chapter 5). Each entry becomes one Type; what it refers to is read when asked for.

import { hex, SymbolsError } from "../errors.ts";
import { type Encoding, type Enumerator, type Field, Type, type TypeKind, VOID } from "../type.ts";
import { AT, ATE, OP, TAG } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import type { Die } from "./die.ts";
import type { Unit } from "./unit.ts";

const KINDS: ReadonlyMap<number, TypeKind> = new Map([
  [TAG.base_type, "base"], [TAG.unspecified_type, "void"], [TAG.pointer_type, "pointer"], [TAG.reference_type, "pointer"],
  [TAG.rvalue_reference_type, "pointer"], [TAG.structure_type, "struct"], [TAG.class_type, "struct"], [TAG.union_type, "union"],
  [TAG.array_type, "array"], [TAG.enumeration_type, "enum"], [TAG.typedef, "typedef"], [TAG.const_type, "const"],
  [TAG.volatile_type, "volatile"], [TAG.restrict_type, "typedef"], [TAG.atomic_type, "typedef"], [TAG.subroutine_type, "function"],
  [TAG.subprogram, "function"],
]);
const ENCODINGS: ReadonlyMap<number, Encoding> = new Map([
  [ATE.address, "address"], [ATE.boolean, "boolean"], [ATE.float, "float"], [ATE.signed, "signed"], [ATE.signed_char, "signed char"],
  [ATE.unsigned, "unsigned"], [ATE.unsigned_char, "unsigned char"], [ATE.utf, "unsigned char"],
]);
/** Dimensions of an array beyond this are damage. */
const MOST_DIMENSIONS = 16;

/** Whether an entry of this tag is a type. */
export const isType = (tag: number): boolean => KINDS.has(tag) && tag !== TAG.subprogram;

/** Makes types of entries, each once. */
export class TypeReader {
  private readonly made = new Map<number, Type>();
  private readonly complete: (tag: number, name: string) => Die | undefined;
  /** Called before a type reads more entries: each such question has a budget of its own. */
  private readonly begin: () => void;

  /** `complete` finds the entry that defines a structure which another unit only declares. */
  constructor(complete: (tag: number, name: string) => Die | undefined, begin: () => void) {
    this.complete = complete;
    this.begin = begin;
  }

  /** The type that the entry's DW_AT_type names; undefined when it has none (void). */
  typeOf(die: Die): Type | undefined {
    const target = die.bearer(AT.type)?.reference(AT.type);
    return target === undefined ? undefined : this.type(target);
  }

  /** The type that an entry describes. */
  type(die: Die): Type {
    const known = this.made.get(die.offset);
    if (known !== undefined) return known;
    // A structure of a type unit (-fdebug-types-section) stands elsewhere; the reference is resolved once.
    const type = this.make(die.reference(AT.signature) ?? die);
    this.made.set(die.offset, type);
    return type;
  }

  private make(die: Die): Type {
    const kind = KINDS.get(die.tag);
    if (kind === undefined || kind === "void") return VOID;
    if (kind === "array") return this.array(die);
    const name = die.text(AT.name);
    const target = (): Type | undefined => this.lazily(() => this.typeOf(die));
    const size = die.number(AT.byte_size);
    switch (kind) {
      case "base":
        return new Type({ kind, name, size, encoding: ENCODINGS.get(die.number(AT.encoding) ?? 0) ?? "other" });
      case "pointer":
        return new Type({ kind, size: size ?? die.unit.header.addressSize, target });
      case "struct":
      case "union": {
        const declared = die.flag(AT.declaration) && name !== undefined;
        const complete = (): Type | undefined => this.lazily(() => this.definition(die, name!));
        return new Type({ kind, name, size, fields: () => this.lazily(() => this.fields(die)), ...(declared ? { complete } : {}) });
      }
      case "enum": {
        const values = (): Enumerator[] => this.lazily(() => enumerators(die));
        const encoding = ENCODINGS.get(die.reference(AT.type)?.number(AT.encoding) ?? 0) ?? "unsigned";
        return new Type({ kind, name, size, encoding, target, values });
      }
      case "function":
        return new Type({ kind, name, target });
      default:
        return new Type({ kind, name, target });
    }
  }

  private lazily<T>(read: () => T): T {
    this.begin();
    return read();
  }

  private definition(die: Die, name: string): Type | undefined {
    const found = this.complete(die.tag, name);
    return found === undefined ? undefined : this.type(found);
  }

  private fields(die: Die): Field[] {
    const fields: Field[] = [];
    for (const member of die.children()) {
      if (member.tag !== TAG.member) continue;
      const type = this.typeOf(member);
      if (type === undefined || member.flag(AT.declaration)) continue;
      fields.push({ name: member.text(AT.name) ?? "", type, ...placeOf(member, type) });
    }
    return fields;
  }

  /** One Type for each dimension: int a[2][3] is an array of two arrays of three. */
  private array(die: Die): Type {
    const dimensions = [...die.children()].filter((d) => d.tag === TAG.subrange_type).slice(0, MOST_DIMENSIONS).map(countOf);
    if (dimensions.length === 0) dimensions.push(undefined);
    const inner = (level: number): Type =>
      new Type({
        kind: "array",
        count: dimensions[level],
        ...(level === 0 ? { size: die.number(AT.byte_size) } : {}),
        target: () => (level + 1 < dimensions.length ? inner(level + 1) : this.lazily(() => this.typeOf(die))),
      });
    return inner(0);
  }
}

/** Elements of one dimension; undefined when open. */
function countOf(subrange: Die): number | undefined {
  const count = subrange.number(AT.count);
  if (count !== undefined) return count >= 0 ? count : undefined;
  const bound = subrange.big(AT.upper_bound);
  // An upper bound of -1 (also written as 2^32-1 or 2^64-1) is how compilers say "none".
  if (bound === undefined || bound < 0n || bound === 0xffff_ffffn || bound === 0xffff_ffff_ffff_ffffn) return bound === undefined ? undefined : 0;
  return bound < BigInt(Number.MAX_SAFE_INTEGER) ? Number(bound) + 1 : undefined;
}

/** Where a member lies in its structure. */
function placeOf(member: Die, type: Type): Pick<Field, "offset" | "bits"> {
  const width = member.number(AT.bit_size);
  const offset = startOf(member);
  if (width === undefined) return { offset, bits: undefined };
  let first = member.number(AT.data_bit_offset);
  if (first === undefined) {
    // DWARF 3: bit_offset counts from the highest bit of the storage unit.
    const storage = (member.number(AT.byte_size) ?? type.size) * 8;
    first = offset * 8 + storage - (member.number(AT.bit_offset) ?? storage - width) - width;
  }
  return { offset: Math.floor(first / 8), bits: { width, shift: first & 7 } };
}

/** Bytes from the structure's start to a member: a number, or in DWARF 2 an expression on its address. Throws SymbolsError for one that is not just a sum. */
function startOf(member: Die): number {
  const block = member.block(AT.data_member_location);
  if (block === undefined) return member.number(AT.data_member_location) ?? 0;
  const cursor = new Cursor(block, "DW_AT_data_member_location");
  let offset = 0;
  while (cursor.at < block.length) {
    const op = cursor.u8();
    if (op !== OP.plus_uconst) throw new SymbolsError(`the place of member ${member.text(AT.name) ?? ""} is computed with operation ${hex(op)}`);
    offset += cursor.uleb();
  }
  return offset;
}

function enumerators(die: Die): Enumerator[] {
  const values: Enumerator[] = [];
  for (const child of die.children()) {
    const value = child.big(AT.const_value);
    if (child.tag === TAG.enumerator && value !== undefined) values.push({ name: child.text(AT.name) ?? "", value });
  }
  return values;
}

/** Named entries of a unit that others may ask for by name: its top level. */
export function* topLevel(unit: Unit): Generator<Die> {
  yield* unit.childrenOf(unit.root);
}
