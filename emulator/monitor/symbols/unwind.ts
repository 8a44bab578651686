// From a frame to its caller's: by call frame information, else by reading the function's own instructions, else by the
// frame pointer (RISC-V ELF psABI: s0 is the canonical frame address, ra and the old s0 lie below it).

import { type CallFrames, type FrameRules, type RegisterRule } from "./dwarf/cfi.ts";
import { evaluate, type ExpressionContext } from "./dwarf/expression.ts";
import { SymbolsError } from "./errors.ts";
import { type Frame, placeOf } from "./frame.ts";
import { prologueRules } from "./prologue.ts";
import type { ReadMemory } from "./value.ts";
import { unsigned } from "./value.ts";

const RA = 1;
const SP = 2;
const FP = 8;
/** What a callee keeps: gp, tp, s0 and s1, s2 to s11. */
const KEPT: ReadonlySet<number> = new Set([3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27]);

/** What unwinding knows of a program's file. */
export interface UnwindSource {
  readonly frames: readonly CallFrames[];
  readonly bias: bigint;
  /** Start of the function or label around an address, as linked. */
  startOf(address: bigint): bigint | undefined;
  /** Where a function or label lies, as linked. */
  addressOf(name: string): bigint | undefined;
  /** Bytes of code, as linked. */
  code(address: bigint, length: number): Uint8Array | undefined;
}

/** The rules for a frame: by call frame information, else by its function's instructions; undefined when neither tells. */
export function rulesFor(source: UnwindSource, frame: Frame): FrameRules | undefined {
  const address = placeOf(frame) - source.bias;
  for (const section of source.frames) {
    const rules = orUndefined(() => section.rulesAt(address));
    if (rules !== undefined) return rules;
  }
  const start = source.startOf(address);
  const guessed = start === undefined ? undefined : prologueRules(start, frame.pc - source.bias, (a, n) => source.code(a, n));
  // Who has called somebody has saved ra: where that is not found, the guess is worth nothing.
  return guessed !== undefined && (frame.exact || guessed.registers.has(RA)) ? guessed : undefined;
}

/** What sp was when the frame's function was called, or undefined. */
export function cfaOf(source: UnwindSource, frame: Frame, read: ReadMemory): bigint | undefined {
  const rules = rulesFor(source, frame);
  return rules === undefined ? frame.x[FP] : orUndefined(() => cfaBy(rules, frame, read, source.bias));
}

/** The caller's frame; undefined at the outermost one, or when it cannot be found. */
export function unwind(source: UnwindSource, frame: Frame, read: ReadMemory): Frame | undefined {
  const rules = rulesFor(source, frame);
  if (rules === undefined) return unwindByFramePointer(frame, read);
  return orUndefined(() => byRules(rules, frame, read, source.bias));
}

/**
 * The frame that a trap interrupted at `pc`, when `frame` stands in the vector that saved its registers on the stack:
 * what the vector has not saved, it has not touched.
 */
export function unwindTrap(source: UnwindSource, frame: Frame, pc: bigint, read: ReadMemory): Frame | undefined {
  const rules = rulesFor(source, frame);
  return rules === undefined
    ? undefined
    : orUndefined(() => {
        const cfa = cfaBy(rules, frame, read, source.bias);
        const x = frame.x.map((value, n) => {
          const rule = rules.registers.get(n);
          return n === SP ? cfa : rule === undefined ? value : byRule(rule, n, cfa, frame, read, source.bias);
        });
        return { pc, x, exact: true };
      });
}

function byRules(rules: FrameRules, frame: Frame, read: ReadMemory, bias: bigint): Frame | undefined {
  const cfa = cfaBy(rules, frame, read, bias);
  const recover = (n: number): bigint | undefined => {
    const rule = rules.registers.get(n);
    if (rule !== undefined) return orUndefined(() => byRule(rule, n, cfa, frame, read, bias));
    return n === 0 ? 0n : n === SP ? cfa : KEPT.has(n) ? frame.x[n] : undefined;
  };
  const { returnRegister } = rules;
  const pc = rules.registers.has(returnRegister) ? recover(returnRegister) : frame.exact ? frame.x[returnRegister] : undefined;
  if (pc === undefined || pc === 0n) return undefined;
  const x = Array.from({ length: 32 }, (_, n) => recover(n));
  if (returnRegister === RA) x[RA] = pc;
  return { pc, x, exact: rules.signal };
}

function cfaBy(rules: FrameRules, frame: Frame, read: ReadMemory, bias: bigint): bigint {
  const { cfa } = rules;
  if ("expression" in cfa) return evaluate(cfa.expression, contextOf(frame, read, bias));
  return BigInt.asUintN(64, need(frame, cfa.register) + cfa.offset);
}

function byRule(rule: RegisterRule, n: number, cfa: bigint, frame: Frame, read: ReadMemory, bias: bigint): bigint | undefined {
  switch (rule.kind) {
    case "undefined":
      return undefined;
    case "same":
      return frame.x[n];
    case "register":
      return frame.x[rule.register];
    case "is":
      return BigInt.asUintN(64, cfa + rule.offset);
    case "at":
      return wordAt(BigInt.asUintN(64, cfa + rule.offset), read);
    case "is expression":
      return evaluate(rule.expression, contextOf(frame, read, bias), [cfa]);
    case "at expression":
      return wordAt(evaluate(rule.expression, contextOf(frame, read, bias), [cfa]), read);
  }
}

/** The caller by the frame pointer alone, for code that nothing is known about. */
export function unwindByFramePointer(frame: Frame, read: ReadMemory): Frame | undefined {
  const cfa = frame.x[FP];
  const sp = frame.x[SP];
  if (cfa === undefined || (cfa & 7n) !== 0n || (sp !== undefined && cfa <= sp)) return undefined;
  const [pc, fp] = [wordAt(cfa - 8n, read), wordAt(cfa - 16n, read)];
  if (pc === undefined || pc === 0n) return undefined;
  const x: (bigint | undefined)[] = new Array<undefined>(32).fill(undefined);
  [x[0], x[RA], x[SP], x[3], x[4], x[FP]] = [0n, pc, cfa, frame.x[3], frame.x[4], fp];
  return { pc, x, exact: false };
}

function wordAt(address: bigint, read: ReadMemory): bigint | undefined {
  const bytes = read(address, 8);
  return bytes === undefined ? undefined : unsigned(bytes);
}

function need(frame: Frame, register: number): bigint {
  const value = frame.x[register];
  if (value === undefined) throw new SymbolsError(`x${register} is not known in this frame`);
  return value;
}

/** Expressions in call frame information see registers and memory, and no frame. */
function contextOf(frame: Frame, read: ReadMemory, bias: bigint): ExpressionContext {
  const refuse = (): never => {
    throw new SymbolsError("call frame information asks for a frame");
  };
  return {
    addressSize: 8, read, bias, register: (n) => need(frame, n), frameBase: refuse, cfa: refuse, entryValue: refuse, baseType: refuse, indexedAddress: refuse,
  };
}

function orUndefined<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SymbolsError)) throw error;
    return undefined;
  }
}
