// Our engines against real QEMU: random computation, and random privileged scenes whose outcome QEMU 7.2 is known to
// get right. Skipped where QEMU is missing.

import { describe, expect, test } from "vitest";
import { CSR } from "../../emulator/isa/csr-names.ts";
import { expand } from "../../emulator/isa/rvc.ts";
import { FORMATS } from "../../emulator/isa/formats.ts";
import { INSTRUCTIONS } from "../../emulator/isa/table.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { PageTables } from "../support/asm.ts";
import { operand } from "../support/float.ts";
import { elf, hasQemu, onOurs, onQemu, park, printAndStop } from "../support/qemu.ts";
import { Random } from "../support/random.ts";
import { DATA, ENGINES, M_LOG, Rig, S_LOG, TABLES, type Mode } from "../support/rig.ts";

/** QEMU's lines and ours, and where they first part. */
async function same(image: Uint8Array, lines: number, describeLine: (n: number) => string): Promise<void> {
  const program = elf(image);
  const theirs = onQemu(program).trimEnd().split("\n");
  expect(theirs.length).toBe(lines);
  for (const engine of ENGINES) {
    const ours = (await onOurs(program, engine)).trimEnd().split("\n");
    const apart = theirs.findIndex((line, n) => line !== ours[n]);
    if (apart >= 0) throw new Error(`${describeLine(apart)}: QEMU says ${theirs[apart]}, the ${engine} ${ours[apart]}`);
    expect(ours.length).toBe(lines);
  }
}

const named = (...names: string[]): number[] => names.map((n) => INSTRUCTIONS.findIndex((i) => i.name === n));
const ofFormat = (...formats: string[]): number[] => INSTRUCTIONS.flatMap((i, n) => (formats.includes(i.format) ? [n] : []));
const JALR = named("jalr");
const ALU = ofFormat("R", "I", "shift", "shiftw", "U").filter((n) => !JALR.includes(n));
const SC = named("sc.w", "sc.d");
const AMOS = ofFormat("amo").filter((n) => !SC.includes(n));
const HALVES = Array.from({ length: 65536 }, (_, h) => h)
  .filter((h) => (h & 3) !== 3 && expand(h) !== 0 && [0x13, 0x1b, 0x33, 0x3b, 0x37].includes(expand(h) & 0x7f))
  .filter((h) => ![8, 9, 31].includes((expand(h) >>> 7) & 31));

describe.skipIf(!hasQemu)("against QEMU", () => {
  for (let seed = 1; seed <= 4; seed++) {
    test(`random computation, seed ${seed}: every register after each of 150 blocks, and memory`, async () => {
      const BLOCKS = 150;
      const r = new Random(seed);
      const out = RAM + 0x100000;
      const values = RAM + 0x200000;
      const data = RAM + 0x300000;
      const a = new Rig();
      const texts: string[] = [];
      park(a);
      for (let b = 0; b < BLOCKS; b++) {
        a.li("t6", values + 256 * b);
        for (let x = 1; x < 31; x++) a.i("ld", x, "t6", 8 * x);
        texts.push(block(a, r));
        a.li("t6", out + 248 * b);
        for (let x = 1; x < 31; x++) a.s("sd", x, "t6", 8 * (x - 1));
        a.op("auipc", { rd: 1, imm: 0 }).s("sd", "ra", "t6", 240);
      }
      printAndStop(a, [[out, 31 * BLOCKS], [data, 1024]]);
      a.org(values);
      for (let n = 0; n < BLOCKS; n++) for (let x = 0; x < 32; x++) a.dword(x === 8 || x === 9 ? data + 1024 + 8 * r.below(700) : r.wide());
      a.org(data);
      for (let n = 0; n < 1024; n++) a.dword(r.wide());
      await same(a.image(), 31 * BLOCKS + 1024, (n) => (n >= 31 * BLOCKS ? `memory at ${8 * (n - 31 * BLOCKS)}` : `x${(n % 31) + 1} after block ${Math.floor(n / 31)}:\n${texts[Math.floor(n / 31)]}`));
    });
  }

  for (let seed = 1; seed <= 4; seed++) {
    test(`random page-table entries and accesses, seed ${seed}: what each access of 250 did or how it trapped`, async () => {
      const scenes = new Scenes(new Random(seed));
      const { image, lines, text } = scenes.program(250);
      await same(image, lines, text);
    });
  }

  for (let seed = 1; seed <= 3; seed++) {
    test(`random floating point, seed ${seed}: every f register, x register and fcsr after each of 100 blocks, and memory`, async () => {
      const BLOCKS = 100;
      const LINES = 31 + 32 + 1;
      const r = new Random(1000 + seed);
      const [out, values, data] = [RAM + 0x100000, RAM + 0x200000, RAM + 0x300000];
      const a = new Rig();
      const texts: string[] = [];
      park(a);
      a.li("t0", 0x6000).csr("csrrs", 0, "mstatus", "t0");
      for (let b = 0; b < BLOCKS; b++) {
        a.li("t6", values + 512 * b).op("csrrwi", { rs1: r.below(5), imm: FRM });
        for (let x = 1; x < 31; x++) a.i("ld", x, "t6", 8 * x);
        for (let f = 0; f < 32; f++) a.op("fld", { rd: f, rs1: 31, imm: 256 + 8 * f });
        texts.push(floatBlock(a, r));
        a.li("t6", out + 8 * LINES * b);
        for (let x = 1; x < 31; x++) a.s("sd", x, "t6", 8 * (x - 1));
        for (let f = 0; f < 32; f++) a.op("fsd", { rs2: f, rs1: 31, imm: 8 * (30 + f) });
        a.csrr("ra", "fcsr").s("sd", "ra", "t6", 8 * 62).csr("csrrw", "ra", "fflags", 0).s("sd", "ra", "t6", 8 * 63);
      }
      printAndStop(a, [[out, LINES * BLOCKS], [data, 512]]);
      a.org(values);
      for (let n = 0; n < BLOCKS; n++) {
        for (let x = 0; x < 32; x++) a.dword(x === 8 || x === 9 ? data + 1024 + 8 * r.below(200) : r.wide());
        for (let f = 0; f < 32; f++) a.dword(floatBits(r));
      }
      a.org(data);
      for (let n = 0; n < 512; n++) a.dword(floatBits(r));
      await same(a.image(), LINES * BLOCKS + 512, (n) => (n >= LINES * BLOCKS ? `memory at ${8 * (n - LINES * BLOCKS)}` : `value ${n % LINES} after block ${Math.floor(n / LINES)}:\n${texts[Math.floor(n / LINES)]}`));
    });
  }

  test("mstatus.FS: what is illegal while it is Off, and what makes it Dirty; reserved rounding modes", async () => {
    const a = new Rig();
    const out = RAM + 0x100000;
    const texts: string[] = [];
    park(a);
    a.prologue().li("a0", DATA);
    const kept = (n: number): void => { a.csrr("t0", "mstatus").li("t1", out + 8 * n).i("srli", "t0", "t0", 13).i("andi", "t0", "t0", 3).csrr("t2", "mstatus").i("slti", "t2", "t2", 0).i("slli", "t2", "t2", 4).r("or", "t0", "t0", "t2").s("sd", "t0", "t1"); };
    const attempt = (text: string, fs: number, body: () => void): void => {
      a.li("t0", 0x6000).csr("csrrs", 0, "mstatus", "t0").op("csrrwi", { rs1: 0, imm: FRM }).op("csrrwi", { rs1: 31, imm: CSR["fflags"]! });
      a.csr("csrrc", 0, "mstatus", "t0").li("t0", fs << 13).csr("csrrs", 0, "mstatus", "t0").attempt(body);
      kept(texts.push(text) - 1);
    };
    // QEMU 7.2 leaves FS alone when an instruction raises a flag but sets no f register: all flags are up already.
    for (const { name, format } of FLOATS.map((n) => INSTRUCTIONS[n]!)) {
      const rounds = FORMATS[format].place(7) !== 0 && format !== "floadI" && format !== "fstoreS";
      for (const [fs, rm] of rounds ? [[0, 0], [1, 0], [2, 7], [3, 4], [2, 5], [2, 6]] as const : [[0, 0], [1, 0], [2, 0]] as const) {
        attempt(`${name}, FS ${fs}, rm ${rm}`, fs, () => a.op(name, { rd: 11, rs1: 10, rs2: 12, rs3: 13, imm: rounds ? rm : 0 }));
        a.li("a0", DATA);
      }
    }
    for (const csr of ["fflags", "frm", "fcsr"]) {
      for (const fs of [0, 1, 2]) {
        attempt(`read of ${csr}, FS ${fs}`, fs, () => a.csrr("a1", csr));
        attempt(`write of ${csr}, FS ${fs}`, fs, () => a.csrw(csr, 0));
        attempt(`csrrsi ${csr}, 0, FS ${fs}`, fs, () => a.op("csrrsi", { rd: 11, imm: CSR[csr]! }));
      }
    }
    for (const mode of [4, 5, 6, 7]) attempt(`dynamic with frm ${mode}`, 2, () => a.op("csrrwi", { rs1: mode, imm: FRM }).op("fadd.d", { imm: 7 }));
    attempt("c.fld, FS 0", 0, () => a.half(0x2108));
    attempt("c.fsd, FS 0", 0, () => a.half(0xa108));
    const count = texts.length;
    a.csrr("t0", "mscratch").li("t1", out + 8 * count).s("sd", "t0", "t1");
    const TRAPS = 130;
    printAndStop(a, [[out, count + 1], [M_LOG, 5 * TRAPS]]);
    await same(a.image(), count + 1 + 5 * TRAPS, (n) => (n < count ? texts[n]! : n === count ? "number of traps" : `trap ${Math.floor((n - count - 1) / 5)}, word ${(n - count - 1) % 5}`));
  });

  test("traps and CSRs: delegation, status stacks, counters' gates, what sticks", async () => {
    const a = new Rig();
    park(a);
    a.prologue().csrli("mcounteren", 7).csrli("scounteren", 7);
    const out = DATA;
    let kept = 0;
    const keep = (csr: string): void => { a.csrr("t0", csr).li("t1", out + 8 * kept++).s("sd", "t0", "t1"); };
    for (const csr of ["mstatus", "medeleg", "mepc", "sepc", "mtvec", "stvec", "satp", "sstatus", "scounteren", "mcounteren"]) {
      for (const all of [0xffffffff_ffffffffn, 0n, 0x8000000000080001n]) {
        const value = csr.endsWith("counteren") ? all & 0xffffffffn : all; // of 32 bits by the book; QEMU keeps 64
        if (csr === "medeleg" && value !== 0n) continue; // QEMU's hypervisor causes
        if (csr === "satp" && value === 0xffffffff_ffffffffn) continue;
        a.csrr("s2", csr).csrli(csr, csr === "mstatus" || csr === "sstatus" ? value & 0x7fffffffn & ~0x1e600n : csr.endsWith("tvec") ? value & ~2n : csr.endsWith("epc") ? value & ~1n : value); // QEMU 7.2 keeps bit 0 of xepc
        if (csr === "mstatus" || csr === "sstatus") a.csrr("t0", csr).li("t1", 0xf_ffffffffn).r("and", "t0", "t0", "t1").li("t1", out + 8 * kept++).csrw("mstatus", 0).s("sd", "t0", "t1");
        else keep(csr);
        a.csrw(csr, "s2");
      }
    }
    for (const mode of ["U", "S", "M"] as Mode[]) {
      for (const what of ["ecall", "sret", "mret", "sfence.vma", "mstatus", "sstatus", "cycle", "satp", "0", "ffff"]) {
        if ((what === "sret" || what === "mret") && (mode === "M" || (mode === "S" && what === "sret"))) continue;
        a.csrli("medeleg", what.length % 2 === 0 ? 0x100 : 0).inMode(mode, () => {
          if (what === "0") a.word(0);
          else if (what === "ffff") a.word(-1);
          else if (["ecall", "sret", "mret", "sfence.vma"].includes(what)) a.op(what);
          else if (what === "cycle") a.csr("csrrs", 0, what, 0);
          else a.csrr("a1", what);
        });
        a.attempt(() => a.word(0)); // back from S, where the ecall may have led
      }
    }
    keep("mstatus");
    a.csrr("t0", "mscratch").li("t1", out + 8 * kept++).s("sd", "t0", "t1").csrr("t0", "sscratch").li("t1", out + 8 * kept++).s("sd", "t0", "t1");
    printAndStop(a, [[out, kept], [M_LOG, 5 * 80], [S_LOG, 5 * 20]]);
    await same(a.image(), kept + 500, (n) => (n < kept ? `value ${n}` : `log ${Math.floor((n - kept) / 5)}, word ${(n - kept) % 5}`));
  });
});

const FRM = CSR["frm"]!;
const FLOATS = ofFormat("floadI", "fstoreS", "fR", "fRround", "fR4", "funary", "fcompare", "ftox", "ftoxround", "xtof", "xtofround");
const floatBits = (r: Random): bigint => (r.oneIn(2) ? operand("d", r) : operand("s", r) | (r.oneIn(8) ? operand("s", r) << 32n : 0xffffffff00000000n));

/** A block of random floating point that leaves s0 and s1 (pointers) and t6 alone; its text. */
function floatBlock(a: Rig, r: Random): string {
  const words: string[] = [];
  const x = (): number => { for (;;) { const n = r.below(31); if (n !== 8 && n !== 9) return n; } };
  for (let n = 0; n < 30; n++) {
    const { name, format } = INSTRUCTIONS[r.pick(FLOATS)]!;
    const f = FORMATS[format];
    const inMemory = format === "floadI" || format === "fstoreS";
    const imm = inMemory ? 8 * r.between(-100, 100) : r.pick([0, 1, 2, 3, 4, 7]);
    a.op(name, { rd: f.rd === "f" ? r.below(32) : x(), rs1: inMemory ? r.pick([8, 9]) : r.below(31), rs2: r.below(32), rs3: r.below(32), imm });
    words.push(`${name} ${imm}`);
  }
  return words.join("\n");
}

/** A block of random computation that leaves s0 and s1 (pointers) and t6 alone; its text. */
function block(a: Rig, r: Random): string {
  const words: string[] = [];
  const rd = (): number => { for (;;) { const x = r.below(31); if (x !== 8 && x !== 9) return x; } };
  const put = (n: number, f: { rd: number; rs1: number; rs2: number; imm: number }): void => {
    const i = INSTRUCTIONS[n]!;
    const o = FORMATS[i.format];
    const w = i.match | (o.rd ? f.rd << 7 : 0) | (o.rs1 ? f.rs1 << 15 : 0) | (o.rs2 ? f.rs2 << 20 : 0) | o.place(f.imm);
    words.push(`${(w >>> 0).toString(16)} ${i.name}`);
    a.word(w);
  };
  for (let n = 0; n < 40; n++) {
    const f = { rd: rd(), rs1: r.below(31), rs2: r.below(31), imm: r.bits() | 0 };
    const kind = r.below(20);
    if (kind < 10) put(r.pick(ALU), f);
    else if (kind < 13) {
      const h = r.pick(HALVES);
      words.push(h.toString(16));
      a.half(h);
    } else if (kind < 15) put(r.pick(ofFormat("load")), { ...f, rs1: r.pick([8, 9]), imm: r.between(-1000, 1000) });
    else if (kind < 17) put(r.pick(ofFormat("S")), { ...f, rs1: r.pick([8, 9]), imm: r.between(-1000, 1000) });
    else if (kind < 18) put(r.pick(AMOS), { ...f, rs1: r.pick([8, 9]), rs2: 0 });
    else if (kind < 19) {
      const size = r.pick(["w", "d"]);
      put(named(`lr.${size}`)[0]!, { ...f, rs1: 8, rs2: 0 });
      put(named(`sc.${size}`)[0]!, { ...f, rd: rd(), rs1: 8 });
    } else {
      const label = a.fresh("skip");
      a.branch(r.pick(["beq", "bne", "blt", "bge", "bltu", "bgeu"]), f.rs1, f.rs2, label);
      a.op("addi", { rd: f.rd, rs1: f.rs2, imm: 1 });
      a.label(label);
      words.push("branch over addi");
    }
  }
  while (a.here % 4 !== 0) a.half(1);
  return words.join("\n");
}

/** Random accesses through random entries. */
class Scenes {
  private readonly r: Random;
  private readonly a = new Rig();
  private readonly texts: string[] = [];
  private readonly results = RAM + 0x200000;

  constructor(r: Random) {
    this.r = r;
  }

  program(count: number): { image: Uint8Array; lines: number; text: (n: number) => string } {
    const { a } = this;
    const tables = new PageTables(TABLES);
    // S runs at home, U in an alias; the three pages that scenes are about have entries at levels 0, 1 and 2.
    tables.map(RAM, RAM, "rwxad", 2).map(USER, RAM, "rxuad", 1).map(PLACES[0], DATA, "r").entry(PLACES[1], 1, 0n).entry(PLACES[2], 2, 0n);
    const entries = PLACES.map((va, level) => tables.addressOf(va, level));
    park(a);
    a.prologue().csrli("satp", tables.satp());
    for (let n = 0; n < count; n++) this.scene(n, entries);
    a.csrr("t0", "mscratch").li("t1", this.results + 24 * count).s("sd", "t0", "t1");
    printAndStop(a, [[this.results, 3 * count + 1], [M_LOG, 5 * count]]);
    tables.emit(a);
    a.org(DATA);
    for (let i = 0; i < 512; i++) a.dword(i % 2 === 0 ? 0x7300000073n : this.r.wide()); // ecalls to run into
    const lines = 8 * count + 1;
    return {
      image: a.image(), lines,
      text: (n) => (n < 3 * count ? `scene ${Math.floor(n / 3)} (${this.texts[Math.floor(n / 3)]}), ${["value", "entry", "memory"][n % 3]}` : n === 3 * count ? "number of traps" : `trap ${Math.floor((n - 3 * count - 1) / 5)}, word ${(n - 3 * count - 1) % 5} (${this.texts[Math.floor((n - 3 * count - 1) / 5)]})`),
    };
  }

  private scene(n: number, entries: readonly number[]): void {
    const { a, r } = this;
    const level = r.below(3);
    const letters = r.oneIn(8) ? r.bits() & 0xff : 1 | r.pick([2, 6, 8, 10, 14, 14, 14]) | (r.oneIn(2) ? 16 : 0) | (r.bits() & 0xe0);
    const target = [DATA, RAM, RAM][level]! + (level > 0 && r.oneIn(8) ? 4096 << r.below(8) : 0);
    const pte = (BigInt(target / 4096) << 10n) | BigInt(letters) | (r.oneIn(15) ? 1n << BigInt(r.between(54, 60)) : 0n);
    const pointer = (letters & 1) === 1 && (letters & 10) === 0; // leads to what is no table: random bits
    const entry = pointer ? 0n : pte;
    const mode = r.pick(["U", "S"] as Mode[]);
    const status = r.pick([0, 1 << 18, 1 << 19, 3 << 18]);
    const va = PLACES[level]! + (DATA - RAM) * (level > 0 ? 1 : 0) + 16 * r.below(200);
    const op = r.pick(["ld", "lw", "sd", "sb", "amoadd.d", "lr.w", "jalr", "ld+3", "sd+5"]);
    const mprv = op !== "jalr" && r.oneIn(4);
    this.texts.push(`${op} at ${va.toString(16)} as ${mode}${mprv ? " by MPRV" : ""}, status ${status.toString(16)}, entry ${entry.toString(16)}`);
    a.li("a5", entries[level]!).li("t0", entry).s("sd", "t0", "a5").op("sfence.vma").li("a0", va).li("a1", -1).li("a2", 0x1234).li("s11", 0);
    const access = (): void => {
      if (op === "jalr") a.i("jalr", 0, "a0", 0);
      else if (op === "ld+3") a.i("ld", "a1", "a0", 3);
      else if (op === "sd+5") a.s("sd", "a2", "a0", 5);
      else if (op.startsWith("l") && op !== "lr.w") a.i(op, "a1", "a0", 0);
      else if (op.startsWith("s")) a.s(op, "a2", "a0");
      else a.amo(op, "a1", op === "lr.w" ? 0 : "a2", "a0");
    };
    a.attempt(() => {
      if (mprv) {
        a.csrli("mstatus", status | (1 << 17) | (mode === "S" ? 1 << 11 : 0));
        access();
        a.csrw("mstatus", 0).op("ecall");
        return;
      }
      const go = a.fresh("go");
      a.csrli("mstatus", status).la("t6", go);
      if (mode === "U") a.li("t5", USER - RAM).r("add", "t6", "t6", "t5");
      a.enterAt(mode).label(go);
      access();
      a.op("ecall");
    });
    // Value, entry, and what is in memory now; then memory as before.
    a.csrw("mstatus", 0).li("t1", this.results + 24 * n).s("sd", "a1", "t1").li("a5", entries[level]!).i("ld", "t0", "a5", 0).s("sd", "t0", "t1", 8);
    a.li("t2", DATA + (va & 0xfff)).i("ld", "t0", "t2", 0).s("sd", "t0", "t1", 16);
  }
}

const USER = 0x70000000;
const PLACES = [0x40000000, 0x50000000, 0xc0000000] as const;
