// Random guests: whole programs from a seed, that use every instruction, every privilege, paging with all kinds of
// pages, devices, traps and interrupts. They do nothing sensible and never end; what counts is that two engines
// agree on every step of them.
//
//   0x80000000  start and handlers (t5, t6 and s11 belong to the handlers)
//   0x80004000  four pages of random code
//   0x80008000  what the handlers keep: trap counts, places to go on from ("landings")
//   0x80010000  four pages of data
//   0x80020000  page tables A, 0x80040000 page tables B
//
// A handler skips the instruction that trapped, or lands: at a random place in the code, in a random mode, with
// fresh pointers in x8 … x15.

import { CSR } from "../../emulator/isa/csr-names.ts";
import { expand } from "../../emulator/isa/rvc.ts";
import { INSTRUCTIONS } from "../../emulator/isa/table.ts";
import { FORMATS } from "../../emulator/isa/formats.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { Asm, PageTables } from "./asm.ts";
import { operand } from "./float.ts";
import type { Random } from "./random.ts";

const CODE = RAM + 0x4000;
const CODE_END = RAM + 0x8000;
const KEPT = RAM + 0x8000;
const LANDINGS = RAM + 0x9000;
const POINTERS = RAM + 0xa000;
const DATA = RAM + 0x10000;
const TABLES_A = RAM + 0x20000;
const TABLES_B = RAM + 0x40000;
const LANDING_COUNT = 64;

/** Virtual homes of physical 0x80000000: a second and a user alias, a megapage, a gigapage. */
const ALIAS = 0x20000000;
const USER = 0x40000000;
const MEGA = 0x60000000;
const GIGA = 0xffffffc080000000n;

export interface GuestOptions {
  readonly harts: number;
}

/** The image of the random guest with this random source. */
export function randomGuest(r: Random, { harts }: GuestOptions): Uint8Array {
  const a = new Asm();
  start(a, r);
  machineHandler(a, r);
  supervisorHandler(a, r);
  randomCode(a, r);
  landings(a, r);
  const satps = tables(a, r);
  pointers(a, r, satps, harts);
  for (let at = DATA; at < DATA + 0x4000; at += 8) a.org(at).dword(r.oneIn(2) ? r.wide() : floatBits(r));
  return a.image();
}

/** What a floating-point register may hold: a double, a boxed single, two singles. */
function floatBits(r: Random): bigint {
  if (r.oneIn(2)) return operand("d", r);
  return operand("s", r) | (r.oneIn(8) ? operand("s", r) << 32n : 0xffffffff00000000n);
}

/** Values of mstatus.FS in place. */
const FS = [0, 0x2000, 0x4000, 0x6000] as const;

function start(a: Asm, r: Random): void {
  protection(a, r);
  a.li("t6", r.pick(FS)).csr("csrrs", 0, "mstatus", "t6");
  a.la("t6", "m").csrw("mtvec", "t6").la("t6", "s").csrw("stvec", "t6");
  a.csrli("mcounteren", r.oneIn(4) ? 0 : 7).csrli("scounteren", r.oneIn(4) ? 5 : 7).csrli("menvcfg", r.oneIn(4) ? 0 : 1n << 63n);
  a.csrli("medeleg", r.oneIn(3) ? 0 : r.bits() & (r.oneIn(8) ? -1 : ~0x1003)).csrli("mideleg", r.bits()).csrli("mie", r.bits());
  a.li("t6", 0x2004000).csrr("t5", "mhartid").csrw("sscratch", "t5").i("slli", "t5", "t5", 3).r("add", "t6", "t6", "t5");
  a.li("t5", r.between(1, 20)).s("sd", "t5", "t6").li("t5", r.between(1, 20)).csrw("stimecmp", "t5");
  if (!r.oneIn(5)) a.li("t6", POINTERS + 0x400).i("ld", "t5", "t6", 8).csrw("satp", "t5");
  a.li("t6", r.below(64)).j("land");
}

/** All memory open; sometimes behind finer entries that come first. */
function protection(a: Asm, r: Random): void {
  a.csrli("pmpaddr15", -1);
  let low = 0n;
  if (r.oneIn(3)) {
    for (let i = 0; i < 8; i++) {
      const at = BigInt((DATA + r.below(0x4000)) >>> 2) & ~(r.oneIn(3) ? 0n : 0x1ffn);
      a.csrli(`pmpaddr${i}`, at | ((1n << BigInt(r.below(10))) - 1n));
      low |= BigInt(r.below(4) << 3 | r.pick([0, 1, 3, 4, 5, 7])) << BigInt(8 * i);
    }
  }
  a.csrli("pmpcfg0", low).csrli("pmpcfg2", 0x1fn << 56n);
}

function machineHandler(a: Asm, r: Random): void {
  a.align(4).label("m");
  a.op("lui", { rd: 31, imm: 0x20000 }).csr("csrrc", 0, "mstatus", "t6"); // MPRV
  a.csrr("t6", "mcause").branch("blt", "t6", 0, "m.interrupt");
  a.li("t5", KEPT).csrr("t6", "mhartid").i("slli", "t6", "t6", 6).r("add", "t5", "t5", "t6");
  a.i("ld", "t6", "t5", 0).i("addi", "t6", "t6", 1).s("sd", "t6", "t5");
  a.csrr("s11", "mcause").li("t5", 0x1003).r("srl", "t5", "t5", "s11").i("andi", "t5", "t5", 1).branch("bne", "t5", 0, "land");
  a.i("andi", "t5", "t6", r.pick([7, 7, 3, 15])).branch("beq", "t5", 0, "land");
  a.csrr("t5", "mepc").i("addi", "t5", "t5", 4).csrw("mepc", "t5").op("mret");
  a.label("land");
  a.i("andi", "t6", "t6", LANDING_COUNT - 1).i("slli", "t6", "t6", 4).li("t5", LANDINGS).r("add", "t5", "t5", "t6");
  a.i("ld", "t6", "t5", 0).csrw("mepc", "t6").i("ld", "t6", "t5", 8);
  a.li("t5", 0x1800).csr("csrrc", 0, "mstatus", "t5").csr("csrrs", 0, "mstatus", "t6");
  a.csrr("t5", "mepc").i("andi", "t5", "t5", 0x1c0).li("t6", POINTERS).r("add", "t5", "t5", "t6");
  for (let x = 8; x < 16; x++) a.i("ld", x, "t5", 8 * (x - 8));
  a.i("ld", 26, "t6", 0x400).i("ld", 28, "t6", 0x408).i("ld", 29, "t6", 0x410).op("mret");
  a.label("m.interrupt");
  a.csrr("t5", "mhartid").i("slli", "t6", "t5", 2).li("s11", 0x2000000).r("add", "s11", "s11", "t6").s("sw", 0, "s11");
  a.i("slli", "t6", "t5", 3).li("s11", 0x2004000).r("add", "s11", "s11", "t6").li("t5", 0x200bff8).i("ld", "t5", "t5", 0);
  a.i("addi", "t5", "t5", r.between(1, 9)).s("sd", "t5", "s11");
  a.csrr("t5", "time").i("addi", "t5", "t5", r.between(1, 9)).csrw("stimecmp", "t5");
  a.li("t5", 0x222).csr("csrrc", 0, "mip", "t5").li("t5", 0xa00).csr("csrrc", 0, "mie", "t5").op("mret");
}

function supervisorHandler(a: Asm, r: Random): void {
  a.align(4).label("s");
  a.csrr("t6", "scause").branch("blt", "t6", 0, "s.interrupt");
  a.csrr("t6", "sepc").i("addi", "t6", "t6", r.pick([2, 4, 4])).csrw("sepc", "t6").op("sret");
  a.label("s.interrupt").li("t5", 0x202).csr("csrrc", 0, "sip", "t5").csr("csrrc", 0, "sie", "t5");
  a.csrr("t5", "time").i("addi", "t5", "t5", r.between(1, 9)).csrw("stimecmp", "t5").op("sret");
}

function landings(a: Asm, r: Random): void {
  a.org(LANDINGS);
  for (let i = 0; i < LANDING_COUNT; i++) {
    const physical = CODE + 2 * r.below((CODE_END - CODE) / 2);
    const home = r.pick([0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 4, 4]);
    const at = physical - RAM;
    const [address, mode] = ([[physical, 3], [USER + at, 0], [physical, 1], [ALIAS + at, 1], [MEGA + at, r.pick([0, 1])]] as const)[home]!;
    a.dword(address).dword((mode << 11) | r.pick([0, 0x22, 0xaa, 0x80]) | r.pick(FS)); // with some of SIE, SPIE, MIE, MPIE, FS
  }
}

/** Page tables A and B: the values of satp that name them. */
function tables(a: Asm, r: Random): bigint[] {
  const asids = [r.below(3), r.below(3)];
  return [TABLES_A, TABLES_B].map((at, i) => {
    const t = new PageTables(at);
    const some = (letters: string): string => [...letters].filter(() => !r.oneIn(6)).join("");
    t.range(RAM, RAM, 4, "rwxad");
    for (let page = 4; page < 32; page++) {
      const pa = RAM + page * 4096;
      const code = page < 8;
      t.map(pa, pa, code ? "rwxad" : some("rwxad"));
      t.map(ALIAS + page * 4096, pa, some("rwxadg"));
      t.map(USER + page * 4096, pa, code && !r.oneIn(8) ? "rwxuad" : some("rwxuad"));
    }
    if (r.oneIn(2)) t.range(RAM + 0x20000, RAM + 0x20000, 32, "rwad").range(USER + 0x20000, RAM + 0x20000, 32, "rwuad");
    t.map(MEGA, RAM, some(r.oneIn(2) ? "rwxuad" : "rwxad"), 1);
    t.map(MEGA + 0x200000, RAM + 0x1000, "rwxuad", 1); // misaligned
    t.map(GIGA, RAM, some("rwxad"), 2);
    t.map(0x10000000, 0x10000000, "rwuad").map(0x2000000, 0x2000000, "rwad").map(0x200b000, 0x200b000, "rwuad").map(0x2004000, 0x2004000, "rwad");
    t.entry(0x70000000, 1, (BigInt(t.root) >> 12n << 10n) | 1n); // a table that is its own child
    t.entry(0x70200000, 1, (0x10000n << 10n) | 1n); // a table in a device
    t.entry(0x70400000, 1, (0xfffffffffffn << 10n) | 1n); // a table nowhere
    for (let i2 = 0; i2 < 16; i2++) t.entry(USER + 0x100000 + i2 * 4096, 0, BigInt(r.bits()) & 0x3ffn | (BigInt(DATA / 4096 + r.below(4)) << 10n) | (r.oneIn(4) ? r.wide() << 54n & ((1n << 64n) - 1n) : 0n));
    t.emit(a);
    return t.satp(asids[i]!);
  });
}

/** Sets of pointers for landings, and values for mstatus and satp. */
function pointers(a: Asm, r: Random, satps: readonly bigint[], harts: number): void {
  a.org(POINTERS);
  const homes = [BigInt(RAM), BigInt(RAM), BigInt(USER), BigInt(ALIAS), BigInt(MEGA), GIGA];
  for (let i = 0; i < 64; i++) {
    const data = BigInt(r.pick([DATA, DATA, DATA + 0x1000, DATA + 0x2000, DATA + 0x3ff0, DATA + 0xff9, DATA + 0xffc, DATA + r.below(0x4000)]) - RAM);
    const choices: (() => bigint)[] = [
      () => r.pick(homes) + data, () => r.pick(homes) + data, () => r.pick(homes) + data, () => r.pick(homes) + data,
      () => r.pick(homes) + BigInt(CODE - RAM + 2 * r.below(0x2000)),
      () => r.pick([0x10000000n, 0x2000000n, 0x2004000n, 0x200bff8n, 0xc000000n, 0x101000n, 0x10001000n, 0x1000n]) + BigInt(r.oneIn(3) ? r.below(16) : 0),
      () => BigInt(r.pick([TABLES_A, TABLES_B]) + 8 * r.below(0xa00)) + (r.oneIn(2) ? BigInt(USER - RAM) : 0n),
      () => r.pick([0x70000000n, 0x70200000n, 0x70400000n, 0x60200000n, 0x4000000000n, 0xffffffffffffff00n, BigInt(RAM) + 0x1ffff8n, BigInt(RAM) + 0x200000n, BigInt(USER) + 0x100000n + BigInt(r.below(0x10000))]),
      () => r.wide(),
      () => 0x2000000n + BigInt(4 * r.below(harts)),
    ];
    a.dword(r.pick(choices)());
  }
  a.org(POINTERS + 0x400).dword((r.bits() & 0x7e0000) | (r.bits() & 0x1aa) | r.pick(FS)).dword(satps[0]!).dword(r.oneIn(4) ? 0n : satps[1]!);
}

const byFormat = (...formats: string[]): number[] => INSTRUCTIONS.flatMap((i, k) => (formats.includes(i.format) && i.name !== "illegal" ? [k] : []));
const ALU = byFormat("R", "I", "shift", "shiftw").filter((k) => INSTRUCTIONS[k]!.name !== "jalr");
const LOADS = byFormat("load");
const STORES = byFormat("S");
const FLOAT_LOADS = byFormat("floadI");
const FLOAT_STORES = byFormat("fstoreS");
const FLOATS = byFormat("fR", "fRround", "fR4", "funary", "fcompare", "ftox", "ftoxround", "xtof", "xtofround");
const BRANCHES = byFormat("B");
const AMOS = byFormat("amo");
const CSRS = byFormat("csr", "csri");
const HALVES = Array.from({ length: 65536 }, (_, h) => h).filter((h) => (h & 3) !== 3 && expand(h) !== 0);
const isJump = (h: number): boolean => [0x6f, 0x67, 0x63].includes(expand(h) & 0x7f);
const CALM_HALVES = HALVES.filter((h) => !isJump(h));
const SHORT_JUMPS = HALVES.filter(isJump);
const CSR_POOL = ["mstatus", "mstatus", "sstatus", "sstatus", "mie", "sie", "mip", "sip", "mideleg", "medeleg", "mepc", "sepc", "mcause", "scause", "mtval", "stval",
  "sscratch", "cycle", "time", "instret", "mcycle", "minstret", "mcountinhibit", "mcounteren", "scounteren", "stimecmp", "stimecmp", "satp",
  "fflags", "frm", "fcsr", "misa", "mhartid", "menvcfg", "senvcfg", "pmpaddr3", "pmpaddr4", "mhpmcounter3", "hpmcounter4", "mvendorid"].map((name) => CSR[name]!);
const SYSTEM_WORDS = ["ecall", "ebreak", "mret", "sret", "fence", "fence.i", "mret", "sret"];

/** Destination: seldom a pointer, a value for satp, or a register of the handlers. */
const rd = (r: Random): number => (r.oneIn(12) ? r.below(32) : r.pick([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]));

function word(number: number, f: { rd?: number; rs1?: number; rs2?: number; rs3?: number; imm?: number }): number {
  const i = INSTRUCTIONS[number]!;
  const o = FORMATS[i.format];
  return i.match | (o.rd ? (f.rd ?? 0) << 7 : 0) | (o.rs1 ? (f.rs1 ?? 0) << 15 : 0) | (o.rs2 ? (f.rs2 ?? 0) << 20 : 0) | (o.rs3 ? (f.rs3 ?? 0) << 27 : 0) | o.place(f.imm ?? 0);
}

/** Calm guests compute in long stretches, wild ones trap and switch all the time. */
function randomCode(a: Asm, r: Random): void {
  const wild = r.pick([84, 88, 100, 100]);
  const floats = r.pick([2, 4, 12]);
  a.org(CODE);
  while (a.here < CODE_END - 32) {
    if (r.oneIn(floats)) floating(a, r);
    else instruction(a, r, wild);
  }
  a.org(CODE_END - 4).word(0x0000006f | 0xc0000000); // jal back into the code
}

function instruction(a: Asm, r: Random, wild: number): void {
  const operands = { rd: rd(r), rs1: r.below(32), rs2: r.below(32), imm: r.bits() | 0 };
  const pointer = r.between(8, 15);
  const kind = r.below(r.oneIn(40) ? 100 : wild);
  if (kind < 30) a.word(word(r.pick(ALU), operands));
  else if (kind < 33) a.op(r.pick(["lui", "auipc"]), operands);
  else if (kind < 44) a.half(r.pick(CALM_HALVES));
  else if (kind < 55) a.word(word(r.pick(LOADS), { ...operands, rs1: pointer, imm: r.oneIn(3) ? operands.imm : 8 * r.between(-3, 3) }));
  else if (kind < 66) a.word(word(r.pick(STORES), { ...operands, rs1: pointer, imm: r.oneIn(3) ? operands.imm : 8 * r.between(-3, 3) }));
  else if (kind < 67) {
    const size = r.pick(["w", "d"]);
    a.amo(`lr.${size}`, rd(r), 0, pointer);
    if (r.oneIn(3)) a.word(word(r.pick(r.oneIn(2) ? ALU : STORES), { ...operands, rs1: pointer, imm: 0 }));
    a.amo(`sc.${r.oneIn(8) ? "w" : size}`, rd(r), operands.rs2, r.oneIn(8) ? r.between(8, 15) : pointer);
  } else if (kind < 72) a.word(word(r.pick(AMOS), { ...operands, rs1: pointer }) | (r.below(4) << 25));
  else if (kind < 81) a.word(word(r.pick(BRANCHES), { ...operands, imm: 2 * r.between(-40, 60) }));
  else if (kind < 83) a.op("jal", { rd: rd(r), imm: 2 * r.between(-300, 400) });
  else if (kind < 84) a.op("jalr", { rd: rd(r), rs1: r.pick([1, pointer]), imm: r.between(-20, 20) });
  else if (kind < 86) a.half(r.pick(SHORT_JUMPS));
  else if (kind < 92) csr(a, r, operands);
  else if (kind < 95) a.op(r.pick(SYSTEM_WORDS), operands);
  else if (kind < 97) a.op("sfence.vma", { rs1: r.pick([0, pointer]), rs2: r.pick([0, r.below(32)]) });
  else if (kind < 98) a.csr("csrrw", rd(r), "satp", r.pick([0, 28, 28, 29, 29]));
  else if (kind < 99 || r.oneIn(3)) a.word(r.bits());
  else if (r.oneIn(4)) a.op("wfi");
  else a.half(r.below(65536));
}

/** Few registers, so that results meet again; all rounding modes, reserved ones seldom. */
function floating(a: Asm, r: Random): void {
  const f = (): number => (r.oneIn(5) ? r.below(32) : r.below(6));
  const at = { rs1: r.between(8, 15), imm: r.oneIn(4) ? r.bits() | 0 : 8 * r.between(-3, 3) };
  const kind = r.below(40);
  if (kind < 9) a.word(word(r.pick(FLOAT_LOADS), { ...at, rd: f() }));
  else if (kind < 14) a.word(word(r.pick(FLOAT_STORES), { ...at, rs2: f() }));
  else if (kind < 15) a.op("csrrwi", { rd: rd(r), rs1: r.oneIn(6) ? r.below(32) : r.below(5), imm: CSR["frm"]! });
  else {
    const number = r.pick(FLOATS);
    const o = FORMATS[INSTRUCTIONS[number]!.format];
    a.word(word(number, {
      rd: o.rd === "f" ? f() : rd(r), rs1: o.rs1 === "f" ? f() : r.below(32), rs2: f(), rs3: f(),
      imm: r.oneIn(25) ? r.below(8) : r.pick([0, 0, 1, 2, 3, 4, 7, 7]),
    }));
  }
}

function csr(a: Asm, r: Random, operands: { rd: number; rs1: number }): void {
  const imm = r.oneIn(20) ? r.below(4096) & ~(r.oneIn(2) ? 0x300 : 0) : r.pick(CSR_POOL);
  if (imm === CSR["mtvec"] || imm === CSR["mscratch"] || (imm >= 0x3a0 && imm < 0x3a4)) return;
  const status = imm === CSR["mstatus"] && r.oneIn(2);
  a.word(word(r.pick(CSRS), { ...operands, rs1: status ? 26 : r.oneIn(2) ? 0 : operands.rs1 }) | (imm << 20));
}

