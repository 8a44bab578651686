// goto, last-write, diff and the motions back, on a small program and a timeline that is slow and plainly right.

import { beforeAll, describe, expect, test } from "vitest";
import { Debugger, Machine } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Monitor } from "../../../emulator/monitor/monitor.ts";
import { RunControl } from "../../../emulator/monitor/run-control.ts";
import { Asm, PageTables } from "../../support/asm.ts";
import { Restarting } from "../../support/restarting.ts";

const DATA = RAM + 0x8000;
const TABLES = RAM + 0x10000;
const hex = (n: number): string => `0x${n.toString(16)}`;

let m: Monitor;
let entry: number;
let writer: string;

beforeAll(async () => {
  const a = new Asm();
  const t = new PageTables(TABLES);
  t.map(0x4000, DATA, "rwuad").map(0x5000, DATA + 0x1000, "rwuad").map(0x6000, DATA + 0x2000, "ruad");
  entry = t.addressOf(0x4000);
  a.li("t0", DATA).li("t1", 0);
  a.label("count").i("addi", "t1", "t1", 1).s("sd", "t1", "t0", 0).li("t2", 10).branch("blt", "t1", "t2", "count");
  a.li("t3", entry).i("ld", "t4", "t3", 0).i("andi", "t5", "t4", 4).r("sub", "t4", "t4", "t5"); // W off
  writer = hex(a.here);
  a.s("sd", "t4", "t3", 0).s("sd", 0, "t3", 8); // and the next page away
  a.label("end").j("end");
  t.emit(a);
  const machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  const timeline = new Restarting(machine, 50);
  m = new Monitor(machine, { timeline, control: new RunControl(machine, new Debugger(machine, timeline)) });
  timeline.run(150);
});

const say = async (line: string): Promise<string> => {
  const { ok, text } = await m.run(line);
  expect(ok, text).toBe(true);
  return text;
};

test("history says how far it reaches", async () => {
  expect(await say("history")).toMatch(/^history reaches from t=0 \(0\.0+ s\) to t=150 \(0\.000000150 s\); here is t=150, the present$/);
});

describe("last-write", () => {
  test("finds the instruction, and the moment is just before it", async () => {
    const { json } = await m.run(`last-write ${hex(DATA)} physical`);
    const { moment, pc } = json as { moment: number; pc: string };
    await say(`goto t=${moment}`);
    expect(m.look.pc(m.look.hart(0))).toBe(BigInt(pc));
    expect(await say(`xp/1dg ${hex(DATA)}`)).toMatch(/ 9$/);
    await say("stepi");
    expect(await say(`xp/1dg ${hex(DATA)}`)).toMatch(/ 10$/);
    expect(await say(`last-write ${hex(DATA)} physical`)).toMatch(/^physical 0x80008000 was last written by 0x\w+ on hart 0, t=\d+, 1 step ago {3}\[goto t=\d+\]$/);
    await say("goto end");
    expect(m.machine.steps).toBe(150);
  });

  test("of a page-table entry, by the address that it is about", async () => {
    expect(await say(`last-write pte 0x4000 in root=${hex(TABLES)}`)).toMatch(new RegExp(`^the entry ${hex(entry)} for 0x4000 was last written by ${writer} on hart 0, t=`));
  });

  test("of what nobody wrote", async () => {
    expect(await say(`last-write ${hex(DATA + 0x100)} physical`)).toBe("physical 0x80008100 was not written since history begins (t=0)");
    expect(m.machine.steps).toBe(150);
  });
});

test("diff shows what an address space has lost and gained", async () => {
  expect(await say(`diff 20 now root=${hex(TABLES)}`)).toBe([
    "page table:",
    "  0x4000-0x5000 changed: VRW.U.AD frame 0x80008000 -> VR..U.AD frame 0x80008000",
    "  0x5000-0x6000 no longer mapped: VRW.U.AD frame 0x80009000 -> nothing",
  ].join("\n"));
  expect(await say(`diff now 20 root=${hex(TABLES)}`)).toContain("0x5000-0x6000 mapped: nothing -> VRW.U.AD frame 0x80009000");
  expect(await say(`diff 140 now root=${hex(TABLES)}`)).toMatch(/^nothing in root=0x80010000 changed/);
  expect(m.machine.steps).toBe(150);
});

test("a watched entry stops on the way back, before it is written", async () => {
  await say(`watch pte 0x4000 in root=${hex(TABLES)}`);
  const text = await say("rcontinue");
  expect(text).toMatch(/^watchpoint 1 \(entry for 0x4000\): 8 bytes at 0x8\w+ about to be written/);
  expect(hex(Number(m.look.pc(m.look.hart(0))))).toBe(writer);
  expect(await say("rcontinue")).toMatch(/^this is where history begins\n/);
  await say("delete");
  await say("goto end");
});

test("what cannot be reached is said", async () => {
  expect(await m.run("goto 1000000")).toMatchObject({ ok: false, text: "history reaches from t=0 to t=150, not to t=1,000,000" });
  expect(await m.run("goto -1000")).toMatchObject({ ok: false });
  expect(await m.run("goto soon")).toMatchObject({ ok: false, text: '"soon" is no time: it is a number of steps, such as 18,204,511' });
});

test("tlb count counts floating-point loads and stores, too", async () => {
  const a = new Asm();
  a.li("t0", 0x2000).csrw("mstatus", "t0").li("t1", DATA);
  a.label("loop").op("flw", { rd: 10, rs1: 6 }).op("fsd", { rs1: 6, rs2: 10, imm: 8 }).j("loop");
  const machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  const timeline = new Restarting(machine, 1000);
  const monitor = new Monitor(machine, { timeline, control: new RunControl(machine, new Debugger(machine, timeline)) });
  timeline.run(150);
  const { json } = await monitor.run("tlb count 90");
  expect(json).toMatchObject({ harts: [{ accesses: [30, 30, 90], misses: [0, 0, 0] }] });
});
