// What a motion is made of: step, next, finish and their kin are generators that ask for the machine to be run, or for
// breath during a long search, and end in what they came to. Debugger.run drives them in slices, so that nothing here
// takes long at a time.

import { wide } from "../events.ts";
import type { Hart } from "../hart/hart.ts";
import { expand } from "../isa/rvc.ts";
import type { Machine, Stop } from "../machine.ts";
import { FETCH } from "../mmu/walk.ts";
import { rootOf, type Points } from "./points.ts";
import type { StopReason } from "./stop-report.ts";
import type { Timeline } from "./timeline.ts";

/** What a motion asks of whoever drives it. */
export type Wish =
  /** Run `steps` steps, or until `done` is called by what `install` has put in (its result takes it out). */
  | { readonly kind: "run"; readonly steps: number; readonly install?: (done: () => void) => () => void }
  /** Nothing: the machine has been run again meanwhile, and somebody may want to look at the keyboard. */
  | { readonly kind: "breathe" };

/** What a motion came to. */
export interface Arrival {
  readonly reasons: readonly StopReason[];
  readonly hart: number;
  /** Points of the same stop are added by the driver. */
  readonly backward: boolean;
}

/** A part of a motion that gives a T. It is resumed with the stop that ended what it asked for. */
export type Part<T> = Generator<Wish, T, Stop>;
export type Motion = Part<Arrival>;

/** A source line at an address. */
export interface CodeLine {
  readonly file: string;
  readonly line: number;
  /** How many inlined calls deep it is; 0 when left out. */
  readonly depth?: number | undefined;
  /** False: the address is not where a statement of the line begins. */
  readonly statement?: boolean | undefined;
}

/** What a debugger knows about the program: faces and tests may leave it out, then steps are by instruction and returns by ra. */
export interface CodeMap {
  /** Where the function that a hart is in returns to, and sp there. */
  callerOf(hart: number): { readonly pc: bigint; readonly sp: bigint } | undefined;
  /** The source line of an address as a hart's code sees it now. */
  lineAt(hart: number, pc: bigint): CodeLine | undefined;
}

/** What motions work with. */
export interface Workplace {
  readonly machine: Machine;
  readonly timeline: Timeline;
  readonly points: Points;
  readonly code: CodeMap | undefined;
  /** The last interrupt entry that the machine was left at, before the handler's first instruction. */
  entered: { readonly hart: number; readonly moment: number; readonly pc: bigint } | undefined;
}

/** An activation of a function, as far as registers tell: same stack, same address space, same privilege. */
export interface Frame {
  readonly pc: bigint;
  readonly sp: bigint;
  readonly root: number;
  readonly privilege: number;
}

const SP = 2;
/** Causes of ecall, by the privilege it came from: this one and the three after it. */
export const ECALL_FROM_USER = 8;

export const pcOf = (h: Hart): bigint => wide(h.pcLo, h.pcHi);
export const register = (h: Hart, n: number): bigint => wide(h.words[h.registerIndex(n)]!, h.words[h.registerIndex(n) + 1]!);
export const frameOf = (h: Hart): Frame => ({ pc: pcOf(h), sp: register(h, SP), root: rootOf(h), privilege: h.privilege });

/** Is a hart in this frame, wherever its pc is? */
export const inFrame = (h: Hart, f: Frame): boolean => h.privilege === f.privilege && register(h, SP) === f.sp && rootOf(h) === f.root;

/** What an instruction does to the flow of calls. */
export interface Flow {
  readonly kind: "call" | "return" | "ecall" | "trap-return" | "other";
  /** Bytes. */
  readonly length: number;
}

/** The instruction at a virtual address as the hart would fetch it; undefined when it cannot. */
export function flowAt(machine: Machine, hart: number, address: bigint): Flow | undefined {
  const low = machine.inspect.virtual(hart, address, 2, FETCH);
  if (low === undefined) return undefined;
  const half = low[0]! | (low[1]! << 8);
  if ((half & 3) !== 3) return { kind: kindOf(expand(half)), length: 2 };
  const high = machine.inspect.virtual(hart, address + 2n, 2, FETCH);
  return high === undefined ? undefined : { kind: kindOf(half | (high[0]! << 16) | (high[1]! << 24)), length: 4 };
}

/** By the psABI's use of link registers (x1, x5), as the Unprivileged ISA's table of return-address hints has it. */
function kindOf(word: number): Flow["kind"] {
  const rd = (word >>> 7) & 31;
  const rs1 = (word >>> 15) & 31;
  const link = (r: number): boolean => r === 1 || r === 5;
  switch (word & 0x7f) {
    case 0x6f: return link(rd) ? "call" : "other";
    case 0x67: return link(rd) ? "call" : link(rs1) ? "return" : "other";
    case 0x73:
      if (word === 0x73) return "ecall";
      return word === 0x10200073 || word === 0x30200073 ? "trap-return" : "other";
    default: return "other";
  }
}
