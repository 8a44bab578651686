// Which programs a process has: a name is believed only when memory agrees.

import { expect, test } from "vitest";
import { USER } from "../../../emulator/mmu/walk.ts";
import type { ProcessMemory } from "../../../emulator/monitor/symbols/modules.ts";
import { ProgramFiles } from "../../../emulator/monitor/symbols/program-files.ts";
import { SymbolSpace } from "../../../emulator/monitor/symbols/space.ts";
import { Symbols } from "../../../emulator/monitor/symbols/symbols.ts";
import { userPrograms } from "../../../scripts/guest-files.ts";

const programs = userPrograms();
const files = new ProgramFiles(programs.map(({ name, bytes }) => ({ name, elf: () => bytes })));
const bytesOf = (name: string): Uint8Array => programs.find((p) => p.name === name)!.bytes;
const cat = Symbols.fromElf(bytesOf("cat"), { name: "cat" });
const libc = Symbols.fromElf(bytesOf("lib/libc.so"), { name: "lib/libc.so" });
const LIBC = 0x3000000000n;

/** A process called `name` whose memory holds what `at` says for each byte. */
const process = (name: string, at: (address: bigint, length: number) => Uint8Array | undefined, starts: bigint[] = []): ProcessMemory => ({ name, read: at, starts: () => starts });

function spaceOf(memory: () => ProcessMemory | undefined, moment: () => number = () => 0): SymbolSpace {
  return new SymbolSpace({ files, process: (pid) => (pid === 7 ? memory() : undefined), moment });
}

const nothing = (): undefined => undefined;

test("a program whose code is in memory, and its names", () => {
  const space = spaceOf(() => process("cat", (a, n) => cat.image(a, n)));
  const main = cat.addressOf("main")!;
  expect(space.at(USER, 7, main)?.symbolAt(main)).toMatchObject({ name: "main", offset: 0n });
  expect(space.addressOf("main", 7)).toBe(main);
  expect([space.at(USER, 8, main), space.at(USER, undefined, main), space.at(USER, 7, 0x5000000000n)]).toEqual([undefined, undefined, undefined]);
});

test("another program of the same name is not taken for ours; one that is not in memory yet is, until that shows", () => {
  const main = cat.addressOf("main")!;
  const other = (a: bigint, n: number): Uint8Array | undefined => cat.image(a, n)?.map((byte) => byte ^ 0x55);
  expect(spaceOf(() => process("cat", other)).at(USER, 7, main)).toBeUndefined();
  let [moment, read]: [number, ProcessMemory["read"]] = [0, nothing];
  const space = spaceOf(() => process("cat", read), () => moment);
  expect(space.at(USER, 7, main)?.name).toBe("cat");
  [moment, read] = [1, other];
  expect(space.at(USER, 7, main)).toBeUndefined();
});

test("a shared library is known by its headers, wherever it lies", () => {
  const image = (a: bigint, n: number): Uint8Array | undefined => (a === LIBC ? bytesOf("lib/libc.so").subarray(0, n) : libc.image(a - LIBC, n));
  const space = spaceOf(() => process("unknown", image, [0x10000n, LIBC]));
  const printf = libc.addressOf("printf")! + LIBC;
  expect(space.at(USER, 7, printf + 2n)?.symbolAt(printf + 2n)).toMatchObject({ name: "printf", offset: 2n });
  expect(space.modules(7).map(({ name, bias }) => [name, bias])).toEqual([["lib/libc.so", LIBC]]);
});

test("an exec is noticed by the name, a new library by an address that nobody knows", () => {
  let [name, moment, starts]: [string, number, bigint[]] = ["cat", 0, []];
  const sh = Symbols.fromElf(bytesOf("sh"), { name: "sh" });
  const read = (a: bigint, n: number): Uint8Array | undefined => (a >= LIBC ? (a === LIBC ? bytesOf("lib/libc.so").subarray(0, n) : libc.image(a - LIBC, n)) : (name === "cat" ? cat : sh).image(a, n));
  const space = spaceOf(() => process(name, read, starts), () => moment);
  const of = (address: bigint): string | undefined => space.at(USER, 7, address)?.name;
  expect(of(cat.addressOf("main")!)).toBe("cat");
  [name, moment] = ["sh", 1];
  expect(of(sh.addressOf("main")!)).toBe("sh");
  const printf = libc.addressOf("printf")! + LIBC;
  expect(of(printf)).toBeUndefined();
  [starts, moment] = [[LIBC], 2];
  expect(of(printf)).toBe("lib/libc.so");
});

test("symbols added by hand come first", () => {
  const space = spaceOf(() => process("nobody", nothing));
  space.add(cat.at(0x100000n), 7);
  expect(space.at(USER, 7, cat.addressOf("main")! + 0x100000n)?.name).toBe("cat");
  expect(space.at(USER, 7, cat.addressOf("main")!)).toBeUndefined();
});

test("a file that is no ELF file is passed over", () => {
  const broken = new ProgramFiles([{ name: "cat", elf: () => new TextEncoder().encode("#!/bin/sh\n") }]);
  const space = new SymbolSpace({ files: broken, process: () => process("cat", nothing, [0n, 4096n]) });
  expect(space.at(USER, 1, 0x10000n)).toBeUndefined();
});
