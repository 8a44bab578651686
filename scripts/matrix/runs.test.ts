// Which runs a matrix has, how they are started, and how their output is judged.
import { expect, test } from "vitest";
import { argumentsOf, type Axes, DEFAULT_POLICIES, isPolicy, judge, nameOf, type Run, runsOf } from "./runs.ts";

const axes: Axes = { suites: ["vmtests", "usertests"], hosts: ["emulator", "qemu"], harts: [1, 4], memory: [128, 16], policies: DEFAULT_POLICIES };

test("every combination is one run, with a name of its own", () => {
  const runs = runsOf(axes);
  expect(runs).toHaveLength(2 * 2 * 2 * 2 * 7);
  expect(new Set(runs.map(nameOf)).size).toBe(runs.length);
});

test.each([["usual", true], ["vm.heap=eager", true], ["vm.heap=lazy+vm.commit=overcommit", true], ["vm.heap", false], ["vm.heap=cow", false], ["vm.colour=red", false], ["", false],
  ["toString=a", false], ["vm.heap=eager=eager", false], ["usual+vm.heap=eager", false]])("%s is a policy: %s", (text, is) => {
  expect(isPolicy(text)).toBe(is);
});

test("a policy reaches both machines", () => {
  const run: Run = { suite: "vmtests", host: "emulator", harts: 4, memory: 16, policy: "vm.heap=eager+vm.fork=copy" };
  expect(argumentsOf(run, "K", "D", "vmtests -q")).toEqual(
    ["--kernel", "K", "--disk", "D", "--smp", "4", "--memory", "16M", "--append", "vm.heap=eager vm.fork=copy", "run", "vmtests -q"]);
  const qemu = argumentsOf({ ...run, host: "qemu" }, "K", "D", "vmtests -q");
  expect(qemu.slice(qemu.indexOf("-append"))).toEqual(["-append", 'vm.heap=eager vm.fork=copy run="vmtests -q"']);
  expect(argumentsOf({ ...run, host: "qemu", policy: "usual" }, "K", "D", "vmtests").at(-1)).toBe('run="vmtests"');
});

const GOOD = "pagewalk: 16 MiB\r\n1..2\r\nok 1 - a\r\nok 2 - b\r\nvmtests: all 2 passed\r\n";

test("a run passes when all its tests did and it says so by its status", () => {
  expect(judge(GOOD, 0)).toEqual({ passed: true, planned: 2, good: 2, why: "" });
});

test.each([
  ["a test failed", GOOD.replace("ok 2 - b", "not ok 2 - b: too bad"), 1, "b: too bad; exit status 1"],
  ["a test is missing", GOOD.replace("ok 2 - b\r\n", ""), 0, "1 of 2 tests told of an end"],
  ["a panic at the end", `${GOOD}panic on hart 1: oh`, 134, "panic on hart 1: oh; exit status 134"],
  ["no end", GOOD, null, "its time was up"],
  ["nothing at all", "", 0, "0 of 0 tests told of an end"],
])("a run fails when there is %s", (_, text, status, why) => {
  expect(judge(text, status)).toMatchObject({ passed: false, why });
});
