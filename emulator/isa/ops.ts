// The vocabulary in which instructions are described. Each engine is one interpretation of it:
// reference.ts evaluates with BigInt, interpreter.ts emits WebAssembly over decoded records, a JIT
// emits WebAssembly with operands as constants.

/** A register operand, opaque to semantics: a number in the reference, a record field in the interpreter. */
export type Reg = number & { readonly reg?: unique symbol };
/** An immediate operand, equally opaque. */
export type Imm = number & { readonly imm?: unique symbol };

/** The operands of one instruction, under the manual's names. */
export interface Fields {
  readonly rd: Reg;
  readonly rs1: Reg;
  readonly rs2: Reg;
  readonly rs3: Reg;
  readonly imm: Imm;
}

/** A binary32 or a binary64. */
export type Precision = "s" | "d";
/** Integers that floating-point values are converted from and to: words and longs, signed and unsigned. */
export const INTEGERS = ["w", "wu", "l", "lu"] as const;
export type Integer = (typeof INTEGERS)[number];

const FOR_BOTH = ["fadd", "fsub", "fmul", "fdiv", "fsqrt", "fmadd", "fmin", "fmax", "feq", "flt", "fle", "fclass"] as const;

/** The floating-point operations, called by the instructions that are nothing else. */
export type FloatOperation =
  | `${(typeof FOR_BOTH)[number]}.${Precision}` | `fcvt.${Integer}.${Precision}` | `fcvt.${Precision}.${Integer}` | "fcvt.s.d" | "fcvt.d.s";

/** Every one of them, in the order by which emitted code numbers them. */
export const FLOAT_OPERATIONS: readonly FloatOperation[] = [
  ...(["s", "d"] as const).flatMap((p): FloatOperation[] => [
    ...FOR_BOTH.map((name) => `${name}.${p}` as const),
    ...INTEGERS.flatMap((i) => [`fcvt.${i}.${p}`, `fcvt.${p}.${i}`] as const),
  ]),
  "fcvt.s.d", "fcvt.d.s",
];

/** Access widths in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Instructions whose meaning lives in hart/system.ts, because it is about the hart and not about values. */
export type SystemKind =
  | "csrrw" | "csrrs" | "csrrc" | "csrrwi" | "csrrsi" | "csrrci"
  | "ecall" | "ebreak" | "mret" | "sret" | "wfi" | "sfence.vma" | "illegal";

/** Every system instruction, in the order by which emitted code numbers them. */
export const SYSTEM_KINDS: readonly SystemKind[] = [
  "csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci",
  "ecall", "ebreak", "mret", "sret", "wfi", "sfence.vma", "illegal",
];

/**
 * Builder of instruction semantics. `V` is a 64-bit value, `C` a condition.
 * A value may be used once; name it with `let` to use it again or across a store.
 */
export interface Ops<V, C> {
  get(r: Reg): V;
  set(r: Reg, v: V): void;
  imm(i: Imm): V;
  const(v: number | bigint): V;
  let(v: V): V;
  /** Address of this instruction, and of the one after it. */
  pc(): V;
  next(): V;

  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  and(a: V, b: V): V;
  or(a: V, b: V): V;
  xor(a: V, b: V): V;
  /** Shifts take their amount modulo 64; the 32-bit forms modulo 32, giving a sign-extended result. */
  shl(a: V, b: V): V;
  shru(a: V, b: V): V;
  shrs(a: V, b: V): V;
  shl32(a: V, b: V): V;
  shru32(a: V, b: V): V;
  shrs32(a: V, b: V): V;
  mul(a: V, b: V): V;
  /** High 64 bits of the 128-bit product: signed, signed × unsigned, unsigned. */
  mulhs(a: V, b: V): V;
  mulhsu(a: V, b: V): V;
  mulhu(a: V, b: V): V;
  /** Quotient and remainder; the divisor must not be zero, nor −1 under the least dividend. */
  divs(a: V, b: V): V;
  divu(a: V, b: V): V;
  rems(a: V, b: V): V;
  remu(a: V, b: V): V;
  sext32(a: V): V;
  zext32(a: V): V;

  eq(a: V, b: V): C;
  ne(a: V, b: V): C;
  lts(a: V, b: V): C;
  ges(a: V, b: V): C;
  ltu(a: V, b: V): C;
  geu(a: V, b: V): C;
  both(a: C, b: C): C;
  either(a: C, b: C): C;
  /** 1 or 0. */
  bool(c: C): V;
  select(c: C, a: V, b: V): V;

  /** Memory through the MMU; a fault ends the instruction without further effect. */
  load(address: V, size: Size, signed: boolean): V;
  store(address: V, size: Size, v: V): void;
  /** The load half of an AMO: translated as a store, misaligned addresses trap. Sign-extended. */
  loadForAmo(address: V, size: 4 | 8): V;
  loadReserved(address: V, size: 4 | 8): V;
  /** 0 when stored, 1 when the reservation was lost. */
  storeConditional(address: V, size: 4 | 8, v: V): V;

  /** Continue at pc + offset when the condition holds. */
  branch(c: C, offset: Imm): void;
  jump(offset: Imm): void;
  /** Continue at an address whose bit 0 is clear. */
  jumpTo(address: V): void;
  /** Illegal instruction where mstatus.FS is Off: the first thing that every floating-point instruction does. */
  floating(): void;
  /** All 64 bits of a floating-point register; f0 is one like the others. Setting one makes FS Dirty. */
  getF(r: Reg): V;
  setF(r: Reg, v: V): void;
  /**
   * The operation on what registers hold, giving what a register holds: singles NaN-boxed (badly boxed ones count as the
   * canonical NaN), integers of 32 bits sign-extended, comparisons 1 or 0. `rm` is the rounding-mode field of an
   * instruction that has one: 7 stands for frm, a reserved mode is an illegal instruction. Flags accrue in fcsr; when
   * that changes it, FS becomes Dirty.
   */
  float(operation: FloatOperation, operands: readonly V[], rm?: Imm): V;
  /** See hart/system.ts; `word` is the whole instruction. */
  system(kind: SystemKind, word: Imm): void;
}

/** What an instruction does, in any interpretation. */
export type Semantics = <V, C>(o: Ops<V, C>, f: Fields) => void;
