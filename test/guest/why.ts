// Explanations of faults, for tests: machines with a history and a monitor, small programs for our kernel, golden files.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { programs } from "../../emulator/cli/debugging.ts";
import { History } from "../../emulator/history/history.ts";
import { Machine, MemoryBlock, type MachineOptions } from "../../emulator/index.ts";
import { Monitor } from "../../emulator/monitor/monitor.ts";
import { ProgramFiles } from "../../emulator/monitor/symbols/program-files.ts";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";
import { Asm } from "../support/asm.ts";
import { KERNEL } from "./support.ts";

/** What the tests look at in the data of `why`. */
export interface WhyData {
  readonly title: string;
  readonly reason: string | null;
  readonly rule: string;
  readonly va: string;
  readonly pc: string | null;
  readonly pid: number | null;
  readonly moment: number;
  readonly outcome: { readonly kind: string; readonly signal?: string; readonly grown: number; readonly cost: number | null } | null;
  readonly writers: readonly { readonly by: string; readonly pc: string; readonly function: string; readonly purpose: string; readonly pid: number; readonly cleared: boolean }[] | null;
  readonly likely: readonly string[];
}

const kernelFile = new Uint8Array(readFileSync(KERNEL));
let kernelSymbols: Symbols | undefined;

/** A machine with a history and a monitor that knows everything. `kernel`: another one than ours. */
export async function explained(options: Omit<MachineOptions, "kernel" | "disks"> & { disk?: Uint8Array } = {}, kernel?: Uint8Array): Promise<Monitor> {
  const { disk, ...others } = options;
  const machine = await Machine.create({ memory: 32 * 2 ** 20, ...others, kernel: kernel ?? kernelFile, disks: [new MemoryBlock(disk ?? diskWith([]))] });
  const history = new History(machine);
  kernelSymbols ??= Symbols.fromElf(kernelFile, { name: "kernel" });
  const symbols = kernel === undefined ? kernelSymbols : Symbols.fromElf(kernel, { name: "kernel" });
  const m = new Monitor(machine, { timeline: history, door: history, kernel: symbols, files: new ProgramFiles(programs()) });
  m.explainer.most = Infinity;
  return m;
}

/** A machine without a kernel that runs an image, with a history, to its end. */
export async function bare(image: Uint8Array, options: Partial<MachineOptions> = {}): Promise<Monitor> {
  const machine = await Machine.create({ memory: 2 ** 21, ...options, kernel: image });
  const history = new History(machine);
  const m = new Monitor(machine, { timeline: history, door: history });
  for (let i = 0; i < 100; i++) if (history.run(10_000).reason === "poweroff") return m;
  throw new Error("the program did not end");
}

/** The default disk with more files. */
export const diskWith = (files: { path: string; bytes: Uint8Array }[], swap = 0): Uint8Array => buildImage([...defaultFiles(), ...files], { size: 64 * 2 ** 20, swap });

/** Where programs of `userProgram` have their code and their data. */
export const CODE = 0x10000;
export const USER_DATA = 0x20000;

/** System calls (guest-kernel/include/abi/syscall.h). */
export const SYS = { exit: 2, fork: 1, wait: 3, pipe: 4, close: 21, sbrk: 12, sleep: 13, open: 15, write: 16, mmap: 27, munmap: 28, mprotect: 29, madvise: 33, ftruncate: 36 } as const;

/** An assembler with system calls: a7 and ecall, arguments as numbers or registers that hold them already. */
export class UserAsm extends Asm {
  constructor() {
    super(CODE);
  }

  call(name: keyof typeof SYS, ...args: (number | bigint)[]): this {
    args.forEach((v, i) => this.li(`a${i}` as "a0", v));
    return this.li("a7", SYS[name]).op("ecall");
  }
}

/** A static program of one page of code and one of data, as an ELF file. */
export function userProgram(make: (a: UserAsm) => void): Uint8Array {
  const a = new UserAsm();
  make(a);
  const code = a.image();
  const file = new Uint8Array(0x3000);
  const v = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true); // ET_EXEC
  v.setUint16(18, 243, true); // EM_RISCV
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BigInt(CODE), true);
  v.setBigUint64(32, 64n, true); // e_phoff
  v.setUint16(52, 64, true);
  v.setUint16(54, 56, true);
  v.setUint16(56, 2, true);
  [[5, 0x1000, CODE, code.length], [6, 0x2000, USER_DATA, 0x1000]].forEach(([flags, offset, va, size], i) => {
    const at = 64 + 56 * i;
    v.setUint32(at, 1, true); // PT_LOAD
    v.setUint32(at + 4, flags!, true);
    [offset!, va!, va!, size!, size!, 0x1000].forEach((x, k) => v.setBigUint64(at + 8 + 8 * k, BigInt(x), true));
  });
  file.set(code, 0x1000);
  return file;
}

/** Run a command of the guest's shell to its next prompt; what the monitor told meanwhile. */
export async function shellLine(m: Monitor, line: string): Promise<string[]> {
  const before = m.told.length;
  await m.run(`type ${line}`);
  await prompt(m);
  return m.told.slice(before);
}

/** Run to the shell's prompt. Throws when it does not come. */
export async function prompt(m: Monitor): Promise<void> {
  const { ok, text } = await m.run('expect "\n$ "');
  if (!ok) throw new Error(`${text}\n${m.machine.console.text.slice(-2000)}`);
}

/** `why` with these words: text and data. Throws when it fails. */
export async function why(m: Monitor, words = ""): Promise<{ text: string; data: WhyData }> {
  const { ok, text, json } = await m.run(`why ${words}`);
  if (!ok) throw new Error(`why ${words}: ${text}`);
  return { text, data: json as unknown as WhyData };
}

/** Leave out what every build of the kernel moves: physical addresses, raw entries, times, counts, line numbers. */
export function steady(text: string): string {
  return text
    .replace(/t=\d[\d,]*\b/g, "t=…")
    .replace(/[\d,]+ instructions?\b/g, "… instructions")
    .replace(/(level \d \S+\s+)0x8\w+  0x\w+/g, "$1PTE")
    .replace(/\b0x[0-9a-f]+ (?=[V.][R.][W.][X.][U.][G.][A.][D.])/g, "")
    .replace(/0x0*8[0-9a-f]{7}\b|0x8[0-9a-f]{4}\b/g, "0x8…")
    .replace(/0x3ffc[0-9a-f]{6}\b/g, "0x3ffc…")
    .replace(/file of inode \d+/g, "file of inode N")
    .replace(/\bslot \d[\d,]*\b/g, "slot N")
    .replace(/\(ra=0x\w+/g, "(ra=…")
    .replace(/(\.[cS]):\d+/g, "$1:N")
    .replace(/(\w+\(\) \+)0x\w+/g, "$1…")
    .replace(/\b([a-z_]\w*\+)0x\w+/g, "$1…")
    .replace(/came [\d,]+ times/g, "came … times");
}

/** Compare with test/guest/golden/FOLDER/NAME.txt; UPDATE=1 in the environment writes it anew. */
export function golden(name: string, text: string, folder = "why"): void {
  const file = new URL(`golden/${folder}/${name}.txt`, import.meta.url).pathname;
  if (process.env["UPDATE"] === "1") writeFileSync(file, `${text}\n`);
  expect(existsSync(file), `${file} is missing: UPDATE=1 writes it`).toBe(true);
  expect(`${text}\n`).toBe(readFileSync(file, "utf8"));
}
