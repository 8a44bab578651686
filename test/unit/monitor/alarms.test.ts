// Alarms on small programs with one mistake each, and the log of faults: no symbols, just what the hardware sees.

import { describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Monitor } from "../../../emulator/monitor/monitor.ts";
import { PageTables } from "../../support/asm.ts";
import { DATA, Rig, TABLES } from "../../support/rig.ts";

/** The rig's code and data for both modes, and a user page at 0x4000 (physical DATA + 0x4000). */
function tables(): PageTables {
  const t = new PageTables(TABLES);
  t.range(RAM, RAM, 64, "rwxad").range(DATA, DATA, 16, "rwad").range(TABLES, TABLES, 8, "rwad");
  t.map(0x4000, DATA + 0x4000, "rwuad").map(0x5000, DATA + 0x5000, "ruad");
  return t;
}

async function monitored(program: (a: Rig, t: PageTables) => void): Promise<Monitor> {
  const a = new Rig();
  const t = tables();
  a.prologue();
  program(a, t);
  a.done();
  const at = a.here;
  t.emit(a);
  a.org(at);
  const machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  return new Monitor(machine);
}

const enable = (a: Rig, t: PageTables): Rig => a.csrli("medeleg", 0).li("t0", t.satp(1)).csrw("satp", "t0").op("sfence.vma");
const SUM = 1 << 18;

describe("alarms", () => {
  test("kernel-write: a store in supervisor mode to a user page", async () => {
    const m = await monitored((a, t) => {
      enable(a, t).inMode("S", () => {
        a.li("t0", SUM).csr("csrrs", 0, "sstatus", "t0").li("t1", 0x4000).s("sd", "t1", "t1", 8);
      });
    });
    await m.run("alarm kernel-write");
    m.machine.runToEnd({ maxSteps: 20_000 });
    expect(m.alarms.raised.map((r) => r.sentence)).toEqual([expect.stringMatching(/^0x800\w+ stores to 0x4008, a page for user mode \(entry 0x800\w+ VRW\.U\.AD\)$/)]);
  });

  test("kernel-write keeps quiet about loads, and about the kernel's own pages", async () => {
    const m = await monitored((a, t) => {
      enable(a, t).inMode("S", () => {
        a.li("t0", SUM).csr("csrrs", 0, "sstatus", "t0").li("t1", 0x4000).i("ld", "t2", "t1", 0).li("t1", DATA).s("sd", "t1", "t1", 8);
      });
    });
    await m.run("alarm kernel-write");
    m.machine.runToEnd({ maxSteps: 20_000 });
    expect(m.alarms.raised).toEqual([]);
  });

  test("stale: an entry is taken away without sfence.vma, and used", async () => {
    for (const fence of [false, true]) {
      const a = new Rig();
      const t = tables();
      t.map(RAM, RAM, "rwxuad"); // user code lies here
      for (let i = 0; i < 64; i++) t.map(0x100000 + 4096 * i, RAM + 4096 * i, "rwxuad");
      a.prologue();
      enable(a, t);
      // User mode touches the page, traps to machine mode; which takes it away; user mode touches it again.
      const user = (label: string): void => {
        a.la("t3", label).li("t4", RAM - 0x100000).r("sub", "t6", "t3", "t4");
        a.enterAt("U");
      };
      a.la("s11", "second");
      user("touch");
      a.label("touch").li("t1", 0x4000).s("sd", "t1", "t1", 0).op("ecall");
      a.label("second").li("t2", t.addressOf(0x4000)).s("sd", 0, "t2", 0);
      if (fence) a.op("sfence.vma");
      a.la("s11", "end");
      user("touch2");
      a.label("touch2").li("t1", 0x4000).s("sd", "t1", "t1", 0).op("ecall");
      a.label("end").done();
      const at = a.here;
      t.emit(a);
      a.org(at);
      const m = new Monitor(await Machine.create({ memory: 2 ** 21, kernel: a.image() }));
      await m.run("alarm stale");
      const end = m.machine.runToEnd({ maxSteps: 20_000 });
      expect(end.reason).toBe("poweroff");
      expect(m.alarms.raised).toHaveLength(fence ? 0 : 1);
      if (!fence) expect(m.alarms.raised[0]!.sentence).toMatch(/^a store at 0x4000 went to 0x80044000 through an old translation\. Its page-table entry 0x8\w+ was changed from 0x\w+ VRW\.U\.AD to 0x0 \.{8} by 0x8\w+ on hart 0 at t=\d+, that refuses it \(invalid\), and hart 0 has executed no sfence\.vma for it since$/);
    }
  });

  test("takes what is off away again", async () => {
    const m = await monitored(() => undefined);
    await m.run("alarm stale");
    expect((await m.run("alarm")).text).toMatch(/stale +on /);
    await m.run("alarm off stale");
    expect(m.alarms.on).toEqual([]);
    expect(await m.run("alarm off stale")).toMatchObject({ ok: false });
  });

  test("same-fault: the handler sends the instruction back, and nothing has changed", async () => {
    const m = await monitored((a, t) => {
      enable(a, t);
      a.la("s11", "fault").li("s10", 0).la("t6", "go").enterAt("S");
      a.label("go").li("t1", 0x6000).label("fault").s("sd", "t1", "t1", 0);
    });
    await m.run("alarm same-fault");
    m.machine.runToEnd({ maxSteps: 1000 });
    expect(m.faults.total).toBeGreaterThan(10);
    expect(m.alarms.raised.map((r) => r.sentence)).toEqual([expect.stringMatching(/^kernel was sent back 3 times in a row to pc 0x8\w+, and its store at 0x6000 is refused as before \(invalid; entry 0x8\w+ \.{8}\)$/)]);
    expect(m.alarms.raised[0]!.times).toBeGreaterThan(5);
    expect(m.told).toHaveLength(1);
  });

  test("same-fault keeps quiet where the handler mends the page, however often", async () => {
    const m = await monitored((a, t) => {
      enable(a, t);
      const entry = t.addressOf(0x6000);
      a.li("s2", 5).label("again").li("t2", entry).s("sd", 0, "t2", 0).op("sfence.vma");
      a.la("s11", "mend").li("s10", 0x1800).la("t6", "store").enterAt("S");
      a.label("mend").li("t0", BigInt((DATA + 0x6000) / 4096) << 10n | 0xc7n).li("t2", entry).s("sd", "t0", "t2", 0).op("sfence.vma");
      a.la("s11", "next").la("t6", "fault").enterAt("S");
      a.label("store").li("t1", 0x6000).label("fault").s("sd", "t1", "t1", 0).op("ecall");
      a.label("next").i("addi", "s2", "s2", -1).branch("bne", "s2", 0, "again");
    });
    await m.run("alarm same-fault");
    expect(m.machine.runToEnd({ maxSteps: 20_000 }).reason).toBe("poweroff");
    expect(m.faults.total).toBe(5);
    expect(m.alarms.raised).toEqual([]);
    expect([...m.faults.backwards()].map((f) => f.outcome)).toEqual(["mapped", "mapped", "mapped", "mapped", "mapped"]);
  });
});

describe("the log of faults", () => {
  test("has what the hardware saw", async () => {
    const m = await monitored((a, t) => {
      enable(a, t).inMode("S", () => { a.li("t1", 0x5008).s("sd", "t1", "t1", 0); });
    });
    m.machine.runToEnd({ maxSteps: 20_000 });
    const [f] = [...m.faults.backwards()];
    expect(f).toMatchObject({ index: 0, hart: 0, access: 1, privilege: 1, va: 0x5008n, satp: tables().satp(1), pid: 0, level: 0, outcome: "pending" });
    expect(f!.reason).toBe("user-page");
    expect((await m.run("faults")).text).toContain("user-page");
  });

  test("an entry that was void and is there when the instruction runs again was mapped", async () => {
    const m = await monitored((a, t) => {
      enable(a, t);
      const entry = t.addressOf(0x6000);
      a.la("s11", "mend").la("t6", "store");
      a.enterAt("S");
      a.label("store").li("t1", 0x6000).label("again").s("sd", "t1", "t1", 0).op("ecall");
      a.label("mend").li("t0", BigInt((DATA + 0x6000) / 4096) << 10n | 0xc7n).li("t2", entry).s("sd", "t0", "t2", 0).op("sfence.vma");
      a.la("s11", "out").la("t6", "store");
      a.enterAt("S");
      a.label("out");
    });
    m.machine.runToEnd({ maxSteps: 20_000 });
    const [f] = [...m.faults.backwards()];
    expect(f).toMatchObject({ va: 0x6000n, reason: "invalid" });
    // The handler went to `mend` first: the return was to another place. A kernel's own handler returns to the store itself.
    expect(f!.outcome).toBe("elsewhere");
    expect(f!.cost).toBeGreaterThan(0);
  });
});
