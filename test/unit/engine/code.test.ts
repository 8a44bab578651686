// Code as data: self-modifying programs, aliases, code that runs across pages, pages that are code and data by turns.
// Stores are seen by fetches at once, with or without fence.i, in every engine: that is how both engines can be equal.

import { describe, expect } from "vitest";
import { encode } from "../../../emulator/isa/decode.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { PageTables } from "../../support/asm.ts";
import { DATA, TABLES, onBoth, type Rig } from "../../support/rig.ts";

const li = (rd: number, imm: number): number => encode("addi", { rd, imm });
const A0 = 10;

/** Code that patches the instruction at `patched` to li a0, 2 before it gets there. */
function patchAhead(a: Rig, fence: boolean): void {
  a.la("a1", "patched").li("a2", li(A0, 2)).s("sw", "a2", "a1");
  if (fence) a.op("fence.i");
  a.label("patched").i("addi", "a0", 0, 1);
}

describe("self-modifying code", () => {
  for (const fence of [false, true]) {
    onBoth(`an instruction rewritten just before it is reached, ${fence ? "with" : "without"} fence.i`, (a) => {
      a.prologue();
      patchAhead(a, fence);
      a.done();
    }, (r) => expect(r.x("a0")).toBe(2n));

    onBoth(`an instruction rewritten each time round, 200 times, ${fence ? "with" : "without"} fence.i`, (a) => {
      a.prologue().li("a0", 0).li("s0", 200).la("a1", "patched").li("a2", encode("addi", { rd: A0, rs1: A0, imm: 0 }));
      a.label("again").s("sw", "a2", "a1");
      if (fence) a.op("fence.i");
      a.label("patched").i("addi", "a0", "a0", 0);
      a.op("lui", { rd: 5, imm: 0x100000 }).r("addw", "a2", "a2", "t0"); // the next immediate
      a.i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done();
    }, (r) => expect(r.x("a0")).toBe(19900n));
  }

  onBoth("half of an instruction rewritten: the second half, the first half, a byte", (a) => {
    a.prologue();
    a.la("a1", "one").li("a2", 5 << 4).s("sh", "a2", "a1", 2).label("one").i("addi", "a0", 0, 1);
    a.la("a1", "two").li("a2", li(12, 3) & 0xffff).s("sh", "a2", "a1").label("two").i("addi", "a3", 0, 3);
    a.la("a1", "three").li("a5", 0x7f).s("sb", "a5", "a1", 3).label("three").i("addi", "a4", 0, 1).done();
  }, (r) => {
    expect(r.x("a0")).toBe(5n);
    expect([r.x("a2"), r.x("a3")]).toEqual([3n, 0n]);
    expect(r.x("a4")).toBe(0x7f1n);
  });

  onBoth("code written into a page of data, run, and written again", (a) => {
    a.prologue().li("a0", 0).li("a1", DATA).li("a2", 0x8067).s("sw", "a2", "a1", 4);
    for (const step of [1, 10, 100]) a.li("a2", encode("addi", { rd: A0, rs1: A0, imm: step })).s("sw", "a2", "a1").i("jalr", "ra", "a1", 0);
    a.done();
  }, (r) => expect(r.x("a0")).toBe(111n));

  onBoth("an instruction that has run, rewritten in one half only, at every place in a line", (a) => {
    // addi a0, a0, 1 becomes addi a0, a0, 17 (upper half), then addi a1, a1, 17 (lower half, and a bit of the upper).
    a.prologue().li("a0", 0).li("a1", 0).li("s3", 2);
    a.li("s1", encode("addi", { rd: A0, rs1: A0, imm: 17 }) >>> 16).li("s2", encode("addi", { rd: 11, rs1: A0, imm: 17 }) & 0xffff);
    for (const n of [0, 1, 2, 3]) {
      a.la("a2", `at${n}`).li("s0", 3).label(`again${n}`);
      a.half(1).label(`at${n}`).i("addi", "a0", "a0", 1).half(1);
      a.i("addi", "s0", "s0", -1).branch("beq", "s0", 0, `end${n}`).branch("beq", "s0", "s3", `upper${n}`);
      a.s("sh", "s2", "a2").j(`again${n}`).label(`upper${n}`).s("sh", "s1", "a2", 2).j(`again${n}`).label(`end${n}`);
    }
    a.done();
  }, (r) => {
    expect(r.x("a0")).toBe(4n * 18n);
    expect(r.x("a1")).toBe(4n * 18n + 17n);
  });

  onBoth("a four-byte instruction becomes two of two bytes and back", (a) => {
    a.prologue().li("s0", 3).li("a0", 0).la("a1", "here").li("a2", 0x05090505).li("a3", encode("addi", { rd: A0, rs1: A0, imm: 100 }));
    a.label("again").label("here").i("addi", "a0", "a0", 100);
    a.i("addi", "s0", "s0", -1).branch("beq", "s0", 0, "end");
    a.s("sw", "a2", "a1").r("xor", "a2", "a2", "a3").r("xor", "a3", "a2", "a3").r("xor", "a2", "a2", "a3").j("again");
    a.label("end").done();
  }, (r) => expect(r.x("a0")).toBe(203n)); // 100, then 1 + 2, then 100

  onBoth("every kind of store reaches code: sb sh sw sd, misaligned, sc, amo", (a) => {
    a.prologue().li("a0", 0);
    const nop = encode("addi");
    const word = (n: string): void => { a.la("a1", n).li("a2", encode("addi", { rd: A0, rs1: A0, imm: 1 })); };
    const even = (): void => { while (a.here % 8 !== 0) a.half(1); };
    even();
    word("sw"); a.s("sw", "a2", "a1").label("sw").word(nop);
    word("amo"); a.amo("amoswap.w", "a5", "a2", "a1").label("amo").word(nop);
    word("sc"); a.amo("lr.w", 0, 0, "a1").amo("sc.w", "a6", "a2", "a1").label("sc").word(nop);
    even();
    word("sd"); a.i("slli", "a3", "a2", 32).i("srli", "a4", "a3", 32).r("or", "a3", "a3", "a4");
    while (a.here % 8 !== 4) a.word(nop);
    a.s("sd", "a3", "a1").label("sd").word(nop).word(nop);
    word("mis"); a.half(1).s("sw", "a2", "a1").label("mis").word(nop).half(1);
    a.done();
  }, (r) => {
    expect(r.x("a0")).toBe(6n);
    expect(r.x("a5")).toBe(0x13n);
    expect(r.x("a6")).toBe(0n);
  });
});

describe("a page that is written so often that it is taken for data", () => {
  onBoth("an AMO on it still gives its old value, at each write", (a) => {
    a.prologue().la("a1", "cell").li("s0", 300).li("a0", 0).li("a3", 1);
    a.label("again").amo("amoadd.d", "a2", "a3", "a1").r("add", "a0", "a0", "a2");
    a.i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done().align(8).label("cell").dword(0);
  }, (r) => expect(r.x("a0")).toBe(BigInt((299 * 300) / 2)));

  onBoth("sc on it reports success", (a) => {
    a.prologue().la("a1", "cell").li("s0", 300).li("a0", 0);
    a.label("again").amo("lr.d", "a2", 0, "a1").i("addi", "a2", "a2", 1).amo("sc.d", "a3", "a2", "a1").r("add", "a0", "a0", "a3");
    a.i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").i("ld", "a4", "a1", 0).done().align(8).label("cell").dword(0);
  }, (r) => expect([r.x("a0"), r.x("a4")]).toEqual([0n, 300n]));

  onBoth("by turns code and data, many times", (a) => {
    a.prologue().li("s0", 20).li("a0", 0).li("a1", DATA).li("s2", encode("addi", { rd: A0, rs1: A0, imm: 1 })).li("s3", 0x8067);
    a.label("again").li("t0", 100).i("addi", "a2", "a1", 256);
    a.label("fill").s("sd", "s0", "a2").i("addi", "a2", "a2", 8).i("addi", "t0", "t0", -1).branch("bne", "t0", 0, "fill");
    a.s("sw", "s2", "a1").s("sw", "s3", "a1", 4).i("jalr", "ra", "a1", 0);
    a.i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done();
  }, (r) => expect(r.x("a0")).toBe(20n));

  for (const kind of ["load", "store"] as const) {
    onBoth(`hardware setting A and D in entries of a table that shares the running page, by a ${kind}`, (a) => {
      // The last-level table of USER… lies in the page of code that walks through it.
      const tables = new PageTables(TABLES);
      const shared = RAM + 0x10000;
      tables.map(RAM, RAM, "rwxad", 2).entry(0x40000000, 1, (BigInt(shared >>> 12) << 10n) | 1n);
      a.prologue().csrli("satp", tables.satp()).la("s11", "end").li("a1", 0x40000000).li("s0", 150).li("a0", 0).li("a2", 1).li("a4", 4096);
      a.la("t6", "run").enterAt("S");
      const here = a.here;
      for (let i = 0; i < 150; i++) a.org(shared + 8 * i).dword((BigInt(DATA / 4096) << 10n) | 0x7n);
      a.org(shared + 2048).label("run");
      for (let i = 0; i < 150; i++) {
        if (kind === "load") a.i("ld", "a3", "a1", 0);
        else a.s("sd", "a2", "a1");
        a.r("add", "a1", "a1", "a4").i("addi", "a0", "a0", 1);
      }
      a.op("ecall").org(here).label("end").done();
      tables.emit(a);
    }, (r) => {
      expect(r.x("a0")).toBe(150n);
      expect(r.traps).toMatchObject([{ cause: 9n }]);
    });
  }
});

describe("places", () => {
  onBoth("an instruction that crosses a page, rewritten in its second half", (a) => {
    a.prologue().li("s0", 3).li("a0", 0).la("a1", "next").li("a2", 0).j("over");
    a.org(RAM + 0x2ffe).label("over").i("addi", "a0", "a0", 1);
    a.i("addi", "s0", "s0", -1).branch("beq", "s0", 0, "end");
    a.la("a1", "next").li("a2", ((encode("addi", { rd: A0, rs1: A0, imm: 16 }) >>> 16) & 0xffff)).s("sh", "a2", "a1").j("over");
    a.label("end").done();
    const end = a.here;
    a.org(RAM + 0x3000).label("next").org(end);
  }, (r) => expect(r.x("a0")).toBe(33n));

  onBoth("one page of code at two virtual addresses: a store through either changes both", (a) => {
    const tables = new PageTables(TABLES);
    const code = RAM + 0x10000;
    tables.map(RAM, RAM, "rwxad", 2).range(0x40000000, code, 1, "rwxad").range(0x40001000, code, 1, "rwxad");
    a.prologue().csrli("satp", tables.satp()).la("s11", "end").drop("S");
    a.li("s1", 0x40000000).li("s2", 0x40001000).li("a0", 0);
    a.i("jalr", "ra", "s1", 0).i("jalr", "ra", "s2", 0);
    a.li("a2", encode("addi", { rd: A0, rs1: A0, imm: 10 })).s("sw", "a2", "s1").i("jalr", "ra", "s2", 0);
    a.li("a2", encode("addi", { rd: A0, rs1: A0, imm: 100 })).s("sw", "a2", "s2").i("jalr", "ra", "s1", 0).i("jalr", "ra", "s2", 0);
    a.op("ecall").label("end").done();
    a.org(code).i("addi", "a0", "a0", 1).i("jalr", 0, "ra", 0);
    tables.emit(a);
  }, (r) => expect(r.x("a0")).toBe(212n));

  onBoth("more pages of code than the pool of decoded pages holds, twice round", (a) => {
    const pages = 800;
    a.prologue().li("s0", 2).li("a0", 0).li("s1", RAM + 0x100000).li("s2", 4096).label("again").i("addi", "a1", "s1", 0).i("jalr", 0, "a1", 0);
    a.label("back").i("addi", "s0", "s0", -1).branch("bne", "s0", 0, "again").done();
    for (let i = 0; i < pages; i++) {
      a.org(RAM + 0x100000 + i * 4096).i("addi", "a0", "a0", 1).r("add", "a1", "a1", "s2");
      if (i < pages - 1) a.i("jalr", 0, "a1", 0);
      else a.la("a2", "back").i("jalr", 0, "a2", 0);
    }
  }, (r) => expect(r.x("a0")).toBe(1600n), { memory: 2 ** 23 });

  onBoth("the boot ROM runs again when jumped to", (a) => {
    a.prologue().li("t0", DATA).i("ld", "t1", "t0", 0).branch("bne", "t1", 0, "second").li("t1", 1).s("sd", "t1", "t0").li("t2", 0x1000).i("jalr", 0, "t2", 0);
    a.label("second").done();
  }, (r) => expect(r.x("t0")).toBe(BigInt(DATA)));

  onBoth("jumps to the last halfword of a page and backwards over its start", (a) => {
    a.prologue().li("a0", 0).j("last");
    a.org(RAM + 0x1ffe).label("last").half(0x0505); // c.addi a0, 1
    a.j("before").org(RAM + 0x1000).label("before").i("addi", "a0", "a0", 2).done();
  }, (r) => expect(r.x("a0")).toBe(3n));
});
