// What a function without call frame information (assembly) has done to the stack so far, read from its instructions:
// how far sp has moved, and which registers were saved where. Straight-line reading; good for hand-written code and
// trap vectors, which save everything in one go.

import { type CodeWord, codeWords } from "./code.ts";
import type { FrameRules, RegisterRule } from "./dwarf/cfi.ts";

const RA = 1;
const SP = 2;
/** So many bytes of code are read at most. */
const MOST_CODE = 1 << 14;

interface State {
  /** Bytes by which sp is lower than at the function's start. */
  depth: number;
  /** Where registers were saved, from sp at the function's start. */
  saved: Map<number, number>;
}

/**
 * The frame's rules at `pc` of a function that begins at `start`; `code` gives bytes of it.
 * Undefined when there is no code, or pc is too far in.
 */
export function prologueRules(start: bigint, pc: bigint, code: (address: bigint, length: number) => Uint8Array | undefined): FrameRules | undefined {
  const length = Number(pc - start);
  if (length < 0 || length > MOST_CODE) return undefined;
  const bytes = length === 0 ? new Uint8Array(0) : code(start, length);
  if (bytes === undefined) return undefined;
  let state: State = { depth: 0, saved: new Map() };
  let before = state; // what held before the frame was given up
  for (const word of codeWords(bytes)) {
    const next = leaves(state, before, word) ? "gone" : after(state, word);
    if (next === "gone") state = before; // what follows a return is reached from before it
    else {
      if (next.depth < state.depth) before = state;
      state = next;
    }
  }
  const registers = new Map<number, RegisterRule>();
  for (const [register, offset] of state.saved) registers.set(register, { kind: "at", offset: BigInt(offset) });
  return { cfa: { register: SP, offset: BigInt(state.depth) }, registers, returnRegister: RA, signal: false };
}

/** Whether an instruction ends the function's run: it returns, or jumps to another one when the frame has been given up. */
function leaves(state: State, before: State, { name, rd }: CodeWord): boolean {
  if (name === "sret" || name === "mret" || (name === "jalr" && rd === 0)) return true;
  return name === "jal" && rd === 0 && state.depth < before.depth;
}

/** What one instruction makes of the state. */
function after(state: State, { name, rd, rs1, rs2, imm }: CodeWord): State {
  if (rs1 !== SP) return state;
  if (name === "addi" && rd === SP) return { depth: state.depth - imm, saved: state.saved };
  if (name === "sd" && rs2 !== 0 && rs2 !== SP && !state.saved.has(rs2)) return { depth: state.depth, saved: new Map(state.saved).set(rs2, imm - state.depth) };
  if (name === "ld" && state.saved.get(rd) === imm - state.depth) {
    const saved = new Map(state.saved);
    saved.delete(rd);
    return { depth: state.depth, saved };
  }
  return state;
}
