// Kernels with one planted bug each: the monitor must name the mistake from the console alone, by an alarm, by what it
// tells by itself, or by the answer to one question. Built from the sources, so a toolchain must be installed.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { BUGS, programFiles, type Bug } from "./planted-bugs.ts";
import { Planter, installedToolchain } from "./planted.ts";
import { diskWith, explained, golden, steady } from "./why.ts";

const toolchain = installedToolchain();
/** A kernel that comes so far in this many steps is at its prompt, or will not come there. */
const LONG_ENOUGH = 20_000_000;

/** So much of what it tells by itself is kept. */
const TOLD = 4;

let planter: Planter | undefined;
let disk: Uint8Array;

beforeAll(async () => {
  if (toolchain === undefined) return;
  planter = await Planter.make(toolchain);
  disk = diskWith(programFiles());
}, 240_000);

afterAll(() => {
  planter?.close();
});

/** Run until the prompt comes, the machine stops, or so many steps have passed. */
async function go(m: Monitor, most = LONG_ENOUGH): Promise<void> {
  const { console, steps } = m.machine;
  const from = console.text.length;
  m.control.go((d) => d.continue());
  await m.drive(() => m.machine.steps - steps > most || console.text.slice(from).endsWith("\n$ "));
}

/** All that the monitor says of a bug: by itself, and when it is asked. */
async function hunt(b: Bug): Promise<string> {
  const m = await explained({ disk }, await planter!.build(b.edits));
  try {
    if (b.alarm !== undefined && b.early === true) await m.run(`alarm ${b.alarm}`);
    await go(m);
    if (b.alarm !== undefined && b.early !== true) await m.run(`alarm ${b.alarm}`);
    if (b.command !== undefined) {
      await m.run(`type ${b.command}`);
      await go(m, b.ask?.steps ?? b.steps);
    }
    const line = b.ask?.line(m.machine.console.text) ?? (m.told.length === 0 ? "why" : undefined);
    return [...m.told.slice(0, TOLD), ...(line === undefined ? [] : [`(pagewalk) ${line}`, (await m.run(line)).text])].join("\n");
  } finally {
    m.close();
  }
}

describe.skipIf(toolchain === undefined)("a kernel with a planted bug (needs a RISC-V compiler)", () => {
  test.each(BUGS.map((b) => [b.name, b] as const))("%s", async (name, b) => {
    const text = await hunt(b);
    expect(text).toMatch(b.named);
    golden(`planted-${name}`, steady(text));
  }, 60_000);

  test("an alarm that stops is met again at the same moment after going back to before the mistake, on or newly switched on, and told once", async () => {
    const bug = BUGS.find((b) => b.name === "forgotten-sfence")!;
    const m = await explained({ disk }, await planter!.build(bug.edits));
    try {
      await go(m);
      const prompt = m.machine.steps;
      await m.run("alarm stale stop");
      await m.run("type cowdemo");
      const first = (await m.run("continue")).text;
      expect(first).toMatch(/^alarm stale: /);
      const there = m.machine.steps;
      const said = m.told.length;
      await m.run("rstep 2");
      expect(m.machine.steps).toBeLessThan(there);
      expect(m.alarms.on).toEqual([{ name: "stale", stop: true }]);
      await m.run(`goto t=${prompt}`);
      expect((await m.run("continue")).text).toBe(first);
      expect(m.machine.steps).toBe(there);
      await m.run(`goto t=${there - 50}`);
      await m.run("alarm off");
      await m.run("step 100");
      expect(m.machine.steps).toBeGreaterThan(there);
      await m.run(`goto t=${prompt}`);
      await m.run("alarm stale stop");
      expect((await m.run("continue")).text).toBe(first);
      expect(m.told.length).toBe(said);
      expect(m.alarms.raised.map((r) => [r.alarm, r.times])).toEqual([["stale", 1]]);
    } finally {
      m.close();
    }
  }, 60_000);
});
