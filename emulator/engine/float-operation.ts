// The floating-point operations of Ops, evaluated exactly: what the reference engine does, and what emitted code calls
// where it has no quicker way.

import * as soft from "../float/index.ts";
import type { Hart } from "../hart/hart.ts";
import { SLOT } from "../hart/layout.ts";
import type { FloatOperation, Integer, Precision } from "../isa/ops.ts";

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

/** Carry out an operation on registers, with a rounding mode that exists; its flags accrue in the hart's fcsr. Gives 64 bits. */
export function operate(h: Hart, operation: FloatOperation, rm: number, a: bigint, b: bigint, c: bigint): bigint {
  flags.raised = 0;
  const [name, to, from] = operation.split(".") as [string, Precision | Integer, Precision | Integer | undefined];
  const result = from === undefined ? calculate(name, to as Precision, rm, a, b, c) : convert(to, from, rm, a);
  h.raiseFloatFlags(flags.raised);
  return result;
}

const isPrecision = (type: Precision | Integer): type is Precision => type === "s" || type === "d";
/** The value in a register, and the register that holds a value. */
const unbox = (p: Precision, register: bigint): bigint => (p === "s" ? soft.unbox(BigInt.asUintN(64, register)) : BigInt.asUintN(64, register));
const box = (p: Precision, value: bigint): bigint => (p === "s" ? soft.box(value) : value);

function convert(to: Precision | Integer, from: Precision | Integer, rm: number, a: bigint): bigint {
  if (!isPrecision(from)) {
    if (!isPrecision(to)) throw new Error(`float: no instruction converts ${from} to ${to}`);
    const { width, signed } = integer(from);
    return box(to, soft.fromInteger(to, signed ? BigInt.asIntN(width, a) : BigInt.asUintN(width, a), width, signed, rm, flags));
  }
  const value = unbox(from, a);
  if (isPrecision(to)) return box(to, soft.convert(from, to, value, rm, flags));
  const { width, signed } = integer(to);
  return BigInt.asIntN(width, soft.toInteger(from, value, width, signed, rm, flags));
}

const integer = (type: Integer): { width: 32 | 64; signed: boolean } => ({ width: type.startsWith("w") ? 32 : 64, signed: !type.endsWith("u") });

function calculate(name: string, p: Precision, rm: number, x: bigint, y: bigint, z: bigint): bigint {
  const a = unbox(p, x);
  const b = unbox(p, y);
  switch (name) {
    case "fadd": return box(p, soft.add(p, a, b, rm, flags));
    case "fsub": return box(p, soft.sub(p, a, b, rm, flags));
    case "fmul": return box(p, soft.mul(p, a, b, rm, flags));
    case "fdiv": return box(p, soft.div(p, a, b, rm, flags));
    case "fsqrt": return box(p, soft.sqrt(p, a, rm, flags));
    case "fmadd": return box(p, soft.fma(p, a, b, unbox(p, z), rm, flags));
    case "fmin": return box(p, soft.min(p, a, b, flags));
    case "fmax": return box(p, soft.max(p, a, b, flags));
    case "feq": return BigInt(soft.eq(p, a, b, flags));
    case "flt": return BigInt(soft.lt(p, a, b, flags));
    case "fle": return BigInt(soft.le(p, a, b, flags));
    case "fclass": return BigInt(soft.classify(p, a));
    default: throw new Error(`float: there is no operation ${name}`);
  }
}
