// The instruction table: no word is two instructions, what is encoded is decoded, and words agree with binutils.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decode, encode } from "../../../emulator/isa/decode.ts";
import { FORMATS } from "../../../emulator/isa/formats.ts";
import { compressedName, expand } from "../../../emulator/isa/rvc.ts";
import { INSTRUCTIONS } from "../../../emulator/isa/table.ts";
import { Random } from "../../support/random.ts";
import { installed, output } from "../../support/tools.ts";

const OBJDUMP = "riscv64-unknown-elf-objdump";
const hasObjdump = installed(OBJDUMP);
const REAL = INSTRUCTIONS.slice(1);

/** Text of each instruction of a raw file, by address. */
function disassembled(code: Uint8Array): Map<number, string> {
  const dir = mkdtempSync(join(tmpdir(), "pagewalk-"));
  try {
    const file = join(dir, "code.bin");
    writeFileSync(file, code);
    const lines = output(OBJDUMP, ["-D", "-z", "-b", "binary", "-m", "riscv:rv64", "-M", "no-aliases,numeric", file]).split("\n");
    return new Map(lines.flatMap((line): [number, string][] => {
      const m = /^\s*([0-9a-f]+):\s+[0-9a-f]+\s+(.*)$/.exec(line);
      return m === null ? [] : [[parseInt(m[1]!, 16), m[2]!.split("#")[0]!.trim().replace(/\s+/, " ")]];
    }));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe("the table", () => {
  test("names are unique, and match lies within mask", () => {
    expect(new Set(INSTRUCTIONS.map((i) => i.name)).size).toBe(INSTRUCTIONS.length);
    for (const i of REAL) expect(i.match & ~i.mask, i.name).toBe(0);
  });

  test("no word is two instructions", () => {
    for (const [n, a] of REAL.entries()) {
      for (const b of REAL.slice(n + 1)) expect((a.match ^ b.match) & a.mask & b.mask, `${a.name} and ${b.name}`).not.toBe(0);
    }
  });

  test("operands come back from the words they were put into", () => {
    const r = new Random(1);
    for (const i of REAL) {
      const f = FORMATS[i.format];
      for (let n = 0; n < 200; n++) {
        const o = { rd: r.below(32), rs1: r.below(32), rs2: i.name.startsWith("lr.") ? 0 : r.below(32), rs3: r.below(32), imm: r.bits() | 0 };
        const word = encode(i.name, o);
        expect(INSTRUCTIONS[decode(word)]!.name).toBe(i.name);
        if (f.rd) expect((word >>> 7) & 31).toBe(o.rd);
        if (f.rs1) expect((word >>> 15) & 31).toBe(o.rs1);
        if (f.rs2) expect((word >>> 20) & 31).toBe(o.rs2);
        if (f.rs3) expect(word >>> 27).toBe(o.rs3);
        if (!["csr", "csri", "system", "sfence"].includes(i.format)) expect(f.place(f.imm(word))).toBe(f.place(o.imm));
      }
    }
  });

  test("immediates are what the manual draws", () => {
    expect(FORMATS.I.imm(encode("addi", { imm: -2048 }))).toBe(-2048);
    expect(FORMATS.S.imm(encode("sd", { imm: -1 }))).toBe(-1);
    expect(FORMATS.B.imm(0xfe000fe3 | 0)).toBe(-2);
    expect(FORMATS.B.imm(0x7e000fe3)).toBe(4094);
    expect(FORMATS.J.imm(0x7ffff06f)).toBe(0xffffe);
    expect(FORMATS.J.imm(0x8000006f | 0)).toBe(-0x100000);
    expect(FORMATS.U.imm(0xfffff0b7 | 0)).toBe(-4096);
  });

  test("words that are none: decode gives 0", () => {
    for (const w of [0, -1, 0x7b, 0x04000053, 0x1007, 0x4027, 0x06000043, 0x58100053, 0x40000053, 0x42100053, 0xe0002053, 0x40001033, 0x02001013 | (1 << 26), 0x0200101b, 0x1000302f | (1 << 20), 0x302000f3, 0x00200073, 0x4073, 0x7003, 0x4023]) {
      expect(decode(w), w.toString(16)).toBe(0);
    }
  });

  test.skipIf(!hasObjdump)("20,000 random words decode as objdump says", () => {
    const r = new Random(2);
    const count = 20_000;
    const code = new Int32Array(count);
    for (let n = 0; n < count; n++) {
      // Half of them near an instruction: its word with up to two bits flipped.
      const near = encode(r.pick(REAL).name, { rd: r.below(32), rs1: r.below(32), rs2: r.below(32), rs3: r.below(32), imm: r.bits() | 0 });
      code[n] = r.oneIn(2) ? r.bits() | 3 : near ^ (r.oneIn(2) ? 1 << r.between(2, 31) : 0);
      if ((code[n]! & 31) === 31) code[n] = code[n]! & ~4; // not a longer instruction
    }
    const known = new Set(REAL.map((i) => i.name));
    const texts = disassembled(new Uint8Array(code.buffer));
    for (let n = 0; n < count; n++) {
      const word = code[n]!;
      const theirs = texts.get(4 * n)?.split(" ")[0]?.replace(/\.(aq|rl|aqrl)$/, "") ?? "";
      const ours = INSTRUCTIONS[decode(word)]!.name;
      const expected = theirs === "fence.tso" || theirs === "pause" ? "fence" : known.has(theirs) ? theirs : "illegal";
      if (loose(word, ours)) continue;
      expect(ours, `${(word >>> 0).toString(16)} ${texts.get(4 * n)}`).toBe(expected);
    }
  });
});

/**
 * Where objdump 2.40 is stricter than the manual: fences whose unused fields hardware is told to ignore, and exact
 * conversions, whose rounding mode is a field like any other.
 */
const loose = (word: number, ours: string): boolean =>
  ((ours === "fence" || ours === "fence.i") && (word & 0xf00fff80) !== 0) || (/^fcvt\.d\.(w|wu|s)$/.test(ours) && (word & 0x7000) !== 0);

describe("compressed instructions", () => {
  test("all 65,536 halfwords expand as they did when they were compared with objdump", () => {
    let hash = 0;
    let legal = 0;
    const unnamed: number[] = [];
    for (let h = 0; h < 65536; h++) {
      const word = (h & 3) === 3 ? 0 : expand(h);
      if (word !== 0) legal++;
      hash = (Math.imul(hash ^ word, 0x01000193) + (hash >>> 13) + h) | 0;
      if ((h & 3) !== 3 && (word === 0) !== (compressedName(h) === undefined)) unnamed.push(h);
    }
    expect([legal, hash >>> 0]).toEqual(RVC_FINGERPRINT);
    expect(unnamed).toEqual([]);
  });

  test.skipIf(!hasObjdump)("all 49,152 of them as objdump says", () => {
    const halves = Array.from({ length: 65536 }, (_, h) => h).filter((h) => (h & 3) !== 3);
    const code = new Uint8Array(Uint16Array.from(halves).buffer);
    const texts = disassembled(code);
    const wrong: string[] = [];
    halves.forEach((h, n) => {
      const text = texts.get(2 * n)!;
      const expected = meaning(text, 2 * n);
      if (expand(h) !== expected) wrong.push(`${h.toString(16)} ${text}: ${(expand(h) >>> 0).toString(16)} instead of ${(expected >>> 0).toString(16)}`);
    });
    expect(wrong).toEqual([]);
  });
});

/** How many are legal, and the hash over all. */
const RVC_FINGERPRINT = [46743, 3351894704];

/** The 32-bit word that objdump's text of a compressed instruction at an address stands for; 0 where RV64IMAFDC has none. */
function meaning(text: string, at: number): number {
  const [name = "", rest = ""] = text.split(" ");
  const operands = rest.split(/[,()]/).filter((s) => s !== "");
  const reg = (n: number): number => parseInt(operands[n]!.slice(1), 10);
  const num = (n: number): number => Number(operands[n]);
  const rd = /^[xf]\d/.test(operands[0] ?? "") ? reg(0) : 0;
  const op = name.slice(2);
  switch (op) {
    case "addi4spn": return encode("addi", { rd, rs1: 2, imm: num(2) });
    case "addi16sp": return num(1) === 0 ? 0 : encode("addi", { rd: 2, rs1: 2, imm: num(1) });
    case "addi": case "addiw": case "andi": case "slli": case "srli": case "srai": return encode(op, { rd, rs1: rd, imm: num(1) });
    case "slli64": case "srli64": case "srai64": return encode(op.slice(0, 4), { rd, rs1: rd, imm: 0 });
    case "nop": return encode("addi", { imm: operands.length > 0 ? num(0) : 0 });
    case "li": return encode("addi", { rd, imm: num(1) });
    case "lui": return encode("lui", { rd, imm: num(1) << 12 });
    case "lw": case "ld": case "sw": case "sd": case "fld": case "fsd": return encode(op, { rd, rs2: rd, rs1: reg(2), imm: num(1) });
    case "lwsp": case "ldsp": case "swsp": case "sdsp": case "fldsp": case "fsdsp": return encode(op.slice(0, -2), { rd, rs2: rd, rs1: 2, imm: num(1) });
    case "sub": case "xor": case "or": case "and": case "subw": case "addw": case "add": return encode(op, { rd, rs1: rd, rs2: reg(1) });
    case "mv": return encode("add", { rd, rs1: 0, rs2: reg(1) });
    case "j": return encode("jal", { rd: 0, imm: num(0) - at });
    case "beqz": return encode("beq", { rs1: rd, imm: num(1) - at });
    case "bnez": return encode("bne", { rs1: rd, imm: num(1) - at });
    case "jr": return encode("jalr", { rd: 0, rs1: rd });
    case "jalr": return encode("jalr", { rd: 1, rs1: rd });
    case "ebreak": return encode("ebreak");
    default: return 0; // unimp or reserved
  }
}
