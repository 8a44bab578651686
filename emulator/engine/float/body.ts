// Writing one function of the floating-point fast path: its locals, its operands, the way out to the soft float.

import { NX, type Precision } from "../../float/index.ts";
import { F32, F64, I64, f32, f64, i32, i64, ifElse, leave, local, type Code, type DefinedFunction } from "../wasm/encoder.ts";
import type { FloatName } from "./names.ts";

/** Where the emitted functions find the hart's state. */
export interface FloatPlace {
  /** Address in wasm memory of the 32-bit word that accrues fflags. */
  readonly fflags: number;
}

/** Emits the call that does an operation in software: it yields the i64 result and has raised the flags in memory. */
export type Slow = (name: FloatName, args: readonly Code[]) => Code;

/** One function of the fast path. */
export interface FloatFunction extends DefinedFunction {
  readonly name: FloatName;
}

const BOX = -0x100000000; // the upper half of a NaN-boxed register
const ZERO = i32.const(0);

/** Native arithmetic of a precision. */
export const native = { s: f32, d: f64 } as const;
export const FLOAT = { s: F32, d: F64 } as const;

/** The code of one function on i64 parameters, all of them raw register values. */
export class Body {
  private readonly name: FloatName;
  private readonly parameters: number;
  private readonly place: FloatPlace;
  private readonly slow: Slow;
  private readonly locals: number[] = [];
  private readonly code: number[] = [];

  constructor(name: FloatName, parameters: number, place: FloatPlace, slow: Slow) {
    this.name = name;
    this.parameters = parameters;
    this.place = place;
    this.slow = slow;
  }

  emit(...parts: Code[]): void {
    for (const p of parts) this.code.push(...p);
  }

  /** A new local of a type; its index. */
  variable(type: number): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** Compute now, use as often as wanted. */
  let(type: number, value: Code): Code {
    const n = this.variable(type);
    this.emit(local.set(n, value));
    return local.get(n);
  }

  /** Parameter i as it stands in its register. */
  register(i: number): Code {
    return local.get(i);
  }

  /** The first `count` parameters as numbers; leaves for the soft float if a single one is not NaN-boxed. */
  operands(p: Precision, count: number): Code[] {
    const registers = Array.from({ length: count }, (_, i) => local.get(i));
    if (p === "d") return registers.map((r) => this.let(F64, f64.reinterpret(r)));
    this.emit(ifElse(i64.ltu(registers.reduce((x, y) => i64.and(x, y)), i64.const(BOX)), this.leaveSlow()));
    return registers.map((r) => this.let(F32, f32.reinterpret(i32.wrap(r))));
  }

  /** Return what the soft float gives. */
  leaveSlow(): Code {
    return leave(this.slow(this.name, Array.from({ length: this.parameters }, (_, i) => local.get(i))));
  }

  /** Return a number as it stands in a register. */
  leaveWith(p: Precision, number: Code): Code {
    return leave(p === "d" ? i64.reinterpret(number) : i64.or(i64.extend32u(i32.reinterpret(number)), i64.const(BOX)));
  }

  /** Whether NX has not been raised: only then is it worth finding out. */
  nxIsClear(): Code {
    return i32.eqz(i32.and(i32.load(ZERO, this.place.fflags), i32.const(NX)));
  }

  /** Code that raises NX, run while it is clear, if the condition holds that `find` emits code for and yields. */
  inexactIf(find: () => Code): Code {
    const raise = i32.store(ZERO, i32.or(i32.load(ZERO, this.place.fflags), i32.const(NX)), this.place.fflags);
    return ifElse(this.nxIsClear(), this.apart(() => this.emit(ifElse(find(), raise))));
  }

  /** What `inner` emits, apart, to stand in a branch. */
  apart(inner: () => void): Code {
    const before = this.code.splice(0);
    inner();
    const code = this.code.splice(0);
    this.emit(before);
    return code;
  }

  /** The function; what falls off its end goes to the soft float. */
  finish(): FloatFunction {
    const parameters = Array.from({ length: this.parameters }, () => I64);
    return { name: this.name, signature: { parameters, results: [I64] }, locals: this.locals, body: [...this.code, ...this.leaveSlow()] };
  }
}

/** Whether a number's magnitude lies in low ≤ … < high (both positive). NaN does not. */
export function inRange(p: Precision, number: Code, low: number, high: number): Code {
  const doubled = (x: number): bigint => {
    const bits = p === "d" ? new BigUint64Array(new Float64Array([x]).buffer)[0]! : BigInt(new Uint32Array(new Float32Array([x]).buffer)[0]!);
    return bits * 2n;
  };
  const span = doubled(high) - doubled(low);
  if (p === "d") return i64.ltu(i64.sub(i64.shl(i64.reinterpret(number), i64.const(1)), i64.const(doubled(low))), i64.const(span));
  return i32.ltu(i32.sub(i32.shl(i32.reinterpret(number), i32.const(1)), i32.const(Number(doubled(low)))), i32.const(Number(span)));
}

/** The exact error of sum = a + b (Knuth's TwoSum): a + b is sum + error. Nothing may overflow. */
export function sumError(body: Body, p: Precision, a: Code, b: Code, sum: Code): Code {
  const n = native[p];
  const fromB = body.let(FLOAT[p], n.sub(sum, a));
  return body.let(FLOAT[p], n.add(n.sub(a, n.sub(sum, fromB)), n.sub(b, fromB)));
}
