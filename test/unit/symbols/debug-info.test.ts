// Debug information against other readers of it: a small program compiled in every way, and the kernel itself.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Symbols } from "../../../emulator/monitor/symbols/symbols.ts";
import { Value } from "../../../emulator/monitor/symbols/value.ts";
import { installed, output } from "../../support/tools.ts";
import { BUILDS, compile } from "./fixture.ts";
import { codeAddresses, framesText, gdbLayouts, llvmFrames, ownLayout, sameFrames } from "./oracles.ts";

const KERNEL = fileURLToPath(new URL("../../../guest-kernel/prebuilt/kernel.elf", import.meta.url));
const kernelBytes = new Uint8Array(readFileSync(KERNEL));
const kernel = Symbols.fromElf(kernelBytes, { name: "kernel" });

describe.skipIf(BUILDS.length === 0)("a small program (skipped: no RISC-V compiler)", () => {
  test.each(BUILDS)("$name", (build) => {
    const { path, bytes, done } = compile(build);
    try {
      const symbols = Symbols.fromElf(bytes, { name: "program" });
      expect(symbols.hasDebug).toBe(true);
      checkTypes(symbols);
      checkValues(symbols);
      checkCode(symbols);
      if (installed("llvm-symbolizer") && !/64-bit/.test(build.name)) checkFrames(symbols, path);
      if (installed("gdb-multiarch")) checkLayouts(symbols, path, ["struct all", "union either"]);
    } finally {
      done();
    }
  });
});

function checkTypes(symbols: Symbols): void {
  const all = symbols.type("struct all")!;
  expect(all.fields.map(({ type, name }) => type.declare(name).replace(/\b(long|short) int\b/, "$1"))).toEqual([
    "char letter", "signed char small", "short half", "int count", "long wide", "_Bool yes",
    "unsigned int low", "int middle", "unsigned int high", "enum colour paint", "enum balance money", "union either one",
    "struct {…}", "struct node *list", "struct opaque *secret", "int grid[2][3]", "const char *name", "volatile word *place",
    "int (*call)()", "void *any", "struct node nodes[2]", "char tail[]",
  ]);
  expect(all.field("real")).toMatchObject({ offset: all.field("inner")!.offset + 4 });
  expect(all.field("grid")!.type).toMatchObject({ count: 2, size: 24 });
  expect(all.field("nothing")).toBeUndefined();
  expect(all.field("list")!.type.target.field("value")!.type.bare.text).toMatch(/^(long unsigned int|unsigned long)$/);
  // Declared here, defined in the other file; and one name for two structures.
  expect(all.field("secret")!.type.target.fields.map((f) => f.name)).toEqual(["revealed"]);
  if (symbols.type("struct node", "other.c") !== undefined) { // type units belong to no file
    expect(symbols.type("struct node", "other.c")!.fields.map((f) => f.name)).toEqual(["different"]);
    expect(symbols.type("struct node", "main.c")!.size).toBe(16);
  }
  expect(symbols.type("struct all *")).toMatchObject({ kind: "pointer", size: 8 });
  expect(symbols.type("enum colour")!.values).toEqual([{ name: "RED", value: 1n }, { name: "GREEN", value: 2n }, { name: "BLUE", value: 7n }]);
  expect(symbols.type("struct nothing")).toBeUndefined();
}

/** Memory is what the file has: initialised variables can be read. */
function checkValues(symbols: Symbols): void {
  const read = (address: bigint, length: number): Uint8Array | undefined => symbols.image(address, length);
  const all = symbols.value("everything", read)!;
  const number = (name: string): bigint => all.field(name).big();
  expect([number("letter"), number("small"), number("count"), number("low"), number("middle"), number("high")]).toEqual([120n, -2n, 42n, 5n, -9n, 0x2abcden]);
  expect([all.field("paint").enumerator(), all.field("money").enumerator(), number("money")]).toEqual(["BLUE", "DEBT", -3n]);
  const head = symbols.value("head", read)!;
  expect(head.field("value").number()).toBe(77);
  expect(head.field("next").field("next").deref().address).toBe(symbols.variable("chain")!.address);
  expect(() => all.field("list").deref()).toThrow("a null pointer (struct");
  expect(() => all.field("grid").at(2)).toThrow("has no element 2");
  expect(all.field("grid").at(1).at(2).address).toBe(all.address! + 64n + 20n);
}

function checkCode(symbols: Symbols): void {
  const start = symbols.addressOf("sum")!;
  expect(symbols.functionAt(start)).toMatchObject({ name: "sum", start, file: "main.c", line: 24 });
  expect(symbols.symbolAt(start + 4n)).toMatchObject({ name: "sum", offset: 4n, kind: "function" });
  const calls = codeAddresses(symbols).map((a) => symbols.framesAt(a));
  expect(calls.some((c) => c.map((f) => f.function).join() === "twice,four_times,sum" && c[0]!.line === 22 && c[1]!.line === 23 && c[2]!.line === 28)).toBe(true);
  const places = symbols.addressesOfLine("main.c", 33);
  expect(places.map((a) => [symbols.functionAt(a)?.name, symbols.lineAt(a)?.line, symbols.lineAt(a)?.statement])).toEqual([["outer", 33, true]]);
  expect(symbols.lineAt(places[0]! + 1n)).toMatchObject({ line: 33, statement: false });
  expect(symbols.addressesOfLine("nothing.c", 33)).toEqual([]);
  // The same file elsewhere.
  const moved = symbols.at(0x1000n);
  expect(moved.lineAt(start + 0x1000n)).toEqual(symbols.lineAt(start));
  expect([moved.addressOf("sum"), moved.variable("head")!.address]).toEqual([start + 0x1000n, symbols.variable("head")!.address + 0x1000n]);
}

function checkFrames(symbols: Symbols, path: string): void {
  const addresses = codeAddresses(symbols);
  const theirs = llvmFrames(path, addresses);
  const differ = addresses.filter((a) => !sameFrames(framesText(symbols, a), theirs.get(a)!));
  expect(differ.map((a) => `${a.toString(16)}: ${framesText(symbols, a)} | ${theirs.get(a)!}`)).toEqual([]);
}

function checkLayouts(symbols: Symbols, path: string, names: readonly string[]): void {
  for (const [name, theirs] of gdbLayouts(path, names)) expect({ name, ...ownLayout(symbols, name) }).toEqual({ name, ...theirs });
}

describe.skipIf(!installed("llvm-symbolizer"))("the kernel and llvm-symbolizer (skipped: not installed)", () => {
  test("the calls, lines and columns at every instruction", () => {
    const addresses = codeAddresses(kernel);
    expect(addresses.length).toBeGreaterThan(50_000);
    const differ: string[] = [];
    for (let i = 0; i < addresses.length; i += 2000) {
      for (const [a, theirs] of llvmFrames(KERNEL, addresses.slice(i, i + 2000))) {
        const ours = framesText(kernel, a);
        if (!sameFrames(ours, theirs)) differ.push(`${a.toString(16)}: ${ours} | ${theirs}`);
      }
    }
    expect(differ).toEqual([]);
  });
});

test.skipIf(!installed("gdb-multiarch"))("the kernel's structures as gdb has them (skipped: no gdb-multiarch)", () => {
  const names = kernel.typeNames().filter((name) => /^(struct|union) /.test(name));
  const layouts = gdbLayouts(KERNEL, names);
  expect(layouts.size).toBeGreaterThan(60);
  // One name for different structures in different files: gdb takes any of them.
  const unique = names.filter((name) => new Set(kernelFiles.map((file) => kernel.type(name, file)?.size).filter((size) => size !== undefined)).size === 1);
  checkLayouts(kernel, KERNEL, unique);
  expect(unique.length).toBeGreaterThan(names.length - 6);
});
const kernelFiles = [...new Set(codeAddresses(kernel).filter((_, i) => i % 50 === 0).map((a) => kernel.lineAt(a)?.file ?? ""))];

test.skipIf(!installed("riscv64-unknown-elf-nm"))("the kernel's symbols as nm has them (skipped: no binutils)", () => {
  const lines = output("riscv64-unknown-elf-nm", ["--defined-only", KERNEL]).trim().split("\n").map((line) => line.split(" "));
  const functions = lines.filter(([, type]) => type === "T");
  expect(functions.length).toBeGreaterThan(200);
  for (const [address, , name] of functions) expect(kernel.addressOf(name!), name).toBe(BigInt(`0x${address!}`));
});

test("assembly has lines and names, too; a place between functions has neither", () => {
  const swtch = kernel.addressOf("swtch")!;
  expect(kernel.framesAt(swtch + 2n)).toMatchObject([{ function: "swtch", inlined: false, file: "guest-kernel/proc/swtch.S" }]);
  expect(kernel.symbolAt(0x1000n)).toBeUndefined();
  expect(kernel.framesAt(0x1000n)).toEqual([]);
  expect(kernel.lineAt(kernel.addressOf("proc")!)).toBeUndefined();
  expect(kernel.symbolAt(kernel.addressOf("proc")! + 5n)).toMatchObject({ name: "proc", offset: 5n, kind: "object" });
  // A linker script's mark at the same place does not hide the name that people use.
  expect(kernel.symbolAt(kernel.addressOf("uservec")!)!.name).toBe("uservec");
});

test("a static variable is found by its file", () => {
  const pages = kernel.variable("proc")!;
  expect(pages.type.text).toMatch(/^struct proc\[\d+\]$/);
  const zeros = Value.at(pages.type, pages.address, (_, length) => new Uint8Array(length));
  expect(zeros.at(3).field("state").enumerator()).toBe("UNUSED");
  expect(zeros.at(3).address).toBe(pages.address + 3n * BigInt(kernel.type("struct proc")!.size));
});
