// Fused multiply-add to nearest without a native one. The exact value is carried as an unevaluated sum and rounded to
// odd before the last rounding, so that rounding twice gives what rounding once would (S. Boldo, G. Melquiond,
// "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd").

import type { Precision } from "../../float/index.ts";
import { F32, F64, I64, f32, f64, i32, i64, ifElse, local, type Code } from "../wasm/encoder.ts";
import { NORMAL } from "./arithmetic.ts";
import { Body, inRange, sumError, type FloatFunction, type FloatPlace, type Slow } from "./body.ts";

/** Products whose error term is a double too, with room for sums; and results such that no sum on the way overflowed. */
const PRODUCT = [2 ** -960, 2 ** 1000] as const;
const RESULT = [2 ** -1000, 2 ** 1020] as const;

export function fused(p: Precision, place: FloatPlace, slow: Slow): FloatFunction {
  const body = new Body(`fmadd.${p}`, 3, place, slow);
  if (p === "s") single(body);
  else double(body);
  return body.finish();
}

/** The product is exact as a double; the sum, rounded to odd as a double, rounds to the right single. */
function single(body: Body): void {
  const [a, b, c] = body.operands("s", 3).map((x) => body.let(F64, f64.promote(x))) as [Code, Code, Code];
  const product = body.let(F64, f64.mul(a, b));
  const nearest = body.let(F64, f64.add(product, c));
  const odd = roundToOdd(body, nearest, sumError(body, "d", product, c, nearest));
  const result = body.let(F32, f32.demote(odd));
  // A sum that was inexact is odd, and has more bits than a single.
  const inexact = body.inexactIf(() => f64.ne(f64.promote(result), odd));
  body.emit(ifElse(inRange("s", result, ...NORMAL.s), [...inexact, ...body.leaveWith("s", result)]));
  body.emit(ifElse(f64.eq(odd, f64.const(0)), body.leaveWith("s", result)));
}

function double(body: Body): void {
  const [a, b, c] = body.operands("d", 3) as [Code, Code, Code];
  const product = body.let(F64, f64.mul(a, b));
  const fast = body.apart(() => {
    const low = productError(body, a, b, product);
    body.emit(ifElse(body.nxIsClear(), [], body.apart(() => likely(body, product, low, c))));
    // product + low + c = high + rest + small
    const cLow = body.let(F64, f64.add(c, low));
    const small = sumError(body, "d", c, low, cLow);
    const high = body.let(F64, f64.add(product, cLow));
    const rest = sumError(body, "d", product, cLow, high);
    const tail = body.let(F64, f64.add(small, rest));
    const lost = sumError(body, "d", small, rest, tail);
    const odd = roundToOdd(body, tail, lost);
    const result = body.let(F64, f64.add(high, odd));
    const inexact = body.inexactIf(() =>
      i32.or(f64.ne(lost, f64.const(0)), f64.ne(sumError(body, "d", high, odd, result), f64.const(0))));
    const safe = i32.or(inRange("d", result, ...RESULT), f64.eq(result, f64.const(0)));
    body.emit(ifElse(safe, [...inexact, ...body.leaveWith("d", result)]));
  });
  body.emit(ifElse(inRange("d", product, ...PRODUCT), fast));
  // A product that is zero because a factor is: the sum is exact if it is a number.
  const zero = f64.const(0);
  const sum = body.let(F64, f64.add(product, c));
  const exact = i32.and(i32.or(f64.eq(a, zero), f64.eq(b, zero)), f64.lt(f64.abs(sum), f64.const(Infinity)));
  body.emit(ifElse(exact, body.leaveWith("d", sum)));
}

/**
 * Leaves with product + low + c if rounding is safe to be right and NX does not matter. With high + rest = product + c
 * exactly, rest + low is known to less than 2^−52 of itself; if both ends of that give one result, it is the result.
 */
function likely(body: Body, product: Code, low: Code, c: Code): void {
  const high = body.let(F64, f64.add(product, c));
  const tail = body.let(F64, f64.add(sumError(body, "d", product, c, high), low));
  const oneEnd = body.let(F64, f64.add(high, f64.mul(tail, f64.const(1 - 2 ** -51))));
  const other = f64.add(high, f64.mul(tail, f64.const(1 + 2 ** -51)));
  body.emit(ifElse(i32.and(f64.eq(oneEnd, other), inRange("d", oneEnd, ...RESULT)), body.leaveWith("d", oneEnd)));
}

/** A sum rounded to odd, from the nearest one and its error: if it was inexact, the neighbour whose last bit is set. */
function roundToOdd(body: Body, nearest: Code, error: Code): Code {
  const odd = body.variable(F64);
  body.emit(local.set(odd, nearest));
  const adjust = body.apart(() => {
    const bits = body.let(I64, i64.reinterpret(nearest));
    // One up in magnitude if the error has the sign of the sum, one down if not.
    const step = i64.or(i64.shrs(i64.xor(bits, i64.reinterpret(error)), i64.const(63)), i64.const(1));
    body.emit(ifElse(i32.eqz(i32.and(i32.wrap(bits), i32.const(1))), local.set(odd, f64.reinterpret(i64.add(bits, step)))));
  });
  body.emit(ifElse(f64.ne(error, f64.const(0)), adjust));
  return local.get(odd);
}

/** The exact error of product = a × b (Dekker), by halves of 26 bits. */
function productError(body: Body, a: Code, b: Code, product: Code): Code {
  const split = (x: Code): { high: Code; low: Code } => {
    const rounded = i64.and(i64.add(i64.reinterpret(x), i64.const(1 << 26)), i64.const(-(1 << 27)));
    const high = body.let(F64, f64.reinterpret(rounded));
    return { high, low: body.let(F64, f64.sub(x, high)) };
  };
  const [x, y] = [split(a), split(b)];
  const outer = f64.sub(f64.mul(x.high, y.high), product);
  const inner = f64.add(f64.add(outer, f64.mul(x.high, y.low)), f64.mul(x.low, y.high));
  return body.let(F64, f64.add(inner, f64.mul(x.low, y.low)));
}
