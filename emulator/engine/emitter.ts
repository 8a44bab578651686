// What the interpreter is written in: its locals, the helpers that it calls, and the interpretation of Ops that emits
// the code of one instruction over decoded records.

import {
  ADDRESS, BUDGET, NEXT_PC, PC, RECORD, SLOT, TLB_R, TLB_W, VALUE,
} from "../hart/layout.ts";
import { RNE, RTZ } from "../float/index.ts";
import { STATUS_FS } from "../hart/bits.ts";
import { FLOAT_OPERATIONS, SYSTEM_KINDS, type Fields, type FloatOperation, type Imm, type Ops, type Reg, type Size, type SystemKind } from "../isa/ops.ts";
import { REFETCH } from "../mmu/mmu.ts";
import { floatFunctions, type FloatFunction } from "./float/functions.ts";
import { DYNAMIC, FRM_SHIFT, LAST_ROUNDING_MODE } from "./float-operation.ts";
import { I32, I64, br, brIf, call, i32, i64, ifElse, local, select, type Code, type ImportedFunction } from "./wasm/encoder.ts";

/** Helpers that emitted code calls; these take and give i32, wide data passes through the hart's state page. */
export const HELPERS = ["fetch", "single", "decode", "load", "store", "amo", "lr", "sc", "system", "refuse"] as const;
export type Helper = (typeof HELPERS)[number];
const PARAMETERS: Readonly<Record<Helper, number>> = { fetch: 0, single: 0, decode: 2, load: 1, store: 1, amo: 1, lr: 1, sc: 1, system: 2, refuse: 0 };
/** The exact arithmetic: which operation, rounding mode, operands. Its values are BigInts on the other side anyway. */
const FLOAT: ImportedFunction = { name: "float", parameters: [I32, I32, I64, I64, I64], results: [I64] };
export const imports: readonly ImportedFunction[] = [
  ...HELPERS.map((name) => ({ name, parameters: Array.from({ length: PARAMETERS[name] }, () => I32), results: [I32] })),
  FLOAT,
];
export const helper = (name: Helper, ...args: Code[]): Code => call(HELPERS.indexOf(name), ...args);
const exactFloat = (operation: FloatOperation, rm: Code, operands: readonly Code[]): Code =>
  call(HELPERS.length, i32.const(FLOAT_OPERATIONS.indexOf(operation)), rm, ...[0, 1, 2].map((i) => operands[i] ?? i64.const(0)));

/** The fast path of floating point, in the one rounding mode that an operation has it for. */
export const fastFloats = (base: number): FloatFunction[] =>
  floatFunctions({ fflags: base + 4 * SLOT.fcsr }, (operation, args) => exactFloat(operation, i32.const(fastMode(operation)), args));
const toInteger = (operation: FloatOperation): boolean => /^fcvt\.[wl]/.test(operation);
const fastMode = (operation: FloatOperation): number => (toInteger(operation) ? RTZ : RNE);
/** The functions of the module: the interpreter, its part for floating point, the fast path. */
export const FLOATING = imports.length + 1;
export const functionIndices = (floats: readonly FloatFunction[]): ReadonlyMap<string, number> =>
  new Map(floats.map(({ name }, i) => [name, FLOATING + 1 + i]));

// Locals. The first ones live through the loop, and are the parameters of the function for floating point; those from
// TEMPORARY on belong to one instruction at a time.
export const BUDGET_LEFT = 0; // i32
export const CUR = 1;         // i32: record of this instruction
export const IP = 2;          // i32: record of the next
export const RECORDS = 3;     // i32: first record of the page
export const DATA_SET = 4;    // i32: TLB set for data
export const PAGE = 5;        // i64: virtual address of the page
export const ENTRY = 6;       // i32: TLB entry probed
const HOST = 7;               // i32: where a load or store goes
export const STATUS = 8;      // i32
const ROUNDING = 9;           // i32: rounding mode of a floating-point operation
export const NEXT = 10;       // i64: pc to go on at after leaving the page
const WHERE = 11;             // i64: address of a load or store
const TEMPORARY = 12;         // i64 …
const TEMPORARIES = 12;
export const SHARED_LOCALS = [I32, I32, I32, I32, I32, I64];
export const OWN_LOCALS = [I32, I32, I32, I32, I64, I64, ...Array.from({ length: TEMPORARIES }, () => I64)];

export const ZERO = i32.const(0);
export const SLOT_SHIFT = i32.const(3); // 16 bytes of record for 2 of code

/** Virtual address of the record at `at`. */
export const addressOf = (at: Code): Code => i64.add(local.get(PAGE), i64.extend32s(i32.shrs(i32.sub(at, local.get(RECORDS)), SLOT_SHIFT)));
export const tlbIndex = (address: Code, set: Code): Code => i32.add(i32.and(i32.shru(i32.wrap(address), i32.const(8)), i32.const(0xfff0)), set);

const LOADS: Readonly<Record<string, (address: Code, offset?: number) => Code>> = {
  "1s": i64.load8s, "1u": i64.load8u, "2s": i64.load16s, "2u": i64.load16u, "4s": i64.load32s, "4u": i64.load32u, "8s": i64.load, "8u": i64.load,
};
const STORES = { 1: i64.store8, 2: i64.store16, 4: i64.store32, 8: i64.store } as const;

/** Operands are fields of the record that CUR points to. */
export const FIELDS: Fields = { rd: RECORD.rd, rs1: RECORD.rs1, rs2: RECORD.rs2, rs3: RECORD.rs3, imm: RECORD.imm };

/** Collects the code of one operation. `outer` is the branch depth from its top level to where NEXT is gone on at. */
export class Emitter implements Ops<Code, Code> {
  readonly code: number[] = [];
  private used = 0;
  private readonly base: number;
  private readonly inPage: boolean;
  private readonly outer: number;
  private readonly fast: ReadonlyMap<string, number>;

  /** `fast` are the functions of the floating-point fast path, by operation. */
  constructor(base: number, inPage: boolean, outer: number, fast: ReadonlyMap<string, number>) {
    this.fast = fast;
    this.base = base;
    this.inPage = inPage;
    this.outer = outer;
  }

  emit(...parts: Code[]): void {
    for (const p of parts) for (const byte of p) this.code.push(byte);
  }

  get(r: Reg): Code {
    return i64.load(i32.load16u(local.get(CUR), r), this.base);
  }

  set(r: Reg, v: Code): void {
    this.emit(i64.store(i32.load16u(local.get(CUR), r), v, this.base));
  }

  imm(i: Imm): Code {
    return i64.load32s(local.get(CUR), i);
  }

  const(v: number | bigint): Code {
    return i64.const(v);
  }

  let(v: Code): Code {
    if (this.used === TEMPORARIES) throw new Error("interpreter: an instruction needs more temporaries than there are");
    const n = TEMPORARY + this.used++;
    this.emit(local.set(n, v));
    return local.get(n);
  }

  pc(): Code {
    return addressOf(local.get(CUR));
  }

  next(): Code {
    return addressOf(local.get(IP));
  }

  readonly add = i64.add;
  readonly sub = i64.sub;
  readonly and = i64.and;
  readonly or = i64.or;
  readonly xor = i64.xor;
  readonly shl = i64.shl;
  readonly shru = i64.shru;
  readonly shrs = i64.shrs;
  readonly shl32 = narrow(i32.shl);
  readonly shru32 = narrow(i32.shru);
  readonly shrs32 = narrow(i32.shrs);
  readonly mul = i64.mul;
  readonly divs = i64.divs;
  readonly divu = i64.divu;
  readonly rems = i64.rems;
  readonly remu = i64.remu;
  readonly eq = i64.eq;
  readonly ne = i64.ne;
  readonly lts = i64.lts;
  readonly ges = i64.ges;
  readonly ltu = i64.ltu;
  readonly geu = i64.geu;
  readonly both = i32.and;
  readonly either = i32.or;

  /** Schoolbook product of 32-bit halves: the carry out of the middle column decides the high word. */
  mulhu(x: Code, y: Code): Code {
    const a = this.let(x);
    const b = this.let(y);
    const low = (v: Code): Code => i64.and(v, i64.const(0xffffffff));
    const high = (v: Code): Code => i64.shru(v, i64.const(32));
    const cross = this.let(i64.add(i64.mul(high(a), low(b)), high(i64.mul(low(a), low(b)))));
    const middle = this.let(i64.add(i64.mul(low(a), high(b)), low(cross)));
    return i64.add(i64.add(i64.mul(high(a), high(b)), high(cross)), high(middle));
  }

  mulhs(x: Code, y: Code): Code {
    const a = this.let(x);
    const b = this.let(y);
    const high = this.mulhu(a, b);
    return i64.sub(i64.sub(high, i64.and(i64.shrs(a, i64.const(63)), b)), i64.and(i64.shrs(b, i64.const(63)), a));
  }

  mulhsu(x: Code, y: Code): Code {
    const a = this.let(x);
    const b = this.let(y);
    return i64.sub(this.mulhu(a, b), i64.and(i64.shrs(a, i64.const(63)), b));
  }

  sext32(a: Code): Code {
    return i64.extend32s(i32.wrap(a));
  }

  zext32(a: Code): Code {
    return i64.extend32u(i32.wrap(a));
  }

  bool(c: Code): Code {
    return i64.extend32u(c);
  }

  select(c: Code, a: Code, b: Code): Code {
    return select(a, b, c);
  }

  load(address: Code, size: Size, isSigned: boolean): Code {
    this.probe(address, size, TLB_R, "load");
    return LOADS[`${size}${isSigned ? "s" : "u"}`]!(local.get(HOST));
  }

  loadForAmo(address: Code, size: 4 | 8): Code {
    this.probe(address, size, TLB_W, "amo");
    return LOADS[`${size}s`]!(local.get(HOST));
  }

  loadReserved(address: Code, size: 4 | 8): Code {
    this.emit(this.sync(), i64.store(ZERO, address, this.base + ADDRESS), local.set(STATUS, helper("lr", i32.const(size))));
    this.emit(this.leaveUnlessDone(0));
    return LOADS[`${size}s`]!(ZERO, this.base + VALUE);
  }

  storeConditional(address: Code, size: 4 | 8, v: Code): Code {
    this.emit(this.sync(), i64.store(ZERO, address, this.base + ADDRESS), i64.store(ZERO, v, this.base + VALUE));
    this.emit(local.set(STATUS, helper("sc", i32.const(size))));
    this.emit(this.leaveUnlessDone(0));
    return i64.load(ZERO, this.base + VALUE);
  }

  store(address: Code, size: Size, v: Code): void {
    const value = this.let(v);
    this.emit(local.set(WHERE, address), local.set(ENTRY, tlbIndex(local.get(WHERE), local.get(DATA_SET))));
    const slow = [
      ...this.sync(),
      ...i64.store(ZERO, local.get(WHERE), this.base + ADDRESS),
      ...i64.store(ZERO, value, this.base + VALUE),
      ...local.set(STATUS, helper("store", i32.const(size))),
      ...this.leaveUnlessDone(1),
    ];
    const host = i32.add(i32.wrap(local.get(WHERE)), i32.load(local.get(ENTRY), TLB_W + 8));
    this.emit(ifElse(this.hit(size, TLB_W), STORES[size](host, value), slow));
  }

  branch(c: Code, offset: Imm): void {
    this.emit(ifElse(c, this.goTo(offset, 1)));
  }

  jump(offset: Imm): void {
    this.emit(this.goTo(offset, 0));
  }

  jumpTo(address: Code): void {
    this.emit(local.set(NEXT, address), br(this.outer));
  }

  floating(): void {
    this.refuseIf(i32.eqz(i32.and(this.status(), i32.const(STATUS_FS))));
  }

  getF(r: Reg): Code {
    return this.get(r);
  }

  setF(r: Reg, v: Code): void {
    this.set(r, v);
    this.emit(this.touchFloat());
  }

  float(operation: FloatOperation, operands: readonly Code[], rm?: Imm): Code {
    const values = operands.map((v) => this.let(v));
    if (rm !== undefined) this.round(rm);
    const exact = exactFloat(operation, rm === undefined ? ZERO : local.get(ROUNDING), values);
    const fast = this.fast.get(operation);
    if (fast === undefined) return this.let(exact);
    if (rm === undefined) return this.let(call(fast, ...values));
    const either = ifElse(i32.eq(local.get(ROUNDING), i32.const(fastMode(operation))), call(fast, ...values), exact, I64);
    if (!toInteger(operation)) return this.let(either);
    // NX from the fast path: of what sets no floating-point register, only this makes FS Dirty.
    const before = this.let(i64.load(ZERO, this.base + 4 * SLOT.fcsr));
    const result = this.let(either);
    this.emit(ifElse(i64.ne(before, i64.load(ZERO, this.base + 4 * SLOT.fcsr)), this.touchFloat()));
    return result;
  }

  system(kind: SystemKind, word: Imm): void {
    this.emit(this.sync(), i64.store(ZERO, this.next(), this.base + NEXT_PC));
    this.emit(local.set(STATUS, helper("system", i32.const(SYSTEM_KINDS.indexOf(kind)), i32.load(local.get(CUR), word))));
    this.emit(this.leaveUnlessDone(0));
  }

  /** mstatus, the half that holds FS. */
  private status(): Code {
    return i32.load(ZERO, this.base + 4 * SLOT.mstatus);
  }

  /** FS = Dirty. */
  private touchFloat(): Code {
    return i32.store(ZERO, i32.or(this.status(), i32.const(STATUS_FS)), this.base + 4 * SLOT.mstatus);
  }

  /** ROUNDING = the mode that the instruction's field names; illegal where that is reserved. */
  private round(rm: Imm): void {
    this.emit(local.set(ROUNDING, i32.load(local.get(CUR), rm)));
    const dynamic = i32.shru(i32.load(ZERO, this.base + 4 * SLOT.fcsr), i32.const(FRM_SHIFT));
    this.emit(ifElse(i32.eq(local.get(ROUNDING), i32.const(DYNAMIC)), local.set(ROUNDING, dynamic)));
    this.refuseIf(i32.gtu(local.get(ROUNDING), i32.const(LAST_ROUNDING_MODE)));
  }

  /** An illegal instruction after all: out of every block but those around the last operation, which is `refuse`. */
  private refuseIf(c: Code): void {
    this.emit(brIf(c, this.outer - 2));
  }

  /** The last operation, to which these come. */
  refuse(): void {
    this.emit(this.sync(), local.set(STATUS, helper("refuse")));
    this.emit(this.leaveUnlessDone(0));
  }

  /** Continue at pc + offset, from `nesting` blocks inside the operation. */
  private goTo(offset: Imm, nesting: number): Code {
    if (this.inPage) return local.set(IP, i32.add(local.get(CUR), i32.load(local.get(CUR), offset)));
    return [...local.set(NEXT, i64.add(this.pc(), this.imm(offset))), ...br(this.outer + nesting)];
  }

  private hit(size: Size, tlb: number): Code {
    return i64.eq(i64.load(local.get(ENTRY), tlb), i64.and(local.get(WHERE), i64.const(-4096 | (size - 1))));
  }

  /** HOST = where the data lies: RAM on a hit, the VALUE slot after the slow path. */
  private probe(address: Code, size: Size, tlb: number, slowHelper: "load" | "amo"): void {
    this.emit(local.set(WHERE, address), local.set(ENTRY, tlbIndex(local.get(WHERE), local.get(DATA_SET))));
    const slow = [
      ...this.sync(),
      ...i64.store(ZERO, local.get(WHERE), this.base + ADDRESS),
      ...local.set(STATUS, helper(slowHelper, i32.const(size))),
      ...this.leaveUnlessDone(1),
      ...i32.const(this.base + VALUE),
    ];
    const fast = i32.add(i32.wrap(local.get(WHERE)), i32.load(local.get(ENTRY), tlb + 8));
    this.emit(local.set(HOST, ifElse(this.hit(size, tlb), fast, slow, I32)));
  }

  /** Make pc and budget exact in memory, for a helper to see. */
  private sync(): Code {
    return [...i64.store(ZERO, this.pc(), this.base + PC), ...i32.store(ZERO, local.get(BUDGET_LEFT), this.base + BUDGET)];
  }

  /** After a helper: take over the budget; on TRAPPED or REFETCH leave the page. */
  private leaveUnlessDone(nesting: number): Code {
    return [
      ...local.set(BUDGET_LEFT, i32.load(ZERO, this.base + BUDGET)),
      ...ifElse(local.get(STATUS), [
        ...local.set(NEXT, select(this.next(), i64.load(ZERO, this.base + PC), i32.eq(local.get(STATUS), i32.const(REFETCH)))),
        ...br(this.outer + nesting + 1),
      ]),
    ];
  }
}

function narrow(shift: (a: Code, b: Code) => Code): (a: Code, b: Code) => Code {
  return (a, b) => i64.extend32s(shift(i32.wrap(a), i32.wrap(b)));
}
