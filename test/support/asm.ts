// A small assembler for tests, on top of the instruction table's encoder: labels, constants, data, page tables.
// It writes an image that starts at `base`; the address of what comes next is `here`.

import { encode, type Operands } from "../../emulator/isa/decode.ts";
import { CSR } from "../../emulator/isa/csr-names.ts";
import { RAM } from "../../emulator/memory-map.ts";

/** Integer registers by ABI name. */
export const REG = {
  zero: 0, ra: 1, sp: 2, gp: 3, tp: 4, t0: 5, t1: 6, t2: 7, s0: 8, s1: 9, a0: 10, a1: 11, a2: 12, a3: 13, a4: 14, a5: 15, a6: 16, a7: 17,
  s2: 18, s3: 19, s4: 20, s5: 21, s6: 22, s7: 23, s8: 24, s9: 25, s10: 26, s11: 27, t3: 28, t4: 29, t5: 30, t6: 31,
} as const;
export type RegName = keyof typeof REG;
/** A register by name or number. */
export type R = RegName | number;
const n = (r: R): number => (typeof r === "number" ? r : REG[r]);

export type BranchName = "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu";

interface Fixup {
  readonly at: number;
  readonly label: string;
  readonly patch: (offset: number, at: number) => void;
}

export class Asm {
  readonly base: number;
  private bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  private position = 0;
  private end = 0;
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];

  constructor(base: number = RAM) {
    this.base = base;
  }

  /** Address of the next byte. */
  get here(): number {
    return this.base + this.position;
  }

  /** Go on at an address; what lies between is zero. */
  org(address: number): this {
    this.position = address - this.base;
    return this;
  }

  align(to: number): this {
    return this.org(Math.ceil(this.here / to) * to);
  }

  label(name: string): this {
    if (this.labels.has(name)) throw new Error(`asm: two labels are called ${name}`);
    this.labels.set(name, this.here);
    return this;
  }

  /** Address of a label that has been passed. */
  address(name: string): number {
    const at = this.labels.get(name);
    if (at === undefined) throw new Error(`asm: there is no label ${name}`);
    return at;
  }

  half(h: number): this {
    this.room(2);
    this.view.setUint16(this.position, h, true);
    return this.advance(2);
  }

  word(w: number): this {
    this.room(4);
    this.view.setInt32(this.position, w | 0, true);
    return this.advance(4);
  }

  dword(v: bigint | number): this {
    this.room(8);
    this.view.setBigUint64(this.position, BigInt.asUintN(64, BigInt(v)), true);
    return this.advance(8);
  }

  data(bytes: Uint8Array): this {
    this.room(bytes.length);
    this.bytes.set(bytes, this.position);
    return this.advance(bytes.length);
  }

  /** Any instruction of the table, operands by name. */
  op(name: string, operands: Operands = {}): this {
    return this.word(encode(name, operands));
  }

  /** Register-register, for example r("add", "a0", "a1", "a2"). */
  r(name: string, rd: R, rs1: R, rs2: R): this {
    return this.op(name, { rd: n(rd), rs1: n(rs1), rs2: n(rs2) });
  }

  /** Register-immediate, also loads with the offset as the immediate. */
  i(name: string, rd: R, rs1: R, imm: number): this {
    return this.op(name, { rd: n(rd), rs1: n(rs1), imm });
  }

  /** Store `src` at offset(base). */
  s(name: string, src: R, base: R, offset = 0): this {
    return this.op(name, { rs1: n(base), rs2: n(src), imm: offset });
  }

  /** Atomic: rd, rs2, (rs1). */
  amo(name: string, rd: R, src: R, address: R): this {
    return this.op(name, { rd: n(rd), rs1: n(address), rs2: n(src) });
  }

  branch(name: BranchName, rs1: R, rs2: R, label: string): this {
    return this.later(label, (imm) => encode(name, { rs1: n(rs1), rs2: n(rs2), imm }), 4094);
  }

  jal(rd: R, label: string): this {
    return this.later(label, (imm) => encode("jal", { rd: n(rd), imm }), 0xffffe);
  }

  j(label: string): this {
    return this.jal(0, label);
  }

  /** Address of a label, pc-relative (two instructions). */
  la(rd: R, label: string): this {
    const at = this.position;
    this.fixups.push({
      at: this.here, label,
      patch: (offset) => {
        const low = (offset << 20) >> 20;
        this.view.setInt32(at, encode("auipc", { rd: n(rd), imm: offset - low }), true);
        this.view.setInt32(at + 4, encode("addi", { rd: n(rd), rs1: n(rd), imm: low }), true);
      },
    });
    return this.word(0).word(0);
  }

  /** A constant: as few instructions as lui, addiw, addi and slli need. */
  li(rd: R, value: bigint | number): this {
    const v = BigInt.asIntN(64, BigInt(value));
    if (v >= -0x80000000n && v < 0x80000000n) {
      const w = Number(v);
      const low = (w << 20) >> 20;
      const high = (w - low) | 0;
      if (high === 0) return this.i("addi", rd, 0, low);
      this.op("lui", { rd: n(rd), imm: high });
      return low === 0 ? this : this.i("addiw", rd, rd, low);
    }
    const low = BigInt.asIntN(12, v);
    this.li(rd, BigInt.asIntN(64, v - low) >> 12n);
    this.i("slli", rd, rd, 12);
    return low === 0n ? this : this.i("addi", rd, rd, Number(low));
  }

  csrr(rd: R, csr: string | number): this {
    return this.csr("csrrs", rd, csr, 0);
  }

  csrw(csr: string | number, src: R): this {
    return this.csr("csrrw", 0, csr, src);
  }

  /** Any register form of Zicsr. */
  csr(name: string, rd: R, csr: string | number, src: R): this {
    const number = typeof csr === "number" ? csr : CSR[csr];
    if (number === undefined) throw new Error(`asm: there is no CSR ${csr}`);
    return this.op(name, { rd: n(rd), rs1: n(src), imm: number });
  }

  /** Constant into a CSR, through t6. */
  csrli(csr: string, value: bigint | number): this {
    return this.li("t6", value).csrw(csr, "t6");
  }

  /** The image, labels resolved. */
  image(): Uint8Array {
    for (const f of this.fixups.splice(0)) f.patch(this.address(f.label) - f.at, f.at);
    return this.bytes.slice(0, this.end);
  }

  private later(label: string, make: (offset: number) => number, reach: number): this {
    const at = this.position;
    this.fixups.push({
      at: this.here, label,
      patch: (offset) => {
        if (Math.abs(offset) > reach) throw new Error(`asm: ${label} is out of reach`);
        this.view.setInt32(at, make(offset), true);
      },
    });
    return this.word(0);
  }

  private advance(size: number): this {
    this.position += size;
    this.end = Math.max(this.end, this.position);
    return this;
  }

  private room(size: number): void {
    if (this.position < 0) throw new Error("asm: below the base");
    let length = this.bytes.length;
    while (this.position + size > length) length *= 2;
    if (length === this.bytes.length) return;
    const grown = new Uint8Array(length);
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** PTE bits. */
export const PTE = { V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128 } as const;
/** Flags from letters, for example flags("rwxuad"); V is always set. */
export const flags = (letters: string): number =>
  [...letters].reduce<number>((bits, c) => bits | PTE[c.toUpperCase() as keyof typeof PTE], PTE.V);

/** Sv39 page tables, written into an image from a given address on. The first page is the root. */
export class PageTables {
  readonly root: number;
  private readonly tables = new Map<number, BigUint64Array>();
  private next: number;

  constructor(at: number) {
    this.root = at;
    this.next = at;
    this.table();
  }

  /** Map one page of 4 KiB << 9·level. */
  map(va: number | bigint, pa: number, letters: string, level = 0): this {
    return this.entry(va, level, BigInt(Math.floor(pa / 4096)) << 10n | BigInt(flags(letters)));
  }

  /** Map `pages` pages of 4 KiB. */
  range(va: number, pa: number, pages: number, letters: string): this {
    for (let i = 0; i < pages; i++) this.map(va + 4096 * i, pa + 4096 * i, letters);
    return this;
  }

  /** Put a raw entry at the place that translates `va` at `level`, making the tables above it. */
  entry(va: number | bigint, level: number, pte: bigint): this {
    const at = this.addressOf(va, level, true);
    this.tables.get(Math.floor(at / 4096) * 4096)![(at % 4096) / 8] = pte;
    return this;
  }

  /** Physical address of the entry that translates `va` at `level`; tables above it must exist unless `make`. */
  addressOf(va: number | bigint, level = 0, make = false): number {
    let at = this.root;
    for (let l = 2; ; l--) {
      const index = Number((BigInt(va) >> BigInt(12 + 9 * l)) & 511n);
      if (l === level) return at + 8 * index;
      const table = this.tables.get(at)!;
      if ((table[index]! & 1n) === 0n) {
        if (!make) throw new Error("page tables: nothing is mapped there");
        table[index] = (BigInt(this.table() / 4096) << 10n) | 1n;
      }
      at = Number(table[index]! >> 10n) * 4096;
    }
  }

  /** satp for these tables. */
  satp(asid = 0): bigint {
    return (8n << 60n) | (BigInt(asid) << 44n) | BigInt(this.root / 4096);
  }

  /** Write all tables into an image. */
  emit(a: Asm): void {
    for (const [at, table] of this.tables) a.org(at).data(new Uint8Array(table.buffer));
  }

  /** The address after the last table. */
  get end(): number {
    return this.next;
  }

  private table(): number {
    const at = this.next;
    this.next += 4096;
    this.tables.set(at, new BigUint64Array(512));
    return at;
  }
}
