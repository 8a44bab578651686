// Instruction formats: where operands sit in the 32-bit word (Unprivileged ISA, chapter 2), both ways.

/** How the immediate is laid out, and which register fields are used. */
export type FormatName = "R" | "I" | "S" | "B" | "U" | "J" | "shift" | "shiftw" | "amo" | "load" | "csr" | "csri" | "system" | "fence" | "sfence" | "none";

interface Format {
  readonly rd: boolean;
  readonly rs1: boolean;
  readonly rs2: boolean;
  /** The immediate of a word, signed. */
  readonly imm: (w: number) => number;
  /** The bits that an immediate sets. */
  readonly place: (imm: number) => number;
}

const none = (): number => 0;
const immI = (w: number): number => w >> 20;
const placeI = (i: number): number => (i & 0xfff) << 20;

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  R: { rd: true, rs1: true, rs2: true, imm: none, place: none },
  amo: { rd: true, rs1: true, rs2: true, imm: none, place: none },
  I: { rd: true, rs1: true, rs2: false, imm: immI, place: placeI },
  load: { rd: true, rs1: true, rs2: false, imm: immI, place: placeI },
  shift: { rd: true, rs1: true, rs2: false, imm: (w) => (w >>> 20) & 63, place: (i) => (i & 63) << 20 },
  shiftw: { rd: true, rs1: true, rs2: false, imm: (w) => (w >>> 20) & 31, place: (i) => (i & 31) << 20 },
  S: {
    rd: false, rs1: true, rs2: true,
    imm: (w) => ((w >> 25) << 5) | ((w >>> 7) & 31),
    place: (i) => (((i >> 5) & 127) << 25) | ((i & 31) << 7),
  },
  B: {
    rd: false, rs1: true, rs2: true,
    imm: (w) => ((w >> 31) << 12) | ((w & 0x80) << 4) | ((w >>> 20) & 0x7e0) | ((w >>> 7) & 0x1e),
    place: (i) => (((i >> 12) & 1) << 31) | (((i >> 5) & 63) << 25) | (((i >> 1) & 15) << 8) | (((i >> 11) & 1) << 7),
  },
  U: { rd: true, rs1: false, rs2: false, imm: (w) => w & -4096, place: (i) => i & -4096 },
  J: {
    rd: true, rs1: false, rs2: false,
    imm: (w) => ((w >> 31) << 20) | (w & 0xff000) | ((w >>> 9) & 0x800) | ((w >>> 20) & 0x7fe),
    place: (i) => (((i >> 20) & 1) << 31) | (((i >> 1) & 1023) << 21) | (((i >> 11) & 1) << 20) | (((i >> 12) & 255) << 12),
  },
  // System instructions carry the whole word, which a trap may need as its value.
  csr: { rd: true, rs1: true, rs2: false, imm: (w) => w, place: (i) => (i & 0xfff) << 20 },
  csri: { rd: true, rs1: true, rs2: false, imm: (w) => w, place: (i) => (i & 0xfff) << 20 },
  system: { rd: false, rs1: false, rs2: false, imm: (w) => w, place: none },
  sfence: { rd: false, rs1: true, rs2: true, imm: (w) => w, place: none },
  fence: { rd: false, rs1: false, rs2: false, imm: immI, place: placeI },
  none: { rd: false, rs1: false, rs2: false, imm: none, place: none },
};
