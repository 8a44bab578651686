// The reference engine: the instruction table evaluated with BigInt, one instruction at a time, as plainly as the
// manual says it. It is the oracle for the other engines; it shares with them the hart, the MMU and nothing else.

import { ADDRESS, BUDGET, F, NEXT_PC, PC, SLOT, VALUE, X, X_SINK } from "../hart/layout.ts";
import { STATUS_FS } from "../hart/bits.ts";
import type { Hart } from "../hart/hart.ts";
import { executeSystem } from "../hart/system.ts";
import { decode } from "../isa/decode.ts";
import { FORMATS } from "../isa/formats.ts";
import type { FloatOperation, Imm, Ops, Reg, Size, SystemKind } from "../isa/ops.ts";
import { expand } from "../isa/rvc.ts";
import { INSTRUCTIONS } from "../isa/table.ts";
import { DONE, REFETCH, type Status } from "../mmu/mmu.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import type { CodeCache } from "./code-cache.ts";
import { Fetcher, type Engine } from "./engine.ts";
import { operate, roundingMode } from "./float-operation.ts";

const s64 = (v: bigint): bigint => BigInt.asIntN(64, v);
const u64 = (v: bigint): bigint => BigInt.asUintN(64, v);
const s32 = (v: bigint): bigint => BigInt.asIntN(32, v);
const u32 = (v: bigint): bigint => BigInt.asUintN(32, v);

/** Thrown by a memory or system operation that set the pc itself: the rest of the instruction does not happen. */
class Ended extends Error {}
const ended = new Ended("instruction ended");

export class Reference implements Engine, Ops<bigint, boolean> {
  private readonly hart: Hart;
  private readonly view: DataView;
  private readonly fetcher: Fetcher;
  private readonly base: number;
  /** Address of this instruction and of the one to run next. */
  private at = 0n;
  private following = 0n;

  constructor(hart: Hart, memory: PhysicalMemory, code: CodeCache) {
    this.hart = hart;
    this.view = memory.view64;
    this.base = hart.base;
    this.fetcher = new Fetcher(hart, memory, code);
  }

  run(): void {
    const budget = this.base + BUDGET;
    while (this.view.getInt32(budget, true) > 0) this.step();
  }

  /** One step: an instruction, or the exception that its fetch takes. */
  private step(): void {
    const h = this.hart;
    const { pcLo, pcHi } = h;
    h.counted = 0;
    if (this.fetcher.stopsBeforeFault(pcLo, pcHi)) return;
    const low = this.fetcher.half(pcLo, pcHi);
    if (low < 0) return void this.fetcher.trapped();
    if (h.budget === 0) return; // the walk asked to leave
    if (this.fetcher.stopsAt(pcLo, pcHi)) return;
    let word = low;
    const length = (low & 3) === 3 ? 4n : 2n;
    if (length === 4n) {
      const lo2 = (pcLo + 2) | 0;
      const high = this.fetcher.half(lo2, lo2 === 0 ? (pcHi + 1) | 0 : pcHi);
      if (high < 0) return void this.fetcher.trapped();
      word = low | (high << 16);
    }
    if (h.budget === 0) return;
    h.budget--;
    h.counted = 1;
    this.at = this.view.getBigInt64(this.base + PC, true);
    this.following = s64(this.at + length);
    const full = length === 4n ? word : expand(low);
    const number = decode(full);
    const { semantics, format } = INSTRUCTIONS[number]!;
    const imm = number === 0 ? word : FORMATS[format].imm(full);
    try {
      semantics(this, { rd: (full >>> 7) & 31, rs1: (full >>> 15) & 31, rs2: (full >>> 20) & 31, rs3: full >>> 27, imm });
    } catch (e) {
      if (e !== ended) throw e;
      return;
    }
    this.view.setBigInt64(this.base + PC, this.following, true);
  }

  get(r: Reg): bigint {
    return this.view.getBigInt64(this.base + X + 8 * r, true);
  }

  set(r: Reg, v: bigint): void {
    this.view.setBigInt64(this.base + X + 8 * (r === 0 ? X_SINK : r), s64(v), true);
  }

  imm(i: Imm): bigint {
    return BigInt(i);
  }

  const(v: number | bigint): bigint {
    return BigInt(v);
  }

  let(v: bigint): bigint {
    return v;
  }

  pc(): bigint {
    return this.at;
  }

  next(): bigint {
    return s64(this.following);
  }

  // Arithmetic is exact; values are brought back to 64 signed bits when an operation depends on it, and by `set`.
  add(a: bigint, b: bigint): bigint { return s64(a + b); }
  sub(a: bigint, b: bigint): bigint { return s64(a - b); }
  and(a: bigint, b: bigint): bigint { return a & b; }
  or(a: bigint, b: bigint): bigint { return a | b; }
  xor(a: bigint, b: bigint): bigint { return a ^ b; }
  shl(a: bigint, b: bigint): bigint { return s64(a << (b & 63n)); }
  shru(a: bigint, b: bigint): bigint { return s64(u64(a) >> (b & 63n)); }
  shrs(a: bigint, b: bigint): bigint { return a >> (b & 63n); }
  shl32(a: bigint, b: bigint): bigint { return s32(a << (b & 31n)); }
  shru32(a: bigint, b: bigint): bigint { return s32(u32(a) >> (b & 31n)); }
  shrs32(a: bigint, b: bigint): bigint { return s32(a) >> (b & 31n); }
  mul(a: bigint, b: bigint): bigint { return s64(a * b); }
  mulhs(a: bigint, b: bigint): bigint { return (a * b) >> 64n; }
  mulhsu(a: bigint, b: bigint): bigint { return (a * u64(b)) >> 64n; }
  mulhu(a: bigint, b: bigint): bigint { return s64((u64(a) * u64(b)) >> 64n); }
  divs(a: bigint, b: bigint): bigint { return s64(a / b); }
  divu(a: bigint, b: bigint): bigint { return s64(u64(a) / u64(b)); }
  rems(a: bigint, b: bigint): bigint { return a % b; }
  remu(a: bigint, b: bigint): bigint { return s64(u64(a) % u64(b)); }
  sext32(a: bigint): bigint { return s32(a); }
  zext32(a: bigint): bigint { return u32(a); }
  eq(a: bigint, b: bigint): boolean { return a === b; }
  ne(a: bigint, b: bigint): boolean { return a !== b; }
  lts(a: bigint, b: bigint): boolean { return a < b; }
  ges(a: bigint, b: bigint): boolean { return a >= b; }
  ltu(a: bigint, b: bigint): boolean { return u64(a) < u64(b); }
  geu(a: bigint, b: bigint): boolean { return u64(a) >= u64(b); }
  both(a: boolean, b: boolean): boolean { return a && b; }
  either(a: boolean, b: boolean): boolean { return a || b; }
  bool(c: boolean): bigint { return c ? 1n : 0n; }
  select(c: boolean, a: bigint, b: bigint): bigint { return c ? a : b; }

  load(address: bigint, size: Size, signed: boolean): bigint {
    this.address(address);
    this.check(this.hart.mmu.load(size));
    return this.value(size, signed);
  }

  store(address: bigint, size: Size, v: bigint): void {
    this.address(address);
    this.view.setBigInt64(this.base + VALUE, v, true);
    this.check(this.hart.mmu.store(size));
  }

  loadForAmo(address: bigint, size: 4 | 8): bigint {
    this.address(address);
    this.check(this.hart.mmu.loadForAmo(size));
    return this.value(size, true);
  }

  loadReserved(address: bigint, size: 4 | 8): bigint {
    this.address(address);
    this.check(this.hart.mmu.loadReserved(size));
    return this.value(size, true);
  }

  storeConditional(address: bigint, size: 4 | 8, v: bigint): bigint {
    this.address(address);
    this.view.setBigInt64(this.base + VALUE, v, true);
    this.check(this.hart.mmu.storeConditional(size));
    return this.value(8, true);
  }

  branch(c: boolean, offset: Imm): void {
    if (c) this.jump(offset);
  }

  jump(offset: Imm): void {
    this.following = s64(this.at + BigInt(offset));
  }

  jumpTo(address: bigint): void {
    this.following = s64(address);
  }

  floating(): void {
    if ((this.hart.low(SLOT.mstatus) & STATUS_FS) === 0) this.check(this.fetcher.refuse());
  }

  getF(r: Reg): bigint {
    return this.view.getBigInt64(this.base + F + 8 * r, true);
  }

  setF(r: Reg, v: bigint): void {
    this.view.setBigInt64(this.base + F + 8 * r, s64(v), true);
    this.hart.touchFloat();
  }

  float(operation: FloatOperation, operands: readonly bigint[], rm: Imm = 0): bigint {
    const mode = roundingMode(this.hart, rm);
    if (mode === undefined) {
      this.check(this.fetcher.refuse());
      throw new Error("reference: an illegal instruction did not trap");
    }
    const [a = 0n, b = 0n, c = 0n] = operands;
    return s64(operate(this.hart, operation, mode, a, b, c));
  }

  system(kind: SystemKind, word: Imm): void {
    this.view.setBigInt64(this.base + NEXT_PC, this.following, true);
    this.check(executeSystem(this.hart, kind, word));
  }

  private address(a: bigint): void {
    this.view.setBigInt64(this.base + ADDRESS, a, true);
  }

  /** The low `size` bytes of what a helper left in VALUE. */
  private value(size: Size, signed: boolean): bigint {
    const v = this.view.getBigInt64(this.base + VALUE, true);
    return signed ? BigInt.asIntN(8 * size, v) : BigInt.asUintN(8 * size, v);
  }

  private check(status: Status): void {
    if (status !== DONE && status !== REFETCH) throw ended;
  }
}
