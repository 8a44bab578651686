// Flattened device trees, version 17: nodes and properties to bytes. Device Tree Specification 0.4, chapter 5.

/** A node of a device tree: its properties in order, then its children in order. */
export interface Node {
  readonly name: string;
  readonly properties: readonly Property[];
  readonly children: readonly Node[];
}

/** A name and the bytes that it stands for. */
export interface Property {
  readonly name: string;
  readonly value: Uint8Array;
}

const MAGIC = 0xd00d_feed;
const VERSION = 17;
const COMPATIBLE_VERSION = 16;
const HEADER_SIZE = 40;
const RESERVATIONS_SIZE = 16; // only the entry of zeros that ends the list
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const END = 9;

const encoder = new TextEncoder();

/** A node; null among the properties or children is left out. */
export function node(name: string, properties: readonly (Property | null)[], children: readonly Node[] = []): Node {
  return { name, properties: properties.filter((p) => p !== null), children };
}

/** A property without a value: being there says it all. */
export function flag(name: string): Property {
  return { name, value: new Uint8Array(0) };
}

/** A property of 32-bit cells. */
export function cells(name: string, ...values: number[]): Property {
  const value = new Uint8Array(values.length * 4);
  const view = new DataView(value.buffer);
  values.forEach((v, i) => view.setUint32(i * 4, v));
  return { name, value };
}

/** A property of 64-bit numbers (each an integer below 2^53), two cells each. */
export function wide(name: string, ...values: number[]): Property {
  return cells(name, ...values.flatMap((v) => [Math.floor(v / 2 ** 32), v % 2 ** 32]));
}

/** A property of one string, or of several one after another. Throws when one holds a NUL. */
export function strings(name: string, ...values: string[]): Property {
  for (const value of values) {
    if (value.includes("\0")) throw new Error(`device tree: the value of ${name} holds a NUL character`);
  }
  return { name, value: encoder.encode(values.map((v) => `${v}\0`).join("")) };
}

/** A property of plain bytes. */
export function bytes(name: string, value: Uint8Array): Property {
  return { name, value };
}

/** The tree below `root` as a flattened device tree blob. `bootHart` is the hart that starts the system. */
export function flatten(root: Node, bootHart = 0): Uint8Array {
  const names = new Names();
  const structure = new Words();
  writeNode(structure, names, root);
  structure.word(END);
  const text = names.bytes();
  const structureAt = HEADER_SIZE + RESERVATIONS_SIZE;
  const total = structureAt + structure.length + text.length;
  const out = new Uint8Array(total);
  const header = [MAGIC, total, structureAt, structureAt + structure.length, HEADER_SIZE, VERSION, COMPATIBLE_VERSION];
  header.push(bootHart, text.length, structure.length);
  const view = new DataView(out.buffer);
  header.forEach((word, i) => view.setUint32(i * 4, word));
  out.set(structure.bytes(), structureAt);
  out.set(text, structureAt + structure.length);
  return out;
}

function writeNode(out: Words, names: Names, n: Node): void {
  out.word(BEGIN_NODE);
  out.padded(encoder.encode(`${n.name}\0`));
  for (const property of n.properties) {
    out.word(PROPERTY);
    out.word(property.value.length);
    out.word(names.offset(property.name));
    out.padded(property.value);
  }
  for (const child of n.children) writeNode(out, names, child);
  out.word(END_NODE);
}

/** Big-endian words and padded bytes, growing. */
class Words {
  readonly #out: number[] = [];

  get length(): number {
    return this.#out.length;
  }

  word(value: number): void {
    this.#out.push(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
  }

  padded(value: Uint8Array): void {
    for (const byte of value) this.#out.push(byte);
    while (this.#out.length % 4 !== 0) this.#out.push(0);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out);
  }
}

/** The strings block: each property name once. */
class Names {
  readonly #offsets = new Map<string, number>();
  #text = "";

  offset(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const at = this.#text.length;
    this.#offsets.set(name, at);
    this.#text += `${name}\0`;
    return at;
  }

  bytes(): Uint8Array {
    return encoder.encode(this.#text);
  }
}
