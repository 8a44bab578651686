// C types, as debug information describes them. A type may refer to itself (a list's next), so what it is made of is
// found out when it is asked for.

import { SymbolsError } from "./errors.ts";

export type TypeKind = "base" | "pointer" | "struct" | "union" | "array" | "enum" | "typedef" | "const" | "volatile" | "function" | "void";

/** How a base type's bytes are meant. */
export type Encoding = "signed" | "unsigned" | "boolean" | "signed char" | "unsigned char" | "float" | "address" | "other";

/** A member of a structure or union. */
export interface Field {
  /** Empty for an anonymous structure or union. */
  readonly name: string;
  readonly type: Type;
  /** Bytes from the start of the structure. For a bit field: of the first byte that holds a bit of it. */
  readonly offset: number;
  /** For a bit field: its width, and its lowest bit counted from the lowest bit of the byte at `offset`. */
  readonly bits: { readonly width: number; readonly shift: number } | undefined;
}

/** A name of an enumeration. */
export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}

/** What a type is made of; functions are called at most once, when asked. */
export interface TypeParts {
  readonly kind: TypeKind;
  readonly name?: string | undefined;
  /** Bytes, where the debug information says so. */
  readonly size?: number | undefined;
  readonly encoding?: Encoding;
  /** What it points to, holds or returns; undefined is void. */
  readonly target?: () => Type | undefined;
  readonly fields?: () => readonly Field[];
  readonly values?: () => readonly Enumerator[];
  /** Elements of an array; undefined when open (char name[]). */
  readonly count?: number | undefined;
  /** The complete structure behind a declaration ("struct proc;"), when some unit has it. */
  readonly complete?: () => Type | undefined;
}

/** Typedefs of typedefs are followed so far; then the information is damaged. */
const MOST_STEPS = 64;

export class Type {
  readonly kind: TypeKind;
  /** As in C, without "struct": "proc", "uint64"; empty when it has none. */
  readonly name: string;
  readonly encoding: Encoding;
  /** Elements of an array; undefined when open, and for all other types. */
  readonly count: number | undefined;
  private readonly parts: TypeParts;
  private targetFound: Type | undefined;
  private fieldsFound: readonly Field[] | undefined;
  private valuesFound: readonly Enumerator[] | undefined;

  constructor(parts: TypeParts) {
    this.parts = parts;
    this.kind = parts.kind;
    this.name = parts.name ?? "";
    this.encoding = parts.encoding ?? "other";
    this.count = parts.count;
  }

  /** What it points to (pointer), holds (array), stands for (typedef, const, volatile), returns (function) or counts in (enum). */
  get target(): Type {
    return (this.targetFound ??= this.parts.target?.() ?? VOID);
  }

  /** Whether it is another type under a name or with a qualifier. */
  private get isWrapper(): boolean {
    return this.kind === "typedef" || this.kind === "const" || this.kind === "volatile";
  }

  /** The type behind typedefs, const and volatile; of a declared structure the complete one. Throws SymbolsError when that leads round. */
  get bare(): Type {
    if (!this.isWrapper) return this.parts.complete?.() ?? this;
    let type = this.target;
    for (let i = 0; i < MOST_STEPS; i++) {
      if (!type.isWrapper) return type.parts.complete?.() ?? type;
      type = type.target;
    }
    throw new SymbolsError(`the type ${this.name} stands for itself`);
  }

  /** Bytes of a value; 0 for void, functions, open arrays and structures that are only declared. */
  get size(): number {
    const type = this.bare;
    if (type.parts.size !== undefined) return type.parts.size;
    if (type.kind === "pointer") return 8;
    if (type.kind !== "array" || type.count === undefined) return 0;
    let [element, count] = [type.target.bare, type.count];
    for (let i = 0; i < MOST_STEPS; i++) {
      if (element.kind !== "array" || element.parts.size !== undefined) return checked(count * element.size);
      count *= element.count ?? 0;
      element = element.target.bare;
    }
    throw new SymbolsError("an array holds itself");
  }

  /** Members of a structure or union, in their order; none for other types. */
  get fields(): readonly Field[] {
    const type = this.bare;
    return (type.fieldsFound ??= type.parts.fields?.() ?? []);
  }

  /** Names of an enumeration; none for other types. */
  get values(): readonly Enumerator[] {
    const type = this.bare;
    return (type.valuesFound ??= type.parts.values?.() ?? []);
  }

  /** The member called `name`, also inside anonymous members (its offset counts from this structure); undefined when there is none. */
  field(name: string): Field | undefined {
    return findField(this, name, 0, 8);
  }

  /** Whether values are numbers: integers, characters, booleans, enumerations and pointers. */
  get isNumber(): boolean {
    const { kind, encoding } = this.bare;
    return kind === "enum" || kind === "pointer" || (kind === "base" && encoding !== "float" && encoding !== "other");
  }

  get isSigned(): boolean {
    const type = this.bare;
    if (type.kind === "enum") return type.encoding === "signed" || type.values.some(({ value }) => value < 0n);
    return type.encoding === "signed" || type.encoding === "signed char";
  }

  /** As C writes it without a variable: "struct proc *", "char[16]", "uint64". */
  get text(): string {
    return write(this, "", MOST_STEPS);
  }

  /** As C declares a variable of this type: "char name[16]". */
  declare(name: string): string {
    return write(this, name, MOST_STEPS);
  }
}

export const VOID: Type = new Type({ kind: "void", name: "void", size: 0 });

function checked(size: number): number {
  if (!Number.isSafeInteger(size)) throw new SymbolsError("an array has more bytes than memory");
  return size;
}

function findField(type: Type, name: string, offset: number, depth: number): Field | undefined {
  for (const field of type.fields) {
    if (field.name === name) return { ...field, offset: field.offset + offset };
    const inner = field.type.bare;
    if (field.name !== "" || depth === 0 || (inner.kind !== "struct" && inner.kind !== "union")) continue;
    const found = findField(inner, name, offset + field.offset, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const joined = (type: string, name: string): string => (name === "" ? type : /^[[(]/.test(name) && !name.startsWith("(*") ? type + name : `${type} ${name}`);

/** C's declarators, from the inside out: `inner` is what has been written around the name so far. */
function write(type: Type, inner: string, depth: number): string {
  if (depth === 0) return "…";
  switch (type.kind) {
    case "pointer": {
      const direct = type.target.kind;
      const starred = `*${inner}`;
      return write(type.target, direct === "array" || direct === "function" ? `(${starred})` : starred, depth - 1);
    }
    case "array":
      return write(type.target, `${inner}[${type.count ?? ""}]`, depth - 1);
    case "function":
      return write(type.target, `${inner}()`, depth - 1);
    case "const":
    case "volatile":
      return type.target.kind === "pointer" ? write(type.target, joined(type.kind, inner), depth - 1) : `${type.kind} ${write(type.target, inner, depth - 1)}`;
    case "struct":
    case "union":
    case "enum":
      return joined(`${type.kind} ${type.name === "" ? "{…}" : type.name}`, inner);
    default:
      return joined(type.name === "" ? "?" : type.name, inner);
  }
}
