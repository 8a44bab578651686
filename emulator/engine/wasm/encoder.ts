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
  if (typeof value === "number" && value === (value | 0)) {
    for (let v = value; ; v >>= 7) {
      if (v >= -64 && v < 64) {
        out.push(v & 127);
        return out;
      }
      out.push((v & 127) | 128);
    }
  }
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
  wrap: unary(0xa7), truncF64s: unary(0xaa), truncF64u: unary(0xab), reinterpret: unary(0xbc),
  load: read(0x28), load16u: read(0x2f), store: write(0x36),
} as const;

export const i64 = {
  const: (v: number | bigint): Code => [0x42, ...signed(typeof v === "number" && v === (v | 0) ? v : BigInt.asIntN(64, BigInt(v)))],
  eqz: unary(0x50), eq: binary(0x51), ne: binary(0x52), lts: binary(0x53), ltu: binary(0x54), ges: binary(0x59), geu: binary(0x5a),
  add: binary(0x7c), sub: binary(0x7d), mul: binary(0x7e), divs: binary(0x7f), divu: binary(0x80), rems: binary(0x81), remu: binary(0x82),
  and: binary(0x83), or: binary(0x84), xor: binary(0x85), shl: binary(0x86), shrs: binary(0x87), shru: binary(0x88),
  clz: unary(0x79), ctz: unary(0x7a),
  extend32s: unary(0xac), extend32u: unary(0xad), truncF64s: unary(0xb0), truncF64u: unary(0xb1), reinterpret: unary(0xbd),
  load: read(0x29), load8s: read(0x30), load8u: read(0x31), load16s: read(0x32), load16u: read(0x33), load32s: read(0x34), load32u: read(0x35),
  store: write(0x37), store8: write(0x3c), store16: write(0x3d), store32: write(0x3e),
} as const;

/** The bytes of a floating-point constant. */
const floatBytes = (array: Float32Array | Float64Array): number[] => [...new Uint8Array(array.buffer)];

export const f32 = {
  const: (v: number): Code => [0x43, ...floatBytes(new Float32Array([v]))],
  eq: binary(0x5b), ne: binary(0x5c), lt: binary(0x5d), gt: binary(0x5e), le: binary(0x5f), ge: binary(0x60),
  abs: unary(0x8b), sqrt: unary(0x91), add: binary(0x92), sub: binary(0x93), mul: binary(0x94), div: binary(0x95),
  min: binary(0x96), max: binary(0x97),
  convert32s: unary(0xb2), convert32u: unary(0xb3), convert64s: unary(0xb4), convert64u: unary(0xb5),
  demote: unary(0xb6), reinterpret: unary(0xbe),
} as const;

export const f64 = {
  const: (v: number): Code => [0x44, ...floatBytes(new Float64Array([v]))],
  eq: binary(0x61), ne: binary(0x62), lt: binary(0x63), gt: binary(0x64), le: binary(0x65), ge: binary(0x66),
  abs: unary(0x99), trunc: unary(0x9d), sqrt: unary(0x9f), add: binary(0xa0), sub: binary(0xa1), mul: binary(0xa2), div: binary(0xa3),
  min: binary(0xa4), max: binary(0xa5),
  convert32s: unary(0xb7), convert32u: unary(0xb8), convert64s: unary(0xb9), convert64u: unary(0xba),
  promote: unary(0xbb), reinterpret: unary(0xbf),
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
/** Leave the function with what is on the stack. */
export const leave = (v: Code = []): Code => [...v, 0x0f];

/** br_table over 0 … n − 1, each to the block of the same depth; the last also for what is out of range. */
export const brTable = (index: Code, n: number): Code => {
  const targets: number[] = [];
  for (let i = 0; i < n; i++) targets.push(...unsigned(i));
  return [...index, 0x0e, ...unsigned(n - 1), ...targets];
};

/** `head` within a block for each of `bodies`: a branch out of i blocks gets to body i, which stands outside block i. */
export function cases(head: Code, bodies: readonly Code[]): Code {
  const out: number[] = [];
  for (let i = 0; i < bodies.length; i++) out.push(0x02, VOID);
  for (const byte of head) out.push(byte);
  for (const body of bodies) {
    out.push(0x0b);
    for (const byte of body) out.push(byte);
  }
  return out;
}

export interface Signature {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export interface ImportedFunction extends Signature {
  readonly name: string;
}

/** A function that a module defines, and exports under its name. */
export interface DefinedFunction {
  readonly name: string;
  readonly signature: Signature;
  /** Types of the locals after the parameters. */
  readonly locals: readonly number[];
  readonly body: Code;
}

/**
 * A module that imports functions and a memory from "env" and exports a function, and others that it may call. Indices
 * for `call`: the imports from 0 on, then the function, then the others.
 */
export interface ModuleParts extends DefinedFunction {
  readonly imports: readonly ImportedFunction[];
  readonly memoryPages: number;
  readonly others?: readonly DefinedFunction[];
}

const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, content: Code): number[] => [id, ...unsigned(content.length), ...content];
const text = (s: string): number[] => vector([...new TextEncoder().encode(s)].map((b) => [b]));

/** The bytes of a module. */
export function encodeModule(m: ModuleParts): Uint8Array<ArrayBuffer> {
  const functions: readonly DefinedFunction[] = [m, ...(m.others ?? [])];
  const signatures = [...m.imports, ...functions.map((f) => f.signature)];
  const types = signatures.map((s) => [0x60, ...vector(s.parameters.map((t) => [t])), ...vector(s.results.map((t) => [t]))]);
  const imports = m.imports.map((f, i) => [...text("env"), ...text(f.name), 0x00, ...unsigned(i)]);
  const memory = [...text("env"), ...text("memory"), 0x02, 0x01, ...unsigned(m.memoryPages), ...unsigned(m.memoryPages)];
  const index = (i: number): number[] => unsigned(m.imports.length + i);
  const code = functions.map((f) => {
    const bytes = [...vector(f.locals.map((t) => [1, t])), ...f.body, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  });
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, vector(types)),
    ...section(2, vector([...imports, memory])),
    ...section(3, vector(functions.map((_, i) => index(i)))),
    ...section(7, vector(functions.map((f, i) => [...text(f.name), 0x00, ...index(i)]))),
    ...section(10, vector(code)),
  ]);
}
