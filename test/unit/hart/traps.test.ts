// Exceptions: what ends up in cause, epc and tval, who takes them, and how the status stacks move
// (Privileged ISA, "Machine-Level ISA" and "Supervisor-Level ISA").

import { describe, expect } from "vitest";
import { encode } from "../../../emulator/isa/decode.ts";
import { onBoth, type Mode, type Ran } from "../../support/rig.ts";

const MODES: readonly Mode[] = ["U", "S", "M"];
const ECALL: Readonly<Record<Mode, bigint>> = { U: 8n, S: 9n, M: 11n };
const causes = (r: Ran): bigint[] => r.traps.map((t) => t.cause);

describe("environment calls and breakpoints", () => {
  for (const mode of MODES) {
    onBoth(`ecall from ${mode} mode`, (a) => {
      a.prologue().attempt(() => a.drop(mode).label("call").op("ecall")).done();
    }, (r) => {
      expect(r.traps).toMatchObject([{ cause: ECALL[mode], epc: BigInt(r.rig.address("call")), tval: 0n }]);
    });
  }
  onBoth("ebreak, c.ebreak: the trap value is the address", (a) => {
    a.prologue();
    a.attempt(() => a.label("wide").op("ebreak"));
    a.attempt(() => a.label("narrow").half(0x9002)).done();
  }, (r) => {
    const [wide, narrow] = [BigInt(r.rig.address("wide")), BigInt(r.rig.address("narrow"))];
    expect(r.traps).toMatchObject([{ cause: 3n, epc: wide, tval: wide }, { cause: 3n, epc: narrow, tval: narrow }]);
  });
});

describe("illegal instructions", () => {
  const words: [string, number][] = [
    ["all ones", 0xffffffff], ["an unused opcode", 0x0000007b], ["fadd.s without F", 0x00000053], ["flw without F", 0x00002007],
    ["a reserved funct7", 0x40001033], ["a reserved width of load", 0x00007003], ["jalr with funct3 1", 0x00001067],
    ["slli with bit 26", encode("slli", { imm: 1 }) | (1 << 26)], ["slliw with bit 25", encode("slliw", { imm: 1 }) | (1 << 25)],
    ["lr with rs2", encode("lr.w") | (1 << 20)], ["amo of a byte", 0x0000002f], ["mret with rd", 0x302000f3], ["sfence.vma with rd", 0x120000f3],
    ["dret", 0x7b200073], ["uret", 0x00200073], ["system with funct3 4", 0x00004073], ["a 48-bit instruction", 0x0000001f],
  ];
  for (const [what, word] of words) {
    onBoth(`${what}: the trap value is the instruction`, (a) => {
      a.prologue().attempt(() => a.label("bad").word(word)).done();
    }, (r) => expect(r.traps).toMatchObject([{ cause: 2n, epc: BigInt(r.rig.address("bad")), tval: BigInt(word >>> 0) }]));
  }
  for (const [what, half] of [["zero", 0], ["c.fld without D", 0x2000], ["a reserved one", 0x8000], ["c.addi4spn of 0", 0x0004], ["c.lwsp to x0", 0x4002], ["c.jr of x0", 0x8002], ["c.addiw to x0", 0x2005]] as const) {
    onBoth(`16 bits, ${what}: the trap value is the halfword alone`, (a) => {
      a.prologue().attempt(() => a.label("bad").half(half).half(0xffff)).done();
    }, (r) => expect(r.traps).toMatchObject([{ cause: 2n, epc: BigInt(r.rig.address("bad")), tval: BigInt(half) }]));
  }
});

describe("delegation", () => {
  for (const mode of MODES) {
    onBoth(`an ecall that medeleg gives away goes to S, but not from M; from ${mode}`, (a) => {
      a.prologue().csrli("medeleg", -1).csrli("medeleg", 0x300);
      a.attempt(() => a.drop(mode).label("call").op("ecall"));
      a.attempt(() => a.op("mret")).done(); // illegal below M mode, and so in M mode again
    }, (r) => {
      const call = { cause: ECALL[mode], epc: BigInt(r.rig.address("call")), tval: 0n };
      const back = { cause: 2n, tval: BigInt(encode("mret")) };
      expect(r.sTraps).toMatchObject(mode === "M" ? [] : [call]);
      expect(r.traps).toMatchObject(mode === "M" ? [call, back] : [back]);
    });
  }
  onBoth("every cause that can be delegated, and none other", (a) => {
    a.prologue().csrli("medeleg", -1).csrr("a0", "medeleg").csrli("mideleg", -1).csrr("a1", "mideleg").done();
  }, (r) => {
    expect(r.x("a0")).toBe(0xb3ffn);
    expect(r.x("a1")).toBe(0x222n);
  });
  onBoth("a delegated trap writes the S registers and leaves the M ones alone", (a) => {
    a.prologue().csrli("medeleg", 1 << 8).csrli("mepc", 0x1234).csrli("mcause", 5).csrli("mtval", 7);
    a.la("s11", "back").la("t6", "user").csrw("sepc", "t6").csrw("mepc", "t6");
    a.csrli("mstatus", 0x2).op("mret"); // to U with SIE = 1
    a.label("user").op("ecall");
    a.label("back").csrr("a0", "sstatus").attempt(() => a.op("ecall")); // now in S; an ecall from S goes to M
    a.csrr("a1", "mtval").done();
  }, (r) => {
    expect(r.sTraps).toMatchObject([{ cause: 8n, epc: BigInt(r.rig.address("user")), tval: 0n }]);
    expect(r.sTraps[0]!.status & 0x122n).toBe(0x20n); // SPP = U, SPIE = the old SIE, SIE = 0
    expect(r.x("a0") & 0x122n).toBe(0x22n); // sret from S: SIE = SPIE, SPIE = 1, SPP = U
    expect(causes(r)).toEqual([9n]);
  });
});

describe("status stacks", () => {
  onBoth("a trap to M pushes MIE and the mode; mret pops them and leaves MPIE = 1, MPP = U", (a) => {
    a.prologue().li("s10", 0);
    a.csrli("mstatus", 0x8); // MIE
    a.attempt(() => a.label("call").op("ecall")).csrr("a0", "mstatus");
    a.la("t6", "next").csrw("mepc", "t6").csrli("mstatus", 0x1800).op("mret"); // MPIE = 0: MIE comes out 0
    a.label("next").csrr("a1", "mstatus").done();
  }, (r) => {
    expect(r.traps[0]!.status & 0x1888n).toBe(0x1880n);
    expect(r.x("a0") & 0x1888n).toBe(0x88n);
    expect(r.x("a1") & 0x1888n).toBe(0x80n);
  });
  onBoth("mret to a lower mode clears MPRV, to M it does not; sret clears it", (a) => {
    a.prologue();
    a.la("t6", "one").csrw("mepc", "t6").csrli("mstatus", 0x21800).op("mret");
    a.label("one").csrr("a0", "mstatus");
    a.attempt(() => { a.la("t6", "two").csrw("mepc", "t6").csrli("mstatus", 0x20800).op("mret").label("two").op("ecall"); });
    a.csrr("a1", "mstatus");
    a.attempt(() => { a.la("t6", "three").csrw("sepc", "t6").csrli("mstatus", 0x20100).op("sret").label("three").op("ecall"); });
    a.csrr("a2", "mstatus").done();
  }, (r) => {
    const mprv = (v: bigint): bigint => (v >> 17n) & 1n;
    expect([mprv(r.x("a0")), mprv(r.traps[0]!.status), mprv(r.traps[1]!.status)]).toEqual([1n, 0n, 0n]);
    expect(causes(r)).toEqual([9n, 9n]);
  });
  onBoth("MPP keeps its value when 2 is written", (a) => {
    a.prologue().csrli("mstatus", 0x0800).csrli("mstatus", 0x1000).csrr("a0", "mstatus").csrli("mstatus", 0x1800).csrr("a1", "mstatus").done();
  }, (r) => expect([r.x("a0") & 0x1800n, r.x("a1") & 0x1800n]).toEqual([0x800n, 0x1800n]));
});
