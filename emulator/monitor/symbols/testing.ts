// For tests of expressions and of rows of variables: a small memory that holds a list of two processes.
import { Type, type Field } from "./type.ts";
import { Value } from "./value.ts";
import { evaluate, type Scope } from "./c-expression.ts";
import { valueText } from "./value-text.ts";

const INT = new Type({ kind: "base", name: "int", size: 4, encoding: "signed" });
const CHAR = new Type({ kind: "base", name: "char", size: 1, encoding: "unsigned char" });
const pointerTo = (target: () => Type): Type => new Type({ kind: "pointer", size: 8, target });
const array = (element: Type, count: number): Type => new Type({ kind: "array", target: () => element, count });
const field = (name: string, type: Type, offset: number): Field => ({ name, type, offset, bits: undefined });
const STATE = new Type({ kind: "enum", size: 4, encoding: "unsigned", values: () => [{ name: "SLEEPING", value: 2n }] });
const PROC: Type = new Type({
  kind: "struct", name: "proc", size: 48, fields: () => [
    field("pid", INT, 0), field("state", STATE, 4), field("next", pointerTo(() => PROC), 8), field("name", array(CHAR, 16), 16),
    field("", new Type({ kind: "union", size: 8, fields: () => [field("low", INT, 0), field("high", INT, 4)] }), 32), field("files", pointerTo(() => VOID_POINTER), 40),
  ],
});
const VOID_POINTER = pointerTo(() => INT);

const memory = new Uint8Array(256);
const view = new DataView(memory.buffer);
export const BASE = 0x1000n;
view.setInt32(0, 7, true);
view.setInt32(4, 2, true);
view.setBigUint64(8, BASE + 48n, true);
memory.set(new TextEncoder().encode("sh"), 16);
view.setInt32(32, -5, true);
view.setInt32(48, 8, true);
view.setInt32(52, 9, true);
memory.set(new TextEncoder().encode("cat"), 64);
const read = (address: bigint, length: number): Uint8Array | undefined =>
  (address >= BASE && address + BigInt(length) <= BASE + 256n ? memory.subarray(Number(address - BASE), Number(address - BASE) + length) : undefined);

export const VARIABLES: Readonly<Record<string, Value>> = {
  first: Value.at(PROC, BASE, read), all: Value.at(array(PROC, 2), BASE, read),
  p: Value.of(pointerTo(() => PROC), Uint8Array.of(0, 0x10, 0, 0, 0, 0, 0, 0), read), wild: Value.of(pointerTo(() => PROC), Uint8Array.of(0xf0, 0xff, 0, 0, 0, 0, 0, 0), read),
};
export const scope: Scope = {
  variable: (name) => VARIABLES[name], register: (name) => (name === "a0" ? BASE : undefined), read,
  type: (name) => ({ "struct proc": PROC, int: INT, char: CHAR })[name],
};
export const text = (expression: string): string => {
  try {
    return valueText(evaluate(expression, scope));
  } catch (e) {
    return (e as Error).message;
  }
};
