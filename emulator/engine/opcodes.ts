// Numbers of the interpreter's operations: first its own, then the instructions of the table, branches and jumps once more
// in the form that stays within the page; floating-point instructions come last.

import { isFloating } from "../isa/formats.ts";
import { INSTRUCTIONS } from "../isa/table.ts";

const OWN = 3;

const numbersOf = (floating: boolean): number[] => INSTRUCTIONS.flatMap((i, n) => (isFloating(i.format) === floating ? [n] : []));
/** Instructions by their number in the table: those without floating point; of these the ones that have an in-page form; the others. */
export const PLAIN: readonly number[] = numbersOf(false);
export const IN_PAGE: readonly number[] = PLAIN.filter((n) => INSTRUCTIONS[n]!.format === "B" || INSTRUCTIONS[n]!.format === "J");
export const FLOATS: readonly number[] = numbersOf(true);

const FIRST_IN_PAGE = OWN + PLAIN.length;
const FIRST_FLOAT = FIRST_IN_PAGE + IN_PAGE.length;
const inPageIndex = new Map(IN_PAGE.map((number, i) => [number, FIRST_IN_PAGE + i]));
const index = new Map([...PLAIN.map((number, i) => [number, OWN + i] as const), ...FLOATS.map((number, i) => [number, FIRST_FLOAT + i] as const)]);

export const OPCODE = {
  /** Not decoded yet. Zero, so that clearing a page's records undoes their decoding. */
  undecoded: 0,
  /** The sentinel behind a page's last record. */
  pageEnd: 1,
  /** An instruction to be fetched and run alone: its second half lies in the next page, or a breakpoint stands here. */
  alone: 2,
  of: (instruction: number): number => index.get(instruction)!,
  inPage: (instruction: number): number => inPageIndex.get(instruction)!,
  /** The first operation that is an instruction, the first in-page form, the first of floating point. */
  first: OWN,
  firstInPage: FIRST_IN_PAGE,
  firstFloat: FIRST_FLOAT,
} as const;
