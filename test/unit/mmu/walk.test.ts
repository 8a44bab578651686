// The Sv39 walk: every reason, at every level, and what a translation gives
// (Privileged ISA, "Virtual Address Translation Process").

import { describe, expect, test } from "vitest";
import {
  FETCH, LOAD, STORE, SUPERVISOR, USER, Walk, walk, type Access, type PteReader, type WalkContext, type WalkReason,
} from "../../../emulator/mmu/walk.ts";
import { flags } from "../../support/asm.ts";

/** Page-table entries by physical address; what is not there reads 0, and what lies at or above `unreadable` cannot be read. */
class Entries implements PteReader {
  lo = 0;
  hi = 0;
  reads: number[] = [];
  readonly at = new Map<number, bigint>();
  unreadable = Infinity;

  read(pa: number): boolean {
    this.reads.push(pa);
    if (pa >= this.unreadable) return false;
    const v = this.at.get(pa) ?? 0n;
    this.lo = Number(BigInt.asIntN(32, v));
    this.hi = Number(BigInt.asIntN(32, v >> 32n));
    return true;
  }
}

const ROOT = 0x80000;
const context = (c: Partial<WalkContext> = {}): WalkContext => ({ root: ROOT, privilege: SUPERVISOR, sum: false, mxr: false, hardwareAd: true, ...c });
const pte = (ppn: number | bigint, letters: string): bigint => (BigInt(ppn) << 10n) | BigInt(flags(letters));
const pointer = (ppn: number): bigint => (BigInt(ppn) << 10n) | 1n;

/** Indices of an address, from the root down. */
const indices = (va: bigint): number[] => [30n, 21n, 12n].map((shift) => Number((va >> shift) & 511n));

/** Tables in which `va` leads over pointers to `leaf` at `level`; table of level l at page 0x80000 + (2 − l). */
function mapped(va: bigint, level: number, leaf: bigint): Entries {
  const e = new Entries();
  const index = indices(va);
  for (let l = 2; l > level; l--) e.at.set((ROOT + 2 - l) * 4096 + 8 * index[2 - l]!, pointer(ROOT + 3 - l));
  e.at.set((ROOT + 2 - level) * 4096 + 8 * index[2 - level]!, leaf);
  return e;
}

function translated(va: bigint, access: Access, e: Entries, c: WalkContext = context()): Walk {
  const out = new Walk();
  walk(c, access, Number(BigInt.asIntN(32, va)), Number(BigInt.asIntN(32, va >> 32n)), e, out);
  return out;
}

/** The reason for an access to a leaf of these flags, at level 0. */
const refused = (letters: string, access: Access, c: Partial<WalkContext> = {}): WalkReason | undefined =>
  translated(0x12345678n, access, mapped(0x12345678n, 0, pte(0x99, letters)), context(c)).reason;

const VA = 0x3fd5a7c123n; // differs in every index
const LEVELS = [2, 1, 0];

describe("what translates", () => {
  const ppns = [0x12345678900n, 0x12345678a00n << 0n, 0xfffffc0000n];
  for (const level of LEVELS) {
    test(`a leaf at level ${level}: the page, and the entries on the way`, () => {
      const aligned = (ppns[level]! >> BigInt(9 * level)) << BigInt(9 * level);
      const w = translated(VA, LOAD, mapped(VA, level, pte(aligned, "rad")));
      expect(w.reason).toBeUndefined();
      expect(w.level).toBe(level);
      const within = (VA >> 12n) & ((1n << BigInt(9 * level)) - 1n);
      expect(BigInt(w.ppn)).toBe(aligned + within);
      expect(w.pteAddress).toBe(w.addresses[level]);
      expect(w.addresses.slice(level).reverse()).toEqual(indices(VA).slice(0, 3 - level).map((i, n) => (ROOT + n) * 4096 + 8 * i));
    });
  }
  test("the greatest page number, and the greatest root", () => {
    const w = translated(0n, LOAD, mapped(0n, 0, pte((1n << 44n) - 1n, "rad")));
    expect(w.ppn).toBe(2 ** 44 - 1);
    const e = new Entries();
    e.unreadable = 0;
    translated(VA, LOAD, e, context({ root: 2 ** 44 - 1 }));
    expect(e.reads).toEqual([(2 ** 44 - 1) * 4096 + 8 * indices(VA)[0]!]);
  });
  test("G and the software's bits 8 and 9 mean nothing", () => {
    expect(translated(VA, LOAD, mapped(VA, 0, pte(1, "radg") | 0x300n)).reason).toBeUndefined();
    const e = mapped(VA, 0, pte(1, "rad"));
    e.at.set(ROOT * 4096 + 8 * indices(VA)[0]!, pointer(ROOT + 1) | 0x320n); // G on a pointer too
    expect(translated(VA, LOAD, e).reason).toBeUndefined();
  });
});

describe("addresses", () => {
  const good = [0n, 0x3fffffffffn, 0xffffffc000000000n, 0xffffffffffffffffn];
  const bad = [0x4000000000n, 0x7fffffffffn, 0x8000000000n, 0xffffffbfffffffffn, 0x7fffffffffffffffn, 0x8000000000000000n, 0xff00003fffffffffn];
  for (const va of good) test(`0x${va.toString(16)} is canonical`, () => expect(translated(va, LOAD, mapped(va, 0, pte(1, "rad"))).reason).toBeUndefined());
  for (const va of bad) {
    test(`0x${va.toString(16)} is not, and no entry is read`, () => {
      const e = mapped(va, 0, pte(1, "rad"));
      expect(translated(va, LOAD, e).reason).toBe("non-canonical");
      expect(e.reads).toEqual([]);
    });
  }
});

describe("bad entries, at each level", () => {
  const cases: [WalkReason, bigint][] = [
    ["invalid", 0n], ["invalid", pte(1, "rwxuad") & ~1n], ["write-without-read", pte(1, "wad")], ["write-without-read", pte(1, "wxad")],
    ...Array.from({ length: 10 }, (_, i): [WalkReason, bigint] => ["reserved-bits", pte(0, "rad") | (1n << BigInt(54 + i))]),
    ...["u", "a", "d"].map((letter): [WalkReason, bigint] => ["reserved-bits", pte(ROOT + 1, letter)]),
  ];
  for (const level of LEVELS) {
    for (const [reason, entry] of cases) {
      test(`level ${level}: 0x${entry.toString(16)} is ${reason}`, () => {
        const w = translated(VA, LOAD, mapped(VA, level, entry));
        expect([w.reason, w.level]).toEqual([reason, level]);
      });
    }
    test(`level ${level}: an entry that cannot be read`, () => {
      const e = mapped(VA, level, pte(0, "rad"));
      e.unreadable = (ROOT + 2 - level) * 4096;
      const w = translated(VA, LOAD, e);
      expect([w.reason, w.level, w.low[level], w.high[level]]).toEqual(["pte-unreadable", level, 0, 0]);
    });
  }
  test("a pointer in the last level", () => expect(translated(VA, LOAD, mapped(VA, 0, pointer(5))).reason).toBe("no-leaf"));
  for (let bit = 0; bit < 18; bit++) {
    test(`a superpage whose page number has bit ${bit}`, () => {
      expect(translated(VA, LOAD, mapped(VA, 2, pte(1 << bit, "rad"))).reason).toBe("misaligned-superpage");
      expect(translated(VA, LOAD, mapped(VA, 1, pte(1 << bit, "rad"))).reason).toBe(bit < 9 ? "misaligned-superpage" : undefined);
    });
  }
  test("a table that is its own child ends at the last level", () => {
    const e = new Entries();
    const va = 0n;
    e.at.set(ROOT * 4096, pointer(ROOT));
    expect([translated(va, LOAD, e).reason, e.reads.length]).toEqual(["no-leaf", 3]);
  });
});

describe("permissions: every combination of R, W, X, U, mode, SUM, MXR and access", () => {
  const bools = [false, true];
  for (const letters of ["r", "rw", "x", "rx", "rwx"]) {
    for (const u of bools) {
      test(`${letters}${u ? "u" : ""}`, () => {
        for (const privilege of [USER, SUPERVISOR] as const) {
          for (const sum of bools) {
            for (const mxr of bools) {
              for (const access of [LOAD, STORE, FETCH] as const) {
                const got = refused(`${letters}${u ? "u" : ""}ad`, access, { privilege, sum, mxr });
                expect(got, JSON.stringify({ privilege, sum, mxr, access })).toBe(byTheBook(letters, u, privilege, sum, mxr, access));
              }
            }
          }
        }
      });
    }
  }

  function byTheBook(letters: string, u: boolean, privilege: number, sum: boolean, mxr: boolean, access: Access): WalkReason | undefined {
    if (privilege === USER && !u) return "supervisor-page";
    if (privilege === SUPERVISOR && u && access === FETCH) return "user-page-fetch";
    if (privilege === SUPERVISOR && u && !sum) return "user-page";
    if (access === FETCH) return letters.includes("x") ? undefined : "not-executable";
    if (access === STORE) return letters.includes("w") ? undefined : "not-writable";
    return letters.includes("r") || (mxr && letters.includes("x")) ? undefined : "not-readable";
  }
});

describe("A and D", () => {
  for (const level of LEVELS) {
    test(`level ${level}: hardware is told which bits to set; or the access faults`, () => {
      const of = (letters: string, access: Access, hardwareAd: boolean): [WalkReason | undefined, number] => {
        const w = translated(VA, access, mapped(VA, level, pte(0, letters)), context({ hardwareAd }));
        return [w.reason, w.setBits];
      };
      expect(of("rwx", LOAD, true)).toEqual([undefined, 0x40]);
      expect(of("rwx", FETCH, true)).toEqual([undefined, 0x40]);
      expect(of("rwx", STORE, true)).toEqual([undefined, 0xc0]);
      expect(of("rwxa", STORE, true)).toEqual([undefined, 0x80]);
      expect(of("rwxd", STORE, true)).toEqual([undefined, 0x40]);
      expect(of("rwxa", LOAD, true)).toEqual([undefined, 0]);
      expect(of("rwx", LOAD, false)).toEqual(["accessed-clear", 0]);
      expect(of("rwxd", STORE, false)).toEqual(["accessed-clear", 0]);
      expect(of("rwxa", STORE, false)).toEqual(["dirty-clear", 0]);
      expect(of("rwxa", LOAD, false)).toEqual([undefined, 0]);
      expect(of("rwxad", STORE, false)).toEqual([undefined, 0]);
    });
  }
  test("no bit is to be set when the access is refused", () => {
    expect(translated(VA, STORE, mapped(VA, 0, pte(1, "r"))).setBits).toBe(0);
    expect(translated(VA, STORE, mapped(VA, 1, pte(1, "rw"))).setBits).toBe(0); // misaligned
  });
});
