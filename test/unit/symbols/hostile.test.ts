// Damaged and malicious files: opening them is refused in one line or works, questions about them are answered or not,
// and all of it ends.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ElfError } from "../../../emulator/boot/elf-file.ts";
import { SymbolsError } from "../../../emulator/monitor/symbols/errors.ts";
import { Symbols } from "../../../emulator/monitor/symbols/symbols.ts";
import type { Type } from "../../../emulator/monitor/symbols/type.ts";
import { Random } from "../../support/random.ts";
import { BUILDS, compile } from "./fixture.ts";

const KERNEL = fileURLToPath(new URL("../../../guest-kernel/prebuilt/kernel.elf", import.meta.url));

/** What `ask` gives, or undefined for an error of the two kinds that are allowed, which is one line. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof ElfError) && !(error instanceof SymbolsError)) throw error;
    expect(error.message).toMatch(/^[^\n]{5,300}$/);
    return undefined;
  }
}

const zeros = (_address: bigint, length: number): Uint8Array => new Uint8Array(length);

/** Everything that can be asked; only a value's or a type's own parts may throw. Returns how many answers there were. */
function askAll(bytes: Uint8Array, random: Random): number {
  const symbols = attempt(() => Symbols.fromElf(bytes, { name: "hostile" }));
  if (symbols === undefined) return 0;
  let answers = 0;
  const names = [...symbols.symbols()];
  for (let i = 0; i < 6; i++) {
    const at = (names.length === 0 ? 0x80000000n : names[random.below(names.length)]!.address) + BigInt(random.below(64));
    const frame = { pc: at, x: Array.from({ length: 32 }, (_, n) => BigInt(n) << 12n), exact: random.below(2) === 1 };
    answers += symbols.framesAt(at).length + (symbols.lineAt(at) === undefined ? 0 : 1);
    symbols.functionAt(at);
    symbols.symbolAt(at);
    symbols.unwind(frame, zeros);
    symbols.frameAddress(frame, zeros);
    for (const { value } of symbols.variablesAt(frame, zeros)) if (value !== undefined && value.type.isNumber) attempt(() => value.big());
  }
  symbols.addressesOfLine("main.c", 28);
  for (const name of symbols.typeNames().slice(0, 40)) attempt(() => lookInto(symbols.type(name), 3));
  for (const { name } of names.slice(0, 40)) attempt(() => symbols.value(name, zeros)?.members());
  return answers;
}

function lookInto(type: Type | undefined, depth: number): void {
  if (type === undefined || depth === 0) return;
  expect(type.text.length).toBeLessThan(10_000);
  expect(type.size).toBeGreaterThanOrEqual(0);
  for (const field of type.fields.slice(0, 50)) attempt(() => lookInto(field.type, depth - 1));
  attempt(() => lookInto(type.target, depth - 1));
}

describe.skipIf(BUILDS.length === 0)("a small program, damaged (skipped: no RISC-V compiler)", () => {
  const interesting = BUILDS.filter(({ name }) => ["gcc DWARF 5", "gcc DWARF 4", "gcc DWARF 5, compressed", "gcc DWARF 5, .eh_frame", "clang DWARF 5"].includes(name));

  test.each(interesting)("$name: cut off, and with bytes changed", (build) => {
    const { bytes, done } = compile(build);
    done();
    const random = new Random(7);
    expect(askAll(bytes, random)).toBeGreaterThan(0);
    for (let length = 0; length < bytes.length; length += 1 + random.below(400)) askAll(bytes.subarray(0, length), random);
    let answers = 0;
    for (let round = 0; round < 400; round++) {
      const damaged = bytes.slice();
      // Behind the program's own bytes lies the debug information; the tables of ELF itself come last.
      for (let i = 1 + random.below(12); i > 0; i--) damaged[0x1000 + random.below(bytes.length - 0x1000)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
      answers += askAll(damaged, random);
    }
    expect(answers).toBeGreaterThan(200);
  });
});

describe("the kernel, damaged", () => {
  const bytes = new Uint8Array(readFileSync(KERNEL));

  test("a debug section that is overwritten wholly leaves the names", () => {
    for (const fill of [0, 1, 0x55, 0x80, 0xff]) {
      const damaged = bytes.slice();
      const whole = Symbols.fromElf(bytes, { name: "kernel" });
      for (const name of [".debug_info", ".debug_abbrev", ".debug_line", ".debug_frame", ".debug_loclists", ".debug_rnglists", ".debug_str"]) {
        const section = whole.section(name);
        damaged.fill(fill, section.byteOffset - bytes.byteOffset, section.byteOffset - bytes.byteOffset + section.length);
      }
      const symbols = Symbols.fromElf(damaged, { name: "kernel" });
      const at = symbols.addressOf("usertrap")! + 8n;
      expect(symbols.framesAt(at)).toMatchObject([{ function: "usertrap" }]);
      expect(symbols.type("struct proc")).toBeUndefined();
      // Without call frame information the instructions themselves still tell the caller.
      const x = Array.from({ length: 32 }, (_, n) => (n === 1 ? whole.addressOf("main")! : n === 2 ? 0x8000_1000n : 0n));
      expect(symbols.unwind({ pc: symbols.addressOf("vm_fault")!, x, exact: true }, zeros)).toMatchObject({ pc: whole.addressOf("main"), exact: false });
    }
  });

  test("bytes changed at random", () => {
    const random = new Random(11);
    let answers = 0;
    for (let round = 0; round < 25; round++) {
      const damaged = bytes.slice();
      for (let i = 0; i < 200; i++) damaged[0x31000 + random.below(bytes.length - 0x31000 - 0x8000)] = random.below(256);
      answers += askAll(damaged, random);
    }
    expect(answers).toBeGreaterThan(25);
  });
});
