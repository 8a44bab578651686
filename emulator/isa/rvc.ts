// The C extension: every 16-bit instruction stands for one 32-bit one (Unprivileged ISA, chapter "C").
// A table of rows; `expand` turns a halfword into the word that it abbreviates.

import { encode } from "./decode.ts";

const SP = 2;
const RA = 1;

/** Bits hi…lo of a halfword. */
const bits = (h: number, hi: number, lo: number): number => (h >> lo) & ((1 << (hi - lo + 1)) - 1);
const signed = (v: number, width: number): number => (v << (32 - width)) >> (32 - width);

// Register fields: full ones, and the three-bit ones that name x8–x15.
const rd = (h: number): number => bits(h, 11, 7);
const rs2 = (h: number): number => bits(h, 6, 2);
const rdShort = (h: number): number => 8 + bits(h, 4, 2);
const rs1Short = (h: number): number => 8 + bits(h, 9, 7);

// Immediates, each as the manual lays out its bits.
const imm6 = (h: number): number => signed((bits(h, 12, 12) << 5) | bits(h, 6, 2), 6);
const shamt = (h: number): number => (bits(h, 12, 12) << 5) | bits(h, 6, 2);
const offsetW = (h: number): number => (bits(h, 5, 5) << 6) | (bits(h, 12, 10) << 3) | (bits(h, 6, 6) << 2);
const offsetD = (h: number): number => (bits(h, 6, 5) << 6) | (bits(h, 12, 10) << 3);
const offsetJ = (h: number): number =>
  signed((bits(h, 12, 12) << 11) | (bits(h, 8, 8) << 10) | (bits(h, 10, 9) << 8) | (bits(h, 6, 6) << 7) |
    (bits(h, 7, 7) << 6) | (bits(h, 2, 2) << 5) | (bits(h, 11, 11) << 4) | (bits(h, 5, 3) << 1), 12);
const offsetB = (h: number): number =>
  signed((bits(h, 12, 12) << 8) | (bits(h, 6, 5) << 6) | (bits(h, 2, 2) << 5) | (bits(h, 11, 10) << 3) | (bits(h, 4, 3) << 1), 9);
const immAddi4spn = (h: number): number =>
  (bits(h, 10, 7) << 6) | (bits(h, 12, 11) << 4) | (bits(h, 5, 5) << 3) | (bits(h, 6, 6) << 2);
const immAddi16sp = (h: number): number =>
  signed((bits(h, 12, 12) << 9) | (bits(h, 4, 3) << 7) | (bits(h, 5, 5) << 6) | (bits(h, 2, 2) << 5) | (bits(h, 6, 6) << 4), 10);
const offsetLwsp = (h: number): number => (bits(h, 3, 2) << 6) | (bits(h, 12, 12) << 5) | (bits(h, 6, 4) << 2);
const offsetLdsp = (h: number): number => (bits(h, 4, 2) << 6) | (bits(h, 12, 12) << 5) | (bits(h, 6, 5) << 3);
const offsetSwsp = (h: number): number => (bits(h, 8, 7) << 6) | (bits(h, 12, 9) << 2);
const offsetSdsp = (h: number): number => (bits(h, 9, 7) << 6) | (bits(h, 12, 10) << 3);

interface Row {
  readonly name: string;
  readonly mask: number;
  readonly match: number;
  /** The word, or 0 where the encoding is reserved. */
  readonly expand: (h: number) => number;
}

/** A row by quadrant, funct3 and any further bits that identify it. */
const c = (name: string, quadrant: number, funct3: number, expand: Row["expand"], mask = 0, match = 0): Row => ({
  name, mask: 0xe003 | mask, match: (funct3 << 13) | quadrant | match, expand,
});
const arithmetic = (name: string, op: string, match: number): Row =>
  c(name, 1, 0b100, (h) => encode(op, { rd: rs1Short(h), rs1: rs1Short(h), rs2: rdShort(h) }), 0x1c60, 0x0c00 | match);
const branch = (name: string, funct3: number, op: string): Row =>
  c(name, 1, funct3, (h) => encode(op, { rs1: rs1Short(h), rs2: 0, imm: offsetB(h) }));
const ALL_RS2 = 0x7c;
const BIT12 = 0x1000;

/** Rows that need more bits come before the more general ones. */
const ROWS: readonly Row[] = [
  c("c.addi4spn", 0, 0b000, (h) => (immAddi4spn(h) ? encode("addi", { rd: rdShort(h), rs1: SP, imm: immAddi4spn(h) }) : 0)),
  c("c.fld", 0, 0b001, (h) => encode("fld", { rd: rdShort(h), rs1: rs1Short(h), imm: offsetD(h) })),
  c("c.lw", 0, 0b010, (h) => encode("lw", { rd: rdShort(h), rs1: rs1Short(h), imm: offsetW(h) })),
  c("c.ld", 0, 0b011, (h) => encode("ld", { rd: rdShort(h), rs1: rs1Short(h), imm: offsetD(h) })),
  c("c.fsd", 0, 0b101, (h) => encode("fsd", { rs1: rs1Short(h), rs2: rdShort(h), imm: offsetD(h) })),
  c("c.sw", 0, 0b110, (h) => encode("sw", { rs1: rs1Short(h), rs2: rdShort(h), imm: offsetW(h) })),
  c("c.sd", 0, 0b111, (h) => encode("sd", { rs1: rs1Short(h), rs2: rdShort(h), imm: offsetD(h) })),

  c("c.addi", 1, 0b000, (h) => encode("addi", { rd: rd(h), rs1: rd(h), imm: imm6(h) })),
  c("c.addiw", 1, 0b001, (h) => (rd(h) ? encode("addiw", { rd: rd(h), rs1: rd(h), imm: imm6(h) }) : 0)),
  c("c.li", 1, 0b010, (h) => encode("addi", { rd: rd(h), rs1: 0, imm: imm6(h) })),
  c("c.addi16sp", 1, 0b011, (h) => (immAddi16sp(h) ? encode("addi", { rd: SP, rs1: SP, imm: immAddi16sp(h) }) : 0), 0xf80, SP << 7),
  c("c.lui", 1, 0b011, (h) => (imm6(h) ? encode("lui", { rd: rd(h), imm: imm6(h) << 12 }) : 0)),
  c("c.srli", 1, 0b100, (h) => encode("srli", { rd: rs1Short(h), rs1: rs1Short(h), imm: shamt(h) }), 0x0c00, 0x0000),
  c("c.srai", 1, 0b100, (h) => encode("srai", { rd: rs1Short(h), rs1: rs1Short(h), imm: shamt(h) }), 0x0c00, 0x0400),
  c("c.andi", 1, 0b100, (h) => encode("andi", { rd: rs1Short(h), rs1: rs1Short(h), imm: imm6(h) }), 0x0c00, 0x0800),
  arithmetic("c.sub", "sub", 0x0000),
  arithmetic("c.xor", "xor", 0x0020),
  arithmetic("c.or", "or", 0x0040),
  arithmetic("c.and", "and", 0x0060),
  arithmetic("c.subw", "subw", 0x1000),
  arithmetic("c.addw", "addw", 0x1020),
  c("c.j", 1, 0b101, (h) => encode("jal", { rd: 0, imm: offsetJ(h) })),
  branch("c.beqz", 0b110, "beq"),
  branch("c.bnez", 0b111, "bne"),

  c("c.slli", 2, 0b000, (h) => encode("slli", { rd: rd(h), rs1: rd(h), imm: shamt(h) })),
  c("c.fldsp", 2, 0b001, (h) => encode("fld", { rd: rd(h), rs1: SP, imm: offsetLdsp(h) })),
  c("c.lwsp", 2, 0b010, (h) => (rd(h) ? encode("lw", { rd: rd(h), rs1: SP, imm: offsetLwsp(h) }) : 0)),
  c("c.ldsp", 2, 0b011, (h) => (rd(h) ? encode("ld", { rd: rd(h), rs1: SP, imm: offsetLdsp(h) }) : 0)),
  c("c.jr", 2, 0b100, (h) => (rd(h) ? encode("jalr", { rd: 0, rs1: rd(h) }) : 0), BIT12 | ALL_RS2, 0),
  c("c.mv", 2, 0b100, (h) => encode("add", { rd: rd(h), rs1: 0, rs2: rs2(h) }), BIT12, 0),
  c("c.ebreak", 2, 0b100, () => encode("ebreak"), BIT12 | 0xf80 | ALL_RS2, BIT12),
  c("c.jalr", 2, 0b100, (h) => encode("jalr", { rd: RA, rs1: rd(h) }), BIT12 | ALL_RS2, BIT12),
  c("c.add", 2, 0b100, (h) => encode("add", { rd: rd(h), rs1: rd(h), rs2: rs2(h) }), BIT12, BIT12),
  c("c.fsdsp", 2, 0b101, (h) => encode("fsd", { rs1: SP, rs2: rs2(h), imm: offsetSdsp(h) })),
  c("c.swsp", 2, 0b110, (h) => encode("sw", { rs1: SP, rs2: rs2(h), imm: offsetSwsp(h) })),
  c("c.sdsp", 2, 0b111, (h) => encode("sd", { rs1: SP, rs2: rs2(h), imm: offsetSdsp(h) })),
];

const UNKNOWN = -1; // no instruction word: its low bits are 11, but funct3 and opcode name nothing
const expanded = new Int32Array(65536).fill(UNKNOWN);

/** The 32-bit word that the compressed instruction `h` stands for; 0 when it is illegal or reserved. */
export function expand(h: number): number {
  let w = expanded[h]!;
  if (w === UNKNOWN) {
    const found = ROWS.find((r) => (h & r.mask) === r.match);
    w = expanded[h] = found ? found.expand(h) | 0 : 0;
  }
  return w;
}

/** Name of a compressed instruction, such as c.addi4spn; undefined when it is illegal or reserved. */
export function compressedName(h: number): string | undefined {
  return expand(h) === 0 ? undefined : ROWS.find((r) => (h & r.mask) === r.match)?.name;
}
