// Code as a list of instructions, compressed ones expanded.

import { decode } from "../../isa/decode.ts";
import { FORMATS } from "../../isa/formats.ts";
import { expand } from "../../isa/rvc.ts";
import { INSTRUCTIONS } from "../../isa/table.ts";

/** One instruction: its name and operands; what its format does not have is of no meaning. */
export interface CodeWord {
  readonly name: string;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly imm: number;
  /** Whether it writes rd, an integer register. */
  readonly writes: boolean;
}

/** The whole instructions in some bytes of code, which begin with one. */
export function* codeWords(code: Uint8Array): Generator<CodeWord> {
  for (let at = 0; at + 2 <= code.length; ) {
    const low = code[at]! | (code[at + 1]! << 8);
    const short = (low & 3) !== 3;
    if (!short && at + 4 > code.length) return;
    const word = short ? expand(low) : low | (code[at + 2]! << 16) | (code[at + 3]! << 24);
    at += short ? 2 : 4;
    const { name, format } = INSTRUCTIONS[decode(word)]!;
    const { imm, rd: writes } = FORMATS[format];
    yield { name, rd: (word >>> 7) & 31, rs1: (word >>> 15) & 31, rs2: (word >>> 20) & 31, imm: imm(word), writes: writes === "x" };
  }
}
