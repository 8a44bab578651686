// Words to instructions and back: the decoder and the encoder, both made from the table.

import { FORMATS } from "./formats.ts";
import { ILLEGAL, INSTRUCTIONS, type Instruction } from "./table.ts";

/** Candidates for each (opcode, funct3), 5 + 3 bits: bits 6:2 and 14:12 of the word. */
const candidates: number[][] = Array.from({ length: 256 }, (_, key) => {
  const probe = ((key & 31) << 2) | 3 | ((key >> 5) << 12);
  const seen = (i: Instruction): boolean => (probe & i.mask & 0x707f) === (i.match & 0x707f);
  return INSTRUCTIONS.flatMap((instruction, n) => (instruction !== ILLEGAL && seen(instruction) ? [n] : []));
});

/** Number (index in INSTRUCTIONS) of the 32-bit instruction word `w`; 0 when it is illegal. */
export function decode(w: number): number {
  if ((w & 3) !== 3) return 0;
  for (const n of candidates[((w >>> 2) & 31) | ((w >>> 7) & 0xe0)]!) {
    const { mask, match } = INSTRUCTIONS[n]!;
    if ((w & mask) === match) return n;
  }
  return 0;
}

const byName = new Map(INSTRUCTIONS.map((i) => [i.name, i]));

/** Operands for `encode`; what a format does not use is ignored. */
export interface Operands {
  rd?: number;
  rs1?: number;
  rs2?: number;
  rs3?: number;
  /** Immediate or offset; for CSR instructions the CSR's number; for operations that round the rounding mode. */
  imm?: number;
}

/** The 32-bit word of an instruction. Throws for a name that is not in the table. */
export function encode(name: string, { rd = 0, rs1 = 0, rs2 = 0, rs3 = 0, imm = 0 }: Operands = {}): number {
  const i = byName.get(name);
  if (!i) throw new Error(`encode: no instruction is called ${name}`);
  const f = FORMATS[i.format];
  return i.match | f.place(imm) | (f.rd ? rd << 7 : 0) | (f.rs1 ? rs1 << 15 : 0) | (f.rs2 ? rs2 << 20 : 0) | (f.rs3 ? rs3 << 27 : 0);
}
