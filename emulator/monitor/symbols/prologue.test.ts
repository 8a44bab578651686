import { expect, test } from "vitest";
import { encode } from "../../isa/decode.ts";
import type { FrameRules } from "./dwarf/cfi.ts";
import { prologueRules } from "./prologue.ts";

const [RA, SP, S0, S1, T0, A0] = [1, 2, 8, 9, 5, 10];
const START = 0x80001000n;
const add = (n: number): number => encode("addi", { rd: SP, rs1: SP, imm: n });
const save = (register: number, offset: number): number => encode("sd", { rs1: SP, rs2: register, imm: offset });
const load = (register: number, offset: number): number => encode("ld", { rd: register, rs1: SP, imm: offset });
const RET = encode("jalr", { rd: 0, rs1: RA });
const CALL = encode("jal", { rd: RA, imm: 64 });
const JUMP = encode("jal", { rd: 0, imm: -64 });
const NOP = encode("addi");

/** The rules after so many of the instructions: by how much sp is lower, and which register lies where from the frame's top. */
function after(code: readonly number[], done: number): { depth: number; saved: Record<number, number> } | undefined {
  const bytes = new Uint8Array(Int32Array.from(code).buffer);
  const rules = prologueRules(START, START + BigInt(4 * done), (address, length) => bytes.subarray(Number(address - START), Number(address - START) + length));
  return rules === undefined ? undefined : summary(rules);
}

function summary({ cfa, registers }: FrameRules): { depth: number; saved: Record<number, number> } {
  if (!("register" in cfa) || cfa.register !== SP) throw new Error("the frame should hang on sp");
  return { depth: Number(cfa.offset), saved: Object.fromEntries([...registers].map(([n, rule]) => [n, rule.kind === "at" ? Number(rule.offset) : NaN])) };
}

test("a function: before, in, and after its frame", () => {
  const code = [add(-32), save(RA, 24), save(S0, 16), CALL, load(RA, 24), load(S0, 16), add(32), RET];
  expect(after(code, 0)).toEqual({ depth: 0, saved: {} });
  expect(after(code, 1)).toEqual({ depth: 32, saved: {} });
  expect(after(code, 2)).toEqual({ depth: 32, saved: { [RA]: -8 } });
  expect(after(code, 4)).toEqual({ depth: 32, saved: { [RA]: -8, [S0]: -16 } });
  expect(after(code, 5)).toEqual({ depth: 32, saved: { [S0]: -16 } });
  expect(after(code, 7)).toEqual({ depth: 0, saved: {} });
});

test("what stands behind an early return has the frame from before it", () => {
  const code = [add(-16), save(RA, 8), CALL, load(RA, 8), add(16), RET, NOP, CALL];
  expect(after(code, 6)).toEqual({ depth: 16, saved: {} });
  const reload = [add(-16), save(RA, 8), CALL, add(16), RET, NOP, CALL];
  expect(after(reload, 6)).toEqual({ depth: 16, saved: { [RA]: -8 } });
  const tail = [add(-16), save(RA, 8), CALL, add(16), JUMP, NOP];
  expect(after(tail, 6)).toEqual({ depth: 16, saved: { [RA]: -8 } });
});

test("a trap vector that saves every register, also in two steps", () => {
  const code = [add(-256), save(RA, 0), save(SP, 8), save(T0, 16), save(A0, 24), add(-16), save(S1, 0), CALL];
  expect(after(code, 8)).toEqual({ depth: 272, saved: { [RA]: -256, [T0]: -240, [A0]: -232, [S1]: -272 } });
});

test("a place saved twice counts from the first time; compressed instructions are read as what they stand for", () => {
  expect(after([add(-16), save(RA, 8), save(RA, 0)], 3)).toEqual({ depth: 16, saved: { [RA]: -8 } });
  const bytes = Uint8Array.of(0x41, 0x11, 0x06, 0xe4, 0x22, 0xe0); // c.addi sp,-16; c.sdsp ra,8; c.sdsp s0,0
  const rules = prologueRules(START, START + 6n, (_, length) => bytes.subarray(0, length));
  expect(summary(rules!)).toEqual({ depth: 16, saved: { [RA]: -8, [S0]: -16 } });
});

test("no code, or too far in: nothing is said", () => {
  expect(prologueRules(START, START + 8n, () => undefined)).toBeUndefined();
  expect(prologueRules(START, START - 4n, () => undefined)).toBeUndefined();
  expect(prologueRules(START, START + (1n << 20n), (_, length) => new Uint8Array(length))).toBeUndefined();
});
