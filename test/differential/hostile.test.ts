// Guests that mean harm: whatever a guest does, the host neither throws nor hangs, and both engines agree on it
// (DESIGN.md, rule 7).

import { describe, expect, test } from "vitest";
import type { Machine } from "../../emulator/index.ts";
import { encode } from "../../emulator/isa/decode.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { Random } from "../support/random.ts";
import { DATA, ENGINES, RIG_MEMORY, Rig, TABLES, machineWith } from "../support/rig.ts";

const STEPS = 20_000;
/** Host milliseconds that these steps may take at the very most (they take some 20). */
const PATIENCE = 5_000;

/** Run on each engine; equal states at the end, in bounded time. */
async function endure(image: Uint8Array, what: string, harts = 1, steps = STEPS): Promise<void> {
  const hashes: string[] = [];
  for (const engine of ENGINES) {
    const m = await machineWith(engine, image, { harts });
    const began = performance.now();
    run(m, steps);
    expect(performance.now() - began, `${what} on the ${engine}: milliseconds`).toBeLessThan(PATIENCE);
    hashes.push(m.stateHash());
  }
  expect(hashes[1], what).toBe(hashes[0]);
}

function run(m: Machine, steps: number): void {
  let idle = 0;
  while (m.steps < steps && idle < 1000) {
    const stop = m.run(Math.min(5000, steps - m.steps));
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) {
      m.skipTo(stop.wakeAt);
      idle++;
    } else if (stop.reason === "reset") m.reset();
    else if (stop.reason !== "budget") return;
  }
}

const bytes = (r: Random, n: number): Uint8Array => Uint8Array.from({ length: n }, () => r.below(256));

describe("random bytes as a program", () => {
  test("on one hart and on three", async () => {
    for (let seed = 0; seed < 40; seed++) await endure(bytes(new Random(seed), 65536), `seed ${seed}`, seed % 2 === 0 ? 1 : 3, 5000);
  });
  test("with a trap handler in the midst of them", async () => {
    for (let seed = 100; seed < 140; seed++) {
      const r = new Random(seed);
      const a = new Rig();
      a.li("t0", RAM + 4 * r.below(8192)).csrw("mtvec", "t0").csrli("pmpaddr0", -1).csrli("pmpcfg0", 0x1f).data(bytes(r, 65536));
      await endure(a.image(), `seed ${seed}`, 1, 5000);
    }
  });
});

test("storms of CSR instructions, with every number and any value", async () => {
  for (let seed = 200; seed < 230; seed++) {
    const r = new Random(seed);
    const a = new Rig();
    a.la("t0", "next").csrw("mtvec", "t0").csrw("stvec", "t0");
    for (let x = 8; x < 32; x++) a.li(x, r.wide());
    for (let n = 0; n < 3000; n++) {
      if (n % 100 === 0) a.align(4).label(n === 0 ? "next" : `l${n}`);
      const known = r.pick([0x300, 0x304, 0x341, 0x180, 0x100, 0x3a0, 0x3b0, 0x344, 0x14d, 0x30a, 0x320, 0xb00, 0x302, 0x303, 0x105]);
      a.word(encode(r.pick(["csrrw", "csrrs", "csrrc", "csrrwi"]), { rd: r.below(32), rs1: r.below(32) }) | ((r.oneIn(3) ? r.below(4096) : known) << 20));
      if (r.oneIn(30)) a.op(r.pick(["mret", "sret", "ecall", "wfi", "sfence.vma"]));
    }
    await endure(a.image(), `seed ${seed}`);
  }
});

describe("trap loops", () => {
  const loops: [string, (a: Rig) => void][] = [
    ["a handler at an unmapped address", (a) => a.csrli("mtvec", 0x40000000).op("ecall")],
    ["a handler in a device", (a) => a.csrli("mtvec", 0x10000000).op("ecall")],
    ["a handler beyond all memory", (a) => a.csrli("mtvec", 0x7ffffffffffffff0n).op("ecall")],
    ["a handler that is an illegal instruction", (a) => a.la("t0", "bad").csrw("mtvec", "t0").align(4).label("bad").word(0)],
    ["a handler that is an ecall", (a) => a.la("t0", "bad").csrw("mtvec", "t0").align(4).label("bad").op("ecall")],
    ["an S handler that is not mapped, for its own page faults", (a) => a.prologue().csrli("medeleg", -1).csrli("stvec", 0x1000).csrli("satp", (8n << 60n) | BigInt(DATA >>> 12)).drop("S")],
    ["mret to itself", (a) => a.prologue().la("t0", "me").csrw("mepc", "t0").li("t1", 0x1800).label("me").csr("csrrs", 0, "mstatus", "t1").op("mret")],
    ["a software interrupt that nobody clears, at a handler that returns", (a) => a.la("t0", "back").csrw("mtvec", "t0").csrli("mie", 8).li("t0", 0x2000000).li("t1", 1).s("sw", "t1", "t0").csrli("mstatus", 8).label("on").j("on").align(4).label("back").op("mret")],
    ["a timer that is always due", (a) => a.la("t0", "back").csrw("mtvec", "t0").csrli("mie", 0x80).li("t0", 0x2004000).s("sd", 0, "t0").csrli("mstatus", 8).label("on").op("wfi").j("on").align(4).label("back").op("mret")],
    ["a timer a tick ahead, again and again", (a) => a.la("t0", "back").csrw("mtvec", "t0").csrli("mie", 0x80).csrli("mstatus", 8).label("on").op("wfi").j("on").align(4).label("back").csrr("t1", "time").i("addi", "t1", "t1", 1).li("t0", 0x2004000).s("sd", "t1", "t0").op("mret")],
  ];
  test.each(loops)("%s", async (what, program) => {
    const a = new Rig();
    program(a);
    await endure(a.image(), what);
  });
});

describe("page tables", () => {
  const root = BigInt(TABLES) >> 12n;
  const kinds: [string, (r: Random) => bigint][] = [
    ["that point at themselves", () => (root << 10n) | 1n],
    ["that point at devices", (r) => (BigInt(r.pick([0x10000, 0x2004, 0xc200, 0x100, 0x1, 0x10001])) << 10n) | BigInt(r.pick([1, 0xcf, 0xdf, 0x4b]))],
    ["that point beyond memory", (r) => ((1n << 54n) - (BigInt(r.below(1024)) << 10n)) | BigInt(r.pick([1, 0xcf, 0xdf]))],
    ["of random bits", (r) => r.wide()],
    ["of every kind at once, in memory that is its own map", (r) => (BigInt(RAM / 4096 + r.below(RIG_MEMORY / 4096)) << 10n) | BigInt(r.bits() & 0xff)],
    ["of gigapages over everything", (r) => (BigInt(r.pick([0, 0x40000, 0x80000, 0xc0000])) << 10n) | 0xdfn],
  ];
  test.each(kinds)("%s", async (what, entry) => {
    for (let seed = 0; seed < 6; seed++) {
      const r = new Random(seed + what.length);
      const a = new Rig();
      a.prologue().csrli("satp", (8n << 60n) | root).csrli("mstatus", 1 << 18);
      a.li("s0", 400).li("s1", DATA).label("again").i("ld", "a0", "s1", 0).i("addi", "s1", "s1", 8);
      for (const mode of ["S", "U"] as const) {
        a.inMode(mode, () => a.i("ld", "a1", "a0", 0)).inMode(mode, () => a.s("sd", "a1", "a0")).attempt(() => a.i("addi", "t6", "a0", 0).enterAt(mode));
      }
      a.attempt(() => a.li("t0", 0x20800).csr("csrrs", 0, "mstatus", "t0").amo("amoadd.w", "a1", "a1", "a0"));
      a.csrli("mscratch", RAM + 0x30000).i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done();
      a.org(DATA);
      for (let n = 0; n < 400; n++) a.dword(r.oneIn(2) ? r.wide() : BigInt(r.bits()) * 2n + (r.oneIn(4) ? 0xffffff8000000000n : 0n));
      a.org(TABLES);
      for (let n = 0; n < 512; n++) a.dword(n === 2 && r.oneIn(2) ? 0x200000cfn : entry(r));
      await endure(a.image(), `${what}, seed ${seed}`, 1, 40_000);
    }
  });
});

test("stores all over every device, of every size, and what they cause", async () => {
  for (let seed = 300; seed < 320; seed++) {
    const r = new Random(seed);
    const a = new Rig();
    a.prologue().csrli("mie", 0x888);
    for (let n = 0; n < 400; n++) {
      const device = r.pick([0x2000000, 0x2004000, 0x200bff8, 0xc000000, 0xc001000, 0xc002000, 0xc200000, 0x10000000, 0x101000, 0x10001000, 0x10002000, 0x1000]);
      const at = device + r.pick([0, 4, 8, 0x10, 0x28, 0x30, 0x38, 0x44, 0x50, 0x70, 0x80, 0xa0, 0x100, r.below(256)]);
      a.li("a0", at).li("a1", r.wide());
      a.attempt(() => (r.oneIn(3) ? a.i(r.pick(["lb", "lh", "lw", "ld", "lbu"]), "a2", "a0", 0) : a.s(r.pick(["sb", "sh", "sw", "sd"]), "a1", "a0")));
      if (n % 50 === 0) a.csrli("mscratch", RAM + 0x30000);
    }
    a.done();
    await endure(a.image(), `seed ${seed}`);
  }
});
