// Debug information made by hand to lead round, to go on for ever, or to ask for too much.

import { expect, test } from "vitest";
import { SymbolsError } from "../errors.ts";
import { AT, CFA, FORM, OP, TAG } from "./constants.ts";
import { DebugInfo } from "./debug-info.ts";

const uleb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...uleb(Math.floor(value / 128))]);
const u32 = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const u64 = (value: number): number[] => [...u32(value >>> 0), ...u32(Math.floor(value / 2 ** 32))];
const text = (value: string): number[] => [...new TextEncoder().encode(value), 0];

/** Abbreviation `code`: tag, whether it has children, and pairs of attribute and form. */
const abbreviation = (code: number, tag: number, children: boolean, ...pairs: number[]): number[] => [
  ...uleb(code), ...uleb(tag), children ? 1 : 0, ...pairs.flatMap(uleb), 0, 0,
];
/** A DWARF 5 unit of these entries. Its header has 12 bytes. */
const unit = (...entries: number[]): number[] => [...u32(entries.length + 8), 5, 0, 1, 8, ...u32(0), ...entries];
const debug = (sections: Record<string, number[] | Uint8Array>): DebugInfo =>
  new DebugInfo({ get: (name) => Uint8Array.from(sections[name] ?? []), addressOf: () => undefined });

/** Entry 1: the unit, with low and high pc 0x1000 to 0x2000 and a line program at 0. */
const ROOT = abbreviation(1, TAG.compile_unit, true, AT.low_pc, FORM.addr, AT.high_pc, FORM.data4, AT.stmt_list, FORM.data4);
const root = [1, ...u64(0x1000), ...u32(0x1000), ...u32(0)];

test("the good case: a unit with a function", () => {
  const info = debug({
    ".debug_abbrev": [...ROOT, ...abbreviation(2, TAG.subprogram, false, AT.name, FORM.string, AT.low_pc, FORM.addr, AT.high_pc, FORM.data4), 0],
    ".debug_info": unit(...root, 2, ...text("f"), ...u64(0x1100), ...u32(0x20), 0),
  });
  expect(info.framesAt(0x1110n)).toEqual([{ function: "f", inlined: false }]);
  expect(info.framesAt(0x1120n)).toEqual([]);
});

test("attributes without bytes, times entries without end, cost too much", () => {
  const attributes = Array.from({ length: 20_000 }, () => [AT.external, FORM.flag_present]).flat();
  const info = debug({
    ".debug_abbrev": [...ROOT, ...abbreviation(2, TAG.variable, false, ...attributes), 0],
    ".debug_info": unit(...root, ...new Array<number>(20_000).fill(2), 0),
  });
  expect(() => info.functionAt(0x1100n)).not.toThrow();
  info.info.work.refill();
  expect(() => [...info.info.units[0]!.childrenOf(info.info.units[0]!.root)]).toThrow("round and round");
});

test("a sibling that points to itself, or back, is not followed", () => {
  const abbreviations = [...ROOT, ...abbreviation(2, TAG.lexical_block, true, AT.sibling, FORM.ref4), 0];
  for (const sibling of [0, 12, 33, 34]) {
    const info = debug({ ".debug_abbrev": abbreviations, ".debug_info": unit(...root, 2, ...u32(sibling), 0, 2, ...u32(sibling), 0, 0) });
    const first = info.info.units[0]!;
    expect([...first.childrenOf(first.root)]).toHaveLength(2);
  }
});

test("entries inside entries, without end, are refused", () => {
  const info = debug({ ".debug_abbrev": [...ROOT, ...abbreviation(2, TAG.lexical_block, true), 0], ".debug_info": unit(...root, ...new Array<number>(5000).fill(2)) });
  const first = info.info.units[0]!;
  expect(() => [...first.childrenOf(first.root)]).toThrow("too deep");
});

test("an origin that leads round is an error; a type that does has no end, and no size", () => {
  const info = debug({
    ".debug_abbrev": [
      ...ROOT, ...abbreviation(2, TAG.subprogram, false, AT.abstract_origin, FORM.ref4, AT.low_pc, FORM.addr, AT.high_pc, FORM.data4),
      ...abbreviation(3, TAG.typedef, false, AT.name, FORM.string, AT.type, FORM.ref4), 0,
    ],
    ".debug_info": unit(...root, 2, ...u32(12 + 17), ...u64(0x1100), ...u32(0x20), 3, ...text("t"), ...u32(12 + 17 + 17), 0),
  });
  const die = info.info.dieAt(12 + 17);
  expect(() => die.name).toThrow("its origin leads round");
  expect(info.functionAt(0x1110n)).toBeUndefined();
  expect(() => info.type("t")!.size).toThrow("the type t stands for itself");
});

test("references out of the section, into a header, or to the end of a list", () => {
  const abbreviations = [...ROOT, ...abbreviation(2, TAG.variable, false, AT.type, FORM.ref_addr), 0];
  for (const to of [0, 5, 0x7fffffff, 12 + 17 + 5]) {
    const info = debug({ ".debug_abbrev": abbreviations, ".debug_info": unit(...root, 2, ...u32(to), 0) });
    expect(() => info.types.typeOf(info.info.dieAt(12 + 17)), to.toString()).toThrow(SymbolsError);
  }
});

/** A version 5 line table: folders and files as given, then a program. */
function lines(tables: number[], program: number[]): number[] {
  const head = [1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, ...tables];
  const body = [5, 0, 8, 0, ...u32(head.length), ...head, ...program];
  return [...u32(body.length), ...body];
}

test("2^40 files of no bytes each; a program of rows without end", () => {
  const many = [...uleb(1), ...uleb(1), ...uleb(FORM.string), ...uleb(1), ...text("."), 0, ...uleb(2 ** 40)];
  const section = { ".debug_abbrev": [...ROOT, 0], ".debug_info": unit(...root, 0) };
  expect(debug({ ...section, ".debug_line": lines(many, []) }).lineAt(0x1100n)).toBeUndefined();
  const one = [1, 1, FORM.string, 1, ...text("."), 2, 1, FORM.string, 2, FORM.udata, 1, ...text("x.c"), 0];
  const start = [0, 9, 2, ...u64(0x1000)];
  const good = debug({ ...section, ".debug_line": lines(one, [...start, 4, 0, 3, 6, 1, 2, ...uleb(0x100), 0, 1, 1]) });
  expect([good.lineAt(0x1010n), good.lineAt(0x1100n)]).toEqual([{ file: "x.c", line: 7, column: 0, statement: false }, undefined]);
  const rows = new Array<number>(3_000_000).fill(1);
  const endless = debug({ ...section, ".debug_line": lines(one, [...start, ...rows]) });
  expect(endless.lineAt(0x1010n)).toBeUndefined();
});

test("call frame instructions: states remembered without end, none to restore, an unknown one", () => {
  const cie = [...u32(0xffffffff), 4, 0, 8, 0, ...uleb(1), 0x78, 1, CFA.def_cfa, 2, 0];
  const frames = (...program: number[]): number[] => [
    ...u32(cie.length), ...cie, ...u32(20 + program.length), ...u32(0), ...u64(0x1000), ...u64(0x100), ...program,
  ];
  const rules = (...program: number[]): unknown => debug({ ".debug_frame": frames(...program) }).frames[0]!.rulesAt(0x1010n);
  expect(rules(CFA.def_cfa_offset, 16, CFA.offset | 1, 1, CFA.advance_loc | 0x20, CFA.def_cfa_offset, 32)).toMatchObject({
    cfa: { register: 2, offset: 16n }, registers: new Map([[1, { kind: "at", offset: -8n }]]), returnRegister: 1,
  });
  expect(() => rules(...new Array<number>(100).fill(CFA.remember_state))).toThrow("remembered without end");
  expect(() => rules(CFA.restore_state)).toThrow("no state was remembered");
  expect(() => rules(0x3f, 0)).toThrow("0x3f that is not known");
  expect(() => rules(CFA.def_cfa_expression, 1, OP.lit0, CFA.def_cfa_offset, 8)).toThrow("an expression an offset");
});
