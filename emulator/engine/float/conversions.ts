// Comparisons and conversions with the host's own arithmetic. NaNs and what is out of range go to the soft float.

import type { Precision } from "../../float/index.ts";
import { F32, F64, I64, f32, f64, i32, i64, ifElse, leave, type Code } from "../wasm/encoder.ts";
import { NORMAL } from "./arithmetic.ts";
import { Body, inRange, native, type FloatFunction, type FloatPlace, type Slow } from "./body.ts";
import { INTEGERS, type Integer } from "./names.ts";

/** feq, flt, fle, fmin and fmax of two numbers. WebAssembly's min and max order the zeros as the manual does. */
export function comparisons(p: Precision, place: FloatPlace, slow: Slow): FloatFunction[] {
  const n = native[p];
  return (["feq", "flt", "fle", "fmin", "fmax"] as const).map((name) => {
    const body = new Body(`${name}.${p}`, 2, place, slow);
    const [a, b] = body.operands(p, 2) as [Code, Code];
    const truth = { feq: n.eq, flt: n.lt, fle: n.le };
    const result = name === "fmin" ? body.leaveWith(p, n.min(a, b)) : name === "fmax" ? body.leaveWith(p, n.max(a, b)) : leave(i64.extend32u(truth[name](a, b)));
    body.emit(ifElse(i32.and(n.eq(a, a), n.eq(b, b)), result));
    return body.finish();
  });
}

/** What truncates into an integer type: more than `above`, less than `below`. (The first double above −2^63 − 1 is −2^63.) */
const TRUNCATES: Readonly<Record<Integer, { above: number; orAt: boolean; below: number }>> = {
  w: { above: -(2 ** 31) - 1, orAt: false, below: 2 ** 31 },
  wu: { above: -1, orAt: false, below: 2 ** 32 },
  l: { above: -(2 ** 63), orAt: true, below: 2 ** 63 },
  lu: { above: -1, orAt: false, below: 2 ** 64 },
};

/** fcvt to an integer, rounding towards zero as C's casts do. */
function toInteger(p: Precision, to: Integer, place: FloatPlace, slow: Slow): FloatFunction {
  const body = new Body(`fcvt.${to}.${p}`, 1, place, slow);
  const [x] = body.operands(p, 1) as [Code];
  const a = p === "d" ? x : body.let(F64, f64.promote(x));
  const { above, orAt, below } = TRUNCATES[to];
  const result = {
    w: i64.extend32s(i32.truncF64s(a)), wu: i64.extend32s(i32.truncF64u(a)), l: i64.truncF64s(a), lu: i64.truncF64u(a),
  }[to];
  const inexact = body.inexactIf(() => f64.ne(f64.trunc(a), a));
  const fits = i32.and((orAt ? f64.ge : f64.gt)(a, f64.const(above)), f64.lt(a, f64.const(below)));
  body.emit(ifElse(fits, [...inexact, ...leave(result)]));
  return body.finish();
}

/** fcvt from an integer, to nearest. It is inexact if from its first to its last one there are too many bits. */
function fromInteger(p: Precision, from: Integer, place: FloatPlace, slow: Slow): FloatFunction {
  const body = new Body(`fcvt.${p}.${from}`, 1, place, slow);
  const n = native[p];
  const x = body.register(0);
  const word = i32.wrap(x);
  const number = { w: n.convert32s(word), wu: n.convert32u(word), l: n.convert64s(x), lu: n.convert64u(x) }[from];
  if (p === "s" || from === "l" || from === "lu") {
    body.emit(body.inexactIf(() => {
      const value = { w: i64.extend32s(word), wu: i64.extend32u(word), l: x, lu: x }[from];
      const sign = body.let(I64, from.endsWith("u") ? i64.const(0) : i64.shrs(value, i64.const(63)));
      const magnitude = body.let(I64, i64.sub(i64.xor(value, sign), sign));
      const outside = body.let(I64, i64.add(i64.clz(magnitude), i64.ctz(magnitude)));
      return i64.ltu(outside, i64.const(p === "s" ? 64 - 24 : 64 - 53));
    }));
  }
  body.emit(body.leaveWith(p, number));
  return body.finish();
}

/** fcvt.d.s is exact; fcvt.s.d to nearest. */
function between(place: FloatPlace, slow: Slow): FloatFunction[] {
  const widen = new Body("fcvt.d.s", 1, place, slow);
  const [single] = widen.operands("s", 1) as [Code];
  widen.emit(ifElse(f32.eq(single, single), widen.leaveWith("d", f64.promote(single))));
  const narrow = new Body("fcvt.s.d", 1, place, slow);
  const [double] = narrow.operands("d", 1) as [Code];
  const result = narrow.let(F32, f32.demote(double));
  const inexact = narrow.inexactIf(() => f64.ne(f64.promote(result), double));
  narrow.emit(ifElse(inRange("s", result, ...NORMAL.s), [...inexact, ...narrow.leaveWith("s", result)]));
  narrow.emit(ifElse(f64.eq(double, f64.const(0)), narrow.leaveWith("s", result)));
  return [widen.finish(), narrow.finish()];
}

/** All conversions. */
export function conversions(place: FloatPlace, slow: Slow): FloatFunction[] {
  const integers = (["s", "d"] as const).flatMap((p) => INTEGERS.flatMap((i) => [toInteger(p, i, place, slow), fromInteger(p, i, place, slow)]));
  return [...integers, ...between(place, slow)];
}
