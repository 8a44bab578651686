// The calls that lead to a place: frame by frame, through inlined calls, through traps inside the kernel, and from the
// kernel out into the program that called it.

import { USER, type Privilege } from "../../mmu/walk.ts";
import type { InlineFrame } from "./dwarf/debug-info.ts";
import { type Frame, placeOf } from "./frame.ts";
import type { SymbolSpace } from "./space.ts";
import type { Symbols } from "./symbols.ts";
import { atUserVector, interrupted, isKernelVector, isSignalReturn, isUserEntry, type ReadCsr, type SavedRegisters, signalled } from "./trap-frames.ts";
import { unwindByFramePointer } from "./unwind.ts";
import type { ReadMemory } from "./value.ts";

/** Where a backtrace begins, and what it may ask on the way. */
export interface BacktraceStart {
  readonly frame: Frame;
  readonly privilege: Privilege;
  /** The process whose stack this is. */
  readonly pid?: number | undefined;
  /** Memory as that code sees it. */
  readonly read: ReadMemory;
  /** CSRs of the hart; left out for a process that does not run. */
  readonly csr?: ReadCsr | undefined;
  /** The registers that the process's program will go on with, and its memory: for going on from the kernel into it. */
  readonly user?: (() => { readonly registers: SavedRegisters; readonly read: ReadMemory } | undefined) | undefined;
}

/** How a frame was reached from the one before it. */
export type FrameLink = "start" | "call" | "interrupted" | "user";

/** One frame of a backtrace. */
export interface StackFrame {
  readonly frame: Frame;
  readonly link: FrameLink;
  readonly privilege: Privilege;
  readonly symbols: Symbols | undefined;
  /** The functions there: inlined calls first, the function that owns the frame last; empty where nothing is known. */
  readonly calls: readonly InlineFrame[];
  /** Memory as the frame's code sees it, for its variables. */
  readonly read: ReadMemory;
}

const MOST_FRAMES = 256;
const SP = 2;

/** The frames from the innermost outwards, at most `most`. Ends where the stack does, or where it makes no sense any more. */
export function backtrace(space: SymbolSpace, start: BacktraceStart, most: number = MOST_FRAMES): StackFrame[] {
  const frames: StackFrame[] = [];
  const seen = new Set<string>();
  let next: StackFrame | undefined = describe(space, start, start.frame, "start", start.privilege, start.read);
  while (next !== undefined && frames.length < Math.min(most, MOST_FRAMES)) {
    const mark = `${next.privilege} ${next.frame.pc} ${next.frame.x[SP]}`;
    if (seen.has(mark)) break;
    seen.add(mark);
    frames.push(next);
    next = callerOf(space, start, next, frames);
  }
  return frames;
}

function describe(space: SymbolSpace, start: BacktraceStart, frame: Frame, link: FrameLink, privilege: Privilege, read: ReadMemory): StackFrame {
  const at = placeOf(frame);
  const symbols = space.at(privilege, start.pid, at);
  return { frame, link, privilege, symbols, calls: symbols?.framesAt(at) ?? [], read };
}

function callerOf(space: SymbolSpace, start: BacktraceStart, of: StackFrame, frames: readonly StackFrame[]): StackFrame | undefined {
  const { frame, symbols, privilege, read } = of;
  const name = of.calls.at(-1)?.function ?? symbols?.symbolAt(placeOf(frame))?.name ?? "";
  if (privilege !== USER && isUserEntry(name)) return outOfKernel(space, start, of, frames, name);
  if (privilege !== USER && symbols !== undefined && isKernelVector(name)) {
    const handler = of.link === "call" ? frames.at(-2) : undefined;
    const csr = isFirstTrap(frames) ? start.csr : undefined;
    const inner = interrupted(symbols, frame, handler?.frame, read, csr);
    return inner === undefined ? undefined : describe(space, start, inner, "interrupted", privilege, read);
  }
  if (privilege === USER && frame.exact && isSignalReturn(symbols, frame.pc)) {
    const inner = signalled(frame, read);
    return inner === undefined ? undefined : describe(space, start, inner, "interrupted", privilege, read);
  }
  const caller = symbols === undefined ? unwindByFramePointer(frame, read) : symbols.unwind(frame, read);
  if (caller === undefined || !isStackLike(frame, caller)) return undefined;
  // A thread's first function was not called: what stands for its return address is its own start.
  if (symbols?.functionAt(placeOf(frame))?.start === caller.pc) return undefined;
  // A signal handler was not called: it returns to the start of sigreturn, not behind a call.
  const exact = caller.exact || (privilege === USER && isSignalReturn(space.at(privilege, start.pid, caller.pc), caller.pc));
  const found = describe(space, start, { ...caller, exact }, "call", privilege, read);
  // Code that nobody knows is believed in only while there are no symbols at all.
  return found.symbols === undefined && symbols !== undefined ? undefined : found;
}

/** sepc belongs to the first trap only that is met from the hart's present state. */
const isFirstTrap = (frames: readonly StackFrame[]): boolean => frames.every(({ link }) => link !== "interrupted");

/** A caller's stack lies above its callee's, or it is the same in functions that use none. */
function isStackLike(frame: Frame, caller: Frame): boolean {
  const [below, above] = [frame.x[SP], caller.x[SP]];
  return below === undefined || above === undefined || above > below || (above === below && frame.exact);
}

function outOfKernel(space: SymbolSpace, start: BacktraceStart, of: StackFrame, frames: readonly StackFrame[], name: string): StackFrame | undefined {
  const user = start.user?.();
  const live = frames.length === 1 && name === "uservec" && of.symbols !== undefined && start.csr !== undefined;
  const frame: Frame | undefined = live
    ? atUserVector(of.symbols!, of.frame, user?.registers, start.csr!)
    : user === undefined
      ? undefined
      : { pc: (justEntered(start, frames, name) ? start.csr?.("sepc") : undefined) ?? user.registers.pc, x: user.registers.x, exact: true };
  return frame === undefined ? undefined : describe(space, start, frame, "user", USER, user?.read ?? start.read);
}

/** Where the page lies that kernels of xv6's habits enter by from user mode, and above. */
const TRAMPOLINE = (1n << 38n) - 4096n;

/** In usertrap before it has set stvec for traps in the kernel: the pc in the trapframe is still that of the trap before, and sepc this one's. */
const justEntered = ({ csr }: BacktraceStart, frames: readonly StackFrame[], name: string): boolean =>
  frames.length === 1 && name === "usertrap" && (csr?.("stvec") ?? 0n) >= TRAMPOLINE;

/** The first frame of registers as they stand. */
export const frameOf = (registers: SavedRegisters): Frame => ({ pc: registers.pc, x: registers.x, exact: true });

/** The first frame of a process that waits in the kernel: its pc is where swtch will return to. */
export const waitingFrame = (registers: SavedRegisters): Frame => ({ pc: registers.pc, x: registers.x, exact: false });
