// Instructions as text, made from the instruction table: ABI register names, CSR names, and the pseudo-instructions
// of the assembler's manual. Compressed instructions are shown as what they stand for. The text is GNU objdump's
// usual one, except that addresses of jumps and branches are written with 0x.

import { CSR_NAMES } from "./csr-names.ts";
import { decode } from "./decode.ts";
import { FORMATS, type FormatName, type RegisterFile } from "./formats.ts";
import { expand } from "./rvc.ts";
import { INSTRUCTIONS } from "./table.ts";

/** ABI name of each integer register. */
export const REGISTER_NAMES: readonly string[] = [
  "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
  "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

/** ABI name of each floating-point register. */
export const FLOAT_REGISTER_NAMES: readonly string[] = [
  "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
  "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
];

/** Rounding modes by number, as fcsr and instructions encode them. */
export const ROUNDING_NAMES: readonly string[] = ["rne", "rtz", "rdn", "rup", "rmm", "unknown", "unknown", "dyn"];

/** An instruction as text. */
export interface Disassembled {
  /** Such as "addi sp,sp,-32"; ".2byte 0x9" or ".4byte 0x1000b" where nothing is encoded. */
  readonly text: string;
  /** Bytes: 2 or 4. */
  readonly length: number;
  /** Where a jump or branch with a known target goes. */
  readonly target: bigint | undefined;
}

/** The operands of one instruction, ready for printing. */
interface Operands {
  readonly word: number;
  readonly compressed: boolean;
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  readonly imm: number;
  /** Names of those registers, and of rs3. */
  readonly d: string;
  readonly s: string;
  readonly t: string;
  readonly r: string;
  /** Target of a branch or jump. */
  readonly target: string;
}

/**
 * The instruction in the low bits of `code` (32 bits; the upper 16 are ignored when it is a compressed one), which
 * lies at `pc`. Never throws.
 */
export function disassemble(code: number, pc: bigint): Disassembled {
  const compressed = (code & 3) !== 3;
  const raw = compressed ? code & 0xffff : code >>> 0;
  const length = compressed ? 2 : 4;
  if (compressed && raw === 0) return { text: "unimp", length, target: undefined };
  const word = compressed ? expand(raw) : code | 0;
  const instruction = INSTRUCTIONS[decode(word)]!;
  if (instruction.name === "illegal") return { text: `.${length}byte 0x${raw.toString(16)}`, length, target: undefined };
  const { name, format } = instruction;
  const f = FORMATS[format];
  const imm = f.imm(word);
  const jumps = format === "B" || format === "J";
  const target = jumps ? BigInt.asUintN(64, pc + BigInt(imm)) : undefined;
  const [rd, rs1, rs2] = [(word >>> 7) & 31, (word >>> 15) & 31, (word >>> 20) & 31];
  const o: Operands = {
    word, compressed, rd, rs1, rs2, imm,
    d: register(f.rd, rd), s: register(f.rs1, rs1), t: register(f.rs2, rs2), r: register(f.rs3, word >>> 27),
    target: target === undefined ? "" : `0x${target.toString(16)}`,
  };
  return { text: pseudo[name]?.(o) ?? plain(name, format, o), length, target };
}

const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;
const csrName = (word: number): string => CSR_NAMES.get(word >>> 20) ?? hex(word >>> 20);
const register = (file: RegisterFile, n: number): string => (file === "f" ? FLOAT_REGISTER_NAMES : REGISTER_NAMES)[n]!;
/** The rounding mode is written unless it is the one in frm. */
const rounded = (operands: string, o: Operands): string => (o.imm === DYNAMIC ? operands : `${operands},${ROUNDING_NAMES[o.imm]}`);
const address = (o: Operands): string => `${o.imm}(${o.s})`;

/** Operands of a format that has no rule of its own in `pseudo`; undefined: it has none. */
const OPERANDS: Readonly<Record<FormatName, (o: Operands) => string>> = {
  R: (o) => `${o.d},${o.s},${o.t}`,
  amo: (o) => `${o.d},${o.t},(${o.s})`,
  I: (o) => `${o.d},${o.s},${o.imm}`,
  load: (o) => `${o.d},${address(o)}`,
  shift: (o) => `${o.d},${o.s},${hex(o.imm)}`,
  shiftw: (o) => `${o.d},${o.s},${hex(o.imm)}`,
  S: (o) => `${o.t},${address(o)}`,
  B: (o) => `${o.s},${o.t},${o.target}`,
  U: (o) => `${o.d},${hex(o.imm >>> 12)}`,
  J: (o) => `${o.d},${o.target}`,
  csr: (o) => `${o.d},${csrName(o.word)},${o.s}`,
  csri: (o) => `${o.d},${csrName(o.word)},${o.rs1}`,
  system: () => "",
  fence: (o) => `${fenceSet(o.word >>> 24)},${fenceSet(o.word >>> 20)}`,
  sfence: (o) => `${o.s},${o.t}`,
  none: () => "",
  floadI: (o) => `${o.d},${address(o)}`,
  fstoreS: (o) => `${o.t},${address(o)}`,
  fR: (o) => `${o.d},${o.s},${o.t}`,
  fRround: (o) => rounded(`${o.d},${o.s},${o.t}`, o),
  fR4: (o) => rounded(`${o.d},${o.s},${o.t},${o.r}`, o),
  funary: (o) => rounded(`${o.d},${o.s}`, o),
  fcompare: (o) => `${o.d},${o.s},${o.t}`,
  ftox: (o) => `${o.d},${o.s}`,
  ftoxround: (o) => rounded(`${o.d},${o.s}`, o),
  xtof: (o) => `${o.d},${o.s}`,
  xtofround: (o) => rounded(`${o.d},${o.s}`, o),
};

function plain(name: string, format: FormatName, o: Operands): string {
  if (format === "amo") return `${name}${order(o.word)} ${name.startsWith("lr.") ? `${o.d},(${o.s})` : OPERANDS.amo(o)}`;
  const operands = OPERANDS[format](o);
  return operands === "" ? name : `${name} ${operands}`;
}

/** Suffix of an atomic instruction's ordering bits. */
function order(word: number): string {
  return ["", ".rl", ".aq", ".aqrl"][(word >>> 25) & 3]!;
}

/** What a fence orders: the low four bits name input, output, reads, writes. */
function fenceSet(bits: number): string {
  const letters = [..."iorw"].filter((_, i) => ((bits >> (3 - i)) & 1) !== 0).join("");
  return letters === "" ? "unknown" : letters;
}

type Rule = (o: Operands) => string | undefined;

/** Branches against zero have names of their own: with zero on the right, and on the left. */
const zeroRight = (name: string): Rule => (o) => (o.rs2 === 0 ? `${name} ${o.s},${o.target}` : undefined);
const zeroLeft = (name: string): Rule => (o) => (o.rs1 === 0 ? `${name} ${o.t},${o.target}` : undefined);
const whenFirstZero = (name: string): Rule => (o) => (o.rs1 === 0 ? `${name} ${o.d},${o.t}` : undefined);
const whenImm = (imm: number, name: string): Rule => (o) => (o.imm === imm ? `${name} ${o.d},${o.s}` : undefined);
const csrWithoutResult = (name: string, last: (o: Operands) => string): Rule => (o) =>
  (o.rd === 0 ? `${name} ${csrName(o.word)},${last(o)}` : undefined);

/** Registers that have reading instructions of their own, and those that have writing ones, too. */
const READERS: ReadonlyMap<number, string> = new Map([
  [0xc00, "rdcycle"], [0xc01, "rdtime"], [0xc02, "rdinstret"], [0x001, "frflags"], [0x002, "frrm"], [0x003, "frcsr"],
]);
const WRITERS: ReadonlyMap<number, string> = new Map([[0x001, "fsflags"], [0x002, "fsrm"], [0x003, "fscsr"]]);
const FCSR = 0x003;
const DYNAMIC = 7;
const CSRRW_ZERO_CYCLE = 0xc0001073 | 0;
const ALL_FENCE = 0xff;
const FENCE_TSO = 0x833;
const PAUSE = 0x0100000f;

/** A sign injection from one register is a move, a negation, an absolute value. */
const whenOneSource = (name: string): Rule => (o) => (o.rs1 === o.rs2 ? `${name} ${o.d},${o.s}` : undefined);
/** Conversions that are always exact: no mode is written where it is 0, as the assembler sets it. */
const exact: (name: string) => Rule = (name) => (o) => `${name} ${o.d},${o.s}${o.imm === 0 ? "" : `,${ROUNDING_NAMES[o.imm]}`}`;

/** Pseudo-instructions, by the instruction that they stand for: the text, or undefined where none fits. */
const pseudo: Readonly<Partial<Record<string, Rule>>> = {
  addi: (o) => {
    if (o.rd === 0 && o.rs1 === 0 && o.imm === 0) return "nop";
    if (o.rs1 === 0) return `li ${o.d},${o.imm}`;
    return o.imm === 0 && !(o.compressed && o.rd === o.rs1) ? `mv ${o.d},${o.s}` : undefined;
  },
  addiw: whenImm(0, "sext.w"),
  xori: whenImm(-1, "not"),
  sltiu: whenImm(1, "seqz"),
  andi: (o) => (o.imm === 255 ? `zext.b ${o.d},${o.s}` : undefined),
  add: (o) => (o.compressed && o.rs1 === 0 ? `mv ${o.d},${o.t}` : undefined),
  sub: whenFirstZero("neg"),
  subw: whenFirstZero("negw"),
  sltu: whenFirstZero("snez"),
  slt: (o) => (o.rs2 === 0 ? `sltz ${o.d},${o.s}` : o.rs1 === 0 ? `sgtz ${o.d},${o.t}` : undefined),

  beq: zeroRight("beqz"),
  bne: zeroRight("bnez"),
  blt: (o) => zeroRight("bltz")(o) ?? zeroLeft("bgtz")(o),
  bge: (o) => zeroLeft("blez")(o) ?? zeroRight("bgez")(o),
  jal: (o) => (o.rd === 0 ? `j ${o.target}` : o.rd === 1 ? `jal ${o.target}` : undefined),
  jalr: (o) => {
    const to = o.imm === 0 ? o.s : address(o);
    if (o.rd === 0) return o.rs1 === 1 && o.imm === 0 ? "ret" : `jr ${to}`;
    return o.rd === 1 ? `jalr ${to}` : `jalr ${o.d},${to}`;
  },

  fence: (o) => {
    if ((o.word >>> 28) === 8) return (o.word >>> 20) === FENCE_TSO ? "fence.tso" : undefined;
    if (o.word === PAUSE) return "pause";
    return ((o.word >>> 20) & 0xff) === ALL_FENCE ? "fence" : undefined;
  },
  csrrw: (o) => {
    if (o.word === CSRRW_ZERO_CYCLE) return "unimp";
    const writer = WRITERS.get(o.word >>> 20);
    if (writer !== undefined) return o.rd === 0 ? `${writer} ${o.s}` : `${writer} ${o.d},${o.s}`;
    return csrWithoutResult("csrw", ({ s }) => s)(o);
  },
  csrrs: (o) => {
    if (o.rs1 !== 0) return csrWithoutResult("csrs", ({ s }) => s)(o);
    const reader = READERS.get(o.word >>> 20);
    return reader === undefined ? `csrr ${o.d},${csrName(o.word)}` : `${reader} ${o.d}`;
  },
  csrrc: csrWithoutResult("csrc", ({ s }) => s),
  csrrwi: (o) => {
    const writer = WRITERS.get(o.word >>> 20);
    if (writer !== undefined && o.word >>> 20 !== FCSR) return `${writer}i ${o.d},${o.rs1}`;
    return csrWithoutResult("csrwi", ({ rs1 }) => String(rs1))(o);
  },
  csrrsi: csrWithoutResult("csrsi", ({ rs1 }) => String(rs1)),
  csrrci: csrWithoutResult("csrci", ({ rs1 }) => String(rs1)),

  "fsgnj.s": whenOneSource("fmv.s"),
  "fsgnj.d": whenOneSource("fmv.d"),
  "fsgnjn.s": whenOneSource("fneg.s"),
  "fsgnjn.d": whenOneSource("fneg.d"),
  "fsgnjx.s": whenOneSource("fabs.s"),
  "fsgnjx.d": whenOneSource("fabs.d"),
  "fcvt.d.w": exact("fcvt.d.w"),
  "fcvt.d.wu": exact("fcvt.d.wu"),
  "fcvt.d.s": exact("fcvt.d.s"),

  "sfence.vma": (o) => (o.rs2 !== 0 ? undefined : o.rs1 !== 0 ? `sfence.vma ${o.s}` : "sfence.vma"),
};
