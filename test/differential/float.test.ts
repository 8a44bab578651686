// The soft float against real QEMU: every operation of F and D in every rounding mode, results and flags, on a table of
// operands. Skipped where QEMU is missing.

import { describe, expect, test } from "vitest";
import * as float from "../../emulator/float/index.ts";
import { box, unbox, type Flags, type Precision } from "../../emulator/float/index.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { bitsOf, corners, operand } from "../support/float.ts";
import { REG } from "../support/asm.ts";
import { elf, hasQemu, onQemu, park, printAndStop } from "../support/qemu.ts";
import { Random } from "../support/random.ts";
import { Rig } from "../support/rig.ts";

/** Register values of one run of an operation. */
interface Operands {
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
  readonly x: bigint;
}

interface Operation {
  readonly name: string;
  /** Instruction word on f0 ← f1, f2, f3 or, where it is an integer register, t1 ← or ← t2; rm is 0. */
  readonly word: number;
  /** Whether the result is in t1. */
  readonly toX: boolean;
  readonly rounds: boolean;
  /** The 64-bit register value it gives. */
  readonly ours: (v: Operands, rm: number, flags: Flags) => bigint;
}

const OP_FP = 0x53;
const FFLAGS = 0x001;
const R = (funct7: number, rs2: number, rs1: number, funct3: number, rd: number): number =>
  ((funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | OP_FP) >>> 0;
const SIGN = { s: 1n << 31n, d: 1n << 63n } as const;

function operations(p: Precision): Operation[] {
  const fmt = p === "s" ? 0 : 1;
  const other = p === "s" ? "d" : "s";
  const up = (reg: bigint): bigint => (p === "s" ? unbox(reg) : reg);
  const down = (bits: bigint): bigint => (p === "s" ? box(bits) : bits);
  const of = (name: string, word: number, rounds: boolean, ours: Operation["ours"]): Operation => ({ name: `${name}.${p}`, word, toX: false, rounds, ours });
  const out: Operation[] = [];
  (["add", "sub", "mul", "div"] as const).forEach((name, n) =>
    out.push(of(name, R((n << 2) | fmt, 2, 1, 0, 0), true, (v, rm, f) => down(float[name](p, up(v.a), up(v.b), rm, f)))));
  out.push(of("sqrt", R(0x2c | fmt, 0, 1, 0, 0), true, (v, rm, f) => down(float.sqrt(p, up(v.a), rm, f))));
  const fused: [string, number, bigint, bigint][] = [["madd", 0x43, 0n, 0n], ["msub", 0x47, 0n, SIGN[p]], ["nmsub", 0x4b, SIGN[p], 0n], ["nmadd", 0x4f, SIGN[p], SIGN[p]]];
  for (const [name, opcode, product, addend] of fused) {
    const word = ((3 << 27) | (fmt << 25) | (2 << 20) | (1 << 15) | opcode) >>> 0;
    out.push(of(name, word, true, (v, rm, f) => down(float.fma(p, up(v.a) ^ product, up(v.b), up(v.c) ^ addend, rm, f))));
  }
  (["min", "max"] as const).forEach((name, n) => out.push(of(name, R(0x14 | fmt, 2, 1, n, 0), false, (v, _, f) => down(float[name](p, up(v.a), up(v.b), f)))));
  (["le", "lt", "eq"] as const).forEach((name, n) =>
    out.push({ ...of(name, R(0x50 | fmt, 2, 1, n, REG.t1), false, (v, _, f) => (float[name](p, up(v.a), up(v.b), f) ? 1n : 0n)), toX: true }));
  out.push({ ...of("class", R(0x70 | fmt, 0, 1, 1, REG.t1), false, (v) => BigInt(float.classify(p, up(v.a)))), toX: true });
  out.push(of("cvt from the other", R(0x20 | fmt, 1 - fmt, 1, 0, 0), true, (v, rm, f) => down(float.convert(other, p, other === "s" ? unbox(v.a) : v.a, rm, f))));
  ([["w", 32, true], ["wu", 32, false], ["l", 64, true], ["lu", 64, false]] as const).forEach(([name, width, signed], n) => {
    out.push({ ...of(`cvt to ${name}`, R(0x60 | fmt, n, 1, 0, REG.t1), true, (v, rm, f) => float.toInteger(p, up(v.a), width, signed, rm, f)), toX: true });
    out.push(of(`cvt from ${name}`, R(0x68 | fmt, n, REG.t2, 0, 0), true, (v, rm, f) => down(float.fromInteger(p, v.x, width, signed, rm, f))));
  });
  return out;
}

const FLD = (rd: number, base: number, offset: number): number => (offset << 20) | (base << 15) | (3 << 12) | (rd << 7) | 0x07;
const FSD_F0_T3 = (REG.t3 << 15) | (3 << 12) | 0x27;
const TABLE = RAM + 0x100000;
const RESULTS = RAM + 0x200000;

/** A program that runs every operation in every mode on every row of a table, and prints results, then flags, eight to a dword. */
function program(list: readonly (Operation & { rm: number })[], rows: readonly Operands[]): Uint8Array {
  const a = new Rig();
  const flagsAt = RESULTS + 8 * list.length * rows.length;
  park(a);
  a.csrli("mstatus", 1 << 13).li("t3", RESULTS).li("t4", flagsAt); // FS = initial
  list.forEach((o, n) => {
    a.li("s0", TABLE).li("s1", rows.length).label(`row.${n}`);
    [1, 2, 3].forEach((reg, i) => a.word(FLD(reg, REG.s0, 8 * i)));
    a.i("ld", "t2", "s0", 24).csrw(FFLAGS, 0).word(o.word | (o.rounds ? o.rm << 12 : 0)).csrr("t5", FFLAGS);
    if (o.toX) a.s("sd", "t1", "t3");
    else a.word(FSD_F0_T3);
    a.s("sb", "t5", "t4").i("addi", "t3", "t3", 8).i("addi", "t4", "t4", 1).i("addi", "s0", "s0", 32).i("addi", "s1", "s1", -1).branch("bne", "s1", 0, `row.${n}`);
  });
  printAndStop(a, [[RESULTS, list.length * rows.length], [flagsAt, Math.ceil((list.length * rows.length) / 8)]]);
  a.org(TABLE);
  for (const v of rows) a.dword(v.a).dword(v.b).dword(v.c).dword(v.x);
  return elf(a.image());
}

/** Operands of which the third often nearly cancels the product; of single precision some are not NaN-boxed. */
function table(p: Precision, r: Random, count: number): Operands[] {
  const register = (bits: bigint): bigint => (p === "d" ? bits : r.oneIn(40) ? bits | (BigInt(r.bits()) << 32n) : box(bits));
  const all = corners(p);
  // Products of (1 − 2^−2k) times the least normal number: about to be tiny after rounding.
  const [root, half] = p === "s" ? [2 ** -63, 12] : [2 ** -511, 27];
  const border = [-1, 0, 1].map((d) => 2 ** -(half + d)).map((e) => [bitsOf(p, root * (1 + e)), bitsOf(p, root * (1 - e))] as const);
  return Array.from({ length: count }, (_, n) => {
    const [a, b] = n < border.length ? border[n]! : n < all.length ? [all[n]!, r.pick(all)] : [operand(p, r), operand(p, r)];
    const near = float.mul(p, a, b, 0, { raised: 0 }) ^ SIGN[p];
    const c = r.oneIn(2) ? operand(p, r) : BigInt.asUintN(p === "s" ? 32 : 64, near + BigInt(r.between(-1, 1)));
    // The other precision is converted from register a as well.
    return { a: register(a), b: register(b), c: register(c), x: r.wide() };
  });
}

describe.skipIf(!hasQemu)("QEMU's floating point and ours", () => {
  for (const p of ["s", "d"] as const) {
    for (const seed of [1, 2]) {
      test(`${p}, seed ${seed}`, () => {
        const list = [...operations(p), ...operations(p === "s" ? "d" : "s").filter((o) => o.name.startsWith("cvt from the other"))]
          .flatMap((o) => (o.rounds ? [0, 1, 2, 3, 4] : [0]).map((rm) => ({ ...o, rm })));
        const rows = table(p, new Random(seed), 120);
        const lines = onQemu(program(list, rows)).trimEnd().split("\n").map((line) => BigInt(`0x${line}`));
        const total = list.length * rows.length;
        expect(lines.length, "lines that QEMU printed").toBe(total + Math.ceil(total / 8));
        const differences: string[] = [];
        list.forEach((o, i) => rows.forEach((v, j) => {
          const n = i * rows.length + j;
          const flags = { raised: 0 };
          const ours = BigInt.asUintN(64, o.ours(v, o.rm, flags));
          const theirs = lines[n]!;
          const raised = Number((lines[total + (n >> 3)]! >> BigInt(8 * (n & 7))) & 0xffn);
          if (ours === theirs && flags.raised === raised) return;
          const operands = [v.a, v.b, v.c, v.x].map((x) => x.toString(16)).join(", ");
          differences.push(`${o.name}, mode ${o.rm} of ${operands}: QEMU ${theirs.toString(16)} flags ${raised}, ours ${ours.toString(16)} flags ${flags.raised}`);
        }));
        expect(differences.slice(0, 20), `${differences.length} of ${total} differ`).toEqual([]);
      });
    }
  }
});
