// Instruction formats: where operands sit in the 32-bit word (Unprivileged ISA, chapter 2), both ways.

/** How the immediate is laid out, and which register fields are used. */
export type FormatName =
  | "R" | "I" | "S" | "B" | "U" | "J" | "shift" | "shiftw" | "amo" | "load" | "csr" | "csri" | "system" | "fence" | "sfence" | "none"
  | "floadI" | "fstoreS" | "fR" | "fRround" | "fR4" | "funary" | "fcompare" | "ftox" | "ftoxround" | "xtof" | "xtofround";

/** Where a register field points: integer registers, floating-point registers, or nowhere. */
export type RegisterFile = "x" | "f" | undefined;

interface Format {
  readonly rd: RegisterFile;
  readonly rs1: RegisterFile;
  readonly rs2: RegisterFile;
  /** Only the fused multiply-adds have a third source: bits 31:27. */
  readonly rs3?: RegisterFile;
  /** The immediate of a word, signed. Of an operation that rounds: its rm field. */
  readonly imm: (w: number) => number;
  /** The bits that an immediate sets. */
  readonly place: (imm: number) => number;
}

const none = (): number => 0;
const immI = (w: number): number => w >> 20;
const placeI = (i: number): number => (i & 0xfff) << 20;
const immS = (w: number): number => ((w >> 25) << 5) | ((w >>> 7) & 31);
const placeS = (i: number): number => (((i >> 5) & 127) << 25) | ((i & 31) << 7);
/** The rounding mode, bits 14:12. */
const rounding = { imm: (w: number): number => (w >>> 12) & 7, place: (i: number): number => (i & 7) << 12 };

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  R: { rd: "x", rs1: "x", rs2: "x", imm: none, place: none },
  amo: { rd: "x", rs1: "x", rs2: "x", imm: none, place: none },
  I: { rd: "x", rs1: "x", rs2: undefined, imm: immI, place: placeI },
  load: { rd: "x", rs1: "x", rs2: undefined, imm: immI, place: placeI },
  shift: { rd: "x", rs1: "x", rs2: undefined, imm: (w) => (w >>> 20) & 63, place: (i) => (i & 63) << 20 },
  shiftw: { rd: "x", rs1: "x", rs2: undefined, imm: (w) => (w >>> 20) & 31, place: (i) => (i & 31) << 20 },
  S: { rd: undefined, rs1: "x", rs2: "x", imm: immS, place: placeS },
  B: {
    rd: undefined, rs1: "x", rs2: "x",
    imm: (w) => ((w >> 31) << 12) | ((w & 0x80) << 4) | ((w >>> 20) & 0x7e0) | ((w >>> 7) & 0x1e),
    place: (i) => (((i >> 12) & 1) << 31) | (((i >> 5) & 63) << 25) | (((i >> 1) & 15) << 8) | (((i >> 11) & 1) << 7),
  },
  U: { rd: "x", rs1: undefined, rs2: undefined, imm: (w) => w & -4096, place: (i) => i & -4096 },
  J: {
    rd: "x", rs1: undefined, rs2: undefined,
    imm: (w) => ((w >> 31) << 20) | (w & 0xff000) | ((w >>> 9) & 0x800) | ((w >>> 20) & 0x7fe),
    place: (i) => (((i >> 20) & 1) << 31) | (((i >> 1) & 1023) << 21) | (((i >> 11) & 1) << 20) | (((i >> 12) & 255) << 12),
  },
  // System instructions carry the whole word, which a trap may need as its value.
  csr: { rd: "x", rs1: "x", rs2: undefined, imm: (w) => w, place: (i) => (i & 0xfff) << 20 },
  csri: { rd: "x", rs1: "x", rs2: undefined, imm: (w) => w, place: (i) => (i & 0xfff) << 20 },
  system: { rd: undefined, rs1: undefined, rs2: undefined, imm: (w) => w, place: none },
  sfence: { rd: undefined, rs1: "x", rs2: "x", imm: (w) => w, place: none },
  fence: { rd: undefined, rs1: undefined, rs2: undefined, imm: immI, place: placeI },
  none: { rd: undefined, rs1: undefined, rs2: undefined, imm: none, place: none },

  // Floating point: I and S with a floating-point register for the data; then R by what its registers are, with and
  // without a rounding mode (funary: one source).
  floadI: { rd: "f", rs1: "x", rs2: undefined, imm: immI, place: placeI },
  fstoreS: { rd: undefined, rs1: "x", rs2: "f", imm: immS, place: placeS },
  fR: { rd: "f", rs1: "f", rs2: "f", imm: none, place: none },
  fRround: { rd: "f", rs1: "f", rs2: "f", ...rounding },
  fR4: { rd: "f", rs1: "f", rs2: "f", rs3: "f", ...rounding },
  funary: { rd: "f", rs1: "f", rs2: undefined, ...rounding },
  fcompare: { rd: "x", rs1: "f", rs2: "f", imm: none, place: none },
  ftox: { rd: "x", rs1: "f", rs2: undefined, imm: none, place: none },
  ftoxround: { rd: "x", rs1: "f", rs2: undefined, ...rounding },
  xtof: { rd: "f", rs1: "x", rs2: undefined, imm: none, place: none },
  xtofround: { rd: "f", rs1: "x", rs2: undefined, ...rounding },
};

/** Formats of floating-point instructions: each has a floating-point register. */
export const isFloating = (format: FormatName): boolean => [FORMATS[format].rd, FORMATS[format].rs1, FORMATS[format].rs2].includes("f");
