// Page tables as the monitor shows them: every rule of the walk in words, every kind of entry in the tree, and trees of
// nonsense that must end.

import { beforeAll, describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { FETCH, LOAD, STORE, SUPERVISOR, USER, type Access, type Privilege, type WalkReason } from "../../../emulator/mmu/walk.ts";
import { Monitor } from "../../../emulator/monitor/monitor.ts";
import { canonical, explainWalk, lookUp, tree, walkText } from "../../../emulator/monitor/page-table.ts";
import { extraBits, flagLetters, kindOf } from "../../../emulator/monitor/pte.ts";
import { Asm, PageTables } from "../../support/asm.ts";

const TABLES = RAM + 0x10000;
const ROOT = TABLES / 4096;

let machine: Machine;
let tables: PageTables;

/** A machine that has opened PMP and stopped, with tables of all kinds of entries. */
beforeAll(async () => {
  const a = new Asm();
  a.csrli("pmpaddr0", -1).csrli("pmpcfg0", 0x1f).label("end").j("end");
  tables = new PageTables(TABLES);
  tables.map(0x1000, RAM, "rxua").map(0x2000, RAM + 0x1000, "rwuad").map(0x3000, RAM + 0x2000, "rwad");
  tables.map(0x4000, RAM + 0x3000, "xua").map(0x5000, RAM + 0x4000, "rwu").map(0x6000, RAM + 0x5000, "rwua");
  tables.entry(0x7000, 0, 0x1234n << 10n | 0x100n | 0xcn); // void, with bits of the kernel's own
  tables.entry(0x8000, 0, BigInt(RAM / 4096) << 10n | 1n); // a pointer in the last level
  tables.entry(0x9000, 0, BigInt(RAM / 4096) << 10n | 5n); // W without R
  tables.entry(0xa000, 0, BigInt(RAM / 4096) << 10n | 0xdfn | 1n << 60n); // reserved bits
  tables.entry(0xb000, 0, BigInt(RAM / 4096) << 10n | 0x2dfn); // software bits
  tables.map(0x200000, RAM, "rwuad", 1).entry(0x400000, 1, BigInt(RAM / 4096 + 1) << 10n | 0xdfn); // the second misaligned
  tables.entry(0x600000, 1, BigInt(0x9000000000000 / 4096) << 10n | 1n); // a table outside memory
  tables.entry(0x40000000, 2, BigInt(ROOT) << 10n | 1n); // a table that is the root again
  tables.entry(0xc0000000, 2, BigInt(ROOT) << 10n | 1n); // and once more
  tables.entry(0x80000000, 2, BigInt(RAM / 4096) << 10n | 0x51n); // a pointer with U and A
  for (let i = 0; i < 4; i++) tables.map(0x10000 + 4096 * i, RAM + 0x8000 + 4096 * i, "rwuad");
  tables.emit(a);
  machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  machine.run(100);
});

const explain = (va: bigint, access: Access, privilege: Privilege = USER, more: { sum?: boolean; mxr?: boolean } = {}): ReturnType<typeof explainWalk> =>
  explainWalk(machine, { hart: machine.harts[0]!, root: ROOT, va, access, privilege, ...more });

describe("walk", () => {
  test("translates, and says what the hardware would set", () => {
    const r = explain(0x2008n, STORE);
    expect([r.reason, r.pa, r.steps.length]).toEqual([undefined, RAM + 0x1008, 3]);
    expect(walkText(explain(0x5000n, STORE))).toContain(`translates to 0x${(RAM + 0x4000).toString(16)}; the hardware would set A and D`);
    expect(walkText(explain(0x6000n, STORE))).toContain("would set D");
    expect(explain(0x212345n, LOAD).pa).toBe(RAM + 0x12345);
  });

  const refusals: [string, bigint, Access, Privilege, WalkReason, string][] = [
    ["a store to a page without W", 0x1000n, STORE, USER, "not-writable", "a store needs W=1."],
    ["a load from a page without R", 0x4000n, LOAD, USER, "not-readable", "a load needs R=1 (or X=1 while MXR is set)."],
    ["a fetch from a page without X", 0x2000n, FETCH, USER, "not-executable", "a fetch needs X=1."],
    ["user mode at a supervisor page", 0x3000n, LOAD, USER, "supervisor-page", "a load in user mode needs U=1."],
    ["supervisor mode at a user page", 0x2000n, STORE, SUPERVISOR, "user-page", "in supervisor mode a page with U=1 is open to a store only while SUM is set."],
    ["a supervisor's fetch from a user page", 0x1000n, FETCH, SUPERVISOR, "user-page-fetch", "supervisor mode never executes a page with U=1."],
    ["nothing there", 0x100000n, LOAD, USER, "invalid", "the entry has V=0."],
    ["a void entry that holds something", 0x7000n, LOAD, USER, "invalid", "the entry has V=0; what else stands in it is the kernel's own."],
    ["a pointer in the last level", 0x8000n, LOAD, USER, "no-leaf", "in the last level an entry must have R or X: this one would point to a further table."],
    ["W without R", 0x9000n, LOAD, USER, "write-without-read", "W=1 with R=0 is reserved."],
    ["reserved bits", 0xa000n, LOAD, USER, "reserved-bits", "bits 63 to 54 of an entry must be zero."],
    ["a pointer with U and A", 0x80000000n, LOAD, USER, "reserved-bits", "U, A and D must be clear in an entry that points to a table."],
    ["a superpage that is not aligned", 0x400000n, LOAD, USER, "misaligned-superpage", "a 2 MiB page must begin at a multiple of its size."],
    ["a table outside memory", 0x600000n, LOAD, USER, "pte-unreadable", "cannot be read: no memory is there, or PMP forbids it."],
    ["an address that is none", 0x8000000000n, LOAD, USER, "non-canonical", "bits 63 to 39 of an address must all be equal to its bit 38."],
  ];
  test.each(refusals)("refuses %s", (_name, va, access, privilege, reason, sentence) => {
    const r = explain(va, access, privilege);
    expect([r.reason, r.rule.endsWith(sentence)], r.rule).toEqual([reason, true]);
    expect(walkText(r)).toContain(`refused: ${r.rule}`);
  });

  test("SUM, MXR and the hart's own way with A and D count", () => {
    expect(explain(0x2000n, STORE, SUPERVISOR, { sum: true }).reason).toBeUndefined();
    expect(explain(0x4000n, LOAD, USER, { mxr: true }).reason).toBeUndefined();
    machine.harts[0]!.mmu.hardwareAd = false;
    expect([explain(0x5000n, LOAD).reason, explain(0x6000n, STORE).reason]).toEqual(["accessed-clear", "dirty-clear"]);
    machine.harts[0]!.mmu.hardwareAd = true;
  });

  test("PMP has the last word", () => {
    const { pmp } = machine.harts[0]!.mmu;
    pmp.writeConfig(0, 0x19); // read only
    expect(explain(0x2000n, STORE).reason).toBe("pmp");
    expect(explain(0x5000n, LOAD).reason).toBe("pte-unwritable");
    pmp.writeConfig(0, 0x18); // nothing
    expect(explain(0x2000n, LOAD).reason).toBe("pte-unreadable");
    pmp.writeConfig(0, 0x1f);
    expect(explain(0x2000n, STORE).reason).toBeUndefined();
  });

  test("looking changes nothing", () => {
    const before = machine.stateHash();
    for (const access of [LOAD, STORE, FETCH] as const) for (const { entry } of tree(machine, ROOT)) explain(entry.va, access);
    expect(machine.stateHash()).toBe(before);
  });
});

describe("tree", () => {
  test("shows every entry that is not zero, with its kind", () => {
    const kinds = new Map([...tree(machine, ROOT, 0n, 0xffffffn)].filter(({ entry }) => entry.level < 2).map(({ entry, skipped }) => [entry.va, [entry.kind, skipped]]));
    expect(kinds.get(0x2000n)).toEqual(["leaf", ""]);
    expect(kinds.get(0x7000n)).toEqual(["leftover", ""]);
    expect(kinds.get(0x8000n)).toEqual(["bad", ""]);
    expect(kinds.get(0x9000n)).toEqual(["bad", ""]);
    expect(kinds.get(0xa000n)).toEqual(["bad", ""]);
    expect(kinds.get(0x200000n)).toEqual(["leaf", ""]);
    expect(kinds.get(0x600000n)).toEqual(["table", "no memory"]);
  });

  test("ends in a tree that goes round", () => {
    const visits = [...tree(machine, ROOT)];
    expect(visits.length).toBeLessThan(5000);
    expect(visits.some((v) => v.skipped === "again")).toBe(true);
  });

  test("keeps to a range", () => {
    const inside = [...tree(machine, ROOT, 0x3000n, 0x4fffn)].filter(({ entry }) => entry.level === 0).map(({ entry }) => entry.va);
    expect(inside).toEqual([0x3000n, 0x4000n]);
  });
});

test("lookUp goes by the tables alone, whatever the rights", () => {
  expect(lookUp(machine, ROOT, 0x3008n)?.pa).toBe(RAM + 0x2008);
  expect(lookUp(machine, ROOT, 0x7000n)).toBeUndefined();
  expect(lookUp(machine, ROOT, 0x600000n)).toBeUndefined();
  expect(lookUp(machine, ROOT, 0x8000000000n)).toBeUndefined();
  expect(canonical(0x4000000000n)).toBe(0xffffffc000000000n);
});

test("entries in letters", () => {
  expect(flagLetters(0xdfn)).toBe("VRWXU.AD");
  expect(flagLetters(0x20n)).toBe(".....G..");
  expect(extraBits(0x2dfn | 1n << 62n)).toBe(" sw=2 high=0x100");
  expect([kindOf(0n, 0), kindOf(2n, 0), kindOf(1n, 1), kindOf(1n, 0), kindOf(3n, 2), kindOf(0x11n, 1)]).toEqual(["empty", "leftover", "table", "bad", "leaf", "bad"]);
});

describe("commands", () => {
  const run = async (line: string): Promise<string> => (await new Monitor(machine).run(line)).text;

  test("pt puts neighbours together, and shows each with --all", async () => {
    const root = `root=0x${TABLES.toString(16)}`;
    const text = await run(`pt ${root} 0x10000-0x20000`);
    expect(text).toContain("[16-19]    0x0000010000-0x0000013fff");
    expect(text).toContain("VRW.U.AD -> 4 frames from 0x80008000");
    expect(text).toContain("3 tables, 4 pages of 4 KiB");
    expect((await run(`pt ${root} 0x10000-0x20000 --all`)).split("\n").filter((l) => l.includes("-> frame"))).toHaveLength(4);
    expect(await run(`pt ${root} 0x7000`)).toContain("0x0048d10c ..WX.... sw=1 -> nothing (not valid, yet not zero)");
  });

  test("walk names the rule, and has it as data", async () => {
    const root = `root=0x${TABLES.toString(16)}`;
    expect(await run(`walk 0x1000 as store in ${root}`)).toBe([
      `store of 0x1000 in ${root}, user mode`,
      "  level 2 [0]    0x80010000  0x20004401 V....... -> table 0x80011000",
      "  level 1 [0]    0x80011000  0x20004801 V....... -> table 0x80012000",
      "  level 0 [1]    0x80012008  0x2000005b VR.XU.A. -> frame 0x80000000",
      "  refused: a store needs W=1.",
    ].join("\n"));
    const { json } = await new Monitor(machine).run(`walk 0x1000 as store in ${root}`);
    expect(json).toMatchObject({ reason: "not-writable", access: "store", pa: null, entries: [{ level: 2 }, { level: 1 }, { level: 0, flags: "VR.XU.A.", va: "0x1000" }] });
  });
});
