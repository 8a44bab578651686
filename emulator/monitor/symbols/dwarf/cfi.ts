// Call frame information: how to find the caller's registers at any instruction (DWARF 5, section 6.4; .eh_frame as the
// Linux Standard Base describes it). Registers: x0 to x31 are 0 to 31 (RISC-V ELF psABI).

import { hex, SymbolsError } from "../errors.ts";
import { lastFrom } from "../search.ts";
import type { SectionSource } from "../sections.ts";
import { CFA } from "./constants.ts";
import { Cursor, type Work } from "./cursor.ts";

/** How one register of the caller is found. */
export type RegisterRule =
  | { readonly kind: "undefined" | "same" }
  | { readonly kind: "at" | "is"; readonly offset: bigint } // in memory at CFA + offset; the number CFA + offset itself
  | { readonly kind: "register"; readonly register: number }
  | { readonly kind: "at expression" | "is expression"; readonly expression: Uint8Array };

/** How the canonical frame address is found. */
export type CfaRule = { readonly register: number; readonly offset: bigint } | { readonly expression: Uint8Array };

/** The rules that hold at one instruction. */
export interface FrameRules {
  readonly cfa: CfaRule;
  /** By register number; a register without a rule is unchanged if a callee must keep it. */
  readonly registers: ReadonlyMap<number, RegisterRule>;
  /** The register whose rule gives the return address. */
  readonly returnRegister: number;
  /** The frame was made by a trap: its caller stands at, not behind, an instruction. */
  readonly signal: boolean;
}

interface Cie {
  readonly codeAlign: bigint;
  readonly dataAlign: bigint;
  readonly returnRegister: number;
  readonly program: Cursor;
  readonly encoding: number;
  readonly augmented: boolean;
  readonly signal: boolean;
}

interface Fde {
  readonly start: bigint;
  readonly end: bigint;
  readonly cie: Cie;
  readonly program: () => Cursor;
}

/** Pointer encodings of .eh_frame: the low four bits are the size, the next the base (0x10: where it stands). */
const PE = { absptr: 0x00, uleb: 0x01, udata2: 0x02, udata4: 0x03, udata8: 0x04, sleb: 0x09, sdata2: 0x0a, sdata4: 0x0b, sdata8: 0x0c, pcrel: 0x10, omit: 0xff } as const;

/** One of the two sections that hold call frame information. */
export class CallFrames {
  private readonly work: Work;
  private readonly bytes: Uint8Array;
  private readonly label: ".debug_frame" | ".eh_frame";
  private readonly address: bigint;
  private readonly cies = new Map<number, Cie>();
  private fdes: readonly Fde[] | undefined;

  constructor(sections: SectionSource, label: ".debug_frame" | ".eh_frame", work: Work) {
    this.bytes = sections.get(label);
    this.label = label;
    this.address = sections.addressOf(label)?.start ?? 0n;
    this.work = work;
  }

  /** The rules at an address (as linked); undefined when the section says nothing about it. Throws SymbolsError. */
  rulesAt(address: bigint): FrameRules | undefined {
    this.fdes ??= this.readAll();
    const fde = lastFrom(this.fdes, address);
    if (fde === undefined || address >= fde.end) return undefined;
    return new RuleMachine(fde.cie, fde.start, this.work).rulesAt(fde.program(), address);
  }

  /** Every function's entry, by address. Damage ends the list. */
  private readAll(): Fde[] {
    const fdes: Fde[] = [];
    const cursor = new Cursor(this.bytes, this.label);
    try {
      while (!cursor.done) {
        this.work.spend();
        const start = cursor.at;
        if (cursor.u32() === 0) continue; // .eh_frame's end mark, or padding
        cursor.at = start;
        const { end, wide } = cursor.unitLength();
        const fde = this.readEntry(new Cursor(this.bytes, this.label, cursor.at, end), wide);
        if (fde !== undefined && fde.start < fde.end) fdes.push(fde);
        cursor.at = end;
      }
    } catch (error) {
      if (!(error instanceof SymbolsError)) throw error;
    }
    return fdes.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  }

  /** The entry at the cursor, behind its length; undefined for a CIE. */
  private readEntry(cursor: Cursor, wide: boolean): Fde | undefined {
    const at = cursor.at;
    if (this.label === ".debug_frame" && cursor.bytes[at] === 0xff && cursor.u32() === 0xffff_ffff) return undefined; // a CIE
    cursor.at = at;
    const id = cursor.offset(wide && this.label === ".debug_frame");
    if (this.label === ".eh_frame" && id === 0) return undefined;
    const cie = this.cie(this.label === ".eh_frame" ? at - id : id);
    const start = this.pointer(cursor, cie.encoding);
    const length = this.pointer(cursor, cie.encoding & 0x0f);
    return {
      start,
      end: start + length,
      cie,
      program: () => {
        const program = new Cursor(cursor.bytes, cursor.label, cursor.at, cursor.end);
        if (cie.augmented) program.skip(program.uleb());
        return program;
      },
    };
  }

  private cie(offset: number): Cie {
    const known = this.cies.get(offset);
    if (known !== undefined) return known;
    const cursor = new Cursor(this.bytes, this.label, offset);
    const { end, wide } = cursor.unitLength();
    cursor.end = end;
    cursor.skip(wide && this.label === ".debug_frame" ? 8 : 4);
    const version = cursor.u8();
    if (![1, 3, 4].includes(version)) throw new SymbolsError(`${this.label} at ${hex(offset)}: version ${version} is not known here`);
    const augmentation = cursor.cstring();
    if (version === 4) cursor.skip(2);
    const [codeAlign, dataAlign] = [cursor.wideUleb(), cursor.sleb()];
    const returnRegister = version === 1 ? cursor.u8() : cursor.uleb();
    const cie = { codeAlign, dataAlign, returnRegister, ...this.augmentation(cursor, augmentation), program: cursor };
    this.cies.set(offset, cie);
    return cie;
  }

  /** What the letters of an augmentation say: how pointers are written, and whether a trap made the frame. */
  private augmentation(cursor: Cursor, text: string): Pick<Cie, "encoding" | "augmented" | "signal"> {
    if (text === "") return { encoding: PE.absptr, augmented: false, signal: false };
    if (!text.startsWith("z")) throw new SymbolsError(`${this.label}: the augmentation ${JSON.stringify(text)} is not known here`);
    const length = cursor.uleb();
    const end = cursor.at + length;
    let encoding: number = PE.absptr;
    for (const letter of text.slice(1)) {
      if (letter === "R") encoding = cursor.u8();
      else if (letter === "L") cursor.skip(1);
      else if (letter === "P") this.pointer(cursor, cursor.u8());
    }
    if (end < cursor.at || end > cursor.end) throw new SymbolsError(`${this.label}: an augmentation of ${length} bytes`);
    cursor.at = end;
    return { encoding, augmented: true, signal: text.includes("S") };
  }

  private pointer(cursor: Cursor, encoding: number): bigint {
    if (encoding === PE.omit) return 0n;
    const base = (encoding & 0x70) === PE.pcrel ? this.address + BigInt(cursor.at) : 0n;
    if ((encoding & 0x80) !== 0 || ![0, PE.pcrel].includes(encoding & 0x70)) throw new SymbolsError(`${this.label}: pointers written as ${hex(encoding)}`);
    return BigInt.asUintN(64, base + encoded(cursor, encoding & 0x0f));
  }
}

function encoded(cursor: Cursor, form: number): bigint {
  switch (form) {
    case PE.absptr:
    case PE.udata8:
    case PE.sdata8:
      return cursor.u64();
    case PE.uleb:
      return cursor.wideUleb();
    case PE.sleb:
      return cursor.sleb();
    case PE.udata2:
      return BigInt(cursor.u16());
    case PE.sdata2:
      return BigInt.asIntN(16, BigInt(cursor.u16()));
    case PE.udata4:
      return BigInt(cursor.u32());
    case PE.sdata4:
      return BigInt.asIntN(32, BigInt(cursor.u32()));
    default:
      throw new SymbolsError(`${cursor.label}: a pointer form ${hex(form)}`);
  }
}

interface Row {
  cfa: CfaRule;
  registers: Map<number, RegisterRule>;
}

const MOST_REMEMBERED = 64;

/** Runs call frame instructions up to an address. */
class RuleMachine {
  private readonly cie: Cie;
  private readonly work: Work;
  private at: bigint;
  private row: Row = { cfa: { register: 2, offset: 0n }, registers: new Map() };
  private initial = new Map<number, RegisterRule>();
  private readonly remembered: Row[] = [];

  constructor(cie: Cie, start: bigint, work: Work) {
    this.cie = cie;
    this.at = start;
    this.work = work;
  }

  rulesAt(program: Cursor, address: bigint): FrameRules {
    const { cie } = this;
    const first = new Cursor(cie.program.bytes, cie.program.label, cie.program.at, cie.program.end);
    this.run(first, 1n << 64n);
    this.initial = new Map(this.row.registers);
    this.run(program, address);
    return { cfa: this.row.cfa, registers: this.row.registers, returnRegister: cie.returnRegister, signal: cie.signal };
  }

  private run(cursor: Cursor, until: bigint): void {
    while (!cursor.done) {
      this.work.spend();
      const byte = cursor.u8();
      const [high, low] = [byte & 0xc0, byte & 0x3f];
      if (high === CFA.advance_loc) this.advance(low);
      else if (high === CFA.offset) this.saved(low, BigInt(cursor.uleb()));
      else if (high === CFA.restore) this.restore(low);
      else if (!this.move(cursor, byte) && !this.defineCfa(cursor, byte)) this.rule(cursor, byte);
      if (this.at > until) return;
    }
  }

  private advance(units: number): void {
    this.at += BigInt(units) * this.cie.codeAlign;
  }

  private set(register: number, rule: RegisterRule): void {
    this.row.registers.set(register, rule);
  }

  /** The register is saved at CFA + factored offset. */
  private saved(register: number, factored: bigint): void {
    this.set(register, { kind: "at", offset: factored * this.cie.dataAlign });
  }

  private restore(register: number): void {
    const rule = this.initial.get(register);
    if (rule === undefined) this.row.registers.delete(register);
    else this.set(register, rule);
  }

  /** Moving on, remembering, and what has no effect. */
  private move(cursor: Cursor, op: number): boolean {
    if (op === CFA.advance_loc1) this.advance(cursor.u8());
    else if (op === CFA.advance_loc2) this.advance(cursor.u16());
    else if (op === CFA.advance_loc4) this.advance(cursor.u32());
    else if (op === CFA.set_loc) this.at = cursor.u64();
    else if (op === CFA.gnu_args_size) cursor.skipLeb();
    else if (op === CFA.remember_state) {
      if (this.remembered.length >= MOST_REMEMBERED) throw new SymbolsError(`${cursor.label}: states remembered without end`);
      this.remembered.push({ cfa: this.row.cfa, registers: new Map(this.row.registers) });
    } else if (op === CFA.restore_state) {
      const row = this.remembered.pop();
      if (row === undefined) throw new SymbolsError(`${cursor.label}: no state was remembered`);
      this.row = row;
    } else return op === CFA.nop;
    return true;
  }

  private defineCfa(cursor: Cursor, op: number): boolean {
    const { row } = this;
    const factor = this.cie.dataAlign;
    if (op === CFA.def_cfa) row.cfa = { register: cursor.uleb(), offset: cursor.wideUleb() };
    else if (op === CFA.def_cfa_sf) row.cfa = { register: cursor.uleb(), offset: cursor.sleb() * factor };
    else if (op === CFA.def_cfa_expression) row.cfa = { expression: cursor.block(cursor.uleb()) };
    else if (op === CFA.def_cfa_register) row.cfa = { register: cursor.uleb(), offset: offsetOf(row.cfa) };
    else if (op === CFA.def_cfa_offset) row.cfa = { register: registerOf(row.cfa), offset: cursor.wideUleb() };
    else if (op === CFA.def_cfa_offset_sf) row.cfa = { register: registerOf(row.cfa), offset: cursor.sleb() * factor };
    else return false;
    return true;
  }

  /** A rule for one register. */
  private rule(cursor: Cursor, op: number): void {
    const register = cursor.uleb();
    const factor = this.cie.dataAlign;
    if (op === CFA.offset_extended) this.saved(register, cursor.wideUleb());
    else if (op === CFA.offset_extended_sf) this.saved(register, cursor.sleb());
    else if (op === CFA.restore_extended) this.restore(register);
    else if (op === CFA.undefined) this.set(register, { kind: "undefined" });
    else if (op === CFA.same_value) this.set(register, { kind: "same" });
    else if (op === CFA.register) this.set(register, { kind: "register", register: cursor.uleb() });
    else if (op === CFA.val_offset) this.set(register, { kind: "is", offset: cursor.wideUleb() * factor });
    else if (op === CFA.val_offset_sf) this.set(register, { kind: "is", offset: cursor.sleb() * factor });
    else if (op === CFA.expression) this.set(register, { kind: "at expression", expression: cursor.block(cursor.uleb()) });
    else if (op === CFA.val_expression) this.set(register, { kind: "is expression", expression: cursor.block(cursor.uleb()) });
    else throw new SymbolsError(`${cursor.label}: a call frame instruction ${hex(op)} that is not known here`);
  }
}

function registerOf(rule: CfaRule): number {
  if ("expression" in rule) throw new SymbolsError("call frame information gives an expression an offset");
  return rule.register;
}

function offsetOf(rule: CfaRule): bigint {
  if ("expression" in rule) throw new SymbolsError("call frame information gives an expression a register");
  return rule.offset;
}
