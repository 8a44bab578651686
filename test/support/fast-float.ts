// The floating-point fast path alone in a module, beside the soft float's answer for each of its functions.

import * as float from "../../emulator/float/index.ts";
import { RNE, RTZ, box, unbox, type Flags, type Precision } from "../../emulator/float/index.ts";
import { floatFunctions, type FloatName } from "../../emulator/engine/float/functions.ts";
import { I32, I64, call, encodeModule, i32, i64, leave } from "../../emulator/engine/wasm/encoder.ts";

type Fast = (...registers: bigint[]) => bigint;
const FFLAGS = 0x40;

/** What the soft float says: a function of registers, rounding as the fast path does. */
export type Soft = (flags: Flags, ...registers: bigint[]) => bigint;

const BINARY = { fadd: float.add, fsub: float.sub, fmul: float.mul, fdiv: float.div } as const;
const PICKS = { fmin: float.min, fmax: float.max } as const;
const COMPARISONS = { feq: float.eq, flt: float.lt, fle: float.le } as const;
const INTEGERS = { w: [32, true], wu: [32, false], l: [64, true], lu: [64, false] } as const;

/** The soft float's meaning of each function. */
export function softFunctions(): Map<FloatName, Soft> {
  const out = new Map<FloatName, Soft>();
  for (const p of ["s", "d"] as const) {
    const [up, down] = p === "s" ? [unbox, box] : [(x: bigint) => x, (x: bigint) => x];
    const names = <T extends object>(table: T): (keyof T & string)[] => Object.keys(table) as (keyof T & string)[];
    for (const name of names(BINARY)) out.set(`${name}.${p}`, (f, a, b) => down(BINARY[name](p, up(a!), up(b!), RNE, f)));
    for (const name of names(PICKS)) out.set(`${name}.${p}`, (f, a, b) => down(PICKS[name](p, up(a!), up(b!), f)));
    for (const name of names(COMPARISONS)) out.set(`${name}.${p}`, (f, a, b) => (COMPARISONS[name](p, up(a!), up(b!), f) ? 1n : 0n));
    out.set(`fsqrt.${p}`, (f, a) => down(float.sqrt(p, up(a!), RNE, f)));
    out.set(`fmadd.${p}`, (f, a, b, c) => down(float.fma(p, up(a!), up(b!), up(c!), RNE, f)));
    for (const name of names(INTEGERS)) {
      const [width, signed] = INTEGERS[name];
      out.set(`fcvt.${name}.${p}`, (f, a) => float.toInteger(p, up(a!), width, signed, RTZ, f));
      out.set(`fcvt.${p}.${name}`, (f, a) => down(float.fromInteger(p, a!, width, signed, RNE, f)));
    }
  }
  out.set("fcvt.d.s", (f, a) => float.convert("s", "d", unbox(a!), RNE, f));
  out.set("fcvt.s.d", (f, a) => box(float.convert("d", "s", a!, RNE, f)));
  return out;
}

/** The precision of an operand register, or "x" for an integer. */
export function operandKind(name: FloatName): Precision | "x" {
  const last = name.split(".").at(-1)!;
  return last === "s" || last === "d" ? last : "x";
}

/** The fast functions of one module; `slow` collects the names of those that went to the soft float. */
export class FastFloat {
  readonly names: readonly FloatName[];
  readonly parameters = new Map<FloatName, number>();
  readonly soft = softFunctions();
  /** How often the soft float was needed. */
  slow = 0;
  private readonly exports: Record<string, Fast>;
  private readonly words: Uint32Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    this.words = new Uint32Array(memory.buffer);
    const order = [...this.soft.keys()];
    const functions = floatFunctions({ fflags: FFLAGS }, (name, args) =>
      call(0, i32.const(order.indexOf(name)), ...args, ...Array.from({ length: 3 - args.length }, () => i64.const(0))));
    const module = new WebAssembly.Module(encodeModule({
      imports: [{ name: "slow", parameters: [I32, I64, I64, I64], results: [I64] }], memoryPages: 1,
      name: "first", signature: { parameters: [], results: [I32] }, locals: [], body: leave(i32.const(0)), others: functions,
    }));
    const slow = (index: number, a: bigint, b: bigint, c: bigint): bigint => {
      this.slow++;
      const flags = { raised: 0 };
      const [x, y, z] = [a, b, c].map((v) => BigInt.asUintN(64, v)) as [bigint, bigint, bigint];
      const result = this.soft.get(order[index]!)!(flags, x, y, z);
      this.words[FFLAGS / 4]! |= flags.raised;
      return BigInt.asIntN(64, result);
    };
    this.exports = new WebAssembly.Instance(module, { env: { memory, slow } }).exports as Record<string, Fast>;
    this.names = functions.map((f) => f.name);
    for (const f of functions) this.parameters.set(f.name, f.signature.parameters.length);
  }

  get fflags(): number {
    return this.words[FFLAGS / 4]!;
  }

  set fflags(v: number) {
    this.words[FFLAGS / 4] = v;
  }

  /** Result of a function, unsigned. */
  run(name: FloatName, ...registers: bigint[]): bigint {
    return BigInt.asUintN(64, this.exports[name]!(...registers));
  }
}
