// Short forms for writing rows of the instruction table.

import type { FormatName } from "./formats.ts";
import type { Semantics } from "./ops.ts";
import type { Instruction } from "./table.ts";

/** Bits that identify an instruction and the way its operands are laid out. */
export interface Encoding {
  readonly mask: number;
  readonly match: number;
  readonly format: FormatName;
}

const encoding = (format: FormatName, opcode: number, funct3?: number, funct7?: number, funct7Mask = 0x7f): Encoding => ({
  format,
  mask: 0x7f | (funct3 === undefined ? 0 : 7 << 12) | (funct7 === undefined ? 0 : funct7Mask << 25),
  match: opcode | ((funct3 ?? 0) << 12) | ((funct7 ?? 0) << 25),
});

export const R = (opcode: number, funct3: number, funct7: number): Encoding => encoding("R", opcode, funct3, funct7);
export const I = (opcode: number, funct3: number): Encoding => encoding("I", opcode, funct3);
export const Load = (funct3: number): Encoding => encoding("load", 0b0000011, funct3);
export const S = (funct3: number): Encoding => encoding("S", 0b0100011, funct3);
export const B = (funct3: number): Encoding => encoding("B", 0b1100011, funct3);
export const U = (opcode: number): Encoding => encoding("U", opcode);
export const J = (opcode: number): Encoding => encoding("J", opcode);
/** Shift by a 6-bit immediate: the upper six bits identify it. */
export const Shift = (funct3: number, funct6: number): Encoding => encoding("shift", 0b0010011, funct3, funct6 << 1, 0x7e);
/** 32-bit shift by a 5-bit immediate. */
export const ShiftW = (funct3: number, funct7: number): Encoding => encoding("shiftw", 0b0011011, funct3, funct7);
/** Atomic: funct5 identifies, aq and rl do not (one hart runs at a time, so every order is kept). */
export const Amo = (funct3: number, funct5: number): Encoding => encoding("amo", 0b0101111, funct3, funct5 << 2, 0x7c);
export const Csr = (funct3: number): Encoding => encoding(funct3 & 4 ? "csri" : "csr", 0b1110011, funct3);
/** Floating-point load and store: funct3 is the width. */
export const FLoad = (funct3: number): Encoding => encoding("floadI", 0b0000111, funct3);
export const FStore = (funct3: number): Encoding => encoding("fstoreS", 0b0100111, funct3);
/** Fused multiply-add of a format (00 single, 01 double). */
export const F4 = (opcode: number, fmt: number): Encoding => encoding("fR4", opcode, undefined, fmt, 3);
/** OP-FP: without funct3 that field is the rounding mode; where rs2 is no operand it identifies the instruction, too. */
export function Fp(format: FormatName, funct7: number, { funct3, rs2 }: { funct3?: number; rs2?: number } = {}): Encoding {
  const e = encoding(format, 0b1010011, funct3, funct7);
  return rs2 === undefined ? e : { ...e, mask: e.mask | (31 << 20), match: e.match | (rs2 << 20) };
}
/** An instruction that is one fixed word. */
export const Word = (word: number): Encoding => ({ format: "system", mask: -1, match: word });

/** One row of the table. */
export const row = (name: string, e: Encoding, semantics: Semantics): Instruction => ({ name, ...e, match: e.match | 0, mask: e.mask | 0, semantics });
