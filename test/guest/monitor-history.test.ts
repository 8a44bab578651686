// The monitor's way back, on the real kernel: from a page-table entry to the code that wrote it.

import { beforeAll, describe, expect, test } from "vitest";
import { programs } from "../../emulator/cli/debugging.ts";
import { History } from "../../emulator/history/history.ts";
import { Monitor } from "../../emulator/monitor/monitor.ts";
import { ProgramFiles } from "../../emulator/monitor/symbols/program-files.ts";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { readFileSync } from "node:fs";
import { data, say, shellPid } from "./monitor.ts";
import { KERNEL, machine } from "./support.ts";

let m: Monitor;
let pid: number;
let end: number;

beforeAll(async () => {
  const guest = await machine({ memory: 32 * 2 ** 20 });
  const history = new History(guest);
  m = new Monitor(guest, { kernel: Symbols.fromElf(new Uint8Array(readFileSync(KERNEL)), { name: "kernel" }), files: new ProgramFiles(programs()), timeline: history, door: history });
  await say(m, 'expect "$ "');
  await say(m, "type cowdemo");
  await say(m, 'expect "$ "');
  pid = shellPid(m);
  end = m.machine.steps;
});

describe("from an entry to its writer", () => {
  test("last-write names the function, the process and the moment, and goto goes there", async () => {
    const hash = m.machine.stateHash();
    const text = await say(m, `last-write pte 0x16000 in ${pid}`);
    expect(text).toMatch(/^the entry 0x8\w+ for 0x16000 was last written by \w+\+0x\w+ guest-kernel\/vm\/pmap\.c:\d+ \(pc 0x8\w+\) on hart 0, for pid \d+ sh, t=[\d,]+, [\d,]+ steps ago {3}\[goto t=[\d,]+\]$/);
    expect(m.machine.stateHash()).toBe(hash);
    const { moment, pa } = await data<{ moment: number; pa: string }>(m, `last-write pte 0x16000 in ${pid}`);
    const now = await say(m, `xp/1xg ${pa}`);
    await say(m, `goto t=${moment}`);
    expect(await say(m, `xp/1xg ${pa}`)).not.toBe(now);
    expect(await say(m, "bt")).toMatch(/guest-kernel\/vm\/pmap\.c[^]*usertrap\(\)[^]*-- from user mode --/);
    await say(m, "stepi");
    expect(await say(m, `xp/1xg ${pa}`)).toBe(now);
    await say(m, "goto end");
    expect(m.machine.stateHash()).toBe(hash);
  });

  test("rcontinue goes from write to write, and from fault to fault", async () => {
    await say(m, `watch pte 0x16000 in ${pid}`);
    expect(await say(m, "rcontinue")).toMatch(/^watchpoint 1 \(entry for 0x16000\): 8 bytes at 0x8\w+ about to be written; 0x\w+ -> 0x\w+\nhart 0, pid \d+ sh, /);
    expect(await say(m, "rcontinue")).toMatch(/pmap_\w+\+0x\w+ guest-kernel\/vm\/pmap\.c/); // fork took the right to write away
    await say(m, "delete");
    await say(m, `catch fault store not-writable in ${pid}`);
    await say(m, "goto end");
    expect(await say(m, "rcontinue")).toMatch(/^catch 2: page fault of a store not-writable\nhart 0, pid \d+ sh, t=[\d,]+: /);
    await say(m, "delete");
    await say(m, "goto end");
  });

  test("diff between two moments shows what fork and the faults after it did", async () => {
    const { moment } = await data<{ moment: number }>(m, `last-write pte 0x16000 in ${pid}`);
    const text = await say(m, `diff ${moment - 100} now ${pid}`);
    expect(text).toMatch(/0x16000-0x1[78]000 changed: VR\.\.U\.AD.* -> VRW\.U\.AD/);
    expect(m.machine.steps).toBe(end);
  });

  test("the log of faults is not told twice, and forgets nothing", async () => {
    const { total } = m.faults;
    const { moment } = await data<{ moment: number }>(m, `last-write pte 0x16000 in ${pid}`);
    await say(m, `goto ${moment - 100_000}`);
    const then = await data<{ faults: unknown[] }>(m, "faults");
    expect(then.faults.length).toBeLessThan(total);
    await say(m, "goto end");
    expect(m.faults.total).toBe(total);
    await say(m, `goto ${moment - 100_000}`);
    m.timeline!.run(200_000); // once more, with the log listening
    expect(m.faults.total).toBe(total);
    await say(m, "goto end");
  });
});

test("hits of the TLBs are counted by running the last steps again", async () => {
  const hash = m.machine.stateHash();
  const { from, to, harts } = await data<{ from: number; to: number; harts: { accesses: number[]; misses: number[] }[] }>(m, "tlb count 50000");
  expect([to - from, m.machine.stateHash()]).toEqual([50_000, hash]);
  const [load, store, fetch] = harts[0]!.accesses;
  expect(fetch).toBeGreaterThan(45_000); // all but what traps
  expect(fetch).toBeLessThanOrEqual(50_000);
  expect(load! + store!).toBeGreaterThan(5_000);
  expect(harts[0]!.misses.every((n, k) => n <= harts[0]!.accesses[k]!)).toBe(true);
});
