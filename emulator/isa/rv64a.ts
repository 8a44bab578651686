// The A extension: load-reserved, store-conditional and atomic memory operations (Unprivileged ISA, chapter "A").

import type { Ops } from "./ops.ts";
import type { Instruction } from "./table.ts";
import { Amo, row } from "./row.ts";

type Combine = <V, C>(o: Ops<V, C>, old: V, src: V) => V;

/** rd = old value at [rs1]; [rs1] = combine(old, rs2). Word forms see both operands sign-extended from 32 bits. */
function amo(name: string, funct5: number, combine: Combine): Instruction[] {
  return ([4, 8] as const).map((size) =>
    row(`${name}.${size === 4 ? "w" : "d"}`, Amo(size === 4 ? 0b010 : 0b011, funct5), (o, { rd, rs1, rs2 }) => {
      const address = o.let(o.get(rs1));
      const src = o.let(size === 4 ? o.sext32(o.get(rs2)) : o.get(rs2));
      const old = o.let(o.loadForAmo(address, size));
      o.store(address, size, combine(o, old, src));
      o.set(rd, old);
    }));
}

/** Unsigned order is the same on sign-extended words as on the words themselves. */
export const RV64A: readonly Instruction[] = [
  ...([4, 8] as const).flatMap((size) => {
    const funct3 = size === 4 ? 0b010 : 0b011;
    const suffix = size === 4 ? "w" : "d";
    return [
      row(`lr.${suffix}`, { ...Amo(funct3, 0b00010), mask: 0xf9f0707f }, (o, { rd, rs1 }) => o.set(rd, o.loadReserved(o.get(rs1), size))),
      row(`sc.${suffix}`, Amo(funct3, 0b00011), (o, { rd, rs1, rs2 }) => o.set(rd, o.storeConditional(o.get(rs1), size, o.get(rs2)))),
    ];
  }),
  ...amo("amoswap", 0b00001, (_o, _old, src) => src),
  ...amo("amoadd", 0b00000, (o, old, src) => o.add(old, src)),
  ...amo("amoxor", 0b00100, (o, old, src) => o.xor(old, src)),
  ...amo("amoand", 0b01100, (o, old, src) => o.and(old, src)),
  ...amo("amoor", 0b01000, (o, old, src) => o.or(old, src)),
  ...amo("amomin", 0b10000, (o, old, src) => o.select(o.lts(old, src), old, src)),
  ...amo("amomax", 0b10100, (o, old, src) => o.select(o.lts(old, src), src, old)),
  ...amo("amominu", 0b11000, (o, old, src) => o.select(o.ltu(old, src), old, src)),
  ...amo("amomaxu", 0b11100, (o, old, src) => o.select(o.ltu(old, src), src, old)),
];
