// The disassembler: known lines, everything it prints for random words, and GNU objdump's listing beside ours.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { encode } from "./decode.ts";
import { disassemble } from "./disassemble.ts";
import { expand } from "./rvc.ts";
import { INSTRUCTIONS } from "./table.ts";

const text = (code: number, pc = 0x8000_0000n): string => disassemble(code, pc).text;
const [ZERO, RA, SP, T0, A0, A1] = [0, 1, 2, 5, 10, 11];

describe("disassemble", () => {
  it("writes instructions with ABI names", () => {
    expect(text(encode("addi", { rd: SP, rs1: SP, imm: -32 }))).toBe("addi sp,sp,-32");
    expect(text(encode("ld", { rd: A0, rs1: SP, imm: 8 }))).toBe("ld a0,8(sp)");
    expect(text(encode("sd", { rs2: A0, rs1: SP, imm: -8 }))).toBe("sd a0,-8(sp)");
    expect(text(encode("lui", { rd: A0, imm: -0x1000 }))).toBe("lui a0,0xfffff");
    expect(text(encode("slli", { rd: A0, rs1: A1, imm: 32 }))).toBe("slli a0,a1,0x20");
    expect(text(encode("amoswap.w", { rd: T0, rs1: A0, rs2: A1 }) | (3 << 25))).toBe("amoswap.w.aqrl t0,a1,(a0)");
    expect(text(encode("lr.d", { rd: T0, rs1: A0 }) | (1 << 26))).toBe("lr.d.aq t0,(a0)");
    expect(text(encode("fence") | (0x23 << 20))).toBe("fence r,rw");
  });

  it("says where jumps and branches go", () => {
    expect(disassemble(encode("jal", { rd: ZERO, imm: -16 }), 8n)).toEqual({ text: "j 0xfffffffffffffff8", length: 4, target: 0xffff_ffff_ffff_fff8n });
    expect(text(encode("beq", { rs1: A0, rs2: ZERO, imm: 0x20 }))).toBe("beqz a0,0x80000020");
    expect(text(encode("bge", { rs1: ZERO, rs2: A0, imm: 4 }))).toBe("blez a0,0x80000004");
    expect(text(encode("jalr", { rd: RA, rs1: A0, imm: 4 }))).toBe("jalr 4(a0)");
    expect(text(encode("jalr", { rd: ZERO, rs1: RA }))).toBe("ret");
  });

  it("writes CSRs by name", () => {
    expect(text(encode("csrrw", { rd: ZERO, rs1: A0, imm: 0x180 }))).toBe("csrw satp,a0");
    expect(text(encode("csrrs", { rd: A0, imm: 0xc01 }))).toBe("rdtime a0");
    expect(text(encode("csrrsi", { rs1: 2, imm: 0x100 }))).toBe("csrsi sstatus,2");
    expect(text(encode("csrrw", { rd: A0, rs1: A1, imm: 0x9e1 }))).toBe("csrrw a0,0x9e1,a1");
  });

  it("writes floating point with f registers, and the rounding mode unless it is the one in frm", () => {
    const [F0, FA0, FS2, FT11] = [0, 10, 18, 31];
    expect(text(encode("fld", { rd: FA0, rs1: SP, imm: 8 }))).toBe("fld fa0,8(sp)");
    expect(text(encode("fsw", { rs2: FT11, rs1: A0, imm: -4 }))).toBe("fsw ft11,-4(a0)");
    expect(text(encode("fadd.d", { rd: F0, rs1: FA0, rs2: FS2, imm: 7 }))).toBe("fadd.d ft0,fa0,fs2");
    expect(text(encode("fmul.s", { rd: F0, rs1: FA0, rs2: FS2, imm: 0 }))).toBe("fmul.s ft0,fa0,fs2,rne");
    expect(text(encode("fnmadd.d", { rd: F0, rs1: FA0, rs2: FS2, rs3: FT11, imm: 1 }))).toBe("fnmadd.d ft0,fa0,fs2,ft11,rtz");
    expect(text(encode("fcvt.lu.s", { rd: A0, rs1: FA0, imm: 1 }))).toBe("fcvt.lu.s a0,fa0,rtz");
    expect(text(encode("fcvt.d.w", { rd: FA0, rs1: A0 }))).toBe("fcvt.d.w fa0,a0");
    expect(text(encode("feq.d", { rd: A0, rs1: FA0, rs2: FS2 }))).toBe("feq.d a0,fa0,fs2");
    expect(text(encode("fmv.x.w", { rd: A0, rs1: FA0 }))).toBe("fmv.x.w a0,fa0");
    expect(text(encode("fsgnjn.d", { rd: FA0, rs1: FS2, rs2: FS2 }))).toBe("fneg.d fa0,fs2");
    expect(text(encode("csrrw", { rd: A0, rs1: A1, imm: 3 }))).toBe("fscsr a0,a1");
    expect(text(0x2008)).toBe("fld fa0,0(s0)");
  });

  it("shows what compressed instructions stand for", () => {
    expect(disassemble(0xdead_1141 | 0, 0n)).toEqual({ text: "addi sp,sp,-16", length: 2, target: undefined });
    expect(text(0x8082)).toBe("ret");
    expect(text(0x852e)).toBe("mv a0,a1");
    expect(text(0x0001)).toBe("nop");
    expect(text(0x0000)).toBe("unimp");
  });

  it("says of what is no instruction only which bytes it is", () => {
    expect(text(0xffff_ffff | 0)).toBe(".4byte 0xffffffff");
    expect(text(0x8000)).toBe(".2byte 0x8000");
  });
});

const OBJDUMP = "riscv64-unknown-elf-objdump";
const hasObjdump = ((): boolean => {
  try {
    execFileSync(OBJDUMP, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** objdump writes some instructions with an immediate under the register form's name; the table's names are the manual's. */
const SHORT = /^(add|xor|or|and|sll|srl|sra|addw|sllw|srlw|sraw|slt|sltu|csrrw|csrrs|csrrc|csrw|csrs|csrc) /;
const IMMEDIATE: Readonly<Record<string, string>> = { addw: "addiw", sllw: "slliw", srlw: "srliw", sraw: "sraiw", sltu: "sltiu" };

function theirs(line: string): string {
  const plain = line.replace(/\s*[#<].*$/, "").trim().replace(/\s+/g, " ");
  const name = SHORT.exec(plain)?.[1];
  if (name === undefined || !/,-?(0x)?[0-9a-f]+$/.test(plain) || /,(a[0-7]|fp)$/.test(plain)) return plain;
  return plain.replace(name, IMMEDIATE[name] ?? `${name}i`);
}

/** Compares each line of an objdump listing; the lines that differ, and how many were compared. */
function compare(listing: string): { compared: number; different: string[] } {
  let compared = 0;
  const different: string[] = [];
  for (const line of listing.split("\n")) {
    const [, at, digits, rest] = /^\s*([0-9a-f]+):\s+([0-9a-f]{4}|[0-9a-f]{8})\s+(.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    const code = parseInt(digits!, 16) | 0;
    const ours = disassemble(code, BigInt(`0x${at!}`));
    let wanted = theirs(rest);
    if (isOutside(code, wanted)) continue;
    if (ours.target !== undefined) wanted = wanted.replace(/(?:0x)?([0-9a-f]+)$/, "0x$1");
    compared++;
    if (ours.text !== wanted) different.push(`${line.trim()} | ours: ${ours.text}`);
  }
  return { compared, different };
}

/**
 * Not for comparing: hints, CSRs that this machine has not, reserved bits of fences, and rounding modes of conversions
 * that are exact (objdump 2.40 knows these instructions only with mode 0).
 */
function isOutside(code: number, wanted: string): boolean {
  const word = (code & 3) === 3 ? code : expand(code & 0xffff);
  const csr = (word & 0x7f) === 0x73 && (word & 0x7000) !== 0;
  const fence = (word & 0x7f) === 0x0f;
  const exact = /^fcvt\.d\.(w|wu|s) /.test(disassemble(code, 0n).text) && (code & 0x7000) !== 0;
  return exact || wanted.startsWith("c.") || code === 0x6101
    || (csr && disassemble(code, 0n).text.includes("0x")) || (fence && (word & 0xf00f_ff80) !== 0);
}

describe.skipIf(!hasObjdump)(`beside ${OBJDUMP} (skipped where it is not installed)`, () => {
  const list = (...options: string[]): string => execFileSync(OBJDUMP, options, { maxBuffer: 2 ** 28, encoding: "utf8" });

  it("reads random instructions of every kind, and every compressed one, alike", () => {
    const folder = mkdtempSync(join(tmpdir(), "pagewalk-test-"));
    try {
      const file = join(folder, "code");
      writeFileSync(file, randomCode(100));
      const { compared, different } = compare(list("-b", "binary", "-m", "riscv:rv64", "-D", "--adjust-vma=0x80000000", file));
      expect(different).toEqual([]);
      expect(compared).toBeGreaterThan(40_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const kernel = fileURLToPath(new URL("../../guest-kernel/prebuilt/kernel.elf", import.meta.url));
  it.skipIf(!existsSync(kernel))("reads the whole kernel alike", () => {
    const { compared, different } = compare(list("-d", kernel));
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(5_000);
  });
});

/** `rounds` words of each instruction with random operands (often zero ones), then every compressed halfword. */
function randomCode(rounds: number): Uint8Array {
  let seed = 12345;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed ^ (seed >>> 13);
  };
  const CLEAR = [0, 31 << 15, 31 << 20, 31 << 7];
  const IMMEDIATES = [undefined, 0, -1, 1, 255, 0x180, 0xc01];
  const words = Array.from({ length: rounds }, (_, n) => INSTRUCTIONS.slice(1).map((i) => {
    let operands = random() & ~CLEAR[n % CLEAR.length]!;
    const imm = IMMEDIATES[n % IMMEDIATES.length];
    if (imm !== undefined) operands = (operands & 0xfffff) | (imm << 20);
    return (operands & ~i.mask) | i.match;
  })).flat();
  const halves = Array.from({ length: 65536 }, (_, h) => h).filter((h) => (h & 3) !== 3);
  const out = new DataView(new ArrayBuffer(4 * words.length + 2 * halves.length));
  words.forEach((w, i) => out.setInt32(4 * i, w, true));
  halves.forEach((h, i) => out.setUint16(4 * words.length + 2 * i, h, true));
  return new Uint8Array(out.buffer);
}
