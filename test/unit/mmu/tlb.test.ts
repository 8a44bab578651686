// The translation caches: what a fence forgets and what it may not, contexts, and what engines may not see.

import { describe, expect, test } from "vitest";
import { HART_STRIDE, TLB_ENTRIES, TLB_SET_COUNT, TLB_WITHHELD } from "../../../emulator/hart/layout.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Tlb } from "../../../emulator/mmu/tlb.ts";
import { FETCH, LOAD, STORE, type Access } from "../../../emulator/mmu/walk.ts";
import { PageTables, type Asm } from "../../support/asm.ts";
import { DATA, TABLES, onBoth, type Ran, type Rig } from "../../support/rig.ts";

const words = new Int32Array(HART_STRIDE / 4);
const SV39 = 8 << 28;
/** satp halves of an address space. */
const space = (asid: number, root = 5): [number, number] => [root, SV39 | (asid << 12)];

/** A TLB of supervisor contexts, filled by address. */
class Filled {
  readonly tlb = new Tlb(words, 0);

  set(asid: number, kind = 2, root = 5): number {
    return this.tlb.select(kind, ...space(asid, root));
  }

  fill(set: number, va: number, level = 0, access: Access = LOAD, hi = 0, ppn = 0x80000): number {
    return this.tlb.fill(set, access, va | 0, hi, 0, 0, ppn, level);
  }

  has(set: number, va: number, access: Access = LOAD, hi = 0): boolean {
    return this.tlb.lookup(set, access, va | 0, hi) >= 0;
  }
}

describe("entries", () => {
  test("an entry is found for every address of its page, with the same upper half, in its own TLB", () => {
    const f = new Filled();
    const s = f.set(1);
    f.fill(s, 0x7654000, 0, LOAD, 0x12);
    expect([0x7654000, 0x7654fff, 0x7655000].map((va) => f.has(s, va, LOAD, 0x12))).toEqual([true, true, false]);
    expect([f.has(s, 0x7654000, LOAD, 0x13), f.has(s, 0x7654000, STORE, 0x12), f.has(s, 0x7654000, FETCH, 0x12)]).toEqual([false, false, false]);
    expect(f.has(s, 0x7654000 + TLB_ENTRIES * 4096, LOAD, 0x12)).toBe(false);
  });
  test("pages as many apart as there are entries replace each other", () => {
    const f = new Filled();
    const s = f.set(1);
    f.fill(s, 0x1000);
    f.fill(s, 0x1000 + TLB_ENTRIES * 4096);
    expect([f.has(s, 0x1000), f.has(s, 0x1000 + TLB_ENTRIES * 4096)]).toEqual([false, true]);
  });
  test("nothing is found in an empty one, not even address −1 or 0", () => {
    const f = new Filled();
    const s = f.set(1);
    expect([f.has(s, 0), f.has(s, -1, LOAD, -1), f.has(s, -4096, LOAD, -1)]).toEqual([false, false, false]);
  });
});

describe("fences", () => {
  /** Four entries in each of two address spaces; what is left of the first two of each after a fence. */
  function after(fence: (t: Tlb) => void): boolean[] {
    const f = new Filled();
    const sets = [f.set(1), f.set(2)];
    for (const s of sets) for (const va of [0x1000, 0x2000]) for (const access of [LOAD, STORE, FETCH] as const) f.fill(s, va, 0, access);
    fence(f.tlb);
    const left = sets.flatMap((s) => [0x1000, 0x2000].map((va) => f.has(s, va)));
    for (const access of [STORE, FETCH] as const) expect(sets.flatMap((s) => [0x1000, 0x2000].map((va) => f.has(s, va, access)))).toEqual(left);
    return left;
  }
  test("all", () => expect(after((t) => t.flushAll())).toEqual([false, false, false, false]));
  test("an address in all spaces", () => expect(after((t) => t.flushAddress(0x1ff8, 0))).toEqual([false, true, false, true]));
  test("an address in one space", () => expect(after((t) => t.flushAddress(0x1000, 0, 2))).toEqual([true, true, false, true]));
  test("an address in a space that is not there", () => expect(after((t) => t.flushAddress(0x1000, 0, 3))).toEqual([true, true, true, true]));
  test("one space", () => expect(after((t) => t.flushAsid(1))).toEqual([false, false, true, true]));

  for (const [level, reach] of [[1, 2 ** 21], [2, 2 ** 30]] as const) {
    test(`any address of a page of level ${level} takes all of it; one outside does not`, () => {
      for (const other of [0, reach - 4096, reach, -4096]) {
        const f = new Filled();
        const s = f.set(1);
        const base = 0x40000000;
        f.fill(s, base + 0x5000, level);
        f.tlb.flushAddress((base + other) | 0, 0);
        expect(f.has(s, base + 0x5000), String(other)).toBe(other < 0 || other >= reach);
      }
    });
  }
  test("after more fills than the log holds", () => {
    const f = new Filled();
    const s = f.set(1);
    for (let n = 0; n < 3000; n++) f.fill(s, n * 4096);
    f.tlb.flushAddress(0x5000, 0);
    expect([f.has(s, 0x5000), f.has(s, 0x6000)]).toEqual([false, true]);
    f.tlb.flushAll();
    expect(Array.from({ length: 3000 }, (_, n) => f.has(s, n * 4096)).some((x) => x)).toBe(false);
    f.fill(s, 0x5000);
    f.tlb.flushAsid(1);
    expect(f.has(s, 0x5000)).toBe(false);
  });
});

describe("contexts", () => {
  test("each kind, root and ASID has entries of its own, which wait for it", () => {
    const f = new Filled();
    const sets = [f.set(1, 2), f.set(1, 1), f.set(2, 2), f.set(1, 2, 6)];
    expect(new Set(sets).size).toBe(4);
    sets.forEach((s, i) => f.fill(s, 0x1000 * (i + 1)));
    expect([f.set(1, 2), f.set(1, 1), f.set(2, 2), f.set(1, 2, 6)]).toEqual(sets);
    sets.forEach((s, i) => expect([0, 1, 2, 3].map((k) => f.has(s, 0x1000 * (k + 1)))).toEqual([0, 1, 2, 3].map((k) => k === i)));
  });
  test("one more than there is room for takes the place of the one used longest ago, emptied", () => {
    const f = new Filled();
    const sets = Array.from({ length: TLB_SET_COUNT }, (_, n) => f.set(n));
    sets.forEach((s) => f.fill(s, 0x1000));
    f.set(0); // now 1 is the oldest
    expect(f.set(100)).toBe(sets[1]);
    expect(f.has(sets[1]!, 0x1000)).toBe(false);
    expect(f.set(0)).toBe(sets[0]);
    expect(f.has(sets[0]!, 0x1000)).toBe(true);
    expect(f.set(1)).toBe(sets[2]);
  });
  test("saved and loaded, it goes on in the same way: same hits, same replacement; entries come back withheld", () => {
    const f = new Filled();
    for (let n = 0; n < TLB_SET_COUNT; n++) f.fill(f.set(n), 0x1000 * n, n === 3 ? 1 : 0);
    f.set(2);
    const saved = f.tlb.save();
    const before = [...f.tlb.entries()].length;
    const g = new Filled();
    g.tlb.load(structuredClone(saved));
    expect([...g.tlb.entries()].length).toBe(before);
    expect(g.tlb.save()).toEqual(saved);
    for (const e of g.tlb.entries()) expect(words[e.index]! & TLB_WITHHELD).toBe(TLB_WITHHELD);
    g.tlb.flushAddress(0x1fffff, 0, 3); // within the superpage
    expect(g.has(g.set(3), 0x3000)).toBe(false);
    expect(g.set(99)).toBe(g.set(99));
    expect(g.has(g.set(0), 0)).toBe(false); // 0 was the oldest
  });
});

describe("withholding", () => {
  test("entries of a physical page still translate, but not for engines", () => {
    for (const many of [false, true]) {
      const f = new Filled();
      const [a, b] = [f.set(1), f.set(2)];
      const at = [f.fill(a, 0x1000, 0, STORE, 0, 7), f.fill(b, 0x2000, 0, STORE, 0, 7), f.fill(a, 0x3000, 0, STORE, 0, 8), f.fill(a, 0x1000, 0, LOAD, 0, 7)];
      if (many) for (let n = 8; n < 2000; n++) f.fill(a, n * 4096, 0, FETCH, 0, 9);
      f.tlb.withhold(STORE, 7);
      expect(at.map((i) => (words[i]! & TLB_WITHHELD) !== 0)).toEqual([true, true, false, false]);
      expect([f.has(a, 0x1000, STORE), f.has(b, 0x2000, STORE)]).toEqual([true, true]);
      f.tlb.withhold(LOAD, -1);
      expect((words[at[3]!]! & TLB_WITHHELD) !== 0).toBe(true);
    }
  });
});

describe("programs that change page tables", () => {
  const VA = 0x40000000;
  const MEGA = 0x50000000;
  const GIGA = 0xc0000000;

  /** Two address spaces with VA, MEGA and GIGA; `other` tells where the second has VA. */
  function spaces(a: Rig): { first: PageTables; second: PageTables } {
    const make = (at: number, pa: number): PageTables => {
      const t = new PageTables(at);
      t.map(RAM, RAM, "rwxad", 2).map(VA, pa, "rwad").map(MEGA, RAM, "rwad", 1).map(GIGA, RAM, "rwad", 2);
      t.emit(a);
      return t;
    };
    const here = a.here;
    const out = { first: make(TABLES, DATA), second: make(TABLES + 0x10000, DATA + 0x1000) };
    a.org(DATA).dword(111).org(DATA + 0x1000).dword(222).org(DATA + 0x2000).dword(333).org(here);
    return out;
  }
  const leaf = (pa: number): bigint => (BigInt(pa / 4096) << 10n) | 0xc7n;
  const load = (a: Asm, rd: "a0" | "a1" | "a2" | "a3" | "a4" | "a5", va: number): void => { a.li("t0", va).i("ld", rd, "t0", 0); };

  onBoth("a new leaf is certain after sfence.vma of its address, of all; a mode with other tables sees its own", (a) => {
    const { first } = spaces(a);
    a.prologue().csrli("satp", first.satp(1)).inMode("S", () => {
      load(a, "a0", VA);
      a.li("t1", first.addressOf(VA)).li("t2", leaf(DATA + 0x2000)).s("sd", "t2", "t1").li("t0", VA).op("sfence.vma", { rs1: 5 });
      load(a, "a1", VA);
      a.li("t2", leaf(DATA + 0x1000)).s("sd", "t2", "t1").op("sfence.vma");
      load(a, "a2", VA);
      a.s("sd", 0, "t1").li("t3", 1).op("sfence.vma", { rs2: 28 });
      load(a, "a3", VA);
    }).done();
  }, (r) => {
    expect([r.x("a0"), r.x("a1"), r.x("a2")]).toEqual([111n, 333n, 222n]);
    expect(r.traps).toMatchObject([{ cause: 13n, tval: BigInt(VA) }]);
  });

  onBoth("ASIDs keep spaces apart without a fence; the same ASID with another root too", (a) => {
    const { first, second } = spaces(a);
    a.prologue();
    const look = (satp: bigint, rd: "a0" | "a1" | "a2" | "a3"): void => { a.csrli("satp", satp).inMode("S", () => load(a, rd, VA)); };
    look(first.satp(1), "a0");
    look(second.satp(2), "a1");
    look(first.satp(1), "a2");
    look(second.satp(1), "a3");
    a.done();
  }, (r) => expect([r.x("a0"), r.x("a1"), r.x("a2"), r.x("a3")]).toEqual([111n, 222n, 111n, 222n]));

  for (const [what, base, level] of [["megapage", MEGA, 1], ["gigapage", GIGA, 2]] as const) {
    onBoth(`sfence.vma of any address in a ${what} forgets the whole of it`, (a) => {
      const { first } = spaces(a);
      const offset = DATA - RAM;
      a.prologue().csrli("satp", first.satp()).inMode("S", () => {
        load(a, "a0", base + offset);
        load(a, "a1", base + offset + 0x1000);
        a.li("t1", first.addressOf(base, level)).s("sd", 0, "t1").li("t0", base + 0x1ff000).op("sfence.vma", { rs1: 5 });
        load(a, "a2", base + offset);
      }).done();
    }, (r) => {
      expect([r.x("a0"), r.x("a1")]).toEqual([111n, 222n]);
      expect(r.traps).toMatchObject([{ cause: 13n, tval: BigInt(base + DATA - RAM) }]);
    });
  }

  onBoth("without a fence an old translation may live on, but the engines agree on it", (a) => {
    const { first } = spaces(a);
    a.prologue().csrli("satp", first.satp(1)).inMode("S", () => {
      load(a, "a0", VA);
      a.li("t1", first.addressOf(VA)).li("t2", leaf(DATA + 0x2000)).s("sd", "t2", "t1");
      load(a, "a1", VA);
      a.li("t0", VA).li("t3", 9).s("sd", "t3", "t0");
    }).done();
  }, (r) => expect([111n, 333n]).toContain(r.x("a1")));

  onBoth("rights taken away are gone after the fence: for stores, for fetches", (a) => {
    const { first } = spaces(a);
    a.prologue().csrli("satp", first.satp()).li("a0", 0).inMode("S", () => {
      a.li("t0", VA).s("sd", 0, "t0", 8).li("t1", first.addressOf(VA)).li("t2", leaf(DATA) & ~4n).s("sd", "t2", "t1").op("sfence.vma").i("ld", "a1", "t0", 0).s("sd", 0, "t0", 8);
    });
    a.inMode("S", () => {
      a.li("t1", first.addressOf(VA)).li("t2", leaf(DATA + 0x3000) | 8n).s("sd", "t2", "t1").op("sfence.vma").li("t0", VA).i("jalr", "ra", "t0", 0);
      a.li("t2", leaf(DATA + 0x3000)).s("sd", "t2", "t1").op("sfence.vma").i("jalr", "ra", "t0", 0);
    }).done();
    const here = a.here;
    a.org(DATA + 0x3000).i("addi", "a0", "a0", 1).i("jalr", 0, "ra", 0).org(here);
  }, (r: Ran) => {
    expect(r.traps.map((t) => [t.cause, t.tval])).toEqual([[15n, BigInt(VA + 8)], [12n, BigInt(VA)]]);
    expect([r.x("a0"), r.x("a1")]).toEqual([1n, 111n]);
  });

  onBoth("more address spaces in turn than are kept at once", (a) => {
    const here = a.here;
    const tables = Array.from({ length: 12 }, (_, n) => new PageTables(TABLES + 0x8000 * n).map(RAM, RAM, "rwxad", 2).map(VA, DATA + 4096 * n, "rwad"));
    tables.forEach((t, n) => {
      t.emit(a);
      a.org(DATA + 4096 * n).dword(n + 1);
    });
    a.org(here).prologue().li("a0", 0);
    for (let round = 0; round < 2; round++) for (const [n, t] of tables.entries()) a.csrli("satp", t.satp(n)).inMode("S", () => { load(a, "a1", VA); a.r("add", "a0", "a0", "a1"); });
    a.done();
  }, (r) => expect(r.x("a0")).toBe(BigInt(2 * 78)));
});
