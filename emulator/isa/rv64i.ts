// RV64I base integer instructions (Unprivileged ISA, chapters "RV32I" and "RV64I").

import type { Instruction } from "./table.ts";
import { B, I, J, Load, R, S, Shift, ShiftW, U, row } from "./row.ts";

const OP_IMM = 0b0010011;
const OP_IMM_32 = 0b0011011;
const OP = 0b0110011;
const OP_32 = 0b0111011;

export const RV64I: readonly Instruction[] = [
  /** Load upper immediate: rd = imm. */
  row("lui", U(0b0110111), (o, { rd, imm }) => o.set(rd, o.imm(imm))),
  /** Add upper immediate to pc: rd = pc + imm. */
  row("auipc", U(0b0010111), (o, { rd, imm }) => o.set(rd, o.add(o.pc(), o.imm(imm)))),

  /** Jump and link: rd = address of the next instruction; pc += imm. */
  row("jal", J(0b1101111), (o, { rd, imm }) => {
    o.set(rd, o.next());
    o.jump(imm);
  }),
  /** Jump and link register: pc = (rs1 + imm) with bit 0 cleared; rd = address of the next instruction. */
  row("jalr", I(0b1100111, 0), (o, { rd, rs1, imm }) => {
    const target = o.let(o.and(o.add(o.get(rs1), o.imm(imm)), o.const(-2)));
    o.set(rd, o.next());
    o.jumpTo(target);
  }),

  row("beq", B(0b000), (o, { rs1, rs2, imm }) => o.branch(o.eq(o.get(rs1), o.get(rs2)), imm)),
  row("bne", B(0b001), (o, { rs1, rs2, imm }) => o.branch(o.ne(o.get(rs1), o.get(rs2)), imm)),
  row("blt", B(0b100), (o, { rs1, rs2, imm }) => o.branch(o.lts(o.get(rs1), o.get(rs2)), imm)),
  row("bge", B(0b101), (o, { rs1, rs2, imm }) => o.branch(o.ges(o.get(rs1), o.get(rs2)), imm)),
  row("bltu", B(0b110), (o, { rs1, rs2, imm }) => o.branch(o.ltu(o.get(rs1), o.get(rs2)), imm)),
  row("bgeu", B(0b111), (o, { rs1, rs2, imm }) => o.branch(o.geu(o.get(rs1), o.get(rs2)), imm)),

  row("lb", Load(0b000), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 1, true))),
  row("lh", Load(0b001), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 2, true))),
  row("lw", Load(0b010), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 4, true))),
  row("ld", Load(0b011), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 8, true))),
  row("lbu", Load(0b100), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 1, false))),
  row("lhu", Load(0b101), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 2, false))),
  row("lwu", Load(0b110), (o, { rd, rs1, imm }) => o.set(rd, o.load(o.add(o.get(rs1), o.imm(imm)), 4, false))),
  row("sb", S(0b000), (o, { rs1, rs2, imm }) => o.store(o.add(o.get(rs1), o.imm(imm)), 1, o.get(rs2))),
  row("sh", S(0b001), (o, { rs1, rs2, imm }) => o.store(o.add(o.get(rs1), o.imm(imm)), 2, o.get(rs2))),
  row("sw", S(0b010), (o, { rs1, rs2, imm }) => o.store(o.add(o.get(rs1), o.imm(imm)), 4, o.get(rs2))),
  row("sd", S(0b011), (o, { rs1, rs2, imm }) => o.store(o.add(o.get(rs1), o.imm(imm)), 8, o.get(rs2))),

  row("addi", I(OP_IMM, 0b000), (o, { rd, rs1, imm }) => o.set(rd, o.add(o.get(rs1), o.imm(imm)))),
  row("slti", I(OP_IMM, 0b010), (o, { rd, rs1, imm }) => o.set(rd, o.bool(o.lts(o.get(rs1), o.imm(imm))))),
  row("sltiu", I(OP_IMM, 0b011), (o, { rd, rs1, imm }) => o.set(rd, o.bool(o.ltu(o.get(rs1), o.imm(imm))))),
  row("xori", I(OP_IMM, 0b100), (o, { rd, rs1, imm }) => o.set(rd, o.xor(o.get(rs1), o.imm(imm)))),
  row("ori", I(OP_IMM, 0b110), (o, { rd, rs1, imm }) => o.set(rd, o.or(o.get(rs1), o.imm(imm)))),
  row("andi", I(OP_IMM, 0b111), (o, { rd, rs1, imm }) => o.set(rd, o.and(o.get(rs1), o.imm(imm)))),
  row("slli", Shift(0b001, 0b000000), (o, { rd, rs1, imm }) => o.set(rd, o.shl(o.get(rs1), o.imm(imm)))),
  row("srli", Shift(0b101, 0b000000), (o, { rd, rs1, imm }) => o.set(rd, o.shru(o.get(rs1), o.imm(imm)))),
  row("srai", Shift(0b101, 0b010000), (o, { rd, rs1, imm }) => o.set(rd, o.shrs(o.get(rs1), o.imm(imm)))),

  row("add", R(OP, 0b000, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.add(o.get(rs1), o.get(rs2)))),
  row("sub", R(OP, 0b000, 0b0100000), (o, { rd, rs1, rs2 }) => o.set(rd, o.sub(o.get(rs1), o.get(rs2)))),
  row("sll", R(OP, 0b001, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.shl(o.get(rs1), o.get(rs2)))),
  row("slt", R(OP, 0b010, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.bool(o.lts(o.get(rs1), o.get(rs2))))),
  row("sltu", R(OP, 0b011, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.bool(o.ltu(o.get(rs1), o.get(rs2))))),
  row("xor", R(OP, 0b100, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.xor(o.get(rs1), o.get(rs2)))),
  row("srl", R(OP, 0b101, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.shru(o.get(rs1), o.get(rs2)))),
  row("sra", R(OP, 0b101, 0b0100000), (o, { rd, rs1, rs2 }) => o.set(rd, o.shrs(o.get(rs1), o.get(rs2)))),
  row("or", R(OP, 0b110, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.or(o.get(rs1), o.get(rs2)))),
  row("and", R(OP, 0b111, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.and(o.get(rs1), o.get(rs2)))),

  /** Add word immediate: rd = sext32(rs1 + imm). */
  row("addiw", I(OP_IMM_32, 0b000), (o, { rd, rs1, imm }) => o.set(rd, o.sext32(o.add(o.get(rs1), o.imm(imm))))),
  row("slliw", ShiftW(0b001, 0), (o, { rd, rs1, imm }) => o.set(rd, o.shl32(o.get(rs1), o.imm(imm)))),
  row("srliw", ShiftW(0b101, 0), (o, { rd, rs1, imm }) => o.set(rd, o.shru32(o.get(rs1), o.imm(imm)))),
  row("sraiw", ShiftW(0b101, 0b0100000), (o, { rd, rs1, imm }) => o.set(rd, o.shrs32(o.get(rs1), o.imm(imm)))),
  /** Add word: rd = sext32(rs1 + rs2). */
  row("addw", R(OP_32, 0b000, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(o.add(o.get(rs1), o.get(rs2))))),
  row("subw", R(OP_32, 0b000, 0b0100000), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(o.sub(o.get(rs1), o.get(rs2))))),
  row("sllw", R(OP_32, 0b001, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.shl32(o.get(rs1), o.get(rs2)))),
  row("srlw", R(OP_32, 0b101, 0), (o, { rd, rs1, rs2 }) => o.set(rd, o.shru32(o.get(rs1), o.get(rs2)))),
  row("sraw", R(OP_32, 0b101, 0b0100000), (o, { rd, rs1, rs2 }) => o.set(rd, o.shrs32(o.get(rs1), o.get(rs2)))),
];
