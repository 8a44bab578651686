// Backwards through a trap: from the kernel's trap code to what it interrupted. Works for kernels of xv6's habits
// (ours is one): user registers are saved in a trapframe by `uservec`, those of the kernel on its stack by `kernelvec`.
// And through signals in programs, whose registers the kernel puts on their stack.

import { codeWords } from "./code.ts";
import type { Frame } from "./frame.ts";
import type { Symbols } from "./symbols.ts";
import { type ReadMemory, unsigned } from "./value.ts";

/** Registers that a kernel saved for a program. */
export interface SavedRegisters {
  readonly pc: bigint;
  readonly x: readonly (bigint | undefined)[];
}

/** What stands at a hart now: only of use for the frames of code that it runs now. */
export type ReadCsr = (name: string) => bigint | undefined;

/** Functions below which there is nothing in the kernel but the way from, or to, user mode. */
const ENTRIES: ReadonlySet<string> = new Set(["usertrap", "usertrapret", "forkret", "uservec", "userret", "prepare_return"]);
const SP = 2;
const A0 = 10;

/** Whether a function of this name is where the kernel was entered from user mode, or leaves for it. */
export const isUserEntry = (name: string): boolean => ENTRIES.has(name);

/** Whether a function of this name saves an interrupted kernel's registers on the stack. */
export const isKernelVector = (name: string): boolean => name === "kernelvec";

/**
 * The kernel code that was interrupted, for a frame in the vector that `handler` (kerneltrap) returns to. Where it was:
 * the handler's own copy of sepc, when the debug information knows of it, else sepc itself.
 */
export function interrupted(symbols: Symbols, frame: Frame, handler: Frame | undefined, read: ReadMemory, csr: ReadCsr | undefined): Frame | undefined {
  const kept = handler === undefined ? undefined : symbols.variablesAt(handler, read).find(({ name }) => name === "sepc")?.value;
  let pc = csr?.("sepc");
  try {
    pc = kept?.big() ?? pc;
  } catch {
    // its place on the stack is not there: sepc is the better guess
  }
  return pc === undefined ? undefined : symbols.unwindTrap(frame, pc, read);
}

/**
 * The user registers while a hart is still in `uservec`: those that its first instructions have not touched yet are in
 * their registers, the rest where they were saved. `vector` is the frame there, `saved` the trapframe.
 */
export function atUserVector(symbols: Symbols, vector: Frame, saved: SavedRegisters | undefined, csr: ReadCsr): Frame | undefined {
  const pc = csr("sepc");
  const start = symbols.addressOf("uservec");
  if (pc === undefined || start === undefined) return undefined;
  const touched = writtenBetween(symbols, start, vector.pc);
  const x = vector.x.map((value, n) => (!touched.has(n) ? value : n === A0 ? csr("sscratch") : saved?.x[n]));
  return { pc, x, exact: true };
}

/** Registers that the instructions in [start, end) write. */
function writtenBetween(symbols: Symbols, start: bigint, end: bigint): Set<number> {
  const written = new Set<number>();
  const length = Number(end - start);
  const code = length > 0 && length < 4096 ? symbols.image(start, length) : undefined;
  for (const { writes, rd } of codeWords(code ?? new Uint8Array(0))) if (writes) written.add(rd);
  written.delete(0);
  return written;
}

/** Where signal handlers return to. */
const SIGNAL_RETURN = /^(vdso_sigreturn_code|(__vdso_rt_)?sigreturn|__restore(_rt)?)$/;
/** Behind sp: siginfo_t, then what of ucontext_t comes before its registers; Linux's ABI, which our kernel follows. */
const SIGNAL_REGISTERS = 128n + 176n;

/** Whether an address is where signal handlers return to. */
export function isSignalReturn(symbols: Symbols | undefined, address: bigint): boolean {
  const hit = symbols?.symbolAt(address);
  return hit?.offset === 0n && SIGNAL_RETURN.test(hit.name);
}

/** What a signal interrupted, for the frame that its handler returns to. */
export function signalled(frame: Frame, read: ReadMemory): Frame | undefined {
  const sp = frame.x[SP];
  const bytes = sp === undefined ? undefined : read(sp + SIGNAL_REGISTERS, 32 * 8);
  if (bytes === undefined) return undefined;
  const words = Array.from({ length: 32 }, (_, n) => unsigned(bytes.subarray(8 * n, 8 * n + 8)));
  return { pc: words[0]!, x: [0n, ...words.slice(1)], exact: true };
}
