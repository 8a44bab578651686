// The floating-point operations of Ops, evaluated exactly: what the reference engine does, and what emitted code calls
// where it has no quicker way.

import * as soft from "../float/index.ts";
import type { Hart } from "../hart/hart.ts";
import { SLOT } from "../hart/layout.ts";
import type { FloatKind, Precision } from "../isa/ops.ts";

/** Rounding-mode field that stands for frm. */
export const DYNAMIC = 7;
/** Rounding modes beyond this one are reserved. */
export const LAST_ROUNDING_MODE = soft.RMM;
/** Where frm lies in fcsr. */
export const FRM_SHIFT = 5;

/** The rounding mode that an instruction's field names now; undefined: a reserved one. */
export function roundingMode(h: Hart, field: number): number | undefined {
  const mode = field === DYNAMIC ? h.low(SLOT.fcsr) >>> FRM_SHIFT : field;
  return mode > LAST_ROUNDING_MODE ? undefined : mode;
}

const flags: soft.Flags = { raised: 0 };

/** Carry out an operation with a rounding mode that exists; its flags accrue in the hart's fcsr. Gives 64 bits, unsigned. */
export function operate(h: Hart, kind: FloatKind, p: Precision, rm: number, a: bigint, b: bigint, c: bigint): bigint {
  flags.raised = 0;
  const result = evaluate(kind, p, rm, BigInt.asUintN(64, a), BigInt.asUintN(64, b), BigInt.asUintN(64, c));
  h.raiseFloatFlags(flags.raised);
  return BigInt.asUintN(64, result);
}

function evaluate(kind: FloatKind, p: Precision, rm: number, a: bigint, b: bigint, c: bigint): bigint {
  switch (kind) {
    case "add": return soft.add(p, a, b, rm, flags);
    case "sub": return soft.sub(p, a, b, rm, flags);
    case "mul": return soft.mul(p, a, b, rm, flags);
    case "div": return soft.div(p, a, b, rm, flags);
    case "sqrt": return soft.sqrt(p, a, rm, flags);
    case "fma": return soft.fma(p, a, b, c, rm, flags);
    case "min": return soft.min(p, a, b, flags);
    case "max": return soft.max(p, a, b, flags);
    case "eq": return soft.eq(p, a, b, flags) ? 1n : 0n;
    case "lt": return soft.lt(p, a, b, flags) ? 1n : 0n;
    case "le": return soft.le(p, a, b, flags) ? 1n : 0n;
    case "class": return BigInt(soft.classify(p, a));
    case "toW": return soft.toInteger(p, a, 32, true, rm, flags);
    case "toWu": return soft.toInteger(p, a, 32, false, rm, flags);
    case "toL": return soft.toInteger(p, a, 64, true, rm, flags);
    case "toLu": return soft.toInteger(p, a, 64, false, rm, flags);
    case "fromW": return soft.fromInteger(p, BigInt.asIntN(32, a), 32, true, rm, flags);
    case "fromWu": return soft.fromInteger(p, BigInt.asUintN(32, a), 32, false, rm, flags);
    case "fromL": return soft.fromInteger(p, BigInt.asIntN(64, a), 64, true, rm, flags);
    case "fromLu": return soft.fromInteger(p, a, 64, false, rm, flags);
    case "toOther": return soft.convert(p, p === "s" ? "d" : "s", a, rm, flags);
  }
}
