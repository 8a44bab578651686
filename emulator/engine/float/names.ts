// Names of the operations that have a fast path: those of isa/ops.ts, but for fclass, which needs no arithmetic.

import type { FloatOperation, Precision } from "../../isa/ops.ts";

export { INTEGERS, type Integer } from "../../isa/ops.ts";
export type FloatName = Exclude<FloatOperation, `fclass.${Precision}`>;
