import { expect, test } from "vitest";
import { Finisher, type Finish } from "./finisher.ts";

test("pass, fail with a code, reset; anything else is nothing", () => {
  const seen: Finish[] = [];
  const finisher = new Finisher((finish) => seen.push(finish));
  finisher.write(0, 4, 0x5555);
  finisher.write(0, 4, 0xff_3333);
  finisher.write(0, 4, 0xffff_3333);
  finisher.write(0, 2, 0x7777);
  for (const value of [0, 0x1234, 0x3333_0000]) finisher.write(0, 4, value);
  finisher.write(4, 4, 0x5555);
  expect(seen).toEqual([{ kind: "pass" }, { kind: "fail", code: 255 }, { kind: "fail", code: 0xffff }, { kind: "reset" }]);
  expect(finisher.read(0, 4)).toBe(0);
});
