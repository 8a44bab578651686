// The floating-point unit as the privileged architecture sees it: mstatus.FS, SD, fcsr and its views, reserved rounding
// modes, NaN boxing (Privileged ISA, "Extension Context Status"; Unprivileged ISA, chapters "F" and "D").

import { describe, expect, test } from "vitest";
import { CSR } from "../../../emulator/isa/csr-names.ts";
import { encode } from "../../../emulator/isa/decode.ts";
import { Machine } from "../../../emulator/index.ts";
import { DATA, ENGINES, machineWith, onBoth, type Ran, type Rig } from "../../support/rig.ts";

const FS = 13;
const [OFF, INITIAL, CLEAN, DIRTY] = [0, 1, 2, 3];
const [NX, NV] = [1, 16];
const fs = (a: Rig, state: number): Rig => a.li("t0", 3 << FS).csr("csrrc", 0, "mstatus", "t0").li("t0", state << FS).csr("csrrs", 0, "mstatus", "t0");
const stateOf = (v: bigint): number => Number((v >> BigInt(FS)) & 3n);
const dirty = (v: bigint): boolean => v >> 63n === 1n;
const f = (r: Ran, n: number): bigint => r.machine.inspect.floatRegisters(0)[n]!;
const csrImm = (a: Rig, csr: string, value: number): Rig => a.op("csrrwi", { rs1: value, imm: CSR[csr]! });

describe("mstatus.FS", () => {
  onBoth("Off: floating point and its CSRs are illegal, with the instruction as trap value, compressed ones too", (a) => {
    a.prologue().li("a0", DATA);
    a.attempt(() => a.op("fadd.d", { rd: 1 })).attempt(() => a.op("fld", { rd: 1, rs1: 10 })).attempt(() => a.op("fsw", { rs2: 1, rs1: 10 })).attempt(() => a.op("fmv.x.w", { rd: 11 }));
    a.attempt(() => a.half(0x2108)).attempt(() => a.csrr("a1", "fflags")).attempt(() => csrImm(a, "frm", 0));
    a.done();
  }, (r) => {
    expect(r.traps.map((t) => [t.cause, t.tval])).toEqual([
      encode("fadd.d", { rd: 1 }), encode("fld", { rd: 1, rs1: 10 }), encode("fsw", { rs2: 1, rs1: 10 }), encode("fmv.x.w", { rd: 11 }), 0x2108,
      encode("csrrs", { rd: 11, imm: CSR["fflags"]! }), encode("csrrwi", { imm: CSR["frm"]! }),
    ].map((w) => [2n, BigInt(w >>> 0)]));
    expect(stateOf(r.csr("mstatus"))).toBe(OFF);
  });

  for (const [what, state, makes, body] of [
    ["a store", CLEAN, CLEAN, (a) => a.op("fsd", { rs2: 1, rs1: 10 })],
    ["a comparison without flags", INITIAL, INITIAL, (a) => a.op("feq.d", { rd: 11 })],
    ["a read of fcsr", CLEAN, CLEAN, (a) => a.csrr("a1", "fcsr")],
    ["a load", CLEAN, DIRTY, (a) => a.op("flw", { rd: 1, rs1: 10 })],
    ["a load that traps", CLEAN, CLEAN, (a) => a.attempt(() => a.op("fld", { rd: 1, rs1: 0 }))],
    ["an operation", INITIAL, DIRTY, (a) => a.op("fadd.s", { rd: 1 })],
    ["a move of the same value", CLEAN, DIRTY, (a) => a.op("fsgnj.d", { rd: 1, rs1: 1, rs2: 1 })],
    ["a conversion that raises NX", CLEAN, DIRTY, (a) => a.op("fcvt.w.d", { rd: 11, rs1: 2, imm: 1 })],
    ["a conversion that raises NV", CLEAN, DIRTY, (a) => a.op("fcvt.wu.d", { rd: 11, rs1: 3, imm: 0 })],
    ["a write of frm", CLEAN, DIRTY, (a) => csrImm(a, "frm", 0)],
  ] as [string, number, number, (a: Rig) => unknown][]) {
    onBoth(`${what}: ${["Off", "Initial", "Clean", "Dirty"][state]} becomes ${["Off", "Initial", "Clean", "Dirty"][makes]}, and SD says so in mstatus and sstatus`, (a) => {
      a.prologue().li("a0", DATA).li("a1", 0x3ff80000).i("slli", "a1", "a1", 32).li("a2", -1);
      fs(a, DIRTY).op("fmv.d.x", { rd: 2, rs1: 11 }).op("fcvt.d.w", { rd: 3, rs1: 12 });
      fs(a, state);
      body(a);
      a.csrr("s2", "mstatus").csrr("s3", "sstatus").done();
    }, (r) => {
      for (const value of [r.x("s2"), r.x("s3")]) expect([stateOf(value), dirty(value)]).toEqual([makes, makes === DIRTY]);
    });
  }

  onBoth("from S and U mode: sstatus.FS is mstatus.FS", (a) => {
    a.prologue().inMode("S", () => a.li("t0", 1 << FS).csr("csrrs", 0, "sstatus", "t0").op("fmv.d.x", { rd: 4, rs1: 9 })).csrr("s2", "mstatus");
    a.inMode("U", () => a.op("fmv.d.x", { rd: 5, rs1: 9 }).csr("csrrs", "a1", "fcsr", 0)).done();
  }, (r) => {
    expect(r.traps.map((t) => t.cause)).toEqual([9n, 8n]);
    expect(stateOf(r.x("s2"))).toBe(DIRTY);
    expect([f(r, 4), f(r, 5)]).toEqual([r.x("s1"), r.x("s1")]);
  });
});

describe("fcsr", () => {
  onBoth("fflags and frm are its fields; nothing else sticks", (a) => {
    fs(a.prologue(), INITIAL).csrli("fcsr", -1).csrr("a0", "fcsr").csrr("a1", "fflags").csrr("a2", "frm");
    csrImm(csrImm(a, "frm", 2), "fflags", 5).csrr("a3", "fcsr").done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2"), r.x("a3")]).toEqual([0xffn, 0x1fn, 7n, 0x45n]));

  onBoth("flags accrue; frm rounds what is dynamic, and a mode of its own what has one", (a) => {
    fs(a.prologue(), INITIAL).li("a1", 1).li("a2", 3).op("fcvt.d.w", { rd: 1, rs1: 11 }).op("fcvt.d.w", { rd: 2, rs1: 12 });
    csrImm(a, "frm", 3).op("fdiv.d", { rd: 3, rs1: 1, rs2: 2, imm: 7 }).op("fdiv.d", { rd: 4, rs1: 1, rs2: 2, imm: 0 }).csrr("s2", "fflags");
    a.op("fsqrt.d", { rd: 5, rs1: 2, imm: 0 }).op("fsgnjn.d", { rd: 2, rs1: 2, rs2: 2 }).op("fsqrt.d", { rd: 5, rs1: 2, imm: 0 }).csrr("s3", "fflags").done();
  }, (r) => {
    expect([f(r, 3), f(r, 4)]).toEqual([0x3fd5555555555556n, 0x3fd5555555555555n]);
    expect([r.x("s2"), r.x("s3")]).toEqual([BigInt(NX), BigInt(NX | NV)]);
    expect(f(r, 5)).toBe(0x7ff8000000000000n);
  });

  onBoth("reserved rounding modes are illegal: 5 and 6 in the instruction, 5 to 7 in frm; what does not round does not care", (a) => {
    fs(a.prologue(), INITIAL);
    for (const imm of [5, 6]) a.attempt(() => a.op("fadd.d", { imm }));
    for (const mode of [5, 6, 7]) {
      csrImm(a, "frm", mode).attempt(() => a.op("fcvt.w.s", { rd: 11, imm: 7 })).attempt(() => a.op("fcvt.d.w", { imm: 7 }));
      a.attempt(() => a.op("fadd.d", { imm: 0 })).attempt(() => a.op("fmin.d")).attempt(() => a.op("flt.s", { rd: 11 }));
    }
    a.done();
  }, (r) => expect(r.traps.map((t) => t.cause)).toEqual(Array.from({ length: 8 }, () => 2n)));
});

describe("singles in registers", () => {
  onBoth("are boxed by whatever writes them; one that is not boxed is the canonical NaN, except to moves and stores", (a) => {
    fs(a.prologue(), INITIAL).li("a0", DATA).li("a1", 0x3fc00000).op("fmv.w.x", { rd: 0, rs1: 11 }).op("fmv.d.x", { rd: 1, rs1: 11 });
    a.op("fadd.s", { rd: 2, rs1: 0, rs2: 0 }).op("fadd.s", { rd: 3, rs1: 1, rs2: 0 }).op("fsgnj.s", { rd: 4, rs1: 1, rs2: 1 });
    a.op("fmv.x.w", { rd: 12, rs1: 1 }).op("fsw", { rs2: 1, rs1: 10 }).i("lw", "a3", "a0", 0).op("flw", { rd: 5, rs1: 10 }).op("fclass.s", { rd: 14, rs1: 1 }).done();
  }, (r) => {
    expect([0, 2, 3, 4, 5].map((n) => f(r, n).toString(16))).toEqual(["ffffffff3fc00000", "ffffffff40400000", "ffffffff7fc00000", "ffffffff7fc00000", "ffffffff3fc00000"]);
    expect([r.x("a2"), r.x("a3"), r.x("a4")]).toEqual([0x3fc00000n, 0x3fc00000n, 1n << 9n]);
  });
});

test.each(ENGINES)("on the %s the state's hash and snapshots hold f registers and fcsr", async (engine) => {
  const m = await machineWith(engine, new Uint8Array(16));
  const hashes = [m.stateHash()];
  m.harts[0]!.setFloat(31, 1, 2);
  hashes.push(m.stateHash());
  m.harts[0]!.raiseFloatFlags(NX);
  hashes.push(m.stateHash());
  expect(new Set(hashes).size).toBe(3);
  const restored = await Machine.restore(m.snapshot());
  expect(restored.inspect.floatRegisters(0)[31]).toBe((2n << 32n) | 1n);
  expect(restored.inspect.csr(0, "fcsr")).toBe(1n);
  expect(restored.stateHash()).toBe(hashes[2]);
});
