// Loads, stores and atomics of running programs: through page tables, across pages, at devices, where they fault.

import { describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { PageTables, type R } from "../../support/asm.ts";
import { DATA, ENGINES, RIG_MEMORY, Ran, Rig, TABLES, onBoth, type Mode } from "../../support/rig.ts";

const VA = 0x40000000;
const told = (r: Ran): number[][] => r.traps.map((t) => [Number(t.cause), Number(t.tval)]);

/** A rig under Sv39: RAM identity-mapped for S by a gigapage, and what `fill` adds. */
function paged(a: Rig, fill: (t: PageTables) => void): PageTables {
  const tables = new PageTables(TABLES);
  tables.map(RAM, RAM, "rwxad", 2);
  fill(tables);
  const here = a.here;
  tables.emit(a);
  a.org(here).prologue().csrli("satp", tables.satp());
  return tables;
}

describe("misaligned accesses", () => {
  onBoth("of every size at every offset, within RAM", (a) => {
    a.prologue().li("a0", DATA).li("t0", 0x0807060504030201n).s("sd", "t0", "a0").li("t0", 0x100f0e0d0c0b0a09n).s("sd", "t0", "a0", 8).li("a1", DATA + 64);
    for (let o = 0; o < 8; o++) {
      for (const [load, store, size] of [["ld", "sd", 8], ["lw", "sw", 4], ["lhu", "sh", 2]] as const) a.i(load, "t0", "a0", o).s(store, "t0", "a1", o + { 8: 0, 4: 16, 2: 32 }[size]).s("sd", 0, "a1", 48);
      a.i("addi", "a1", "a1", 128);
    }
    a.done();
  }, (r) => {
    expect(r.traps).toEqual([]);
    for (let o = 0; o < 8; o++) {
      const bytes = r.machine.inspect.physical(DATA + 64 + 128 * o, 48)!;
      const run = (n: number): number[] => Array.from({ length: n }, (_, i) => o + i + 1);
      expect([...bytes.subarray(o, o + 8)]).toEqual(run(8));
      expect([...bytes.subarray(o + 16, o + 20)]).toEqual(run(4));
      expect([...bytes.subarray(o + 32, o + 34)]).toEqual(run(2));
    }
  });

  const twoPages = (second: string | null) => (t: PageTables): void => {
    t.map(VA, DATA, "rwad");
    if (second !== null) t.map(VA + 4096, DATA + 0x3000, second);
  };
  onBoth("across two pages that lie apart in memory", (a) => {
    paged(a, twoPages("rwad"));
    a.inMode("S", () => {
      a.li("a0", VA + 4096 - 3).li("t0", 0x1122334455667788n).s("sd", "t0", "a0").i("ld", "a1", "a0", 0).i("lw", "a2", "a0", 1).i("lhu", "a3", "a0", 2);
    }).done();
  }, (r) => {
    expect([...r.machine.inspect.physical(DATA + 4093, 3)!]).toEqual([0x88, 0x77, 0x66]);
    expect([...r.machine.inspect.physical(DATA + 0x3000, 5)!]).toEqual([0x55, 0x44, 0x33, 0x22, 0x11]);
    expect([r.x("a1"), r.x("a2"), r.x("a3")]).toEqual([0x1122334455667788n, 0x44556677n, 0x5566n]);
  });
  for (const [what, second] of [["unmapped", null], ["read-only", "rad"], ["the user's", "rwuad"]] as const) {
    onBoth(`into a second page that is ${what}: the trap value is that page, and nothing was written`, (a) => {
      paged(a, twoPages(second));
      const access = (op: (base: R) => void): void => { a.inMode("S", () => { a.li("a0", VA + 4096 - 3).li("t0", -1); op("a0"); }); };
      access((b) => a.s("sd", "t0", b));
      access((b) => a.i("ld", "a1", b, 0));
      a.done();
    }, (r) => {
      expect(told(r)).toEqual([[15, VA + 4096], second === "rad" ? [9, 0] : [13, VA + 4096]]);
      expect(r.dword(DATA + 4088)).toBe(0n);
    });
  }
  onBoth("into a second page that leads to a device or nowhere: an access fault there, and nothing was written", (a) => {
    paged(a, (t) => t.map(VA, DATA, "rwad").map(VA + 4096, 0x10000000, "rwad").map(VA + 0x10000, DATA, "rwad").map(VA + 0x11000, 0x4000000, "rwad"));
    for (const at of [VA + 4093, VA + 0x10000 + 4093]) a.inMode("S", () => a.li("a0", at).i("ld", "a1", "a0", 0)).inMode("S", () => a.li("a0", at).li("t0", -1).s("sd", "t0", "a0"));
    a.done();
  }, (r) => {
    expect(told(r)).toEqual([5, 7].map((c) => [c, VA + 4096]).concat([5, 7].map((c) => [c, VA + 0x11000])));
    expect(r.dword(DATA + 4088)).toBe(0n);
  });
  onBoth("into a second page that is mapped, from a first that is not: the trap value is the address itself", (a) => {
    paged(a, (t) => t.map(VA + 4096, DATA, "rwad"));
    a.inMode("S", () => a.li("a0", VA + 4096 - 3).s("sd", 0, "a0")).inMode("S", () => a.li("a0", VA + 4096 - 3).i("ld", "a1", "a0", 0)).done();
  }, (r) => expect(told(r)).toEqual([[15, VA + 4093], [13, VA + 4093]]));
  onBoth("at a device, and over the end of RAM: access faults", (a) => {
    a.prologue().li("a0", 0x2004002).attempt(() => a.i("lw", "a1", "a0", 0)).attempt(() => a.s("sw", "a1", "a0"));
    a.li("a0", RAM + RIG_MEMORY - 4).attempt(() => a.i("ld", "a1", "a0", 0)).attempt(() => a.s("sd", "a1", "a0")).done();
  }, (r) => expect(told(r).map(([c]) => c)).toEqual([5, 7, 5, 7]));
  onBoth("over the end of the address space", (a) => {
    a.prologue().li("a0", -4).attempt(() => a.i("ld", "a1", "a0", 0)).done();
  }, (r) => expect(r.traps).toMatchObject([{ cause: 5n, tval: (1n << 64n) - 4n }]));
});

describe("atomics", () => {
  const SIZES = [["w", 4], ["d", 8]] as const;
  for (const [s, size] of SIZES) {
    onBoth(`misaligned lr.${s}, sc.${s}, amoadd.${s}: misaligned exceptions, with the address`, (a) => {
      a.prologue().li("a0", DATA + size / 2);
      for (const op of ["lr", "sc", "amoadd"]) a.attempt(() => a.amo(`${op}.${s}`, "a1", op === "lr" ? 0 : "a2", "a0"));
      a.done();
    }, (r) => expect(told(r)).toEqual([4, 6, 6].map((c) => [c, DATA + size / 2])));
  }
  onBoth("at a device, or where nothing is: access faults, of a load only for LR", (a) => {
    a.prologue();
    for (const at of [0x2004000, 0x4000000, 0x1000]) {
      a.li("a0", at);
      for (const op of ["lr.w", "sc.w", "amoor.w"]) a.attempt(() => a.amo(op, "a1", op === "lr.w" ? 0 : "a2", "a0"));
    }
    a.done();
  }, (r) => expect(told(r)).toEqual([0x2004000, 0x4000000, 0x1000].flatMap((at) => [5, 7, 7].map((c) => [c, at]))));
  onBoth("on a page that may only be read: LR works, SC and AMO are store page faults", (a) => {
    paged(a, (t) => t.map(VA, DATA, "rad"));
    for (const op of ["lr.d", "sc.d", "amomax.d"]) a.inMode("S", () => a.li("a0", VA).amo(op, "a1", op === "lr.d" ? 0 : "a2", "a0"));
    a.done();
  }, (r) => expect(told(r)).toEqual([[9, 0], [15, VA], [15, VA]]));
  onBoth("LR of a page that may not be read is a load page fault", (a) => {
    paged(a, (t) => t.map(VA, DATA, "xad"));
    a.inMode("S", () => a.li("a0", VA).amo("lr.d", "a1", 0, "a0")).done();
  }, (r) => expect(told(r)).toEqual([[13, VA]]));
  onBoth("AMOs: old value to rd, result to memory; words are sign-extended; rd may be rs1 or rs2", (a) => {
    a.prologue().li("a0", DATA).li("t0", 0xfffffffff0000000n).li("t1", 0x20000000);
    const start = (): void => { a.s("sd", "t0", "a0"); };
    start(); a.amo("amoadd.w", "a1", "t1", "a0").i("ld", "a2", "a0", 0);
    start(); a.amo("amoadd.d", "a3", "t1", "a0").i("ld", "a4", "a0", 0);
    start(); a.amo("amomaxu.w", "a5", "t1", "a0").i("ld", "a6", "a0", 0);
    start(); a.amo("amomin.d", "t1", "t1", "a0").i("ld", "a7", "a0", 0);
    a.i("addi", "s2", "a0", 0).amo("amoswap.d", "s2", "s2", "s2").i("ld", "s3", "a0", 0).done();
  }, (r) => {
    const old = 0xfffffffff0000000n;
    expect([r.x("a1"), r.x("a2")]).toEqual([0xfffffffff0000000n, 0xffffffff10000000n]);
    expect([r.x("a3"), r.x("a4")]).toEqual([old, 0x10000000n]);
    expect([r.x("a5"), r.x("a6")]).toEqual([old, old]);
    expect([r.x("t1"), r.x("a7")]).toEqual([old, old]);
    expect([r.x("s2"), r.x("s3")]).toEqual([old, BigInt(DATA)]);
  });
  onBoth("SC needs its LR: none, another address, another size, one already spent", (a) => {
    a.prologue().li("a0", DATA).li("a1", DATA + 8).li("t0", 5);
    a.amo("sc.d", "s0", "t0", "a0");
    a.amo("lr.d", 0, 0, "a0").amo("sc.d", "s1", "t0", "a1");
    a.amo("lr.d", 0, 0, "a0").amo("sc.w", "s2", "t0", "a0");
    a.amo("lr.d", 0, 0, "a0").amo("sc.d", "s3", "t0", "a0").amo("sc.d", "s4", "t0", "a0");
    a.i("ld", "s5", "a0", 0).i("ld", "s6", "a1", 0).done();
  }, (r) => expect(["s0", "s1", "s2", "s3", "s4", "s5", "s6"].map((n) => r.x(n as "s0"))).toEqual([1n, 1n, 1n, 0n, 1n, 5n, 0n]));
  onBoth("another hart's store between LR and SC makes SC fail; loops of LR and SC on three harts lose no count", (a) => {
    a.li("a0", DATA).li("s0", 1000);
    a.label("again").amo("lr.w", "t0", 0, "a0").i("addi", "t0", "t0", 1);
    for (let i = 0; i < 30; i++) a.op("fence");
    a.amo("sc.w", "t1", "t0", "a0").branch("bne", "t1", 0, "again").i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again");
    a.li("a1", 1).i("addi", "a2", "a0", 8).amo("amoadd.w", 0, "a1", "a2").li("a3", 3).label("all").i("lw", "a4", "a2", 0).branch("bne", "a4", "a3", "all");
    a.csrr("t0", "mhartid").label("others").branch("bne", "t0", 0, "others").prologue().done();
  }, (r) => expect(r.dword(DATA) & 0xffffffffn).toBe(3000n), { harts: 3, maxSteps: 500_000 });
});

describe("translation as programs see it", () => {
  const LEAVES: [number, number, number][] = [[0, VA, DATA], [1, VA, RAM], [2, VA, 0x80000000]];
  for (const [level, va, pa] of LEAVES) {
    for (const mode of ["S", "U"] as const) {
      onBoth(`a page of level ${level} in ${mode} mode: data and code`, (a) => {
        paged(a, (t) => t.map(va, pa, mode === "U" ? "rwxuad" : "rwxad", level));
        const inside = DATA + 0x100 - pa + va;
        a.li("a0", inside).li("a1", 77).la("s11", "end").i("addi", "t6", "a0", 64).enterAt(mode);
        a.label("end").done();
        const here = a.here;
        a.org(DATA + 0x140).s("sd", "a1", "a0").i("ld", "a2", "a0", 0).op("ecall").org(here);
      }, (r) => {
        expect(r.x("a2")).toBe(77n);
        expect(r.dword(DATA + 0x100)).toBe(77n);
        expect(r.traps).toMatchObject([{ cause: mode === "U" ? 8n : 9n }]);
      });
    }
  }

  const cases: [string, Mode, string, number, "ld" | "sd" | "jalr", number | null][] = [
    ["S reads a user page without SUM", "S", "rwuad", 0, "ld", 13], ["S reads a user page with SUM", "S", "rwuad", 1 << 18, "ld", null],
    ["S writes a user page with SUM", "S", "rwuad", 1 << 18, "sd", null], ["S runs a user page, even with SUM", "S", "rwxuad", 1 << 18, "jalr", 12],
    ["U reads a supervisor page", "U", "rwad", 0, "ld", 13], ["U writes a supervisor page", "U", "rwad", 0, "sd", 15],
    ["reads an executable page without MXR", "U", "xuad", 0, "ld", 13], ["reads an executable page with MXR", "U", "xuad", 1 << 19, "ld", null],
    ["MXR does not let write", "U", "xuad", 1 << 19, "sd", 15], ["runs a page without X", "U", "rwuad", 0, "jalr", 12],
    ["S reads a user's executable page with MXR but not SUM", "S", "xuad", 1 << 19, "ld", 13], ["the same with both", "S", "xuad", 3 << 18, "ld", null],
  ];
  for (const [what, mode, letters, status, op, cause] of cases) {
    onBoth(what, (a) => {
      paged(a, (t) => t.map(VA, DATA, letters).range(VA + 0x100000, RAM, 16, "rxuad")); // user code: an alias of this program
      a.li("a0", VA).la("s11", "end").csrli("mstatus", status);
      a.la("t6", "go");
      if (mode === "U") a.li("t5", VA + 0x100000 - RAM).r("add", "t6", "t6", "t5");
      a.enterAt(mode).label("go");
      if (op === "sd") a.s("sd", 0, "a0", 16);
      else a.i(op, op === "jalr" ? 0 : "a1", "a0", 16);
      a.op("ecall").label("end").done();
    }, (r) => expect(told(r)).toEqual([cause === null ? [mode === "U" ? 8 : 9, 0] : [cause, VA + 16]]));
  }

  onBoth("MPRV: M mode's loads and stores with MPP's rights, its fetches with its own", (a) => {
    paged(a, (t) => t.map(VA, DATA, "rwuad"));
    a.li("a0", VA).li("a1", 5).li("a7", DATA);
    a.attempt(() => a.csrli("mstatus", 1 << 17).s("sd", "a1", "a0"));                    // as U: allowed
    a.csrw("mstatus", 0).i("ld", "a2", "a7", 0);
    a.attempt(() => a.csrli("mstatus", (1 << 17) | 0x800).i("ld", "a3", "a0", 0));       // as S without SUM: refused
    a.attempt(() => a.csrli("mstatus", (1 << 17) | (1 << 18) | 0x800).i("ld", "a3", "a0", 0)); // with SUM
    a.attempt(() => a.csrli("mstatus", (1 << 17) | 0x1800).i("ld", "a4", "a7", 0));      // as M: physical
    a.csrw("mstatus", 0).done();
  }, (r) => {
    expect([r.x("a2"), r.x("a3"), r.x("a4")]).toEqual([5n, 5n, 5n]);
    expect(told(r)).toEqual([[13, VA]]);
    expect(r.traps[0]!.status & 0x1800n).toBe(0x1800n); // the trap came from M mode
  });
  onBoth("SUM and MXR count for MPRV accesses; the mode that is trapped from is M", (a) => {
    paged(a, (t) => t.map(VA, DATA, "xuad"));
    a.li("a0", VA).attempt(() => a.csrli("mstatus", 1 << 17).i("ld", "a1", "a0", 0)).attempt(() => a.csrli("mstatus", (1 << 17) | (1 << 19)).i("ld", "a1", "a0", 0)).csrw("mstatus", 0).done();
  }, (r) => expect(told(r)).toEqual([[13, VA]]));

  onBoth("a fetch across pages whose second half faults: epc is the instruction, the trap value the second page", (a) => {
    paged(a, (t) => t.map(VA, DATA, "xad"));
    a.li("s11", 0).la("s11", "end").li("t6", VA + 4094).enterAt("S").label("end").done();
    const here = a.here;
    a.org(DATA + 4094).word(0x13).org(here);
  }, (r) => expect(r.traps).toMatchObject([{ cause: 12n, epc: BigInt(VA + 4094), tval: BigInt(VA + 4096) }]));
  onBoth("a compressed instruction in the last two bytes of a page needs no second page", (a) => {
    paged(a, (t) => t.map(VA, DATA, "xad"));
    a.la("s11", "end").li("a0", 0).li("t6", VA + 4094).enterAt("S").label("end").done();
    const here = a.here;
    a.org(DATA + 4094).half(0x0505).org(here);
  }, (r) => {
    expect(r.x("a0")).toBe(1n);
    expect(r.traps).toMatchObject([{ cause: 12n, epc: BigInt(VA + 4096), tval: BigInt(VA + 4096) }]);
  });
  onBoth("fetches from a device, from nowhere, from beyond 56 bits: access faults", (a) => {
    a.prologue();
    for (const at of [0x10000000n, 0x4000000n, 0x7fffffffffffff00n]) a.li("t0", at).attempt(() => a.i("jalr", 0, "t0", 0));
    a.done();
  }, (r) => expect(r.traps.map((t) => [t.cause, t.tval])).toEqual([0x10000000n, 0x4000000n, 0x7fffffffffffff00n].map((at) => [1n, at])));
  onBoth("tables in a device or nowhere: access faults of the kind of the access", (a) => {
    paged(a, (t) => t.entry(VA, 1, (0x10000n << 10n) | 1n).entry(VA + 0x200000, 1, (0xfffffffffffn << 10n) | 1n));
    for (const at of [VA, VA + 0x200000]) {
      a.li("a0", at).inMode("S", () => a.i("ld", "a1", "a0", 0)).inMode("S", () => a.s("sd", "a1", "a0")).inMode("S", () => a.i("jalr", 0, "a0", 0));
    }
    a.done();
  }, (r) => expect(told(r)).toEqual([VA, VA + 0x200000].flatMap((at) => [5, 7, 1].map((c) => [c, at]))));
});

describe("A and D", () => {
  const touches = (a: Rig): PageTables => {
    const t = paged(a, (tables) => { for (let i = 0; i < 4; i++) tables.map(VA + 4096 * i, DATA + 0x1000, "rwx"); });
    a.li("a0", VA).li("a1", 4096);
    a.inMode("S", () => a.i("ld", "a2", "a0", 0));
    a.r("add", "a0", "a0", "a1").inMode("S", () => a.s("sd", 0, "a0", 8));
    a.r("add", "a0", "a0", "a1").inMode("S", () => a.i("jalr", 0, "a0", 0));
    a.r("add", "a0", "a0", "a1").inMode("S", () => a.amo("amoadd.w", 0, 0, "a0"));
    a.done();
    a.org(DATA + 0x1000).word(0x73);
    return t;
  };
  const low = (r: Ran): number[] => {
    const t = new PageTables(TABLES);
    t.map(RAM, RAM, "rwxad", 2).map(VA, DATA, "r");
    return [0, 1, 2, 3].map((i) => Number(r.dword(t.addressOf(VA + 4096 * i)) & 0xffn));
  };
  onBoth("hardware sets what the access needs", (a) => { touches(a); }, (r) => {
    expect(low(r)).toEqual([0x4f, 0xcf, 0x4f, 0xcf]);
    expect(told(r).map(([c]) => c)).toEqual([9, 9, 9, 9]);
  });
  onBoth("or the access faults and nothing is set", (a) => { touches(a); }, (r) => {
    expect(low(r)).toEqual([0x0f, 0x0f, 0x0f, 0x0f]);
    expect(told(r)).toEqual([[13, VA], [15, VA + 4096 + 8], [12, VA + 8192], [15, VA + 12288]]);
  }, { adUpdate: "fault" });
  onBoth("hardware sets D at the first store after a load, and it is seen without a fence", (a) => {
    const t = paged(a, (tables) => tables.map(VA, DATA, "rw"));
    a.li("a0", VA).li("a1", t.addressOf(VA)).inMode("S", () => a.i("ld", 0, "a0", 0).i("ld", "a2", "a1", 0).s("sd", 0, "a0").i("ld", "a3", "a1", 0)).done();
  }, (r) => expect([r.x("a2") & 0xffn, r.x("a3") & 0xffn]).toEqual([0x47n, 0xc7n]));
  onBoth("an entry that PMP lets nobody write cannot get its A bit: access fault", (a) => {
    const t = paged(a, (tables) => tables.map(VA, DATA, "rw"));
    const table = t.addressOf(VA) & ~4095;
    a.csrli("pmpaddr0", (table >>> 2) | 0x1ff).csrli("pmpaddr1", -1).csrli("pmpcfg0", 0x1f19).li("a0", VA).inMode("S", () => a.i("ld", "a1", "a0", 0)).done();
  }, (r) => expect(told(r)).toEqual([[5, VA]]));
});

describe("memory above two gigabytes", () => {
  test.each(ENGINES)("page tables, data and code there, on the %s", async (engine) => {
    const top = RAM + 0x9f000000;
    const a = new Rig();
    a.prologue();
    const at = (pa: number, v: bigint): void => { a.li("t0", pa).li("t1", v).s("sd", "t1", "t0"); };
    at(top + 8 * 2, (0x80000n << 10n) | 0xcfn);            // RAM's first gigabyte onto itself
    at(top + 8 * 1, (BigInt(top / 4096 + 1) << 10n) | 1n); // 0x40000000: a table, a table, a page
    at(top + 4096, (BigInt(top / 4096 + 2) << 10n) | 1n);
    at(top + 8192, (BigInt(top / 4096 + 3) << 10n) | 0x0fn); // without A and D
    at(top + 12288, 0x0000007300150513n);                  // addi a0, a0, 1; ecall
    a.li("a0", 41).la("s11", "end").csrli("satp", (8n << 60n) | BigInt(top / 4096)).li("t6", 0x40000000).enterAt("S");
    a.label("end").li("a1", top + 8192).i("ld", "a2", "a1", 0).done();
    const machine = await Machine.create({ memory: 0xa0000000, engine, kernel: a.image() });
    const r = new Ran(machine, machine.runToEnd({ maxSteps: 1000 }), a);
    expect(r.traps).toMatchObject([{ cause: 9n }]);
    expect(r.x("a0")).toBe(42n);
    expect(r.x("a2") & 0xffn).toBe(0x4fn);
  });
});
