// The guest's own tests, on our machine and on QEMU.
import { expect, test } from "vitest";
import { MemoryBlock } from "../../emulator/index.ts";
import { INSTRUCTIONS } from "../../emulator/isa/table.ts";
import { haveQemu, NO_FP, pagingImage, runCommand, runOnQemu } from "./support.ts";

/** Has our machine the extensions F and D? */
const OURS_HAS_FP = INSTRUCTIONS.some(({ name }) => name === "fadd.d");
/** What usertests says where it has found that there is no floating point. */
const NO_FP_WORDS = "# this machine has no floating point";

/** TAP lines without what may differ between two machines. */
const tap = (text: string): string[] => text.split(/\r?\n/).filter((l) => /^(ok|not ok|1\.\.|usertests:)/.test(l));

test.each([1, 4])("usertests pass on %i harts", async (harts) => {
  const { stop, text } = await runCommand("usertests", { harts }, 40e9);
  expect(tap(text).filter((l) => l.startsWith("not ok")), text.slice(-3000)).toEqual([]);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
});

test("forktest and a stretch of grind pass on 4 harts, with vmcheck every thousand calls", async () => {
  const { stop, text } = await runCommand("forktest && grind -n 20000 -c 1000 -s 6 -p 8", { harts: 4 }, 20e9);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
  expect(text).toMatch(/^grind: 20\d{3} calls, \d+ system calls, 20 checks: OK/m);
});

test("the same while memory goes to swap", async () => {
  const disk = new MemoryBlock(pagingImage());
  const { stop, text } = await runCommand("grind -n 10000 -c 1000 -s 8 -p 4 -m 4000; vmstat", { harts: 4, memory: 16 * 2 ** 20, disk }, 40e9);
  expect(text).toMatch(/^grind: 10\d{3} calls, \d+ system calls, 10 checks: OK/m);
  expect(Number(/(\d+) +\d+ +\d+\s*$/.exec(text)?.[1]), text.slice(-1000)).toBeGreaterThan(5000); // pages that went to swap
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
});

test.skipIf(!haveQemu)("the same kernel and disk on QEMU print the same", async () => {
  const script = "ls; echo hi | wc; cat README | head -n 3; usertests -q";
  const ours = await runCommand(script, {}, 40e9);
  const qemu = runOnQemu(script, OURS_HAS_FP ? {} : { cpu: NO_FP });
  expect(qemu.status, qemu.text.slice(-3000)).toBe(0);
  expect(ours.stop, ours.text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
  const lines = (t: string): string[] => t.replace(/\r/g, "").split("\n").filter((l) => !/^#|^pagewalk:.*(seed|time)/.test(l));
  expect(lines(ours.text)).toEqual(lines(qemu.text));
});

test.skipIf(!haveQemu)("usertests pass on QEMU with 4 harts", () => {
  const { status, text } = runOnQemu("usertests", { harts: 4 });
  expect(status, text.slice(-3000)).toBe(0);
});

test("the kernel gives floating point to programs on our machine just if it has F and D", async () => {
  const { stop, text } = await runCommand("usertests fp_*", { harts: 4 }, 20e9);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
  expect(text.includes(NO_FP_WORDS), text.slice(-3000)).toBe(!OURS_HAS_FP);
});

test.skipIf(!haveQemu).each([
  ["with", "rv64", 1],
  ["with", "rv64", 4],
  ["without", NO_FP, 1],
] as const)("on QEMU %s floating point (%s, %i harts) programs have just that", (what, cpu, harts) => {
  const { status, text } = runOnQemu("usertests fp_* && vmtests paging_fp", { cpu, harts, image: pagingImage() });
  expect(status, text.slice(-3000)).toBe(0);
  expect(text.includes(NO_FP_WORDS), text.slice(-3000)).toBe(what === "without");
});
