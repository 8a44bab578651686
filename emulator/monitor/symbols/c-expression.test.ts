// Expressions over a small memory with a list of two processes, and everything that is none.
import { describe, expect, it } from "vitest";
import { Type, type Field } from "./type.ts";
import { Value } from "./value.ts";
import { evaluate, holds, type Scope } from "./c-expression.ts";
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
const BASE = 0x1000n;
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

const VARIABLES: Readonly<Record<string, Value>> = {
  first: Value.at(PROC, BASE, read), all: Value.at(array(PROC, 2), BASE, read),
  p: Value.of(pointerTo(() => PROC), Uint8Array.of(0, 0x10, 0, 0, 0, 0, 0, 0), read), wild: Value.of(pointerTo(() => PROC), Uint8Array.of(0xf0, 0xff, 0, 0, 0, 0, 0, 0), read),
};
const scope: Scope = {
  variable: (name) => VARIABLES[name], register: (name) => (name === "a0" ? BASE : undefined), read,
  type: (name) => ({ "struct proc": PROC, int: INT, char: CHAR })[name],
};
const text = (expression: string): string => {
  try {
    return valueText(evaluate(expression, scope));
  } catch (e) {
    return (e as Error).message;
  }
};

describe("expressions", () => {
  it("have values", () => {
    const values: Readonly<Record<string, string>> = {
      "first.pid": "7", "p->pid": "7", "(*p).next->pid": "8", "p->next->name": '"cat"', "all[1].pid + 1": "9", "p[1].pid": "8", "(p + 1)->pid": "8",
      "first.state": "SLEEPING", "first.next->state": "9", "p->low": "-5", "&first": "0x1000", "*&first.pid": "7", "$a0 == &first": "1",
      "((struct proc *)$a0)->pid": "7", "*(int *)($a0 + 48)": "8", "(char)0x1ff": "255", "'a'": "97", "-1": "-1", "1 + 2 * 3": "7", "(1 + 2) * 3": "9",
      "0xffffffffffffffff": "18446744073709551615 (0xffffffffffffffff)", "1 << 4 | 3": "19", "!p->files": "1", "p->pid == 7 && p->next->pid != 7": "1",
      p: "0x1000", first: '{pid=7, state=SLEEPING, next=0x1030, name="sh", …}', "wild->pid": "<there is no memory at 0xfff0 (int)>", wild: "0xfff0",
    };
    for (const [expression, value] of Object.entries(values)) expect(`${expression} is ${text(expression)}`).toBe(`${expression} is ${value}`);
    expect(holds("p->pid > 7", scope)).toBe(false);
  });

  it("that are none say why", () => {
    const mistakes: Readonly<Record<string, string>> = {
      "": "the expression ends too soon", "nobody": "there is no variable nobody here", "$q": "there is no register $q", "first.nothing": "struct proc has no member nothing",
      "p->pid p": '"p" does not fit there', "(1": "a parenthesis is not closed", "all[1": "a bracket is not closed", "all[2].pid": "struct proc[2] has no element 2",
      "p->files->x": "a null pointer (int **) points to nothing", "1 ? 2": '"? 2" is not understood', "first == 1": "struct proc is no number", "&1": "it has no address: it is in a register or was computed",
      "*7": "long is no pointer", "p.": "a member's name is missing", ["*".repeat(1500)]: "the expression is too long", ["(".repeat(900)]: "the expression is nested too deeply",
    };
    for (const [expression, message] of Object.entries(mistakes)) expect(`${expression}: ${text(expression)}`).toBe(`${expression}: ${message}`);
  });
});
