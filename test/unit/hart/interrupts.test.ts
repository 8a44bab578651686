// Interrupts: which are taken, when, by whom, in which order; timers; WFI
// (Privileged ISA, "Machine-Level ISA", "Supervisor-Level ISA", "Sstc"; CLINT).

import { describe, expect } from "vitest";
import { DATA, INTERRUPT, onBoth, type Rig } from "../../support/rig.ts";

const MSIP = 0x2000000;
const MTIMECMP = 0x2004000;
const STCE = 1n << 63n;

const at = (n: number | bigint): bigint => INTERRUPT | BigInt(n);

describe("order of precedence", () => {
  // SSI, STI and SEI pended by software, MSI and MTI by the CLINT; MEI cannot be made without a device.
  const pendAll = (a: Rig): void => {
    a.li("a0", MTIMECMP).s("sd", 0, "a0").li("a0", MSIP).li("a1", 1).s("sw", "a1", "a0").csrli("mip", 0x222);
  };
  onBoth("machine software, machine timer, supervisor external, software, timer", (a) => {
    a.prologue();
    pendAll(a);
    for (const enabled of [0xaaa, 0x2a2, 0x222, 0x22, 0x20]) a.csrw("mstatus", 0).csrli("mie", enabled).attempt(() => a.csrli("mstatus", 0x8).label(`m${enabled}`).j(`m${enabled}`));
    a.done();
  }, (r) => expect(r.traps.map((t) => t.cause)).toEqual([3, 7, 9, 1, 5].map(at)));

  onBoth("those for M go before those for S, whatever their number", (a) => {
    a.prologue().csrli("mideleg", 0x202).csrli("mip", 0x222).csrli("mie", 0x222).attempt(() => a.drop("U").label("spin").j("spin")).done();
  }, (r) => {
    expect(r.traps.map((t) => t.cause)).toEqual([at(5)]); // STI is not delegated, SEI and SSI are
    expect(r.sTraps).toEqual([]);
  });
  onBoth("of those for S: external, software, timer", (a) => {
    a.prologue().csrli("mideleg", 0x222).csrli("mip", 0x222);
    for (const enabled of [0x222, 0x22, 0x20]) {
      a.csrli("mie", enabled).attempt(() => a.drop("U").label(`s${enabled}`).j(`s${enabled}`)).attempt(() => a.op("mret")); // back from S by an illegal one
    }
    a.done();
  }, (r) => expect(r.sTraps.map((t) => t.cause)).toEqual([9, 1, 5].map(at)));
});

describe("enabling", () => {
  onBoth("M mode with MIE = 0 takes none; one taken the moment csrs sets MIE, at the next instruction", (a) => {
    a.prologue().csrli("mip", 2).csrli("mie", 2).op("fence").la("s11", "on").op("csrrsi", { rs1: 8, imm: 0x300 }).label("after").label("spin").j("spin").label("on").done();
  }, (r) => expect(r.traps).toMatchObject([{ cause: at(1), epc: BigInt(r.rig.address("after")) }]));
  onBoth("the moment mie is set, mip is set, mret is executed", (a) => {
    a.prologue().csrli("mstatus", 8);
    a.la("s11", "one").csrli("mip", 2).op("csrrsi", { rs1: 2, imm: 0x304 }).label("first").j("first").label("one");
    a.csrw("mip", 0).csrli("mie", 2).csrli("mstatus", 8);
    a.la("s11", "two").op("csrrsi", { rs1: 2, imm: 0x344 }).label("second").j("second").label("two");
    a.csrw("mstatus", 0).csrli("mie", 2).csrli("mstatus", 0x1880).la("t6", "third").csrw("mepc", "t6").la("s11", "three").op("mret").label("third").j("third").label("three").done();
  }, (r) => expect(r.traps.map((t) => [t.cause, t.epc])).toEqual(["first", "second", "third"].map((l) => [at(1), BigInt(r.rig.address(l))])));
  onBoth("lower modes take M interrupts whatever MIE says; S takes its own by SIE; U takes S ones always; M never takes delegated ones", (a) => {
    a.prologue().csrli("mip", 2).csrli("mie", 2);
    a.attempt(() => a.drop("S").label("s").j("s"));                                          // not delegated: to M
    a.csrli("mideleg", 2).csrli("mie", 2).csrli("mstatus", 8).op("fence");                   // delegated: M does not see it
    a.inMode("S", () => a.op("fence"));                                                      // SIE = 0: ecall comes
    a.attempt(() => a.drop("S").op("csrrsi", { rs1: 2, imm: 0x100 }).label("s2").j("s2")).attempt(() => a.op("mret")); // SIE: to S
    a.csrli("mie", 2).attempt(() => a.drop("U").label("u").j("u")).attempt(() => a.op("mret")).done();
  }, (r) => {
    expect(r.traps.map((t) => t.cause)).toEqual([at(1), 9n, 2n, 2n]);
    expect(r.sTraps.map((t) => [t.cause, t.epc])).toEqual([[at(1), BigInt(r.rig.address("s2"))], [at(1), BigInt(r.rig.address("u"))]]);
  });
  onBoth("an interrupt counts no step of its own and retires nothing", (a) => {
    a.prologue().csrli("mip", 2).csrli("mie", 2).la("s11", "on").csrw("minstret", 0).op("csrrsi", { rs1: 8, imm: 0x300 }).label("on").csrr("a0", "minstret").done();
  }, (r) => {
    const handler = (r.rig.address("rig.s") - r.rig.address("rig.m")) / 4;
    expect(r.x("a0")).toBe(BigInt(handler + 1));
  });
});

describe("vectored mode", () => {
  onBoth("interrupts go to base + 4 × cause, exceptions to the base", (a) => {
    a.prologue().la("t6", "table").i("addi", "t6", "t6", 1).csrw("mtvec", "t6");
    a.csrli("mip", 0x222);
    for (const enabled of [0x202, 0x2, 0x20]) a.csrw("mstatus", 0).csrli("mie", enabled).la("s11", `on${enabled}`).csrli("mstatus", 8).label(`on${enabled}`);
    a.attempt(() => a.op("ecall")).done();
    a.align(256).label("table");
    for (let n = 0; n < 16; n++) a.jal(0, `v${n}`);
    for (let n = 0; n < 16; n++) a.label(`v${n}`).li("t4", n).i("slli", "a0", "a0", 4).r("or", "a0", "a0", "t4").j("rig.m");
  }, (r) => {
    expect(r.traps.map((t) => t.cause)).toEqual([at(9), at(1), at(5), 11n]);
    expect(r.x("a0")).toBe(0x9150n);
  });
  onBoth("stvec too", (a) => {
    a.prologue().la("t6", "table").i("addi", "t6", "t6", 1).csrw("stvec", "t6").csrli("mideleg", 0x222).csrli("medeleg", 0x100).csrli("mip", 0x20).csrli("mie", 0x20);
    a.attempt(() => a.drop("U").label("u").j("u")).attempt(() => a.op("mret")).attempt(() => a.drop("U").op("ecall")).attempt(() => a.op("mret")).done();
    a.align(256).label("table");
    for (let n = 0; n < 16; n++) a.jal(0, `v${n}`);
    for (let n = 0; n < 16; n++) a.label(`v${n}`).li("t4", n).i("slli", "a0", "a0", 4).r("or", "a0", "a0", "t4").j("rig.s");
  }, (r) => {
    expect(r.sTraps.map((t) => t.cause)).toEqual([at(5), 8n]);
    expect(r.x("a0")).toBe(0x50n);
  });
});

describe("timers", () => {
  onBoth("mtimecmp: pending while mtime ≥ mtimecmp, and gone when it is moved on", (a) => {
    a.prologue().li("a0", MTIMECMP).csrr("t0", "time").i("addi", "t0", "t0", 20).s("sd", "t0", "a0").csrr("a1", "mip");
    a.label("wait").csrr("a2", "mip").i("andi", "a2", "a2", 0x80).branch("beq", "a2", 0, "wait").csrr("a3", "time").r("sub", "a3", "a3", "t0");
    a.li("t1", -1).s("sd", "t1", "a0").csrr("a4", "mip").done();
  }, (r) => {
    expect([r.x("a1"), r.x("a2"), r.x("a4")]).toEqual([0n, 0x80n, 0n]);
    expect(r.x("a3")).toBeLessThanOrEqual(1n);
  });
  onBoth("stimecmp: STIP follows it while menvcfg.STCE is set; then software cannot write STIP", (a) => {
    a.prologue().csrli("mip", 0x20).csrr("a0", "mip").csrli("stimecmp", -1).csrli("menvcfg", STCE).csrr("a1", "mip");
    a.csrli("mip", 0x20).csrr("a2", "mip").csrw("stimecmp", 0).csrr("a3", "mip").csrw("mip", 0).csrr("a4", "mip").csrli("stimecmp", -1).csrr("a5", "mip").done();
  }, (r) => expect(["a0", "a1", "a2", "a3", "a4", "a5"].map((n) => r.x(n as "a0"))).toEqual([0x20n, 0n, 0n, 0x20n, 0x20n, 0n]));
  onBoth("stimecmp is compared unsigned, over all 64 bits", (a) => {
    a.prologue().csrli("menvcfg", STCE);
    for (const [value, rd] of [[1n << 63n, "a0"], [(1n << 63n) - 1n, "a1"], [0x100000000n, "a2"], [0n, "a3"]] as const) a.csrli("stimecmp", value).csrr(rd, "mip");
    a.done();
  }, (r) => expect(["a0", "a1", "a2", "a3"].map((n) => r.x(n as "a0"))).toEqual([0n, 0n, 0n, 0x20n]));
  onBoth("the interrupt comes at the first instruction at which time has reached stimecmp", (a) => {
    a.prologue().csrli("menvcfg", STCE).csrli("mie", 0x20).csrli("mideleg", 0x20).csrli("mie", 0x20).csrli("mcounteren", 7).la("s11", "on").csrr("t0", "time").i("addi", "t0", "t0", 30).csrw("stimecmp", "t0");
    a.drop("S").op("csrrsi", { rs1: 2, imm: 0x100 }).label("spin").csrr("a0", "time").j("spin").label("on").csrr("a1", "time").r("sub", "a0", "t0", "a0").r("sub", "a1", "a1", "t0").attempt(() => a.op("mret")).done();
  }, (r) => {
    expect(r.sTraps.map((t) => t.cause)).toEqual([at(5)]);
    expect([r.x("a0") <= 1n, r.x("a1") <= 1n]).toEqual([true, true]);
  });
  onBoth("a timer set by writing mtime", (a) => {
    a.prologue().li("a0", MTIMECMP).li("t0", 1_000_000).s("sd", "t0", "a0").csrr("a1", "mip").li("a2", 0x200bff8).s("sd", "t0", "a2").csrr("a3", "mip").s("sd", 0, "a2").csrr("a4", "mip").done();
  }, (r) => expect([r.x("a1"), r.x("a3"), r.x("a4")]).toEqual([0n, 0x80n, 0n]));
  onBoth("stimecmp follows a written mtime too", (a) => {
    a.prologue().csrli("menvcfg", STCE).li("t0", 1_000_000).csrw("stimecmp", "t0").csrr("a1", "mip").li("a2", 0x200bff8).s("sd", "t0", "a2").csrr("a3", "mip").s("sd", 0, "a2").csrr("a4", "mip").done();
  }, (r) => expect([r.x("a1"), r.x("a3"), r.x("a4")]).toEqual([0n, 0x20n, 0n]));
});

describe("WFI", () => {
  const wake = (a: Rig): void => {
    a.li("a0", MTIMECMP).csrr("t0", "time").i("addi", "t0", "t0", 1000).s("sd", "t0", "a0");
  };
  onBoth("waits for an interrupt that mie enables, though mstatus masks it, and goes on behind itself", (a) => {
    a.prologue().csrli("mie", 0x80);
    wake(a);
    a.op("wfi").csrr("a1", "time").r("sub", "a1", "a1", "t0").done();
  }, (r) => {
    expect(r.traps).toEqual([]);
    expect(r.x("a1")).toBeLessThanOrEqual(1n);
    expect(r.machine.steps).toBeLessThan(60);
  });
  onBoth("takes it, when it may, with the address behind itself", (a) => {
    a.prologue().csrli("mie", 0x80).csrli("mstatus", 8).la("s11", "on");
    wake(a);
    a.op("wfi").label("behind").j("behind").label("on").done();
  }, (r) => expect(r.traps).toMatchObject([{ cause: at(7), epc: BigInt(r.rig.address("behind")) }]));
  onBoth("does not wait when one is pending and enabled already, delegated or not", (a) => {
    a.prologue().csrli("mip", 0x2).csrli("mie", 0x2).op("wfi").csrli("mideleg", 2).op("wfi").inMode("S", () => a.op("wfi")).done();
  }, (r) => expect(r.traps.map((t) => t.cause)).toEqual([9n]));
  onBoth("is not woken by one that mie does not enable", (a) => {
    a.prologue().csrli("mie", 0x8);
    wake(a);
    a.op("wfi").done();
  }, (r) => expect(r.stop).toEqual({ reason: "idle", wakeAt: Infinity }), { ends: "idle" });
  onBoth("time passes for counters: time does, cycle and instret do not", (a) => {
    a.prologue().csrli("mie", 0x80);
    wake(a);
    a.csrr("s0", "mcycle").csrr("s1", "minstret").op("wfi").csrr("s2", "mcycle").csrr("s3", "minstret").li("a1", DATA).done();
  }, (r) => expect([r.x("s2") - r.x("s0"), r.x("s3") - r.x("s1")]).toEqual([2n + 1n - 0n, 3n - 0n]));
});
