// Runs that nobody watches, and that end in a program killed for a fault or in a kernel panic: the reason is on standard
// error, whether the run can be made again or had to be kept because it wrote to a file.
import { describe, expect, test } from "vitest";
import { wantsExplanation } from "../../emulator/cli/afterwards.ts";
import { BUGS } from "../guest/planted-bugs.ts";
import { installedToolchain, Planter } from "../guest/planted.ts";
import { diskWith, userProgram } from "../guest/why.ts";
import { file, pagewalk, Running } from "./cli-guests.ts";

/** A program that dies of a store to 0x18; and one whose child does, which it does not mind. */
const programs = [
  { path: "/wild", bytes: userProgram((a) => a.li("s2", 0x10).s("sd", "s2", "s2", 8).call("exit", 0)) },
  { path: "/parent", bytes: userProgram((a) => a.call("fork").branch("beq", "a0", "zero", "child").call("wait", 0).call("exit", 0).label("child").li("s2", 0x10).s("sd", "s2", "s2", 8)) },
];

describe("a program that is killed", () => {
  test("on a disk that is a file", async () => {
    const disk = file(diskWith(programs), "d.img");
    const ran = await pagewalk(["--disk", disk, "run", "wild"]);
    expect(ran.stdout).toMatch(/store page fault at 0x18 .*: killed/);
    expect(ran.stderr).toMatch(/^\nstore page fault {3}wild pid \d+ · hart \d · t=[\d,]+\n {2}0x\w+ {2}sd s2,8\(s2\)[^]*^ {2}refused: the entry has V=0\.[^]*^ {2}outcome: killed by SIGSEGV[^]*^ {2}likely: a null pointer, with a member or element 24 bytes behind it/m);
    expect(ran.stderr.match(/page fault/g)!.length).toBeLessThan(4); // told once
    expect(ran.status).toBe(255);
    expect(await pagewalk(["--disk", disk, "run", "parent"])).toMatchObject({ status: 0, stderr: "" });
  }, 30_000);

  test("on a disk in memory: the run is made again, whatever was typed", async () => {
    const ran = await pagewalk(["--memory", "12M", "--append", "vm.commit=overcommit", "run", "cat; bigsort 84"], "typed\n");
    expect(ran.stdout).toMatch(/^typed\n[^]*store page fault at 0x\w+ \(no memory: more was granted than there is\), pc 0x\w+: killed/m);
    expect(ran.stderr).toMatch(/^\nstore page fault {3}bigsort pid \d+ [^]*^ {2}mapped: 0x\w+-0x\w+ rw- private, heap, not reserved[^]*^ {2}outcome: the process was killed/m);
    expect(ran.stderr).not.toMatch(/note:/);
    expect(ran.status).toBe(255);
  }, 60_000);
});

test("who does not want to wait for the reason ends it with a signal", async () => {
  const running = new Running(["--memory", "12M", "--append", "vm.commit=overcommit", "run", "bigsort 84"]);
  await running.shows(": killed");
  await new Promise((resolve) => setTimeout(resolve, 300)); // it is being made again, which takes as long as the first time
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ status: 128 + 15, stderr: "" });
}, 60_000);

const toolchain = installedToolchain();
test.skipIf(toolchain === undefined)("a kernel that panics (needs a RISC-V compiler)", async () => {
  const planter = await Planter.make(toolchain!);
  try {
    const kernel = file(await planter.build(BUGS.find((b) => b.name === "kernel-null-pointer")!.edits), "kernel.elf");
    const ran = await pagewalk(["--kernel", kernel, "run", "cat README"]);
    expect(ran.stdout).toMatch(/^panic on hart 0/m);
    expect(ran.stderr).toMatch(/^\npanic on hart 0.*\nkernel panic {3}hart 0 · \w+ pid \d+[^]*^store page fault {3}the kernel[^]*^ {2}likely: a null pointer in a0/m);
    expect(ran.status).toBe(134);
  } finally {
    planter.close();
  }
}, 120_000);

test("a status of that number without its message is nobody's fault", () => {
  expect(wantsExplanation(134, "I give back 134\n")).toBe(false);
  expect(wantsExplanation(255, "pid 5 x: load page fault at 0x0: killed\n".concat("and much more\n".repeat(100)))).toBe(false);
  expect(wantsExplanation(1, "panic on hart 0: told\n")).toBe(false);
  expect(wantsExplanation(255, "pid 5 x: load page fault at 0x0: killed\r\n")).toBe(true);
});
