// Control and status registers: which exist, who may touch them, what sticks, and the counters
// (Privileged ISA, "Control and Status Registers", "Machine-Level ISA", "Supervisor-Level ISA", "Sstc").

import { describe, expect } from "vitest";
import { encode } from "../../../emulator/isa/decode.ts";
import { CSR } from "../../../emulator/isa/csr-names.ts";
import { DATA, onBoth, type Ran, type Rig } from "../../support/rig.ts";

const causes = (r: Ran): bigint[] => r.traps.map((t) => t.cause);

/** Write all ones, then zero; what was read back lies at DATA and DATA + 8. */
function ones(a: Rig, name: string): void {
  a.li("a0", DATA).csrli(name, -1).csrr("a1", name).s("sd", "a1", "a0").csrw(name, 0).csrr("a1", name).s("sd", "a1", "a0", 8);
}

describe("what sticks when all ones are written, and zeros", () => {
  const ALL = (1n << 64n) - 1n;
  const LEGAL: Readonly<Record<string, [bigint, bigint]>> = {
    mstatus: [(1n << 63n) | 0xa007e79aan, 0xa00000000n], sstatus: [(1n << 63n) | 0x2000c6122n, 0x200000000n],
    medeleg: [0xb3ffn, 0n], mideleg: [0x222n, 0n], mie: [0xaaan, 0n],
    mepc: [ALL - 1n, 0n], sepc: [ALL - 1n, 0n], mscratch: [ALL, 0n], sscratch: [ALL, 0n], mtval: [ALL, 0n], stval: [ALL, 0n],
    mcounteren: [0xffffffffn, 0n], scounteren: [0xffffffffn, 0n], mcountinhibit: [5n, 0n], menvcfg: [(1n << 63n) | 1n, 0n], senvcfg: [1n, 0n],
    mcause: [(1n << 63n) | 63n, 0n], scause: [(1n << 63n) | 63n, 0n], stimecmp: [ALL, 0n],
    misa: [(2n << 62n) | 0x14112dn, (2n << 62n) | 0x14112dn], mhartid: [0n, 0n],
    mhpmcounter3: [0n, 0n], mhpmcounter31: [0n, 0n], mhpmevent3: [0n, 0n], pmpaddr7: [(1n << 54n) - 1n, 0n],
  };
  for (const [name, [high, low]] of Object.entries(LEGAL)) {
    if (name === "mhartid") continue;
    onBoth(name, (a) => {
      a.prologue();
      ones(a, name);
      a.csrli("mstatus", 0).done();
    }, (r) => expect([r.dword(DATA), r.dword(DATA + 8)].map((v) => v.toString(16))).toEqual([high, low].map((v) => v.toString(16))));
  }
  onBoth("satp: a mode that does not exist changes nothing; Sv39 keeps 16 bits of ASID and 44 of PPN", (a) => {
    a.prologue().csrli("satp", (8n << 60n) | 5n).csrli("satp", (9n << 60n) | 7n).csrr("a0", "satp").csrli("satp", ALL ^ (7n << 60n)).csrr("a1", "satp").csrw("satp", 0).csrr("a2", "satp").done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2")]).toEqual([(8n << 60n) | 5n, ALL ^ (7n << 60n), 0n]));
  onBoth("xtvec: modes 0 and 1; others are refused", (a) => {
    a.prologue();
    for (const [csr, one, two] of [["mtvec", "a0", "a1"], ["stvec", "a2", "a3"]] as const) {
      a.csrr("t0", csr).csrli(csr, 0x1001).csrr(one, csr).csrli(csr, 0x2002).csrr(two, csr).csrw(csr, "t0");
    }
    a.done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2"), r.x("a3")]).toEqual([0x1001n, 0x1001n, 0x1001n, 0x1001n]));
  onBoth("sie and sip show and change only what is delegated", (a) => {
    a.prologue().csrli("mie", 0xaaa).csrli("mideleg", 0x20).csrr("a0", "sie").csrw("sie", 0).csrr("a1", "mie");
    a.csrli("mip", 0x222).csrr("a2", "sip").csrw("sip", 0).csrr("a3", "mip").csrli("mideleg", 0x222).csrw("sip", 0).csrr("a4", "mip").done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2"), r.x("a3"), r.x("a4")]).toEqual([0x20n, 0xa8an, 0x20n, 0x222n, 0x220n]));
});

describe("who may touch what", () => {
  /** Every number that is not a CSR is illegal to read, every one that is above its privilege, every read-only one to write. */
  for (const mode of ["U", "S", "M"] as const) {
    const privilege = { U: 0, S: 1, M: 3 }[mode];
    const known = new Set(Object.values(CSR));
    onBoth(`reading each of the 4,096 numbers from ${mode} mode`, (a) => {
      // The reads stand in a table of (csrr a0, ra; jump back): S11 leads on to the next after a trap.
      a.prologue().csrli("mstatus", 0x2000).csrli("mcounteren", -1).csrli("scounteren", -1).csrli("menvcfg", 1n << 63n).li("s0", 0).li("s1", DATA);
      a.li("s2", encode("csrrs", { rd: 10 })).la("s3", "probe").la("s11", "next").li("s4", 4096);
      a.label("again").i("slli", "t0", "s0", 20).r("or", "t0", "t0", "s2").s("sw", "t0", "s3").s("sb", 0, "s1");
      if (mode === "M") a.j("probe");
      else a.enter(mode, "probe");
      a.align(4).label("probe").word(0).li("a0", 1).op("ebreak");
      a.align(4).label("next").csrr("t0", "mcause").i("sltiu", "t0", "t0", 3).i("xori", "t0", "t0", 1).s("sb", "t0", "s1");
      a.csrli("mscratch", 0x80030000).i("addi", "s1", "s1", 1).i("addi", "s0", "s0", 1).branch("bne", "s0", "s4", "again").done();
    }, (r) => {
      const bytes = r.machine.inspect.physical(DATA, 4096)!;
      const allowed = Array.from({ length: 4096 }, (_, n) => n).filter((n) => bytes[n] !== 0);
      expect(allowed).toEqual(Array.from({ length: 4096 }, (_, n) => n).filter((n) => known.has(n) && ((n >> 8) & 3) <= privilege));
    }, { maxSteps: 400_000 });
  }
  onBoth("read-only CSRs: any write is illegal, also of the same value; csrrs with x0 is a read", (a) => {
    a.prologue();
    for (const name of ["cycle", "mhartid", "mvendorid", "hpmcounter3"]) {
      a.attempt(() => a.csrr("a0", name)).attempt(() => a.csrw(name, "a0")).attempt(() => a.csr("csrrs", 0, name, "a0")).attempt(() => a.op("csrrci", { rs1: 1, imm: CSR[name]! }));
      a.attempt(() => a.op("csrrsi", { rd: 10, rs1: 0, imm: CSR[name]! }));
    }
    a.done();
  }, (r) => expect(causes(r)).toEqual(Array.from({ length: 12 }, () => 2n)));
  onBoth("csrrs and csrrc with a register that holds 0 still write: illegal on a read-only CSR", (a) => {
    a.prologue().li("a1", 0).attempt(() => a.csr("csrrs", "a0", "cycle", "a1")).done();
  }, (r) => expect(causes(r)).toEqual([2n]));
  onBoth("an access that traps leaves rd and the CSR alone", (a) => {
    a.prologue().csrli("mtval", 0).li("a0", 77).csrli("sscratch", 5).attempt(() => { a.drop("U").li("a1", 9).csr("csrrw", "a0", "sscratch", "a1"); }).csrr("a2", "sscratch").done();
  }, (r) => expect([r.x("a0"), r.x("a2")]).toEqual([77n, 5n]));
  onBoth("rd equal to rs1: the old value comes out, the register's goes in", (a) => {
    a.prologue().csrli("mscratch", 0x111).li("a0", 0x222).csr("csrrw", "a0", "mscratch", "a0").csrr("a1", "mscratch").csr("csrrs", "a1", "mscratch", "a1").csrli("mscratch", 0x80030000).done();
  }, (r) => expect([r.x("a0"), r.x("a1")]).toEqual([0x111n, 0x222n]));

  const counters: [string, number][] = [["cycle", 0], ["time", 1], ["instret", 2], ["hpmcounter3", 3], ["hpmcounter31", 31]];
  for (const [name, bit] of counters) {
    onBoth(`${name}: mcounteren opens it to S, and with scounteren to U`, (a) => {
      a.prologue();
      for (const [m, s] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) {
        for (const mode of ["S", "U"] as const) {
          a.csrli("mcounteren", (m << bit) >>> 0).csrli("scounteren", (s << bit) >>> 0).inMode(mode, () => a.csrr("a0", name));
        }
      }
      a.done();
    }, (r) => expect(causes(r)).toEqual([2n, 2n, 2n, 2n, 9n, 2n, 9n, 8n]));
  }
  onBoth("stimecmp from S: menvcfg.STCE and mcounteren.TM, else illegal; from M always", (a) => {
    a.prologue();
    for (const [stce, tm] of [[0n, 0], [0n, 2], [1n, 0], [1n, 2]] as const) {
      a.csrli("menvcfg", stce << 63n).csrli("mcounteren", tm).inMode("S", () => a.csrr("a0", "stimecmp")).csrr("a0", "stimecmp");
    }
    a.done();
  }, (r) => expect(causes(r)).toEqual([2n, 2n, 2n, 9n]));

  const gates: [string, number, (a: Rig) => void][] = [
    ["TVM: satp", 20, (a) => a.csrr("a0", "satp")], ["TVM: sfence.vma", 20, (a) => a.op("sfence.vma")],
    ["TW: wfi", 21, (a) => a.op("wfi")],
  ];
  for (const [what, bit, use] of gates) {
    onBoth(`mstatus.${what} is illegal in S when the bit is set, not otherwise, never in M`, (a) => {
      a.prologue().csrli("mideleg", 2).csrli("mie", 2).csrli("mip", 2); // something pending, so that wfi goes on
      for (const on of [0, 1]) a.csrli("mstatus", on << bit).inMode("S", () => use(a)).la("s11", `m${on}`).label(`m${on}`);
      use(a);
      a.done();
    }, (r) => expect(causes(r)).toEqual([9n, 2n]));
  }
  onBoth("mstatus.TSR: sret is illegal in S when the bit is set, not otherwise, never in M", (a) => {
    a.prologue();
    for (const on of [0, 1]) {
      a.csrli("mstatus", on << 22).inMode("S", () => a.la("t6", `s${on}`).csrw("sepc", "t6").csrli("sstatus", 0x100).op("sret").label(`s${on}`));
    }
    a.la("t6", "m").csrw("sepc", "t6").csrli("mstatus", (1 << 22) | 0x100).la("s11", "end").op("sret").label("m").op("ecall").label("end").done();
  }, (r) => expect(causes(r)).toEqual([9n, 2n, 9n]));
  for (const name of ["mret", "sret", "wfi", "sfence.vma"]) {
    onBoth(`${name} from U mode is illegal`, (a) => {
      a.prologue().inMode("U", () => a.op(name)).done();
    }, (r) => expect(r.traps).toMatchObject([{ cause: 2n, tval: BigInt(encode(name) >>> 0) }]));
  }
  onBoth("mret from S mode is illegal", (a) => a.prologue().inMode("S", () => a.op("mret")).done(), (r) => expect(causes(r)).toEqual([2n]));
});

describe("counters", () => {
  onBoth("minstret counts what retires: not the instruction that traps", (a) => {
    a.prologue().la("s11", "on").csrr("a0", "minstret").op("ecall"); // 1: csrr; ecall does not retire; the handler's 16 do
    a.label("on").csrr("a1", "minstret").csrr("a2", "minstret").csrr("a3", "mcycle").csrr("a4", "mcycle").done();
  }, (r) => {
    const handler = (r.rig.address("rig.s") - r.rig.address("rig.m")) / 4;
    expect(Number(r.x("a1") - r.x("a0"))).toBeLessThanOrEqual(1 + handler);
    expect(r.x("a2") - r.x("a1")).toBe(1n);
    expect(r.x("a4") - r.x("a3")).toBe(1n);
    expect(r.x("a3") - r.x("a2")).toBe(BigInt(r.traps.length) + 1n);
  });
  onBoth("a value written is what the next instruction reads, over all 64 bits", (a) => {
    a.prologue();
    for (const [csr, rd, rd2] of [["minstret", "a0", "a1"], ["mcycle", "a2", "a3"]] as const) {
      a.li("t0", 0x1_0000_0000n - 1n).csrw(csr, "t0").csrr(rd, csr).csrr(rd2, csr);
    }
    a.li("t0", -1).csrw("minstret", "t0").csrr("a4", "instret").csrr("a5", "instret").done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2"), r.x("a3"), r.x("a4"), r.x("a5")]).toEqual([0xffffffffn, 0x100000000n, 0xffffffffn, 0x100000000n, (1n << 64n) - 1n, 0n]));
  onBoth("mcountinhibit stops each counter after the instruction that sets its bit, and starts it after the one that clears it", (a) => {
    a.prologue().li("t1", 5).csrw("minstret", 0).csrw("mcountinhibit", "t1").csrr("a0", "minstret").op("fence").csrr("a1", "minstret");
    a.csrw("mcountinhibit", 0).csrr("a2", "minstret").csrr("a3", "minstret");
    a.csrw("mcycle", 0).csrw("mcountinhibit", "t1").csrr("a4", "mcycle").csrr("a5", "mcycle").csrw("mcountinhibit", 0).csrr("a6", "mcycle").csrr("a7", "mcycle").done();
  }, (r) => expect(["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"].map((n) => r.x(n as "a0"))).toEqual([1n, 1n, 1n, 2n, 1n, 1n, 1n, 2n]));
  onBoth("a stopped counter can be written, and goes on from there", (a) => {
    a.prologue().li("t1", 5).csrw("mcountinhibit", "t1").li("t0", 1000).csrw("minstret", "t0").op("fence").csrr("a0", "minstret").csrw("mcountinhibit", 0).csrr("a1", "minstret").done();
  }, (r) => expect([r.x("a0"), r.x("a1")]).toEqual([1000n, 1000n]));
  onBoth("time follows mtime, also when mtime is written; ten million a second, a step a nanosecond", (a) => {
    a.prologue().li("a6", 0x200bff8).li("t0", 0x123456789abcn).s("sd", "t0", "a6").csrr("a0", "time").i("ld", "a1", "a6", 0);
    a.li("t0", 1000).label("spin").i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "spin").csrr("a2", "time").done();
  }, (r) => {
    expect(Number(r.x("a0") - 0x123456789abcn)).toBeLessThanOrEqual(1);
    expect(Number(r.x("a1") - r.x("a0"))).toBeLessThanOrEqual(1);
    expect(Number(r.x("a2") - r.x("a0"))).toBeGreaterThanOrEqual(20);
    expect(Number(r.x("a2") - r.x("a0"))).toBeLessThanOrEqual(21);
  });
  onBoth("looked at from outside, counters of a machine at rest are the steps it took", (a) => a.prologue().done(), (r) => {
    expect(r.csr("mcycle")).toBe(BigInt(r.machine.steps));
    expect(r.csr("minstret")).toBe(BigInt(r.machine.steps));
  });
});

