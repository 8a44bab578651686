// The instruction table: name, encoding, format and meaning of every instruction, each in one row.
// Decoder, encoder, disassembler and all engines are made from it. Extensions live in files of their own.

import type { FormatName } from "./formats.ts";
import type { Semantics } from "./ops.ts";
import { RV64A } from "./rv64a.ts";
import { RV64D } from "./rv64d.ts";
import { RV64F } from "./rv64f.ts";
import { RV64I } from "./rv64i.ts";
import { RV64M } from "./rv64m.ts";
import { SYSTEM } from "./system.ts";

/** One instruction. A word w is this one when (w & mask) === match. */
export interface Instruction {
  readonly name: string;
  readonly mask: number;
  readonly match: number;
  readonly format: FormatName;
  readonly semantics: Semantics;
}

/** Stands for every word that is no instruction; raises an illegal-instruction exception. */
export const ILLEGAL: Instruction = {
  name: "illegal", mask: 0, match: 0, format: "system",
  semantics: (o, { imm }) => o.system("illegal", imm),
};

/** Every instruction; an instruction's index here is its number in engines. Index 0 is `illegal`. */
export const INSTRUCTIONS: readonly Instruction[] = [ILLEGAL, ...RV64I, ...RV64M, ...RV64A, ...RV64F, ...RV64D, ...SYSTEM];
