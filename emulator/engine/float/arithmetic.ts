// Addition, subtraction, multiplication, division and square root with the host's own arithmetic, to nearest, and
// whether they were exact. Where the result is not safely a normal number (or an exact zero), the soft float decides.

import type { Precision } from "../../float/index.ts";
import { I64, f64, i32, i64, ifElse, type Code } from "../wasm/encoder.ts";
import { Body, FLOAT, inRange, native, sumError, type FloatFunction, type FloatPlace, type Slow } from "./body.ts";

/**
 * Results of this range are normal and were not rounded into it from outside: no overflow, and no number that rounding
 * made the least normal one.
 */
export const NORMAL = { s: [2 ** -125, Infinity], d: [2 ** -1021, Infinity] } as const;
/** Below this, no step of an addition's error can overflow. */
const SUM_LIMIT = { s: 2 ** 127, d: 2 ** 1023 } as const;

/** fadd and fsub. A sum never underflows inexactly, so that only overflow and what is not finite is left to the soft float. */
export function sum(name: "fadd" | "fsub", p: Precision, place: FloatPlace, slow: Slow): FloatFunction {
  const body = new Body(`${name}.${p}`, 2, place, slow);
  const n = native[p];
  const [a, b] = body.operands(p, 2) as [Code, Code];
  const result = body.let(FLOAT[p], name === "fadd" ? n.add(a, b) : n.sub(a, b));
  const error = (): Code => {
    if (name === "fadd") return sumError(body, p, a, b, result);
    const minus = body.let(FLOAT[p], n.sub(a, result)); // TwoSum of a and −b
    return body.let(FLOAT[p], n.sub(n.sub(a, n.add(result, minus)), n.sub(b, minus)));
  };
  const inexact = body.inexactIf(() => n.ne(error(), n.const(0)));
  body.emit(ifElse(n.lt(n.abs(result), n.const(SUM_LIMIT[p])), [...inexact, ...body.leaveWith(p, result)]));
  return body.finish();
}

/** fmul, fdiv and fsqrt: the native result; if it is normal, NX as `exactness` says; an exact zero as it is. */
export function scaled(name: "fmul" | "fdiv" | "fsqrt", p: Precision, place: FloatPlace, slow: Slow): FloatFunction {
  const body = new Body(`${name}.${p}`, name === "fsqrt" ? 1 : 2, place, slow);
  const n = native[p];
  const [a, b = []] = body.operands(p, name === "fsqrt" ? 1 : 2) as [Code, Code?];
  const result = body.let(FLOAT[p], name === "fmul" ? n.mul(a, b) : name === "fdiv" ? n.div(a, b) : n.sqrt(a));
  const inexact = body.inexactIf(() => (p === "s" ? inexactSingle(name, a, b, result) : inexactDouble(body, name, result)));
  body.emit(ifElse(inRange(p, result, ...NORMAL[p]), [...inexact, ...body.leaveWith(p, result)]));
  // A zero that comes from a zero. (Of zero and infinity it would be a NaN, and no zero comes of two that are not.)
  const isZero = (x: Code): Code => n.eq(x, n.const(0));
  const fromZero = name === "fmul" ? i32.or(isZero(a), isZero(b)) : isZero(a);
  body.emit(ifElse(i32.and(isZero(result), fromZero), body.leaveWith(p, result)));
  return body.finish();
}

/** Of singles the product of two has at most 48 bits: a double holds it exactly. */
function inexactSingle(name: "fmul" | "fdiv" | "fsqrt", a: Code, b: Code, result: Code): Code {
  const wide = f64.promote;
  if (name === "fmul") return f64.ne(f64.mul(wide(a), wide(b)), wide(result));
  if (name === "fdiv") return f64.ne(f64.mul(wide(result), wide(b)), wide(a));
  return f64.ne(f64.mul(wide(result), wide(result)), wide(a));
}

const BIASED = 0x7ff; // mask of a biased exponent
const IMPLIED = 1n << 52n;

/** Exponent field and significand of a double, of which `subnormal` is non-zero if it is none that has a leading one. */
function parts(body: Body, bits: Code): { exponent: Code; significand: Code; subnormal: Code } {
  const exponent = body.let(I64, i64.and(i64.shru(bits, i64.const(52)), i64.const(BIASED)));
  const significand = body.let(I64, i64.or(i64.and(bits, i64.const(IMPLIED - 1n)), i64.const(IMPLIED)));
  return { exponent, significand, subnormal: i64.eqz(exponent) };
}

/**
 * Significands multiplied modulo 2^64. That is enough: the products have 106 bits, but of a product only the bits that
 * rounding took away matter (52 or 53 low ones), and of a quotient or a root the remainder is known to be below 2^54.
 */
function inexactDouble(body: Body, name: "fmul" | "fdiv" | "fsqrt", result: Code): Code {
  const x = parts(body, body.register(0));
  const r = parts(body, i64.reinterpret(result));
  if (name === "fsqrt") {
    body.emit(ifElse(x.subnormal, body.leaveSlow()));
    const up = i64.sub(i64.add(x.exponent, i64.const(1075)), i64.shl(r.exponent, i64.const(1)));
    return i64.ne(i64.mul(r.significand, r.significand), i64.shl(x.significand, up));
  }
  const y = parts(body, body.register(1));
  body.emit(ifElse(i32.or(x.subnormal, y.subnormal), body.leaveSlow()));
  if (name === "fdiv") {
    const up = i64.sub(i64.add(x.exponent, i64.const(1075)), i64.add(r.exponent, y.exponent));
    return i64.ne(i64.mul(r.significand, y.significand), i64.shl(x.significand, up));
  }
  // 12 − (1 if the product of significands is 2 or more): what is shifted out is what was kept.
  const kept = i64.sub(i64.add(i64.add(x.exponent, y.exponent), i64.const(12 - 1023)), r.exponent);
  return i64.ne(i64.shl(i64.mul(x.significand, y.significand), kept), i64.const(0));
}

/** Arithmetic with two operands or one, of one precision. */
export function arithmetic(p: Precision, place: FloatPlace, slow: Slow): FloatFunction[] {
  return [sum("fadd", p, place, slow), sum("fsub", p, place, slow), ...(["fmul", "fdiv", "fsqrt"] as const).map((name) => scaled(name, p, place, slow))];
}
