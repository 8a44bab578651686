// `why` for each rule of the hardware: small programs without a kernel set up one page-table entry and run into it.
// The monitor must name the rule, and the instruction that wrote the entry. Golden files hold all that it says.

import { describe, expect, test } from "vitest";
import type { MachineOptions } from "../../emulator/index.ts";
import { PTE, PageTables, flags } from "../support/asm.ts";
import { DATA, Rig, TABLES, type Mode } from "../support/rig.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { bare, golden, why } from "./why.ts";

/** The address that is tried, in a gigabyte of its own, and where its page lies. */
const VA = 0x40000000;
const [SUM, MXR, MPRV] = [1 << 18, 1 << 19, 1 << 17];

interface Case {
  readonly name: string;
  readonly title: string;
  /** The walk's reason; null where no walk refused. */
  readonly reason: string | null;
  /** A part of the sentence. */
  readonly rule: RegExp;
  /** The entry that the program writes, and the level where it stands. */
  readonly pte?: bigint | number;
  readonly level?: 0 | 1 | 2;
  readonly mode: Mode;
  readonly va?: bigint | number;
  /** The access; by default a load. */
  readonly act?: (a: Rig) => void;
  /** More to set up, in machine mode. */
  readonly before?: (a: Rig) => void;
  readonly options?: Partial<MachineOptions>;
  /** The walker writes A or D before: it comes first among the writers. */
  readonly walker?: boolean;
}

const leaf = (letters: string, pa = DATA): bigint => (BigInt(pa / 4096) << 10n) | BigInt(flags(letters));
const store = (a: Rig): unknown => a.s("sd", "zero", "a0");
const jump = (a: Rig): unknown => a.i("jalr", "ra", "a0", 0);
const setStatus = (bits: number) => (a: Rig): unknown => a.li("t0", bits).csr("csrrs", "zero", "mstatus", "t0");
/** Machine mode closes a range to the others: entry 0, of `size` bytes, goes before the rig's that opens all. */
const close = (at: number, size: number, rights = 0) => (a: Rig): unknown =>
  a.csrli("pmpaddr1", -1).csrli("pmpaddr0", (at >>> 2) + (size / 8 - 1)).csrli("pmpcfg0", (0x1f << 8) | 0x18 | rights);

const CASES: readonly Case[] = [
  { name: "non-canonical", title: "load page fault", reason: "non-canonical", rule: /bits 63 to 39/, va: 0x123456789abcdef0n, mode: "S" },
  { name: "invalid", title: "load page fault", reason: "invalid", rule: /V=0/, pte: 0n, mode: "S" },
  { name: "leftover", title: "store page fault", reason: "invalid", rule: /V=0; what else/, pte: leaf("rwad") & ~1n, mode: "S", act: store },
  { name: "reserved-bits", title: "load page fault", reason: "reserved-bits", rule: /bits 63 to 54/, pte: leaf("rwad") | (1n << 60n), mode: "S" },
  { name: "pointer-with-u", title: "load page fault", reason: "reserved-bits", rule: /U, A and D must be clear/, pte: (BigInt(TABLES / 4096) << 10n) | BigInt(PTE.V | PTE.U), level: 1, mode: "S" },
  { name: "write-without-read", title: "load page fault", reason: "write-without-read", rule: /W=1 with R=0/, pte: leaf("wad"), mode: "S" },
  { name: "no-leaf", title: "load page fault", reason: "no-leaf", rule: /last level/, pte: leaf(""), mode: "S" },
  { name: "misaligned-superpage", title: "load page fault", reason: "misaligned-superpage", rule: /2 MiB page must begin/, pte: leaf("rwad"), level: 1, mode: "S" },
  { name: "misaligned-gigapage", title: "store page fault", reason: "misaligned-superpage", rule: /1 GiB page must begin/, pte: leaf("rwad"), level: 2, mode: "S", act: store },
  { name: "not-readable", title: "load page fault", reason: "not-readable", rule: /R=1 \(or X=1 while MXR/, pte: leaf("xad"), mode: "S" },
  { name: "not-writable", title: "store page fault", reason: "not-writable", rule: /a store needs W=1/, pte: leaf("rad"), mode: "S", act: store },
  { name: "not-executable", title: "fetch page fault", reason: "not-executable", rule: /a fetch needs X=1/, pte: leaf("rwad"), mode: "S", act: jump },
  { name: "mxr-does-not-write", title: "store page fault", reason: "not-writable", rule: /needs W=1/, pte: leaf("xad"), mode: "S", before: setStatus(MXR), act: (a) => { a.i("ld", "a1", "a0", 0); store(a); } },
  { name: "supervisor-page", title: "load page fault", reason: "supervisor-page", rule: /user mode needs U=1/, pte: leaf("rwad"), mode: "U" },
  { name: "user-page", title: "store page fault", reason: "user-page", rule: /only while SUM is set/, pte: leaf("rwuad"), mode: "S", act: store },
  { name: "user-page-fetch", title: "fetch page fault", reason: "user-page-fetch", rule: /never executes a page with U=1/, pte: leaf("rxuad"), mode: "S", before: setStatus(SUM), act: jump },
  { name: "accessed-clear", title: "load page fault", reason: "accessed-clear", rule: /A=0, and this hart leaves it to software/, pte: leaf("rw"), mode: "S", options: { adUpdate: "fault" } },
  { name: "dirty-clear", title: "store page fault", reason: "dirty-clear", rule: /D=0, and a store needs it/, pte: leaf("rwa"), mode: "S", act: store, options: { adUpdate: "fault" } },
  { name: "mprv", title: "load page fault", reason: "supervisor-page", rule: /user mode needs U=1/, pte: leaf("rwad"), mode: "M", before: setStatus(MPRV) },
  { name: "walker-set-a", title: "store page fault", reason: "not-writable", rule: /needs W=1/, pte: leaf("r"), mode: "S", walker: true, act: (a) => { a.i("ld", "a1", "a0", 0); store(a); } },
  { name: "pmp", title: "load access fault", reason: "pmp", rule: /supervisor mode may not load from physical address 0x8005\w+: PMP does not grant it/, pte: leaf("rwad", RAM + 0x50000), mode: "S", before: close(RAM + 0x50000, 0x1000) },
  { name: "pmp-in-machine-mode", title: "store access fault", reason: null, rule: /machine mode may not store to physical address 0x80050000: PMP does not grant it/, va: RAM + 0x50000, mode: "M", act: store,
    before: (a) => a.csrli("pmpaddr0", (RAM + 0x50000) >>> 2).csrli("pmpaddr1", -1).csrli("pmpcfg0", 0x1f00 | 0x91) },
  { name: "nothing-there", title: "load access fault", reason: "pmp", rule: /nothing is on the bus at physical address 0x40000000/, pte: leaf("rwad", 0x40000000), mode: "S" },
  { name: "table-unreadable", title: "load access fault", reason: "pte-unreadable", rule: /the entry at 0x40000000 cannot be read/, pte: leaf("", 0x40000000), level: 1, mode: "S" },
  { name: "table-unwritable", title: "load access fault", reason: "pte-unwritable", rule: /A or D must be set in the entry at 0x80084000, and PMP forbids/, pte: leaf("r"), mode: "S", before: close(TABLES + 0x4000, 0x1000, 1) },
  { name: "misaligned-atomic", title: "store address misaligned", reason: null, rule: /multiple of its size/, pte: leaf("rwad"), mode: "S", va: VA + 4, act: (a) => a.amo("amoadd.d", "a1", "zero", "a0") },
  { name: "illegal", title: "illegal instruction", reason: null, rule: /all zero/, mode: "U", pte: leaf("rxuad"), act: (a) => a.word(0) },
];

/** The program of a case: the entry is written at label "writer", the access made after "act". */
function program(c: Case): Rig {
  const va = c.va ?? VA;
  const tables = new PageTables(TABLES);
  const code = c.mode === "U" ? "rxuad" : "rxad";
  tables.range(RAM, RAM, 0x20, code).range(DATA, DATA, 4, "rwad");
  const level = c.level ?? 0;
  tables.entry(VA, level, 0n);
  const a = new Rig();
  a.prologue();
  c.before?.(a);
  if (c.pte !== undefined) a.li("t0", c.pte).li("t1", tables.addressOf(VA, level)).label("writer").s("sd", "t0", "t1");
  a.csrli("satp", tables.satp()).op("sfence.vma");
  const body = (): void => {
    a.li("a0", va);
    a.label("act");
    if (c.act === undefined) a.i("ld", "a1", "a0", 0);
    else c.act(a);
  };
  if (c.mode === "M") a.attempt(body);
  else a.inMode(c.mode, body);
  a.li("t0", MPRV).csr("csrrc", "zero", "mstatus", "t0");
  a.done();
  tables.emit(a);
  return a;
}

describe("why, for each rule of the hardware", () => {
  test.each(CASES.map((c) => [c.name, c] as const))("%s", async (name, c) => {
    const a = program(c);
    const m = await bare(a.image(), c.options);
    const { text, data } = await why(m);
    expect(data.title).toBe(c.title);
    expect(data.reason).toBe(c.reason);
    expect(data.rule).toMatch(c.rule);
    if (c.title !== "fetch page fault") expect(Number(data.pc)).toBeGreaterThanOrEqual(a.address("act"));
    if (c.pte !== undefined && data.writers !== null && c.reason !== null) {
      const code = data.writers.filter((w) => w.by === "cpu");
      expect(code.map((w) => Number(w.pc))).toEqual([a.address("writer")]);
      expect(data.writers[0]!.by).toBe(c.walker === true ? "walker" : "cpu");
    }
    golden(`hardware-${name}`, text);
  });
});

