// The guest's own tests, on our machine and on QEMU.
import { expect, test } from "vitest";
import { haveQemu, runCommand, runOnQemu } from "./support.ts";

/** TAP lines without what may differ between two machines. */
const tap = (text: string): string[] => text.split(/\r?\n/).filter((l) => /^(ok|not ok|1\.\.|usertests:)/.test(l));

test.each([1, 4])("usertests pass on %i harts", async (harts) => {
  const { stop, text } = await runCommand("usertests", { harts }, 40e9);
  expect(tap(text).filter((l) => l.startsWith("not ok")), text.slice(-3000)).toEqual([]);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
});

test("forktest and a stretch of grind pass on 4 harts", async () => {
  const { stop, text } = await runCommand("forktest && grind -n 3000 -s 7", { harts: 4 }, 20e9);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
});

test.skipIf(!haveQemu)("the same kernel and disk on QEMU print the same", async () => {
  const script = "ls; echo hi | wc; cat README | head -n 3; usertests -q";
  const ours = await runCommand(script, {}, 40e9);
  const qemu = runOnQemu(script);
  expect(qemu.status, qemu.text.slice(-3000)).toBe(0);
  expect(ours.stop, ours.text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
  const lines = (t: string): string[] => t.replace(/\r/g, "").split("\n").filter((l) => !/^#|^pagewalk:.*(seed|time)/.test(l));
  expect(lines(ours.text)).toEqual(lines(qemu.text));
});

test.skipIf(!haveQemu)("usertests pass on QEMU with 4 harts", () => {
  const { status, text } = runOnQemu("usertests", { harts: 4 });
  expect(status, text.slice(-3000)).toBe(0);
});
