// A value of a C type somewhere in the guest: read when asked, never cached, never more than is there.
// Guest memory may hold nonsense, so whoever follows pointers counts his steps.

import { hex, SymbolsError } from "./errors.ts";
import type { Field, Type } from "./type.ts";

/** `length` bytes of memory at an address, or undefined where one of them is not there. */
export type ReadMemory = (address: bigint, length: number) => Uint8Array | undefined;

/** No single value that is read at once is longer. */
const MOST_BYTES = 1 << 20;
const latin1 = new TextDecoder("latin1");

/** A typed view. Methods throw SymbolsError, one line, where there is no such member or memory. */
export class Value {
  readonly type: Type;
  /** Where it lies, or undefined when it is in a register or was computed. */
  readonly address: bigint | undefined;
  private readonly read: ReadMemory;
  /** The bytes themselves when there is no address. */
  private readonly held: Uint8Array | undefined;
  private readonly bits: Field["bits"];

  private constructor(type: Type, address: bigint | undefined, held: Uint8Array | undefined, read: ReadMemory, bits: Field["bits"]) {
    this.type = type;
    this.address = address;
    this.held = held;
    this.read = read;
    this.bits = bits;
  }

  /** The value of `type` at `address`; `read` serves pointers that are followed from it, too. */
  static at(type: Type, address: bigint, read: ReadMemory): Value {
    return new Value(type, BigInt.asUintN(64, address), undefined, read, undefined);
  }

  /** A value without an address, such as a variable in a register: its bytes, little endian. */
  static of(type: Type, bytes: Uint8Array, read: ReadMemory): Value {
    return new Value(type, undefined, bytes, read, undefined);
  }

  /** Its bytes: `length` of them, all when left out. */
  bytes(length: number = this.type.size): Uint8Array {
    if (length > MOST_BYTES) throw new SymbolsError(`a value of ${length} bytes (${this.type.text}) is not read whole`);
    if (this.held !== undefined) {
      if (length > this.held.length) throw new SymbolsError(`${this.type.text} needs ${length} bytes, ${this.held.length} are known`);
      return this.held.subarray(0, length);
    }
    const bytes = this.read(this.address!, length);
    if (bytes === undefined || bytes.length < length) throw new SymbolsError(`there is no memory at ${hex(this.address!)} (${this.type.text})`);
    return bytes;
  }

  has(name: string): boolean {
    return this.type.field(name) !== undefined;
  }

  /** A member of a structure or union, also one of its anonymous members; through a pointer as well, as -> does. */
  field(name: string): Value {
    const type = this.type.bare;
    if (type.kind === "pointer") return this.deref().field(name);
    const field = type.field(name);
    if (field === undefined) throw new SymbolsError(`${type.text} has no member ${name}`);
    return this.part(field.type, field.offset, field.bits);
  }

  /** The members of a structure or union, in their order; anonymous ones have an empty name. */
  members(): { name: string; value: Value }[] {
    return this.type.fields.map((field) => ({ name: field.name, value: this.part(field.type, field.offset, field.bits) }));
  }

  /** Element `index` of an array (in its bounds when it has any), or what lies so many elements behind a pointer. */
  at(index: number): Value {
    const type = this.type.bare;
    const element = type.target;
    if (type.kind === "pointer") return Value.at(element, this.big() + BigInt(index) * BigInt(Math.max(element.size, 1)), this.read);
    if (type.kind !== "array") throw new SymbolsError(`${type.text} is no array`);
    if (!Number.isInteger(index) || index < 0 || (type.count !== undefined && index >= type.count)) {
      throw new SymbolsError(`${type.text} has no element ${index}`);
    }
    return this.part(element, index * element.size, undefined);
  }

  /** Elements of an array; 0 when open. Throws for other types. */
  get length(): number {
    const type = this.type.bare;
    if (type.kind !== "array") throw new SymbolsError(`${type.text} is no array`);
    return type.count ?? 0;
  }

  /** What a pointer points to. Throws for a null pointer. */
  deref(): Value {
    const type = this.type.bare;
    if (type.kind !== "pointer") throw new SymbolsError(`${type.text} is no pointer`);
    const target = this.big();
    if (target === 0n) throw new SymbolsError(`a null pointer (${type.text}) points to nothing`);
    return Value.at(type.target, target, this.read);
  }

  /** Whether it is a null pointer, or zero. */
  get isNull(): boolean {
    return this.big() === 0n;
  }

  /** As a number: signed types signed, pointers and the rest unsigned. */
  big(): bigint {
    const type = this.type.bare;
    if (!type.isNumber) throw new SymbolsError(`${type.text} is no number`);
    const { bits } = this;
    if (bits !== undefined) {
      const raw = unsigned(this.bytes(Math.ceil((bits.shift + bits.width) / 8))) >> BigInt(bits.shift);
      return type.isSigned ? BigInt.asIntN(bits.width, raw) : BigInt.asUintN(bits.width, raw);
    }
    const { size } = type;
    const value = unsigned(this.bytes(size));
    return type.isSigned ? BigInt.asIntN(size * 8, value) : value;
  }

  /** As a JavaScript number; throws when it does not fit into 53 bits. */
  number(): number {
    const value = Number(this.big());
    if (!Number.isSafeInteger(value)) throw new SymbolsError(`${hex(this.big())} (${this.type.text}) is too great a number`);
    return value;
  }

  /** The text of a char array or behind a char pointer, up to a zero byte, at most `most` characters. */
  cstring(most = 256): string {
    const type = this.type.bare;
    if (type.kind === "pointer") return textAt(this.big(), most, this.read);
    if (type.kind !== "array") throw new SymbolsError(`${type.text} is no text`);
    if (type.count === undefined && this.address !== undefined) return textAt(this.address, most, this.read);
    const bytes = this.bytes(Math.min(type.size, most));
    const end = bytes.indexOf(0);
    return latin1.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** The name of an enumeration's value; undefined when it has none or this is no enumeration. */
  enumerator(): string | undefined {
    if (this.type.bare.kind !== "enum") return undefined;
    const value = this.big();
    return this.type.values.find((v) => v.value === value)?.name;
  }

  /** The same bytes as another type. */
  as(type: Type): Value {
    return new Value(type, this.address, this.held, this.read, undefined);
  }

  private part(type: Type, offset: number, bits: Field["bits"]): Value {
    if (this.address !== undefined) return new Value(type, BigInt.asUintN(64, this.address + BigInt(offset)), undefined, this.read, bits);
    return new Value(type, undefined, this.held!.subarray(offset), this.read, bits);
  }
}

/** Little-endian bytes as a number. */
export function unsigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** Text in memory up to a zero byte, read page by page so that it may end just before memory does. */
function textAt(address: bigint, most: number, read: ReadMemory): string {
  let text = "";
  for (let at = address; text.length < most; ) {
    const length = Math.min(most - text.length, 4096 - Number(at & 4095n));
    const bytes = read(at, length);
    if (bytes === undefined) throw new SymbolsError(`there is no memory at ${hex(at)}`);
    const end = bytes.indexOf(0);
    text += latin1.decode(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) break;
    at += BigInt(length);
  }
  return text;
}
