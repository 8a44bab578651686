// The M extension: multiplication and division (Unprivileged ISA, chapter "M").

import type { Ops } from "./ops.ts";
import type { Instruction } from "./table.ts";
import { R, row } from "./row.ts";

const OP = 0b0110011;
const OP_32 = 0b0111011;
const M = 0b0000001;
const INT64_MIN = -(1n << 63n);

/** a, b and a divisor on which no division fails: 1 in place of 0, and of −1 under the least dividend. */
function signedOperands<V, C>(o: Ops<V, C>, x: V, y: V): { a: V; b: V; zero: () => C; divisor: V } {
  const a = o.let(x);
  const b = o.let(y);
  const zero = (): C => o.eq(b, o.const(0));
  const overflow = o.both(o.eq(a, o.const(INT64_MIN)), o.eq(b, o.const(-1)));
  return { a, b, zero, divisor: o.let(o.select(o.either(zero(), overflow), o.const(1), b)) };
}

/** Signed quotient: −1 for a zero divisor, the dividend on overflow. */
function div<V, C>(o: Ops<V, C>, x: V, y: V): V {
  const { a, zero, divisor } = signedOperands(o, x, y);
  return o.select(zero(), o.const(-1), o.divs(a, divisor));
}

/** Signed remainder: the dividend for a zero divisor, 0 on overflow. */
function rem<V, C>(o: Ops<V, C>, x: V, y: V): V {
  const { a, zero, divisor } = signedOperands(o, x, y);
  return o.select(zero(), a, o.rems(a, divisor));
}

/** Unsigned quotient: all ones for a zero divisor. */
function divu<V, C>(o: Ops<V, C>, x: V, y: V): V {
  const b = o.let(y);
  const zero = (): C => o.eq(b, o.const(0));
  const divisor = o.let(o.select(zero(), o.const(1), b));
  return o.select(zero(), o.const(-1), o.divu(x, divisor));
}

/** Unsigned remainder: the dividend for a zero divisor. */
function remu<V, C>(o: Ops<V, C>, x: V, y: V): V {
  const a = o.let(x);
  const b = o.let(y);
  const zero = (): C => o.eq(b, o.const(0));
  const divisor = o.let(o.select(zero(), o.const(1), b));
  return o.select(zero(), a, o.remu(a, divisor));
}

export const RV64M: readonly Instruction[] = [
  row("mul", R(OP, 0b000, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.mul(o.get(rs1), o.get(rs2)))),
  row("mulh", R(OP, 0b001, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.mulhs(o.get(rs1), o.get(rs2)))),
  row("mulhsu", R(OP, 0b010, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.mulhsu(o.get(rs1), o.get(rs2)))),
  row("mulhu", R(OP, 0b011, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.mulhu(o.get(rs1), o.get(rs2)))),
  row("div", R(OP, 0b100, M), (o, { rd, rs1, rs2 }) => o.set(rd, div(o, o.get(rs1), o.get(rs2)))),
  row("divu", R(OP, 0b101, M), (o, { rd, rs1, rs2 }) => o.set(rd, divu(o, o.get(rs1), o.get(rs2)))),
  row("rem", R(OP, 0b110, M), (o, { rd, rs1, rs2 }) => o.set(rd, rem(o, o.get(rs1), o.get(rs2)))),
  row("remu", R(OP, 0b111, M), (o, { rd, rs1, rs2 }) => o.set(rd, remu(o, o.get(rs1), o.get(rs2)))),
  row("mulw", R(OP_32, 0b000, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(o.mul(o.get(rs1), o.get(rs2))))),
  row("divw", R(OP_32, 0b100, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(div(o, o.sext32(o.get(rs1)), o.sext32(o.get(rs2)))))),
  row("divuw", R(OP_32, 0b101, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(divu(o, o.zext32(o.get(rs1)), o.zext32(o.get(rs2)))))),
  row("remw", R(OP_32, 0b110, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(rem(o, o.sext32(o.get(rs1)), o.sext32(o.get(rs2)))))),
  row("remuw", R(OP_32, 0b111, M), (o, { rd, rs1, rs2 }) => o.set(rd, o.sext32(remu(o, o.zext32(o.get(rs1)), o.zext32(o.get(rs2)))))),
];
