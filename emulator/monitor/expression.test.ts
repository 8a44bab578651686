import { describe, expect, test } from "vitest";
import { MonitorError } from "./command.ts";
import { evaluate, registerNumber, type Names } from "./expression.ts";

const names: Names = {
  symbol: (name) => ({ main: 0x10000n, "vm.fault": 0x80000000n })[name],
  register: (name) => ({ sp: 0x3fc0n, satp: 8n << 60n, a0: 7n })[name],
  memory: (va) => (va === 0x10000n ? 0x1234n : undefined),
};
const value = (text: string): bigint => evaluate(text, names);

describe("expressions", () => {
  test("numbers, with separators in decimal ones", () => {
    expect(value("0x1f")).toBe(31n);
    expect(value("0x8000_0000")).toBe(0x80000000n);
    expect(value("18,204,511")).toBe(18204511n);
    expect(value(" 12 ")).toBe(12n);
    expect(value("-1")).toBe(2n ** 64n - 1n);
  });

  test("registers, symbols, memory, sums", () => {
    expect(value("$sp-0xc0")).toBe(0x3f00n);
    expect(value("$SATP")).toBe(8n << 60n);
    expect(value("main+0x3c")).toBe(0x1003cn);
    expect(value("vm.fault")).toBe(0x80000000n);
    expect(value("*main + 1")).toBe(0x1235n);
    expect(value("*(0x8000+0x8000)")).toBe(0x1234n);
    expect(value("0-1+1")).toBe(0n);
  });

  test("comparisons are unsigned; && binds closer than ||, & closer than ==", () => {
    expect(value("$a0 == 7")).toBe(1n);
    expect(value("$a0 != 7 || 1")).toBe(1n);
    expect(value("0 && 0 || 1")).toBe(1n);
    expect(value("1 || 0 && 0")).toBe(1n);
    expect(value("-1 > 1")).toBe(1n);
    expect(value("7 & 3 == 3")).toBe(1n);
    expect(value("($a0 < 7) + ($a0 <= 7)")).toBe(1n);
  });

  test("what is wrong is said in one line", () => {
    for (const [text, says] of [
      ["", '"" is not an address'], ["main)", "does not fit there"], ["(main", "parenthesis is not closed"], ["foo", "there is no symbol foo"], ["$x99", "there is no register $x99"],
      ["*5", "there is no memory at 0x5"], ["1 2", "does not fit"], ["0x10000000000000000", "more than 64 bits"], ["a#b", "is not understood"], ["+", "does not fit there"],
    ] as const) {
      expect(() => value(text), text).toThrow(MonitorError);
      expect(() => value(text), text).toThrow(says);
    }
  });

  test("a hostile line is refused, not followed", () => {
    expect(() => value("(".repeat(100_000))).toThrow(MonitorError);
    expect(() => value("*".repeat(100_000) + "1")).toThrow(MonitorError);
    expect(() => value("-".repeat(100_000) + "1")).toThrow(MonitorError);
  });
});

test("registers by ABI name and number", () => {
  expect([registerNumber("zero"), registerNumber("fp"), registerNumber("s0"), registerNumber("t6"), registerNumber("x31")]).toEqual([0, 8, 8, 31, 31]);
  expect([registerNumber("x32"), registerNumber("pc"), registerNumber("x01")]).toEqual([undefined, undefined, undefined]);
});
