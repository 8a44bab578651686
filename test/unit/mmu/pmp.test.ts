// Physical memory protection (Privileged ISA, "Physical Memory Protection").

import { describe, expect, test } from "vitest";
import { Pmp, type Verdict } from "../../../emulator/mmu/pmp.ts";
import { FETCH, LOAD, MACHINE, STORE, SUPERVISOR, USER, type Privilege } from "../../../emulator/mmu/walk.ts";
import { Random } from "../../support/random.ts";
import { onBoth } from "../../support/rig.ts";
import { RAM } from "../../../emulator/memory-map.ts";

const R = 1;
const W = 2;
const X = 4;
const OFF = 0;
const TOR = 8;
const NA4 = 16;
const NAPOT = 24;
const L = 0x80;

/** Entries as [configuration, byte address] (NAPOT: [configuration, address, size]). */
function pmp(...entries: [number, number, number?][]): Pmp {
  const p = new Pmp();
  entries.forEach(([, at, size], i) => {
    const value = BigInt(Math.floor(at / 4)) | (size === undefined ? 0n : BigInt(size) / 8n - 1n);
    p.writeAddress(i, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  });
  entries.forEach(([config], i) => p.writeConfig(i, config));
  return p;
}

const check = (p: Pmp, at: number, size = 4, privilege: Privilege = SUPERVISOR): Verdict => p.check(at, size, LOAD, privilege);

describe("without entries", () => {
  test("machine mode may everything, the others nothing", () => {
    expect([MACHINE, SUPERVISOR, USER].map((m) => new Pmp().check(0, 8, LOAD, m as Privilege))).toEqual(["allow", "refuse", "refuse"]);
  });
  test("entries that are off count as none", () => expect(check(pmp([R | W | X | OFF, 0x1000]), 0x1000)).toBe("refuse"));
});

describe("ranges", () => {
  test("NA4: four bytes", () => {
    const p = pmp([R | NA4, 0x1000]);
    expect([0xffc, 0x1000, 0x1004].map((a) => check(p, a))).toEqual(["refuse", "allow", "refuse"]);
  });
  test("NAPOT: from 8 bytes up to everything", () => {
    for (const size of [8, 16, 4096, 2 ** 20, 2 ** 33, 2 ** 40, 2 ** 55]) {
      const base = size < 2 ** 50 ? size * 5 : 0;
      const p = pmp([R | NAPOT, base, size]);
      expect([check(p, base), check(p, base + size - 4), check(p, base + size), base > 0 ? check(p, base - 4) : "refuse"], String(size)).toEqual(["allow", "allow", "refuse", "refuse"]);
    }
    const all = new Pmp();
    all.writeAddress(0, -1, -1);
    all.writeConfig(0, R | NAPOT);
    expect([all.low[0], all.high[0], check(all, 0), check(all, 2 ** 44 - 4096)]).toEqual([-1, 0x3fffff, "allow", "allow"]);
  });
  test("TOR: from the address before it, of an entry of whatever kind; entry 0 from 0", () => {
    expect([0, 0xffc, 0x1000].map((a) => check(pmp([R | TOR, 0x1000]), a))).toEqual(["allow", "allow", "refuse"]);
    const p = pmp([OFF, 0x1000], [R | TOR, 0x2000], [OFF, 0x2800], [R | TOR, 0x4000], [R | TOR, 0x3000]);
    expect([0xffc, 0x1000, 0x1ffc, 0x2000, 0x3ffc, 0x4000].map((a) => check(p, a))).toEqual(["refuse", "allow", "allow", "refuse", "allow", "refuse"]);
  });
  test("TOR whose bounds are crossed or equal matches nothing", () => {
    expect(check(pmp([OFF, 0x2000], [TOR, 0x1000], [R | NAPOT, 0, 2 ** 20]), 0x1800)).toBe("allow");
    expect(check(pmp([OFF, 0x2000], [TOR, 0x2000], [R | NAPOT, 0, 2 ** 20]), 0x2000)).toBe("allow");
  });
  test("an access over the place of an empty TOR entry is for the entries behind it", () => {
    for (const bottom of [0x1004, 0x1008, 0x3000]) {
      const p = pmp([OFF, bottom], [TOR, 0x1004], [R | NAPOT, 0x1000, 0x1000]);
      expect([check(p, 0x1000, 8), check(p, 0x1000, 4096), check(p, 0x1004, 4)], bottom.toString(16)).toEqual(["allow", "allow", "allow"]);
    }
  });
});

describe("which entry decides", () => {
  test("the first that matches any byte", () => {
    const p = pmp([NA4, 0x1000], [R | NAPOT, 0x1000, 4096]);
    expect([check(p, 0x1000), check(p, 0x1004), check(p, 0x1000, 8), check(p, 0x1000, 4096), check(p, 0x2000)]).toEqual(["refuse", "allow", "mixed", "mixed", "refuse"]);
    const q = pmp([R | NAPOT, 0x1000, 4096], [NA4, 0x1000]);
    expect([check(q, 0x1000), check(q, 0x1000, 4096)]).toEqual(["allow", "allow"]);
  });
  test("permissions are those of the access: load R, store W, fetch X", () => {
    for (const bits of [0, R, R | W, X, R | X, R | W | X]) {
      const p = pmp([bits | NAPOT, 0, 2 ** 32]);
      expect([LOAD, STORE, FETCH].map((a) => p.check(0x1000, 4, a as 0 | 1 | 2, USER))).toEqual([R, W, X].map((b) => ((bits & b) !== 0 ? "allow" : "refuse")));
    }
  });
  test("machine mode obeys locked entries only", () => {
    const p = pmp([R | NAPOT | L, 0x1000, 4096], [NAPOT, 0x2000, 4096]);
    expect([STORE, LOAD].map((a) => p.check(0x1000, 4, a as 0 | 1, MACHINE))).toEqual(["refuse", "allow"]);
    expect([p.check(0x2000, 4, STORE, MACHINE), p.check(0x5000, 4, STORE, MACHINE)]).toEqual(["allow", "allow"]);
  });
  test("an access that an entry matches in part fails, in machine mode and whether locked or not", () => {
    for (const lock of [0, L]) expect(pmp([R | W | X | NA4 | lock, 0x1000]).check(0x1000, 8, LOAD, MACHINE), `lock ${lock}`).toBe("mixed");
  });
});

describe("writes", () => {
  test("W without R, which is reserved, is not kept", () => expect(pmp([W | X | NAPOT, 0, 8]).config[0]).toBe(X | NAPOT));
  test("bits 5 and 6 do not exist", () => expect(pmp([0xff & ~L, 0, 8]).config[0]).toBe(0x1f));
  test("a locked entry keeps configuration and address; so does the base of a locked TOR", () => {
    const p = pmp([OFF, 0x1000], [R | TOR | L, 0x2000], [R | NAPOT, 0x4000, 8]);
    p.writeConfig(1, 0);
    for (let i = 0; i < 3; i++) p.writeAddress(i, 0x7777, 0);
    expect([p.config[1], ...p.low.subarray(0, 3)]).toEqual([R | TOR | L, 0x400, 0x800, 0x7777]);
    p.reset();
    expect(p.config[1]).toBe(0);
  });
  test("the address before a locked entry of another kind can be written", () => {
    const p = pmp([OFF, 0x1000], [R | NA4 | L, 0x2000]);
    p.writeAddress(0, 5, 0);
    expect(p.low[0]).toBe(5);
  });
});

test("random entries: a range is allowed, refused or mixed as its words are, one by one", () => {
  const r = new Random(7);
  for (let n = 0; n < 300; n++) {
    const p = new Pmp();
    for (let i = 0; i < 6; i++) {
      p.writeAddress(i, r.below(64) | (r.oneIn(3) ? (1 << r.below(5)) - 1 : 0), 0);
      p.writeConfig(i, r.bits() & 0x1f);
    }
    for (let at = 0; at < 256; at += 32) {
      const words = Array.from({ length: 8 }, (_, k) => check(p, at + 4 * k));
      const whole = check(p, at, 32);
      if (whole !== "mixed") expect(new Set(words)).toEqual(new Set([whole]));
    }
  }
});

describe("on the machine", () => {
  const AT = RAM + 0x40000;
  onBoth("access faults from S mode: load, store, AMO, fetch; the trap value is the address", (a) => {
    a.prologue().csrli("pmpaddr1", (1n << 54n) - 1n).csrli("pmpaddr0", (AT >>> 2) | 0x1ff).csrli("pmpcfg0", 0x1f18).li("a0", AT + 8);
    a.inMode("S", () => a.i("ld", "a1", "a0", 0)).inMode("S", () => a.s("sd", "a1", "a0")).inMode("S", () => a.amo("amoadd.d", "a1", "a1", "a0"));
    a.inMode("S", () => a.amo("lr.d", "a1", 0, "a0")).inMode("S", () => a.amo("sc.d", "a1", "a1", "a0")).inMode("S", () => a.i("jalr", 0, "a0", 0)).done();
  }, (r) => expect(r.traps.map((t) => [t.cause, t.tval])).toEqual([5n, 7n, 7n, 5n, 7n, 1n].map((c) => [c, BigInt(AT + 8)])));

  onBoth("a grain of four bytes in a page: each access is judged by itself", (a) => {
    a.prologue().csrli("pmpaddr1", (1n << 54n) - 1n).csrli("pmpaddr0", (AT + 16) >>> 2).csrli("pmpcfg0", 0x1f10).li("a0", AT).li("a2", 7);
    for (const [size, offset] of [[4, 12], [4, 16], [4, 20], [8, 16], [8, 8], [1, 19], [2, 20]] as const) {
      const [load, store] = ({ 1: ["lb", "sb"], 2: ["lh", "sh"], 4: ["lw", "sw"], 8: ["ld", "sd"] } as const)[size];
      a.inMode("S", () => a.i(load, "a1", "a0", offset)).inMode("S", () => a.s(store, "a2", "a0", offset));
    }
    a.done();
  }, (r) => expect(r.traps.map((t) => Number(t.cause))).toEqual([9, 9, 5, 7, 9, 9, 5, 7, 9, 9, 5, 7, 9, 9]));

  onBoth("fetches from a page of which PMP closes a part; an instruction that reaches into it", (a) => {
    a.prologue().csrli("pmpaddr1", (1n << 54n) - 1n).csrli("pmpaddr0", (AT + 16) >>> 2).csrli("pmpcfg0", 0x1f10).li("a0", AT + 12).li("a1", AT + 8).li("a2", AT + 16).li("a3", AT + 20);
    for (const target of ["a0", "a1", "a2", "a3"] as const) a.inMode("S", () => a.i("jalr", 0, target, 0));
    a.done();
    const end = a.here;
    a.org(AT + 8).half(0x0505).half(0x0505).half(0x0505).word(0x73).half(1).op("ecall").org(end); // at +14 a long one into +16
  }, (r) => expect(r.traps.map((t) => [Number(t.cause), Number(t.tval) - AT, Number(t.epc) - AT])).toEqual([[1, 16, 14], [1, 16, 14], [1, 16, 16], [9, -AT, 20]]));

  onBoth("machine mode: an unlocked entry refuses only what it cuts in two; a locked one everything", (a) => {
    a.prologue().csrli("pmpaddr0", AT >>> 2).csrli("pmpcfg0", 0x10).li("a0", AT).attempt(() => a.i("lw", "a1", "a0", 0)).attempt(() => a.i("ld", "a1", "a0", 0));
    a.csrli("pmpcfg0", 0x90).attempt(() => a.i("lw", "a1", "a0", 0)).csrli("pmpcfg0", 0).csrr("a2", "pmpcfg0").done();
  }, (r) => {
    expect(r.traps.map((t) => Number(t.cause))).toEqual([5, 5]);
    expect(r.x("a2")).toBe(0x90n);
  });
});
