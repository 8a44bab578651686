// DWARF expressions: where a variable is, computed on a stack of 64-bit numbers (DWARF 5, sections 2.5 and 2.6).

import { hex, SymbolsError } from "../errors.ts";
import { unsigned } from "../value.ts";
import { OP } from "./constants.ts";
import { Cursor } from "./cursor.ts";
import type { ReadMemory } from "../value.ts";

/** What an expression may ask for. Each method throws SymbolsError when it cannot tell. */
export interface ExpressionContext {
  /** Bytes of an address. */
  readonly addressSize: number;
  readonly read: ReadMemory;
  /** Contents of a DWARF register: x0 to x31 are 0 to 31. */
  register(number: number): bigint;
  /** The value of the function's DW_AT_frame_base. */
  frameBase(): bigint;
  /** The canonical frame address: what sp was before the call. */
  cfa(): bigint;
  /** What the expression of DW_OP_entry_value had as its value when the function was entered. */
  entryValue(expression: Uint8Array): bigint;
  /** The base type whose entry stands at this offset of the unit; undefined for anything else. */
  baseType(offset: number): BaseType | undefined;
  /** Entry `index` of .debug_addr. */
  indexedAddress(index: number): bigint;
  /** What is added to addresses as linked. */
  readonly bias: bigint;
}

/** The type of a number on the stack: at most 64 bits. */
export interface BaseType {
  readonly bits: number;
  readonly signed: boolean;
}

/** A number on the stack, as wide as an address when it has no type; kept modulo 2^64, extended as its type says. */
interface Entry {
  readonly value: bigint;
  readonly type: BaseType | undefined;
}

/** Where (a part of) a value is. */
export type Place =
  | { readonly kind: "memory"; readonly address: bigint }
  | { readonly kind: "register"; readonly register: number }
  | { readonly kind: "value"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Optimised out; for an implicit pointer what it points to is known, but not computed here. */
  | { readonly kind: "nowhere"; readonly why: string };

/** A part of a value and its size in bytes; undefined: all of it. */
export interface Piece {
  readonly place: Place;
  readonly size: number | undefined;
}

const MOST_OPERATIONS = 100_000;
const MOST_DEPTH = 1024;
const MASK = (1n << 64n) - 1n;

/** Evaluates an expression that describes a location: at least one piece. Throws SymbolsError. */
export function locate(expression: Uint8Array, context: ExpressionContext): Piece[] {
  return new Machine(expression, context, []).run();
}

/** Evaluates an expression for its value (frame base, CFA rules), with `initial` on the stack. Throws SymbolsError. */
export function evaluate(expression: Uint8Array, context: ExpressionContext, initial: readonly bigint[] = []): bigint {
  const pieces = new Machine(expression, context, initial).run();
  const place = pieces[0]!.place;
  if (place.kind === "memory") return place.address;
  if (place.kind === "value") return place.value;
  if (place.kind === "register") return context.register(place.register);
  throw new SymbolsError("an expression gives no number");
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** A number as its type keeps it: cut to its bits, then extended to 64. */
function wrap(value: bigint, type: BaseType | undefined): bigint {
  if (type === undefined) return value & MASK;
  return (type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value)) & MASK;
}

/** What a number means: without a type it is signed. */
const meant = ({ value, type }: Entry): bigint => (type !== undefined && !type.signed ? value : signed(value));

/** Its bits, zeros above them. */
const raw = ({ value, type }: Entry): bigint => (type === undefined ? value : BigInt.asUintN(type.bits, value));

/** Operations on the top of the stack. */
const UNARY: ReadonlyMap<number, (a: Entry) => bigint> = new Map([
  [OP.abs, (a) => (meant(a) < 0n ? -meant(a) : meant(a))],
  [OP.neg, (a) => -meant(a)],
  [OP.not, (a) => ~meant(a)],
]);
/** Operations on the two top values, a below b; the result has the type of a. */
const BINARY: ReadonlyMap<number, (a: Entry, b: Entry) => bigint> = new Map([
  [OP.and, (a, b) => a.value & b.value],
  [OP.or, (a, b) => a.value | b.value],
  [OP.xor, (a, b) => a.value ^ b.value],
  [OP.plus, (a, b) => a.value + b.value],
  [OP.minus, (a, b) => a.value - b.value],
  [OP.mul, (a, b) => a.value * b.value],
  [OP.div, (a, b) => divide(meant(a), meant(b))],
  [OP.mod, (a, b) => modulo(a.type === undefined ? a.value : meant(a), b.type === undefined ? b.value : meant(b))],
  [OP.shl, (a, b) => (raw(b) > 63n ? 0n : a.value << raw(b))],
  [OP.shr, (a, b) => (raw(b) > 63n ? 0n : raw(a) >> raw(b))],
  [OP.shra, (a, b) => signed(a.value) >> (raw(b) > 63n ? 63n : raw(b))],
]);
/** Comparisons of the two top values; the result has no type. */
const COMPARISON: ReadonlyMap<number, (a: bigint, b: bigint) => boolean> = new Map([
  [OP.eq, (a, b) => a === b],
  [OP.ne, (a, b) => a !== b],
  [OP.lt, (a, b) => a < b],
  [OP.le, (a, b) => a <= b],
  [OP.gt, (a, b) => a > b],
  [OP.ge, (a, b) => a >= b],
]);

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new SymbolsError("an expression divides by zero");
  return a / b;
}

const modulo = (a: bigint, b: bigint): bigint => a - divide(a, b) * b;

/** One evaluation. */
class Machine {
  private readonly cursor: Cursor;
  private readonly context: ExpressionContext;
  private readonly stack: Entry[];
  private readonly pieces: Piece[] = [];
  /** A place that the last operation named, which is no value on the stack. */
  private place: Place | undefined;
  private left = MOST_OPERATIONS;

  constructor(expression: Uint8Array, context: ExpressionContext, initial: readonly bigint[]) {
    this.cursor = new Cursor(expression, "an expression");
    this.context = context;
    this.stack = initial.map((value) => ({ value, type: undefined }));
  }

  run(): Piece[] {
    while (!this.cursor.done) {
      if (--this.left < 0) throw new SymbolsError("an expression that does not end");
      this.step(this.cursor.u8());
      if (this.stack.length > MOST_DEPTH) throw new SymbolsError("an expression's stack grows without end");
    }
    if (this.pieces.length === 0) this.pieces.push({ place: this.takePlace(), size: undefined });
    return this.pieces;
  }

  private push(value: bigint, type?: BaseType): void {
    this.stack.push({ value: wrap(value, type), type });
  }

  private popEntry(): Entry {
    const entry = this.stack.pop();
    if (entry === undefined) throw new SymbolsError("an expression takes from an empty stack");
    return entry;
  }

  private pop(): bigint {
    return this.popEntry().value;
  }

  /** The place that has been described since the last piece. */
  private takePlace(): Place {
    const place = this.place ?? (this.stack.length > 0 ? ({ kind: "memory", address: this.pop() } as const) : ({ kind: "nowhere", why: "optimised out" } as const));
    this.place = undefined;
    return place;
  }

  private step(op: number): void {
    if (this.arithmetic(op)) return;
    if (op >= OP.lit0 && op <= OP.lit31) this.push(BigInt(op - OP.lit0));
    else if (op >= OP.reg0 && op <= OP.reg31) this.place = { kind: "register", register: op - OP.reg0 };
    else if (op >= OP.breg0 && op <= OP.breg31) this.push(this.context.register(op - OP.breg0) + this.cursor.sleb());
    else if (!this.constant(op) && !this.shuffle(op) && !this.describe(op)) this.special(op);
  }

  private arithmetic(op: number): boolean {
    const [unary, binary, comparison] = [UNARY.get(op), BINARY.get(op), COMPARISON.get(op)];
    if (unary === undefined && binary === undefined && comparison === undefined) return false;
    const top = this.popEntry();
    if (unary !== undefined) this.push(unary(top), top.type);
    else {
      const below = this.popEntry();
      if (binary !== undefined) this.push(binary(below, top), below.type);
      else this.push(comparison!(meant(below), meant(top)) ? 1n : 0n);
    }
    return true;
  }

  /** Operations that push a number from the expression or the context. */
  private constant(op: number): boolean {
    const { cursor, context } = this;
    if (op === OP.addr) this.push(cursor.unsigned(context.addressSize) + context.bias);
    else if (op === OP.addrx) this.push(context.indexedAddress(cursor.uleb()) + context.bias);
    else if (op === OP.constx) this.push(context.indexedAddress(cursor.uleb()));
    else if (op === OP.const1u) this.push(BigInt(cursor.u8()));
    else if (op === OP.const1s) this.push(BigInt(cursor.i8()));
    else if (op === OP.const2u) this.push(BigInt(cursor.u16()));
    else if (op === OP.const2s) this.push(BigInt.asIntN(16, BigInt(cursor.u16())));
    else if (op === OP.const4u) this.push(BigInt(cursor.u32()));
    else if (op === OP.const4s) this.push(BigInt.asIntN(32, BigInt(cursor.u32())));
    else if (op === OP.const8u || op === OP.const8s) this.push(cursor.u64());
    else if (op === OP.constu) this.push(cursor.wideUleb());
    else if (op === OP.consts) this.push(cursor.sleb());
    else if (op === OP.fbreg) this.push(context.frameBase() + cursor.sleb());
    else if (op === OP.bregx) this.push(context.register(cursor.uleb()) + cursor.sleb());
    else if (op === OP.call_frame_cfa) this.push(context.cfa());
    else if (op === OP.plus_uconst) {
      const { value, type } = this.popEntry();
      this.push(value + cursor.wideUleb(), type);
    }
    else if (op === OP.entry_value || op === OP.gnu_entry_value) this.push(context.entryValue(cursor.block(cursor.uleb())));
    else return false;
    return true;
  }

  /** Operations that move what is on the stack, or the place in the expression. */
  private shuffle(op: number): boolean {
    const { stack, cursor } = this;
    if (op === OP.dup) stack.push(this.peek(0));
    else if (op === OP.drop) this.pop();
    else if (op === OP.over) stack.push(this.peek(1));
    else if (op === OP.pick) stack.push(this.peek(cursor.u8()));
    else if (op === OP.swap) stack.push(this.lift(1));
    else if (op === OP.rot) {
      const top = this.popEntry();
      const [second, third] = [this.popEntry(), this.popEntry()];
      stack.push(top, third, second);
    } else if (op === OP.skip || op === OP.bra) {
      const to = (cursor.u16() << 16) >> 16;
      if (op === OP.skip || this.pop() !== 0n) this.jump(cursor.at + to);
    } else return op === OP.nop;
    return true;
  }

  private peek(below: number): Entry {
    const entry = this.stack[this.stack.length - 1 - below];
    if (entry === undefined) throw new SymbolsError("an expression looks below its stack");
    return entry;
  }

  /** Takes out what lies so far below the top. */
  private lift(below: number): Entry {
    const entry = this.peek(below);
    this.stack.splice(this.stack.length - 1 - below, 1);
    return entry;
  }

  private jump(to: number): void {
    if (to < 0 || to > this.cursor.end) throw new SymbolsError("an expression jumps out of itself");
    this.cursor.at = to;
  }

  /** Operations that describe a place that is no address. */
  private describe(op: number): boolean {
    const { cursor } = this;
    if (op === OP.regx) this.place = { kind: "register", register: cursor.uleb() };
    else if (op === OP.stack_value) this.place = { kind: "value", value: this.pop() };
    else if (op === OP.implicit_value) this.place = { kind: "bytes", bytes: cursor.block(cursor.uleb()) };
    else if (op === OP.implicit_pointer || op === OP.gnu_implicit_pointer) {
      cursor.offset(false);
      cursor.sleb();
      this.place = { kind: "nowhere", why: "points to something that was optimised out" };
    } else if (op === OP.piece) this.pieces.push({ place: this.takePlace(), size: cursor.uleb() });
    else return false;
    return true;
  }

  /** Reading memory, and operations with types. */
  private special(op: number): void {
    const { cursor, context } = this;
    switch (op) {
      case OP.deref:
        return this.load(context.addressSize, undefined);
      case OP.deref_size:
        return this.load(cursor.u8(), undefined);
      case OP.deref_type:
      case OP.gnu_deref_type: {
        const size = cursor.u8();
        return this.load(size, this.type());
      }
      case OP.convert:
      case OP.gnu_convert: {
        const type = this.type();
        return this.push(meant(this.popEntry()), type);
      }
      case OP.reinterpret:
      case OP.gnu_reinterpret: {
        const type = this.type();
        return this.push(raw(this.popEntry()), type);
      }
      case OP.const_type:
      case OP.gnu_const_type: {
        const type = this.type();
        return this.push(unsigned(cursor.block(cursor.u8())), type);
      }
      case OP.regval_type:
      case OP.gnu_regval_type: {
        const register = cursor.uleb();
        return this.push(context.register(register), this.type());
      }
      default:
        throw new SymbolsError(`an expression with the operation ${hex(op)}, which is not known here`);
    }
  }

  /** The type that the expression names next; offset 0 is that of an address. */
  private type(): BaseType | undefined {
    const offset = this.cursor.uleb();
    if (offset === 0) return undefined;
    const type = this.context.baseType(offset);
    if (type === undefined) throw new SymbolsError(`an expression with the type at ${hex(offset)}, which is no integer`);
    return type;
  }

  private load(size: number, type: BaseType | undefined): void {
    const address = this.pop();
    const bytes = size >= 1 && size <= 8 ? this.context.read(address, size) : undefined;
    if (bytes === undefined) throw new SymbolsError(`there is no memory at ${hex(address)}`);
    this.push(unsigned(bytes), type);
  }
}
