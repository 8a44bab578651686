// The kernel boots on our machine, and programs run in it as a user runs them.
import { expect, test } from "vitest";
import { Machine, MemoryBlock } from "../../emulator/index.ts";
import { atPrompt, diskImage, machine, runCommand, shell } from "./support.ts";

test("boots to the shell, and what is typed there works", async () => {
  const m = await atPrompt();
  expect(m.console.text).toMatch(/^pagewalk: /);
  expect(shell(m, "echo hi | wc")).toMatch(/\b1\s+1\s+3\b/);
  expect(shell(m, "ls")).toMatch(/\busertests\b/);
  expect(shell(m, "mkdir d; echo one > d/f; echo two >> d/f; cat d/f")).toContain("one\ntwo\n");
  expect(shell(m, "cat nothing")).toMatch(/nothing.*No such file/i);
  expect(shell(m, "true && echo yes || echo no")).toContain("yes\n");
});

test.each([1, 2, 4, 8])("boots on %i harts and runs a pipeline", async (harts) => {
  const { stop, text } = await runCommand("echo a b c | wc; ps", { harts });
  expect(text).toMatch(/\b1\s+3\s+6\b/);
  expect(stop).toEqual({ reason: "poweroff", code: 0 });
});

test.each([["true", 0], ["false", 1], ["sh -c 'exit 42'", 42], ["nosuchprogram", 127]])("run=%s ends with exit code %i", async (command, code) => {
  const { stop, text } = await runCommand(command);
  expect(stop, text).toEqual({ reason: "poweroff", code });
});

test("boots in 16 MiB of memory, and on the reference engine", async () => {
  expect((await runCommand("echo small", { memory: 16 * 2 ** 20 })).text).toContain("small");
  expect((await runCommand("echo slow", { memory: 16 * 2 ** 20, engine: "reference" }, 100e6)).text).toContain("slow");
});

test("two runs with one input log end in the same state, on either engine", async () => {
  const memory = 16 * 2 ** 20;
  const first = await machine({ harts: 2, memory });
  first.runUntil("\n$ ");
  first.type("ls | wc\n");
  first.runUntil("\n$ ");
  const hashes = [];
  for (const engine of ["interpreter", "reference"] as const) {
    const again = await machine({ harts: 2, memory, engine });
    again.replay(first.inputLog);
    while (again.steps < first.steps) {
      const stop = again.run(first.steps - again.steps);
      if (stop.reason === "idle") again.skipTo(stop.wakeAt);
    }
    hashes.push(again.stateHash());
  }
  expect(hashes).toEqual([first.stateHash(), first.stateHash()]);
});

test("a snapshot goes on as the machine would have", async () => {
  const disk = new MemoryBlock(diskImage());
  const m = await atPrompt({ disk });
  m.type("echo before > f; cat f\n");
  m.run(300_000);
  const snapshot = m.snapshot();
  const copy = await Machine.restore(snapshot, [new MemoryBlock(diskImage())]);
  for (const x of [m, copy]) x.runUntil(() => false, { maxSteps: 30_000_000 });
  expect(copy.stateHash()).toBe(m.stateHash());
  expect(m.console.text).toContain("before");
});
