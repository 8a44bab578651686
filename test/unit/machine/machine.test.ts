// The machine around the harts: rounds, turns and time, idling, reset, input, snapshots.

import { describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { PageTables } from "../../support/asm.ts";
import { DATA, ENGINES, RIG_MEMORY, Rig, TABLES, finish, machineWith, onBoth } from "../../support/rig.ts";

/** Hart 0 runs `first`, every other hart `others`. */
function twoPrograms(first: (a: Rig) => void, others: (a: Rig) => void): (a: Rig) => void {
  return (a) => {
    a.csrr("t0", "mhartid").branch("bne", "t0", 0, "others").prologue();
    first(a);
    a.label("others");
    others(a);
  };
}

const sleep = (a: Rig): void => {
  a.csrli("mie", 8).label("sleep").op("wfi").j("sleep");
};

describe("rounds", () => {
  onBoth("a hart that waits does not stop time for the one that runs", twoPrograms((a) => {
    a.li("t0", 4000).label("first").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "first"); // the round in which the others go to sleep
    a.csrr("s0", "time").li("t0", 2000).label("spin").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "spin");
    a.csrr("s1", "time").done();
  }, sleep), (r) => {
    expect(Number(r.x("s1") - r.x("s0"))).toBeGreaterThanOrEqual(39);
    expect(Number(r.x("s1") - r.x("s0"))).toBeLessThanOrEqual(41);
  }, { harts: 3, maxSteps: 100_000 });

  // Each hart notes the time in memory if it is later than what stands there, and counts when it is earlier.
  onBoth("no hart sees the time behind another", (a) => {
    a.csrr("s2", "mhartid").branch("bne", "s2", 0, "start").prologue().label("start");
    a.li("a2", DATA).li("t0", 8000).li("s0", 0).label("loop");
    a.i("ld", "a3", "a2", 0).csrr("a4", "time").branch("bgeu", "a4", "a3", "fine").i("addi", "s0", "s0", 1).label("fine");
    a.s("sd", "a4", "a2").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "loop");
    a.i("ld", "a5", "a2", 8).r("add", "a5", "a5", "s0").s("sd", "a5", "a2", 8).branch("beq", "s2", 0, "last").label("park").j("park");
    a.label("last").li("t0", 100_000).label("rest").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "rest").done();
  }, (r) => expect(r.dword(DATA + 8)).toBe(0n), { harts: 3, maxSteps: 1_500_000 });

  onBoth("a hart runs while a lower-numbered one waits", (a) => {
    a.csrr("t0", "mhartid").branch("beq", "t0", 0, "others").prologue();
    a.li("t0", 300_000).label("spin").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "spin").done();
    a.label("others");
    sleep(a);
  }, (r) => expect(r.machine.now).toBeGreaterThan(600_000), { harts: 2, maxSteps: 1_000_000 });

  onBoth("harts take turns, and a software interrupt wakes one at once when it sleeps alone", twoPrograms((a) => {
    a.li("a0", 0x2000004).li("a1", 1).li("t0", 20_000).label("spin").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "spin");
    a.csrr("s0", "time").s("sw", "a1", "a0");
    a.li("a2", DATA).label("wait").i("ld", "a3", "a2", 0).branch("beq", "a3", 0, "wait").csrr("s1", "time").done();
  }, (a) => {
    a.csrli("mie", 8).op("wfi").li("a2", DATA).csrr("a4", "time").s("sd", "a4", "a2").label("on").j("on");
  }), (r) => {
    const woke = r.dword(DATA);
    expect(Math.abs(Number(woke - r.x("s0")))).toBeLessThanOrEqual(1);
    expect(Number(r.x("s1") - woke)).toBeLessThanOrEqual(101); // two turns of 5,000 steps at most
  }, { harts: 2, maxSteps: 100_000 });
});

describe("power", () => {
  test("tohost in a page table: the walk of a fetch that sets its A bit ends the run, with exact counts", async () => {
    // The second half of the fetch that does it faults besides, or does not.
    for (const second of ["xad", ""]) {
      const hashes: string[] = [];
      for (const engine of ENGINES) {
        const tables = new PageTables(TABLES);
        tables.map(RAM, RAM, "rwxad", 2).map(0x40000000, DATA, "x").map(0x40001000, DATA, second);
        const a = new Rig();
        a.prologue().csrli("satp", tables.satp()).la("s11", "end").li("t6", 0x40000ffe).enterAt("S").label("end").done();
        a.org(DATA + 0xffe).word(0x13);
        tables.emit(a);
        const m = await machineWith(engine, a.image());
        m.watchToHost(tables.addressOf(0x40000000));
        const stop = m.run(1000);
        expect(stop.reason).toBe("poweroff");
        expect(Number(m.inspect.csr(0, "mcycle"))).toBe(m.steps);
        expect(m.steps).toBeLessThan(200);
        hashes.push(m.stateHash());
      }
      expect(hashes[1]).toBe(hashes[0]);
    }
  });

  test.each(ENGINES)("reset brings the %s back to what a fresh machine is", async (engine) => {
    const rig = new Rig();
    rig.prologue().csrli("stvec", 0x8000).csrli("satp", 8n << 60n).csrli("medeleg", 1).drop("S").op("wfi").done();
    const options = { memory: RIG_MEMORY, engine, kernel: rig.image() };
    const used = await Machine.create(options);
    used.run(1000);
    used.reset();
    used.round.start = used.steps = 0;
    const fresh = await Machine.create(options);
    expect(used.stateHash()).toBe(fresh.stateHash());
  });
});

test("a machine that is asked to run while it is idle does nothing, and no time passes", async () => {
  for (const engine of ENGINES) {
    const a = new Rig();
    a.prologue().csrli("mie", 0x80).li("a0", 0x2004000).li("t0", 1000).s("sd", "t0", "a0").op("wfi").done();
    const m = await machineWith(engine, a.image());
    const idle = { reason: "idle", wakeAt: 100_000 };
    expect(m.run(1000)).toEqual(idle);
    const before = m.stateHash();
    for (let i = 0; i < 5; i++) expect(m.run(1000)).toEqual(idle);
    expect(m.stateHash()).toBe(before);
    m.skipTo(50_000);
    expect(m.run(1000)).toEqual(idle);
    m.skipTo(Infinity);
    expect(m.now).toBe(100_000);
    expect(m.run(1000)).toEqual({ reason: "poweroff", code: 0 });
  }
});

test("keeping machines between tests changes nothing", async () => {
  const rig = new Rig();
  rig.prologue().attempt(() => rig.op("ecall")).done();
  const kept = await machineWith("reference", rig.image());
  finish(kept, 1000);
  const fresh = await Machine.create({ memory: RIG_MEMORY, engine: "reference", kernel: rig.image() });
  finish(fresh, 1000);
  expect(kept.stateHash()).toBe(fresh.stateHash());
});
