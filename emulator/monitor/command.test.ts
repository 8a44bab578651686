import { describe, expect, test } from "vitest";
import { Args, MonitorError } from "./command.ts";

const args = (line: string): Args => new Args(line, "test FORM");

describe("the words of a command", () => {
  test("are taken in order; quotes hold one together", () => {
    const a = args(`one "two words" 'three' 0x4`);
    expect([a.next(), a.next(), a.next(), a.next(), a.next()]).toEqual(["one", "two words", "three", "0x4", undefined]);
    a.end();
  });

  test("options stand anywhere, pairs too", () => {
    const a = args("0x14000 in 7 as store --all");
    expect(a.flag("--all")).toBe(true);
    expect(a.flag("--all")).toBe(false);
    expect(a.after("as")).toBe("store");
    expect(a.after("in")).toBe("7");
    expect(a.after("from")).toBeUndefined();
    expect(a.expression("an address")).toBe("0x14000");
  });

  test("a condition is all that follows", () => {
    const a = args("main in 7 if $a0 == 1 && $a1 > 2");
    expect(a.tail("if")).toBe("$a0 == 1 && $a1 > 2");
    expect(a.after("in")).toBe("7");
    expect(a.rest()).toBe("main");
    expect(args("x").tail("if")).toBeUndefined();
  });

  test("a negative number is a word and no option", () => {
    expect(args("-1000").next()).toBe("-1000");
  });

  test("what is missing or left over is said with the form", () => {
    for (const wrong of [() => args("").need("an address"), () => args("x").end(), () => args("--foo").end(), () => args("in").after("in"), () => args("if").tail("if")]) {
      expect(wrong).toThrow(MonitorError);
      expect(wrong).toThrow("test FORM");
    }
    expect(() => args('"open')).toThrow("not closed");
  });
});
