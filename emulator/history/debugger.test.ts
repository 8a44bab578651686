// The debugger on small programs, in both engines: what it stops at, and that going back undoes going forward.

import { describe, expect, test } from "vitest";
import { Restarting } from "../../test/support/restarting.ts";
import { DATA, ENGINES, machineWith, Rig } from "../../test/support/rig.ts";
import { CSR } from "../isa/csr-names.ts";
import type { EngineName, Machine } from "../index.ts";
import { Debugger, type CodeMap, type StopReport } from "./debugger.ts";

/** Lines for a program: each label begins one, up to the next; those named are without lines. */
function linesOf(a: Rig, m: Machine, labels: readonly string[], without: readonly string[] = []): CodeMap {
  const starts = labels.map((name) => ({ name, at: BigInt(a.address(name)) })).sort((x, y) => Number(x.at - y.at));
  return {
    callerOf: () => undefined,
    lineAt(hart, pc) {
      const i = starts.findLastIndex((s) => s.at <= pc);
      expect(m.inspect.registers(hart).privilege).toBe(3);
      if (i < 0 || without.includes(starts[i]!.name)) return undefined;
      const inside = starts[i]!.name.startsWith("inlined");
      return { file: "test.c", line: i, depth: inside ? 1 : 0 };
    },
  };
}

interface Bench {
  readonly m: Machine;
  readonly d: Debugger;
  readonly a: Rig;
  readonly line: Restarting;
  /** Go on with what was begun until it stops; a stop of the machine itself is an error. */
  go(): StopReport;
  at(name: string): bigint;
}

function both(name: string, program: (a: Rig) => void, check: (b: Bench) => void, harts = 1): void {
  for (const engine of ENGINES) test(`${name} (${engine})`, async () => check(await benchFor(engine, program, harts)));
}

async function benchFor(engine: EngineName, program: (a: Rig) => void, harts: number): Promise<Bench> {
  const a = new Rig();
  program(a);
  const m = await machineWith(engine, a.image(), { harts });
  const line = new Restarting(m);
  const d = new Debugger(m, line);
  const go = (): StopReport => {
    const stop = d.runToStop(100_000);
    if (stop.reason !== "stop") throw new Error(`the machine stopped: ${stop.reason}`);
    expect(stop.pc).toBe(m.inspect.registers(stop.hart).pc);
    expect(stop.moment).toBe(m.steps);
    return stop;
  };
  return { m, d, a, line, go, at: (label) => BigInt(a.address(label)) };
}

/** f(n) is called three times; it calls g, which traps. */
function calling(a: Rig): void {
  a.prologue().li("sp", DATA + 0x1000).li("s0", 3).la("s11", "resume").li("a0", 0);
  a.label("again").label("call f").jal("ra", "f").label("after f").i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").label("end").done();
  a.label("f").i("addi", "sp", "sp", -16).s("sd", "ra", "sp", 8).label("call g").jal("ra", "g").label("after g").i("ld", "ra", "sp", 8).i("addi", "sp", "sp", 16).i("jalr", 0, "ra", 0);
  a.label("g").la("s11", "resume").label("trap").op("ebreak").label("resume").i("addi", "a0", "a0", 1).li("t0", DATA).label("store").s("sd", "a0", "t0").label("return").i("jalr", 0, "ra", 0);
}

describe("breakpoints", () => {
  both("continue stops at each pass, and does not stop twice at one", calling, ({ m, d, go, at }) => {
    const point = d.break(at("g"));
    for (let i = 0; i < 3; i++) {
      d.continue();
      const stop = go();
      expect(stop.why).toEqual({ kind: "breakpoint", id: point.id, address: at("g"), label: undefined });
      expect(stop.pc).toBe(at("g"));
      expect(m.inspect.registers(0).x[10]).toBe(BigInt(i));
    }
    expect(d.points.get(point.id)!.hits).toBe(3);
    d.continue();
    expect(d.runToStop().reason).toBe("poweroff");
  });

  both("removed and set again where the machine stands, it is not met again at once", calling, ({ d, go, at }) => {
    const first = d.break(at("g"));
    d.continue();
    const { moment } = go();
    d.points.remove(first.id);
    d.break(at("g"));
    d.continue();
    expect(go().moment).toBeGreaterThan(moment);
  });

  both("condition, ignore, temporary, hart, address space, disabled", calling, ({ m, d, go, at }) => {
    d.break(at("g"), { condition: () => m.inspect.registers(0).x[10] === 1n, label: "second" });
    d.break(at("f"), { hart: 5 });
    d.break(at("f"), { root: 77 });
    d.points.enable(d.break(at("f")).id, false);
    d.continue();
    expect(go().why).toMatchObject({ kind: "breakpoint", label: "second" });
    for (const p of d.points.list) d.points.remove(p.id);
    d.break(at("after f"), { ignore: 1, temporary: true });
    d.continue();
    go();
    expect(m.inspect.registers(0).x[8]).toBe(1n + 1n - 1n);
    expect(d.points.list).toEqual([]);
  });

  both("a condition that throws holds, and the machine is whole", calling, ({ m, d, go, at }) => {
    d.break(at("g"), { temporary: true, condition: () => { throw new Error("no such thing"); } });
    d.continue();
    expect(go().pc).toBe(at("g"));
    expect(m.moment).toBe(m.steps);
    d.continue();
    expect(d.runToStop().reason).toBe("poweroff");
  });

  both("everything that holds at a stop is told, what was begun included", calling, ({ d, go, at }) => {
    const one = d.break(at("g"));
    const two = d.break(at("g"));
    d.continue();
    expect(go().all.map((r) => ("id" in r ? r.id : r.kind))).toEqual([one.id, two.id]);
    for (const p of [one, two]) d.points.remove(p.id);
    const here = d.break(at("call g"));
    d.continue();
    go();
    const third = d.break(at("g"));
    d.step();
    expect(go().all.map((r) => ("id" in r ? r.id : r.kind))).toEqual(["step", third.id]);
    d.points.remove(here.id);
    d.points.remove(third.id);
    d.continue();
    expect(d.runToStop().reason).toBe("poweroff");
  });
});

describe("watchpoints and catches", () => {
  both("a watchpoint stops behind the store, with what was there before", calling, ({ d, go, at }) => {
    d.watch({ space: "virtual", start: BigInt(DATA), length: 8, read: false, write: true });
    for (let i = 1; i <= 2; i++) {
      d.continue();
      const { why, pc } = go();
      if (why.kind !== "watchpoint") throw new Error(why.kind);
      expect([why.access, why.by, why.pa, why.va, why.size, why.old![0], why.now![0]]).toEqual(["write", "cpu", BigInt(DATA), BigInt(DATA), 8, i - 1, i]);
      expect(pc).toBe(at("return"));
    }
  });

  both("a write of part of a watched range shows the whole range before and after", (a) => {
    a.prologue().li("t0", DATA).li("a0", -1).s("sd", "a0", "t0").s("sh", 0, "t0", 7).done();
  }, ({ d, go }) => {
    d.watch({ space: "virtual", start: BigInt(DATA + 4), length: 5, read: false, write: true });
    const seen: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      d.continue();
      const { why } = go();
      if (why.kind === "watchpoint") seen.push([[...why.old!], [...why.now!], why.size]);
    }
    expect(seen).toEqual([[[0, 0, 0, 0, 0], [255, 255, 255, 255, 0], 8], [[255, 255, 255, 255, 0], [255, 255, 255, 0, 0], 2]]);
    expect(() => d.watch({ space: "virtual", start: 0n, length: 2 ** 30, read: true, write: true })).toThrow(/at most/);
  });

  both("two watchpoints by one store are both told", calling, ({ d, go }) => {
    d.watch({ space: "virtual", start: BigInt(DATA), length: 8, read: false, write: true });
    d.watch({ space: "physical", start: BigInt(DATA + 4), length: 1, read: true, write: true });
    d.continue();
    expect(go().all.map((r) => r.kind)).toEqual(["watchpoint", "watchpoint"]);
  });

  both("a trap by cause, a CSR write", calling, ({ d, go, at }) => {
    const trap = d.catch({ kind: "trap", cause: 3 });
    d.catch({ kind: "trap", cause: 5 });
    d.continue();
    expect(go()).toMatchObject({ why: { kind: "catch", id: trap.id }, pc: at("rig.m") });
    d.points.remove(trap.id);
    d.catch({ kind: "csr", csr: CSR["mepc"]! });
    d.continue();
    expect(go().why).toMatchObject({ kind: "catch", what: { kind: "csr" } });
  });
});

describe("steps", () => {
  both("step is one instruction or the entry of a trap; next goes over calls and traps; finish returns; until", calling, ({ m, d, go, at }) => {
    d.break(at("call f"), { temporary: true });
    d.continue();
    go();
    d.step();
    expect(go().pc).toBe(at("f"));
    d.next({ count: 2 });
    expect(go().pc).toBe(at("call g"));
    d.next();
    expect(go()).toMatchObject({ pc: at("after g"), why: { kind: "step" } });
    expect(m.inspect.registers(0).x[10]).toBe(1n);
    d.break(at("g"), { temporary: true });
    d.continue();
    go();
    d.finish();
    expect(go()).toMatchObject({ pc: at("after g"), why: { kind: "finish", value: 2n } });
    d.until(at("trap"));
    expect(go().pc).toBe(at("trap"));
    d.step();
    expect(go().pc).toBe(at("rig.m"));
    d.stepRange(at("rig.m"), at("rig.m") + 8n);
    expect(go().pc).toBe(at("rig.m") + 8n);
  });

  test("many steps are taken in one go, with the traps between them", async () => {
    const { m, d, line, go } = await benchFor("interpreter", (a) => {
      a.prologue().la("s11", "again").label("again").op("ebreak");
    }, 1);
    let runs = 0;
    const run = line.run.bind(line);
    line.run = (steps) => {
      runs++;
      return run(steps);
    };
    d.step({ count: 50_000 });
    go();
    expect(m.steps).toBe(50_000);
    expect(runs).toBeLessThan(50);
  });

  both("next over an instruction that faults and is tried again", (a) => {
    a.prologue().li("sp", DATA).la("s11", "again").li("t0", 0x40000000).la("t1", "handler").csrw("mtvec", "t1").j("again");
    a.align(4).label("handler").li("t0", DATA).op("mret").label("again").s("sd", 0, "t0").label("behind").done();
  }, ({ d, go, at }) => {
    d.break(at("again"));
    d.continue();
    go();
    d.next();
    expect(go().all.map((r) => r.kind)).toEqual(["breakpoint"]); // met again when the handler goes back to it
    for (const p of d.points.list) d.points.remove(p.id);
    d.next();
    expect(go().pc).toBe(at("behind"));
    d.rnext();
    expect(go().pc).toBe(at("again"));
    d.rnext();
    expect(go().pc).not.toBe(at("handler"));
  });

  both("pause ends a motion where the machine is", calling, ({ m, d }) => {
    d.continue();
    expect(d.run(50)).toEqual({ reason: "budget" });
    expect(d.busy).toBe(true);
    expect(d.pause()).toMatchObject({ why: { kind: "paused" }, hart: 0, moment: m.steps });
    expect(d.busy).toBe(false);
  });

  test("without a history going back is refused in a sentence", async () => {
    const m = await machineWith("interpreter", new Rig().prologue().done().image());
    expect(() => new Debugger(m).rstep()).toThrow(/no history/);
  });
});

/** Three lines, the second with a call (f, of two lines, which calls g without lines) and something inlined. */
function lined(a: Rig): void {
  a.prologue().li("sp", DATA + 0x1000).j("one");
  a.label("one").i("addi", "a0", 0, 1).i("addi", "a0", "a0", 1);
  a.label("two").i("addi", "a1", 0, 1).label("call f").jal("ra", "f").i("addi", "a1", "a1", 1).label("inlined").i("addi", "a2", 0, 1).i("addi", "a2", "a2", 1).label("two again").i("addi", "a1", "a1", 1);
  a.label("three").i("addi", "a3", 0, 1).label("end").done();
  a.label("f").i("addi", "sp", "sp", -16).s("sd", "ra", "sp", 8).label("f two").jal("ra", "g").i("ld", "ra", "sp", 8).label("f three").i("addi", "sp", "sp", 16).i("jalr", 0, "ra", 0);
  a.label("g").i("addi", "a4", "a4", 1).i("jalr", 0, "ra", 0).label("behind");
}
const LABELS = ["one", "two", "inlined", "three", "end", "f", "f two", "f three", "g", "behind"];

describe("source lines", () => {
  for (const engine of ENGINES) {
    const walk = async (moves: readonly ["step" | "next" | "rstep" | "rnext", string, number?][]): Promise<void> => {
      const { m, a, line, at } = await benchFor(engine, lined, 1);
      const code = linesOf(a, m, LABELS, ["g", "behind"]);
      // The second line goes on behind what is inlined.
      const lineAt: CodeMap["lineAt"] = (hart, pc) => code.lineAt(hart, pc >= at("two again") && pc < at("three") ? at("two") : pc);
      const d = new Debugger(m, line, { ...code, lineAt });
      d.break(at("one"), { temporary: true });
      d.continue();
      d.runToStop();
      for (const [what, where, count] of moves) {
        d[what]({ unit: "line", count });
        const stop = d.runToStop(10_000);
        expect([stop.reason, LABELS.concat("call f").find((name) => at(name) === m.inspect.registers(0).pc) ?? m.inspect.registers(0).pc - at("two")], `${what} ${count ?? ""}`).toEqual(["stop", where]);
      }
    };

    test(`next goes over calls and what was inlined, rnext back over them (${engine})`, async () => {
      await walk([["next", "two"], ["next", "three"], ["rnext", "two"], ["rnext", "one"], ["next", "three", 2], ["rnext", "one", 2]]);
    });

    test(`step goes into calls, over functions without lines, rstep back into them (${engine})`, async () => {
      await walk([["step", "two"], ["step", "f"], ["step", "f two"], ["step", "f three"], ["rstep", "f two"], ["rstep", "f"], ["rstep", "two"], ["step", "f three", 3]]);
    });
  }
});

describe("back", () => {
  both("rnext, rfinish, rcontinue, runtil, and the start of history", calling, ({ m, d, go, at }) => {
    d.break(at("end"), { temporary: true });
    d.continue();
    const end = go().moment;
    d.rnext({ count: 2 });
    expect(go()).toMatchObject({ pc: at("after f"), backward: true });
    d.rnext();
    expect(go().pc).toBe(at("call f"));
    expect(m.inspect.registers(0).x[10]).toBe(2n);
    d.runtil(at("store"));
    expect(go()).toMatchObject({ pc: at("store"), why: { kind: "until" } });
    d.rfinish();
    expect(go()).toMatchObject({ pc: at("call g"), why: { kind: "finish" } });
    const watch = d.watch({ space: "physical", start: BigInt(DATA), length: 8, read: false, write: true });
    d.rcontinue();
    expect(go()).toMatchObject({ pc: at("store"), why: { kind: "watchpoint", access: "write", old: new Uint8Array(8) } });
    d.continue();
    expect(go().pc).toBe(at("return"));
    d.points.remove(watch.id);
    d.catch({ kind: "trap" });
    d.rcontinue();
    expect(go()).toMatchObject({ pc: at("trap"), why: { kind: "catch" } });
    d.rcontinue();
    expect(go()).toMatchObject({ why: { kind: "start" }, moment: 0 });
    d.rstep();
    expect(go().why.kind).toBe("start");
    d.until(at("end"));
    for (const p of d.points.list) d.points.remove(p.id);
    expect(go().moment).toBe(end);
  });

  both("a search that is paused ends where it began", calling, ({ m, d, go, at, line }) => {
    d.break(at("end"), { temporary: true });
    d.continue();
    const { moment } = go();
    expect(line.end.steps).toBe(moment);
    d.break(0x1234n);
    d.rcontinue();
    expect(d.run(1)).toEqual({ reason: "budget" });
    expect(d.pause()).toMatchObject({ why: { kind: "paused" }, moment });
    expect(m.inspect.registers(0).pc).toBe(at("end"));
  });
});
