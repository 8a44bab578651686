// The D extension: double-precision floating point, and conversions between the two precisions (Unprivileged ISA, chapter "D").

import type { Instruction } from "./table.ts";
import { boxed, floatRow, floatingRows, read } from "./floating.ts";
import { Fp } from "./row.ts";

export const RV64D: readonly Instruction[] = [
  ...floatingRows("d"),
  floatRow("fcvt.s.d", Fp("funary", 0b0100000, { rs2: 1 }), (o, { rd, rs1, imm }) =>
    o.setF(rd, boxed(o, "s", o.float("toOther", "d", [o.getF(rs1)], imm)))),
  floatRow("fcvt.d.s", Fp("funary", 0b0100001, { rs2: 0 }), (o, { rd, rs1, imm }) =>
    o.setF(rd, o.float("toOther", "s", [read(o, "s", o.getF(rs1))], imm))),
];
