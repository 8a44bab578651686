// `why` for what our kernel does about faults: small programs run under it and each makes one kind. The monitor must
// name the rule, what the kernel did, and who wrote the entry. Golden files hold all that it says, but for what
// every build of the kernel moves.

import { beforeAll, describe, expect, test } from "vitest";
import type { Fault } from "../../emulator/monitor/fault-log.ts";
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { CODE, USER_DATA, diskWith, explained, golden, prompt, shellLine, steady, userProgram, why, type UserAsm } from "./why.ts";

/** An address where no program has anything, for mappings. */
const AT = 0x50000000;
const PAGE = 4096;
const [R, W] = [1, 2];
const [SHARED, PRIVATE, FIXED, ANONYMOUS] = [1, 2, 0x10, 0x20];
const PAGEOUT = 21;

/** Functions of pmap.c that write an entry for a page. */
const ENTERED = /^(pmap_enter|replace_entry|set_entry)/;

interface Case {
  readonly name: string;
  readonly program: (a: UserAsm) => void;
  /** Which fault is meant, where it is not the one that killed the program. */
  readonly fault?: (f: Fault) => boolean;
  readonly reason: string | null;
  readonly outcome: string;
  readonly signal?: string;
  /** Function of the kernel that wrote the entry last, and what for; undefined: there is no entry, or none was ever made. */
  readonly writer?: { readonly function: RegExp; readonly purpose: RegExp };
  /** Its table was cleared, and no entry was ever made. */
  readonly cleared?: boolean;
  readonly likely?: RegExp;
}

const map = (a: UserAsm, rights: number, flags = PRIVATE | ANONYMOUS, length = PAGE, fd = -1): UserAsm => a.call("mmap", AT, length, rights, flags | FIXED, fd, 0);
const store = (a: UserAsm, va: number | bigint): UserAsm => a.li("s2", va).s("sd", "s2", "s2");
const load = (a: UserAsm, va: number | bigint): UserAsm => a.li("s2", va).i("ld", "s3", "s2", 0);
const end = (a: UserAsm): UserAsm => a.call("exit", 0);
/** Fork; the child goes on behind, the parent waits for it and ends. */
function inChild(a: UserAsm): void {
  a.call("fork").branch("beq", "a0", "zero", "child").call("wait", 0);
  end(a);
  a.label("child");
}
/** A file of one page, its descriptor left in s4. */
function openFile(a: UserAsm): void {
  const path = CODE + 8;
  a.j("begin").org(path).dword(0x000000000078n).dword(0).label("begin"); // "x"
  a.call("open", path, 0x242).r("add", "s4", "a0", "zero");
}

const CASES: readonly Case[] = [
  { name: "zero-filled", program: (a) => { map(a, R | W); store(a, AT); end(a); }, fault: (f) => f.va === BigInt(AT), reason: "invalid", outcome: "zero" },
  { name: "copy-on-write", program: (a) => { map(a, R | W); store(a, AT); a.call("fork").branch("beq", "a0", "zero", "child"); store(a, AT); a.call("wait", 0); end(a); a.label("child").call("sleep", 1); end(a); },
    fault: (f) => f.va === BigInt(AT) && f.reason === "not-writable", reason: "not-writable", outcome: "cow_copy", writer: { function: /^pmap_protect$/, purpose: /^fork$/ } },
  { name: "child-copies", program: (a) => { map(a, R | W); store(a, AT); inChild(a); load(a, AT); store(a, AT); end(a); },
    fault: (f) => f.va === BigInt(AT) && f.reason === "not-writable", reason: "not-writable", outcome: "cow_copy", writer: { function: ENTERED, purpose: /^a page fault at 0x50000000$/ } },
  { name: "alone-again", program: (a) => { map(a, R | W); store(a, AT); a.call("fork").branch("beq", "a0", "zero", "child").call("wait", 0); store(a, AT); end(a); a.label("child"); end(a); },
    fault: (f) => f.va === BigInt(AT) && f.reason === "not-writable", reason: "not-writable", outcome: "cow_reuse", writer: { function: /^pmap_/, purpose: /^fork$/ } },
  { name: "in-memory", program: (a) => { map(a, R | W); store(a, AT); inChild(a); load(a, AT); end(a); },
    fault: (f) => f.va === BigInt(AT) && f.access === 0, reason: "invalid", outcome: "map" },
  { name: "from-file", program: (a) => { load(a, USER_DATA); end(a); }, fault: (f) => f.va === BigInt(USER_DATA), reason: "invalid", outcome: "file" },
  { name: "code-of-file", program: (a) => { end(a); }, fault: (f) => f.pc === BigInt(CODE) && f.access === 2, reason: "invalid", outcome: "file" },
  { name: "copied-file", program: (a) => { store(a, USER_DATA); end(a); }, fault: (f) => f.va === BigInt(USER_DATA) && f.access === 1, reason: "invalid", outcome: "cow_copy" },
  { name: "stack-grows", program: (a) => { a.li("t0", 0x20000).r("sub", "sp", "sp", "t0").s("sd", "zero", "sp"); end(a); },
    fault: (f) => f.va > 0x3000000000n && f.access === 1 && f.outcome === "zero", reason: "invalid", outcome: "zero" },
  { name: "swapped-in", program: (a) => { map(a, R | W); store(a, AT); a.call("madvise", AT, PAGE, PAGEOUT); load(a, AT); end(a); },
    fault: (f) => f.va === BigInt(AT) && f.access === 0, reason: "invalid", outcome: "swap", writer: { function: /^pmap_|^withdraw/, purpose: /madvise|page-out/ } },
  { name: "null-pointer", program: (a) => { store(a, 0); }, reason: "invalid", outcome: "killed", signal: "SIGSEGV", cleared: true, likely: /^a null pointer in s2/ },
  { name: "null-member", program: (a) => { a.li("s2", 0).i("ld", "s3", "s2", 40); }, reason: "invalid", outcome: "killed", signal: "SIGSEGV", cleared: true, likely: /40 bytes behind it/ },
  { name: "null-call", program: (a) => { a.li("s2", 0).i("jalr", "ra", "s2", 0); }, reason: "invalid", outcome: "killed", signal: "SIGSEGV", likely: /null function pointer/ },
  { name: "write-to-code", program: (a) => { store(a, CODE); }, reason: "not-writable", outcome: "killed", signal: "SIGSEGV", writer: { function: ENTERED, purpose: /^a page fault at 0x100/ }, likely: /the program's code/ },
  { name: "after-munmap", program: (a) => { map(a, R | W, PRIVATE | ANONYMOUS, 2 * PAGE); store(a, AT); store(a, AT + PAGE); a.call("munmap", AT, PAGE); load(a, AT); },
    reason: "invalid", outcome: "killed", signal: "SIGSEGV", writer: { function: /^pmap_|^unmap/, purpose: /^munmap$/ }, likely: /^use after munmap/ },
  { name: "after-sbrk", program: (a) => { a.call("sbrk", 2 * PAGE, 1).r("add", "s5", "a0", "zero").s("sd", "zero", "s5").li("t0", PAGE).r("add", "s5", "s5", "t0").s("sd", "zero", "s5").call("sbrk", -PAGE, 1).i("ld", "s3", "s5", 0); },
    reason: "invalid", outcome: "killed", signal: "SIGSEGV", writer: { function: /^pmap_|^unmap/, purpose: /^s?brk$/ }, likely: /given back/ },
  { name: "after-mprotect", program: (a) => { map(a, R | W); store(a, AT); a.call("mprotect", AT, PAGE, R); store(a, AT); },
    reason: "not-writable", outcome: "killed", signal: "SIGSEGV", writer: { function: /^pmap_protect/, purpose: /^mprotect$/ }, likely: /only to be read/ },
  { name: "no-rights", program: (a) => { map(a, 0); store(a, AT); }, reason: "invalid", outcome: "killed", signal: "SIGSEGV", likely: /no rights at all/ },
  { name: "jump-to-data", program: (a) => { map(a, R | W); store(a, AT); a.i("jalr", "ra", "s2", 0); }, reason: "not-executable", outcome: "killed", signal: "SIGSEGV", writer: { function: ENTERED, purpose: /^a page fault at 0x50000000$/ }, likely: /a jump into data/ },
  { name: "stack-guard", program: (a) => { a.label("again").li("t0", 0x1000).r("sub", "sp", "sp", "t0").s("sd", "zero", "sp").j("again"); }, reason: "invalid", outcome: "killed", signal: "SIGSEGV", likely: /^stack overflow/ },
  { name: "beyond-file", program: (a) => { openFile(a); a.li("a1", PAGE).r("add", "a0", "s4", "zero").li("a7", 36).op("ecall"); a.li("a0", AT).li("a1", 2 * PAGE).li("a2", R | W).li("a3", SHARED | FIXED).r("add", "a4", "s4", "zero").li("a5", 0).li("a7", 27).op("ecall"); load(a, AT + PAGE); },
    reason: "invalid", outcome: "killed", signal: "SIGBUS", likely: /the file is shorter/ },
  { name: "junk-pointer", program: (a) => { load(a, 0x0505050505050505n); }, reason: "non-canonical", outcome: "killed", signal: "SIGSEGV", likely: /0x5 repeated/ },
  { name: "text-pointer", program: (a) => { load(a, 0x6f77206f6c6c6568n); }, reason: "non-canonical", outcome: "killed", signal: "SIGSEGV", likely: /"hello wo"/ },
  { name: "kernel-address", program: (a) => { load(a, 0x3ffffff000n); }, reason: "supervisor-page", outcome: "killed", signal: "SIGSEGV", likely: /the kernel's/ },
  { name: "illegal", program: (a) => { a.word(0); }, reason: null, outcome: "killed", signal: "SIGILL" },
  { name: "misaligned", program: (a) => { a.li("s2", USER_DATA + 4).amo("amoadd.d", "zero", "zero", "s2"); }, reason: null, outcome: "killed", signal: "SIGBUS" },
];

let m: Monitor;

beforeAll(async () => {
  m = await explained({ disk: diskWith(CASES.map(({ name, program }) => ({ path: `/${name}`, bytes: userProgram(program) })), 16 * 2 ** 20) });
  await prompt(m);
}, 60_000);

describe("why, for each thing that the kernel does", () => {
  test.each(CASES.map((c) => [c.name, c] as const))("%s", async (name, c) => {
    const from = m.faults.total;
    const told = await shellLine(m, name);
    const wanted = c.fault;
    let words = "fatal";
    if (wanted !== undefined) {
      const found = [...m.faults.backwards()].findLast((f) => f.index >= from && f.privilege === 0 && wanted(f));
      expect(found, `no such fault; there were ${JSON.stringify([...m.faults.backwards()].filter((f) => f.index >= from).map((f) => `${f.va.toString(16)} ${f.reason} ${f.outcome}`))}`).toBeDefined();
      words = `t=${found!.moment}`;
    }
    const { text, data } = await why(m, words);
    expect(steady(text)).not.toContain("note:");
    expect({ reason: data.reason, outcome: data.outcome?.kind, signal: data.outcome?.signal ?? undefined }, text).toEqual({ reason: c.reason, outcome: c.outcome, signal: c.signal });
    if (wanted === undefined) expect(told, "it is told by itself").toEqual([text]);
    else expect(told).toEqual([]);
    const writer = data.writers?.find((w) => w.by === "cpu");
    if (c.writer !== undefined) {
      expect(writer?.function, text).toMatch(c.writer.function);
      expect(writer?.purpose, text).toMatch(c.writer.purpose);
    }
    if (c.cleared === true) expect(writer?.cleared, text).toBe(true);
    if (c.likely === undefined) expect(data.likely, text).toEqual([]);
    else expect(data.likely[0], text).toMatch(c.likely);
    if (name === "stack-grows") expect(data.outcome?.grown, text).toBeGreaterThan(0);
    golden(`kernel-${name}`, steady(text));
  });
});

describe("why, otherwise", () => {
  test("a handler runs, and the place has its name and line", async () => {
    const from = m.faults.total;
    await shellLine(m, "nullptr");
    const first = [...m.faults.backwards()].findLast((f) => f.index >= from && f.va === 0n)!;
    const { text, data } = await why(m, `t=${first.moment}`);
    expect(text).toMatch(/main\(\) \+0x\w+ {2}guest-user\/demos\/nullptr\.c:\d+/);
    expect(text).toMatch(/outcome: sent SIGSEGV, and its handler began after [\d,]+ instructions/);
    expect(data.outcome?.kind).toBe("handled");
    expect(data.likely[0]).toMatch(/^a null pointer in a\d/);
  });

  test("the past is explained in the past, and the machine is where it was", async () => {
    const { position } = m.timeline!;
    const { data } = await why(m, "fatal");
    expect(data.moment).toBeLessThan(position.steps);
    expect(m.timeline!.position).toEqual(position);
    await m.run(`goto ${data.moment + 1}`);
    expect((await why(m)).data.moment).toBe(data.moment);
    await m.run("goto end");
    expect(m.timeline!.position).toEqual(position);
  });

  test("what an access would meet", async () => {
    const sh = m.view.processes().find((p) => p.name === "sh")!.pid;
    const { text, data } = await why(m, `0x10000 as store in ${sh}`);
    expect(data.reason).toBe("not-writable");
    expect(data.pc).toBeNull();
    expect(text).toMatch(/^a store at 0x10000 by a program, sh pid \d+ · t=[\d,]+\n/);
    expect(text).toMatch(/likely: a write to the program's code\.$/);
    expect((await why(m, `0x10000 as load in ${sh}`)).data).toMatchObject({ reason: null, rule: "", likely: [] });
    expect((await why(m, "0x80000000 as load in kernel")).text).toMatch(/translates to 0x80000000/);
    const early = (await why(m, `0x10000 as store in kernel at ${m.timeline!.start.steps + 1_000_000}`)).data;
    expect(early.moment).toBe(m.timeline!.start.steps + 1_000_000);
  });

  test.each([
    ["why 0x1 as jump", /"jump" is no access/],
    ["why t=1", /there was no fault at t=1/],
    ["why 0x1 in 9999", /there is no process 9999/],
    ["why 0x1 at 99999999999999", /history reaches from/],
    ["why nonsense", /nonsense/],
  ])("%s is refused in words", async (line, words) => {
    const { ok, text } = await m.run(line);
    expect(ok).toBe(false);
    expect(text).toMatch(words);
  });

  test("those that come by the dozen get a line each", async () => {
    const fresh = await explained();
    fresh.explainer.most = 2;
    await prompt(fresh);
    const told = await shellLine(fresh, "nullptr | wc; nullptr | wc; nullptr | wc; nullptr | wc");
    expect(told.map((t) => t.split("\n").length > 1)).toEqual([true, true, false, false]);
    expect(told[3]).toMatch(/^store page fault at 0x0 has killed pid \d+; why t=[\d,]+ explains it$/);
    const [, time] = /why (t=[\d,]+)/.exec(told[3]!)!;
    expect((await why(fresh, time)).data.likely[0]).toMatch(/^a null pointer/);
  });
});
