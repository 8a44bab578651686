// Numbers of the interpreter's operations: first its own, then each instruction of the table twice,
// as it is and (branches and jumps) in the form that stays within the page.

import { INSTRUCTIONS } from "../isa/table.ts";

const OWN = 3;

/** Instructions that have an in-page form, by their number in the table. */
export const IN_PAGE: readonly number[] = INSTRUCTIONS.flatMap((i, n) => (i.format === "B" || i.format === "J" ? [n] : []));
const inPageIndex = new Map(IN_PAGE.map((number, i) => [number, OWN + INSTRUCTIONS.length + i]));

export const OPCODE = {
  /** Not decoded yet. Zero, so that clearing a page's records undoes their decoding. */
  undecoded: 0,
  /** The sentinel behind a page's last record. */
  pageEnd: 1,
  /** An instruction to be fetched and run alone: its second half lies in the next page, or a breakpoint stands here. */
  alone: 2,
  of: (instruction: number): number => OWN + instruction,
  inPage: (instruction: number): number => inPageIndex.get(instruction)!,
  /** No record has it: an instruction that turns out to be illegal goes on as this one, the last, to which the way is short. */
  refused: OWN + INSTRUCTIONS.length + IN_PAGE.length,
  count: OWN + INSTRUCTIONS.length + IN_PAGE.length + 1,
} as const;
