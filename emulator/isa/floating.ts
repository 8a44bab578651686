// What the F and D extensions have in common: their instructions, once for both precisions (Unprivileged ISA, chapters
// "F" and "D"). A single lies in a register NaN-boxed, under 32 ones; what is not so boxed reads as the canonical NaN.

import { INTEGERS, type FloatOperation, type Ops, type Precision, type Semantics } from "./ops.ts";
import type { Instruction } from "./table.ts";
import { F4, FLoad, FStore, Fp, row, type Encoding } from "./row.ts";

/** The fmt field. */
const FMT = { s: 0b00, d: 0b01 } as const;
const WIDTH = { s: 4, d: 8 } as const;
const SIGN = { s: 1n << 31n, d: 1n << 63n } as const;
const CANONICAL_NAN = 0x7fc00000;
const BOX = 0xffffffff00000000n;

/** A row whose instruction is illegal while FS is Off. */
export const floatRow = (name: string, e: Encoding, semantics: Semantics): Instruction =>
  row(name, e, (o, f) => {
    o.floating();
    semantics(o, f);
  });

/** The value in a register. */
function read<V, C>(o: Ops<V, C>, p: Precision, register: V): V {
  if (p === "d") return register;
  const boxed = o.let(register);
  return o.select(o.eq(o.shru(boxed, o.const(32)), o.const(0xffffffff)), o.zext32(boxed), o.const(CANONICAL_NAN));
}

/** What a register holds for a value, whose bits above its own width do not count. */
const boxed = <V, C>(o: Ops<V, C>, p: Precision, value: V): V => (p === "d" ? value : o.or(value, o.const(BOX)));

/** rd = rs1 op rs2, rounded by rm where the format has one. */
const binary = (operation: FloatOperation, e: Encoding): Instruction =>
  floatRow(operation, e, (o, { rd, rs1, rs2, imm }) =>
    o.setF(rd, o.float(operation, [o.getF(rs1), o.getF(rs2)], e.format === "fRround" ? imm : undefined)));

const compare = (operation: FloatOperation, e: Encoding): Instruction =>
  floatRow(operation, e, (o, { rd, rs1, rs2 }) => o.set(rd, o.float(operation, [o.getF(rs1), o.getF(rs2)])));

/** rd = op(rs1), rounded by rm. */
export const unary = (operation: FloatOperation, e: Encoding): Instruction =>
  floatRow(operation, e, (o, { rd, rs1, imm }) => o.setF(rd, o.float(operation, [o.getF(rs1)], imm)));

/** rd = ±(rs1 × rs2) ± rs3: negating a factor negates the product, and no negation rounds or raises a flag. */
function fused(name: string, p: Precision, opcode: number, product: "+" | "-", addend: "+" | "-"): Instruction {
  return floatRow(`${name}.${p}`, F4(opcode, FMT[p]), (o, { rd, rs1, rs2, rs3, imm }) => {
    const signed = <V, C>(ops: Ops<V, C>, sign: "+" | "-", v: V): V => (sign === "+" ? v : ops.xor(v, ops.const(SIGN[p])));
    o.setF(rd, o.float(`fmadd.${p}`, [signed(o, product, o.getF(rs1)), o.getF(rs2), signed(o, addend, o.getF(rs3))], imm));
  });
}

/** rd = rs1 with the sign that `sign` makes of both signs; NaNs are values like others. */
function signInjection(name: string, p: Precision, funct3: number, sign: <V, C>(o: Ops<V, C>, a: V, b: V) => V): Instruction {
  return floatRow(`${name}.${p}`, Fp("fR", 0b0010000 | FMT[p], { funct3 }), (o, { rd, rs1, rs2 }) => {
    const a = o.let(read(o, p, o.getF(rs1)));
    const b = read(o, p, o.getF(rs2));
    const injected = o.and(sign(o, a, b), o.const(SIGN[p]));
    o.setF(rd, boxed(o, p, o.or(o.and(a, o.const(~SIGN[p])), injected)));
  });
}

/** The instructions that a precision has of its own, `letter` being what moves and conversions of its bits are called by. */
export function floatingRows(p: Precision): Instruction[] {
  const fmt = FMT[p];
  const letter = p === "s" ? "w" : "d";
  const funct3 = p === "s" ? 0b010 : 0b011;
  return [
    /** Loads and stores move bits; a single is boxed when it is loaded. */
    floatRow(`fl${letter}`, FLoad(funct3), (o, { rd, rs1, imm }) => o.setF(rd, boxed(o, p, o.load(o.add(o.get(rs1), o.imm(imm)), WIDTH[p], false)))),
    floatRow(`fs${letter}`, FStore(funct3), (o, { rs1, rs2, imm }) => o.store(o.add(o.get(rs1), o.imm(imm)), WIDTH[p], o.getF(rs2))),

    fused("fmadd", p, 0b1000011, "+", "+"),
    fused("fmsub", p, 0b1000111, "+", "-"),
    fused("fnmsub", p, 0b1001011, "-", "+"),
    fused("fnmadd", p, 0b1001111, "-", "-"),

    binary(`fadd.${p}`, Fp("fRround", 0b0000000 | fmt)),
    binary(`fsub.${p}`, Fp("fRround", 0b0000100 | fmt)),
    binary(`fmul.${p}`, Fp("fRround", 0b0001000 | fmt)),
    binary(`fdiv.${p}`, Fp("fRround", 0b0001100 | fmt)),
    unary(`fsqrt.${p}`, Fp("funary", 0b0101100 | fmt, { rs2: 0 })),

    signInjection("fsgnj", p, 0b000, (_o, _a, b) => b),
    signInjection("fsgnjn", p, 0b001, (o, _a, b) => o.xor(b, o.const(-1))),
    signInjection("fsgnjx", p, 0b010, (o, a, b) => o.xor(a, b)),
    binary(`fmin.${p}`, Fp("fR", 0b0010100 | fmt, { funct3: 0b000 })),
    binary(`fmax.${p}`, Fp("fR", 0b0010100 | fmt, { funct3: 0b001 })),

    compare(`fle.${p}`, Fp("fcompare", 0b1010000 | fmt, { funct3: 0b000 })),
    compare(`flt.${p}`, Fp("fcompare", 0b1010000 | fmt, { funct3: 0b001 })),
    compare(`feq.${p}`, Fp("fcompare", 0b1010000 | fmt, { funct3: 0b010 })),
    floatRow(`fclass.${p}`, Fp("ftox", 0b1110000 | fmt, { funct3: 0b001, rs2: 0 }), (o, { rd, rs1 }) =>
      o.set(rd, o.float(`fclass.${p}`, [o.getF(rs1)]))),

    ...INTEGERS.flatMap((integer, rs2) => {
      const [to, from] = [`fcvt.${integer}.${p}`, `fcvt.${p}.${integer}`] as const;
      return [
        floatRow(to, Fp("ftoxround", 0b1100000 | fmt, { rs2 }), (o, { rd, rs1, imm }) => o.set(rd, o.float(to, [o.getF(rs1)], imm))),
        floatRow(from, Fp("xtofround", 0b1101000 | fmt, { rs2 }), (o, { rd, rs1, imm }) => o.setF(rd, o.float(from, [o.get(rs1)], imm))),
      ];
    }),

    /** Moves of bits as they are, boxed well or not. */
    floatRow(`fmv.x.${letter}`, Fp("ftox", 0b1110000 | fmt, { funct3: 0b000, rs2: 0 }), (o, { rd, rs1 }) =>
      o.set(rd, p === "s" ? o.sext32(o.getF(rs1)) : o.getF(rs1))),
    floatRow(`fmv.${letter}.x`, Fp("xtof", 0b1111000 | fmt, { funct3: 0b000, rs2: 0 }), (o, { rd, rs1 }) =>
      o.setF(rd, boxed(o, p, o.get(rs1)))),
  ];
}
