// The fast path of F and D: WebAssembly functions that compute with the host's own floating point where that is exactly
// what RISC-V asks for, find the inexact flag themselves, and leave the rare rest to the soft float (emulator/float).
//
// Each takes and gives raw register values as i64: NaN-boxed singles, doubles, integers; feq, flt and fle give 0 or 1.
// They are right for rounding to nearest, ties to even (RNE); the fcvt to integers for rounding towards zero (RTZ), as C
// casts; comparisons, fmin, fmax, fcvt.d.s, fcvt.d.w and fcvt.d.wu do not round. Under any other rounding mode the caller
// goes to the soft float itself. fmsub, fnmsub and fnmadd are fmadd with the sign bit of operands flipped (bit 31 of a single).
//
// The only flag that they raise themselves is NX; it is not looked for while it is set. WebAssembly gives NaNs any
// payload, but no NaN leaves the fast path, so that runs stay equal to the last bit on every host.

import { arithmetic } from "./arithmetic.ts";
import type { FloatFunction, FloatPlace, Slow } from "./body.ts";
import { comparisons, conversions } from "./conversions.ts";
import { fused } from "./fused.ts";

export type { FloatFunction, FloatPlace, Slow } from "./body.ts";
export type { FloatName } from "./names.ts";

/**
 * All functions, to be given to `encodeModule` as `others`. Function i then has index imports + 1 + i for `call`.
 * `slow(name, args)` emits the way out: code that has the soft float do operation `name` on the registers `args`, in the
 * rounding mode above, ors the flags it raised into the word at `place.fflags`, and leaves the i64 result on the stack.
 */
export function floatFunctions(place: FloatPlace, slow: Slow): FloatFunction[] {
  return [
    ...(["s", "d"] as const).flatMap((p) => [...arithmetic(p, place, slow), fused(p, place, slow), ...comparisons(p, place, slow)]),
    ...conversions(place, slow),
  ];
}
