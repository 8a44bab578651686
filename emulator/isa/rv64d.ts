// The D extension: double-precision floating point, and conversions between the two precisions (Unprivileged ISA, chapter "D").

import type { Instruction } from "./table.ts";
import { floatingRows, unary } from "./floating.ts";
import { Fp } from "./row.ts";

export const RV64D: readonly Instruction[] = [
  ...floatingRows("d"),
  unary("fcvt.s.d", Fp("funary", 0b0100000, { rs2: 1 })),
  unary("fcvt.d.s", Fp("funary", 0b0100001, { rs2: 0 })),
];
