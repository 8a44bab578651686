// Reading a saved state field by field. A snapshot is a file, so every field is doubted: what does not fit
// gives an Error of one line that names the device and the field.
import type { State } from "../bus.ts";

/** The fields of one saved record. `where` names the device in errors. */
export class Fields {
  readonly #where: string;
  readonly #record: { [name: string]: State };

  constructor(state: State, where: string) {
    this.#where = where;
    if (state === null || typeof state !== "object" || Array.isArray(state) || state instanceof Uint8Array) {
      throw new Error(`snapshot: ${where} is not a record`);
    }
    this.#record = state;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#record, name);
  }

  /** An integer of 0..max. */
  number(name: string, max = 0xffff_ffff): number {
    return this.#integer(this.#get(name), name, max);
  }

  boolean(name: string): boolean {
    const value = this.#get(name);
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value;
  }

  /** Bytes, at least `min` and at most `max` of them; a copy. */
  bytes(name: string, min: number, max: number): Uint8Array {
    const value = this.#get(name);
    if (!(value instanceof Uint8Array)) throw this.#wrong(name, "bytes");
    if (value.length < min || value.length > max) throw this.#wrong(name, `${min} to ${max} bytes`);
    return value.slice();
  }

  /** A list of at most `max` values. */
  list(name: string, max: number): State[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw this.#wrong(name, "a list");
    if (value.length > max) throw this.#wrong(name, `a list of at most ${max}`);
    return value;
  }

  /** A list of exactly `length` integers of 0..max. */
  numbers(name: string, length: number, max = 0xffff_ffff): number[] {
    const list = this.list(name, length);
    if (list.length !== length) throw this.#wrong(name, `a list of ${length}`);
    return list.map((value) => this.#integer(value, name, max));
  }

  /** The record under `name`. */
  record(name: string): Fields {
    return new Fields(this.#get(name), `${this.#where}.${name}`);
  }

  /** The value under `name`, as it is. */
  value(name: string): State {
    return this.#get(name);
  }

  #get(name: string): State {
    if (!this.has(name)) throw new Error(`snapshot: ${this.#where} has no ${name}`);
    return this.#record[name]!;
  }

  #integer(value: State, name: string, max: number): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw this.#wrong(name, `an integer of 0 to ${max}`);
  }

  #wrong(name: string, wanted: string): Error {
    return new Error(`snapshot: ${this.#where}.${name} is not ${wanted}`);
  }
}
