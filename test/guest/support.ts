// Booting the real kernel in tests: here headless, and on QEMU where it is installed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { Machine, MemoryBlock, type BlockBackend, type MachineOptions, type Stop } from "../../emulator/index.ts";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";

export const KERNEL = new URL("../../guest-kernel/prebuilt/kernel.elf", import.meta.url).pathname;
const kernel = new Uint8Array(readFileSync(KERNEL));

/** The default disk's contents, `size` bytes large, the last `swap` of them for paging. */
export const diskImage = (size = 32 * 2 ** 20, swap = 0): Uint8Array => buildImage(defaultFiles(), { size, swap });
/** One with room for the tests' files, and for what a small memory cannot hold. */
export const pagingImage = (): Uint8Array => diskImage(96 * 2 ** 20, 48 * 2 ** 20);

/** A machine with our kernel, not yet run. */
export async function machine(options: Omit<MachineOptions, "disks"> & { disk?: BlockBackend } = {}): Promise<Machine> {
  const { disk = new MemoryBlock(diskImage()), ...others } = options;
  return await Machine.create({ kernel, disks: [disk], ...others });
}

/** Boot with run="command" and let it end; the stop and everything printed. */
export async function runCommand(command: string, options: Parameters<typeof machine>[0] = {}, maxSteps = 4e9): Promise<{ stop: Stop; text: string; machine: Machine }> {
  const m = await machine({ ...options, append: `run="${command}"` });
  const stop = m.runToEnd({ maxSteps });
  return { stop, text: m.console.text, machine: m };
}

/** Lines of a suite's output that tell of something wrong. */
export const failures = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.startsWith("not ok") || line.includes("panic"));

/** Runs vmtests, the quick ones, and expects no failed test and exit status 0. */
export async function vmtestsPass(harts: number, megabytes: number): Promise<void> {
  const { stop, text } = await runCommand("vmtests -q", { harts, memory: megabytes * 2 ** 20, disk: new MemoryBlock(pagingImage()) }, 60e9);
  expect(failures(text), text.slice(-3000)).toEqual([]);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
}

/** Boot to the shell's prompt. Throws what was printed instead when there is none. */
export async function atPrompt(options: Parameters<typeof machine>[0] = {}): Promise<Machine> {
  const m = await machine(options);
  if (!m.runUntil("\n$ ")) throw new Error(`no prompt; the console shows:\n${m.console.text.slice(-2000)}`);
  return m;
}

/** Type a line at the shell and return what it prints before the next prompt. */
export function shell(m: Machine, line: string, maxSteps = 2e9): string {
  m.type(`${line}\n`);
  const from = m.console.text.length;
  if (!m.runUntil("\n$ ", { maxSteps })) throw new Error(`no prompt after \`${line}\`:\n${m.console.text.slice(from)}`);
  return m.console.text.slice(from).replace(/\r/g, "").replace(/\$ $/, "");
}

const QEMU = "qemu-system-riscv64";
/** Is QEMU installed? Tests that need it are skipped otherwise. */
export const haveQemu = spawnSync(QEMU, ["--version"]).status === 0;

/** QEMU's processor without floating point. */
export const NO_FP = "rv64,f=false,d=false";

/** The same kernel and disk on QEMU: exit status and everything printed. `append`: more boot arguments; `cpu`: QEMU's name for one. */
export function runOnQemu(command: string, options: { harts?: number; memory?: number; image?: Uint8Array; append?: string; cpu?: string } = {}): { status: number | null; text: string } {
  const { harts = 1, memory = 128, image = diskImage(), append = "", cpu = "rv64" } = options;
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-qemu-"));
  try {
    const disk = join(folder, "disk.img");
    writeFileSync(disk, image);
    const done = spawnSync(QEMU, [
      "-machine", "virt", "-cpu", cpu, "-bios", "none", "-kernel", KERNEL, "-m", `${memory}M`, "-smp", String(harts), "-nographic",
      "-global", "virtio-mmio.force-legacy=false", "-drive", `file=${disk},if=none,format=raw,id=x0`,
      "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0", "-append", `${append} run="${command}"`.trim(),
    ], { stdio: ["ignore", "pipe", "pipe"], timeout: 280_000, killSignal: "SIGKILL", maxBuffer: 2 ** 26 });
    return { status: done.status, text: done.stdout.toString("latin1") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
