// The F extension: single-precision floating point (Unprivileged ISA, chapter "F").

import type { Instruction } from "./table.ts";
import { floatingRows } from "./floating.ts";

export const RV64F: readonly Instruction[] = floatingRows("s");
