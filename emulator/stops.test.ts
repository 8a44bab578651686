// Breakpoints, watches and turns: the same stops at the same moments in both engines, and no trace of them in the guest.

import { describe, expect, test } from "vitest";
import type { EngineName, Machine } from "./index.ts";
import { wide } from "./events.ts";
import { RAM } from "./memory-map.ts";
import { FETCH } from "./mmu/walk.ts";
import { machineFor } from "../test/support/quiet-machine.ts";
import { DATA, ENGINES, Rig, TABLES } from "../test/support/rig.ts";
import { PageTables } from "../test/support/asm.ts";

/** The same program on both engines. */
function both(name: string, program: (a: Rig) => void, check: (m: Machine, a: Rig, engine: EngineName) => void, harts = 1): void {
  for (const engine of ENGINES) {
    test(`${name} (${engine})`, async () => {
      const rig = new Rig();
      program(rig);
      check(await machineFor(engine, rig.image(), { harts }), rig, engine);
    });
  }
}

/** Counts to 100 in a0 in a loop of its own, storing the count at DATA. */
function counting(a: Rig): void {
  a.prologue().li("a0", 0).li("a1", 100).li("a2", DATA);
  a.label("loop").i("addi", "a0", "a0", 1).s("sd", "a0", "a2").label("test").branch("bne", "a0", "a1", "loop").done();
}

describe("breakpoints", () => {
  both("each pass is asked about, with registers and moment exact, before the instruction", counting, (m, a) => {
    const seen: [bigint, number][] = [];
    m.stops.breakAt(BigInt(a.address("loop")), () => {
      seen.push([m.inspect.registers(0).x[10]!, m.moment]);
      return false;
    });
    expect(m.run(10_000).reason).toBe("poweroff");
    expect(seen.map(([a0]) => Number(a0))).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(seen.every(([, moment], i) => moment === seen[0]![1] + 3 * i)).toBe(true);
  });

  both("set and removed while the code runs, by one that was asked", counting, (m, a) => {
    const met: string[] = [];
    let second: (() => void) | undefined;
    const first = m.stops.breakAt(BigInt(a.address("loop")), () => {
      met.push("loop");
      if (met.length === 3) {
        first();
        second = m.stops.breakAt(BigInt(a.address("test")), () => {
          met.push("test");
          if (met.length === 6) second!();
          return false;
        });
      }
      return false;
    });
    m.run(10_000);
    expect(met).toEqual(["loop", "loop", "loop", "test", "test", "test"]);
  });

  both("two at one address are both asked, and either stops", counting, (m, a) => {
    const at = BigInt(a.address("test"));
    const asked: number[] = [];
    m.stops.breakAt(at, () => { asked.push(1); return asked.length > 3; });
    m.stops.breakAt(at, () => { asked.push(2); return false; });
    expect(m.run(10_000).reason).toBe("paused");
    expect(asked).toEqual([1, 2, 1, 2, 1, 2].slice(0, asked.length));
    expect(m.inspect.registers(0).pc).toBe(at);
    const { steps } = m;
    expect(m.run(1).reason).toBe("paused"); // asked again: it is for the owner to let it go
    expect(m.steps).toBe(steps);
  });

  both("pause by one that lets it go on stops behind that instruction, and nobody is asked twice", counting, (m, a) => {
    let asked = 0;
    m.stops.breakAt(BigInt(a.address("loop")), () => {
      asked++;
      m.pause();
      return false;
    });
    for (let i = 1; i <= 100; i++) {
      expect(m.run(10_000).reason).toBe("paused");
      expect([asked, m.inspect.registers(0).x[10]]).toEqual([i, BigInt(i)]);
    }
    expect(m.run(10_000).reason).toBe("poweroff");
  });

  both("an instruction that crosses a page, and one in a page behind it", (a) => {
    a.prologue().j("far").org(RAM + 0x2ffe).label("far").i("addi", "a0", 0, 5).label("next").i("addi", "a0", "a0", 1).done();
  }, (m, a) => {
    const met: bigint[] = [];
    for (const name of ["far", "next"]) m.stops.breakAt(BigInt(a.address(name)), () => { met.push(m.inspect.registers(0).x[10]!); return false; });
    expect(m.run(10_000).reason).toBe("poweroff");
    expect(met).toEqual([0n, 5n]);
  });

  both("code written over a breakpoint keeps it", (a) => {
    a.prologue().li("a0", 0).la("a1", "here").li("s0", 20).label("again");
    a.label("here").i("addi", "a0", "a0", 1).i("lw", "a2", "a1", 0).s("sw", "a2", "a1").i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done();
  }, (m, a) => {
    let met = 0;
    m.stops.breakAt(BigInt(a.address("here")), () => { met++; return false; });
    m.run(10_000);
    expect(met).toBe(20);
  });

  both("the first of a trap handler is asked about at the moment of the step it is", (a) => {
    a.prologue().attempt(() => a.op("ecall")).done();
  }, (m, a) => {
    const moments: number[] = [];
    m.events.on("trap", () => { moments.push(m.moment); });
    m.stops.breakAt(BigInt(a.address("rig.m")), () => { moments.push(m.moment); return false; });
    m.run(10_000);
    expect(moments[1]).toBe(moments[0]! + 1);
  });

  test("one on a page that may not be executed is met before the fault, one where nothing is mapped is not", async () => {
    for (const engine of ENGINES) {
      const t = new PageTables(TABLES);
      t.range(RAM, RAM, 32, "rwxad").map(0x40000000, DATA, "rwad");
      const a = new Rig();
      a.prologue().li("a0", t.satp(0)).csrw("satp", "a0");
      for (const to of [0x40000010, 0x50000000, 0x40000010]) a.inMode("S", () => a.li("a1", to).i("jalr", "ra", "a1", 0));
      a.done();
      const end = a.here;
      t.emit(a);
      a.org(end);
      const m = await machineFor(engine, a.image());
      const met: string[] = [];
      m.events.on("trap", (e) => { if (e.cause === 12) met.push(`fault ${m.moment}`); });
      for (const at of [0x40000010n, 0x50000000n]) {
        m.stops.breakAt(at, (hart) => {
          met.push(`${m.inspect.registers(hart).pc.toString(16)} ${m.moment}`);
          return met.length === 1;
        });
      }
      expect(m.run(10_000).reason).toBe("paused");
      const at = m.moment;
      expect(met).toEqual([`40000010 ${at}`]); // there it stands, and nothing has trapped
      expect(m.run(10_000).reason).toBe("poweroff");
      expect(met.slice(0, 3)).toEqual([`40000010 ${at}`, `40000010 ${at}`, `fault ${at}`]);
      expect(met.slice(3).map((x) => x.replace(/ \d+$/, ""))).toEqual(["fault", "40000010", "fault"]);
    }
  });

  both("quiet sets them aside, and drops what came meanwhile", counting, (m, a) => {
    const met: string[] = [];
    const at = BigInt(a.address("loop"));
    m.stops.breakAt(at, () => { met.push("kept"); return false; });
    m.stops.watch({ space: "physical", start: BigInt(DATA), length: 8, read: false, write: true }, () => { met.push("watch"); });
    const loud = m.stops.quiet();
    m.stops.breakAt(at, () => { met.push("meanwhile"); return met.length === 2; });
    m.run(10_000);
    loud();
    expect(met).toEqual(["meanwhile", "meanwhile"]);
    m.run(3);
    expect(met.slice(2)).toEqual(["kept", "watch"]);
  });
});

describe("watches", () => {
  const rw = { read: true, write: true };

  both("a store is told of after it was done, and pause stops behind it", counting, (m, a) => {
    m.stops.watch({ space: "physical", start: BigInt(DATA), length: 8, read: false, write: true }, () => m.pause());
    for (let i = 1; i <= 100; i++) {
      expect(m.run(10_000).reason).toBe("paused");
      expect(m.inspect.registers(0).pc).toBe(BigInt(a.address("test")));
      expect(m.inspect.physical(DATA, 1)![0]).toBe(i);
    }
    expect(m.run(10_000).reason).toBe("poweroff");
  });

  both("only what touches the range counts: sizes, neighbours, misaligned, across pages", (a) => {
    a.prologue().li("a2", DATA + 0xff8).li("a0", -1);
    a.s("sb", "a0", "a2", 3).s("sb", "a0", "a2", 4).s("sh", "a0", "a2", 3).s("sw", "a0", "a2", 0).s("sd", "a0", "a2", 0);
    a.s("sw", "a0", "a2", 5).s("sd", "a0", "a2", 1).s("sd", "a0", "a2", 8).i("lbu", "a1", "a2", 4).i("lbu", "a1", "a2", 5).i("lh", "a1", "a2", 3).done();
  }, (m) => {
    const seen: string[] = [];
    m.stops.watch({ space: "physical", start: BigInt(DATA + 0xffc), length: 1, ...rw }, (w) => seen.push(`${w.access === 0 ? "r" : "w"}${w.pa - DATA - 0xff8}+${w.size}`));
    m.run(10_000);
    expect(seen).toEqual(["w4+1", "w3+2", "w0+8", "w1+7", "r4+1", "r3+2"]);
  });

  both("LR, SC and AMO: a read, a write when it succeeds, a read and a write", (a) => {
    a.prologue().li("a2", DATA).amo("sc.d", "a1", "a0", "a2").amo("lr.d", "a1", 0, "a2").amo("sc.d", "a1", "a0", "a2").amo("amoadd.w", "a1", "a0", "a2").done();
  }, (m) => {
    const seen: number[] = [];
    m.stops.watch({ space: "virtual", start: BigInt(DATA), length: 8, ...rw }, (w) => seen.push(w.access));
    m.run(10_000);
    expect(seen).toEqual([0, 1, 0, 1]);
  });

  for (const space of ["virtual", "physical"] as const) {
    both(`the read of an AMO is one for those who watch reads only: ${space}`, (a) => {
      a.prologue().li("a2", DATA).amo("amoadd.w", "a1", "a0", "a2").amo("amoadd.w", "a1", "a0", "a2").done();
    }, (m) => {
      const seen: number[] = [];
      m.stops.watch({ space, start: BigInt(DATA), length: 8, read: true, write: false }, (w) => seen.push(w.access));
      m.run(10_000);
      expect(seen).toEqual([0, 0]);
    });

    both(`set while the page is in use: ${space}`, counting, (m, a) => {
      m.stops.breakAt(BigInt(a.address("loop")), () => m.inspect.registers(0).x[10] === 50n);
      expect(m.run(10_000).reason).toBe("paused");
      let seen = 0;
      m.stops.watch({ space, start: BigInt(DATA), length: 8, read: false, write: true }, () => { seen++; });
      const again = m.stops.quiet();
      expect(m.run(1).reason).toBe("budget");
      again();
      expect(m.run(10_000).reason).toBe("poweroff");
      expect(seen).toBe(50);
    });
  }

  both("hardware that sets A and D in a PTE is told of, with the address being translated", (a) => {
    const t = new PageTables(TABLES);
    t.range(RAM, RAM, 32, "rwxad").map(0x40000000, DATA, "rw");
    a.prologue().li("a0", t.satp(0)).csrw("satp", "a0").inMode("S", () => a.li("a1", 0x40000000).i("ld", "a2", "a1", 8).s("sd", "a2", "a1", 16)).done();
    const end = a.here;
    t.emit(a);
    a.org(end);
  }, (m) => {
    const seen: string[] = [];
    m.stops.watch({ space: "physical", start: BigInt(TABLES), length: 0x8000, read: false, write: true }, (w) => seen.push(`${w.by} ${w.access} ${wide(w.lo, w.hi).toString(16)}`));
    expect(m.run(10_000).reason).toBe("poweroff");
    expect(seen).toEqual(["walker 1 40000008", "walker 1 40000010"]);
  });

  test("a virtual watch follows the address, a physical one the frame; fetches do not count", async () => {
    for (const engine of ENGINES) {
      const t = new PageTables(TABLES);
      t.range(RAM, RAM, 32, "rwxad").map(0x40000000, DATA, "rwad").map(0x40001000, DATA, "rwad");
      const a = new Rig();
      a.prologue().li("a0", t.satp(0)).csrw("satp", "a0");
      a.inMode("S", () => a.li("a1", 0x40000000).li("a2", 0x40001000).s("sd", 0, "a1", 8).s("sd", 0, "a2", 8).label("code").s("sd", 0, "a1", 16)).done();
      const end = a.here;
      t.emit(a);
      a.org(end);
      const m = await machineFor(engine, a.image());
      const seen: string[] = [];
      m.stops.watch({ space: "virtual", start: 0x40000000n, length: 4096, ...rw }, (w) => seen.push(`v${(w.lo & 0xfff).toString()}`));
      m.stops.watch({ space: "physical", start: BigInt(DATA), length: 16, ...rw }, (w) => seen.push(`p${(w.lo >>> 12 & 1).toString()}`));
      m.stops.watch({ space: "physical", start: BigInt(a.address("code")), length: 4, read: true, write: false }, () => seen.push("fetch"));
      expect(m.run(10_000).reason).toBe("poweroff");
      expect(seen).toEqual(["v8", "p0", "p1", "v16"]);
      expect(m.inspect.translate(0, BigInt(a.address("code")), FETCH)).toBe(a.address("code"));
    }
  });

  test("who asks for fetches hears of each instruction that begins in the range, before it runs, and of no other", async () => {
    for (const engine of ENGINES) {
      const a = new Rig();
      a.prologue().li("a1", 3).j("code").org(RAM + 0x2000).label("code").i("addi", "a1", "a1", -1).label("branch").branch("bne", "a1", 0, "code").done();
      const m = await machineFor(engine, a.image());
      const seen: string[] = [];
      const end = m.stops.watch({ space: "virtual", start: BigInt(a.address("code")), length: 8, read: false, write: false, fetch: true }, (w) => {
        expect([w.access, w.size, w.pa, w.by]).toEqual([FETCH, 2, w.lo >>> 0, "cpu"]);
        seen.push(`${w.lo === (a.address("code") | 0) ? "code" : w.lo === (a.address("branch") | 0) ? "branch" : "?"} a1=${m.inspect.registers(0).x[11]}`);
        if (seen.length === 2) m.pause();
        if (seen.length === 5) end();
      });
      expect(m.run(10_000).reason).toBe("paused");
      expect(seen).toEqual(["code a1=3", "branch a1=2"]);
      expect(m.run(10_000).reason).toBe("poweroff");
      expect(seen).toEqual(["code a1=3", "branch a1=2", "code a1=2", "branch a1=1", "code a1=1"]);
    }
  });

  both("a device's registers and DMA", counting, (m) => {
    const seen: string[] = [];
    m.stops.watch({ space: "physical", start: 0x100000n, length: 4, read: false, write: true }, (w) => seen.push(`${w.by} ${w.pa.toString(16)}`));
    m.stops.watch({ space: "physical", start: BigInt(DATA + 0x2000), length: 1, read: false, write: true }, (w) => seen.push(`${w.by} ${w.hart} ${w.size}`));
    expect(m.memory.write(DATA + 0x1ff0, new Uint8Array(0x20))).toBe(true);
    expect(m.memory.write(DATA + 0x1ff0, new Uint8Array(0x20), "host")).toBe(true);
    m.run(10_000);
    expect(seen).toEqual(["dma -1 16", "host -1 16", "cpu 100000"]);
  });

  both("ended, it is not told of any more, and others on its page are", counting, (m) => {
    let first = 0;
    let second = 0;
    const range = { space: "physical", start: BigInt(DATA), length: 8, read: false, write: true } as const;
    const end = m.stops.watch(range, () => { if (++first === 10) end(); });
    m.stops.watch(range, () => { second++; });
    m.run(10_000);
    expect([first, second]).toEqual([10, 100]);
  });

  test("ranges that cannot be are refused", async () => {
    const m = await machineFor("interpreter", new Rig().prologue().done().image());
    expect(() => m.stops.watch({ space: "physical", start: 0n, length: 0, ...rw }, () => undefined)).toThrow(/at least one byte/);
    expect(() => m.stops.watch({ space: "virtual", start: 0n, length: 2 ** 40, ...rw }, () => undefined)).toThrow(/at most/);
  });
});

describe("frames written", () => {
  both("every first write to a frame is noted once: stores, walks, DMA; code and watched frames too", (a) => {
    a.prologue().li("a2", DATA).s("sd", 0, "a2").s("sd", 0, "a2", 8).li("a3", DATA + 0x1000).amo("amoadd.w", 0, 0, "a3").li("a4", DATA + 0x2ffc).s("sd", 0, "a4");
    a.la("a5", "code").i("lw", "a6", "a5", 0).s("sw", "a6", "a5").label("code").done();
  }, (m, a) => {
    m.run(6);
    m.memory.track();
    m.stops.watch({ space: "physical", start: BigInt(DATA), length: 8, read: false, write: true }, () => undefined);
    m.memory.write(DATA + 0x5000, new Uint8Array(4));
    expect(m.run(10_000).reason).toBe("poweroff");
    const frames = [...m.memory.dirty.subarray(0, m.memory.dirtyCount)].map((f) => f * 4096 + RAM).sort((x, y) => x - y);
    const code = Math.floor(a.address("code") / 4096) * 4096;
    expect(frames).toEqual([code, DATA, DATA + 0x1000, DATA + 0x2000, DATA + 0x3000, DATA + 0x5000]);
    m.memory.track();
    expect(m.memory.dirtyCount).toBe(0);
  });
});

describe("events", () => {
  both("trapReturn tells where mret and sret go, when they have gone", (a) => {
    a.prologue().li("t0", 8).csrw("medeleg", "t0").la("s11", "back").drop("S").label("trap").op("ebreak").label("back").op("ecall").label("never");
  }, (m, a) => {
    const seen: string[] = [];
    m.events.on("trapReturn", (e) => {
      seen.push(`${e.from} to ${e.to}`);
      expect([wide(e.pcLo, e.pcHi), e.to]).toEqual([m.inspect.registers(e.hart).pc, m.inspect.registers(e.hart).privilege]);
    });
    m.run(100);
    expect(seen.slice(0, 3)).toEqual(["3 to 1", "1 to 1", "3 to 3"]);
    expect(a.address("never")).toBeGreaterThan(0);
  });

  both("quiet sets listeners aside; those that come meanwhile hear, and are dropped", counting, (m) => {
    const heard = { before: 0, meanwhile: 0 };
    m.events.on("instruction", () => { heard.before++; });
    m.run(5);
    const loud = m.events.quiet();
    m.run(5);
    m.events.on("instruction", () => { heard.meanwhile++; });
    m.run(20);
    expect(heard).toEqual({ before: 5, meanwhile: 20 });
    loud();
    m.run(10);
    expect(heard).toEqual({ before: 15, meanwhile: 20 });
  });
});
