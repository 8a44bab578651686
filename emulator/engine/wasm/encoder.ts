// The WebAssembly byte encoder: expressions are arrays of bytes, a module is put together from sections
// (WebAssembly Core Specification, "Binary Format").

/** Encoded instructions. */
export type Code = readonly number[];

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
const VOID = 0x40;

/** Unsigned LEB128. */
export function unsigned(n: number): number[] {
  const out: number[] = [];
  let v = n >>> 0;
  do {
    const byte = v & 127;
    v >>>= 7;
    out.push(v === 0 ? byte : byte | 128);
  } while (v !== 0);
  return out;
}

/** Signed LEB128. */
export function signed(value: number | bigint): number[] {
  const out: number[] = [];
  for (let v = BigInt(value); ; ) {
    const byte = Number(v & 127n);
    v >>= 7n;
    if ((v === 0n && (byte & 64) === 0) || (v === -1n && (byte & 64) !== 0)) return [...out, byte];
    out.push(byte | 128);
  }
}

const binary = (op: number) => (a: Code, b: Code): Code => [...a, ...b, op];
const unary = (op: number) => (a: Code): Code => [...a, op];
const read = (op: number) => (address: Code, offset = 0): Code => [...address, op, 0, ...unsigned(offset)];
const write = (op: number) => (address: Code, value: Code, offset = 0): Code => [...address, ...value, op, 0, ...unsigned(offset)];

export const i32 = {
  const: (v: number): Code => [0x41, ...signed(v | 0)],
  eqz: unary(0x45), eq: binary(0x46), ne: binary(0x47), lts: binary(0x48), ltu: binary(0x49), gtu: binary(0x4b), geu: binary(0x4f),
  add: binary(0x6a), sub: binary(0x6b), mul: binary(0x6c), and: binary(0x71), or: binary(0x72), xor: binary(0x73),
  shl: binary(0x74), shrs: binary(0x75), shru: binary(0x76),
  wrap: unary(0xa7),
  load: read(0x28), load16u: read(0x2f), store: write(0x36),
} as const;

export const i64 = {
  const: (v: number | bigint): Code => [0x42, ...signed(BigInt.asIntN(64, BigInt(v)))],
  eqz: unary(0x50), eq: binary(0x51), ne: binary(0x52), lts: binary(0x53), ltu: binary(0x54), ges: binary(0x59), geu: binary(0x5a),
  add: binary(0x7c), sub: binary(0x7d), mul: binary(0x7e), divs: binary(0x7f), divu: binary(0x80), rems: binary(0x81), remu: binary(0x82),
  and: binary(0x83), or: binary(0x84), xor: binary(0x85), shl: binary(0x86), shrs: binary(0x87), shru: binary(0x88),
  extend32s: unary(0xac), extend32u: unary(0xad),
  load: read(0x29), load8s: read(0x30), load8u: read(0x31), load16s: read(0x32), load16u: read(0x33), load32s: read(0x34), load32u: read(0x35),
  store: write(0x37), store8: write(0x3c), store16: write(0x3d), store32: write(0x3e),
} as const;

export const local = {
  get: (i: number): Code => [0x20, ...unsigned(i)],
  set: (i: number, v: Code): Code => [...v, 0x21, ...unsigned(i)],
  tee: (i: number, v: Code): Code => [...v, 0x22, ...unsigned(i)],
} as const;

export const drop = (v: Code): Code => [...v, 0x1a];
export const select = (a: Code, b: Code, condition: Code): Code => [...a, ...b, ...condition, 0x1b];
export const block = (body: Code, type = VOID): Code => [0x02, type, ...body, 0x0b];
export const loop = (body: Code): Code => [0x03, VOID, ...body, 0x0b];
export const ifElse = (condition: Code, yes: Code, no: Code = [], type = VOID): Code =>
  [...condition, 0x04, type, ...yes, ...(no.length > 0 ? [0x05, ...no] : []), 0x0b];
export const br = (depth: number): Code => [0x0c, ...unsigned(depth)];
export const brIf = (condition: Code, depth: number): Code => [...condition, 0x0d, ...unsigned(depth)];
export const call = (fn: number, ...args: Code[]): Code => [...args.flat(), 0x10, ...unsigned(fn)];
export const unreachable: Code = [0x00];

/** br_table over 0 … n − 1, each to the block of the same depth; the last also for what is out of range. */
export const brTable = (index: Code, n: number): Code => {
  const targets: number[] = [];
  for (let i = 0; i < n; i++) targets.push(...unsigned(i));
  return [...index, 0x0e, ...unsigned(n - 1), ...targets];
};

export interface Signature {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export interface ImportedFunction extends Signature {
  readonly name: string;
}

/** A module that imports functions and a memory from "env" and exports one function. */
export interface ModuleParts {
  readonly imports: readonly ImportedFunction[];
  readonly memoryPages: number;
  readonly name: string;
  readonly signature: Signature;
  /** Types of the locals after the parameters. */
  readonly locals: readonly number[];
  readonly body: Code;
}

const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, content: Code): number[] => [id, ...unsigned(content.length), ...content];
const text = (s: string): number[] => vector([...new TextEncoder().encode(s)].map((b) => [b]));

/** The bytes of a module. */
export function encodeModule(m: ModuleParts): Uint8Array<ArrayBuffer> {
  const types = [...m.imports, m.signature].map((s) => [0x60, ...vector(s.parameters.map((t) => [t])), ...vector(s.results.map((t) => [t]))]);
  const imports = m.imports.map((f, i) => [...text("env"), ...text(f.name), 0x00, ...unsigned(i)]);
  const memory = [...text("env"), ...text("memory"), 0x02, 0x01, ...unsigned(m.memoryPages), ...unsigned(m.memoryPages)];
  const code = [...vector(m.locals.map((t) => [1, t])), ...m.body, 0x0b];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, vector(types)),
    ...section(2, vector([...imports, memory])),
    ...section(3, vector([unsigned(m.imports.length)])),
    ...section(7, vector([[...text(m.name), 0x00, ...unsigned(m.imports.length)]])),
    ...section(10, vector([[...unsigned(code.length), ...code]])),
  ]);
}
