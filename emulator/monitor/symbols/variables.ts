// Local variables and parameters of a frame, and what is in them (DWARF 5, sections 2.6 and 3.4 for calls).

import { type Block, chainAt, tailCalls } from "./dwarf/blocks.ts";
import { AT, TAG } from "./dwarf/constants.ts";
import type { DebugInfo, FoundFunction } from "./dwarf/debug-info.ts";
import type { Die } from "./dwarf/die.ts";
import { type BaseType, evaluate, type ExpressionContext, locate, type Piece, type Place } from "./dwarf/expression.ts";
import { expressionAt } from "./dwarf/locations.ts";
import { hex, SymbolsError } from "./errors.ts";
import { type Frame, placeOf } from "./frame.ts";
import { type Type, VOID } from "./type.ts";
import { cfaOf, unwind, type UnwindSource } from "./unwind.ts";
import { type ReadMemory, Value } from "./value.ts";

/** A variable that is visible in a frame. */
export interface Variable {
  readonly name: string;
  readonly type: Type;
  readonly scope: "parameter" | "local";
  /** Which of framesAt's functions it belongs to: 0 the innermost. */
  readonly level: number;
  /** Undefined when its value cannot be told here; `problem` says why. */
  readonly value: Value | undefined;
  readonly problem?: string;
  /** The register that holds the whole of it now, if one does. */
  readonly register?: number;
}

/** Callers are asked for entry values so many frames up. */
const MOST_CALLERS = 8;
/** So many functions are looked at for jumps back to the first. */
const MOST_JUMPS = 64;

/** Variables of the function around a frame and of the calls inlined there. Throws SymbolsError. */
export function variablesOf(debug: DebugInfo, source: UnwindSource, frame: Frame, read: ReadMemory): Variable[] {
  const address = placeOf(frame) - source.bias;
  const here = debug.functionAt(address);
  if (here === undefined) return [];
  const context = new FrameContext(debug, source, here, frame, read, MOST_CALLERS);
  const chain = chainAt(here.block, address);
  const functions = chain.filter(({ kind }) => kind !== "braces").length;
  let level = functions;
  return chain.flatMap((block) => {
    if (block.kind !== "braces") level--;
    return inBlock(debug, block, level, address, context);
  });
}

function inBlock(debug: DebugInfo, block: Block, level: number, address: bigint, context: FrameContext): Variable[] {
  const variables: Variable[] = [];
  for (const die of block.die.children()) {
    if ((die.tag !== TAG.variable && die.tag !== TAG.formal_parameter) || die.flag(AT.declaration)) continue;
    const { name } = die;
    if (name === undefined) continue;
    const type = debug.types.typeOf(die) ?? VOID;
    const scope = die.tag === TAG.variable ? "local" : "parameter";
    variables.push({ name, type, scope, level, ...contents(die, type, address, context) });
  }
  return variables;
}

/** A variable's value, or why there is none. */
function contents(die: Die, type: Type, address: bigint, context: FrameContext): Pick<Variable, "value" | "problem" | "register"> {
  try {
    const expression = expressionAt(die.bearer(AT.location) ?? die, AT.location, address);
    if (expression === undefined) return constant(die, type, context.read) ?? { value: undefined, problem: "optimised out here" };
    const pieces = locate(expression, context);
    const { place } = pieces[0]!;
    if (pieces.length === 1 && place.kind === "memory") return { value: Value.at(type, place.address, context.read) };
    const value = Value.of(type, joined(pieces, type, context), context.read);
    return pieces.length === 1 && place.kind === "register" ? { value, register: place.register } : { value };
  } catch (error) {
    if (!(error instanceof SymbolsError)) throw error;
    return { value: undefined, problem: error.message };
  }
}

/** A variable that the compiler found to be constant. */
function constant(die: Die, type: Type, read: ReadMemory): { value: Value } | undefined {
  const bearer = die.bearer(AT.const_value);
  const bytes = bearer?.block(AT.const_value);
  const number = bearer?.big(AT.const_value);
  if (bytes !== undefined) return { value: Value.of(type, bytes, read) };
  return number === undefined ? undefined : { value: Value.of(type, littleEndian(number, 8), read) };
}

/** The bytes of a value that lies in pieces. */
function joined(pieces: readonly Piece[], type: Type, context: FrameContext): Uint8Array {
  const whole = pieces.reduce((sum, { size }) => sum + (size ?? Math.max(type.size, 8)), 0);
  if (whole > 1 << 16) throw new SymbolsError(`a variable of ${whole} bytes in pieces`);
  const bytes = new Uint8Array(whole);
  let at = 0;
  for (const { place, size = Math.max(type.size, 8) } of pieces) {
    bytes.set(bytesOf(place, size, context).subarray(0, size), at);
    at += size;
  }
  return bytes;
}

function bytesOf(place: Place, size: number, context: FrameContext): Uint8Array {
  switch (place.kind) {
    case "memory": {
      const bytes = context.read(place.address, size);
      if (bytes === undefined) throw new SymbolsError(`there is no memory at ${hex(place.address)}`);
      return bytes;
    }
    case "register":
      return littleEndian(context.register(place.register), 8);
    case "value":
      return littleEndian(place.value, 8);
    case "bytes":
      return place.bytes;
    case "nowhere":
      throw new SymbolsError(place.why);
  }
}

function littleEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}

/** What expressions may ask in a frame. */
class FrameContext implements ExpressionContext {
  readonly read: ReadMemory;
  readonly bias: bigint;
  readonly addressSize: number;
  private readonly debug: DebugInfo;
  private readonly source: UnwindSource;
  private readonly here: FoundFunction;
  private readonly frame: Frame;
  private readonly callers: number;

  /** `callers`: how many frames up entry values may still be looked for. */
  constructor(debug: DebugInfo, source: UnwindSource, here: FoundFunction, frame: Frame, read: ReadMemory, callers: number) {
    this.debug = debug;
    this.source = source;
    this.here = here;
    this.frame = frame;
    this.read = read;
    this.callers = callers;
    this.bias = source.bias;
    this.addressSize = here.code.unit.header.addressSize;
  }

  register(number: number): bigint {
    const value = this.frame.x[number];
    if (value === undefined) throw new SymbolsError(number < 32 ? `it was in x${number}, which has been overwritten since` : `it is in register ${number}, which is not known here`);
    return value;
  }

  frameBase(): bigint {
    const { die } = this.here.found;
    const expression = expressionAt(die, AT.frame_base, placeOf(this.frame) - this.bias);
    if (expression === undefined) throw new SymbolsError("its function has no frame base");
    return evaluate(expression, this);
  }

  cfa(): bigint {
    const cfa = cfaOf(this.source, this.frame, this.read);
    if (cfa === undefined) throw new SymbolsError("its frame cannot be found");
    return cfa;
  }

  baseType(offset: number): BaseType | undefined {
    const { unit } = this.here.code;
    const type = this.debug.types.type(this.debug.info.dieAt(unit.header.start + offset));
    return type.kind === "base" && type.isNumber && type.size >= 1 && type.size <= 8 ? { bits: type.size * 8, signed: type.isSigned } : undefined;
  }

  indexedAddress(index: number): bigint {
    return this.here.code.unit.addressAt(index);
  }

  /** The caller says what it passed, if it is the one that called this very function. */
  entryValue(expression: Uint8Array): bigint {
    const lost = "it was passed in a register that has been overwritten since";
    const caller = this.callers > 0 ? unwind(this.source, this.frame, this.read) : undefined;
    if (caller === undefined || caller.exact) throw new SymbolsError(lost);
    const site = this.debug.callSite(caller.pc - this.bias);
    const there = this.debug.functionAt(placeOf(caller) - this.bias);
    if (site === undefined || there === undefined) throw new SymbolsError(lost);
    const context = new FrameContext(this.debug, this.source, there, caller, this.read, this.callers - 1);
    if (!this.isCalledBy(site, context) || jumpsBackTo(this.here, this.debug, this.source)) throw new SymbolsError(lost);
    for (const parameter of site.children()) {
      const where = parameter.block(AT.location);
      const value = parameter.block(AT.call_value) ?? parameter.block(AT.gnu_call_site_value);
      if (where !== undefined && value !== undefined && same(where, expression)) return evaluate(value, context);
    }
    throw new SymbolsError(lost);
  }

  /** Whether a call calls this function, and not another that has jumped here as its last act. */
  private isCalledBy(site: Die, context: FrameContext): boolean {
    const origin = calledBy(site);
    if (origin !== undefined) return origin.name === this.here.found.name;
    const target = site.block(AT.call_target);
    return target !== undefined && evaluate(target, context) === this.here.found.ranges[0]!.start + this.bias;
  }
}

/**
 * Whether a function may, through calls that are its last act, begin again with other arguments than its caller passed.
 * Indirect ones are taken to go elsewhere.
 */
function jumpsBackTo(here: FoundFunction, debug: DebugInfo, source: UnwindSource): boolean {
  const seen = new Set<string>();
  const next: FoundFunction[] = [here];
  for (let f = next.pop(); f !== undefined && seen.size < MOST_JUMPS; f = next.pop()) {
    for (const call of tailCalls(f.block)) {
      const name = calledBy(call)?.name;
      if (name === here.found.name) return true;
      if (name === undefined || seen.has(name)) continue;
      seen.add(name);
      const address = source.addressOf(name);
      const target = address === undefined ? undefined : debug.functionAt(address);
      if (target !== undefined) next.push(target);
    }
  }
  return seen.size >= MOST_JUMPS;
}

/** The function that a call names; undefined for an indirect one. */
const calledBy = (site: Die): Die | undefined => site.reference(AT.call_origin) ?? site.reference(AT.abstract_origin);

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
