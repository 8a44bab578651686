import { expect, test } from "vitest";
import { Console } from "./console.ts";

function made(): { console: Console; shown: () => string } {
  const c = new Console();
  let out = "";
  c.onOutput = (bytes) => { out += new TextDecoder().decode(bytes); };
  return { console: c, shown: () => out };
}
const print = (c: Console, text: string): void => new TextEncoder().encode(text).forEach((b) => c.put(b));

test("text is passed on when flushed, and matched once", () => {
  const { console: c, shown } = made();
  print(c, "boot\n$ ");
  expect(shown()).toBe("");
  expect(c.match("$ ")).toBe(true);
  expect(shown()).toBe("boot\n$ ");
  expect(c.match("$ ")).toBe(false);
  print(c, "ls");
  expect(c.unmatched).toBe("ls");
});

test("a character cut in two by a flush comes out whole", () => {
  const { console: c } = made();
  const [first, ...rest] = new TextEncoder().encode("é");
  c.put(first!);
  c.flush();
  expect(c.text).toBe("");
  rest.forEach((b) => c.put(b));
  expect(c.text).toBe("é");
});

test("going back cuts the text, and what is printed again is not shown again", () => {
  const { console: c, shown } = made();
  print(c, "one two");
  c.flush();
  c.goTo(3);
  expect(c.text).toBe("one");
  print(c, " two");
  expect(c.text).toBe("one two");
  print(c, " three");
  c.flush();
  expect(shown()).toBe("one two three");
  c.goTo(0);
  expect(c.text).toBe("");
  c.goTo(7); // forward to what is known
  expect(c.text).toBe("one two");
});

test("output that was waiting when time went back is shown once", () => {
  const { console: c, shown } = made();
  print(c, "abc");
  c.goTo(1);
  print(c, "bcd");
  c.flush();
  expect(shown()).toBe("abcd");
});

test("another future is shown from where it begins", () => {
  const { console: c, shown } = made();
  print(c, "one two");
  c.flush();
  c.goTo(3);
  c.cut();
  print(c, " 2");
  c.flush();
  expect(c.text).toBe("one 2");
  expect(shown()).toBe("one two 2");
});

test("a match made later does not hide what is printed in the past", () => {
  const { console: c } = made();
  print(c, "$ ls\n$ ");
  expect(c.match("ls\n$ ")).toBe(true);
  c.goTo(2);
  c.cut();
  print(c, "cat\n$ ");
  expect(c.match("$ ")).toBe(true);
});

test("a guest that prints for ever is forgotten from the front, and searching goes on", () => {
  const { console: c } = made();
  const line = `${"x".repeat(62)}\n`;
  for (let i = 0; i < 200_000; i++) print(c, line);
  print(c, "the end");
  expect(c.match("the end")).toBe(true);
  expect(c.text.length).toBeLessThan(9 * 2 ** 20);
  expect(c.text.length).toBeGreaterThan(3 * 2 ** 20);
  c.goTo(1000); // no longer kept
  expect(c.text).toBe("");
  print(c, line);
  expect(c.text).toBe("");
});
