// The functions of the floating-point fast path, under the names of the instructions that they serve.

import type { Precision } from "../../float/index.ts";

export type Arithmetic = `${"fadd" | "fsub" | "fmul" | "fdiv" | "fsqrt" | "fmadd"}.${Precision}`;
export type Comparison = `${"fmin" | "fmax" | "feq" | "flt" | "fle"}.${Precision}`;
/** Integer types of the conversions: words and longs, signed and unsigned. */
export const INTEGERS = ["w", "wu", "l", "lu"] as const;
export type Integer = (typeof INTEGERS)[number];
export type Conversion = `fcvt.${Integer}.${Precision}` | `fcvt.${Precision}.${Integer}` | "fcvt.s.d" | "fcvt.d.s";

export type FloatName = Arithmetic | Comparison | Conversion;
